"""`convcalc counts` and `--count-as`: every column of every format, for a tool of this test's own, from the ledger.

What tools that ship count is held against real runs elsewhere. Here a tool is made up, so that what it must print
follows from numbers that the ledger counts, and what views make of it is seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

import ledger
import manual
import pytest
from command_line import application
from conftest import MANY
from fuzz.inputs import numbered
from hypothesis import given
from hypothesis import strategies as st
from ledger import Entry, Ledger
from msgspec.structs import replace
from printed import axes, of_csv, of_grid, of_json, of_markdown, run, saved
from rich.cells import cell_len
from typer.testing import CliRunner

import convcalc
from convcalc import counters
from convcalc.analysis.matching import written
from convcalc.cli import completion
from convcalc.language import Source, loads, zoo

TOOL = """\
about: whatever this test likes
package: probe 3.2.1
seen: made up
assumes: [the moon is full]
options: {mode: [plain, doubled]}
figures:
  Ops:
    unit: macs
    count:
      conv: "3 * macs + 7 * out_elements"
      max_pool: entering + in_elements
    zero: [dropout, relu]
    parts: {conv: biases and more}
    others: out_elements * (2 if mode == "doubled" else 1)
  Flops:
    unit: flops
    count: {}
    others: 5 * macs
  weights:
    unit: params
    once: true
    count: {}
    others: params + buffers
faults:
  - kinds: [max_pool]
    when: entering > 0
    what: sees everything twice
    finding: no_such_finding
