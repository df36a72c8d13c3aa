"""Rules about what paths see, against sets of positions that are followed back from an output, path by path."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from brute_force import Sources, interpolated, nearest, transposed, windowed
from conftest import draws
from hypothesis import given
from rule_findings import findings, layers_of, net, written

CHANNELS = 4


class Layer(NamedTuple):
    """A layer of a generated net of one axis: its name, its text, and what it reads (None: what enters)."""

    name: str
    text: str
    reads: Sources | None = None
    kernel: int = 1
    stride: int = 1
    dilation: int = 1


Item = "Layer | list[list[Layer]]"
"""A layer, or branches that are added up."""


def text_of(items: list[Any]) -> str:
    """The layers as YAML, in flow style."""
    parts = []
    for item in items:
        if isinstance(item, Layer):
            parts.append(item.text)
        else:
            branches = ", ".join(f"[{text_of(branch)}]" for branch in item)
            parts.append(f"add: {{branches: [{branches}]}}")
    return ", ".join(f"{{{part}}}" if ":" in part else part for part in parts)


def spec(size: int, items: list[Any], *head: str) -> str:
    layers = text_of(items) + "".join(f", {layer}" for layer in head)
    return f"input: [{CHANNELS}, {size}]\nlayers: [{layers}]"


def conv(name: str, kernel: int, dilation: int = 1, stride: int = 1, padding: int | None = None) -> Layer:
    before = dilation * (kernel - 1) // 2 if padding is None else padding
    fields = f"out_channels: {CHANNELS}, kernel_size: {kernel}, dilation: {dilation}, stride: {stride}"
    return Layer(
        name,
        f"conv: {{name: {name}, {fields}, padding: {before}}}",
        windowed(kernel, stride, dilation, before),
        kernel,
        stride,
        dilation,
    )


def walks(items: list[Any], last: str | None = None) -> Iterator[list[Layer]]:
    """Every path through the items, up to and with the layer called `last`, or to the end."""
    if not items:
        if last is None:
            yield []
        return
    first, *rest = items
    if isinstance(first, Layer):
        if first.name == last:
            yield [first]
        else:
            yield from ([first, *walk] for walk in walks(rest, last))
        return
    for branch in first:
        if last is not None:
            yield from walks(branch, last)
        yield from (walk + after for walk in walks(branch) for after in walks(rest, last))


def seen(walk: list[Layer], position: int = 0) -> set[int]:
    """The positions of what enters the first layer that an output position of the last depends on."""
    positions = {position}
    for layer in reversed(walk):
        if layer.reads is not None:
            positions = {place for here in positions for place in layer.reads(here)}
    return positions


def every_layer(items: list[Any]) -> Iterator[Layer]:
    for item in items:
        if isinstance(item, Layer):
            yield item
        else:
            for branch in item:
                yield from every_layer(branch)


# ---- CC205 -------------------------------------------------------------------------------------------------------

STAYING = [
    *("relu", "batch_norm", "batch_norm: {track_running_stats: false}", "instance_norm", "group_norm: 2", "layer_norm"),
    *("local_response_norm: 3", "softmax", "scale", "dropout: 0.1", "identity", "channel_shuffle: 2"),
    *("slice: {axis: 0, end: 4}", "upsample: {scale_factor: 1}"),
]
"""Layers behind which positions stand where they stood."""


@pytest.mark.parametrize("between", STAYING)
def test_a_run_goes_on_where_positions_stay(between: str) -> None:
    """Else the dilated window behind a normalisation would stand alone, and be blamed for holes that are filled."""

    def run(*dilations: int) -> list[str]:
        windows = [f"conv: {{out_channels: 4, kernel_size: 3, dilation: {d}, padding: {d}}}" for d in dilations]
        return layers_of("CC205", net((4, 64), *(f"- {layer}" for window in windows for layer in (window, between))))

    assert run(1, 2, 7) == []
    assert run(1, 2, 8) == ["conv3"]


@pytest.mark.parametrize("between", ["max_pool: 2", "upsample: {scale_factor: 2}", "global_avg_pool: {keepdim: true}"])
def test_a_run_ends_where_the_resolution_changes(between: str) -> None:
    dilated = "conv: {out_channels: 4, kernel_size: 3, dilation: 2, padding: 2}"
    dense = "conv: {out_channels: 4, kernel_size: 3, padding: 1}"
    result = layers_of("CC205", net((4, 64), f"- {dilated}", f"- {between}", f"- {dense}"))
    assert result == ["conv1"]


def stack(draw: random.Random) -> list[Any]:
    """Windows of stride 1 in a row, some with a shortcut around them."""
    items: list[Any] = []
    for number in range(draw.randint(1, 5)):
        layer = conv(f"c{number}", draw.choice([1, 3, 3, 5]), draw.choice([1, 2, 2, 3, 4, 6]))
        items.append([[], [layer]] if draw.random() < 0.3 else layer)
        if draw.random() < 0.3:
            items.append(Layer(f"r{number}", "relu"))
    return items


@given(draws)
def test_gridding_of_a_stack(draw: random.Random) -> None:
    items = stack(draw)
    positions = set().union(*(seen(walk) for walk in walks(items)))
    dilated = [layer for layer in every_layer(items) if layer.dilation > 1 and layer.kernel > 1]
    span = max(positions) - min(positions) + 1
    text = findings("CC205", spec(64, items))
    assert bool(text) == (bool(dilated) and len(positions) < span)
    if text:
        (result,) = text
        assert result.layer == dilated[-1].name
        assert f"{len(positions)} of {span} positions" in result.message
        better = re.match(r"dilation (\d+) here", result.help)
        if better:
            tried = replaced(items, conv(result.layer, dilated[-1].kernel, int(better[1])))
            filled = set().union(*(seen(walk) for walk in walks(tried)))
            assert len(filled) == max(filled) - min(filled) + 1


def replaced(items: list[Any], layer: Layer) -> list[Any]:
    return [
        (layer if item.name == layer.name else item)
        if isinstance(item, Layer)
        else [replaced(branch, layer) for branch in item]
        for item in items
    ]


@pytest.mark.parametrize(
    ("rates", "flagged"),
    [
        ((2, 2, 2), True),
        ((1, 2, 5), False),
        ((1, 2, 9), True),
        ((2, 4, 8), True),
        ((1, 2, 4, 8), False),
        ((5, 2, 1), False),
        ((1,), False),
        ((2,), True),
    ],
)
def test_gridding_of_published_rates(rates: tuple[int, ...], flagged: bool) -> None:
    """Of Wang et al. 2018, whose own condition lets 2, 2, 2 pass."""
    items = [conv(f"c{number}", 3, rate) for number, rate in enumerate(rates)]
    assert bool(findings("CC205", spec(64, items))) == flagged


def test_a_stride_begins_another_run() -> None:
    dense, dilated = conv("dense", 3), conv("dilated", 3, 3)
    assert findings("CC205", spec(64, [dense, dilated])) == []
    assert layers_of("CC205", spec(64, [dense, Layer("pool", "max_pool: 2"), dilated])) == ["dilated"]
    assert layers_of("CC205", spec(64, [dilated, Layer("pool", "max_pool: 2"), conv("d", 3)])) == ["dilated"]


def test_branches_of_one_dilated_layer_each_are_no_stack() -> None:
    pyramid = [[conv("a", 1)], [conv("b", 3, 6)], [conv("c", 3, 12)]]
    assert findings("CC205", spec(64, [pyramid])) == []
    assert layers_of("CC205", spec(64, [conv("before", 3, 4), pyramid])) != []
    alone = [[], [conv("b", 3, 6)]]
    assert layers_of("CC205", spec(64, [alone])) == ["b"]


def test_gridding_is_for_each_axis() -> None:
    fields = {"out_channels": 4, "kernel_size": 3, "padding": "same"}
    flat = written("conv", **fields, dilation=(1, 1, 1))
    assert findings("CC205", net((4, 9, 9, 9), flat, flat)) == []
    along = written("conv", **fields, dilation=(1, 1, 2))
    (finding,) = findings("CC205", net((4, 9, 9, 9), along, along))
    assert "read 5 of 9" in finding.message


def test_a_run_that_reads_very_far_is_not_looked_at() -> None:
    far = written("conv", out_channels=4, kernel_size=3, dilation=100_000, padding="same")
    assert findings("CC205", net((4, 64), far, far)) == []
    many = written("conv", out_channels=4, kernel_size=3, dilation=2, padding="same", repeat=2000)
    assert findings("CC205", net((4, 64), many)) == []
    assert findings("CC205", net((4, 64), many.replace("2000", "500")))


@pytest.mark.parametrize(
    "behind",
    [
        "reshape: [1, 4, 64]",
        "permute: [1, 0]",
        "concat: {axis: 1, from: [dilated, dilated]}",
    ],
)
def test_holes_are_not_concluded_where_positions_are_not_followed(behind: str) -> None:
    dilated = "conv: {name: dilated, out_channels: 4, kernel_size: 3, padding: 2, dilation: 2}"
    assert findings("CC205", f"input: [4, 64]\nlayers: [{dilated}, {behind}]") == []
    assert layers_of("CC205", f"input: [4, 64]\nlayers: [{dilated}, max_pool: 2]") == ["dilated"]


# ---- CC208, CC209 ------------------------------------------------------------------------------------------------


def classifier(draw: random.Random) -> list[Any]:
    """Windows with strides and shortcuts, and gates that see everything beside the path."""
    items: list[Any] = []
    for number in range(draw.randint(2, 6)):
        layer = conv(f"c{number}", draw.choice([1, 3, 3, 5, 7]))
        kind = draw.random()
        if kind < 0.25:
            items.append([[], [layer]])
        elif kind < 0.4:
            items.append([[conv(f"d{number}", 3)], [layer]])
        elif kind < 0.5:
            items.append(conv(f"c{number}", 3, stride=2))
        else:
            items.append(layer)
        if draw.random() < 0.2:
            items.append(Layer(f"s{number}", "squeeze_excite: {squeeze_channels: 1}"))
    return items


@given(draws)
def test_unproductive_layers(draw: random.Random) -> None:
    size, items = draw.randint(3, 20), classifier(draw)
    unproductive, critical = [], []
    for layer in every_layer(items):
        if layer.kernel == 1:
            continue
        spans = [seen(walk) for walk in walks(items, layer.name)]
        before = [seen(walk[:-1]) for walk in walks(items, layer.name)]
        least = min(max(span) - min(span) + 1 for span in spans)
        if least > size:
            critical.append(layer.name)
            if min(max(span) - min(span) + 1 for span in before) >= size:
                unproductive.append(layer.name)
    text = spec(size, items, "global_avg_pool", "linear: 3")
    message = findings("CC208", text)
    assert {result.severity for result in message} <= {"info"}  # on a sequence
    assert [result.layer for result in message if "already sees" in result.message] == unproductive
    assert layers_of("CC209", text) == critical
    for result in message:
        productive = re.search(r"an input of (\d+) or more", result.help)
        if productive:
            larger = spec(int(productive[1]), items, "global_avg_pool", "linear: 3")
            others = [other.layer for other in findings("CC208", larger) if "already sees" in other.message]
            assert result.layer not in others


def test_a_depthwise_convolution_is_an_info() -> None:
    dense = written("conv", out_channels=4, kernel_size=9, padding="same")
    depthwise = written("conv", out_channels=4, kernel_size=3, padding=1, groups=4)
    grouped = depthwise.replace("groups: 4", "groups: 2")
    pool = written("global_avg_pool")
    for layer, severity in ((depthwise, "info"), (grouped, "warning")):
        assert [finding.severity for finding in findings("CC208", net((4, 8, 8), dense, layer, pool))][-1] == severity


BIG = written("conv", out_channels=4, kernel_size=(9, 1), padding="same")
MORE = written("conv", out_channels=4, kernel_size=3, padding="same")


def test_an_axis_alone_is_an_info() -> None:
    (finding,) = findings("CC208", net((4, 8, 32), BIG, MORE, written("global_avg_pool")))
    assert finding.severity == "info"
    assert "already sees 9 positions of an input of 8 along axis 0" in finding.message


def test_an_axis_that_is_just_seen_is_not_outgrown() -> None:
    square, tall = (written("conv", out_channels=4, kernel_size=kernel, padding="same") for kernel in (9, (3, 1)))
    last = [findings("CC208", net((4, 8, size), square, tall, written("global_avg_pool")))[-1] for size in (8, 9)]
    assert [(result.layer, result.severity) for result in last] == [("conv2", "warning"), ("conv2", "info")]


def test_a_window_as_large_as_the_map_is_a_fully_connected_layer() -> None:
    padded = written("conv", out_channels=4, kernel_size=7, padding=3)
    on_purpose = written("conv", out_channels=4, kernel_size=7)
    pool = written("global_avg_pool")
    (finding,) = findings("CC208", net((4, 7, 7), padded, pool))
    assert finding.severity == "info"
    assert "a fully connected layer, with 788 params" in finding.message
    assert findings("CC208", net((4, 7, 7), on_purpose, pool)) == []
    assert findings("CC208", net((4, 8, 8), padded, pool)) == []


def test_evidence_is_for_classification() -> None:
    layers = [written("conv", out_channels=4, kernel_size=9, padding="same"), MORE]
    text = findings("CC208", net((4, 8, 8), *layers, written("global_avg_pool")))
    assert [(result.layer, result.severity) for result in text] == [("conv1", "info"), ("conv2", "warning")]
    assert findings("CC208", net((4, 8, 8), *layers)) == []
    assert findings("CC208", f"{net((4, 8, 8), *layers, written('global_avg_pool'))}outputs: [conv2, global_avg_pool1]"
                    ) == []  # fmt: skip


# ---- CC210 -------------------------------------------------------------------------------------------------------

HEADS = ["- global_avg_pool", "- adaptive_avg_pool: 1", "- relu", "- global_max_pool: {keepdim: true}"]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(("size", "flagged"), [(5, False), (6, True)])
def test_field_smaller_than_the_input(head: str, size: int, flagged: bool) -> None:
    layers = [written("conv", name=name, out_channels=4, kernel_size=3, padding=1) for name in "ab"]
    text = findings("CC210", net((4, size, size), *layers, head))
    assert [result.layer for result in text] == ([("relu1" if head == "- relu" else "b")] if flagged else [])
    assert [result.severity for result in text] == ["info"] * flagged


def test_field_smaller_than_the_object() -> None:
    text = net((4, 64, 64), *[written("conv", out_channels=4, kernel_size=3, padding=1)] * 2)
    assert [finding.severity for finding in findings("CC210", text, object_size=6)] == ["warning"]
    assert findings("CC210", text, object_size=5) == []
    (message,) = findings("CC210", text, object_size=11)
    assert message.help.startswith("3 more windows of 3 at this stride of 1 would do")
    deeper = net((4, 64, 64), *[written("conv", out_channels=4, kernel_size=3, padding=1)] * 5)
    assert findings("CC210", deeper, object_size=11) == []


@pytest.mark.parametrize(
    "head",
    ["- flatten\n  - linear: 4", "- reshape: [4, 4096]\n  - permute: [1, 0]\n  - attention: 1\n  - linear: 2",
     "- squeeze_excite: {squeeze_channels: 1}\n  - global_avg_pool"],
)  # fmt: skip
def test_heads_that_see_everything(head: str) -> None:
    assert findings("CC210", net((4, 64, 64), written("conv", out_channels=4, kernel_size=3, padding=1), head)) == []


# ---- CC211 -------------------------------------------------------------------------------------------------------


def shifted(draw: random.Random) -> list[Layer]:
    """A row of windows that keep the size, on either side, and poolings."""
    items = []
    for number in range(draw.randint(1, 6)):
        if draw.random() < 0.2:
            items.append(
                Layer(f"p{number}", f"max_pool: {{name: p{number}, kernel_size: 2}}", windowed(2, 2, 1, 0), 2, 2)
            )
            continue
        kernel, word = draw.randint(1, 4), draw.choice(["same", "same", "same_lower"])
        before = (kernel - 1) // 2 if word == "same" else kernel // 2
        fields = f"name: c{number}, out_channels: {CHANNELS}, kernel_size: {kernel}, padding: {word}"
        items.append(Layer(f"c{number}", f"conv: {{{fields}}}", windowed(kernel, 1, 1, before), kernel))
    return items


@given(draws)
def test_even_kernels(draw: random.Random) -> None:
    """A position of a map of stride 1 stands for itself: how far the middle of what it reads is off is the shift."""
    items = shifted(draw)
    total, jump, even = Fraction(0), 1, []
    for layer in items:
        assert layer.reads is not None
        places = list(layer.reads(0))
        if layer.stride == 1 and layer.kernel % 2 == 0:
            total += Fraction(min(places) + max(places), 2) * jump
            even.append(layer.name)
        jump *= layer.stride
    text = findings("CC211", spec(64, items))
    assert [result.layer for result in text] == (even[-1:] if abs(total) >= 1 else [])
    if text:
        assert f"the map by {float(abs(total)):g} position" in text[0].message
        assert ("towards the beginning" in text[0].message) == (total > 0)


def test_a_net_that_classifies_does_not_ask_where() -> None:
    even = written("conv", out_channels=4, kernel_size=4, padding="same")
    for ending, severity in (
        ((), ["warning"]),
        (("- global_avg_pool",), ["info"]),
        (("- flatten", "- linear: 3"), ["info"]),
    ):
        assert [finding.severity for finding in findings("CC211", net((4, 8, 8), even, even, *ending))] == severity


def test_causal_windows_look_back_on_purpose() -> None:
    causal = [written("conv", out_channels=4, kernel_size=2, dilation=2**n, padding="causal") for n in range(4)]
    assert findings("CC211", net((4, 64), *causal)) == []
    explicit = [written("conv", out_channels=4, kernel_size=2, padding=((1, 0),))] * 4
    assert findings("CC211", net((4, 64), *explicit)) == []
    on_maps = [written("conv", out_channels=4, kernel_size=2, padding=(pair, pair)) for pair in [(1, 0), (0, 1)] * 2]
    assert findings("CC211", net((4, 16, 16), *on_maps)) == []
    assert layers_of("CC211", net((4, 16, 16), *on_maps[::2])) == ["conv2"]


def test_the_larger_shift_of_two_paths_counts() -> None:
    even = "conv: {out_channels: 4, kernel_size: 4, padding: same}"
    text = f"input: [4, 32]\nlayers: [add: {{branches: [[], [{even}, relu, {even}]]}}, relu]"
    (finding,) = findings("CC211", text)
    assert finding.layer == "conv2"
    assert "2 even kernels up to this one shift the map by 1 position" in finding.message


# ---- CC212 -------------------------------------------------------------------------------------------------------


def branch(draw: random.Random, name: str, stride: int) -> list[Layer]:
    """A way to a map of the input's size over `stride`, more or less well centred."""
    items = []
    for number in range(draw.randint(0, 2)):
        kernel, lower = draw.randint(1, 4), draw.random() < 0.3
        before = kernel // 2 if lower else (kernel - 1) // 2
        word = "same_lower" if lower else "same"
        fields = f"name: {name}{number}, out_channels: {CHANNELS}, kernel_size: {kernel}, padding: {word}"
        items.append(Layer(f"{name}{number}", f"conv: {{{fields}}}", windowed(kernel, 1, 1, before), kernel))
    if stride == 2:
        kernel, before = draw.choice([(1, 0), (2, 0), (3, 1)])
        fields = f"name: {name}s, kernel_size: {kernel}, stride: 2, padding: {before}"
        items.append(Layer(f"{name}s", f"max_pool: {{{fields}}}", windowed(kernel, 2, 1, before), kernel, 2))
    elif draw.random() < 0.4:
        items.append(Layer(f"{name}d", f"max_pool: {{name: {name}d, kernel_size: 2}}", windowed(2, 2, 1, 0), 2, 2))
        half = Fraction(1, 2)
        up, reads = draw.choice(
            [
                ("upsample: {scale_factor: 2}", nearest(half)),
                ("upsample: {scale_factor: 2, mode: linear}", interpolated(half, 2, align_corners=False)),
                (f"conv_transpose: {{out_channels: {CHANNELS}, kernel_size: 2, stride: 2}}", transposed(2, 2, 1, 0)),
                (f"conv_transpose: {{out_channels: {CHANNELS}, kernel_size: 4, stride: 2, padding: 1}}",
                 transposed(4, 2, 1, 1)),
            ]
        )  # fmt: skip
        items.append(Layer(f"{name}u", up, reads))
    return items


