"""Rules about what follows what: against channels followed one by one, and costs of nets rewritten as advised."""

from __future__ import annotations

import math
import random
import re
from itertools import pairwise, product
from typing import Any

import pytest
from conftest import draws
from hypothesis import given
from rule_findings import Found, findings, layers_of, net, subject_of, written
from spec_reports import SPECS, report_of_text

from convcalc import rules
from convcalc.language.document import examine
from convcalc.language.source import Source
from convcalc.rules._subject import Problem, Subject


def numbers(text: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", text)]


def one(code: str, text: str, **settings: Any) -> Found:
    (finding,) = findings(code, text, **settings)
    return finding


def problems(code: str, text: str) -> list[Problem]:
    rule = rules.load(code)
    assert rule is not None
    return list(rule.check(subject_of(text)))


# ---- CC108 -------------------------------------------------------------------------------------------------------


def test_what_no_output_needs_is_counted() -> None:
    text = """
        input: [4, 8, 8]
        layers:
          - conv: {name: trunk, out_channels: 4, kernel_size: 1}
          - conv: {name: one, out_channels: 8, kernel_size: 1}
          - conv: {name: two, out_channels: 8, kernel_size: 3}
          - relu: {from: trunk}
        """
    result = one("CC108", text)
    assert result.layer == "two"
    idle = [row.macs for row in report_of_text(text).layers if row.name in {"one", "two"}]
    assert f": {sum(idle):,} MACs of it and of 1 before it that no output needs are for nothing" in result.message


@pytest.mark.parametrize(
    ("text", "unused"),
    [
        ("inputs: {a: [4, 8], b: [4, 8]}\nlayers: [relu: {from: a}]", ["b"]),
        ("input: [4, 8]\nlayers: [relu, tanh: {from: input}]", ["relu1"]),
        ("input: [4, 8]\noutputs: [relu1, tanh1]\nlayers: [relu, tanh: {from: input}]", []),
        ("input: [4, 8]\noutputs: [relu1]\nlayers: [relu, tanh, tanh: {from: relu1}]", ["tanh1", "tanh2"]),
        ("input: [4, 8]\nlayers: [relu, {add: {from: [input, relu1]}}]", []),
    ],
)
def test_unused_outputs(text: str, unused: list[str]) -> None:
    assert layers_of("CC108", text) == unused


TAIL = "  - add: {from: [a, b]}\n"


@pytest.mark.parametrize(
    ("layers", "messages"),
    [
        ("  - conv: {name: b, from: a, repeat: 3, out_channels: 4, kernel_size: 1}\n", ["b.0", "b.1"]),
        ("  - block: {name: b, from: a, repeat: 3}\n", ["b.0.relu1", "b.1.relu1"]),
        ("  - relu: {name: b, from: a}\n  - tanh: {from: a}\n", []),
        ("  - relu: {name: b, from: a}\n  - aside: {repeat: 2}\n", []),
        ("  - relu: {name: b, from: a}\n  - tanh: {name: 't{index}', repeat: 2, from: a}\n", []),
    ],
)
def test_repetitions_that_all_start_anew_are_told_how_to_run_in_a_row(layers: str, messages: list[str]) -> None:
    """And once written so, nothing is unused."""
    text = (
        "input: [4, 8, 8]\nblocks:\n  block: {layers: [relu: {}]}\n"
        "  aside: {layers: [tanh: {}, relu: {from: input}]}\nlayers:\n  - relu: {name: a}\n  - tanh\n"
    )
    told_of = [problem for problem in findings("CC108", text + layers + TAIL) if "start from the one" in problem.help]
    assert [problem.layer for problem in told_of] == messages
    if messages:
        assert "write `- identity: {from: a}` above it and leave `from` out" in told_of[0].help
        mended = "  - identity: {from: a}\n" + layers.replace("from: a, ", "")
        assert layers_of("CC108", text + mended + TAIL) == ["tanh1"]


# ---- CC301 -------------------------------------------------------------------------------------------------------

BIASED = "conv: {out_channels: 4, kernel_size: 3}"


@pytest.mark.parametrize(
    ("layers", "flagged"),
    [
        (f"{BIASED}, batch_norm", True),
        (f"{BIASED}, batch_norm: {{affine: false}}", True),
        (f"{BIASED}, instance_norm", True),
        (f"{BIASED}, group_norm: 4", True),
        (f"{BIASED}, group_norm: 2", False),
        (f"{BIASED}, group_norm: 1", False),
        (f"{BIASED}, layer_norm: {{axes: 0}}", False),
        (f"{BIASED}, relu, batch_norm", False),
        (f"{BIASED}, dropout, batch_norm", False),
        ("conv: {out_channels: 4, kernel_size: 3, bias: false}, batch_norm", False),
        ("conv_transpose: {out_channels: 4, kernel_size: 3}, batch_norm", True),
        ("flatten, linear: 5, batch_norm", True),
        ("linear: 5, batch_norm", False),
        (f"{BIASED}, batch_norm, add: {{from: [conv1, batch_norm1]}}", False),
        (f"{BIASED}, batch_norm, instance_norm: {{from: conv1}}, add: {{from: [batch_norm1, instance_norm1]}}", True),
    ],
)
def test_bias_before_norm(layers: str, flagged: bool) -> None:
    text = f"input: [4, 8, 8]\nlayers: [{layers}]"
    result = findings("CC301", text)
    assert bool(result) == flagged
    if flagged:  # what is said is saved by doing what is advised
        report = report_of_text(text)
        kind = next(row.kind for row in report.layers if row.name == result[0].layer)
        short = re.sub(r"linear: 5", "linear: {out_features: 5}", text)
        without = report_of_text(re.sub(rf"{kind}: {{", f"{kind}: {{bias: false, ", short, count=1)).totals
        saved = report.totals.params - without.params, report.totals.elementwise_ops - without.elementwise_ops
        assert f"{saved[0]:,} params and {saved[1]:,} additions" in result[0].message


def test_an_output_keeps_its_bias() -> None:
    text = f"input: [4, 8, 8]\noutputs: [conv1, batch_norm1]\nlayers: [{BIASED}, batch_norm]"
    assert findings("CC301", text) == []


def test_shared_weights_keep_a_bias_that_one_use_needs() -> None:
    shared = "conv: {name: again, share: conv1}"
    same = "conv: {out_channels: 4, kernel_size: 3}"
    text = f"input: [4, 8, 8]\nlayers: [{same}, batch_norm, {shared}, relu]"
    assert findings("CC301", text) == []
    text = f"input: [4, 8, 8]\nlayers: [{same}, batch_norm, {shared}, batch_norm]"
    assert layers_of("CC301", text) == ["conv1"]


BLOCK = """
    input: [4, 8, 8]
    blocks:
      pair:
        parameters: {normed: true}
        layers:
          - conv: {out_channels: 4, kernel_size: 1}
          - NORM
          - relu
    layers:
      - pair
      - pair: {normed: false}
    """


def test_a_fix_needs_every_layer_of_the_same_text() -> None:
    assert [problem.fix is None for problem in problems("CC301", BLOCK.replace("NORM", "batch_norm"))] == [False, False]
    sometimes = BLOCK.replace("NORM", "batch_norm: {when: normed}")
    assert [problem.fix is None for problem in problems("CC301", sometimes)] == [True]


# ---- CC302 -------------------------------------------------------------------------------------------------------


def convolution(draw: random.Random, channels: int) -> dict[str, Any]:
    groups = draw.choice([1, 1, 1, 2, channels])
    left = draw.choice([channel for channel in (2, 4, 8, 12) if channel % groups == 0] or [groups])
    kernels = tuple(draw.choice([1, 1, 2, 3]) for _ in range(2))
    steps = tuple(draw.choice([1, 1, 2]) for _ in range(2))
    dilations = tuple(draw.choice([1, 1, 2]) for _ in range(2))
    return {
        "out_channels": left,
        "kernel_size": kernels,
        "stride": steps,
        "dilation": dilations,
        "groups": groups,
        "bias": False,
    }


def reads(config: dict[str, Any], channels: int) -> dict[int, set[tuple[int, ...]]]:
    """Of every output channel, the input channels and places that its position 0 reads."""
    inward, outward = channels // config["groups"], config["out_channels"] // config["groups"]
    taps = [
        [tap * dilation for tap in range(kernel)]
        for kernel, dilation in zip(config["kernel_size"], config["dilation"], strict=True)
    ]
    return {
        channel: set(product(range(channel // outward * inward, (channel // outward + 1) * inward), *taps))
        for channel in range(config["out_channels"])
    }


def folded_macs(first: dict[str, Any], second: dict[str, Any], channels: int) -> int:
    """For each output position: of the smallest convolution that has every connection of the two."""
    inner, outer = reads(first, channels), reads(second, first["out_channels"])
    through = {
        channel: {
            (source, *(place + at * step for place, at, step in zip(places, ats, first["stride"], strict=True)))
            for middle, *ats in connections
            for source, *places in inner[middle]
        }
        for channel, connections in outer.items()
    }
    taps = 1
    for axis in (1, 2):
        places = {connection[axis] for connections in through.values() for connection in connections}
        apart = math.gcd(*(place - min(places) for place in places)) or 1
        taps *= (max(places) - min(places)) // apart + 1
    left = second["out_channels"]
    groups = next(
        groups
        for groups in range(min(channels, left), 0, -1)
        if channels % groups == left % groups == 0
        and all(
            source // (channels // groups) == channel // (left // groups)
            for channel, connections in through.items()
            for source, *_ in connections
        )
    )
    macs: int = channels * left // groups * taps
    return macs


@given(draws)
def test_foldable_pairs(draw: random.Random) -> None:
    channels = draw.choice([2, 4, 8])
    first = convolution(draw, channels)
    second = convolution(draw, first["out_channels"])
    between = draw.choice(
        [[], ["- batch_norm"], ["- dropout", "- identity"], ["- scale"], ["- relu"], ["- layer_norm"]]
    )
    text = net((channels, 17, 17), written("conv", **first), *between, written("conv", **second))
    report = report_of_text(text)
    pair = sum(row.macs for row in report.layers)
    positions = math.prod(report.layers[-1].output_shape[1:])
    folded = folded_macs(first, second, channels) * positions
    is_linear = between not in (["- relu"], ["- layer_norm"])
    weights = sum(weights_of(config, count) for config, count in ((first, channels), (second, first["out_channels"])))
    message = findings("CC302", text)
    assert bool(message) == (is_linear and folded <= pair and folded // positions <= weights)
    if message:
        amounts = f": {folded:,} MACs and {folded // positions:,} weights in place of {pair:,} and {weights:,}"
        assert message[0].message.endswith(amounts)


def weights_of(config: dict[str, Any], channels: int) -> int:
    """One for each output channel, input channel that it sees, and tap."""
    return sum(len(connections) for connections in reads(config, channels).values())


@pytest.mark.parametrize(
    "layers",
    [
        "conv: {out_channels: 4, kernel_size: 1}, conv: {out_channels: 64, kernel_size: 1}",
        "conv: {out_channels: 64, kernel_size: [1, 5]}, conv: {out_channels: 64, kernel_size: [5, 1]}",
        "conv: {out_channels: 64, kernel_size: 3, groups: 64}, conv: {out_channels: 64, kernel_size: 1}",
        "conv: {out_channels: 64, kernel_size: 3}, conv: {out_channels: 64, kernel_size: 3, dilation: 3}",
        "inverted_residual: {out_channels: 24}, inverted_residual: {out_channels: 24}",
        "flatten, linear: 8, linear: 64",
    ],
)
def test_pairs_that_are_worth_it(layers: str) -> None:
    assert findings("CC302", f"input: [64, 12, 12]\nlayers: [{layers}]") == []


@pytest.mark.parametrize(("between", "flagged"), [(1, False), (2, True), (3, True)])
def test_a_pair_that_costs_as_much_as_the_one(between: int, flagged: bool) -> None:
    """4·between + between·4 against 4·4."""
    layers = [written("conv", out_channels=channels, kernel_size=1) for channels in (between, 4)]
    assert bool(findings("CC302", net((4, 8), *layers))) == flagged


def test_another_use_of_the_first_keeps_the_pair() -> None:
    point = "conv: {out_channels: 4, kernel_size: 1}"
    assert layers_of("CC302", f"input: [4, 8, 8]\nlayers: [{point}, {point}]") == ["conv2"]
    used = f"input: [4, 8, 8]\nlayers: [{point}, {point}, add: {{from: [conv1, conv2]}}]"
    assert findings("CC302", used) == []
    left = f"input: [4, 8, 8]\noutputs: [conv1, conv2]\nlayers: [{point}, {point}]"
    assert findings("CC302", left) == []


def test_fewer_macs_with_more_weights_are_no_gain() -> None:
    """64 to 16 to 64 at half the size: 4,096 weights on 16x16 positions against 1,024 on 32x32 and 1,024 on 16x16."""
    squeezed = [
        written("conv", out_channels=16, kernel_size=1),
        written("conv", out_channels=64, kernel_size=1, stride=2),
    ]
    assert findings("CC302", net((64, 32, 32), *squeezed)) == []


def test_weights_that_are_used_elsewhere_are_not_saved() -> None:
    point = "conv: {out_channels: 4, kernel_size: 1}"
    shared = "conv: {share: conv1}"
    assert findings("CC302", f"input: [4, 8, 8]\nlayers: [{point}, {shared}]") == []
    assert layers_of("CC302", f"input: [4, 8, 8]\nlayers: [{point}, {shared}, relu, {point}, {point}]") == ["conv4"]


def test_linear_layers_fold_too() -> None:
    result = one("CC302", "input: [16]\nlayers: [linear: 16, dropout, linear: 16]")
    assert "are one linear of 16 to 16 channels: 256 MACs and 256 weights in place of 512 and 512" in result.message


# ---- CC303 -------------------------------------------------------------------------------------------------------

NO_OPS = [
    "max_pool: 1", "avg_pool: {kernel_size: 1, stride: 1}", "adaptive_max_pool: [null, null]",
    "upsample: {scale_factor: 1}", "upsample: {size: 8}",
    "upsample: {scale_factor: 1, mode: bicubic}", "dropout: 0", "pad: 0", "crop: {cropping: 0}", "slice: {start: 0}",
    "split: {sections: 1, part: 0}", "permute: [0, 1, 2]", "permute: [0, -2, -1]",
    "flatten: {start_axis: 1, end_axis: 1}", "pixel_shuffle: 1", "pixel_unshuffle: 1", "channel_shuffle: 1",
    "channel_shuffle: 4",
]  # fmt: skip
OF_A_SIZE = ["adaptive_avg_pool: 8", "crop: {size: 8}", "slice: {end: 4}", "reshape: [4, 8, 8]"]
"""What is there for inputs of another size."""
OPS = [
    *OF_A_SIZE, "max_pool: {kernel_size: 1, stride: 2}", "max_pool: {kernel_size: 3, stride: 1, padding: 1}",
    "adaptive_avg_pool: 4", "upsample: {scale_factor: 2}", "upsample: {scale_factor: 1.1}", "dropout: 0.1", "pad: 1",
    "crop: {size: 7}", "crop: {cropping: 1}", "slice: {start: 1}", "split: {sections: 2, part: 0}",
    "permute: [0, 2, 1]", "reshape: [8, 4, 8]", "flatten", "channel_shuffle: 2", "identity",
    "relu", "relu6", "batch_norm", "softmax",
]  # fmt: skip


@pytest.mark.parametrize(("layer", "flagged"), [(layer, True) for layer in NO_OPS] + [(layer, False) for layer in OPS])
def test_layers_that_change_nothing(layer: str, flagged: bool) -> None:
    text = findings("CC303", f"input: [4, 8, 8]\nlayers: [{layer}]")
    assert [result.severity for result in text] == ["info"] * flagged
    if flagged:
        assert text[0].message.endswith("it changes nothing")


RANGES = {"relu": (0, 99), "relu6": (0, 6), "sigmoid": (0, 1), "hard_sigmoid": (0, 1), "softmax": (0, 1),
          "softplus": (0, 99), "tanh": (-1, 1), "leaky_relu": (-99, 99), "silu": (-1, 99), "gelu": (-1, 99),
          "hard_swish": (-1, 99), "batch_norm": (-99, 99)}  # fmt: skip
"""What a layer gives at least and at most; 99 stands for any number."""


@pytest.mark.parametrize(("before", "range_"), RANGES.items())
@pytest.mark.parametrize(("then", "most"), [("relu", 99), ("relu6", 6)])
def test_activations_of_what_is_in_their_range(before: str, range_: tuple[int, int], then: str, most: int) -> None:
    expected = range_[0] >= 0 and range_[1] <= most
    assert bool(findings("CC303", f"input: [4, 8, 8]\nlayers: [{before}, {then}]")) == expected


# ---- CC304, CC305 ------------------------------------------------------------------------------------------------


def chain(draw: random.Random, groups: list[int]) -> list[tuple[str, int]]:
    """Convolutions of 8 channels with their groups (0: not a convolution), and what may stand between."""
    layers: list[tuple[str, int]] = []
    for _ in range(draw.randint(1, 5)):
        chosen = draw.choice(groups)
        layers.append((written("conv", out_channels=8, kernel_size=1, groups=chosen), chosen))
        layers += [(f"- {draw.choice(['relu', 'batch_norm', 'dropout'])}", 0)] * draw.randint(0, 1)
        layers += [("- channel_shuffle: 2", -2)] * (draw.random() < 0.2)
    return layers


def follow(layers: list[tuple[str, int]]) -> list[set[int]]:
    """Of every channel that leaves, those of the 8 that enter which it is made from."""
    made = [{channel} for channel in range(8)]
    for _, groups in layers:
        if groups > 0:
            size = 8 // groups
            runs = [set().union(*made[start : start + size]) for start in range(0, 8, size)]
            made = [runs[channel // size] for channel in range(8)]
        elif groups < 0:
            made = [made[start] for part in range(8 // -groups) for start in range(part, 8, 8 // -groups)]
    return made


def is_mixed_before(layers: list[tuple[str, int]]) -> bool:
    """Whether the last of some layers, normalisation and dropout apart, is dense."""
    left = [groups for text, groups in layers if text not in {"- batch_norm", "- dropout"}]
    return left[-1:] == [1]


@given(draws)
def test_depthwise_channels_that_never_meet(draw: random.Random) -> None:
    layers = chain(draw, [8, 8, 1])
    unmixed = [
        index
        for index, (_, groups) in enumerate(layers)
        if groups == 8 and all(len(made) == 1 for made in follow(layers[index:]))
    ]
    ends_mixed = bool(unmixed) and is_mixed_before(layers[: unmixed[-1]])
    numbered = [index for index, (_, groups) in enumerate(layers) if groups > 0]
    message = findings("CC304", net((8, 4, 4), *(text for text, _ in layers)))
    assert [result.layer for result in message] == [
        f"conv{numbered.index(index) + 1}" for index in unmixed[-1:] if not ends_mixed
    ]
    if message:
        assert ("depthwise ones before it" in message[0].message) == (len(unmixed) > 1)


@given(draws)
def test_groups_that_never_meet(draw: random.Random) -> None:
    layers = chain(draw, [1, 2, 4, 4])
    numbered = [index for index, (_, groups) in enumerate(layers) if groups > 0]
    expected = []
    for number, (first, second) in enumerate(pairwise(numbered), start=2):
        groups = layers[first][1]
        if 1 < groups == layers[second][1]:
            size = 8 // groups
            made = follow(layers[first : second + 1])
            if all(len({source // size for source in channel}) == 1 for channel in made):
                expected.append(f"conv{number}")
    assert layers_of("CC305", net((8, 4, 4), *(text for text, _ in layers))) == expected


def test_depthwise_convolutions_in_a_row_are_not_groups() -> None:
    depthwise = written("conv", out_channels=8, kernel_size=3, groups=8)
    assert findings("CC305", net((8, 9, 9), depthwise, "- relu", depthwise)) == []
    assert layers_of("CC305", net((16, 9, 9), *[depthwise.replace("channels: 8", "channels: 16")] * 2)) == ["conv2"]


def test_a_separable_convolution_in_the_other_order() -> None:
    """The heads of YuNet: a 1x1 to few channels, and a depthwise 3x3 behind it."""
    point, depthwise = (
        written("conv", out_channels=4, kernel_size=1),
        written("conv", out_channels=4, kernel_size=3, groups=4),
    )
    assert findings("CC304", net((8, 9, 9), point, "- batch_norm", depthwise)) == []
    assert layers_of("CC304", net((8, 9, 9), point, "- relu", depthwise)) == ["conv2"]
    assert layers_of("CC304", net((8, 9, 9), point, depthwise, depthwise)) == ["conv3"]


def test_a_gate_mixes_weakly() -> None:
    depthwise = written("conv", out_channels=8, kernel_size=3, groups=8)
    assert layers_of("CC304", net((8, 9, 9), depthwise)) == ["conv1"]
    assert findings("CC304", net((8, 9, 9), depthwise, "- squeeze_excite: {squeeze_channels: 2}")) == []
    assert findings("CC304", net((8, 9, 9), depthwise, "- global_avg_pool", "- linear: 3")) == []
    assert findings("CC304", net((1, 9, 9), written("conv", out_channels=8, kernel_size=3))) == []


# ---- CC306 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("features", "severity"), [(12, []), (13, ["info"]), (108, ["info"]), (109, ["warning"])])
def test_fully_connected_share(features: int, severity: list[str]) -> None:
    """204 params of a convolution, against 16 + 1 for each feature: as many at 12, nine times as many at 108."""
    conv = written("conv", out_channels=4, kernel_size=(1, 50), bias=True)
    text = net((1, 1, 53), conv, "- flatten", f"- linear: {features}")
    rows = report_of_text(text).layers
    assert [row.params for row in rows if row.params] == [204, 17 * features]
    message = findings("CC306", text)
    assert [result.severity for result in message] == severity
    for result in message:
        assert result.help == f"global_avg_pool in place of flatten1 leaves it {4 * features} weights"


def test_a_net_without_convolutions_has_nothing_else() -> None:
    assert findings("CC306", "input: [64]\nlayers: [linear: 64, relu, linear: 10]") == []
    tokens = written("conv", out_channels=4, kernel_size=1)
    assert findings("CC306", net((4, 64), tokens, "- linear: 64", "- linear: 64")) == []


# ---- CC307 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "flagged"),
    [
        ("dropout, batch_norm", ["dropout1"]),
        ("dropout: 0.1, relu, conv: {out_channels: 4, kernel_size: 1}, batch_norm", ["dropout1"]),
        ("batch_norm, dropout", []),
        ("dropout: 0, batch_norm", []),
        ("dropout, batch_norm: {track_running_stats: false}", []),
        ("dropout, layer_norm", []),
        ("dropout, add: {branches: [[], [batch_norm]]}, dropout", ["dropout1"]),
    ],
)
def test_dropout_before_batch_norm(layers: str, flagged: list[str]) -> None:
    assert layers_of("CC307", f"input: [4, 8, 8]\nlayers: [{layers}]") == flagged


# ---- CC308 -------------------------------------------------------------------------------------------------------

POINT = "conv: {out_channels: 3, kernel_size: 1}"


@pytest.mark.parametrize(
    "up", ["{scale_factor: 2}", "{scale_factor: [1, 3], mode: bilinear}", "{size: 11, mode: bicubic}"]
)
def test_pointwise_after_upsampling_costs_what_is_said(up: str) -> None:
    result = one("CC308", f"input: [4, 8, 8]\nlayers: [upsample: {up}, {POINT}]")
    now, swapped = (
        report_of_text(f"input: [4, 8, 8]\nlayers: [{layers}]").totals.macs
        for layers in (f"upsample: {up}, {POINT}", f"{POINT}, upsample: {up}")
    )
    assert f"with {swapped:,} MACs in place of {now:,}" in result.message
    assert result.help == f"swap the two: {100 * (now - swapped) / now:.0f} % of its MACs less"


@pytest.mark.parametrize(
    "layers",
    [
        f"upsample: {{scale_factor: 2}}, relu, {POINT}",
        "upsample: {scale_factor: 2}, conv: {out_channels: 3, kernel_size: 3}",
        "upsample: {scale_factor: 2}, conv: {out_channels: 3, kernel_size: 1, padding: 1}",
        "upsample: {scale_factor: 2}, conv: {out_channels: 3, kernel_size: 1, stride: 2}",
        f"upsample: {{scale_factor: 0.5}}, {POINT}",
        f"upsample: {{scale_factor: 2}}, {POINT}, concat: {{from: [upsample1, conv1]}}",
    ],
)
def test_pointwise_that_must_stay(layers: str) -> None:
    assert findings("CC308", f"input: [4, 8, 8]\nlayers: [{layers}]") == []


# ---- CC401 to CC407 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "dtype", "multiple"),
    [
        ("a100", "float16", 8),
        ("a100", "tf32", 4),
        ("a100", "int8", 16),
        ("qualcomm-htp", "int8", 32),
        ("axis-dlpu", "int8", 16),
        ("ti-npu", "int8", 4),
    ],
)
@pytest.mark.parametrize("channels", [4, 6, 8, 16, 24, 32, 33])
def test_channels_of_a_device(device: str, dtype: str, multiple: int, channels: int) -> None:
    def text(between: int) -> str:
        wide = [written("conv", out_channels=n, kernel_size=3, bias=False) for n in (between, 64, 7)]
        return net((3, 9, 9), *wide)

    message = findings("CC401", text(channels), device=device, dtype=dtype)
    assert bool(message) == (channels % multiple != 0)
    if message:  # the first by what leaves it, the second by what enters
        assert [result.layer for result in message] == ["conv1", "conv2"]
        padded = channels + -channels % multiple
        now, then = report_of_text(text(channels)).layers, report_of_text(text(padded)).layers
        for result, a, b in zip(message, now, then, strict=False):
            assert f"padded, {a.macs:,} MACs become {b.macs:,}" in result.message
            assert all(better % multiple == 0 for better in numbers(result.help))
    assert findings("CC401", text(channels)) == []


def test_channels_of_a_single_position_are_not_padded() -> None:
    """The squeeze of a gate that is written with convolutions."""
    wide = written("conv", out_channels=64, kernel_size=3, padding=1)
    narrow, back = (written("conv", out_channels=n, kernel_size=1) for n in (3, 64))
    gate = [*(layer.removeprefix("- ") for layer in (narrow, back)), "sigmoid"]
    branch = ", ".join(f"{{{layer}}}" if ":" in layer else layer for layer in gate)
    mul = f"- mul: {{branches: [[], [{{global_avg_pool: {{keepdim: true}}}}, {branch}]]}}"
    assert findings("CC401", net((3, 9, 9), wide, mul, wide, wide), device="a100", dtype="float16") == []
    assert layers_of("CC401", net((3, 9, 9), wide, narrow, back), device="a100", dtype="float16") == ["conv2", "conv3"]


def test_low_intensity_is_for_what_takes_time() -> None:
    depthwise = written("conv", name="d", out_channels=64, kernel_size=3, padding=1, groups=64, bias=False)
    dense = written("conv", name="c", out_channels=64, kernel_size=5, padding=2, bias=False)
    (finding,) = findings("CC402", net((64, 56, 56), depthwise), device="a100", dtype="float16")
    row = report_of_text(net((64, 56, 56), depthwise)).layers[0]
    moved = 2 * (2 * 64 * 56 * 56 + 576)
    assert f"{2 * row.macs / moved:.1f} operations a byte" in finding.message
    assert f"moving {moved:,} bytes" in finding.message
    assert layers_of("CC402", net((64, 56, 56), depthwise, dense), device="a100", dtype="float16") == ["d"]
    many = [dense.replace("name: c", f"name: c{number}") for number in range(20)]
    assert findings("CC402", net((64, 56, 56), depthwise, *many), device="a100", dtype="float16") == []
    assert findings("CC402", net((64, 56, 56), depthwise), device="ti-npu") == []


def test_the_bound_on_elements_moved() -> None:
    """No other split of as many MACs over input and output channels moves fewer elements."""
    from convcalc.rules.cc403_channel_ratio import access_over_bound

    for places, product_ in [(49, 2**12), (784, 2**14), (1, 2**10)]:
        splits = [(2**n, product_ // 2**n) for n in range(product_.bit_length())]
        moved = {split: places * sum(split) + product_ for split in splits}
        for split in splits:
            assert access_over_bound(places, *split) == pytest.approx(moved[split] / min(moved.values()))


@pytest.mark.parametrize("groups", [2, 4, 8, 16])
def test_what_groups_move(groups: int) -> None:
    layer = written("conv", out_channels=32, kernel_size=1, groups=groups, bias=False)
    message = findings("CC404", net((16, 9, 9), layer))
    assert bool(message) == (groups < 16)
    for result in message:
        rows = [
            report_of_text(net((16, 9, 9), text)).layers[0]
            for text in (layer, layer.replace(f"groups: {groups}", "groups: 1"))
        ]
        per_mac = [1000 * ((16 + 32) * 81 + row.params) / row.macs for row in rows]
        assert f"move {per_mac[0]:.1f} elements for 1,000 MACs, one group {per_mac[1]:.1f}" in result.message


def test_branches_that_work_are_counted() -> None:
    point, pool = "[conv: {out_channels: 4, kernel_size: 1}, relu]", "[avg_pool: {kernel_size: 1, stride: 1}]"
    for branches, flagged in [
        ([point] * 4, True),
        ([point] * 3 + [pool], True),
        ([point] * 3 + ["[]"], False),
        ([point] * 3, False),
        ([point] * 2 + ["[relu]", "[]"], False),
    ]:
        text = f"input: [4, 9]\nlayers: [concat: {{branches: [{', '.join(branches)}]}}]"
        assert bool(findings("CC405", text)) == flagged
    assert len(findings("CC405", (SPECS / "zoo" / "inception_v3.yaml").read_text("utf-8"))) > 5


def test_the_share_of_elementwise_layers() -> None:
    text = net((4, 9), written("conv", out_channels=8, kernel_size=1), "- relu", "- add: {branches: [[], [sigmoid]]}")
    result = one("CC406", text)
    moved = {"conv1": 36 + 72 + 40, "relu1": 144, "sigmoid1": 144, "add1": 216}
    assert result.layer == "add1"
    assert f"3 element-wise layers of the net, in all {144 + 144 + 216} of {sum(moved.values())}" in result.message
    assert result.message.endswith("this one 216")


@pytest.mark.parametrize(
    ("layer", "refused"),
    [
        ("conv: {out_channels: 4, kernel_size: [7, 1]}", False),
        ("conv: {out_channels: 4, kernel_size: [8, 1]}", True),
        ("conv: {out_channels: 4, kernel_size: [1, 9]}", False),
        ("conv: {out_channels: 4, kernel_size: 1, stride: [2, 1]}", False),
        ("conv: {out_channels: 4, kernel_size: 1, stride: [1, 2]}", True),
        ("conv: {out_channels: 4, kernel_size: 1, stride: 3}", True),
        ("conv: {out_channels: 4, kernel_size: 1, groups: 4}", False),
        ("conv: {out_channels: 4, kernel_size: 1, groups: 2}", True),
        ("max_pool: 4", False),
        ("max_pool: [1, 5]", True),
        ("avg_pool: 5", False),
        ("attention: 1", True),
        ("lstm: 4", True),
        ("linear: 3", True),
        ("global_avg_pool", False),
    ],
)
def test_what_the_ti_npu_runs(layer: str, refused: bool) -> None:
    text = f"input: [4, 12, 12]\nlayers: [{layer}]"
    assert bool(findings("CC407", text, device="ti-npu")) == refused
    assert findings("CC407", text, device="a100", dtype="float16") == []


def test_axes_of_the_ti_npu() -> None:
    along = [written("conv", out_channels=4, kernel_size=7, stride=2), "- max_pool: 4"]
    assert findings("CC407", net((4, 64), *along), device="ti-npu") == []
    volume = written("conv", out_channels=4, kernel_size=1)
    assert layers_of("CC407", net((4, 3, 3, 3), volume), device="ti-npu") == ["conv1"]


# ---- specs with mistakes -----------------------------------------------------------------------------------------

MISTAKES = {
    "CC108": "input: [4, 8]\nlayers: [relu, {add: {from: [input, nowhere]}}]",
    "CC301": "input: [4]\nlayers: [{linear: 4}, batch_norm, {add: {from: [linear1, nowhere]}}]",
    "CC302": "input: [4, 8]\nlayers: [{linear: 8}, {linear: 8}, {add: {from: [linear1, nowhere]}}]",
    "CC304": "input: [4, 8]\nlayers: [{conv: {out_channels: 4, kernel_size: 1, groups: 4}}, {convv: 4}]",
    "CC208": "input: [4, 2]\nlayers: [{conv: {out_channels: 4, kernel_size: 3, padding: same, repeat: 3}}, pool]",
    "CC306": "input: [1, 9]\nlayers: [{conv: {out_channels: 1, kernel_size: 1}}, flatten, {linear: 99}, {convv: 3}]",
}
"""What would be said if the layers that could be worked out were all there are."""


@pytest.mark.parametrize(("code", "text"), MISTAKES.items())
def test_nothing_is_concluded_from_what_is_missing(code: str, text: str) -> None:
    source = Source("net.yaml", text)
    examined = examine(source)
    assert examined.problems
    assert examined.network is not None
    rule = rules.load(code)
    assert rule is not None
    broken = Subject(source, examined.network, examined.places, tuple(examined.problems))
    assert list(rule.check(broken)) == []
