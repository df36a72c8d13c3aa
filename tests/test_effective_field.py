"""Effective fields against sets of positions, against what a NaN reaches, and against boxes convolved with boxes."""

from __future__ import annotations

import math
import os
import statistics
import tracemalloc
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convcalc
from convcalc.network import Network
from convcalc.reference.execution import execute
from convcalc.reference.fields.effective import effective_field
from convcalc.reference.fields.mass import centred_side, deviation, profile, side_of_equal_count
from convcalc.reference.fields.position import NoEffectiveField
from convcalc.reference.memory import WORKSPACE_BYTES, TooLarge
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.duals import NotDifferentiable
from convcalc.tensors.engine import Engine

LONG = bool(os.environ.get("CONVCALC_LONG"))


class Positive:
    """Weights above 0 that differ, and biases so large that what comes behind them is above 0 whatever enters."""

    def __init__(self, network: Network, *, ones: bool = False) -> None:
        self.network, self.ones = network, ones

    def of(self, index: int, inputs: Sequence[Any]) -> Mapping[str, Any]:
        draw = np.random.default_rng(index)
        arrays = self.network.arrays_of(self.network.nodes[index])
        if self.ones:
            return {name: np.zeros(shape) if name == "bias" else np.ones(shape) for name, shape in arrays.items()}
        return {
            name: np.full(shape, 1e3) if name == "bias" else np.abs(draw.normal(size=shape)) + 0.1
            for name, shape in arrays.items()
        }

    def done(self, index: int) -> None:
        """Nothing to drop: arrays are made when they are asked for."""


def linear(layers: list[Any], size: Sequence[int], channels: int = 2) -> Network:
    return convcalc.loads({"name": "stack", "input": [channels, *size], "layers": layers})


# ---- the support, position by position ------------------------------------------------------------------------------

convolutions = st.fixed_dictionaries(
    {
        "out_channels": st.integers(1, 3),
        "kernel_size": st.integers(1, 4),
        "stride": st.integers(1, 3),
        "dilation": st.integers(1, 3),
        "padding": st.integers(0, 3),
    }
)


def reads(layer: Mapping[str, int], size: int) -> list[set[int]]:
    """What each output position of a convolution reads of an axis of that size, from its definition alone."""
    taps = [tap * layer["dilation"] - layer["padding"] for tap in range(layer["kernel_size"])]
    count = size + 2 * layer["padding"] - (layer["kernel_size"] - 1) * layer["dilation"]
    starts = range(0, count, layer["stride"]) if count > 0 else range(0)
    return [{start + tap for tap in taps if 0 <= start + tap < size} for start in starts]


@settings(deadline=None)
@given(layers=st.lists(convolutions, min_size=1, max_size=4), size=st.integers(6, 30), data=st.data())
def test_the_support_is_what_paths_reach(layers: list[dict[str, int]], size: int, data: st.DataObject) -> None:
    """Every position of every stack that has any output, holes of dilation and of strides among them."""
    sees = [{place} for place in range(size)]
    for layer in layers:
        sees = [set().union(*(sees[place] for place in places)) for places in reads(layer, len(sees))]
    if not sees or not any(sees):
        return
    at = data.draw(st.sampled_from([place for place, positions in enumerate(sees) if positions]))
    network = linear([part for layer in layers for part in ({"conv": layer}, "relu")], [size])
    field = effective_field(network, position=[at], runs=1, weights=Positive(network), signs="ones", dtype="float64")
    assert set(np.flatnonzero(field.mass)) == sees[at]
    (span,) = field.spans
    assert span is not None
    assert sees[at] <= set(range(span[0], span[1] + 1))
    assert (field.reads, field.outside) == (len(sees[at]), 0)


SAME = st.builds(
    lambda half, stride: {"out_channels": 2, "kernel_size": 2 * half + 1, "padding": half, "stride": stride},
    st.integers(1, 2),
    st.integers(1, 2),
)


