"""Sweeps of networks as they are deployed: fused, in formats, on a device; what is asked, printed and refused."""

from __future__ import annotations

import cProfile
import json
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from conftest import MANY, draws
from hypothesis import given, settings
from swept import analyzed, differing
from view_texts import on_console, piped

import convcalc
from convcalc.analysis.report import Convention
from convcalc.analysis.terms import HowRun
from convcalc.cli.work.again import Again
from convcalc.devices import Device
from convcalc.language import Source, SpecError, loads
from convcalc.sweeping.axes import Axis
from convcalc.sweeping.plan import Plan
from convcalc.sweeping.ranges import axes_of
from convcalc.sweeping.record import Sweep
from convcalc.views import view
from convcalc.views.sweep import shared
from convcalc.views.sweep.shared import Swept

BOARD = Device(name="board", peak={"int8": 864 * 10**6}, bandwidth=1_728 * 10**6)
ON_BOARD: HowRun = {"fused": True, "dtype": "int8", "device": BOARD}
NET = Source(
    "net.yaml",
    "name: small\ninput: [3, 32, 32]\nvariables: {width: 1}\nlayers:\n"
    "  - conv_bn_relu: {name: stem, out_channels: 'round_to(16 * width, 4)', kernel_size: 3, padding: 1}\n"
    "  - conv: {name: deep, out_channels: in_channels, kernel_size: 3, padding: 1, groups: in_channels}\n"
    "  - batch_norm\n  - add: {from: [stem, previous]}\n  - global_avg_pool\n  - linear: {out_features: 10}\n",
)
OVER: dict[str, list[Any]] = {"width": [Fraction(1, 4), Fraction(3, 2)], "input": [96, 128, 160]}


def swept(**options: Any) -> Sweep:
    return convcalc.sweep(NET, over=OVER, **options)


def points() -> list[dict[str, Any]]:
    return [{"width": width, "input": size} for width in OVER["width"] for size in OVER["input"]]


def test_conditions_and_keys_name_memories_and_the_bound() -> None:
    """Against a choice among the reports of the single points."""
    reports = {repr(point): analyzed(NET, point, **ON_BOARD) for point in points()}
    figures = [(point, reports[repr(point)] or {}) for point in points()]
    fits = [(point, of) for point, of in figures if of["sram"] <= 400 * 1024 and of["bound_ms"] <= 20]
    assert 1 < len(fits) < len(figures)
    sweep = swept(where="sram <= 400KiB and bound_ms <= 20", sort="-flash,bound_ms", **ON_BOARD)
    wanted = sorted(fits, key=lambda fit: (-fit[1]["flash"], fit[1]["bound_ms"]))
    for name in ("sram", "flash", "bound_ms", "bound_ps", "weight_bytes", "bit_operations"):
        assert list(sweep.columns[name]) == [of[name] for _, of in wanted]
    assert list(sweep.columns["input"]) == [point["input"] for point, _ in wanted]


def test_without_a_device_memories_are_columns_where_they_are_asked_for() -> None:
    assert not {"sram", "flash", "bound_ms"} & swept().columns.keys()
    assert {"sram", "flash"} & swept(sort="sram").columns.keys() == {"sram"}


@pytest.mark.parametrize("name", ["bound_ms", "bound_ps"])
def test_a_bound_without_a_device_is_refused_at_its_place(name: str) -> None:
    with pytest.raises(SpecError, match=f"`{name}` is the least time that a device takes, and none is named") as error:
        swept(where=f"macs < 1G and {name} < 5")
    (problem,) = error.value.diagnostics
    assert (problem.column, problem.help) == (15, "give --device NAME; `convcalc devices` lists them")


def test_a_format_that_the_device_lacks_ends_the_sweep() -> None:
    with pytest.raises(SpecError, match="board has no float32; it has int8"):
        swept(device=BOARD)


def test_a_function_of_arrays_counts_on_terms() -> None:
    cost = convcalc.compiled(NET, ["width", "input"], ["sram", "flash", "bound_ps"], **ON_BOARD)
    totals = cost(width=[0.25, 1.5], input=[96, 160])
    for place, point in enumerate(({"width": Fraction(1, 4), "input": 96}, {"width": Fraction(3, 2), "input": 160})):
        expected = analyzed(NET, point, **ON_BOARD) or {}
        assert {name: int(totals[name][place]) for name in cost.totals} == {
            name: expected[name] for name in cost.totals
        }
    with pytest.raises(SpecError, match="no total `bound_ps`"):
        convcalc.compiled(NET, ["width"], ["bound_ps"])


def test_a_spec_is_swept_as_it_is_deployed(tmp_path: Path) -> None:
    """And as it is asked for where that says otherwise."""
    text = "input: [3, 8, 8]\nvariables: {width: 4}\n%slayers:\n"
    text += "  - conv: {out_channels: width, kernel_size: 3}\n  - relu\n"
    for name, deploy in (("plain.yaml", ""), ("deployed.yaml", "deploy: {fused: true, dtype: int8, batch: 2}\n")):
        (tmp_path / name).write_text(text % deploy, "utf-8")
    asked: dict[str, Any] = {"over": ["width=4,6"]}
    plain, deployed = str(tmp_path / "plain.yaml"), str(tmp_path / "deployed.yaml")
    first = convcalc.sweep(deployed, **asked)
    second = convcalc.sweep(plain, **asked, fused=True, dtype="int8", batch=2)
    assert (first.convention.fused, first.convention.dtype, first.convention.batch) == (True, "int8", 2)
    for name, column in second.columns.items():
        assert list(first.columns[name]) == list(column)
    other = convcalc.sweep(deployed, **asked, fused=False, dtype="float32", batch=1)
    for name, column in convcalc.sweep(plain, **asked).columns.items():
        assert list(other.columns[name]) == list(column)