"""
SEEDS = range(MANY or 2)
FIGURES = {"Ops": "macs", "Flops": "flops", "weights": "params"}


def size(entry: Entry) -> int:
    return prod(entry.shape or ())


def ops(entry: Entry) -> int:
    if entry.kind in ("dropout", "relu"):
        return 0
    if entry.kind == "max_pool":
        return 2 * prod(entry.input_shapes[0])
    return 3 * entry.macs + 7 * size(entry) if entry.kind == "conv" else size(entry)


COUNTED: dict[str, Callable[[Entry], int]] = {
    "Ops": ops,
    "Flops": lambda entry: 5 * entry.macs,
    "weights": lambda entry: entry.params + entry.buffers,
}
OURS: dict[str, Callable[[Entry], int]] = {
    "Ops": lambda entry: entry.macs,
    "Flops": lambda entry: 2 * entry.macs,
    "weights": lambda entry: entry.params,
}


class Probe:
    """A network of the ledger, with the tool, in a folder."""

    def __init__(self, folder: Path, seed: int, batch: int = 1) -> None:
        self.net: Ledger = ledger.network(seed)
        self.path = saved(folder, self.net.text)
        self.tool = saved(folder, TOOL, "probe.yaml")
        self.batch = batch

    def times(self, figure: str) -> int:
        return 1 if figure == "weights" else self.batch

    def layers(self, figure: str, counted: dict[str, Callable[[Entry], int]] = COUNTED) -> list[int]:
        return [counted[figure](entry) * self.times(figure) for entry in self.net.entries]

    def parts(self, figure: str) -> dict[str, int]:
        """The differences by what they are of, the largest first."""
        parts: dict[str, int] = {}
        for entry, count, own in zip(self.net.entries, self.layers(figure), self.layers(figure, OURS), strict=True):
            word = "biases and more" if figure == "Ops" and entry.kind == "conv" else entry.kind
            parts[word] = parts.get(word, 0) + count - own
        made_of = {word: number for word, number in parts.items() if number}
        return dict(sorted(made_of.items(), key=lambda part: -abs(part[1])))

    def run(self, *arguments: str) -> str:
        return run("counts", self.path, "--batch", str(self.batch), *arguments)


@pytest.fixture(params=[(seed, batch) for seed in SEEDS for batch in (1, 3)], ids=str)
def probe(request: pytest.FixtureRequest, tmp_path: Path) -> Probe:
    return Probe(tmp_path, *request.param)


# ---- the table of tools --------------------------------------------------------------------------------------------


def test_json_has_every_figure_and_what_its_difference_is_made_of(probe: Probe) -> None:
    document = of_json(probe.run("--tool", probe.tool, "--format", "json"))
    assert {name: document[name] for name in ("model", "spec", "batch", "inputs")} == {
        "model": "net", "spec": probe.path, "batch": probe.batch, "inputs": {"input": list(probe.net.input)},
    }  # fmt: skip
    assert [tool["figure"] for tool in document["tools"]] == list(FIGURES)
    for tool in document["tools"]:
        figure = tool["figure"]
        count, own = sum(probe.layers(figure)), sum(probe.layers(figure, OURS))
        assert (tool["tool"], tool["package"], tool["unit"]) == ("probe", "probe 3.2.1", FIGURES[figure])
        assert (tool["count"], tool["ours"], tool["difference"]) == (count, own, count - own)
        assert {part["part"]: part["difference"] for part in tool["parts"]} == probe.parts(figure)
        assert [part["part"] for part in tool["parts"]] == list(probe.parts(figure))
    pools = [entry.name for entry in probe.net.entries if entry.kind == "max_pool"]
    fault = {"tool": "probe", "what": "sees everything twice", "finding": "no_such_finding", "layers": pools}
    assert document["faults"] == [fault]
    assert "the moon is full" in [item["assumption"] for item in document["assumptions"]]


def test_csv_has_a_row_for_every_figure(probe: Probe) -> None:
    header, rows = of_csv(probe.run("--tool", f"{probe.tool}:mode=doubled,figure=Ops", "--format", "csv"))
    (row,) = rows
    others = sum(
        size(entry) for entry in probe.net.entries if entry.kind not in ("conv", "max_pool", "dropout", "relu")
    )
    count, own = sum(probe.layers("Ops")) + others * probe.batch, sum(probe.layers("Ops", OURS))
    assert row == {
        "model": "net", "spec": probe.path, "tool": "probe:mode=doubled", "package": "probe 3.2.1", "figure": "Ops",
        "unit": "macs", "count": str(count), "ours": str(own), "difference": str(count - own), "parts": row["parts"],
        "unknown": "0", "unknown_layers": "", "faults": "sees everything twice",
    }  # fmt: skip
    assert list(row) == header
    assert sum(int(part.rpartition(" ")[2]) for part in row["parts"].split("; ")) == count - own


def test_markdown_and_tables_have_the_same_figures_uncut(probe: Probe) -> None:
    ((header, rows),) = of_markdown(probe.run("--tool", probe.tool, "--format", "markdown"))
    assert header == ["tool", "word", "prints", "ours", "difference", "made of"]
    shown = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["word"] for row in shown] == list(FIGURES)
    for row in shown:
        count, own = sum(probe.layers(row["word"])), sum(probe.layers(row["word"], OURS))
        assert (row["prints"], row["ours"], row["difference"]) == (f"{count:,}", f"{own:,}", f"{count - own:+,}")
        parts = [f"{word} {number:+,}" for word, number in probe.parts(row["word"]).items()]
        assert row["made of"].split(", ")[:3] == parts[:3]
    text = probe.run("--tool", probe.tool)
    assert all(f"{sum(probe.layers(figure)):,}" in text for figure in FIGURES)
    assert "fault of probe in " in text
    assert "(findings/no_such_finding.sh)" in text
    assert text.rstrip().endswith("rules of probe 3.2.1")


def test_across_has_a_row_for_every_network(tmp_path: Path) -> None:
    for seed in (1, 2):
        (tmp_path / str(seed)).mkdir()
    probes = [Probe(tmp_path / str(seed), seed) for seed in (1, 2)]
    tool = probes[0].tool
    paths = [probe.path for probe in probes]
    ((header, rows),) = of_markdown(run("counts", *paths, "--across", "--tool", tool, "--format", "markdown"))
    assert header == ["network", "our MACs", "probe Ops"]
    assert rows == [["net", f"{sum(probe.layers('Ops', OURS)):,}", f"{sum(probe.layers('Ops')):,}"] for probe in probes]
    _, records = of_csv(run("counts", *paths, "--across", "--tool", tool, "--format", "csv"))
    assert [int(row["count"]) for row in records] == [sum(probe.layers("Ops")) for probe in probes]


WIDTHS = (78, 100, 200)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", list(zoo.names()) if MANY else ["unet", "mobilenet_v2", "r3d_18"])
def test_no_figure_is_cut_at_any_width(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manual, "WIDTH", width)
    code, text = manual.run(f"convcalc counts zoo:{name}")
    assert code == 0
    assert max(map(cell_len, text.splitlines())) <= width
    flat = " ".join(text.split())
    for tool in convcalc.counts(convcalc.load(f"zoo:{name}")):
        assert f"{tool.count:,}" in flat
        assert all(f"{part.difference:+,}" in flat for part in tool.parts[:3])
    assert not re.search(r"\d…", text)


# ---- layer by layer ------------------------------------------------------------------------------------------------


def evaluated(rule: str) -> Any:
    """A rule with its numbers, worked out by Python."""
    return eval(rule, {"true": True, "false": False, "null": None, "max": max, "min": min, "sum": sum, "len": len})  # noqa: S307


def test_every_layer_has_its_rule_with_numbers_that_give_its_count(probe: Probe) -> None:
    given_ = ("--explain", probe.tool, "--format", "csv")
    header, rows = of_csv(probe.run(*given_))
    assert header[:5] == ["model", "spec", "tool", "figure", "layer"]
    for entry, count, own, row in zip(
        probe.net.entries, probe.layers("Ops"), probe.layers("Ops", OURS), rows, strict=True
    ):
        assert (row["layer"], row["kind"], row["count"], row["ours"]) == (entry.name, entry.kind, str(count), str(own))
        assert evaluated(row["numbers"]) * probe.batch == count
        assert row["faults"] == ("sees everything twice" if entry.kind == "max_pool" else "")
    text = probe.run("--explain", probe.tool, "--top", "4")
    largest = sorted(map(lambda a, b: abs(a - b), probe.layers("Ops"), probe.layers("Ops", OURS)))[-4:]
    assert all(f"+{number:,}" in text for number in largest)
    record = of_json(probe.run("--explain", probe.tool, "--format", "json"))
    assert [layer["count"] for layer in record["layers"]] == probe.layers("Ops")
    assert "conv (nn): 3 * macs + 7 * out_elements" in text


@pytest.mark.parametrize("tool", counters.names())
def test_rules_of_tools_that_ship_are_put_in_numbers(tool: str) -> None:
    """Where a rule asks for nothing but numbers, they give what is counted."""
    _, rows = of_csv(run("counts", "zoo:resnet18", "--explain", tool, "--format", "csv"))
    for row in rows:
        if row["count"] and row["rule"] and not re.search("[a-z_]{3,}\\(", row["numbers"]):
            assert int(evaluated(row["numbers"])) == int(row["count"]), row


# ---- a number that was written somewhere ---------------------------------------------------------------------------


@given(st.integers(1, 10**13), st.sampled_from([("", 0), ("k", 3), ("M", 6), ("G", 9), ("B", 9)]), st.integers(0, 3))
def test_a_number_is_what_is_rounded_to_it(count: int, suffix: tuple[str, int], places: int) -> None:
    """Python's own way to print so many decimals, in whole numbers; halves may go either way."""
    letter, power = suffix
    places = min(places, power)
    step = 10 ** (power - places)
    digits = (count + step // 2) // step
    text = f"{digits // 10**places:,}" + (f".{digits % 10**places:0{places}}" if places else "")
    assert written(f"{text}{letter}").holds(count)
    assert written(f"{text} {letter}FLOPs").unit == "flops"
    if step > 1:
        assert not written(f"{text}{letter}").holds(count + 2 * step)


@pytest.mark.parametrize(
    ("text", "low", "high", "unit"),
    [
        ("4.13 GMac", 4_125_000_000, 4_135_000_000, "macs"),
        ("8.2 GFLOPs", 8_150_000_000, 8_250_000_000, "flops"),
        ("4,133,742,592", 4_133_742_592, 4_133_742_592, ""),
        ("4133.74M", 4_133_735_000, 4_133_745_000, ""),
        ("25.6 million parameters", 25_550_000, 25_650_000, "params"),
        ("3.8 x 10^9 FLOPs", 3_750_000_000, 3_850_000_000, "flops"),
        ("1.8e9 mult-adds", 1_750_000_000, 1_850_000_000, "macs"),
        ("569 M-Adds", 569, 569, "macs"),
        ("25M", 24_500_000, 25_500_000, ""),
    ],
)
def test_how_a_number_may_be_written(text: str, low: int, high: int, unit: str) -> None:
    number = written(text)
    assert (number.low, number.high, number.unit) == (low, high, unit)


@pytest.mark.parametrize(
    "text", ["", "many", "4.13", "-4G", "4.13X", "1" * 60, "4..1G", "0x10", "4.13 G of it", "1e99"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        written(text)


def matched(probe: Probe, text: str, code: int = 0) -> Any:
    arguments = ["counts", probe.path, "--tool", probe.tool, "--match", text, "--format", "json"]
    result = CliRunner().invoke(application(), arguments)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_who_gives_a_number(tmp_path: Path) -> None:
    probe = Probe(tmp_path, 3)
    document = matched(probe, f"{sum(probe.layers('Ops')):,}")
    assert [(way["whose"], way["what"]) for way in document["matches"]] == [("probe", "Ops")]
    doubled = sum(probe.layers("Ops")) + sum(
        size(entry) for entry in probe.net.entries if entry.kind not in ("conv", "max_pool", "dropout", "relu")
    )
    assert ("probe:mode=doubled", "Ops") in [
        (way["whose"], way["what"]) for way in matched(probe, str(doubled))["matches"]
    ]
    macs = sum(entry.macs for entry in probe.net.entries)
    assert ("ours", "2 x MACs") in [(way["whose"], way["what"]) for way in matched(probe, str(2 * macs))["matches"]]
    batch = matched(probe, str(8 * macs))
    assert batch["is_at_another_size_or_batch"]
    assert ("ours", "MACs", 8) in [(way["whose"], way["what"], way["batch"]) for way in batch["matches"]]
    none = matched(probe, "999,999,999,999,999", code=1)
    assert not none["matches"]
    assert none["nearest"]


@pytest.mark.parametrize("side", [256, 299] if not MANY else [96, 160, 256, 299, 320, 448])
def test_at_which_size_a_number_is_had(side: int) -> None:
    network = convcalc.load("zoo:resnet18", inputs={"input": (3, side, side)})
    macs = convcalc.analyze(network).totals.macs
    text = f"{macs / 10**9:.2f}"
    result = CliRunner().invoke(
        application(), ["counts", "zoo:resnet18", "--tool", "thop", "--match", f"{text}G", "--format", "csv"]
    )
    _, rows = of_csv(result.stdout)
    ways = [(row["whose"], row["what"], int(row["count"]), row["inputs"]) for row in rows]
    assert ("ours", "MACs", macs, f"input=3x{side}x{side}") in ways


def test_a_model_file_is_read_again_at_other_sizes(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    spec = saved(tmp_path, "input: [3, 32, 32]\nlayers:\n  - conv: {out_channels: 8, kernel_size: 3, padding: 1}\n")
    model = str(tmp_path / "net.onnx")
    run("export", spec, "-o", model)
    count = 8 * 3 * 9 * 48 * 48
    _, rows = of_csv(run("counts", model, "--tool", "thop", "--match", f"{count:,}", "--format", "csv"))
    assert ("ours", "MACs", str(count)) in [(row["whose"], row["what"], row["count"]) for row in rows]
    assert all(axes((3, 48, 48)) in row["inputs"] for row in rows)


# ---- beside our own: analyze and compare ---------------------------------------------------------------------------


def test_analyze_counts_as_a_tool_on_every_line(probe: Probe) -> None:
    by_name = dict(zip([entry.name for entry in probe.net.entries], probe.layers("Ops"), strict=True))
    given_ = ("analyze", probe.path, "--count-as", probe.tool, "--batch", str(probe.batch))
    for by, expand in (("layer", False), ("layer", True), ("block", False), ("kind", False)):
        _, rows = of_csv(run(*given_, "--format", "csv", "--by", by, *["--expand"] * expand))
        assert sum(int(row["tool_count"]) for row in rows) == sum(by_name.values())
        assert {(row["tool"], row["tool_figure"], row["tool_unknown"]) for row in rows} == {("probe", "Ops", "0")}
        if expand:
            assert {row["name"]: int(row["tool_count"]) for row in rows} == by_name
    document = of_json(run(*given_, "--format", "json", "--by", "kind"))
    assert {layer["name"]: layer["count"] for layer in document["count_as"]["layers"]} == by_name
    assert document["count_as"]["count"] == sum(line["tool_count"] for line in document["lines"])
    ((header, lines),) = of_markdown(run(*given_, "--format", "markdown", "--expand"))
    assert {line[0]: line[header.index("probe Ops")] for line in lines} == {n: f"{c:,}" for n, c in by_name.items()}
    text = run(*given_)
    assert f"probe 3.2.1: {sum(by_name.values()):,} Ops; ours {sum(probe.layers('Ops', OURS)):,}" in text


def test_analyze_without_a_tool_says_nothing_of_tools(tmp_path: Path) -> None:
    probe = Probe(tmp_path, 1)
    for form in ("csv", "json", "markdown", "table"):
        text = run("analyze", probe.path, "--format", form)
        text = text.replace(probe.path, "")
        assert not re.search("tool|count_as", text)


def test_compare_counts_both_sides(tmp_path: Path) -> None:
    probe = Probe(tmp_path, 2)
    other = saved(tmp_path, ledger.network(2, 1).text, "other.yaml")
    before = sum(probe.layers("Ops"))
    after = sum(map(ops, ledger.network(2, 1).entries))
    given_ = ("compare", probe.path, other, "--count-as", probe.tool)
    text = run(*given_)
    (line,) = [line for line in text.splitlines() if re.match(r"probe Ops +\d", line)]
    assert line.split()[2:5] == [f"{before:,}", f"{after:,}", f"{after - before:+,}"]
    document = of_json(run(*given_, "--format", "json"))
    assert [document[side]["count_as"]["count"] for side in ("base", "head")] == [before, after]
    ((_, rows), *_) = of_markdown(run(*given_, "--format", "markdown"))
    assert ["probe Ops", f"{before:,}", f"{after:,}", f"{after - before:+,}"] in [row[:4] for row in rows]
    _, records = of_csv(run("compare", probe.path, other, other, "--count-as", probe.tool, "--format", "csv"))
    assert [int(row["tool_count"]) for row in records] == [before, after, after]


# ---- what is not known, and what is wrong --------------------------------------------------------------------------


HALF = """\
input: [3, 8, 8]
layers:
  - conv: {name: stem, out_channels: 4, kernel_size: 1, bias: false}
  - opaque: {name: odd, output_shape: [4, 8, 8]}
  - gelu: {name: act}
"""
STRICT = """\
package: strict 1
figures: {MACs: {unit: macs, count: {conv: macs}}}
"""


def test_layers_that_nobody_has_seen_are_named_and_never_nothing(tmp_path: Path) -> None:
    spec, strict = saved(tmp_path, HALF), saved(tmp_path, STRICT, "strict.yaml")
    generous = saved(tmp_path, STRICT.replace("{conv: macs}", "{}, others: 0"), "generous.yaml")
    text = run("counts", spec, "--tool", f"{strict},{generous}")
    assert "strict MACs: at least; not known for 2 layers, odd, act" in text
    assert "generous MACs: at least; not known for 1 layer, odd" in text
    assert "≥ 768" in text
    matched = run("counts", spec, "--tool", f"{strict},thop", "--match", "768")
    assert "left out: strict, thop; nobody has seen what they count in some layers" in matched
    document = of_json(run("counts", spec, "--tool", strict, "--format", "json"))
    (tool,) = document["tools"]
    assert (tool["count"], tool["at_least"], tool["unknown_layers"]) == (768, True, ["odd", "act"])
    assert (tool["difference"], tool["parts"]) == (None, [])
    assert document["uncosted_layers"] == ["odd"]
    _, rows = of_csv(run("analyze", spec, "--count-as", strict, "--format", "csv"))
    assert [(row["tool_count"], row["tool_unknown"]) for row in rows] == [("768", "0"), ("", "1"), ("", "1")]
    table = run("analyze", spec, "--count-as", strict).splitlines()
    header, cells = of_grid(table[1:5])
    assert [row[header.index("strict MACs")] for row in cells] == ["768", "?", "?"]
    _, explained = of_csv(run("counts", spec, "--explain", strict, "--format", "csv"))
    assert [row["count"] for row in explained] == ["768", "", ""]
    result = CliRunner().invoke(application(), ["counts", spec, "--tool", strict, "--match", "768"])
    assert "strict" not in result.stdout.split("left out")[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--tool", "thpo"), ("there is no counter `thpo`", "did you mean `thop`?")),
        (("--tool", "thop:mood=x"), ("thop has no option `mood`",)),
        (("--tool", "thop:figure=GMac"), ("thop has figure=", "not `GMac`")),
        (("--tool", "nope.yaml"), ("nope.yaml", "cannot be read")),
        (("--match", "many"), ("expected a number such as 4.13G", "'many'")),
        (("--explain", "thpo"), ("did you mean `thop`?",)),
        (("--explain", "thop", "--match", "4G"), ("--explain and --match print something else each",)),
        (("--explain", "thop", "--tool", "thop"), ("leave --tool out",)),
        (("--top", "3"), ("is for --explain",)),
        (("--match", ""), ("--match: expected a value",)),
        (("--explain", ""), ("--explain: expected a value",)),
        (("--rules", ""), ("--rules: expected a value",)),
        (("--match", "4.13"), ("decimals of something", "found '4.13'")),
        (("--match", "9" * 30), ("at most 24 digits", "found '999")),
        (("--tool", "fvcore:mode=eval,mode=train"), ("`mode` stands there twice", "name the tool again")),
        (("--list",), ("takes no network",)),
        (("--format", "xml"), ("expected one of table, csv, json, markdown",)),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(application(), ["counts", "zoo:resnet18", *arguments])
    text = re.sub(r"[│\s]+", " ", result.output)
    assert result.exit_code == 2, text
    assert all(word in text for word in words), text
    assert "Traceback" not in text


def test_what_is_of_all_tools_takes_none() -> None:
    for arguments in (("--list",), ("--faults",), ("--rules", "thop")):
        result = CliRunner().invoke(application(), ["counts", *arguments, "--tool", "thop"])
        assert result.exit_code == 2
        assert "is for networks" in result.output


def test_all_that_is_wrong_with_tools_is_told_at_once() -> None:
    result = CliRunner().invoke(application(), ["counts", "zoo:resnet18", "--tool", "a,b:c=d,e=f,thop:x=y"])
    assert [name in result.output for name in ("`a`", "`b`", "`x`")] == [True] * 3


def test_files_that_cannot_be_read_leave_the_others(tmp_path: Path) -> None:
    probe, bad = Probe(tmp_path, 1), saved(tmp_path, "input: [3, 8, 8]\nlayers: [{conv: 9}]\n", "bad.yaml")
    result = CliRunner().invoke(application(), ["counts", bad, probe.path, "--tool", probe.tool, "--format", "json"])
    assert result.exit_code == 2
    first, second = json.loads(result.stdout)
    assert (first["spec"], bool(first["errors"]), second["model"]) == (bad, True, "net")
    assert f"{bad}:2" in result.stderr


def test_merged_layers_are_not_what_a_tool_saw(tmp_path: Path) -> None:
    probe = Probe(tmp_path, 1)
    deployed = saved(tmp_path, f"deploy: {{fused: true}}\n{probe.net.text}", "deployed.yaml")
    for arguments in (
        ("analyze", probe.path, "--fused"),
        ("analyze", deployed),
        ("compare", probe.path, probe.path, "--fused"),
    ):
        result = CliRunner().invoke(application(), [*arguments, "--count-as", probe.tool])
        assert result.exit_code == 2
        assert "--no-fused counts them by themselves" in " ".join(result.output.split())
    assert "probe 3.2.1: " in run("analyze", deployed, "--no-fused", "--count-as", probe.tool)


# ---- the tools themselves ------------------------------------------------------------------------------------------


def test_every_tool_is_listed_with_what_it_prints() -> None:
    text = run("counts", "--list")
    _, rows = of_csv(run("counts", "--list", "--format", "csv"))
    assert [row["tool"] for row in rows] == counters.names()
    for row in rows:
        counter = counters.load(row["tool"])
        assert row["package"] == counter.package
        assert row["figures"].split(", ") == list(counter.figures)
        assert counter.about in " ".join(text.split())


@pytest.mark.parametrize("name", counters.names())
def test_rules_are_shown_whole(name: str) -> None:
    counter, text = counters.load(name), run("counts", "--rules", name)
    for figure in counter.figures.values():
        for kind, rules in figure.rules.items():
            assert re.search(rf"\b{kind}\b", text)
            assert all(rule.text in text for rule in rules.values())
    assert all(fault.what in text for fault in counter.faults)
    record = of_json(run("counts", "--rules", name, "--format", "json"))
    assert [figure["figure"] for figure in record["figures"]] == list(counter.figures)
    _, rows = of_csv(run("counts", "--faults", "--format", "csv"))
    assert [row["what"] for row in rows if row["tool"] == name] == [fault.what for fault in counter.faults]


def test_findings_that_are_named_are_there() -> None:
    """A fault names a script that shows it."""
    folder = manual.ROOT / "findings"
    named = {fault.finding for name in counters.names() for fault in counters.load(name).faults if fault.finding}
    assert {name for name in named if not (folder / f"{name}.sh").is_file()} == set()


@pytest.mark.parametrize("number", range(MANY or 40))
def test_rules_that_ship_come_to_a_number_on_any_network(number: int) -> None:
    """Or the layer is not known; a rule that fails would end the command for all tools."""
    try:
        with convcalc.steps.run():
            network = loads(Source("net.yaml", numbered("specs", number).data.decode()))
    except (convcalc.SpecError, convcalc.steps.OutOfSteps, UnicodeDecodeError):
        return  # half of them are wrong, as they are meant to be
    for tool in convcalc.counts(network):
        known = [layer.count for layer in tool.layers if layer.count is not None]
        assert min(known, default=0) >= 0
        assert sum(part.difference for part in tool.parts) == sum(known) - sum(
            layer.ours for layer in tool.layers if layer.count is not None
        )
        assert len(known) + len(tool.unknown) == len(network.layers)


def test_tools_are_completed() -> None:
    assert "thop" in completion.counter("th")
    assert completion.counter("thop:figure=p") == ["thop:figure=params"]
    assert completion.counters("thop,thop:fig") == ["thop,thop:figure=MACs", "thop,thop:figure=params"]
    assert completion.counter("nobody:x") == []


def test_python_has_it() -> None:
    network = convcalc.load("zoo:resnet18")
    tools = convcalc.counts(network, "thop", batch=2)
    assert (tools[0].choice.figure.word, tools[0].count) == ("MACs", 2 * 1_824_033_792)
    assert convcalc.counts(network, ["thop:figure=params"])[0].count == 11_689_512
    with pytest.raises(convcalc.SpecError):
        convcalc.counts(network, "thpo")


@pytest.mark.parametrize("name", list(zoo.names()) if MANY else ["resnet18", "densenet121", "r3d_18"])
def test_ours_is_what_analyze_says(name: str) -> None:
    """Arrays that are shared or borrowed are counted once there too."""
    network = convcalc.load(f"zoo:{name}")
    totals = convcalc.analyze(network).totals
    for tool in convcalc.counts(network):
        own = {"macs": totals.macs, "flops": 2 * totals.macs, "params": totals.params}
        assert tool.ours == own[tool.choice.figure.unit]


# ---- faults that are planted ---------------------------------------------------------------------------------------

COUNTS = "convcalc.views.tool_counts"
PLANTED: dict[str, tuple[str, Callable[[Any], Any], Callable[[Probe], None]]] = {
    "a difference the other way": (
        f"{COUNTS}:beyond", lambda right: lambda tool: -right(tool),
        test_json_has_every_figure_and_what_its_difference_is_made_of,
    ),
    "the first part for all": (
        f"{COUNTS}:parts", lambda right: lambda *given_: right(*given_)[:1],
        test_markdown_and_tables_have_the_same_figures_uncut,
    ),
    "our figure for the tool's": (
        f"{COUNTS}:printed", lambda right: lambda tool: f"{tool.ours:,}",
        test_markdown_and_tables_have_the_same_figures_uncut,
    ),
    "layers in reverse": (
        "convcalc.views.tool_layers:layers_of", lambda right: lambda counted: right(counted)[::-1],
        test_every_layer_has_its_rule_with_numbers_that_give_its_count,
    ),
    "rules with names for numbers": (
        "convcalc.views.tool_layers:with_numbers", lambda right: lambda rule, facts: rule.text,
        test_every_layer_has_its_rule_with_numbers_that_give_its_count,
    ),
    "a line of one more": (
        "convcalc.analysis.lines:layer_line",
        lambda right: lambda *given_: (lambda line: replace(line, tool_count=line.tool_count + 1))(right(*given_)),
        test_analyze_counts_as_a_tool_on_every_line,
    ),
    "a tool's count of one sample": (
        "convcalc.analysis.tools:counted_as",
        lambda right: lambda report, choice: right(replace(report, terms=replace(report.terms, batch=1)), choice),
        test_analyze_counts_as_a_tool_on_every_line,
    ),
    "faults that are not there": (
        f"{COUNTS}:faults", lambda right: lambda tools: [],
        test_json_has_every_figure_and_what_its_difference_is_made_of,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", PLANTED)
def test_a_fault_that_is_planted_is_seen(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, wrong, check = PLANTED[what]
    module, _, name = place.partition(":")
    home = import_module(module)
    monkeypatch.setattr(home, name, wrong(getattr(home, name)))
    with pytest.raises((AssertionError, NameError)):  # a name is no number to `evaluated`
        check(Probe(tmp_path, 0, 3))


def test_what_is_not_costed_here_is_at_least_and_not_nothing(tmp_path: Path) -> None:
    """Of a layer without a cost neither we nor the tools know anything: our number is no more certain than theirs."""
    path = tmp_path / "net.yaml"
    path.write_text("input: [3, 8, 8]\nlayers:\n  - conv: {out_channels: 8, kernel_size: 3}\n  - opaque\n", "utf-8")
    macs = 6 * 6 * 8 * 3 * 9
    table = run("counts", str(path), "--tool", "thop:figure=MACs")
    assert f"ours: ≥ {macs:,} MACs" in table
    assert f"≥ {macs:,}  ≥ {macs:,}" in table
    layers = run("counts", str(path), "--explain", "thop")
    assert re.search(r"^opaque1 +opaque +nn +\? +\? +\?", layers, re.MULTILINE)
    assert f"ours ≥ {macs:,}" in layers
    assert run("counts", str(path), "--across", "--tool", "thop").count(f"  ≥ {macs:,}") == len(["ours", "thop"])
    matched = run("counts", str(path), "--match", str(macs))
    assert re.search(rf"^ours +MACs +≥ {macs:,} +exact", matched, re.MULTILINE)


def test_a_tool_with_two_figures_as_ours_is_named_once(tmp_path: Path) -> None:
    path = saved(tmp_path, "input: [3, 8, 8]\nlayers:\n  - conv: {out_channels: 8, kernel_size: 3}\n")
    assert "params: keras-summary, thop print 224, as ours" in run("counts", path, "--tool", "keras-summary,thop")
    assert "params: keras-summary prints 224, as ours" in run("counts", path, "--tool", "keras-summary")
