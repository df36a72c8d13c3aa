"""Budgets, expectations and regressions, against figures that are added up here from the report's rows."""

from __future__ import annotations

import math
import random
import re
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from conftest import draws
from hypothesis import given
from hypothesis import strategies as st
from lint_runs import UNCONFIGURED, command, lint_text, marked

import convcalc
from convcalc import Report, analyze
from convcalc.language import Source, loads
from convcalc.language.quantities import AMOUNTS, amount
from convcalc.linting.options import UsageError, growths
from convcalc.views import budget

CODES = {
    "params": "CC501",
    "buffers": "CC501",
    "macs": "CC502",
    "elementwise_ops": "CC502",
    "flops": "CC502",
    "peak_activation_bytes": "CC503",
    "activation_bytes": "CC503",
    "weight_bytes": "CC504",
    "buffer_bytes": "CC504",
    "bit_operations": "CC502",
}
DEPLOYED = {**CODES, "sram": "CC508", "flash": "CC509"}
NET = """\
name: net
input: [3, 16, 16]
blocks:
  unit:
    parameters: {{channels: required}}
    layers:
      - conv: {{name: one, out_channels: channels, kernel_size: 3, padding: 1{inner}}}
      - batch_norm
      - add: {{from: [input, one]{merge}}}
layers:
  - conv: {{name: stem, out_channels: 8, kernel_size: 3, stride: 2, padding: 1{stem}}}
  - unit: {{name: stage, channels: 8, repeat: 3{stage}}}
  - relu
  - bottleneck: {{name: shipped, channels: 4{shipped}}}
  - linear: {{name: head, out_features: 10{head}}}
"""
PLACES = ("inner", "merge", "stem", "stage", "shipped", "head")


def net(**fields: str) -> str:
    return NET.format(**dict.fromkeys(PLACES, "") | fields)


PLAIN: Report = analyze(loads(Source("net.yaml", net())))


def alive(report: Report, names: set[str]) -> int:
    """The most bytes that are alive while one of some layers runs, by going through them for each."""
    nodes = report.network.nodes
    most = 0
    for when, node in enumerate(nodes):
        if node.name not in names:
            continue
        needed = {when}
        for index in range(when + 1):
            later = any(index in other.inputs for other in nodes[when:])
            if later or index in report.network.outputs:
                needed.add(index)
        most = max(most, sum(4 * math.prod(nodes[index].shape) for index in needed))
    return most


def figure(report: Report, name: str, prefix: str) -> int:
    """An amount of the layers whose names begin so, from the rows."""
    rows = [row for row in report.layers if row.name == prefix or row.name.startswith(f"{prefix}.") or not prefix]
    if name == "peak_activation_bytes":
        return alive(report, {row.name for row in rows})
    if name == "activation_bytes":
        return sum(4 * math.prod(row.output_shape) for row in rows)
    if name in ("weight_bytes", "buffer_bytes"):
        return 4 * sum(row.params if name == "weight_bytes" else row.buffers for row in rows)
    return sum(getattr(row, name) for row in rows)


AROUND = st.sampled_from([-2, -1, 0, 1, 1000])
LAYERS = st.sampled_from(["stem", "stage", "shipped", "head", ""])


