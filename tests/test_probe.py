"""The probe of receptive fields: it agrees with every claim there is, and with none that is wrong.

Claims are held against sets of input positions in test_receptive_field.py; here they are what is known, and the probe
is what is tested: planted faults, in fields and in what layers read, must show.
"""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import test_receptive_field
from conftest import MANY, covering, draws, load
from hypothesis import given, settings
from msgspec.structs import replace
from work import counted

import convcalc
from convcalc import Network, layers
from convcalc.analysis.analyze import receptive_fields
from convcalc.arithmetic import axes, meeting, moving
from convcalc.arithmetic.arrivals import Cover
from convcalc.arithmetic.axes import Reach
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.window import Window
from convcalc.layers import Shape
from convcalc.network import Node, input_node
from convcalc.reference.fields import probe as probe_module
from convcalc.reference.fields.field_checks import FieldCheck
from convcalc.reference.fields.probe import probe
from convcalc.tensors.engine import Engine

SPECS = sorted((Path(__file__).parent.parent / "specs").glob("*/*.yaml"))
STRETCHED = {"pspnet_resnet50": "halves.upsample1", "deeplabv3plus_xception65": "up"}
"""Specs in which a map is fitted to another's corners, by a ratio that no longer input has, and the layer where."""
UNPROBED = {"vit_b_16": "class", "swin_t": "stage1.block.0.attention.reshape1"}
"""Specs that part what sees everything, or share out an axis of positions to several, and the layer from where on."""
LAST = "  - identity: {name: last}\n"


def net(text: str) -> Network:
    return test_receptive_field.load(text)


def alone(config: Any, inputs: tuple[Shape, ...]) -> Network:
    """A network of one layer."""
    nodes = [input_node(f"x{index}", shape, 0) for index, shape in enumerate(inputs)]
    nodes.append(Node("layer", "kind", config, tuple(range(len(inputs))), config.shape(*inputs), 1))
    return Network("alone", "", tuple(nodes), len(inputs), (len(inputs),), (), {}, {}, {})


def said(checks: list[FieldCheck]) -> list[tuple[str, bool | None, str]]:
    """What does not agree."""
    return [(check.name, check.agrees, check.reason) for check in checks if check.agrees is not True]


@pytest.mark.parametrize("path", covering(SPECS), ids=lambda path: path.stem)
def test_every_spec_agrees_exactly(path: Path) -> None:
    checks = probe(convcalc.load(path))
    if path.stem in STRETCHED:
        names = [check.name for check in checks]
        first = names.index(STRETCHED[path.stem])
        assert all(check.agrees for check in checks[:first])
        unsure = [check for check in checks[first:] if check.agrees is not True]
        assert {check.agrees for check in unsure} == {None}
        assert all("none sees more than is claimed" in check.reason for check in unsure)
        return
    if path.stem in UNPROBED:
        assert said(checks)[0][0] == UNPROBED[path.stem]
        assert not [check for check in checks if check.agrees is False]
        return
    assert said(checks) == []
    assert [check.reason for check in checks if check.reason] == []
    for check in checks:
        assert check.probed == check.claimed


BLOCKS = {
    "basic_block": "{channels: 6, stride: 2}",
    "bottleneck": "{channels: 4, stride: 2, dilation: 2}",
    "bottleneck_conv": "{out_channels: 6, kernel_size: 3, padding: 1}",
    "conv_bn_relu": "{out_channels: 6, kernel_size: 3, dilation: 2}",
    "deform_conv_v1": "{out_channels: 6, kernel_size: 3, stride: 2, padding: 1}",
    "deform_conv_v2": "{out_channels: 6, kernel_size: 3, dilation: 2}",
    "depthwise_conv": "{kernel_size: [3, 5], depth_multiplier: 2}",
    "ghost_conv": "{out_channels: 7, kernel_size: 3, stride: 2, padding: 1}",
    "inverted_residual": "{out_channels: 8, kernel_size: 5}",
    "inverted_residual_v3": "{out_channels: 8, kernel_size: 5, expansion: 2, hard_swish: true, gated: true}",
    "pointwise_conv": "{out_channels: 6, stride: 2}",
    "separable_conv": "{out_channels: 6, kernel_size: [5, 3], padding: same}",
    "spatial_separable_conv": "{out_channels: 6, kernel_size: [5, 3], stride: [1, 2]}",
    "squeeze_excite": "{reduction: 2}",
    "squeeze_excite_conv": "{out_channels: 6, kernel_size: 3, reduction: 2}",
}


