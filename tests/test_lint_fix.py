"""--fix: what the text becomes, against edits made by hand and against the same edits made on the YAML's values."""

from __future__ import annotations

import os
import random
import re
import shutil
import stat
import subprocess
from functools import lru_cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import msgspec
import pytest
import yaml
from command_line import application
from conftest import draws
from hypothesis import given
from typer.testing import CliRunner

from convcalc import Network
from convcalc.files import Unwritable
from convcalc.language import Source, loads
from convcalc.linting.fix import Fixed, fixed, write
from convcalc.linting.options import Options
from convcalc.linting.run import Linter
from convcalc.views import diff

ROOT = Path(__file__).parent.parent
ZOO = sorted((ROOT / "specs").rglob("*.yaml"))
FIXED = ("CC003", "CC301", "CC303")


class Result(msgspec.Struct):
    code: int
    out: str
    err: str


def lint(*arguments: str, given_: str | bytes = "") -> Result:
    result = CliRunner().invoke(application(), ["lint", *arguments], input=given_, env={"GITHUB_ACTIONS": None})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Result(result.exit_code, result.stdout, result.stderr)


@lru_cache(maxsize=8)
def fix(text: str) -> Fixed:
    linter = Linter(Options(select=FIXED))
    source = Source("net.yaml", text)
    result = fixed(linter.file("net.yaml", source), lambda other: linter.file("net.yaml", other))
    assert result is not None
    return result


def left(result: Fixed) -> list[str]:
    return [finding.code for finding in result.linted.findings]


# ---- by hand ------------------------------------------------------------------------------------------------------

HEAD = "input: [4, 8, 8]\nlayers:\n"
BY_HAND: dict[str, dict[str, str]] = yaml.safe_load((ROOT / "tests/data/lint_fixes.yaml").read_text("utf-8"))
LINE_ENDS = {
    "  - conv:\r\n      out_channels: 4\r\n      kernel_size: 1\r\n  - batch_norm\r\n  - relu": (
        "  - conv:\r\n      out_channels: 4\r\n      kernel_size: 1\r\n      bias: false\r\n  - batch_norm\r\n  - relu"
    ),
    "  - relu\r\n  - dropout: 0 # a\r\n  - tanh\r\n": "  - relu\r\n  # a\r\n  - tanh\r\n",
    "  - relu\n  - relu": "  - relu\n",
    "  - relu\n  - dropout: 0 # a": "  - relu\n  # a\n",
    "  - add: {branches: [[], [conv: {out_channels: 4, kernel_size: 1}, batch_norm]]}": (
        "  - add: {branches: [[], [conv: {out_channels: 4, kernel_size: 1, bias: false}, batch_norm]]}"
    ),
}
IN_BRACKETS = {
    "layers: [tanh, dropout: 0, relu]": "layers: [tanh, relu]",
    "layers: [dropout: 0, relu]": "layers: [relu]",
    "layers: [sigmoid, {dropout: 0}]": "layers: [sigmoid]",
    "layers: [sigmoid, dropout: 0, dropout: {p: 0}]": "layers: [sigmoid]",
    "layers: [\n  tanh,\n  dropout: 0,\n  relu,\n]": "layers: [\n  tanh,\n  relu,\n]",
    "layers: [\n  sigmoid,\n  dropout: 0,  # a\n  relu, # b\n]": "layers: [\n  sigmoid,\n  # a\n  relu, # b\n]",
    "layers: [add: {branches: [[dropout: 0], []]}]": "layers: [add: {branches: [[], []]}]",
    '{"a": 1}': '{"a": 1}',
}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name: str) -> None:
    before, after = BY_HAND[name]["before"], BY_HAND[name]["after"]
    result = fix(HEAD + before)
    assert result.after.text == HEAD + after
    assert left(result) == []
    assert fix(result.after.text).mended == ()


@pytest.mark.parametrize("before", LINE_ENDS)
def test_line_ends(before: str) -> None:
    assert fix(HEAD + before).after.text == HEAD + LINE_ENDS[before]


@pytest.mark.parametrize("before", IN_BRACKETS)
def test_in_brackets(before: str) -> None:
    assert fix(f"input: [4, 8, 8]\n{before}\n").after.text == f"input: [4, 8, 8]\n{IN_BRACKETS[before]}\n"


# ---- what stays ---------------------------------------------------------------------------------------------------

