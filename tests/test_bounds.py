"""The least time of a layer, worked out again with fractions and with every position that is read looked up.

What is held here is that a bound is one: never above what operations and bytes take for certain.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import product as pairs
from typing import Any

import numpy as np
import pytest
from conftest import MANY
from hypothesis import given, settings
from hypothesis import strategies as st
from made_networks import made_network
from msgspec.structs import replace
from spec_reports import report_of, report_of_text

import convcalc
from convcalc.analysis.report import Bound, Row
from convcalc.arithmetic.precision import NAMES, Format, PartialPrecision, format_of
from convcalc.devices import Device, NoPeak, load, multiplying, names
from convcalc.layers import kind_of
from convcalc.network import Network, Node
from convcalc.reference.scalar import counted
from convcalc.views import words

PARTS_OF_FLOATS = {
    "float64": (11, 53),
    "float32": (8, 24),
    "tf32": (8, 11),
    "bfloat16": (8, 8),
    "float16": (5, 11),
    "fp8": (4, 4),
    "fp4": (2, 2),
}
"""Bits of the exponent, and digits."""


def multiplied(device: Device, first: Format, second: Format) -> str | None:
    """The format of a product on the device, from what formats can hold; None where there is none."""
    there = device.peak
    if first.is_integer and second.is_integer:
        bits = max(first.bits, second.bits)
        wide = [name for name in there if name.startswith("int") and int(name[3:]) >= bits]
        return max(wide, key=lambda name: there[name], default=None)
    floats = [PARTS_OF_FLOATS[factor.name] for factor in (first, second) if not factor.is_integer]
    held = [
        name
        for name, parts in PARTS_OF_FLOATS.items()
        if all(part >= least for least_parts in floats for part, least in zip(parts, least_parts, strict=True))
        and (name in {first.name, second.name} or name == "float32")
    ]
    wanted = min(held, key=lambda name: PARTS_OF_FLOATS[name][1])
    return wanted if wanted in there else None


@given(st.sets(st.sampled_from(NAMES), min_size=1), st.sampled_from(NAMES), st.sampled_from(NAMES), st.data())
@settings(max_examples=MANY or 300)
def test_a_product_is_made_in_the_format_that_holds_both(
    formats: set[str], first: str, second: str, data: st.DataObject
) -> None:
    peak = {name: data.draw(st.integers(1, 9)) for name in sorted(formats)}
    device = Device(name="drawn", peak=peak)
    expected = multiplied(device, format_of(first), format_of(second))
    if expected is None:
        with pytest.raises(NoPeak, match=f"drawn has no .*; it has {', '.join(peak)}$"):
            multiplying(device, format_of(first), format_of(second))
    else:
        chosen = multiplying(device, format_of(first), format_of(second))
        assert peak[chosen] == peak[expected]
        assert chosen == expected or chosen.startswith("int")


def positions_read(node: Node, shapes: tuple[tuple[int, ...], ...]) -> Fraction:
    """The share of the first input's positions that windows look at, one position looked up after the other."""
    if not node.config.is_windowed:
        return Fraction(1)
    share = Fraction(1)
    fields: Any = node.config
    for window, size, outputs in zip(fields.windows(shapes[0]), shapes[0][1:], node.shape[1:], strict=True):
        starts = [output * window.stride - window.before for output in range(outputs)]
        read = {start + tap * window.dilation for start in starts for tap in range(window.kernel)}
        share *= Fraction(len(read & set(range(size))), size)
    return share


def bytes_that_cross(network: Network, node: Node, row: Row, device: Device, element: Fraction) -> tuple[Any, Any]:
    """What crosses at the least and at the most, if each tensor crosses once."""
    shapes = network.shapes_into(node)
    first = math.prod(shapes[0]) * element if shapes else 0
    cache = device.cache or 0
    share = positions_read(node, shapes)
    read = row.input_bytes - (math.floor(first) - math.ceil(first * share) if share < 1 else 0)
    most = max(0, read + row.weight_bytes - cache) + max(0, row.output_bytes - cache)
    config = node.config
    free = config.is_inert or config.holds_output or config.moves_taps or config.resamples
    is_exact = row.macs + row.elementwise_ops > 0 and not free and not config.is_windowed
    return most if is_exact else 0, most