def test_the_blocks_are_those_that_are_shipped() -> None:
    shipped = Path(convcalc.__file__).parent / "blocks"
    assert {path.stem for path in shipped.glob("*.yaml")} == set(BLOCKS)


@pytest.mark.parametrize("thin", [True, False], ids=["thin", "whole"])
@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_agrees(block: str, thin: bool) -> None:
    network = net(f"input: [8, 17, 14]\nlayers:\n  - {block}: {BLOCKS[block]}\n  - max_pool: 2\n")
    checks = probe(network, thin=thin)
    assert said(checks) == []
    assert all(check.probed == check.claimed for check in checks)


def test_a_deformable_convolution_is_probed_as_if_nothing_moved_it() -> None:
    """Whatever the maps hold: offsets as if 0, masks as if 1, for each of the offset groups."""
    config, shapes = load("deform_conv")(out_channels=2, kernel_size=(3,), offset_groups=2), ((4, 8), (6, 6), (6, 6))
    draw = np.random.default_rng(0)
    x, offset, mask = (draw.standard_normal((1, *shape)) for shape in shapes)
    weights = {name: draw.standard_normal(shape) for name, shape in config.weights(*shapes).items()}
    lengthened = config.unbounded(1, shapes)
    probed = lengthened.reference(Engine(), lengthened, weights, x, offset, mask)
    unmoved = config.reference(Engine(), config, weights, x, 0 * offset, 0 * mask + 1)
    np.testing.assert_array_equal(probed, unmoved)


MAY_BE_LEFT = {
    # What is not probed of generated cases, and why.
    "deform_conv": "every position looks beyond the ends",  # its maps are inputs of another size than the map's
    "concat": "every position looks beyond the ends",
    "upsample": "every position looks beyond the ends",
    "scatter": "positions are on several axes",  # those of its inputs are of one input's axis, and not aligned
    "reshape": "an axis of positions is shared out to several axes",
    "fold": "positions of one axis become those of several",
    "unfold": "positions of several axes become those of one",
    "grid_sample": "positions meet that are on different axes",  # a grid has them first, a map behind its channels
}


@pytest.mark.parametrize("thin", [True, False], ids=["thin", "whole"])
@pytest.mark.parametrize("name", layers.names())
def test_every_kind_agrees(name: str, thin: bool) -> None:
    agreed = 0
    for seed in range((MANY or 12) if thin else (MANY or 4)):
        config, inputs = load(name).case(random.Random(seed))
        check = probe(alone(config, inputs), thin=thin)[-1]
        assert check.agrees is not False, (config, inputs, check.reason)
        if check.agrees is None:
            assert MAY_BE_LEFT[name] in check.reason, (config, inputs, check.reason)
        agreed += check.agrees is True
    assert agreed


@settings(max_examples=MANY or 25)
@given(draw=draws)
def test_generated_graphs_agree(draw: random.Random) -> None:
    make = draw.choice([test_receptive_field.chain, test_receptive_field.graph])
    grown = make(draw, draw.choice([1, 2]))
    if len(grown.shapes) == 1:
        return
    for check in probe(grown.network):
        assert check.agrees is not False, (grown.text, check)
        assert check.agrees is not None or "every position looks beyond the ends" in check.reason, (grown.text, check)


# What nets are made of that is special: a text, and what is known of its last layer.

