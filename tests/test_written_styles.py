"""Every text that a command writes says what was meant, whatever the style of the spec that it was made of.

Specs are dumped by PyYAML in a style that is drawn, then roughened: comments, blanks, tabs, line ends, marks. PyYAML
reads them before and after, so that what stays is known from elsewhere. CONVCALC_EXAMPLES=1000 tries so many.
"""

from __future__ import annotations

import codecs
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import application
from conftest import MANY, draws
from hypothesis import HealthCheck, given, settings
from test_written_back import MENDED, WORD, document, unmet
from typer.testing import CliRunner, Result

import convcalc
from convcalc import analyze
from convcalc.language import Source, SpecError, loads
from convcalc.language.variants import VARIANTS

FILES = {HealthCheck.function_scoped_fixture, HealthCheck.too_slow}
REPLACED = ("layers", "blocks", "expect")
"""What a variant may change of a spec."""


class Indented(yaml.SafeDumper):
    """Lists are deeper than their keys, where PyYAML's own stand below them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # as PyYAML calls
        super().increase_indent(flow, indentless=False)


def shared(draw: random.Random, value: Any, known: dict[str, Any]) -> Any:
    """The value with some equal parts made the same, which become anchors and aliases."""
    if isinstance(value, dict):
        value = {key: shared(draw, item, known) for key, item in value.items()}
    elif isinstance(value, list):
        value = [shared(draw, item, known) for item in value]
    else:
        return value
    same = known.setdefault(json.dumps(value), value)
    return same if draw.random() < 0.1 else value


def dumped(draw: random.Random, value: Any) -> str:
    """A document in one of PyYAML's styles; texts may be quoted, or stand on several lines."""
    dumper = type("Drawn", (draw.choice([yaml.SafeDumper, Indented]),), {})

    def text(dumper: Any, word: str) -> Any:
        is_name = WORD.fullmatch(word)  # which in quotes would be a text, and else is a variable
        style = None if is_name else draw.choice([None, None, None, "'", '"', ">", "|"])
        return dumper.represent_scalar("tag:yaml.org,2002:str", word, style=style)

    def mapping(dumper: Any, pairs: Any) -> Any:
        return dumper.represent_mapping("tag:yaml.org,2002:map", pairs.items(), flow_style=flows())

    def sequence(dumper: Any, items: Any) -> Any:
        return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flows())

    often = draw.choice([0.0, 0.3, 0.9])
    flows: Callable[[], bool] = lambda: draw.random() < often  # noqa: E731
    representers: dict[Any, Any] = {str: text, dict: mapping, list: sequence}
    for type_, representer in representers.items():
        dumper.add_representer(type_, representer)  # type: ignore[attr-defined]
    return str(
        yaml.dump(
            shared(draw, value, {}), Dumper=dumper, sort_keys=False, allow_unicode=draw.random() < 0.8,
            indent=draw.choice([2, 2, 3, 4, 6]), width=draw.choice([8, 20, 80, 200]),
            explicit_start=draw.random() < 0.1, explicit_end=draw.random() < 0.1,
        )
    )  # fmt: skip


def roughened(draw: random.Random, text: str) -> str:
    """The text with what a person leaves in it, as long as PyYAML reads the same."""
    meant = yaml.safe_load(text)
    for number in range(draw.randint(0, 6)):
        lines = text.split("\n")
        at = draw.randrange(len(lines))
        match draw.randrange(6):
            case 0:
                lines.insert(at, " " * draw.randint(0, 8) + f"# note {number}: [{{*&")
            case 1:
                lines.insert(at, " " * draw.randint(0, 3))
            case 2:
                lines[at] += f"  # note {number}"
            case 3:
                lines[at] += draw.choice([" ", "   ", "\t"])
            case 4:
                lines[at] = lines[at].replace(", ", draw.choice([",\t", ",", " , "]))
            case _:
                lines[at] = re.sub(r"(?<=[\w\"']):(?= )", draw.choice([" :", ":  ", ":"]), lines[at])
        if reads("\n".join(lines), meant):
            text = "\n".join(lines)
    if draw.random() < 0.3:
        text = text.rstrip("\n")
    return text.replace("\n", draw.choice(["\n", "\n", "\r\n", "\r"]))