def drawn_device(draw: random.Random) -> Device:
    """A device whose figures are of the size of small networks."""
    peak = {name: draw.randint(1, 10 ** draw.randint(1, 13)) for name in ("float32", "int8")}
    bandwidth = draw.choice([None, draw.randint(1, 10 ** draw.randint(1, 12))])
    return Device(name="drawn", peak=peak, bandwidth=bandwidth, cache=draw.choice([None, draw.randint(1, 4096)]))


@pytest.mark.parametrize("seed", range(MANY or 40))
def test_a_layer_takes_what_its_operations_and_bytes_take(seed: int) -> None:
    draw = random.Random(f"bounds {seed}")
    text, network = made_network(draw)
    device, batch, dtype = drawn_device(draw), draw.randint(1, 3), draw.choice(["float32", "int8", "int4"])
    report = convcalc.analyze(network, device=device, batch=batch, dtype=dtype)
    peak = device.peak["float32" if dtype == "float32" else "int8"]
    element = Fraction(format_of(dtype).bits, 8) * batch
    for node, row in zip(network.layers, report.layers, strict=True):
        bound = row.bound
        assert bound is not None
        operations = 2 * row.macs or row.elementwise_ops * (not node.config.follows_values)
        assert bound.compute_ps == math.floor(Fraction(operations * 10**12, peak)), text
        by = "compute" if bound.compute_ps >= bound.memory_ps else "memory"
        assert (bound.ps, bound.by) == (max(bound.compute_ps, bound.memory_ps), by)
        if device.bandwidth is None:
            assert bound.memory_ps == 0
            continue
        least, most = bytes_that_cross(network, node, row, device, element)
        picoseconds = Fraction(10**12, device.bandwidth)
        assert math.floor(least * picoseconds) <= bound.memory_ps <= math.ceil(most * picoseconds), (row, text)
    assert report.totals.bound_ps == sum(row.bound.ps for row in report.layers if row.bound is not None)


def bound_of(layer: str, device: Device, shape: str = "[64, 8, 8]", **running: Any) -> Bound:
    network = report_of_text(f"input: {shape}\nlayers:\n  - {layer}").network
    bound = convcalc.analyze(network, device=device, **running).layers[-1].bound
    assert bound is not None
    return bound


@pytest.mark.parametrize(
    ("layer", "read"),
    [
        ("conv: {out_channels: 1, kernel_size: 1, stride: 2, bias: false}", 16),
        ("conv: {out_channels: 1, kernel_size: 1, stride: 4, bias: false}", 4),
        ("conv: {out_channels: 1, kernel_size: 2, stride: 2, bias: false}", 64),
        ("conv: {out_channels: 1, kernel_size: 3, bias: false}", 64),
        ("max_pool: {kernel_size: 2, stride: 4}", 16),
        ("max_pool: {kernel_size: 3, stride: 3}", 36),
        ("relu", 64),
    ],
)
def test_what_strides_pass_over_is_not_read(layer: str, read: int) -> None:
    device = Device(name="drawn", bandwidth=10**12)
    network = report_of_text(f"input: [64, 8, 8]\nlayers:\n  - {layer}").network
    row = convcalc.analyze(network, device=device).layers[0]
    assert row.bound is not None
    assert row.bound.memory_ps == read * 64 * 4 + row.weight_bytes + row.output_bytes


@pytest.mark.parametrize("layer", ["flatten", "identity", "dropout: 0.5", "permute: [1, 0, 2]", "crop: {cropping: 1}"])
def test_what_addresses_can_do_takes_no_time(layer: str) -> None:
    assert bound_of(layer, Device(name="drawn", peak={"float32": 1}, bandwidth=1)).ps == 0


@pytest.mark.parametrize("layer", ["attention: {num_heads: 2}", "linear: 8", "matmul: {from: [input, input]}"])
def test_tensors_are_multiplied_in_their_own_format_and_weights_in_the_wider_one(layer: str) -> None:
    device = Device(name="drawn", peak={"int4": 3 * 10**12, "int8": 10**12, "int16": 7 * 10**11})
    network = report_of_text(f"input: [8, 8]\nlayers:\n  - {layer}").network
    row = convcalc.analyze(network, device=device, dtype="weights=int16,activations=int4").layers[-1]
    node = network.layers[-1]
    between = node.config.activation_macs(*network.shapes_into(node))
    assert row.bound is not None
    expected = Fraction(2 * between, 3) + Fraction(2 * (row.macs - between) * 10, 7)
    assert row.bound.compute_ps == math.floor(expected)