GATE = "mul: {branches: [[], [global_avg_pool, {linear: 4}, sigmoid]]}"
UP = "conv_transpose: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1, output_padding: 1}"
CASES: dict[str, tuple[str, tuple[Any, ...] | None]] = {
    "a gate": (f"input: [4, 16]\nlayers:\n  - {GATE}\n", ((1,), (1,), (0,), True)),
    "a head on nothing local": (
        "input: [4, 16]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3}\n  - global_avg_pool\n  - linear: 5\n",
        (None, None, None, True),
    ),
    "one position flattened is no head": (
        (
            "input: [1, 32, 32]\nlayers:\n  - conv: {out_channels: 6, kernel_size: 5}\n  - avg_pool: 2\n"
            "  - conv: {out_channels: 16, kernel_size: 5}\n  - avg_pool: 2\n"
            "  - conv: {out_channels: 120, kernel_size: 5}\n  - flatten\n  - linear: 84\n"
        ),
        ((32, 32), (4, 4), (0, 0), False),
    ),
    "one position flattened into channels beside others": (
        "input: [2, 1, 1, 1]\nlayers:\n  - flatten: {end_axis: 1}\n",
        ((1, 1, 1), (1, 1, 1), (0, 0, 0), False),
    ),
    "norms keep their own path": (
        (
            "input: [4, 16]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3}\n  - instance_norm\n"
            "  - conv: {out_channels: 4, kernel_size: 3}\n  - batch_norm: {track_running_stats: false}\n"
        ),
        ((5,), (1,), (0,), True),
    ),
    "attention keeps none, a shortcut does": (
        (
            "input: [4, 16]\nlayers:\n  - permute: [1, 0]\n  - add: {branches: [[], [{attention: 2}]]}\n"
            "  - permute: [1, 0]\n"
        ),
        ((1,), (1,), (0,), True),
    ),
    "softmax over one of two axes": (
        "input: [4, 9, 8]\nlayers:\n  - conv: {out_channels: 2, kernel_size: [3, 5]}\n  - softmax: {axis: 2}\n",
        ((3, 8), (1, 1), (0, 0), False),
    ),
    "mixing over positions": (
        "input: [4, 16]\nlayers:\n  - add: {branches: [[], [{linear: 16}]]}\n",
        ((1,), (1,), (0,), True),
    ),
    "a decoder": (
        f"input: [4, 16]\nlayers:\n  - conv: {{out_channels: 4, kernel_size: 3, stride: 2, padding: 1}}\n  - {UP}\n",
        ((5,), (1,), (-1,), False),
    ),
    "tensors laid end to end": (
        "input: [4, 9]\nlayers:\n  - concat: {axis: 1, branches: [[], [{conv: {out_channels: 4, kernel_size: 3}}]]}\n",
        ((3,), (None,), (0,), False),
    ),
    "aligned corners": (
        "input: [4, 9]\nlayers:\n  - upsample: {size: 17, mode: linear, align_corners: true}\n",
        None,
    ),
    "a map repeated over positions": (
        (
            "input: [4, 7]\nlayers:\n  - conv: {name: all, out_channels: 4, kernel_size: 7}\n"
            "  - mul: {from: [input, all]}\n"
        ),
        ((1,), (1,), (0,), True),
    ),
    "two inputs of one size": (
        (
            "inputs: {image: [3, 12], depth: [1, 12]}\nlayers:\n"
            "  - conv: {name: a, from: image, out_channels: 4, kernel_size: 3}\n"
            "  - conv: {name: b, from: depth, out_channels: 4, kernel_size: 3}\n  - add: {from: [a, b]}\n"
        ),
        ((3,), (1,), (0,), False),
    ),
    "two inputs of two sizes": (
        (
            "inputs: {image: [3, 12], depth: [3, 24]}\nlayers:\n"
            "  - max_pool: {name: half, from: depth, kernel_size: 2}\n"
            "  - add: {from: [image, half]}\n"
        ),
        None,
    ),
    "no positions": ("input: [12]\nlayers:\n  - linear: 4\n  - relu\n", ((), (), (), False)),
    "patches, tokens, heads": (
        (
            "input: [3, 16, 16]\nlayers:\n  - conv: {out_channels: 8, kernel_size: 4, stride: 4}\n"
            "  - reshape: [8, -1]\n  - permute: [1, 0]\n  - layer_norm\n  - attention: 2\n  - linear: 8\n"
            "  - permute: [1, 0]\n  - global_avg_pool\n"
        ),
        (None, None, None, True),
    ),
}