NOT_FIXED = {
    "a mistake elsewhere": "  - conv: {out_channels: 4, kernel_size: 1}\n  - batch_norm\n  - rleu\n",
    "it may be left out": (
        "  - conv: {out_channels: 4, kernel_size: 1}\n  - batch_norm: {when: norm}\nvariables: {norm: true}\n"
    ),
    "it follows from a variable": "  - dropout: rate\n  - relu\nvariables: {rate: 0}\n",
    "what enters may be left out": "  - sigmoid: {when: gate}\n  - relu\nvariables: {gate: true}\n",
    "a call without a norm": (
        "  - thing\n  - batch_norm\n  - thing\nblocks: {thing: {layers: [conv: {out_channels: 4, kernel_size: 1}]}}\n"
    ),
    "an alias without a norm": "  - conv: &c {out_channels: 4, kernel_size: 1}\n  - batch_norm\n  - conv: *c\n",
    "an expression": (
        "  - conv: {out_channels: 4, kernel_size: 1, bias: with_bias}\n  - batch_norm\nvariables: {with_bias: true}\n"
    ),
    "at this size alone": "  - upsample: {size: 8}\n  - relu\n",
    "what is expected": ("  - conv: {out_channels: 4, kernel_size: 1}\n  - batch_norm\nexpect: {params: 28}\n"),
    "a remark that would go astray": "  - dropout: 0  # convcalc: ignore[CC202]\n  - max_pool: 2\n",
    "suppressed": "  - dropout: 0  # convcalc: ignore[CC303] here for its name\n  - relu\n",
    "an anchor": "  - dropout: &p 0\n  - dropout: *p\n",
}


@pytest.mark.parametrize("name", NOT_FIXED)
def test_not_fixed(name: str) -> None:
    text = HEAD + NOT_FIXED[name]
    result = fix(text)
    assert result.after.text == text
    assert result.mended == ()
    assert all(finding.fix is None for finding in result.linted.findings)


def test_why_not() -> None:
    (refused,) = fix(HEAD + NOT_FIXED["what is expected"]).refused
    assert refused.reason == "the spec expects 28 params, and would have 24"
    (refused,) = fix(HEAD + NOT_FIXED["at this size alone"]).refused
    assert refused.reason == "upsample1 does something at 4x16x16"


def test_one_that_is_refused_keeps_no_other() -> None:
    text = HEAD + "  - upsample: {size: 8}\n  - relu\n  - relu\n"
    result = fix(text)
    assert result.after.text == text.replace("  - relu\n  - relu\n", "  - relu\n")
    assert len(result.refused) == 1


def test_until_nothing_is_left() -> None:
    """Each of these changes the number in one reference, and takes a round of its own."""
    text = HEAD + "  - dropout: 0\n" * 30 + "  - tanh\n  - dropout: 0.5\n  - add: {from: [tanh1, dropout31]}\n"
    result = fix(text)
    assert result.after.text == HEAD + "  - tanh\n  - dropout: 0.5\n  - add: {from: [tanh1, dropout1]}\n"
    assert len(result.mended) == 30


# ---- generated ----------------------------------------------------------------------------------------------------