def reads(text: str, meant: Any) -> bool:
    """Whether PyYAML and convcalc both take a text for that."""
    try:
        loads(Source("net.yaml", text))
        return bool(yaml.safe_load(text) == meant)
    except (yaml.YAMLError, SpecError):
        return False


def spec(draw: random.Random, path: Path) -> Any:
    """A spec in a file; what it holds."""
    meant = document(draw, draw.choice([[], MENDED]))
    text = roughened(draw, dumped(draw, meant))
    mark = codecs.BOM_UTF8 if draw.random() < 0.1 else b""
    path.write_bytes(mark + text.encode())
    assert reads(text, meant), text
    return meant


def run(*arguments: str, fails: tuple[int, ...] = ()) -> Result:
    result = CliRunner().invoke(application(), list(arguments), env={"GITHUB_ACTIONS": None})
    assert result.exit_code in {0, *fails}, (arguments, result.output, result.exception)
    return result


def convolutions(value: Any) -> Iterator[dict[str, Any]]:
    """The fields of all that are written in a document."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "conv" and isinstance(item, dict):
                yield item
            yield from convolutions(item)
    for item in value if isinstance(value, list) else ():
        yield from convolutions(item)


@settings(max_examples=MANY or 40, suppress_health_check=list(FILES))
@given(draw=draws)
def test_a_variant_that_is_written(draw: random.Random, tmp_path: Path) -> None:
    """PyYAML reads a spec that has the same but for its layers and its expectations, with what was shown."""
    path, out = tmp_path / "net.yaml", tmp_path / "out.yaml"
    meant, variant = spec(draw, path), draw.choice([*VARIANTS])
    shown = run("compare", str(path), "--variant", variant, "--format", "json", fails=(1, 2))
    if shown.exit_code:
        return
    result = run("compare", str(path), "--variant", variant, "-o", str(out), "--force", fails=(2,))
    if result.exit_code:  # what is behind an anchor cannot always be said
        assert re.search("alias .* has no anchor above|reads as what was compared", result.stderr)
        return
    after = yaml.safe_load(out.read_bytes().decode("utf-8-sig"))
    assert {key: after[key] for key in meant if key not in REPLACED} == {
        key: value for key, value in meant.items() if key not in REPLACED
    }
    head = json.loads(shown.stdout)["head"]
    network = convcalc.load(out)
    assert analyze(network).totals.macs == head["totals"]["macs"]
    assert [node.name for node in network.layers] == [row["name"] for row in head["layers"]]
    assert not unmet(network)
    assert set(after.get("expect", {})) <= set(meant.get("expect", {}))
    assert out.read_bytes().startswith(codecs.BOM_UTF8) == path.read_bytes().startswith(codecs.BOM_UTF8)


@settings(max_examples=MANY or 40, suppress_health_check=list(FILES))
@given(draw=draws)
def test_fixes_that_are_written(draw: random.Random, tmp_path: Path) -> None:
    """By PyYAML nothing is another than before but biases and layers that are gone, whatever the style."""
    path = tmp_path / "net.yaml"
    meant, before = spec(draw, path), path.read_bytes()
    run("lint", str(path), "--fix", "--select", "CC301,CC303", fails=(1,))
    after = yaml.safe_load(path.read_bytes().decode("utf-8-sig"))
    assert {key: after[key] for key in after if key not in ("layers", "blocks")} == {
        key: value for key, value in meant.items() if key not in ("layers", "blocks")
    }
    kept = [{**fields, "bias": None} for fields in convolutions(after)]
    assert kept == [{**fields, "bias": None} for fields in convolutions(meant)]
    if path.read_bytes() != before:
        assert unmet(convcalc.load(path)) <= unmet(loads(Source("net.yaml", before.decode("utf-8-sig"))))
        assert after != meant


@settings(max_examples=MANY or 15, suppress_health_check=list(FILES))
@given(draw=draws)
def test_a_budget_to_paste(draw: random.Random, tmp_path: Path) -> None:
    """Below the spec it is a budget that the spec keeps, and that is no larger than asked for."""
    path, percent = tmp_path / "net.yaml", draw.choice(["0", "10%", "0.5", "250"])
    meant = spec(draw, path)
    printed = run("lint", str(path), "--suggest-budget", percent).stdout
    budget = yaml.safe_load(printed)["budget"]
    (tmp_path / "budgeted.yaml").write_text(f"{yaml.safe_dump(meant, sort_keys=False)}{printed}", "utf-8")
    assert "CC50" not in run("lint", str(tmp_path / "budgeted.yaml"), "--format", "concise", fails=(1,)).stdout
    network = convcalc.load(tmp_path / "budgeted.yaml")
    totals, room = analyze(network).totals, 1 + float(percent.removesuffix("%")) / 100
    for name in ("params", "macs", "peak_activation_bytes"):
        now = getattr(totals, name)
        assert now <= network.budget[name] <= now * room * 1.002 + 1, (budget, name, now)


ODD_NAMES = [
    "net.yaml",
    "größe {1}.yaml",
    "a # b.yaml",
    "quote\"'.yaml",
    "line\nend.yaml",
    "\udcff.yaml",
    "\u202ex.yaml",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_baseline_holds_what_was_found(name: str, tmp_path: Path) -> None:
    """Read by Python's JSON it has the counts that lint prints, and lint finds nothing more beside it."""
    path, baseline = tmp_path / name, tmp_path / "baseline.json"
    layers = '  - conv: {name: "ä: #", out_channels: 5, kernel_size: 4, stride: 5}\n  - batch_norm\n  - dropout: 0\n'
    try:
        path.write_text(f"input: [3, 16, 16]\nlayers:\n{layers}", "utf-8")
    except OSError as error:
        pytest.skip(str(error))
    printed = json.loads(run("lint", str(path), "--format", "json", fails=(1,)).stdout)
    findings = printed["findings"]
    run("lint", str(path), "--write-baseline", str(baseline), fails=(1,))
    entries = json.loads(baseline.read_text("utf-8"))["findings"]
    assert sum(entry["count"] for entry in entries) == len(findings) > 0
    assert {entry["code"] for entry in entries} == {finding["code"] for finding in findings}
    assert "no findings" in run("lint", str(path), "--baseline", str(baseline)).stdout