@pytest.mark.parametrize("thin", [True, False], ids=["thin", "whole"])
@pytest.mark.parametrize("name", CASES)
def test_special_nets(name: str, thin: bool) -> None:
    text, known = CASES[name]
    checks = probe(net(text), thin=thin)
    assert said(checks) == []
    last = checks[-1].claimed
    if known is not None:
        assert (last.size, last.stride, last.start, last.is_global) == known
        assert checks[-1].probed in (last, None)


def test_every_interval_of_a_decoder() -> None:
    """A transposed convolution of 3 taps at stride 2 reads one input and two by turns."""
    check = probe(net(f"input: [4, 16]\nlayers:\n  - {UP}\n"))[-1]
    assert check.axes[0].intervals[:4] == ((0, 0), (0, 1), (1, 1), (1, 2))


# What cannot be probed is said.


def test_what_has_no_form_is_not_passed() -> None:
    text = "input: [4, 16]\nlayers:\n  - reshape: [4, 4, 4]\n  - relu\n"
    checks = probe(net(text))
    assert [check.agrees for check in checks] == [True, None, None]
    assert "an axis of positions is shared out to several axes" in checks[-1].reason


def test_a_reference_that_fails_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise NotImplementedError("not yet")

    monkeypatch.setattr(load("conv"), "reference", staticmethod(broken))
    checks = probe(net("input: [4, 16]\nlayers:\n  - relu\n  - conv: {out_channels: 2, kernel_size: 3}\n  - relu\n"))
    assert [check.agrees for check in checks] == [True, True, None, None]
    assert "not yet" in checks[-1].reason


def test_a_layer_that_yields_no_numbers_is_said() -> None:
    network = net("input: [4, 16]\nlayers:\n  - instance_norm: {eps: 0}\n")
    assert "gives NaN even where nothing is tagged" in probe(network)[-1].reason


def test_progress_is_told() -> None:
    items: list[tuple[int, int]] = []
    probe(net("input: [4, 16, 16]\nlayers:\n  - relu\n"), progress=lambda done, of: items.append((done, of)))
    assert items == [(1, 4), (2, 4), (3, 4), (4, 4)]


# It must be able to fail. Faults in the field of one node: every one must show at that node, and nowhere else.


def wrong_axis(draw: random.Random, axis: Any) -> Any:
    """Another field of an axis."""
    if isinstance(axis, Reach):
        change = draw.choice(["size", "start", "stride", "none"])
        if change == "none":
            return None
        step = draw.choice([-1, 1, 7])
        return replace(axis, **{change: max(getattr(axis, change) + step, 1 if change == "stride" else -99)})
    (part,) = axis
    spans, place, step = list(part.spans), draw.randrange(part.period), draw.choice([-1, 1])
    low, high = spans[place] or (0, 0)
    spans[place] = draw.choice([(low + step, high + step), (low - 1, high), (low, high + 1), (low + step, high)])
    return (replace(part, spans=tuple(spans)),)


def wrong(draw: random.Random, field: Field) -> Field:
    """Another field: of one axis, or global where it is not."""
    choices = [index for index, axis in enumerate(field.axes) if axis is not None]
    if not choices or draw.random() < 0.2:
        everything = tuple(Cover(size) for size in field.sizes)
        return replace(field, overall=(None,) * len(field.axes) if field.is_global else everything)
    axes, index = list(field.axes), draw.choice(choices)
    axes[index] = wrong_axis(draw, axes[index])
    return replace(field, axes=tuple(axes))


FAULTY = {
    "resnet": (
        "input: [3, 40, 36]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 7, stride: 2, padding: 3}\n"
        "  - batch_norm\n"
        "  - max_pool: {kernel_size: 3, stride: 2, padding: 1}\n  - basic_block: {channels: 4}\n"
        "  - basic_block: {channels: 6, stride: 2}\n  - squeeze_excite: {reduction: 2}\n"
    ),
    "decoder": (
        "input: [3, 32, 32]\nlayers:\n  - conv: {name: a, out_channels: 4, kernel_size: 3, padding: 1}\n"
        "  - max_pool: 2\n"
        "  - conv: {out_channels: 4, kernel_size: 3, padding: 1}\n  - upsample: {scale_factor: 2, mode: bilinear}\n"
        "  - concat: {from: [a, previous]}\n  - conv: {out_channels: 4, kernel_size: 3, padding: 1}\n"
        "  - conv_transpose: {out_channels: 4, kernel_size: 3, stride: 3}\n"
    ),
}