@settings(deadline=None)
@given(layers=st.lists(SAME, min_size=1, max_size=4), size=st.integers(8, 40))
def test_without_holes_the_support_is_the_field_of_analyze(layers: list[dict[str, int]], size: int) -> None:
    """At every position of the last layer, the border ones among them."""
    network = linear([{"conv": layer} for layer in layers], [size])
    seen = convcalc.analyze(network).layers[-1].receptive_field
    assert seen.size is not None
    assert seen.stride is not None
    assert seen.start is not None
    for at in range(network.nodes[-1].shape[1]):
        field = effective_field(network, position=[at], runs=1, weights=Positive(network), signs="ones")
        low = seen.start[0] + at * seen.stride[0]
        expected = range(max(low, 0), min(low + seen.size[0], size))
        assert list(np.flatnonzero(field.mass)) == list(expected)
        assert field.spans == ((low, low + seen.size[0] - 1),)


MIXED = {
    "name": "mixed",
    "input": [2, 15, 13],
    "layers": [
        {"conv": {"name": "stem", "out_channels": 4, "kernel_size": 3, "stride": 2, "dilation": 2}},
        "batch_norm",
        "relu",
        {
            "add": {
                "branches": [
                    [{"conv": {"out_channels": 4, "kernel_size": [3, 1], "padding": [1, 0]}}, "silu"],
                    [{"avg_pool": {"kernel_size": 3, "stride": 1, "padding": 1}}],
                ]
            }
        },
        {"upsample": {"scale_factor": 2, "mode": "nearest"}},
        {"conv_transpose": {"name": "last", "out_channels": 2, "kernel_size": 2, "stride": 2}},
    ],
}


def reached_by_nan(network: Network, at: Sequence[int]) -> Any:
    """Which input positions bring a NaN to a position of the last layer, seen by running it on one after the other."""
    name, shape = network.nodes[0].name, network.nodes[0].shape
    reached = np.zeros(shape[1:], bool)
    for place in product(range(shape[1]), range(shape[2])):
        x = np.random.default_rng(0).normal(size=(1, *shape))
        x[0, :, place[0], place[1]] = np.nan
        *_, last = execute(network, {name: x}, RandomWeights(network, 0, "float64"), Engine(1))
        assert last.output is not None
        reached[place] = np.isnan(last.output[(0, slice(None), *at)]).any()
    return reached


@pytest.mark.parametrize("at", [(0, 0), (11, 9), (23, 19)])
def test_the_support_is_what_a_nan_reaches(at: tuple[int, int]) -> None:
    network = convcalc.loads(MIXED)
    field = effective_field(network, position=at, runs=6, dtype="float64")
    assert np.array_equal(field.mass > 0, reached_by_nan(network, at))
    assert 0 < field.reads < field.mass.size


@pytest.mark.parametrize(
    ("name", "layer", "size"),
    [
        ("resnet18", "layer1", 64),
        ("resnet50", "layer1", 64),
        ("vgg16", "conv3", 64),
        ("squeezenet1_1", "fire3", 64),
        ("densenet121", "dense1.0.grow", 64),
        ("googlenet", "inception3a.three", 64),
        ("mobilenet_v2", "stage2", 96),
    ],
)
def test_in_the_zoo_the_support_is_the_field_of_analyze(name: str, layer: str, size: int) -> None:
    """Where the field is smaller than the input: each position of it, and no other."""
    network = convcalc.load(f"zoo:{name}", inputs={"input": (3, size, size)})
    field = effective_field(network, layer, runs=8)
    assert not field.is_cut
    inside = np.zeros(field.mass.shape, bool)
    inside[tuple(slice(low, high + 1) for low, high in field.on_input)] = True
    assert np.array_equal(field.mass > 0, inside)
    row = next(row for row in convcalc.analyze(network).layers if row.name == field.layer)
    assert field.receptive_field == row.receptive_field
    assert tuple(high - low + 1 for low, high in field.on_input) == row.receptive_field.size


# ---- the profile ----------------------------------------------------------------------------------------------------


def boxes(layers: Sequence[Mapping[str, int]]) -> list[int]:
    """How many paths lead to each position of the field: a box for each layer, spread by the strides before it."""
    counts, jump = [1], 1
    for layer in layers:
        step = jump * layer.get("dilation", 1)
        box = [int(place % step == 0) for place in range((layer["kernel_size"] - 1) * step + 1)]
        counts = [
            sum(counts[place - tap] * box[tap] for tap in range(len(box)) if 0 <= place - tap < len(counts))
            for place in range(len(counts) + len(box) - 1)
        ]
        jump *= layer.get("stride", 1)
    return counts


