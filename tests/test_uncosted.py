"""Layers of which it is not known what they cost: every total with one is a least one, in every format, and said so."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from conftest import draws
from hypothesis import given, settings
from typer.testing import CliRunner

import convcalc
from convcalc.language.document import loads
from convcalc.language.source import Source

SPEC = """\
name: half_known
input: [3, 32, 32]
blocks:
  two:
    layers:
      - conv: {out_channels: 8, kernel_size: 1}
      - opaque: [8, 16, 16]
layers:
  - conv: {name: stem, out_channels: 16, kernel_size: 3, padding: 1, bias: false}
  - batch_norm
  - opaque: {name: odd, output_shape: [16, 16, 16]}
  - two: {name: b, repeat: 2}
  - flatten
  - linear: 10
"""
LEAST = "(3 layers not costed)"
NAMES = ["odd", "b.0.opaque1", "b.1.opaque1"]


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "half.yaml"
    path.write_text(SPEC, "utf-8")
    return str(path)


@pytest.fixture
def known(tmp_path: Path) -> str:
    path = tmp_path / "known.yaml"
    path.write_text("input: [3, 32, 32]\nlayers: [{conv: {out_channels: 4, kernel_size: 3}}]\n", "utf-8")
    return str(path)


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(application(), arguments)
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def unsaid(text: str, totals: Any) -> list[int]:
    """The totals that stand in a text without `at least` before them."""
    numbers = [totals.params, totals.macs, totals.elementwise_ops, totals.flops]
    return [n for n in numbers if re.search(rf"(?<!at least )(?<![\d,]){re.escape(f'{n:,}')}(?![\d,])", text)]


def totals_of(text: str = SPEC) -> Any:
    return convcalc.analyze(loads(Source("<test>", text))).totals


def test_what_is_known_is_counted_and_the_rest_named() -> None:
    report = convcalc.analyze(loads(Source("<test>", SPEC)))
    text = SPEC.replace("opaque: {name: odd, output_shape: [16, 16, 16]}", "max_pool: {name: odd, kernel_size: 2}")
    without = convcalc.analyze(loads(Source("<test>", text.replace("opaque: [8, 16, 16]", "identity"))))
    assert list(report.uncosted) == NAMES
    assert [row.name for row in report.layers if not row.costed] == NAMES
    assert (report.totals.params, report.totals.macs) == (without.totals.params, without.totals.macs)
    assert report.totals.peak_activation_bytes == without.totals.peak_activation_bytes  # of shapes, so exact
    assert without.uncosted == ()


@pytest.mark.parametrize("format_", ["table", "markdown"])
@pytest.mark.parametrize("by", ["layer", "block", "kind"])
def test_analyze_says_at_least(spec: str, format_: str, by: str) -> None:
    text = run("analyze", spec, "--format", format_, "--by", by)
    totals = totals_of()
    assert f"params at least {totals.params:,} {LEAST}" in text
    assert f"MACs at least {totals.macs:,} {LEAST}" in text
    assert f"buffers at least {totals.buffers:,} {LEAST}" in text
    assert not unsaid(text, totals)
    assert "the cost of odd, b.0.opaque1, b.1.opaque1 is not known" in text
    assert "peak activations at least" not in text
    uncosted = next(line for line in text.splitlines() if re.match(r"\W*(odd|opaque)\b", line))
    assert uncosted.count("?") == 2
    if by != "kind":
        assert re.search(r"\bb\b.*≥ 136\b|\bb\b.*≥ \d", text)


def test_analyze_in_json(spec: str, known: str) -> None:
    document = json.loads(run("analyze", spec, "--format", "json", "--by", "block"))
    assert document["at_least"] is True
    assert document["uncosted_layers"] == NAMES
    assert [row["name"] for row in document["layers"] if row.get("costed") is False] == NAMES
    assert {line["name"]: line.get("uncosted", 0) for line in document["lines"]}["b"] == 2
    assert "at_least" not in run("analyze", known, "--format", "json")


def test_analyze_in_csv(spec: str) -> None:
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(run("analyze", spec, "--format", "csv")))}
    assert {name: row["uncosted"] for name, row in rows.items() if row["uncosted"] != "0"} == {"odd": "1", "b": "2"}
    assert {rows["odd"][cost] for cost in ("params", "buffers", "macs", "elementwise_ops", "flops")} == {""}
    assert rows["stem"]["params"] == "432"
    assert rows["b"]["output_shape"] == "8x16x16"


@pytest.mark.parametrize("format_", ["table", "markdown"])
def test_comparisons_say_at_least(spec: str, known: str, format_: str) -> None:
    totals = totals_of()
    for others in (["--variant", "separable"], [known], [known, known]):
        text = run("compare", spec, *others, "--format", format_)
        assert f"at least {totals.macs:,} {LEAST}" in text
        assert f"at least {totals.params:,} {LEAST}" in text
        assert not unsaid(text, totals)
        assert "counted" in text
    text = run("compare", known, spec, "--format", format_)
    assert f"at least {totals.macs:,} {LEAST}" in text
    assert "the cost of odd, b.0.opaque1, b.1.opaque1 in the head is not known" in text
    added = next(line for line in text.splitlines() if "b.1.opaque1" in line and "head" not in line)
    assert added.count("?") >= 2


def test_comparisons_in_json_and_csv(spec: str, known: str) -> None:
    document = json.loads(run("compare", spec, known, "--format", "json"))
    assert document["base"]["uncosted_layers"] == NAMES
    assert document["base"]["at_least"] is True
    assert "at_least" not in document["head"]
    rows = list(csv.DictReader(io.StringIO(run("compare", spec, known, "--format", "csv"))))
    odd = next(row for row in rows if row["base_name"] == "odd")
    assert (odd["base_uncosted"], odd["base_macs"], odd["macs_delta"]) == ("1", "", "")
    rows = list(csv.DictReader(io.StringIO(run("compare", spec, known, known, "--format", "csv"))))
    assert [row["uncosted"] for row in rows if row["label"] == spec] == ["3"]


def test_the_smallest_of_a_column_is_known(tmp_path: Path, spec: str, known: str) -> None:
    """What is at least so much may be more than the others, however little is counted of it."""
    little = tmp_path / "little.yaml"
    little.write_text("input: [3, 32, 32]\nlayers: [{opaque: [3]}]\n", "utf-8")
    rows = list(csv.DictReader(io.StringIO(run("compare", known, str(little), known, "--format", "csv"))))
    smallest = {row["label"]: set(row["smallest"].split()) & {"params", "macs"} for row in rows}
    assert smallest == {known: set(), str(little): set()}
    rows = list(csv.DictReader(io.StringIO(run("compare", known, spec, known, "--format", "csv"))))
    assert {"params", "macs"} <= {word for row in rows if row["label"] == known for word in row["smallest"].split()}


@pytest.mark.parametrize("format_", ["text", "markdown", "latex"])
def test_explanations_say_at_least(spec: str, format_: str) -> None:
    block = run("explain", spec, "b", "--format", format_)
    assert "at least " in block
    assert "(2 layers not costed)" in block
    layer = run("explain", spec, "odd", "--format", format_)
    assert "its cost is not known" in layer.replace("Its", "its")
    assert "params" not in layer
    result = run("explain", spec, "--format", format_)
    assert "?" in next(line for line in result.splitlines() if re.match(r"\W*(text\{)?odd", line))
    kind = run("explain", "--kind", "opaque", "--format", format_)
    assert "not known" in kind
    assert "MACs" not in kind


@pytest.mark.parametrize("format_", ["text", "markdown", "latex"])
def test_no_size_is_explained_of_what_has_none(tmp_path: Path, format_: str) -> None:
    path = tmp_path / "unsized.yaml"
    path.write_text("input: [4, 8]\nlayers: [opaque: {name: odd}, opaque: {name: even, output_shape: [4, 8]}]\n")
    even, odd = (run("explain", str(path), name, "--format", format_) for name in ("even", "odd"))
    size_of_output = r"channels|mathrm\{out\}"
    assert re.search(size_of_output, even)
    assert not re.search(size_of_output, odd)


def test_explanations_in_json(spec: str) -> None:
    block = json.loads(run("explain", spec, "b", "--format", "json"))["block"]
    assert (block["at_least"], block["uncosted_layers"]) == (True, NAMES[1:])
    assert [part.get("uncosted", 0) for part in block["parts"]] == [1, 1]
    lines = json.loads(run("explain", spec, "--format", "json"))["layers"]
    assert [line["name"] for line in lines if line["macs"] is None] == NAMES


def findings(path: str, *options: str, code: int) -> dict[str, tuple[str, str]]:
    document = json.loads(run("lint", path, "--format", "json", *options, code=code))
    return {
        finding["code"]: (finding["severity"], finding["message"])
        for finding in document["findings"]
        if finding["code"] >= "CC5"
    }


def budgeted(tmp_path: Path, text: str) -> str:
    path = tmp_path / "budgeted.yaml"
    path.write_text(f"{text}\n{SPEC}", "utf-8")
    return str(path)


def test_a_budget_that_the_least_exceeds_is_over(tmp_path: Path) -> None:
    over = findings(budgeted(tmp_path, "budget: {params: 400, peak_activation_bytes: 1 KiB}"), code=1)
    assert over["CC501"][0] == "error"
    assert f"at least {totals_of().params:,} params {LEAST} are at least" in over["CC501"][1]
    assert over["CC503"][0] == "error"
    assert "at least" not in over["CC503"][1]


def test_a_budget_that_the_least_keeps_cannot_be_called_met(tmp_path: Path) -> None:
    amounts = "{params: 1G, macs: 1G, weight_bytes: 1 GiB, peak_activation_bytes: 1 GiB, activation_bytes: 1 GiB}"
    result = findings(budgeted(tmp_path, f"budget: {amounts}"), code=0)
    assert {code: severity for code, (severity, _) in result.items()} == dict.fromkeys(
        ("CC501", "CC502", "CC504"), "info"
    )
    assert all("is met is not known" in message for _, message in result.values())
    assert findings(budgeted(tmp_path, "budget: {peak_activation_bytes: 1 GiB}"), code=0) == {}


def test_a_budget_of_a_block(tmp_path: Path) -> None:
    path = tmp_path / "block.yaml"
    for limit, severity, code in (("1G", "info", 0), ("10", "error", 1)):
        path.write_text(SPEC.replace("repeat: 2", f"repeat: 2, budget: {{macs: {limit}}}"), "utf-8")
        ((finding, message),) = findings(str(path), code=code).values()
        assert finding == severity
        assert "(2 layers not costed)" in message
    path.write_text(SPEC.replace("name: stem,", "name: stem, budget: {params: 432},"), "utf-8")
    assert findings(str(path), code=0) == {}


def test_expectations(tmp_path: Path) -> None:
    counted = totals_of().macs
    for expected, severity, code in ((counted - 1, "error", 1), (counted, "info", 0), (counted + 1, "info", 0)):
        result = findings(budgeted(tmp_path, f"expect: {{macs: {expected}}}"), code=code)
        assert result["CC506"][0] == severity
        assert f"at least {counted:,} {LEAST}" in result["CC506"][1]
    peak = totals_of().peak_activation_bytes
    assert findings(budgeted(tmp_path, f"expect: {{peak_activation_bytes: {peak}}}"), code=0) == {}


def test_growth(tmp_path: Path, spec: str, known: str) -> None:
    limit = ("--max-regression", "macs=5%")
    assert findings(spec, "--base", spec, *limit, code=0) == {}  # the same is not known of both
    grown = findings(spec, "--base", known, *limit, code=1)["CC505"]
    assert grown[0] == "error"
    assert f"to at least {totals_of().macs:,} {LEAST}" in grown[1]
    assert findings(known, "--base", spec, *limit, code=0)["CC505"][0] == "info"
    more = tmp_path / "more.yaml"
    more.write_text(SPEC + "  - opaque: [10]\n", "utf-8")
    assert findings(str(more), "--base", spec, *limit, code=0)["CC505"][0] == "info"


def test_a_suggested_budget_says_at_least(spec: str) -> None:
    text = run("lint", "--suggest-budget", "10%", spec)
    assert f"# at least {totals_of().macs:,} {LEAST} now" in text
    assert text.count("at least") == 2


def test_verify_measures_all_but_what_is_not_known(spec: str) -> None:
    record = json.loads(run("verify", spec, "--format", "json"))
    tried = {layer["name"] for layer in record["layers"] if layer["macs"]["agrees"]}
    assert tried == {layer["name"] for layer in record["layers"]} - set(NAMES)
    shown = run("verify", spec)
    assert "not measured at odd, b.0.opaque1, b.1.opaque1" in shown
    assert f"MACs at least {totals_of().macs:,}" in shown
    refused = CliRunner().invoke(application(), ["verify", spec, "--against", "onnxruntime", "--format", "json"])
    assert refused.exit_code == 2
    assert "half_known is not run: nothing says what odd, b.0.opaque1, b.1.opaque1 compute" in refused.stderr
    assert LEAST in json.loads(refused.stdout)["refused"]
    assert "is as claimed" in run("verify", spec, "--layer", "stem")
    assert CliRunner().invoke(application(), ["verify", spec, "--layer", "odd"]).exit_code == 2


@settings(max_examples=30)
@given(draw=draws)
def test_any_chain_says_it_wherever_one_is_left_out(draw: random.Random) -> None:
    """What is counted of a net with layers made opaque is what the net costs without those."""
    layers = [f"{{conv: {{out_channels: {draw.randint(1, 9)}, kernel_size: 1}}}}" for _ in range(draw.randint(1, 8))]
    report = convcalc.analyze(loads(Source("<test>", f"input: [3, 5]\nlayers: [{', '.join(layers)}]")))
    chosen = [draw.random() < 0.4 for _ in layers]
    for place, row in enumerate(report.layers):
        if chosen[place]:
            layers[place] = f"{{opaque: {list(row.output_shape)}}}"
    part = convcalc.analyze(loads(Source("<test>", f"input: [3, 5]\nlayers: [{', '.join(layers)}]")))
    assert len(part.uncosted) == sum(chosen)
    left = [row for row, out in zip(report.layers, chosen, strict=True) if not out]
    for cost in ("params", "macs", "elementwise_ops", "flops"):
        assert getattr(part.totals, cost) == sum(getattr(row, cost) for row in left)
    assert part.totals.peak_activation_bytes == report.totals.peak_activation_bytes
    assert part.totals.activation_bytes == report.totals.activation_bytes