class Drawn:
    """A spec drawn with its layout, and what its values are once it is fixed."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.comments: list[str] = []
        self.newline = draw.choice(["\n", "\n", "\r\n"])
        layers = self.sequence(2)
        self.after = {"input": [4, 8, 8], "layers": self.without(layers)}
        lines = ["input: [4, 8, 8]", *self.comment_line(""), "layers:", *self.lines(layers, "  ")]
        self.text = self.newline.join(lines) + draw.choice([self.newline, self.newline, ""])

    def comment(self) -> str:
        if self.draw.random() < 0.6:
            return ""
        self.comments.append(f"c{len(self.comments)}: [{{'\"#é-")
        return f"{self.draw.choice([' ', '   '])}# {self.comments[-1]}"

    def comment_line(self, indentation: str) -> list[str]:
        text = self.comment().lstrip()
        return [indentation + text] if text else []

    def sequence(self, depth: int) -> list[dict[str, Any]]:
        return [layer for _ in range(self.draw.randint(1, 4)) for layer in self.layers(depth)]

    def layers(self, depth: int) -> list[dict[str, Any]]:
        draw = self.draw
        choice = draw.randrange(6 if depth else 5)
        conv: dict[str, Any] = {"out_channels": 4, "kernel_size": draw.choice([1, [1, 1]])}
        if draw.random() < 0.3:
            conv["bias"] = True
        if choice == 0:
            return [{"conv": conv}, {"batch_norm": None}]
        if choice == 1:
            return [{"conv": conv}]
        if choice == 2:
            return [{"relu": None}] * draw.randint(1, 3)
        if choice == 3:
            return [{"dropout": draw.choice([0, {"p": 0}, {"p": 0, "repeat": 2}])}]
        if choice == 4:
            return [{"upsample": {"scale_factor": 1}}, {"tanh": None}]
        branches = [self.sequence(depth - 1) if draw.random() < 0.8 else [] for _ in range(draw.randint(2, 3))]
        return [{"add": {"branches": branches}}]

    def without(self, layers: list[dict[str, Any]], before: str = "") -> list[Any]:
        """The values with the biases before norms, and the layers that do nothing, gone; by what is written alone."""
        items: list[Any] = []
        kept = [layer for layer in layers if not {"dropout", "upsample"} & set(layer)]
        for place, layer in enumerate(kept):
            ((kind, body),) = layer.items()
            if kind == "relu" and before == "relu":
                continue
            if kind == "conv" and {"batch_norm": None} in kept[place + 1 : place + 2]:
                body = {**body, "bias": False}
            if kind == "add":
                body = {"branches": [self.without(branch, before) for branch in body["branches"]]}
            items.append(kind if body is None else {kind: body})
            before = kind
        return items

    def lines(self, layers: list[dict[str, Any]], indentation: str) -> list[str]:
        items = []
        for layer in layers:
            ((kind, body),) = layer.items()
            items += self.comment_line(indentation)
            if body is None:
                items.append(f"{indentation}- {kind}{self.comment()}")
            elif kind == "add":
                items += [f"{indentation}- add:{self.comment()}", f"{indentation}    branches:{self.comment()}"]
                items += self.branches(body["branches"], f"{indentation}      ")
            elif isinstance(body, dict) and self.draw.random() < 0.4:
                items.append(f"{indentation}- {kind}:{self.comment()}")
                for name, value in body.items():
                    items += [
                        *self.comment_line(f"{indentation}    "),
                        f"{indentation}    {name}: {flow(value)}{self.comment()}",
                    ]
            else:
                items.append(f"{indentation}- {kind}: {flow(body)}{self.comment()}")
        return items

    def branches(self, branches: list[list[dict[str, Any]]], indentation: str) -> list[str]:
        items = []
        for branch in branches:
            way = self.draw.randrange(3)
            if way == 0 or not branch:
                items.append(f"{indentation}- {flow(branch)}{self.comment()}")
            elif way == 1:
                items += [f"{indentation}-{self.comment()}", *self.lines(branch, f"{indentation}  ")]
            else:
                lines = self.lines(branch, f"{indentation}  ")
                while lines[0].lstrip().startswith("#"):
                    items.append(indentation + lines.pop(0).lstrip())
                items += [f"{indentation}- {lines[0].lstrip()}", *lines[1:]]
        return items


def flow(value: Any) -> str:
    if isinstance(value, dict):
        if list(value.values()) == [None]:
            return str(next(iter(value)))
        return "{" + ", ".join(f"{name}: {flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


@given(draws)
def test_generated_layouts(draw: random.Random) -> None:
    drawn = Drawn(draw)
    result = fix(drawn.text)
    assert result.refused == ()
    assert left(result) == [], result.after.text
    assert yaml.safe_load(result.after.text) == drawn.after, result.after.text
    assert fix(result.after.text).after.text == result.after.text
    for comment in drawn.comments:
        assert result.after.text.count(f"# {comment}") == 1
    assert ("\r\n" in drawn.text) == (drawn.newline == "\r\n")
    assert re.sub("\r\n", "", result.after.text).count("\r") == 0
    if drawn.newline == "\r\n":
        assert "\n" not in result.after.text.replace("\r\n", "")


# ---- the zoo ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def network(text: str) -> Network:
    """With the lines left out, which may move."""
    network = loads(Source("net.yaml", text))
    return msgspec.structs.replace(
        network, nodes=tuple(msgspec.structs.replace(node, line=0) for node in network.nodes), groups=()
    )


@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_biases_put_into_the_zoo_come_out_again(path: Path) -> None:
    text = path.read_text("utf-8")
    biased = re.sub(r", bias: false", "", text)
    result = fix(biased)
    item, other = network(text), network(result.after.text)
    entered = {index: {node.kind for node in item.nodes if index in node.inputs} for index in range(len(item.nodes))}
    for index, (node, now) in enumerate(zip(item.nodes, other.nodes, strict=True)):
        if node != now:  # a bias that was put there and stays
            assert entered[index] != {"batch_norm"}
            assert msgspec.structs.replace(now, config=msgspec.structs.replace(now.config, bias=False)) == node
    assert "CC301" not in left(result)


@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_layers_put_into_the_zoo_come_out_again(path: Path) -> None:
    text = fix(path.read_text("utf-8")).after.text
    more = re.sub(r"^( *- )((?:conv|relu|batch_norm)\b.*\n)(?= *- )", r"\1\2\1dropout: 0\n", text, flags=re.MULTILINE)
    result = fix(more)
    kinds = {node.kind for node in network(text).layers}
    if "dropout" not in kinds:  # whose numbers would be others
        assert result.after.text == text
    assert network(result.after.text) == network(text) or "dropout" in kinds
    assert left(result) == left(fix(text))


# ---- files --------------------------------------------------------------------------------------------------------

SPEC = HEAD + "  - conv: {out_channels: 4, kernel_size: 1}  # é\n  - batch_norm\n"
MENDED = SPEC.replace("kernel_size: 1}", "kernel_size: 1, bias: false}")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.yaml"
    path.write_text(SPEC, "utf-8", newline="")
    return path


def test_a_file_is_fixed_in_place(file: Path) -> None:
    os.chmod(file, 0o640)
    linted = lint("net.yaml", "--fix", "--select", "CC301")
    assert (linted.code, linted.out, linted.err) == (
        0,
        "no findings in 1 file\n",
        "convcalc: fixed 1 finding in 1 file\n",
    )
    assert file.read_text("utf-8") == MENDED
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(file.parent) == ["net.yaml"]
    before = file.stat()
    again = lint("net.yaml", "--fix", "--select", "CC301")
    assert (again.code, again.err) == (0, "")
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize(("mark", "newline"), [(b"\xef\xbb\xbf", "\n"), (b"", "\r\n"), (b"\xef\xbb\xbf", "\r\n")])
def test_marks_and_line_ends_stay(file: Path, mark: bytes, newline: str) -> None:
    file.write_bytes(mark + SPEC.replace("\n", newline).encode())
    assert lint("net.yaml", "--fix").code == 0
    assert file.read_bytes() == mark + MENDED.replace("\n", newline).encode()


def test_links_stay_and_lead_to_what_is_fixed(file: Path) -> None:
    link = file.parent / "link.yaml"
    link.symlink_to("net.yaml")
    linted = lint("link.yaml", "net.yaml", "--fix", "--select", "CC301")
    assert (linted.code, linted.err) == (0, "convcalc: fixed 1 finding in 1 file\n")
    assert link.is_symlink()
    assert file.read_text("utf-8") == MENDED


def test_what_is_left_decides(file: Path) -> None:
    file.write_text(SPEC + "  - conv: {out_channels: 4, kernel_size: 9}\n  - relu\n", "utf-8")
    linted = lint("net.yaml", "--fix")
    assert linted.code == 1
    assert "error[CC101]" in linted.out
    assert "bias" not in file.read_text("utf-8")  # it has a mistake
    file.write_text(SPEC + "budget: {params: 3}\n", "utf-8")
    linted = lint("net.yaml", "--fix")
    assert linted.code == 1
    assert "bias: false" in file.read_text("utf-8")
    assert "CC301" not in linted.out


def test_broken_and_missing_files_are_left_alone(file: Path) -> None:
    file.write_bytes(SPEC.encode() + b"  - conv: {\n")
    broken = file.read_bytes()
    linted = lint("net.yaml", "missing.yaml", "--fix")
    assert linted.code == 1
    assert file.read_bytes() == broken
    assert os.listdir(file.parent) == ["net.yaml"]


def test_standard_input_is_printed_fixed() -> None:
    linted = lint("-", "--fix", given_=SPEC)
    assert (linted.code, linted.out) == (0, MENDED)
    assert linted.err.startswith("convcalc: fixed 1 finding in 1 file\n")
    clean = lint("-", "--fix", "--select", "CC301", given_=MENDED)
    assert (clean.code, clean.out, clean.err) == (0, MENDED, "no findings in 1 file\n")
    broken = lint("-", "--fix", given_="input: [\n")
    assert (broken.code, broken.out) == (1, "input: [\n")
    assert "error[CC001]" in broken.err


def test_a_file_that_has_changed_is_not_written(file: Path) -> None:
    before, after = Source("net.yaml", SPEC), Source("net.yaml", MENDED)
    file.write_text(SPEC + "# more\n", "utf-8")
    with pytest.raises(Unwritable, match="has changed since it was read"):
        write(str(file), before, after)
    assert file.read_text("utf-8") == SPEC + "# more\n"


def test_what_is_no_file_is_not_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unwritable, match="no regular file"):
        write(str(tmp_path / "pipe"), Source("pipe", SPEC), Source("pipe", MENDED))


def test_a_folder_that_cannot_be_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)  # whoever runs this may write anywhere
    linted = lint("net.yaml", "--fix")
    assert linted.code == 2
    assert linted.err.endswith("convcalc: cannot write net.yaml: Permission denied to make files in its folder\n")
    assert "CC301" in linted.out
    assert file.read_text("utf-8") == SPEC


def test_nothing_is_left_behind_when_writing_fails(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    linted = lint("net.yaml", "--fix")
    assert linted.code == 2
    assert "No space left on device" in linted.err
    assert os.listdir(file.parent) == ["net.yaml"]
    assert file.read_text("utf-8") == SPEC


def test_what_is_refused_is_said_once(file: Path) -> None:
    file.write_text(
        SPEC + "  - conv: {out_channels: 4, kernel_size: 1}\n  - batch_norm\nexpect: {params: 56}\n", "utf-8"
    )
    linted = lint("net.yaml", "--fix", "--select", "CC301")
    assert linted.code == 1
    assert "can be fixed" not in linted.out
    reason = "the spec expects 56 params, and would have 52"
    assert linted.err == f"convcalc: net.yaml:3:5: CC301 is not fixed, and 1 more: {reason}\n"


# ---- differences --------------------------------------------------------------------------------------------------


def test_a_difference_writes_nothing(file: Path) -> None:
    linted = lint("net.yaml", "--diff")
    assert linted.code == 1
    assert linted.out == dedent("""\
        --- net.yaml
        +++ net.yaml
        @@ -1,4 +1,4 @@
         input: [4, 8, 8]
         layers:
        -  - conv: {out_channels: 4, kernel_size: 1}  # é
        +  - conv: {out_channels: 4, kernel_size: 1, bias: false}  # é
           - batch_norm
        """)
    assert linted.err == "convcalc: would fix 1 finding in 1 file\n"
    assert file.read_text("utf-8") == SPEC
    file.write_text(MENDED, "utf-8")
    clean = lint("net.yaml", "--diff")
    assert (clean.code, clean.out, clean.err) == (0, "", "")


@pytest.mark.skipif(shutil.which("git") is None, reason="git applies it")
def test_git_applies_a_difference(file: Path) -> None:
    random_ = random.Random(7)
    for number in range(40):
        drawn = Drawn(random_)
        path = file.parent / f"{number}.yaml"
        path.write_bytes(drawn.text.encode())
        result = fix(drawn.text)
        text = diff.difference(Source(path.name, drawn.text), Source(path.name, result.after.text))
        if text:
            command = ["git", "apply", "-p0", "--whitespace=nowarn"]
            environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(file.parent.parent)}
            subprocess.run(command, input=text.encode(), check=True, cwd=file.parent, env=environment)
        assert path.read_bytes() == result.after.text.encode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--diff", "--format", "json"), "leave out --format"),
        (("--fix", "--set", "a=1"), "leave out --input and --set"),
        (("--diff", "--input", "4x9x9"), "leave out --input and --set"),
        (("--fix", "--write-baseline", "b.json"), "stand without --write-baseline"),
    ],
)
def test_what_does_not_go_together(file: Path, arguments: tuple[str, ...], message: str) -> None:
    linted = lint("net.yaml", *arguments)
    assert linted.code == 2
    assert message in re.sub(r"[\s│]+", " ", linted.err)
    assert file.read_text("utf-8") == SPEC