@given(LAYERS, st.sampled_from(AMOUNTS), AROUND)
def test_a_budget_is_exceeded_from_one_more_on(layer: str, name: str, room: int) -> None:
    result = figure(PLAIN, name, layer)
    limit = max(0, result + room)
    written = f"budget: {{{name}: {limit}}}"
    text = net(**{layer: f", {written}"}) if layer else f"{written}\n{net()}"
    linted = lint_text(text, select=("CC5",))
    if result <= limit:
        assert linted.findings == ()
        return
    (finding,) = linted.findings
    assert (finding.code, finding.severity, marked(text, finding)) == (CODES[name], "error", name)
    assert finding.layer == layer
    numbers = [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d(?= |$)", finding.message)]
    assert numbers[:2] == [result, result - limit]
    assert f"{limit:,}" in finding.message
    if limit:
        assert f"({100 * (result - limit) / limit:.1f} %)" in finding.message


# ---- as it is deployed -------------------------------------------------------------------------------------------

TERMS = st.fixed_dictionaries(
    {
        "fused": st.booleans(),
        "dtype": st.sampled_from(["float32", "int8", "weights=int4,activations=int8,bias=int32", "int3"]),
        "batch": st.sampled_from([1, 3]),
    }
)
BITS = {"float32": 32, "int8": 8, "int4": 4, "int3": 3, "int32": 32}


def formats_of(dtype: str) -> dict[str, int]:
    """The bits of each role."""
    if "=" not in dtype:
        return dict.fromkeys(("weights", "activations", "bias"), BITS[dtype])
    return {role: BITS[name] for role, name in (part.split("=") for part in dtype.split(","))}


def kernels(report: Report, prefix: str) -> list[int]:
    """The rows in which layers run whose names begin so."""
    return [
        place
        for place, row in enumerate(report.layers)
        for names in [(row.name, *row.fused)]
        if not prefix or any(name == prefix or name.startswith(f"{prefix}.") for name in names)
    ]


def held(report: Report, bits: dict[str, int], rows: list[int], *, learned: bool) -> int:
    """Bytes of the arrays of some rows, whose filters each begin on a byte."""
    network, most = report.network, 0
    for node in [network.layers[row] for row in rows]:
        config, shapes = node.config, network.shapes_into(node)
        for name, shape in (config.weights(*shapes) if learned else config.buffers(*shapes)).items():
            filters = shape[0] if len(shape) > 1 else 1
            size = bits["bias" if name == "bias" else "weights"]
            most += filters * math.ceil(math.prod(shape) // filters * size / 8)
    return most


def occupied(report: Report, bits: int, batch: int, rows: list[int]) -> int:
    """The most bytes that are in use while one of some rows runs, by the places that tensors are in."""
    network, most = report.network, 0
    nodes, place = network.nodes, list(range(len(network.nodes)))
    for index, node in enumerate(nodes):
        if node.overwritten is not None:
            place[index] = place[node.overwritten]
    for row in rows:
        when = row + network.input_count
        needed = {when}
        for index in range(when + 1):
            if any(index in other.inputs for other in nodes[when:]) or index in network.outputs:
                needed.add(index)
        sizes: dict[int, int] = {}
        for index in needed:
            size = batch * math.ceil(math.prod(nodes[index].shape) * bits / 8)
            sizes[place[index]] = max(size, sizes.get(place[index], 0))
        most = max(most, sum(sizes.values()))
    return most


def amount_of(report: Report, name: str, layer: str, dtype: str, batch: int) -> int:
    """An amount of what is deployed, counted from the shapes."""
    rows, bits = kernels(report, layer), formats_of(dtype)
    chosen = [report.layers[row] for row in rows]
    if name in ("peak_activation_bytes", "sram"):
        return occupied(report, bits["activations"], batch, rows)
    if name == "activation_bytes":
        return sum(batch * math.ceil(math.prod(row.output_shape) * bits["activations"] / 8) for row in chosen)
    if name == "bit_operations":
        return sum(row.macs for row in chosen) * bits["activations"] * bits["weights"]
    if name in ("flash", "weight_bytes", "buffer_bytes"):
        weights, buffers = (held(report, bits, rows, learned=learned) for learned in (True, False))
        return {"flash": weights + buffers, "weight_bytes": weights, "buffer_bytes": buffers}[name]
    return int(sum(getattr(row, name) for row in chosen))


def spelt(dtype: str) -> Any:
    """As a spec writes it."""
    return dict(part.split("=") for part in dtype.split(",")) if "=" in dtype else dtype


@given(LAYERS, st.sampled_from([*DEPLOYED]), st.sampled_from([-1, 0]), TERMS, st.booleans())
def test_a_budget_is_about_what_is_deployed(
    layer: str, name: str, room: int, how: dict[str, Any], in_spec: bool
) -> None:
    report = analyze(loads(Source("net.yaml", net())), **how)
    most = amount_of(report, name, layer, how["dtype"], how["batch"])
    written = f"budget: {{{name}: {max(0, most + room)}}}"
    text = net(**{layer: f", {written}"}) if layer else f"{written}\n{net()}"
    deploy = yaml.safe_dump({"deploy": {**how, "dtype": spelt(how["dtype"])}})
    linted = lint_text(f"{deploy}{text}", select=("CC5",)) if in_spec else lint_text(text, select=("CC5",), **how)
    if room == 0 or most == 0:
        assert linted.findings == ()
        return
    (finding,) = linted.findings
    assert (finding.code, finding.layer) == (DEPLOYED[name], layer)
    assert f" {most:,} " in f" {finding.message}"
    assert ("fused" in finding.message) is (how["fused"] or name in ("sram", "flash"))
    assert ("not fused" in finding.message) is (not how["fused"] and name in ("sram", "flash"))


BOARD = "peak: {int8: 2 GOP/s}\nbandwidth: 1 MB/s\n"
SLOW = """\
input: [10, 10, 10]
layers:
  - conv: {{out_channels: 10, kernel_size: 1, bias: false{}}}
  - conv: {{out_channels: 5, kernel_size: 1, bias: false, bits: fp8}}
"""


def test_a_bound_is_held_against_its_layers(tmp_path: Path) -> None:
    """On a board so slow at reading that bytes alone count: a kilobyte takes a millisecond."""
    board, still = tmp_path / "board.yaml", tmp_path / "still.yaml"
    board.write_text(BOARD, "utf-8")
    still.write_text("channels: {int8: 4}\n", "utf-8")
    how: dict[str, Any] = {"select": ("CC510",), "device": str(board), "dtype": "int8"}
    for limit, is_over in (("2.1", False), ("2.09999", True), ("2", True)):
        linted = lint_text(SLOW.format(f", budget: {{bound_ms: {limit}}}"), **how)
        assert bool(linted.findings) is is_over
        for finding in linted.findings:
            assert finding.message.startswith("conv1: at least 2.1 ms on board (not fused, int8) are ")
    budget_ = "budget: {bound_ms: 100}\n"
    (finding,) = lint_text(budget_ + SLOW.format(""), **how).findings
    assert (finding.severity, finding.line, finding.column) == ("error", 1, 10)
    assert finding.message == "bound_ms: conv2: board has no fp8; it has int8"
    (finding,) = lint_text(budget_ + SLOW.format(""), select=("CC510",)).findings
    assert finding.message == "bound_ms: a bound of time is that of a device, and none is named"
    (finding,) = lint_text(budget_ + SLOW.format(""), **{**how, "device": str(still)}).findings
    assert "no peak and no bandwidth of still are known" in finding.message


CONFIGURED = """\
[lint]
device = "board.yaml"
dtype = "int8"
fused = true
select = ["CC5"]
[lint.budgets]
"*" = {bound_ms = 0.25, sram = "1 KiB", flash = 10}
"""


def test_bounds_and_memories_are_configured(tmp_path: Path) -> None:
    board, config = tmp_path / "board.yaml", tmp_path / "lint.toml"
    board.write_text(BOARD, "utf-8")
    config.write_text(CONFIGURED, "utf-8")
    messages = [finding.message for finding in lint_text(net(), config=str(config)).findings]
    assert len(messages) == 3
    for message in messages:
        assert message.endswith(f" of {config}")
        assert "(fused, int8" in message
        assert " on board" in message


@pytest.mark.parametrize("how", [[], ["--fused"], ["--dtype", "int8", "--device", "BOARD"]])
def test_the_budget_that_is_suggested_is_met(how: list[str], tmp_path: Path) -> None:
    board, path, kept = tmp_path / "board.yaml", tmp_path / "net.yaml", tmp_path / "kept.yaml"
    board.write_text(BOARD, "utf-8")
    how = [str(board) if word == "BOARD" else word for word in how]
    path.write_text(net(), "utf-8")
    wanted = {"params", "macs", *({"sram", "flash"} if how else {"peak_activation_bytes"}), "min_receptive_field"}
    wanted |= {"bound_ms"} if "--device" in how else set()
    for percent in ("0%", "10%"):
        suggested = command(str(path), "--suggest-budget", percent, *how, "--config", UNCONFIGURED).out
        assert set(yaml.safe_load(suggested)["budget"]) == wanted
        kept.write_text(suggested + net(), "utf-8")
        assert "CC5" not in command(str(kept), *how, "--config", UNCONFIGURED).out


def test_it_says_the_largest_layers() -> None:
    (text,) = lint_text(f"budget: {{macs: 1}}\n{net()}", select=("CC502",)).findings
    most = sorted(PLAIN.layers, key=lambda row: -row.macs)[:3]
    assert text.help == "largest: " + ", ".join(f"{row.name} {row.macs:,}" for row in most)
    (text,) = lint_text(net(stage=", budget: {params: 1}"), select=("CC501",)).findings
    assert {name.split()[0].partition(".")[0] for name in text.help.removeprefix("largest: ").split(", ")} == {"stage"}
    (text,) = lint_text(f"budget: {{peak_activation_bytes: 1}}\n{net()}", select=("CC503",)).findings
    assert PLAIN.peak is not None
    assert f"the peak is at {PLAIN.peak.layer}" in text.help


def test_a_budget_in_a_block_counts_at_each_call_and_is_said_once() -> None:
    (text,) = lint_text(net(inner=", budget: {params: 1}"), select=("CC501",)).findings
    assert (text.layer, text.more, text.line) == ("stage.0.one", 2, 7)
    assert marked(net(inner=", budget: {params: 1}"), text) == "params"


def test_a_parameter_in_a_block_is_no_activation_of_it() -> None:
    text = (
        "input: [3, 4, 4]\n"
        "blocks:\n"
        "  unit:\n"
        "    layers:\n"
        "      - parameter: {name: token, from: input, sizes: [3, 4, 4]}\n"
        "      - add: {from: [input, token]}\n"
        "layers:\n"
        "  - unit: {budget: {activation_bytes: ROOM}}\n"
    )
    assert not lint_text(text.replace("ROOM", "192"), select=("CC503",)).findings
    assert lint_text(text.replace("ROOM", "191"), select=("CC503",)).findings


def test_a_merge_is_held_to_what_is_in_its_branches() -> None:
    text = (
        "input: [4, 8, 8]\nlayers:\n  - add:\n      budget: {params: 19}\n      branches:\n"
        "        - - conv: {out_channels: 4, kernel_size: 1}\n        - []\n"
    )
    (result,) = lint_text(text, select=("CC501",)).findings
    assert "20 params" in result.message
    assert lint_text(text.replace("19", "20"), select=("CC501",)).findings == ()


@given(st.integers(1, 40), st.sampled_from(["", "stem", "stage", "shipped"]))
def test_a_receptive_field_below_its_budget(least: int, layer: str) -> None:
    written = f"budget: {{min_receptive_field: {least}}}"
    text = net(**{layer: f", {written}"}) if layer else f"{written}\n{net()}"
    inside = [row for row in PLAIN.layers if row.name == layer or row.name.startswith(f"{layer}.")]
    field = inside[-1].receptive_field if layer else PLAIN.receptive_field
    assert field is not None
    assert field.size is not None
    sizes = [size for size in field.size if size is not None]
    result = lint_text(text, select=("CC5",)).findings
    assert bool(result) is (min(sizes) < least)
    assert {finding.code for finding in result} <= {"CC507"}


def test_a_spec_with_mistakes_is_not_held_to_its_figures() -> None:
    text = f"budget: {{params: 1}}\nexpect: {{params: 1}}\n{net()}  - rellu\n"
    assert lint_text(text, select=("CC5",)).findings == ()


# ---- expectations ---------------------------------------------------------------------------------------------------


def expectations(report: Report) -> dict[str, Any]:
    field = report.receptive_field
    assert field is not None
    outputs = [list(report.network.nodes[index].shape) for index in report.network.outputs]
    return msgspec.structs.asdict(report.totals) | {"output": outputs[0], "receptive_field": list(field.size or ())}


@given(st.sampled_from([*AMOUNTS, "output", "receptive_field"]), st.booleans())
def test_what_a_spec_expects_is_compared(name: str, right: bool) -> None:
    report = analyze(loads(Source("net.yaml", net().replace("  - linear: {name: head, out_features: 10}\n", ""))))
    value = expectations(report)[name]
    if not right:
        value = [*value[:-1], value[-1] + 1] if isinstance(value, list) else value + 1
    text = f"expect:\n  {name}: {value}\n" + net().replace("  - linear: {name: head, out_features: 10}\n", "")
    result = lint_text(text, select=("CC5",)).findings
    assert bool(result) is not right
    for finding in result:
        assert (finding.code, finding.severity, finding.line, marked(text, finding)) == ("CC506", "error", 2, name)


def test_one_number_stands_for_all_axes() -> None:
    text = "input: [1, 8, 8]\nexpect: {{receptive_field: {}}}\nlayers: [conv: {{out_channels: 1, kernel_size: 3}}]\n"
    assert lint_text(text.format(3), select=("CC506",)).findings == ()
    assert lint_text(text.format(4), select=("CC506",)).findings
    assert lint_text(text.format("[3, 3]"), select=("CC506",)).findings == ()


def test_another_input_is_another_network() -> None:
    text = f"expect: {{macs: 1}}\n{net()}"
    assert lint_text(text, select=("CC506",)).findings
    assert lint_text(text, select=("CC506",), inputs={"input": (3, 32, 32)}).findings == ()


# ---- suggestions ----------------------------------------------------------------------------------------------------


@given(st.fractions(0, 300, max_denominator=100))
def test_a_suggested_budget_has_the_room_that_is_asked_for_and_holds(percent: Fraction) -> None:
    text = budget.text(PLAIN, "net.yaml", percent)
    result = yaml.safe_load(text)["budget"]
    for name in ("params", "macs", "peak_activation_bytes"):
        least = getattr(PLAIN.totals, name) * (1 + percent / 100)
        assert least <= amount(result[name]) <= least * Fraction(1002, 1000) + 1
    assert result["min_receptive_field"] >= 1
    assert lint_text(text + net(), select=("CC5",)).findings == ()


def test_it_is_printed(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(net(), "utf-8")
    result = command(str(tmp_path / "net.yaml"), "--suggest-budget", "10%")
    assert (result.code, result.err) == (0, "")
    assert result.out == budget.text(PLAIN, str(tmp_path / "net.yaml"), Fraction(10))
    for wrong in ("-1%", "ten", "", "%", "1e99"):
        assert command(str(tmp_path / "net.yaml"), "--suggest-budget", wrong).code == 2
    (tmp_path / "net.yaml").write_text("input: [3\n", "utf-8")
    assert command(str(tmp_path / "net.yaml"), "--suggest-budget", "10%").code == 2


# ---- regressions ----------------------------------------------------------------------------------------------------

GROWN = "input: [3, 8, 8]\nlayers:\n  - conv: {{out_channels: {}, kernel_size: 3, bias: false}}\n"


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 200), draws)
def test_growth_beyond_a_share_of_what_it_was(
    tmp_path_factory: pytest.TempPathFactory, before: int, after: int, percent: int, draw: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("growth")
    for name, channels in (("base.yaml", before), ("net.yaml", after)):
        (folder / name).write_text(GROWN.format(channels), "utf-8")
    name = draw.choice(["macs", "params", "weight_bytes", "flops"])
    sign = draw.choice(["%", " %"])
    options: dict[str, Any] = {"select": ["CC5"], "base": str(folder / "base.yaml"), "config": UNCONFIGURED}
    run = convcalc.lint(folder / "net.yaml", max_regression=[f"{name}={percent}{sign}"], **options)
    assert [finding.code for finding in run.findings] == ["CC505"] * (100 * (after - before) > percent * before)


def test_a_base_with_mistakes_is_refused(tmp_path: Path) -> None:
    """Nothing would be gated by it, and nobody would notice."""
    (tmp_path / "net.yaml").write_text(GROWN.format(8), "utf-8")
    (tmp_path / "base.yaml").write_text(GROWN.format(8) + "  - rellu\n", "utf-8")
    base = ["--base", str(tmp_path / "base.yaml"), "--max-regression", "macs=5%"]
    result = command(str(tmp_path / "net.yaml"), *base, "--config", UNCONFIGURED)
    assert (result.code, result.out) == (2, "")
    assert "line 4: there is no layer kind or block `rellu`" in " ".join(result.err.replace("│", " ").split())


def test_growth_by_an_amount_and_several_of_them(tmp_path: Path) -> None:
    for name, channels in (("base.yaml", 4), ("net.yaml", 8)):
        (tmp_path / name).write_text(GROWN.format(channels), "utf-8")
    base = ["--base", str(tmp_path / "base.yaml"), "--config", UNCONFIGURED, "--select", "CC5"]
    path = str(tmp_path / "net.yaml")
    assert command(path, *base, "--max-regression", "params=108").code == 0
    result = command(path, *base, "--max-regression", "params=107", "--max-regression", "macs=5%")
    assert result.code == 1
    assert [line.partition("]: ")[2].split()[0] for line in result.out.splitlines() if "CC505" in line] == [
        "params",
        "macs",
    ]
    assert "params grew by 108 (100.0 %), from 108 to 216, where 107 is the most" in result.out


@pytest.mark.parametrize(
    "text", ["macs", "macs=", "mac=5%", "macs=5%%", "macs=-5%", "macs=lots", "=5%", "macs=1.5", ""]
)
def test_growth_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        growths([text])


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A net, a broken one, and one that is new since the first revision."""
    git(tmp_path, "init")
    for name in ("net.yaml", "other.yaml"):
        (tmp_path / name).write_text(GROWN.format(4), "utf-8")
    (tmp_path / "broken.yaml").write_text(GROWN.format(4) + "  - rellu\n", "utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    (tmp_path / "net.yaml").write_text(GROWN.format(8), "utf-8")
    (tmp_path / "new.yaml").write_text(GROWN.format(99), "utf-8")
    (tmp_path / "broken.yaml").write_text(GROWN.format(99), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("repository")
def test_each_file_is_compared_with_itself_at_a_revision() -> None:
    options: dict[str, Any] = {"select": ["CC505"], "config": UNCONFIGURED, "max_regression": ["macs=0%"]}
    run = convcalc.lint(["net.yaml", "other.yaml", "new.yaml", "broken.yaml"], base="HEAD", **options)
    assert [(f.path, f.severity) for f in run.findings] == [("net.yaml", "error"), ("broken.yaml", "info")]
    assert "HEAD:broken.yaml:4: there is no layer kind or block `rellu`" in run.findings[1].message
    with pytest.raises(ValueError, match="no revision `nowhere`"):
        convcalc.lint("net.yaml", base="nowhere", **options)
    with pytest.raises(ValueError, match="cannot be the base of 2"):
        convcalc.lint(["net.yaml", "new.yaml"], base="other.yaml", **options)
    assert command("-", "--base", "HEAD", "--max-regression", "macs=5%", given=GROWN.format(4)).code == 2


def test_without_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "net.yaml").write_text(GROWN.format(4), "utf-8")
    result = command(str(tmp_path / "net.yaml"), "--base", "HEAD", "--max-regression", "macs=5%")
    assert (result.code, result.out) == (2, "")