@pytest.mark.parametrize("name", FAULTY)
@settings(max_examples=MANY or 40)
@given(draw=draws)
def test_a_wrong_field_shows_where_it_is(name: str, draw: random.Random) -> None:
    network = net(FAULTY[name])
    true, misaligned = receptive_fields(network)
    place = draw.randrange(network.input_count, len(true))
    faulty = list(true)
    faulty[place] = wrong(draw, true[place])
    if faulty[place] == true[place]:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe_module, "receptive_fields", lambda network: (faulty, misaligned))
        checks = probe(network)
    assert checks[place].agrees is False, (place, true[place], faulty[place], checks[place])
    assert checks[place].reason
    assert [check.name for check in checks if check.agrees is False] == [network.nodes[place].name]


# Faults in the formulas: a net, what is put in their place, and where.


def of_window(**changes: Callable[[Window], int]) -> Callable[..., Any]:
    """The field behind a window, each time of another window than stands there."""
    right = axes.through_window

    def through(axis: Any, window: Window, outputs: int) -> Any:
        other = {name: change(window) for name, change in changes.items()}
        return right(axis, replace(window, **other), outputs)

    return through


def through_shifted(axis: Any, resampling: Any) -> Any:
    """Every phase of a decoder one input too far."""

    def sources(position: int) -> range:
        places = resampling.sources(position)
        return range(places.start + 1, places.stop + 1, places.step)

    return _through(axis, replace(resampling, sources=sources))


def through_next_phase(axis: Any, resampling: Any) -> Any:
    """Every phase of a decoder in the place of the one before."""
    return _through(axis, replace(resampling, sources=lambda o: resampling.sources(o + 1)))


_through = axes.through


def longest(axes: Any, outputs: int) -> Any:
    """The largest field where several meet."""
    return max(axes, key=lambda axis: axis.size)


def left_out(*_: object, **__: object) -> Any:
    return _[0]