free = st.fixed_dictionaries(
    {"kernel_size": st.integers(1, 4), "stride": st.integers(1, 2), "dilation": st.integers(1, 3)}
)


@settings(deadline=None)
@given(layers=st.lists(free, min_size=1, max_size=4), channels=st.integers(1, 3))
def test_equal_weights_give_boxes_convolved_with_boxes(layers: list[dict[str, int]], channels: int) -> None:
    """In two dimensions, exactly: whole numbers are counted, and the channels multiply all of them alike."""
    along = boxes(layers)
    network = linear([{"conv": {"out_channels": channels, **layer}} for layer in layers], [len(along) + 2, len(along)])
    field = effective_field(
        network, runs=1, weights=Positive(network, ones=True), signs="ones", dtype="float64", position=[0, 0]
    )
    expected = np.zeros(field.mass.shape)
    expected[: len(along)] = np.outer(along, along)
    assert np.array_equal(field.mass, expected * 2 * channels ** len(layers))
    assert field.spans == ((0, len(along) - 1),) * 2


@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize("kernel", [3, 5])
def test_equal_weights_spread_as_the_root_of_the_depth(count: int, kernel: int) -> None:
    """The variance of a box of k is (k² - 1) / 12, and variances add up."""
    size = count * (kernel - 1) + 1
    layer = {"conv": {"out_channels": 2, "kernel_size": kernel, "padding": kernel // 2}}
    network = linear([layer] * count, [2 * size, 2 * size + 1])
    field = effective_field(network, runs=1, weights=Positive(network, ones=True), signs="ones", dtype="float64")
    assert field.deviations == pytest.approx([math.sqrt(count * (kernel**2 - 1) / 12)] * 2, rel=1e-12)
    assert field.receptive_field.size == (size, size)


@pytest.mark.skipif(not LONG, reason="networks of up to 48 layers, with CONVCALC_LONG=1")
def test_random_weights_spread_as_published() -> None:
    """Luo et al. (2016): the effective size grows as the root of the depth, its share of the field falls as 1/root."""
    depths, spreads, sides = [6, 12, 24, 48], [], []
    for depth in depths:
        layer = {"conv": {"out_channels": 8, "kernel_size": 3, "padding": 1}}
        network = linear([layer] * depth, [2 * depth + 9] * 2)
        field = effective_field(network, runs=20)
        spreads.append(statistics.mean(field.deviations))
        sides.append(field.counted_side)
        # A normal distribution has kurtosis 3; a box 1.8, a triangle 2.4.
        along = profile(field.mass, 0)
        places = np.arange(along.size) - (np.arange(along.size) * along).sum() / along.sum()
        kurtosis = (along * places**4).sum() * along.sum() / (along * places**2).sum() ** 2
        assert abs(kurtosis - 3) < 3 / depth + 0.25
    for measured in (spreads, sides):
        exponent = np.polyfit(np.log(depths), np.log(measured), 1)[0]
        assert abs(exponent - 0.5) < 0.06
    assert sides[-1] / (2 * depths[-1] + 1) < 0.55 * sides[0] / (2 * depths[0] + 1)


class Arrays:
    """One array of weights for the first layer, whatever its signs."""

    def __init__(self, weight: Any) -> None:
        self.weight = weight

    def of(self, index: int, inputs: Sequence[Any]) -> Mapping[str, Any]:
        return {"weight": self.weight, "bias": np.zeros(len(self.weight))}

    def done(self, index: int) -> None:
        """Nothing to drop."""


def test_of_one_convolution_the_map_is_its_weights() -> None:
    """Without their signs, added up over the input's channels: of outputs weighed by 1 and 1, or by 1 and -1."""
    weight = np.random.default_rng(1).integers(-9, 10, (2, 3, 3, 5)).astype(float)
    network = linear([{"conv": {"out_channels": 2, "kernel_size": [3, 5]}}], [7, 9], channels=3)

    def window(**how: Any) -> Any:
        return effective_field(network, runs=1, weights=Arrays(weight), dtype="float64", **how).mass[2:5, 2:7]

    added, taken_off = (np.abs(weight[0] + sign * weight[1]).sum(0) for sign in (1, -1))
    assert np.array_equal(window(signs="ones"), added)
    maps = [window(seed=seed) for seed in range(8)]
    assert {bool(np.array_equal(shown, added)) for shown in maps} == {True, False}
    assert all(np.array_equal(shown, added) or np.array_equal(shown, taken_off) for shown in maps)


def gridded(rates: Sequence[int]) -> Any:
    layers = [{"conv": {"out_channels": 4, "kernel_size": 3, "dilation": rate, "padding": rate}} for rate in rates]
    return effective_field(linear(layers, [33, 33]), runs=2)


def test_rates_that_share_a_divisor_leave_holes() -> None:
    """2, 2, 2 reads every second position on each axis; 1, 2, 5 leaves none out."""
    holes, full = gridded([2, 2, 2]), gridded([1, 2, 5])
    assert (holes.reads, holes.span_positions) == (7**2, 13**2)
    assert (full.reads, full.span_positions) == (17**2, 17**2)
    rows, columns = np.nonzero(holes.mass)
    assert set(rows % 2) == set(columns % 2) == {0}


# ---- measures -------------------------------------------------------------------------------------------------------

small = st.lists(st.lists(st.integers(0, 9), min_size=5, max_size=5), min_size=4, max_size=4).filter(
    lambda rows: any(map(any, rows))
)


@given(rows=small, twice=st.tuples(st.integers(-2, 8), st.integers(-2, 10)), percent=st.sampled_from([50, 90, 100]))
def test_the_side_is_that_of_the_smallest_box(rows: list[list[int]], twice: tuple[int, int], percent: int) -> None:
    """Whole numbers throughout: no box that is smaller holds as much."""
    total = sum(map(sum, rows))

    def inside(side: int) -> int:
        near = [[abs(2 * i - twice[0]) < side and abs(2 * j - twice[1]) < side for j in range(5)] for i in range(4)]
        return sum(rows[i][j] for i in range(4) for j in range(5) if near[i][j])

    smallest = next(side for side in range(1, 99) if 100 * inside(side) >= percent * total)
    mass = np.array(rows, float)
    assert centred_side(mass, [place / 2 for place in twice], percent / 100) == smallest


@given(rows=small)
def test_spread_and_count_as_they_are_defined(rows: list[list[int]]) -> None:
    mass = np.array(rows, float)
    places = [place for place, row in enumerate(rows) for _ in range(sum(row))]
    assert deviation(profile(mass, 0)) == pytest.approx(statistics.pstdev(places), abs=1e-9)
    most = max(map(max, rows))
    count = sum(10_000 * number > 455 * most for row in rows for number in row)
    assert side_of_equal_count(mass) == pytest.approx(math.sqrt(count))


# ---- what is asked for ----------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_map_and_more_runs_are_a_mean() -> None:
    network = convcalc.loads(MIXED)
    first, second = (effective_field(network, runs=1, seed=seed).mass for seed in (3, 4))
    both = effective_field(network, runs=2, seed=3).mass
    assert np.array_equal(both, effective_field(network, runs=2, seed=3).mass)
    assert np.allclose(both, (first + second) / 2, rtol=1e-12)


def test_without_a_name_it_is_the_layer_whose_field_analyze_gives() -> None:
    network = convcalc.load("zoo:squeezenet1_1", inputs={"input": (3, 64, 64)})
    field = effective_field(network, runs=1)
    assert field.receptive_field == convcalc.analyze(network).receptive_field


def test_channels_that_add_up_to_nothing_need_signs() -> None:
    network = linear([{"conv": {"out_channels": 4, "kernel_size": 3}}, {"softmax": {"axis": 0}}], [9, 9])
    assert effective_field(network, runs=1).reads == 9
    with pytest.raises(NoEffectiveField, match="is 0 at every position"):
        effective_field(network, runs=1, signs="ones", dtype="float64", weights=Positive(network, ones=True))


def test_of_several_inputs_it_is_that_which_is_named() -> None:
    spec = {
        "inputs": {"small": [1, 8, 8], "large": [1, 16, 16]},
        "layers": [
            {"avg_pool": {"name": "half", "from": "large", "kernel_size": 2}},
            {"add": {"name": "sum", "from": ["half", "small"]}},
        ],
    }
    network = convcalc.loads(spec)
    large, little = effective_field(network, runs=1), effective_field(network, runs=1, of_input="small")
    assert (large.input, large.other_inputs, large.reads) == ("large", ("small",), 4)
    assert (little.input, little.other_inputs, little.reads) == ("small", ("large",), 1)
    with pytest.raises(NoEffectiveField, match="has no input `smal`; did you mean `small`"):
        effective_field(network, of_input="smal")


def test_behind_a_layer_over_all_positions_all_of_the_input_is_seen() -> None:
    network = linear([{"conv": {"out_channels": 3, "kernel_size": 3}}, "global_avg_pool", {"linear": 2}], [8, 8])
    field = effective_field(network, "linear1", runs=2)
    assert (field.position, field.spans, field.reads) == ((), (None, None), 64)
    assert field.receptive_field.is_global


@pytest.mark.parametrize(
    ("layers", "asked", "message"),
    [
        (["relu"], {"layer": "rleu1"}, "there is no layer or block `rleu1`; did you mean `relu1`"),
        (["relu"], {"position": [9, 0]}, "position 9x0: `relu1` has 6x6 positions, expected 0 to 5x5"),
        (["relu"], {"position": [1]}, "position 1: `relu1` has 6x6 positions"),
        (["relu"], {"runs": 0}, "expected at least 1 run, found 0"),
        ([{"parameter": {"sizes": [2, 6, 6]}}], {}, "sees nothing of the input"),
        ([{"conv": {"out_channels": 1, "kernel_size": 1}}, {"softmax": {"axis": 0}}], {}, "is 0 at every position"),
        ([], {}, "the network has no layers"),
    ],
)
def test_what_cannot_be_drawn_is_said(layers: list[Any], asked: dict[str, Any], message: str) -> None:
    with pytest.raises(NoEffectiveField, match=message):
        effective_field(linear(layers, [6, 6]), **asked)


def test_an_input_without_positions_has_no_field() -> None:
    with pytest.raises(NoEffectiveField, match="has channels and no positions"):
        effective_field(convcalc.loads({"input": [8], "layers": [{"linear": 4}]}))


def test_memory_is_reckoned_before_anything_runs() -> None:
    network = convcalc.load("zoo:resnet18")
    with pytest.raises(TooLarge) as refused:
        effective_field(network, most_bytes=10**6)
    assert refused.value.allowed == 10**6
    assert refused.value.needed > 3 * convcalc.analyze(network).totals.peak_activation_bytes


@pytest.mark.parametrize(("name", "size"), [("vgg16", 64), ("densenet121", 64), ("mobilenet_v2", 96)])
def test_a_run_takes_no_more_memory_than_was_reckoned(name: str, size: int) -> None:
    network = convcalc.load(f"zoo:{name}")
    shape = (network.nodes[0].shape[0], size, size)
    network = convcalc.load(f"zoo:{name}", inputs={"input": shape})
    with pytest.raises(TooLarge) as refused:
        effective_field(network, most_bytes=0)
    tracemalloc.start()
    effective_field(network, runs=1)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most <= refused.value.needed <= 2 * most + WORKSPACE_BYTES


def test_a_layer_without_a_derivative_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> Any:
        raise NotDifferentiable("sorting")

    network = linear(["relu", "sigmoid"], [6, 6])
    monkeypatch.setattr(type(network.nodes[2].config), "reference", staticmethod(refuse))
    with pytest.raises(NoEffectiveField, match=r"`sigmoid1` \(sigmoid\) cannot be differentiated: sorting"):
        effective_field(network, runs=1)


def test_progress_goes_from_nothing_to_all() -> None:
    heard: list[tuple[int, int]] = []
    network = linear([{"conv": {"out_channels": 2, "kernel_size": 3}}, "relu"], [9, 9])
    effective_field(network, runs=3, progress=lambda done, of: heard.append((done, of)))
    assert [done for done, _ in heard] == list(range(12))
    assert {of for _, of in heard} == {12}


def test_it_is_shown_as_other_records_are() -> None:
    network = convcalc.loads(MIXED)
    field = convcalc.effective_field(network, runs=1)
    assert repr(field).startswith("<EffectiveField mixed last: 95.45 % in ")
    assert field.to_dict()["effective"]["side"] == field.side
    for axis in (0, 1):
        assert sum(field.to_dict()["profiles"][axis]) == pytest.approx(1)
    assert "theory" in field._repr_html_()
