"""What is written reads back: specs in every style of YAML, with a variant put in or with their fixes, say what was
shown, and keep their comments, line ends and byte order mark.

CONVCALC_WRITTEN=1000 tries so many texts of each; CONVCALC_SEED=1 others.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import operator
import os
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from command_line import application
from typer.testing import CliRunner

import convcalc
from convcalc import Network, analyze
from convcalc.analysis.report import meets
from convcalc.analysis.sides import Candidate
from convcalc.analysis.variants import DoesNotReadBack, NothingToReplace, variants, written
from convcalc.battery.cases import Case, generated
from convcalc.battery.networks import NETWORKS
from convcalc.exports.errors import CannotWrite
from convcalc.exports.onnx.write import model
from convcalc.imports import read_file
from convcalc.language import Source, SpecError, loads
from convcalc.language.variants import VARIANTS
from convcalc.readable.text import text as text_of

TEXTS = int(os.environ.get("CONVCALC_WRITTEN", "60"))
SEED = int(os.environ.get("CONVCALC_SEED", "0"))
SUBJECTS = [*NETWORKS, "bottleneck", "basic_block", "inverted_residual", "conv_bn_relu", "conv", "conv"]
MENDED = [
    {"conv": {"name": "before", "out_channels": 2, "kernel_size": 1}},
    {"batch_norm": {"name": "statistics"}},
    {"dropout": {"name": "nothing", "p": 0}},
]
"""Layers of which lint mends something: a bias before a norm."""
WORD = re.compile(r"[A-Za-z_]\w*")
"""What in quotes would be a text, and else the name of a variable."""


class Style:
    """Writes plain values as YAML, each in a style that is drawn."""

    def __init__(self, draw: random.Random, newline: str) -> None:
        self.draw = draw
        self.newline = newline
        self.comments = 0
        self.anchors: dict[str, str] = {}

    def text(self, document: dict[str, Any]) -> str:
        """A whole spec."""
        if self.draw.random() < 0.1:
            return self.flow(document) + self.newline
        lines = self.entries(document, 0, top=True)
        lines = ["---", *lines, "..."] if self.draw.random() < 0.1 else lines
        return self.newline.join(lines) + self.newline * self.draw.randint(0, 2)

    def entries(self, mapping: dict[str, Any], indent: int, *, top: bool = False) -> list[str]:
        """A mapping in lines."""
        lines: list[str] = []
        for key, value in mapping.items():
            lines += self.between(indent)
            lines += self.entry(key, value, indent, " " * indent, top=top)
        return lines

    def entry(self, key: str, value: Any, indent: int, lead: str, *, top: bool = False) -> list[str]:
        """A key with its value; `lead` is what stands before it in its line."""
        name = json.dumps(key) if self.draw.random() < 0.1 else key
        blocks = isinstance(value, dict | list) and value and (top or self.draw.random() < 0.6)
        anchored = not top and self.draw.random() < 0.1 and f"&a{len(self.anchors)} "
        alias = self.anchors.get(json.dumps(value))
        if alias and not top and self.draw.random() < 0.5:
            return [f"{lead}{name}: *{alias}{self.trailing()}"]
        if anchored:
            self.anchors.setdefault(json.dumps(value), anchored[1:-1])
        head = f"{lead}{name}:{f' {anchored.rstrip()}' if anchored else ''}"
        if not blocks:
            return self.scalar(head, value, indent)
        deeper = indent + self.draw.choice([1, 2, 2, 4])
        if isinstance(value, dict):
            return [head + self.trailing(), *self.entries(value, deeper)]
        return [head + self.trailing(), *self.items(value, self.draw.choice([indent, deeper]))]

    def items(self, sequence: list[Any], indent: int) -> list[str]:
        """A list in lines."""
        lines: list[str] = []
        for item in sequence:
            lines += self.between(indent)
            gap = self.draw.choice([1, 1, 1, 3])
            lead = " " * indent + "-" + " " * gap
            if isinstance(item, dict) and item and self.draw.random() < 0.7:
                inner = indent + 1 + gap
                (first, value), *rest = item.items()
                lines += [*self.entry(first, value, inner, lead), *self.entries(dict(rest), inner)]
            elif isinstance(item, list) and item and self.draw.random() < 0.6:
                first_line, *others = self.items(item, indent + 2)
                while first_line.lstrip().startswith("#") or not first_line.strip():
                    first_line, *others = others
                lines += [" " * indent + "- " + first_line.lstrip(), *others]
            else:
                lines.append(f"{lead}{self.flow(item)}{self.trailing()}")
        return lines

    def scalar(self, head: str, value: Any, indent: int) -> list[str]:
        """A value behind its key."""
        if isinstance(value, str) and not WORD.fullmatch(value) and self.draw.random() < 0.1:
            return [f"{head} {self.draw.choice(['>-', '|-'])}", f"{' ' * (indent + 2)}{value}"]
        text = self.flow(value)
        if self.draw.random() < 0.1:
            return [head + self.trailing(), f"{' ' * (indent + 3)}{text}{self.trailing()}"]
        return [f"{head} {text}{self.trailing()}"]

    def flow(self, value: Any) -> str:
        """A value in brackets, braces or a word, on one line or several."""
        if isinstance(value, dict | list):
            gap = self.newline + " " * 40 if self.draw.random() < 0.1 else self.draw.choice(["", "", " "])
            last = self.draw.choice(["", "", "", ","]) if value else ""
            if isinstance(value, list):
                inner = f",{gap or ' '}".join(self.flow(item) for item in value)
                return f"[{gap}{inner}{last}]"
            pairs = (
                f"{json.dumps(key) if self.draw.random() < 0.1 else key}: {self.flow(item)}"
                for key, item in value.items()
            )
            return f"{{{gap}{f',{gap or chr(32)}'.join(pairs)}{last}}}"
        if isinstance(value, str):
            return value if WORD.fullmatch(value) else json.dumps(value, ensure_ascii=False)
        return json.dumps(value)

    def comment(self) -> str:
        self.comments += 1
        return f"# comment {self.comments}: {{[*& ü"

    def trailing(self) -> str:
        """What may stand behind a value in its line."""
        return self.draw.choice(["  ", " \t "]) + self.comment() if self.draw.random() < 0.05 else ""

    def between(self, indent: int) -> list[str]:
        """Lines that may stand before an entry."""
        if self.draw.random() < 0.9:
            return []
        return [self.draw.choice(["", " " * indent + self.comment(), self.comment()])]


def document(draw: random.Random, more: Sequence[Any] = ()) -> dict[str, Any]:
    """A network with convolutions, and `more` layers before them, which expects what it has."""
    case = generated(draw.choice(SUBJECTS), draw)
    if more and "input" in case.document:
        longer = Case(case.subject, {**case.document, "layers": [*more, *case.document["layers"]]})
        with contextlib.suppress(SpecError):
            longer.network()
            case = longer
    report = analyze(case.network())
    figures = {name: list(value) if isinstance(value, tuple) else value for name, value in report.figures.items()}
    field = figures["receptive_field"]
    if not field or None in field:
        del figures["receptive_field"]
    names = draw.sample(sorted(figures), draw.randint(0, 4))
    fields = [("name", "größe: 'x' # 1"), *case.document.items(), ("expect", {name: figures[name] for name in names})]
    draw.shuffle(fields)
    return {name: value for name, value in fields if value != {}}


def styled(draw: random.Random, newline: str, more: Sequence[Any] = ()) -> str:
    """A spec in a style that is drawn."""
    text = Style(draw, newline).text(document(draw, more))
    loads(Source("net.yaml", text))
    return text


def comments(text: str) -> set[str]:
    return set(re.findall(r"# comment \d+:", text))


def unmet(network: Network) -> set[str]:
    """The figures that a network expects and does not have."""
    figures = analyze(network).figures
    return {name for name, value in network.expect.items() if not meets(figures[name], value)}


def check_text(before: str, after: str, newline: str) -> None:
    """Line ends are those of before, and no line has a comment that another had."""
    assert not re.search({"\n": r"\r", "\r\n": r"(?<!\r)\n|\r(?!\n)", "\r": r"\n"}[newline], after)
    assert after.count("# comment") <= before.count("# comment")


def made(path: Path, variant: str) -> tuple[Candidate, Network] | None:
    """A variant in place of all standard convolutions, and what it is one of; None where it cannot be had."""
    network = convcalc.load(path)
    try:
        (candidate,) = variants(network, variant).candidates
    except NothingToReplace:
        return None
    return (candidate, network) if candidate.report is not None else None


def attempted(candidate: Candidate, network: Network) -> tuple[str, str]:
    """What would be written, or why it is not."""
    try:
        return written(candidate, network), ""
    except DoesNotReadBack as problem:
        return "", str(problem)


def test_variants_in_any_style(tmp_path: Path) -> None:
    """What compare writes has the totals that it shows, expects what it has, and keeps line ends and comments."""
    draw, path, tried, refused = random.Random(SEED), tmp_path / "net.yaml", 0, 0
    while tried < TEXTS:
        newline = draw.choice(["\n", "\n", "\r\n", "\r"])
        text = styled(draw, newline)
        path.write_bytes(text.encode())
        variant = draw.choice([*VARIANTS])
        replaced = made(path, variant)
        if replaced is None:
            continue
        tried += 1
        candidate, _ = replaced
        assert candidate.report is not None
        after, refusal = attempted(*replaced)
        if refusal:  # what an alias stands for elsewhere cannot be changed here
            assert re.fullmatch(r"alias \*a\d+ has no anchor above it", refusal), (SEED, variant, text, refusal)
            refused += 1
            continue
        network = loads(Source("net.yaml", after))
        assert analyze(network).totals == candidate.report.totals
        assert not unmet(network), (SEED, variant, text, after)
        check_text(text, after, newline)
        if variant == "standard":
            assert "&" in after or comments(after) == comments(text), (SEED, text, after)
    assert refused < TEXTS / 10


def test_fixes_in_any_style(tmp_path: Path) -> None:
    """What `lint --fix` writes loads, and expects what it has; a second run finds nothing to do."""
    draw, path, mended = random.Random(SEED), tmp_path / "net.yaml", 0
    for _ in range(TEXTS):
        newline = draw.choice(["\n", "\n", "\r\n", "\r"])
        text = styled(draw, newline, MENDED)
        mark = codecs.BOM_UTF8 * draw.randint(0, 1)
        path.write_bytes(mark + text.encode())
        before = loads(Source("net.yaml", text))
        result = CliRunner().invoke(application(), ["lint", str(path), "--fix"])
        assert result.exit_code in {0, 1}, (SEED, text, result.output)
        data = path.read_bytes()
        after = data.removeprefix(mark).decode()
        if after == text:
            continue
        mended += 1
        network = loads(Source("net.yaml", after))
        assert data.startswith(mark)
        shapes = [[node.shape for node in of.nodes if node.kind == "conv"] for of in (before, network)]
        assert shapes[0] == shapes[1]
        assert network.nodes[-1].shape == before.nodes[-1].shape
        sizes = [(analyze(of).totals.params, len(of.nodes)) for of in (before, network)]
        assert all(map(operator.le, sizes[1], sizes[0]))  # a bias less, a layer less
        assert sizes[0] != sizes[1]
        assert unmet(network) <= unmet(before)
        assert CliRunner().invoke(application(), ["lint", str(path), "--fix"]).exit_code in {0, 1}
        assert path.read_bytes() == data
        check_text(text, after, newline)
    assert mended > TEXTS / 3


def test_a_list_below_its_key(tmp_path: Path) -> None:
    """As PyYAML writes it: no deeper than its key, where a value in brackets may not stand."""
    path = tmp_path / "net.yaml"
    text = (
        "input: [3, 12, 12]\nexpect:\n  output:\n  - 8  # channels\n  - 10\n  - 10\n  receptive_field:\n  - 3\n  - 3\n"
    )
    path.write_text(f"{text}layers:\n- conv:\n    out_channels: 8\n    kernel_size: 3\n", "utf-8")
    replaced = made(path, "pointwise")
    assert replaced is not None
    after = written(*replaced)
    head = "input: [3, 12, 12]\nexpect:\n  output:\n  - 8  # channels\n  - 12\n  - 12\n  receptive_field: 1\n"
    assert after.startswith(head)
    path.write_text(f"{text}layers:\n- conv: {{out_channels: 8, kernel_size: 3}}\n- global_avg_pool\n", "utf-8")
    replaced = made(path, "standard")
    assert replaced is not None
    assert "expect:\n  output: [8]\n  receptive_field: 3\nlayers:" in written(*replaced)


def test_a_text_that_does_not_read_back_is_not_written(tmp_path: Path) -> None:
    path, out = tmp_path / "net.yaml", tmp_path / "out.yaml"
    layers = "layers:\n  - conv: {out_channels: 2, kernel_size: 3}\n  - linear: {out_features: *many}\n"
    path.write_text(f"input: [3, 5]\nexpect: {{params: &many 4}}\n{layers}")
    out.write_text("old")
    result = CliRunner().invoke(
        application(), ["compare", str(path), "--variant", "pointwise", "-o", str(out), "--force"]
    )
    assert result.exit_code == 2
    assert "the spec cannot be written so that it reads as what was compared" in result.stderr
    assert out.read_text() == "old"


def test_models_that_are_imported(tmp_path: Path) -> None:
    """What import writes of a generated network that was exported has its totals, whatever its layers are called."""
    draw, tried = random.Random(SEED), 0
    while tried < TEXTS // 3:
        network = generated(draw.choice([*NETWORKS]), draw).network()
        try:
            data = model(network).SerializeToString()
        except CannotWrite:
            continue
        tried += 1
        path = tmp_path / "net.onnx"
        path.write_bytes(data)
        result = read_file(str(path))
        for flat in (False, True):
            again = loads(Source("net.yaml", text_of(result, flat=flat)))
            assert analyze(again).totals.params == analyze(network).totals.params
            assert analyze(again).totals.macs == analyze(network).totals.macs
            assert not unmet(again)


def test_parameters_that_a_variant_leaves_unused_are_not_written(tmp_path: Path) -> None:
    """A ghost convolution has no groups: no block of the written spec asks for them, and no call gives them."""
    path = tmp_path / "net.yaml"
    path.write_text("""\
