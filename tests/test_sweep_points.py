"""Networks over a design space, against load and analyze of each point: structure, decimals, refusals, big numbers."""

from __future__ import annotations

import pickle
import random
import re
from fractions import Fraction
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MANY, draws
from hypothesis import given, settings
from swept import analyzed, differing, drawn_run

import convcalc
from convcalc.language import Source, SpecError, loads
from convcalc.language.zoo import names
from convcalc.sweeping.axes import Axis
from convcalc.sweeping.draws import Draws
from convcalc.sweeping.plan import Plan

DATA = Path(__file__).parent / "data"
ZOO = names() if MANY else ["densenet121", "mobilenet_v3_small", "resnext50_32x4d", "wavenet"]
NUMBERS = ("width", "depth", "ratio")
EXPRESSIONS = (
    "round_to({0} * {1}, {2})",
    "max({0} * {1}, {2})",
    "min({0} + {1}, {2} * 4)",
    "floor({0} * {1}) + {2}",
    "ceil({0} * {1} / 3) * {2}",
    "round({0} * {1}) + 1",
    "{2} if {0} > 1 and {1} < 9 else {2} * 2",
    "{1} if not ({0} == 1 or {1} == 4) else {2}",
    "{0} * {1}",
    "{0} * {1} // 1 % 5 + {2}",
    "abs({0} - {1}) // 1 + {2}",
    "sizes[{1} % len(sizes)]",
    "sum(sizes) * {2} // len(sizes)",
    "in_channels + {2}",
    "{1} ** 2 // 2 + 1",
)


def expression(draw: random.Random) -> str:
    """An amount of channels that rests on variables."""
    text = draw.choice(EXPRESSIONS)
    return text.format(draw.choice(NUMBERS), draw.choice(("depth", "4", "width", "9")), draw.randint(1, 8))


def layer(draw: random.Random, number: int, depth: int = 0) -> str:
    """A written layer, some of them only at some points, or several times."""
    when = draw.choice(("", "", "", "when: width > 1", "when: depth % 2 == 0 and ratio < 1", "when: in_channels > 16"))
    repeat = draw.choice(("", "", "repeat: depth", "repeat: len(sizes)", "repeat: 1 + depth // 3"))
    common = [f"name: l{number}", *filter(None, (when, repeat))]
    kinds = ("conv", "conv", "max_pool", "batch_norm", "relu", "linear", "unit", "conv" if depth else "branches")
    kind = draw.choice(kinds)
    if kind == "branches":
        ways = ", ".join("[" + layer(draw, 10 * number + way, depth + 1) + "]" for way in range(2))
        return written("concat", [*common, f"branches: [{ways}]"])
    if kind == "conv":
        stride = draw.choice(("1", "2", "2 if index == 0 else 1" if repeat else "1"))
        size = f"kernel_size: {draw.choice(('3', '1', 'depth'))}", f"padding: {draw.choice(('1', 'same', '0'))}"
        return written("conv", [*common, f"out_channels: '{expression(draw)}'", f"stride: '{stride}'", *size])
    if kind == "max_pool":
        return written(kind, [*common, "kernel_size: 2", "stride: 1"])
    if kind == "batch_norm":
        return written(kind, [*common, f"affine: {draw.choice(('true', 'width > 1'))}"])
    if kind == "relu":
        return written(kind, common)
    field = "out_features" if kind == "linear" else "channels"
    return written(kind, [*common, f"{field}: '{expression(draw)}'"])


def written(kind: str, fields: list[str]) -> str:
    return f"{{{kind}: {{{', '.join(fields)}}}}}"


def spec(draw: random.Random) -> Source:
    layers = "\n".join(f"  - {layer(draw, number)}" for number in range(1, draw.randint(3, 6)))
    return Source(
        "<spec>",
        "input: [3, 20, 20]\n"
        "variables: {width: 1, depth: 2, ratio: 0.5, sizes: [4, 6]}\n"
        "blocks:\n  unit:\n    parameters: {channels: required}\n    layers:\n"
        "    - conv: {out_channels: channels, kernel_size: 3, padding: 1}\n    - relu\n"
        "    - conv: {out_channels: in_channels, kernel_size: 1, when: channels > 8}\n"
        "    - add: {from: [previous, input], when: in_channels == input_channels}\n"
        f"layers:\n{layers}\n",
    )