def test_a_layer_of_its_own_format_is_done_in_that() -> None:
    network = report_of("zoo/resnet18").network
    first = network.layers[0]
    own = replace(first, precision=PartialPrecision(format_of("int4"), format_of("int16")))
    nodes = (*network.nodes[: network.input_count], own, *network.nodes[network.input_count + 1 :])
    device = Device(name="drawn", peak={"int8": 10**12, "int16": 10**10})
    rows = convcalc.analyze(replace(network, nodes=nodes), device=device, dtype="int8").layers
    assert rows[0].bound is not None
    assert rows[0].bound.compute_ps == 2 * rows[0].macs * 100


# ---- channels that are filled up -----------------------------------------------------------------------------------


@given(
    st.sampled_from(["conv", "conv_transpose", "linear"]),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 3),
    st.sampled_from([1, 2, 3, 4, 8, 16]),
)
@settings(max_examples=MANY or 40)
def test_filled_channels_are_those_of_a_wider_layer(
    kind: str, entering: int, leaving: int, groups: int, multiple: int
) -> None:
    """What is counted more on real tensors whose channels, of each group, are filled up with zeros."""

    def products(entering: int, leaving: int) -> int:
        generator = np.random.default_rng(0)
        if kind == "linear":
            config, shape = kind_of(kind)(out_features=leaving, bias=False), (2, entering)
        else:
            fields: Any = {"out_channels": leaving * groups, "kernel_size": (2,), "groups": groups, "bias": False}
            config, shape = kind_of(kind)(**fields), (entering * groups, 3)
        arrays = {name: generator.standard_normal(sizes) for name, sizes in config.weights(shape).items()}
        return counted(config, arrays, [generator.standard_normal((1, *shape))]).products

    if kind == "linear":
        layer, shape = f"linear: {{out_features: {leaving}, bias: false}}", f"[2, {entering}]"
    else:
        fields = f"out_channels: {leaving * groups}, kernel_size: 2, groups: {groups}, bias: false"
        layer, shape = f"{kind}: {{{fields}}}", f"[{entering * groups}, 3]"
    device = Device(name="drawn", peak={"float32": 1}, channels={"float32": multiple})
    padded = bound_of(layer, device, shape).padded_macs
    full = [-(-channels // multiple) * multiple for channels in (entering, leaving)]
    assert padded == products(full[0], full[1]) - products(entering, leaving)


# ---- what is said of it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "dtype"), [*pairs(names(), ["int8"]), ("v100", "float16"), ("m1", "float32")])
def test_every_device_bounds_a_network_or_says_why_not(name: str, dtype: str) -> None:
    """More operations at a time, or more bytes, never take longer: the bound follows from figures of the device."""
    network, device = report_of("zoo/mobilenet_v2").network, load(name)
    if device.peak and not any(known == dtype for known in device.peak):
        with pytest.raises(NoPeak, match=rf"{name} has no {dtype}; it has "):
            convcalc.analyze(network, device=name, dtype=dtype)
        return
    report = convcalc.analyze(network, device=name, dtype=dtype)
    total = report.totals.bound_ps
    assert total is not None
    if device.peak:
        assert total >= 2 * report.totals.macs * 10**12 // device.peak[dtype] - len(report.layers)
        assert words.bound(report).startswith("at least ")
    else:
        assert total == 0
        assert words.bound(report).startswith(f"no bound on {name}, of which no peak and no bandwidth are known")
    assert name in words.bound(report)


@given(st.integers(1, 10**16))
def test_a_duration_is_never_rounded_up(picoseconds: int) -> None:
    amount, unit = words.duration(picoseconds).replace(",", "").split(" ")
    shown = Fraction(amount) * {"ps": 1, "ns": 10**3, "µs": 10**6, "ms": 10**9, "s": 10**12}[unit]
    assert shown <= picoseconds < shown * Fraction(101, 100)