CONV = (
    "input: [4, 40]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3, stride: 2, dilation: 2, padding: [[3, 1]]}\n"
)
BOTH = (
    "input: [4, 40]\nlayers:\n  - add: {branches: [[{conv: {out_channels: 4, kernel_size: 3, padding: [[2, 0]]}}], "
    "[{conv: {out_channels: 4, kernel_size: 3, padding: [[0, 2]]}}]]}\n"
)
PLANTED: dict[str, tuple[str, Any, str, Any]] = {
    "dilation left out of the extent": (CONV, moving, "through_window", of_window(dilation=lambda w: 1)),
    "stride left out": (CONV, moving, "through_window", of_window(stride=lambda w: 1)),
    "padding at the other end": (CONV, moving, "through_window", of_window(before=lambda w: w.after)),
    "padding left out": (CONV, moving, "through_window", of_window(before=lambda w: 0)),
    "a window too large": (CONV, moving, "through_window", of_window(kernel=lambda w: w.kernel + 1)),
    "the largest instead of the union": (BOTH, meeting, "union", longest),
    "phases one input too far": (CASES["a decoder"][0], axes, "through", through_shifted),
    "phases off by one": (CASES["a decoder"][0], axes, "through", through_next_phase),
    "a gate that is not global": (CASES["a gate"][0], Field, "whole", lambda field, axes: field),
    "a gate that stays local": (CASES["a gate"][0], Field, "collapsed", lambda field, axes: field),
    "a norm that is not global": (CASES["norms keep their own path"][0], Field, "with_global", left_out),
    "a norm without its own path": (CASES["norms keep their own path"][0], Field, "with_global", Field.whole),
    "attention with a path of its own": (
        "input: [4, 16]\nlayers:\n  - permute: [1, 0]\n  - attention: 2\n",
        Field,
        "whole",
        Field.with_global,
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, owner, function, fault = PLANTED[name]
    network = net(text)
    assert said(probe(network)) == []
    monkeypatch.setattr(owner, function, fault)
    wrong = [check for check in probe(network) if check.agrees is False]
    assert wrong
    assert all(check.reason for check in wrong)


READS: list[tuple[str, str, dict[str, Any]]] = [
    ("conv", "kernel_size: 3, dilation: 2, out_channels: 4", {"dilation": (1,)}),
    ("max_pool", "kernel_size: 3, dilation: 2", {"dilation": (3,)}),
    ("conv_transpose", "kernel_size: 3, stride: 2, out_channels: 4", {"kernel_size": (2,)}),
    ("upsample", "scale_factor: 2, mode: linear", {"mode": "nearest"}),
    ("slice", "axis: 1, start: 3", {"start": 2}),
    ("slice", "axis: 1, start: -3, end: -1", {"step": 2}),
    ("split", "axis: 1, sections: 4, part: 1", {"part": 2}),
    ("crop", "cropping: [[3, 1]]", {"cropping": ((1, 3),)}),
    ("crop", "size: 37", {"cropping": ((2, 1),)}),
]


@pytest.mark.parametrize(("kind", "given", "other"), READS)
def test_a_layer_that_reads_elsewhere_is_caught(
    kind: str, given: str, other: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other way round: the claim stands, and what runs is another layer."""
    network = net(f"input: [4, 40]\nlayers:\n  - {kind}: {{{given}}}\n")
    assert said(probe(network)) == []
    right = load(kind).reference

    def elsewhere(engine: Any, fields: Any, weights: Any, x: Any) -> Any:
        fields = SimpleNamespace(**{name: getattr(fields, name) for name in layers.field_types(load(kind))} | other)
        if kind == "conv_transpose":
            weights = {**weights, "weight": weights["weight"][..., :2]}
        return right(engine, fields, weights, x)

    monkeypatch.setattr(load(kind), "reference", staticmethod(elsewhere))
    assert [check.agrees for check in probe(network)] == [True, False]


def test_maps_that_are_read_elsewhere_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """That an output sees the offsets of its own position is seen, and not taken for granted."""
    network = net("input: [2, 40]\nlayers:\n  - deform_conv_v1: {out_channels: 4, kernel_size: 1}\n")
    assert said(probe(network)) == []
    deform_conv = load("deform_conv")
    right = deform_conv.reference

    def elsewhere(engine: Any, fields: Any, weights: Any, x: Any, offset: Any) -> Any:
        return right(engine, fields, weights, x, np.roll(offset, 1, -1))

    monkeypatch.setattr(deform_conv, "reference", staticmethod(elsewhere))
    assert probe(network)[-1].agrees is False


def test_a_disagreement_names_a_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "through_window", of_window(kernel=lambda w: w.kernel + 1))
    check = probe(net("input: [4, 40]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3, padding: 1}\n"))[-1]
    assert check.reason == "output position 0 sees inputs -1 to 1, claimed inputs -1 to 2"


def test_resnet_50_takes_little_work() -> None:
    network = convcalc.load(SPECS[0].parent.parent / "zoo" / "resnet50.yaml")
    with counted() as work:
        probe(network)
    assert work.calls < 1_000_000  # 174 layers, a few hundred calls each


LONG = [
    "input: [2, 160000]\nlayers:\n"
    + "".join(
        f"  - conv: {{out_channels: 2, kernel_size: 3, dilation: {3**number}, padding: causal}}\n"
        for number in range(10)
    ),
    "input: [1, 160000]\nlayers:\n" + 7 * "  - conv: {out_channels: 2, kernel_size: 3, stride: 3, padding: 1}\n",
    (
        "input: [1, 4096]\nlayers:\n  - conv: {out_channels: 8, kernel_size: 16, stride: 16}\n"
        "  - permute: [1, 0]\n  - attention: 2\n"
    ),
]


@pytest.mark.parametrize("text", LONG, ids=["a field of 59,049", "a period of 2,187", "tokens"])
def test_long_axes_stay_within_bounds(text: str) -> None:
    network = net(text)
    tracemalloc.start()
    with counted() as work:
        checks = probe(network)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert said(checks) == []
    assert peak < 400e6
    assert work.calls < 1_000_000  # none for each of so many positions