def test_a_suggested_budget_of_a_file_of_any_name(tmp_path: Path) -> None:
    """What the name of the file holds stays in the comment."""
    path = tmp_path / "a\nlayers: []\rb\u2028c.yaml"
    path.write_text("input: [3, 16, 16]\nlayers:\n  - conv: {out_channels: 5, kernel_size: 3}\n", "utf-8")
    assert yaml.safe_load(run("lint", str(path), "--suggest-budget", "10").stdout).keys() == {"budget"}


def test_the_last_line_of_a_text_is_no_comment(tmp_path: Path) -> None:
    """Blocks are put before the comments above the layers, and behind a text on several lines that holds a #."""
    path, out = tmp_path / "net.yaml", tmp_path / "out.yaml"
    head = "input: [4, 9, 9]\nname: >-\n  a net\n  # 1\n# the layers\n"
    path.write_text(f"{head}layers:\n- basic_block: 4\n- basic_block: 4\n", "utf-8")
    run("compare", str(path), "--variant", "separable", "-o", str(out))
    written = out.read_text("utf-8")
    assert yaml.safe_load(written)["name"] == "a net # 1"
    assert written.startswith(head.replace("# the layers\n", "blocks:\n"))
    assert "\n# the layers\nlayers:\n- basic_block: 4\n" in written


def test_what_a_text_says_beside_its_layers_is_compared_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the totals that were compared, and another name: nothing is written."""
    path, out = tmp_path / "net.yaml", tmp_path / "out.yaml"
    path.write_text("input: [4, 9, 9]\nname: mine\nlayers:\n- basic_block: 4\n", "utf-8")
    monkeypatch.setattr(
        "convcalc.analysis.variants.with_figures",
        lambda source, _: source.with_text(source.text.replace("mine", "thine")),
    )
    result = run("compare", str(path), "--variant", "separable", "-o", str(out), fails=(2,))
    assert "its name would be thine; nothing is written" in result.stderr
    assert not out.exists()