BITS = Source(
    "<spec>",
    "input: [3, 20, 20]\nvariables: {w: 4, a: 8, width: 8}\nlayers:\n"
    "  - conv: {out_channels: width, kernel_size: 3, bits: {weights: w, activations: a}}\n"
    "  - batch_norm\n  - relu: {name: r}\n"
    "  - conv: {out_channels: width, padding: 1, kernel_size: 3, bits: {weights: w}}\n"
    "  - add: {from: [r, previous]}\n",
)


@settings(max_examples=MANY or 3)
@given(draw=draws)
def test_bits_are_swept_as_any_variable(draw: random.Random) -> None:
    """Formats decide what may be overwritten and at which peak it is multiplied."""
    assert loads(BITS).layers[0].precision is not None
    axes = [Axis("w", [1, 3, 4, 8]), Axis("a", [4, 8, 5]), Axis("width", [5, 8, 16])]
    board = Device(name="board", peak={"int8": 10**9, "int16": 5 * 10**8, "float32": 10**8}, bandwidth=10**9)
    device = draw.choice((None, board))
    assert differing(BITS, axes, draw, fused=draw.random() < 0.7, dtype="int8", device=device) == []


def test_a_deployed_network_is_counted_in_linear_time() -> None:
    """By the calls of functions for networks of which one is twice as long."""
    calls = [_calls(layers) for layers in (400, 800)]
    assert calls[1] < 2.1 * calls[0]


def _calls(layers: int) -> int:
    unit = "  - conv: {{out_channels: 8, kernel_size: 3, padding: 1}}\n  - batch_norm\n  - relu: {{name: r{0}}}\n"
    unit += "  - add: {{name: a{0}, from: [{1}, r{0}]}}\n"
    units = [unit.format(number, f"a{number - 1}" if number else "x") for number in range(layers // 4)]
    network = loads(Source("chain", "inputs: {x: [8, 16, 16]}\nlayers:\n" + "".join(units)))
    profile = cProfile.Profile()
    profile.runcall(convcalc.analyze, network, **ON_BOARD)
    return sum(entry.callcount for entry in profile.getstats())


def test_a_row_again_has_the_options_of_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = swept()
    how = {"fused": False, "dtype": "weights=int4,activations=int8", "device": "cortex-m7", "batch": None}
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET.text, "utf-8")
    assert Again("net.yaml", {}, {}, how, {}).command(sweep) == (
        "convcalc analyze net.yaml --set width=0.25 --input 3x96x96 --no-fused --dtype weights=int4,activations=int8 "
        "--device cortex-m7"
    )


# ---- what is printed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 200])
def test_on_a_device_what_it_limits_is_shown(width: int) -> None:
    sweep = swept(top=2, **ON_BOARD)
    text = on_console(view("sweep", "table"), Swept(sweep, "net.yaml"), width)
    head = next(line for line in text.splitlines() if line.startswith("width"))
    assert head.split() == ["width", "input", "params", "MACs", "sram", "flash", "at", "least"]
    bound = sweep.columns["bound_ms"][0]
    row = text.splitlines()[text.splitlines().index(head) + 1]
    assert row.endswith(" ms")
    assert float(row.split()[-2]) <= bound < float(row.split()[-2]) + 0.1
    assert "peak" not in head
    assert "peak" in on_console(view("sweep", "table"), Swept(swept(top=2), "net.yaml"), width)


def test_json_and_csv_have_the_exact_bound() -> None:
    sweep = swept(**ON_BOARD)
    rows = json.loads(piped(view("sweep", "json"), Swept(sweep, "net.yaml")), parse_float=Fraction)["rows"]
    lines = piped(view("sweep", "csv"), Swept(sweep, "net.yaml")).splitlines()
    place = lines[0].split(",").index("bound_ms")
    for number, row in enumerate(rows):
        exact = Fraction(row["totals"]["bound_ps"], 10**9)
        assert row["totals"]["bound_ms"] == exact
        assert Fraction(lines[number + 1].split(",")[place]) == exact


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (Fraction(0), "0 ps"),
        (Fraction(999, 10**9), "999 ps"),
        (Fraction(1009, 10**9), "1.00 ns"),
        (Fraction(19_999, 10**6), "19.9 µs"),
        (Fraction(999_999, 1000), "999 ms"),
        (Fraction(62_019_999, 1000), "62.0 s"),
        (Fraction(10**10), "10,000,000 s"),
    ],
)
def test_a_time_is_rounded_down(milliseconds: Fraction, text: str) -> None:
    assert shared.milliseconds(milliseconds) == text


def test_terms_go_with_a_plan_to_where_it_is_worked_out() -> None:
    import pickle

    plan = Plan(NET, axes_of(OVER), sort=("bound_ms",), run=ON_BOARD)
    again = pickle.loads(pickle.dumps(plan))  # noqa: S301  # made here
    assert again.rows([0, 4]) == plan.rows([0, 4])
    assert again.terms == plan.terms
    assert Convention(device="board").device == swept(top=1, **ON_BOARD).convention.device