input: [3, 16, 16]
blocks:
  a:
    parameters:
      channels: required  # of both
      groups: 1
    layers:
      - conv: {out_channels: channels, kernel_size: 3, padding: 1, groups: groups}
  b:
    parameters: {groups: 1, before: 3}
    layers:
      - a: {channels: 8, groups: groups}
  c:
    parameters: {groups: 1}
    layers:
      - conv: {out_channels: 8, kernel_size: 3, groups: groups}
layers:
  - a: {channels: 4, groups: 1}
  - b: {groups: 1, name: second}
  - c
""")
    replaced = made(path, "ghost")
    assert replaced is not None
    assert (
        written(*replaced)
        == """\
input: [3, 16, 16]
blocks:
  a:
    parameters:
      channels: required  # of both
    layers:
      - ghost_conv: {name: conv1, out_channels: channels, kernel_size: 3, padding: 1}
  b:
    parameters: {before: 3}
    layers:
      - a: {channels: 8}
  c:
    layers:
      - ghost_conv: {name: conv1, out_channels: 8, kernel_size: 3}
layers:
  - a: {channels: 4}
  - b: {name: second}
  - c
"""
    )


def test_a_parameter_that_is_given_without_its_name_stays(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    text = """\
input: [3, 16, 16]
blocks:
  a: {parameters: {kernel_size: required}, layers: [{conv: {out_channels: 4, kernel_size: kernel_size}}]}
layers:
  - a: 3
"""
    path.write_text(text)
    replaced = made(path, "pointwise")
    assert replaced is not None
    assert "parameters: {kernel_size: required}" in written(*replaced)