def middle(walk: list[Layer]) -> Fraction:
    """Where a position looks, against where it stands, over 8 positions in a row on the mean."""
    places = [seen(walk, position) for position in range(8)]
    return sum((Fraction(min(at) + max(at), 2) for at in places), Fraction(0)) / 8


@given(draws)
def test_misaligned_merges(draw: random.Random) -> None:
    stride = draw.choice([1, 1, 2])
    branches = [branch(draw, name, stride) for name in "ab"]
    apart = abs(middle(branches[0]) - middle(branches[1]))
    text = findings("CC212", spec(32, [branches]))
    assert bool(text) == (apart >= Fraction(stride, 2))
    if text:
        assert text[0].layer == "add1"
        assert f"{float(apart):g} position" in text[0].message


UPWARDS = {
    "nearest": "upsample: {{scale_factor: {0}}}",
    "linear": "upsample: {{scale_factor: {0}, mode: linear}}",
    "transposed": f"conv_transpose: {{{{out_channels: {CHANNELS}, kernel_size: {{0}}, stride: {{0}}}}}}",
}


@pytest.mark.parametrize("up", UPWARDS.values(), ids=UPWARDS)
@pytest.mark.parametrize("factor", [2, 4])
def test_what_every_feature_pyramid_has_is_an_info(up: str, factor: int) -> None:
    """Halved by odd windows and enlarged again, a map is off by what upsampling spreads; by more it is a mistake."""
    halved = f"conv: {{out_channels: {CHANNELS}, kernel_size: 3, stride: 2, padding: 1}}"
    pyramid = [*[halved] * (factor // 2), up.format(factor)]
    even = f"conv: {{{{out_channels: {CHANNELS}, kernel_size: 2, padding: {{}}}}}}"

    def said(*beside: str) -> list[tuple[str, str]]:
        sides = [f"[{', '.join(f'{{{layer}}}' for layer in side)}]" for side in (beside, pyramid)]
        text = f"input: [{CHANNELS}, 32]\nlayers: [add: {{branches: [{', '.join(sides)}]}}]"
        return [(finding.severity, finding.message.split()[4]) for finding in findings("CC212", text)]

    spread = (factor - 1) / 2
    assert said() == [("info", f"{spread:g}")]
    upper, lower = even.format("same"), even.format("same_lower")
    assert said(upper) == [("warning", f"{spread + 0.5:g}")]
    assert said(*[lower] * (factor - 1)) == []


def test_a_resnet_d_shortcut_is_a_quarter_of_a_step_off() -> None:
    main = "conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}"
    text = f"input: [4, 32, 32]\nlayers: [add: {{branches: [[{main}], [avg_pool: 2]]}}]"
    assert findings("CC212", text) == []


def test_later_merges_of_aligned_paths_are_not_blamed() -> None:
    off = "conv: {out_channels: 4, kernel_size: 2, padding: same}"
    on = "conv: {out_channels: 4, kernel_size: 3, padding: 1}"
    text = f"input: [4, 32]\nlayers: [add: {{branches: [[], [{off}]]}}, add: {{branches: [[], [{on}]]}}]"
    assert layers_of("CC212", text) == ["add1"]


@pytest.mark.parametrize("size", [4, 5, 8])
def test_a_position_that_is_repeated_to_aligned_corners_is_centred_nowhere(size: int) -> None:
    """Of one position every output reads it alone: the path moves by nothing, and no step is there to measure in."""
    text = f"""
input: [3, {size}, {size}]
layers:
  - max_pool: 2
  - conv: {{name: skip, out_channels: 8, kernel_size: 3, padding: 1}}
  - adaptive_avg_pool: 1
  - conv: {{out_channels: 8, kernel_size: 3, padding: 1}}
  - upsample: {{size: {size // 2}, mode: bilinear, align_corners: true}}
  - concat: {{from: [skip, previous]}}
  - slice: {{axis: 1, end: 1}}
  - upsample: {{scale_factor: 2, mode: bilinear, align_corners: true}}
"""
    pooled = text.replace("adaptive_avg_pool: 1", f"max_pool: {size // 2}")
    assert findings("CC212", text) == findings("CC212", pooled) == []


@pytest.mark.parametrize(
    "paths",
    [
        "[], [{conv: {out_channels: 4, kernel_size: 2, dilation: 4, padding: causal}}]",
        "[], [{global_avg_pool: {keepdim: true}}]",
        "[], []",
        "[], [{conv: {out_channels: 4, kernel_size: 5, padding: 2}}, {batch_norm: }]",
        "[{crop: {cropping: 2}}], [{conv: {out_channels: 4, kernel_size: 5}}]",
        "[{pad: 1}], [{conv: {out_channels: 4, kernel_size: 3, padding: 2}}]",
    ],
)
def test_paths_that_look_at_the_same_place(paths: str) -> None:
    text = f"input: [4, 32]\nlayers: [add: {{branches: [{paths.replace('{batch_norm: }', 'batch_norm')}]}}]"
    assert findings("CC212", text) == []


CAUSAL = {
    "padding and slice": "{conv: {out_channels: 4, kernel_size: 3, dilation: 4, padding: 8}}, "
    "{slice: {axis: 1, end: -8}}",
    "padding and crop": "{conv: {out_channels: 4, kernel_size: 3, padding: 2}}, {crop: {cropping: [[0, 2]]}}",
    "pad": "{pad: [[2, 0]]}, {conv: {out_channels: 4, kernel_size: 3}}",
    "one slice behind two": "{conv: {out_channels: 4, kernel_size: 3, padding: 2}}, relu, "
    "{conv: {out_channels: 4, kernel_size: 3, dilation: 2, padding: 4}}, {slice: {axis: 1, end: 32}}",
    "even kernel": "{conv: {out_channels: 4, kernel_size: 2, padding: 1}}, {slice: {axis: 1, end: -1}}",
}


@pytest.mark.parametrize("causal", CAUSAL.values(), ids=CAUSAL)
def test_causal_paths_however_they_are_written(causal: str) -> None:
    """Position o sees nothing behind o, and meets position o."""
    assert findings("CC212", f"input: [4, 32]\nlayers: [add: {{branches: [[], [{causal}]]}}]") == []
    strided = "{conv: {out_channels: 4, kernel_size: 4, stride: 2, padding: 1}}"
    behind = f"input: [4, 32]\nlayers: [add: {{branches: [[{strided}], [{causal}, {strided}]]}}]"
    assert findings("CC212", behind) == []


def test_what_is_added_without_padding_is_cut_to_its_end() -> None:
    windows = "{conv: {out_channels: 4, kernel_size: 2, dilation: 8}}"
    for start, flagged in ((8, []), (0, ["add1"]), (2, ["add1"])):
        cut = f"{{slice: {{axis: 1, start: {start}, end: {start + 24}}}}}"
        assert layers_of("CC212", f"input: [4, 32]\nlayers: [add: {{branches: [[{cut}], [{windows}]]}}]") == flagged


def test_a_slice_that_cuts_the_wrong_end_is_a_mistake() -> None:
    forward = "{conv: {out_channels: 4, kernel_size: 3, padding: 2}}, {slice: {axis: 1, start: 2}}"
    assert layers_of("CC212", f"input: [4, 32]\nlayers: [add: {{branches: [[], [{forward}]]}}]") == ["add1"]


@pytest.mark.parametrize(("cropping", "flagged"), [([[0, 2], [1, 1]], False), ([[0, 2], [0, 2]], True)])
def test_a_map_looks_back_along_time_and_not_everywhere(cropping: list[list[int]], flagged: bool) -> None:
    branch = f"{{conv: {{out_channels: 4, kernel_size: 3, padding: 2}}}}, {{crop: {{cropping: {cropping}}}}}"
    text = f"input: [4, 32, 32]\nlayers: [add: {{branches: [[], [{branch}]]}}]"
    assert bool(findings("CC212", text)) is flagged


def test_a_crop_on_one_side_is_off() -> None:
    paths = "[{crop: {cropping: [[1, 3]]}}], [{conv: {out_channels: 4, kernel_size: 5}}]"
    (finding,) = findings("CC212", f"input: [4, 32]\nlayers: [add: {{branches: [{paths}]}}]")
    assert "is centred 1 position of the input away from" in finding.message


def test_maps_that_are_resized_are_compared_in_the_middle() -> None:
    """25 positions to 13 and back to 25: strides of 1 and 1.04, and the same middle."""
    down = "conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}"
    text = f"input: [4, 25]\nlayers: [add: {{branches: [[], [{down}, upsample: {{size: 25, mode: linear}}]]}}]"
    assert findings("CC212", text) == []


@pytest.mark.parametrize(("text", "map_", "mode"), [("1", "8", "linear"), ("1, 1", "8, 8", "bilinear")])
def test_a_single_position_spread_over_an_axis_is_centred_nowhere(text: str, map_: str, mode: str) -> None:
    """Corners of a map of 1 are aligned with all positions at once: a step of 0, by which nothing is divided."""
    spread = f"upsample: {{size: [{map_}], mode: {mode}, align_corners: true}}"
    of_two = f"inputs: {{a: [4, {text}], b: [4, {map_}]}}\nlayers:\n  - {spread.replace('{', '{from: a, ', 1)}\n"
    assert findings("CC212", f"{of_two}  - add: {{from: [b, previous]}}\n") == []
    of_both = f"input: [4, {text}]\nlayers: [add: {{branches: [[{{{spread}}}], [relu, {{{spread}}}]]}}]"
    assert findings("CC212", of_both) == []
    pooled = f"input: [4, {map_}]\nlayers:\n  - max_pool: {{repeat: 3, kernel_size: 2}}\n  - {spread}\n"
    assert findings("CC212", f"{pooled}  - add: {{from: [input, previous]}}\n") == []


def test_a_layer_that_adds_axes_leaves_paths_of_its_own() -> None:
    """What is gathered at the places of a map has the axes of both; windows behind it have one on each."""
    layers = "  - gather: {from: [input, input]}\n  - conv: {out_channels: 4, kernel_size: 3, padding: 1}\n"
    text = f"input: [4, 1, 1]\nlayers:\n{layers}  - global_avg_pool\n  - linear: 3\n"
    assert findings("CC208", text) == []


def test_a_number_that_is_divided_by_a_map_has_the_paths_of_the_map() -> None:
    """The first tensor has no positions, the output has those of the second."""
    layers = "  - conv: {name: n, from: x, out_channels: 4, kernel_size: 3}\n  - div: {from: [one, n]}\n  - relu\n"
    text = f"inputs: {{x: [4, 9, 9], one: [1]}}\nlayers:\n{layers}  - add: {{from: [previous, n]}}\n"
    assert findings("CC212", text) == findings("CC211", text) == []
    apart = text.replace("from: [previous, n]", "branches: [[], [conv: {out_channels: 4, kernel_size: 1}]]")
    assert findings("CC212", apart) == []