AXES = (
    Axis("width", [Fraction(1, 4), Fraction(3, 4), 1, Fraction(13, 10), 2]),
    Axis("depth", [1, 2, 3, 4, 0]),
    Axis("ratio", [Fraction(1, 3), Fraction(1, 2), 2]),
    Axis("sizes", [(4, 6), (8, 8), (4, 6, 12), (9,)]),
    Axis("input", [20, 21, (3, 9, 31), 8]),
)


@settings(max_examples=MANY or 25)
@given(draw=draws)
def test_networks_of_every_structure(draw: random.Random) -> None:
    axes = draw.sample(AXES, draw.randint(2, 5))
    assert differing(spec(draw), axes, draw, **drawn_run(draw)) == []


@pytest.mark.parametrize("net", ZOO)
def test_the_zoo_over_its_variables_and_sizes(net: str) -> None:
    draw = random.Random(net)
    base = convcalc.load(f"zoo:{net}")
    axes = [Axis(name, values) for name, value in base.variables.items() if len(values := other_values(value)) > 1]
    if len(base.inputs) == 1 and len(base.inputs[0].shape) > 1:
        size = base.inputs[0].shape[1]
        axes.append(Axis("input", [size, size + 32, size + 7, max(size // 2, 1), 33]))
    draw.shuffle(axes)
    assert differing(f"zoo:{net}", axes[:4], draw, **drawn_run(draw)) == []


def other_values(value: Any) -> list[Any]:
    """A value of a variable and others like it."""
    if isinstance(value, bool):
        return [True, False]
    if isinstance(value, int):
        return list(dict.fromkeys([value, value + 1, value + 8, value * 2, max(value // 2, 1)]))
    if isinstance(value, Fraction):
        return [value, value * Fraction(3, 4), value + Fraction(1, 10), value * 2]
    if isinstance(value, tuple) and value and all(isinstance(item, int) for item in value):
        return [value, tuple(item + 1 for item in value), value[:-1] or (1,)]
    return [value]


NET = Source(
    "<spec>",
    "input: [3, 32, 32]\nvariables: {width: 8, unused: 1}\nlayers:\n"
    "  - conv: {name: stem, out_channels: width, kernel_size: 3, padding: same}\n  - relu\n"
    "  - conv: {name: deep, out_channels: 16, kernel_size: 3, groups: 2}\n  - global_avg_pool\n  - linear: 10\n",
)


def brute(source: Source | str, axes: list[Axis]) -> list[tuple[dict[str, Any], Any]]:
    """Every point, with its totals."""
    points = [
        dict(zip((axis.name for axis in axes), values, strict=True)) for values in product(*(a.values for a in axes))
    ]
    return [(point, analyzed(source, point)) for point in points]


def test_conditions_and_keys_and_what_is_refused() -> None:
    axes = [Axis("width", list(range(1, 13))), Axis("input", [2, 8, 9, 16]), Axis("deep.groups", [1, 2, 4, 16])]
    plan = Plan(
        NET,
        axes,
        where="macs <= 1.5M and params(stem) * 2 < params(deep) + 600 and width + input != 17",
        pareto=("macs", "-params"),
        sort=("macs / params", "-macs(deep)"),
    )
    everything = brute(NET, axes)
    stretch = plan.block(0, plan.points)
    kept = []
    for number, (point, totals) in enumerate(everything):
        stem, deep = 28 * point["width"], 144 * point["width"] // point["deep.groups"] + 16
        if totals is None:
            continue
        if totals["macs"] <= 1_500_000 and stem * 2 < deep + 600 and point["width"] + point["input"] != 17:
            positions = (point["input"] - 2) ** 2
            kept.append((number, totals["macs"], -totals["params"], -positions * (deep - 16)))
            assert plan.reason(number) == ""
    assert kept
    assert [row[0] for row in kept] == stretch.numbers.tolist()
    assert [row[1:3] for row in kept] == list(zip(*(key.tolist() for key in stretch.keys[:2]), strict=True))
    assert [row[3] for row in kept] == stretch.keys[3].tolist()
    assert [-row[1] / row[2] for row in kept] == pytest.approx(stretch.keys[2].tolist())
    assert stretch.refused == sum(totals is None for _, totals in everything)
    for refusal in stretch.refusals:
        assert re.sub(r"\d+", "", plan.reason(refusal.first)) == re.sub(r"\d+", "", refusal.message)
        assert everything[refusal.first][1] is None


def test_runs_of_points_put_together_are_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """However they are cut, in boxes or point by point."""
    axes = [Axis("width", list(range(1, 7))), Axis("input", [8, 9, 2, 16, 11]), Axis("deep.groups", [1, 2, 4])]
    all_at_once = Plan(NET, axes, sort=("macs", "peak_activation_bytes"), where="params > 300")
    expected = all_at_once.block(0, all_at_once.points)
    for cut in (1, 2, 7, 16, 45):
        plan = Plan(NET, axes, sort=("macs", "peak_activation_bytes"), where="params > 300")
        monkeypatch.setattr("convcalc.sweeping.plan._BOX", cut)
        monkeypatch.setattr("convcalc.sweeping.tree._LEAST_BOX", cut)
        monkeypatch.setattr("convcalc.sweeping.tables.MOST_ELEMENTS", cut)
        stretches = [plan.block(first, cut) for first in range(0, plan.points, cut)]
        assert [number for stretch in stretches for number in stretch.numbers] == expected.numbers.tolist()
        for place, key in enumerate(expected.keys):
            assert [value for stretch in stretches for value in stretch.keys[place]] == key.tolist()
        assert sum(stretch.refused for stretch in stretches) == expected.refused


def test_a_plan_is_the_same_once_it_has_been_pickled() -> None:
    plan = Plan("zoo:mobilenet_v2", [Axis("width", [Fraction(1, 2), 1]), Axis("input", [128, 224])], sort=("macs",))
    again = pickle.loads(pickle.dumps(plan))  # noqa: S301  # our own
    assert again.block(0, 4).keys[0].tolist() == plan.block(0, 4).keys[0].tolist()


@pytest.mark.parametrize("lengths", [(7,), (3, 5, 11), (2,) * 13, (1, 1), (1000, 1000)])
def test_drawn_points_are_met_once_each(lengths: tuple[int, ...]) -> None:
    size = min(prod(lengths), 5000)
    draws = Draws(lengths, seed=3)
    places = list(zip(*(at.tolist() for at in draws.places_of(np.arange(size))), strict=True))
    assert len(set(places)) == size
    assert all(0 <= place < length for at in places for place, length in zip(at, lengths, strict=True))
    others = Draws(lengths, seed=4).places_of(np.arange(size))
    assert size < 8 or places != list(zip(*(at.tolist() for at in others), strict=True))


def test_draws_of_a_space_beyond_64_bits() -> None:
    lengths = (1000,) * 8
    first, *_ = Draws(lengths, 0).places_of(np.arange(100_000))
    assert abs(float(first.mean()) - 499.5) < 5


def test_fields_behind_inputs_of_several_shapes() -> None:
    """Where fields go back to the input its sizes are asked for: questions about what comes of them have no order."""
    axes = [Axis("input", [(3, 64, 96), (1, 224, 224), (3, 33, 33)]), Axis("head", [1, Fraction(3, 2), 2])]
    for seed in range(3):
        assert differing("zoo:shufflenet_v2", axes, random.Random(seed), count=12) == []


def test_numbers_beyond_64_bits_are_exact() -> None:
    source = Source(
        "<spec>",
        "input: [1000000, 1000, 1000]\nvariables: {width: 1000000}\nlayers:\n"
        "  - conv: {out_channels: width, kernel_size: 1000, padding: 500}\n",
    )
    axes = [Axis("width", [1, 1_000_000, 2_000_000]), Axis("input", [1000, 1001, 900, 1])]
    plan = Plan(source, axes, sort=("macs", "width * width * macs"))
    stretch = plan.block(0, plan.points)
    expected = [(point, totals) for point, totals in brute(source, axes) if totals is not None]
    assert max(totals["macs"] for _, totals in expected) > 2**63
    assert [totals["macs"] for _, totals in expected] == list(stretch.keys[0])
    assert [point["width"] ** 2 * totals["macs"] for point, totals in expected] == list(stretch.keys[1])
    cost = convcalc.compiled(source, ["width"], ["macs", "params"])(width=[1, 2_000_000])
    wide = analyzed(source, {"width": 2_000_000})
    assert wide is not None
    assert list(cost["macs"])[1] == wide["macs"]


def test_what_changes_no_total_is_said() -> None:
    axes = [Axis("width", [8, 16]), Axis("unused", [1, 2, 3])]
    plan = Plan(NET, axes)
    plan.block(0, plan.points)
    assert plan.unmoved == ("unused",)


def test_variants_are_those_of_compare() -> None:
    axes = [Axis("variant", ["standard", "separable", "ghost"]), Axis("width", [8, 16])]
    plan = Plan(NET, axes)
    rows = plan.rows(range(plan.points))
    own = convcalc.analyze(loads(NET)).totals.macs
    sides = convcalc.variants(loads(NET), "separable,ghost")
    reports = [candidate.report for candidate in sides.candidates]
    expected = [own, *(report.totals.macs for report in reports if report is not None)]
    assert rows["macs"][::2] == expected


def test_a_model_file_over_its_input_sizes() -> None:
    model = str(DATA / "formats" / "darknet" / "darknet19.cfg")
    assert differing(model, [Axis("input", [64, 96, (3, 80, 128)])], random.Random(0)) == []


@pytest.mark.parametrize(
    ("axes", "asked", "message"),
    [
        ([Axis("widht", [1])], {}, "has no variable or input `widht`"),
        ([Axis("width", [1, 8])], {"where": "mcas < 4"}, "`mcas` is no total"),
        ([Axis("width", [1, 8])], {"where": "macs < "}, "neither a number nor an expression"),
        ([Axis("width", [1, 8])], {"where": "macs + 1"}, "expected a condition"),
        ([Axis("width", [1, 8])], {"sort": ("output",)}, "expected a number"),
        ([Axis("width", [1, 8])], {"sort": ("macs[0]",)}, "expected a list"),
        ([Axis("width", [1, 8])], {"where": "macs(nowhere*) > 3"}, "no layer"),
        ([Axis("stem.kernal_size", [1, 3])], {}, "has no field `kernal_size`"),
        ([Axis("variant", ["separabel"])], {}, "no variant"),
    ],
)
def test_what_is_asked_wrongly(axes: list[Axis], asked: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as error:
        Plan(NET, axes, **asked)
    assert message in error.value.diagnostics[0].message
    assert error.value.diagnostics[0].text


def test_more_axes_than_an_array_has_dimensions() -> None:
    """NumPy has 32 of them, later 64: there are no boxes then, and no tables."""
    widths = {f"w{number}": 4 + number for number in range(70)}
    layers = "".join(f"  - linear: {name}\n" for name in widths)
    variables = ", ".join(f"{name}: {value}" for name, value in widths.items())
    source = Source("<spec>", f"input: [3]\nvariables: {{{variables}}}\nlayers:\n{layers}")
    axes = [Axis(name, [8, 9]) for name in widths]
    plan = Plan(source, axes, sample=50, sort=("macs",))
    rows, point = plan.rows([7]), plan.point(7)
    expected = analyzed(source, point)
    assert expected is not None
    assert rows["macs"] == [expected["macs"]]
    assert plan.block(0, 50).keys[0][7] == expected["macs"]
