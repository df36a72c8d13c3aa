"""Published nets: their specs in specs/zoo, and some more said here, against figures counted on the real ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from conftest import COVERING
from spec_reports import SPECS, field_of, report_of, report_of_text, rows, shape, unmet

import convcalc
from convcalc.arithmetic.axes import Axis, intervals
from convcalc.arithmetic.field import at_input

ZOO = sorted(path.stem for path in (SPECS / "zoo").glob("*.yaml"))


@pytest.mark.parametrize("name", ZOO)
def test_spec_meets_its_expectations(name: str) -> None:
    report = report_of(f"zoo/{name}")
    assert report.network.name == name
    assert report.network.source
    assert {"params", "macs", "output"} <= report.network.expect.keys()
    assert unmet(report) == {}


def test_a_figure_that_is_not_met_is_found() -> None:
    wrong = "{params: 8, macs: 1, output: [1, 4, 4], receptive_field: [3, 2], peak_activation_bytes: 1}"
    text = f"input: [1, 4, 4]\nexpect: {wrong}\nlayers: [conv: {{out_channels: 1, kernel_size: 3, padding: 1}}]"
    assert unmet(report_of_text(text)).keys() == {"params", "macs", "receptive_field", "peak_activation_bytes"}


EARLY = (
    (SPECS / "zoo/seresnet50.yaml")
    .read_text("utf-8")
    .replace("              - squeeze_excite: {name: gate}\n", "")
    .replace("ceil_mode: true", "padding: 1")
)
"""ResNet-50 with the stride in the first 1x1, as its paper has it."""

MEMBERS = {
    "vgg11": ("vgg16", {"depths": "[1, 1, 2, 2, 2]"}),
    "vgg19": ("vgg16", {"depths": "[2, 2, 4, 4, 4]"}),
    "googlenet_noaux": ("googlenet", {}),
    "inception_v3_noaux": ("inception_v3", {}),
    "timm_inception_v4": ("inception_v4", {}),
    "resnet34": ("resnet18", {"depths": "[3, 4, 6, 3]"}),
    "resnet101": ("resnet50", {"depths": "[3, 4, 23, 3]"}),
    "resnet152": ("resnet50", {"depths": "[3, 8, 36, 3]"}),
    "timm_legacy_seresnet50": ("seresnet50", {}),
    "timm_legacy_senet154": ("senet154", {}),
    "timm_legacy_xception": ("xception", {}),
    "timm_mobilenetv1_100": ("mobilenet_v1", {}),
    "shufflenet_v2_x0_5": ("shufflenet_v2", {"channels": "[48, 96, 192]"}),
    "shufflenet_v2_x1_0": ("shufflenet_v2", {}),
    "shufflenet_v2_x1_5": ("shufflenet_v2", {"channels": "[176, 352, 704]"}),
    "shufflenet_v2_x2_0": ("shufflenet_v2", {"channels": "[244, 488, 976]", "head": "2048"}),
    "efficientnet_b1": ("efficientnet_b0", {"width": "1.0", "depth": "1.1"}),
    "efficientnet_b2": ("efficientnet_b0", {"width": "1.1", "depth": "1.2"}),
    "efficientnet_b3": ("efficientnet_b0", {"width": "1.2", "depth": "1.4"}),
    "efficientnet_b4": ("efficientnet_b0", {"width": "1.4", "depth": "1.8"}),
    "efficientnet_b5": ("efficientnet_b0", {"width": "1.6", "depth": "2.2"}),
    "efficientnet_b6": ("efficientnet_b0", {"width": "1.8", "depth": "2.6"}),
    "efficientnet_b7": ("efficientnet_b0", {"width": "2.0", "depth": "3.1"}),
    "timm_ghostnet_100": ("ghostnet", {}),
}
"""Counted nets: the spec each is in under another name, and its variables."""

NOT_IN_THE_ZOO = {
    "vgg16_bn",
    "fcn_resnet50_520",
    "fcn_resnet50_224",
    "deeplabv3_resnet50_520",
    "deeplabv3_resnet50_224",
    "timm_xception65",
}


def report(model: str, size: tuple[int, ...] | None = None) -> convcalc.Report:
    """Of a spec of the zoo or a member of a family, at another input size if told."""
    spec, variables = MEMBERS.get(model, (model, {}))
    return report_of(f"zoo/{spec}", size, **variables)


@pytest.mark.parametrize(
    "row", [row for row in rows("zoo.csv") if row["model"] not in NOT_IN_THE_ZOO], ids=lambda row: str(row["model"])
)
def test_totals(row: dict[str, str]) -> None:
    result = report(row["model"], shape(row["input"]))
    assert (result.totals.params, result.totals.macs) == (int(row["params"]), int(row["macs"]))
    if not MEMBERS.get(row["model"], ("", {}))[1]:
        assert report(row["model"]).network.inputs[0].shape == shape(row["input"])


def test_resnet50_with_its_stride_in_the_first_1x1() -> None:
    """What the SENet paper calls 3.86 G."""
    report = report_of_text(EARLY)
    assert (report.totals.params, report.totals.macs) == (25557032, 3857973248)
    assert field_of(report) == (483, 32, 241)


PUBLISHED = {
    "VGG-13": ("vgg16", "depths=[2,2,2,2,2]", "133.047848M", "11.308G"),
    "ResNeXt-101 32x8d": ("resnext50_32x4d", "depths=[3,4,23,3] width=8", "88.791336M", "16.414G"),
    "ResNeXt-101 64x4d": ("resnext50_32x4d", "depths=[3,4,23,3] groups=64", "83.455272M", "15.460G"),
    "Wide ResNet-50-2": ("resnext50_32x4d", "groups=1 width=128", "68.883240M", "11.398G"),
    "Wide ResNet-101-2": ("resnext50_32x4d", "depths=[3,4,23,3] groups=1 width=128", "126.886696M", "22.753G"),
    "DenseNet-169": ("densenet121", "depths=[6,12,32,32]", "14.149480M", "3.360G"),
    "DenseNet-201": ("densenet121", "depths=[6,12,48,32]", "20.013928M", "4.291G"),
    "DenseNet-161": ("densenet121", "depths=[6,12,36,24] growth=48", "28.681000M", "7.728G"),
    "ConvNeXt-S": ("convnext_tiny", "depths=[3,3,27,3]", "50.223688M", "8.684G"),
    "ConvNeXt-B": ("convnext_tiny", "depths=[3,3,27,3] width=128", "88.591464M", "15.355G"),
    "ConvNeXt-L": ("convnext_tiny", "depths=[3,3,27,3] width=192", "197.767336M", "34.361G"),
    "ViT-B/32": ("vit_b_16", "patch=32", "88.224232M", "4.409G"),
    "ViT-L/16": ("vit_b_16", "width=1024 depth=24 heads=16", "304.326632M", "61.555G"),
    "Swin-S": ("swin_t", "depths=[2,2,18,2]", "49.606258M", "8.741G"),
    "Swin-B": ("swin_t", "depths=[2,2,18,2] width=128", "87.768224M", "15.431G"),
    "SE-ResNet-101": ("seresnet50", "depths=[3,4,23,3]", "49.326872M", ""),
    "SE-ResNet-152": ("seresnet50", "depths=[3,8,36,3]", "66.821848M", ""),
    "RepVGG-A0": ("repvgg_a0", "", "8.31M", "1.36G"),
    "RepVGG-A1": ("repvgg_a0", "widths=[1,2.5]", "12.79M", "2.36G"),
    "RepVGG-A2": ("repvgg_a0", "widths=[1.5,2.75]", "25.50M", "5.12G"),
    "RepVGG-B0": ("repvgg_a0", "depths=[4,6,16,1] widths=[1,2.5]", "14.34M", "3.06G"),
    "RepVGG-B1": ("repvgg_a0", "depths=[4,6,16,1] widths=[2,4]", "51.83M", "11.82G"),
    "RepVGG-B2": ("repvgg_a0", "depths=[4,6,16,1] widths=[2.5,5]", "80.32M", "18.38G"),
    "RepVGG-B3": ("repvgg_a0", "depths=[4,6,16,1] widths=[3,5]", "110.96M", "26.21G"),
    "ShuffleNet 1x, 1 group": ("shufflenet_v1", "groups=1 channels=144 classifier_bias=true", "1.531936M", ""),
    "ShuffleNet 1x, 2 groups": ("shufflenet_v1", "groups=2 channels=200 classifier_bias=true", "1.733848M", ""),
    "ShuffleNet 1x, 3 groups": ("shufflenet_v1", "classifier_bias=true", "1.865728M", ""),
    "ShuffleNet 1x, 4 groups": ("shufflenet_v1", "groups=4 channels=272 classifier_bias=true", "1.968344M", ""),
    "ShuffleNet 1x, 8 groups": ("shufflenet_v1", "groups=8 channels=384 classifier_bias=true", "2.434768M", ""),
    "ShuffleNet 0.5x": ("shufflenet_v1", "channels=120 stem=12", "0.7M", "38M"),
    "ShuffleNet 1x": ("shufflenet_v1", "", "1.9M", ""),
    "ShuffleNet 1x of 8": ("shufflenet_v1", "groups=8 channels=384", "2.4M", "138M"),
    "ShuffleNet 1.5x": ("shufflenet_v1", "channels=360", "3.4M", "292M"),
    "ShuffleNet 2x": ("shufflenet_v1", "channels=480 stem=48", "5.4M", "524M"),
    "MobileNetV3-Large 0.75": ("mobilenet_v3_large", "width=0.75", "4.0M", "155M"),
    "MobileNetV3-Large 1.25": ("mobilenet_v3_large", "width=1.25", "", "356M"),
    "MobileNetV3-Small 0.75": ("mobilenet_v3_small", "width=0.75", "2.0M", ""),
    "GhostNet 0.5x": ("ghostnet", "width=0.5", "2.6M", "42M"),
}
"""Parameters and MACs in as many digits as are published: by torchvision, imgclsmob (SE-ResNets, ShuffleNet with a
bias), timm (RepVGG, which the paper cuts off where timm rounds), the authors' ShuffleNet code, and papers. Left out is
what counts more than MACs, and 138 M for ShuffleNet 1x of 3 groups, which the authors' own code contradicts."""
UNITS = {"M": 10**6, "G": 10**9}


@pytest.mark.parametrize("net", PUBLISHED)
def test_members_of_families(net: str) -> None:
    spec, variables, *published = PUBLISHED[net]
    totals = report_of(f"zoo/{spec}", **dict(item.split("=") for item in variables.split())).totals
    for figure, text in zip((totals.params, totals.macs), published, strict=True):
        if text:
            digits, unit = text[:-1], UNITS[text[-1]]
            assert f"{figure / unit:.{len(digits.partition('.')[2])}f}" == digits


LAYERS = rows("layers.csv")
GATE_BEHIND_SHORTCUT = {"seresnet50"}
"""The real one runs its shortcuts before its gates, which is another order and nothing else."""


@pytest.mark.parametrize("model", sorted({row["model"] for row in LAYERS}))
def test_layer_by_layer(model: str) -> None:
    """In the order they run; of some nets convolutions and linear layers only."""
    expected = [
        (row["kind"], int(row["params"]), int(row["macs"]), (shape(row["input"]),), shape(row["output"]))
        for row in LAYERS
        if row["model"] == model
    ]
    kinds = {kind for kind, *_ in expected}
    items = [
        (row.kind, row.params, row.macs, row.input_shapes, row.output_shape)
        for row in report(model).layers
        if row.kind in kinds
    ]
    if model in GATE_BEHIND_SHORTCUT:
        expected, items = sorted(expected), sorted(items)
    assert items == expected


@pytest.mark.parametrize(
    ("width", "millions"),
    [
        ("1.0", {"224": 568.7, "192": 418.1, "160": 290.7, "128": 186.4}),
        ("0.75", {"224": 325.4, "192": 239.3, "160": 166.4, "128": 106.8}),
        ("0.5", {"224": 149.5, "192": 110.0, "160": 76.5, "128": 49.2}),
        ("0.25", {"224": 41.0, "192": 30.2, "160": 21.1, "128": 13.6}),
    ],
)
def test_mobilenet_v1_width_and_resolution(width: str, millions: dict[str, float]) -> None:
    """Tables 6 and 7 of the paper and the combinations of both, counted on the authors' definition."""
    report = {
        resolution: report_of("zoo/mobilenet_v1", width=width, resolution=resolution).totals.macs
        for resolution in millions
    }
    assert {resolution: round(macs / 10**6, 1) for resolution, macs in report.items()} == millions


def test_mobilenet_v1_of_width_075_without_its_classifier() -> None:
    report = report_of("zoo/mobilenet_v1", width="0.75", resolution="128")
    assert report.totals.macs - report.layers[-1].macs == 106002432  # as the authors' own code says


@pytest.mark.parametrize(("width", "millions"), [("1.4", 582), ("1.3", 509), ("0.75", 209), ("0.5", 97), ("0.35", 59)])
def test_mobilenet_v2_width(width: str, millions: int) -> None:
    assert round(report_of("zoo/mobilenet_v2", width=width).totals.macs / 10**6) == millions


@pytest.mark.parametrize(("side", "millions"), [(192, 221), (160, 154), (128, 99), (96, 56)])
def test_mobilenet_v2_resolution(side: int, millions: int) -> None:
    assert round(report("mobilenet_v2", (3, side, side)).totals.macs / 10**6) == millions


FIELDS = {"densenet121": (2071, 32, 1021), "convnext_tiny": (1688, 32, 828), "inception_v4": (2071, 32, 998)}
"""By the recursion of Araujo, Norris and Sim, outside of this program; Inception v4 is published by them."""
LAST_SPATIAL = {
    row["net"].removeprefix("torchvision "): (int(row["receptive_field"]), int(row["stride"]), int(row["padding"]))
    for row in rows("receptive_fields.csv")
    if row["end_point"].startswith("last spatial layer") and row["net"].startswith("torchvision ")
}


@pytest.mark.parametrize(("net", "expected"), (LAST_SPATIAL | FIELDS).items())
def test_receptive_field(net: str, expected: tuple[int, int, int]) -> None:
    result = report(net)
    assert field_of(result) == expected
    assert result.misaligned == ()


LONGEST_PATH = {
    "alexnet_original": "11/4 3/2 5 3/2 3*3 3/2",
    "googlenet": "7/2 3/2 3 3/2 3*2 3/2 3*5 2/2 3*2",
    "inception_v4": "3/2 3*2 3/2 7 3 3/2 3*8 3 3/2 7*14 7 3/2 3*6",
    "resnext50_32x4d": "7/2 3/2 3*3 3/2 3*3 3/2 3*5 3/2 3*2",
    "seresnet50": "7/2 3/2 3*3 1/2 3*4 1/2 3*6 1/2 3*3",
    "senet154": "3/2 3*2 3/2 3*3 3/2 3*7 3/2 3*35 3/2 3*2",
    "xception": "3/2 3 3*2 3/2 3*2 3/2 3*2 3/2 3*24 3*2 3/2 3*2",
    "squeezenet1_0": "7/2 3/2 3*3 3/2 3*4 3/2 3",
    "squeezenet1_1": "3/2 3/2 3*2 3/2 3*2 3/2 3*4",
    "shufflenet_v1": "3/2 3/2 3/2 3*3 3/2 3*7 3/2 3*3",
    "shufflenet_v2": "3/2 3/2 3/2 3*3 3/2 3*7 3/2 3*3",
    "repvgg_a0": "3/2 3/2 3 3/2 3*3 3/2 3*13 3/2",
    "mobilenet_v3_large": "3/2 3 3/2 3 5/2 5*2 3/2 3*5 5/2 5*2",
    "mobilenet_v3_small": "3/2 3/2 3/2 3 5/2 5*2 5*2 5/2 5*2",
    "efficientnet_b0": "3/2 3 3/2 3 5/2 5 3/2 3*2 5*3 5/2 5*3 3",
    "ghostnet": "3/2 3*2 3 3/2 3 3*2 3 5/2 3 3*2 3 3/2 3 3*10 3 5/2 3 3*8",
}
"""Windows of the longest path, as the papers' tables have them: size, stride, how often."""


@pytest.mark.parametrize("net", LONGEST_PATH)
def test_field_is_that_of_the_longest_path(net: str) -> None:
    """1 + the sum of (k - 1) times the strides before: the closed form, with none of this program's recursions."""
    size, stride = 1, 1
    for window in LONGEST_PATH[net].split():
        kernel, _, step = window.partition("*")[0].partition("/")
        size += (int(kernel) - 1) * stride * int(window.partition("*")[2] or 1)
        stride *= int(step or 1)
    field = report(net).receptive_field
    assert field is not None
    assert (field.size, field.stride) == ((size, size), (stride, stride))


def conv(name: str, kernel: int, stride: int = 1, padding: str = "same") -> str:
    return f"  - conv: {{name: {name}, out_channels: 8, kernel_size: {kernel}, stride: {stride}, padding: {padding}}}\n"


def pool(name: str, kernel: int, padding: str = "valid") -> str:
    return f"  - max_pool: {{name: {name}, kernel_size: {kernel}, stride: 2, padding: {padding}}}\n"


def slim_vgg(depths: str) -> str:
    stages = (
        [conv(f"conv{stage}_{layer}", 3) for layer in range(1, int(depth) + 1)] + [pool(f"pool{stage}", 2)]
        for stage, depth in enumerate(depths, start=1)
    )
    return "".join(layer for stage in stages for layer in stage)


def slim_mobilenet_v1() -> str:
    layers = conv("Conv2d_0", 3, 2)
    for number in range(1, 14):
        layers += conv(f"Conv2d_{number}_depthwise", 3, 2 if number in {2, 4, 6, 12} else 1)
        layers += conv(f"Conv2d_{number}_pointwise", 1)
    return layers


def slim_resnet(*depths: int) -> str:
    """A block strides in its last unit, the last block nowhere."""
    blocks = "".join(
        f"  - unit: {{name: block{number}, repeat: {depth}, stride: 2 if index == {depth - 1} else 1}}\n"
        for number, depth in enumerate(depths[:3], start=1)
    )
    return f"""
{conv("conv1", 7, 2, padding="3")}
{pool("pool1", 3, padding="same")}
{blocks}
  - unit: {{name: block4, repeat: {depths[3]}}}
blocks:
  unit:
    parameters: {{stride: 1}}
    layers:
      - add:
          branches:
            - [conv: {{out_channels: 8, kernel_size: 3, stride: stride, padding: 1}}]
            - [max_pool: {{kernel_size: 1, stride: stride}}]
"""


SLIM_ALEXNET = (
    *(conv("conv1", 11, 4, "valid"), pool("pool1", 3), conv("conv2", 5), pool("pool2", 3)),
    *(conv("conv3", 3), conv("conv4", 3), conv("conv5", 3), pool("pool5", 3)),
)
SLIM = {
    "alexnet_v2": "".join(SLIM_ALEXNET),
    "vgg_a": slim_vgg("11222"),
    "vgg_16": slim_vgg("22333"),
    "mobilenet_v1": slim_mobilenet_v1(),
    "resnet_v1_50": slim_resnet(3, 4, 6, 3),
    "resnet_v1_101": slim_resnet(3, 4, 23, 3),
    "resnet_v1_152": slim_resnet(3, 8, 36, 3),
    "resnet_v1_200": slim_resnet(3, 24, 36, 3),
}
INCEPTION_POOLS = {"MaxPool_3a_3x3": "max_pool1", "MaxPool_5a_3x3": "max_pool2"}
END_POINTS = [row for row in rows("receptive_fields.csv") if row["net"] in SLIM or row["net"] == "inception_v3"]


@pytest.mark.parametrize("row", END_POINTS, ids=lambda row: f"{row['end_point']}-{row['input_size']}")
def test_receptive_field_of_tensorflow_nets(row: dict[str, str]) -> None:
    """Padding `same` depends on the input's size, so that none is published where no size is."""
    layer = row["end_point"].rpartition("/")[2]
    if row["net"] == "inception_v3":
        report = field_of(report_of("zoo/inception_v3"), INCEPTION_POOLS.get(layer, layer))
    else:
        report = field_of(report_of_text(f"input: [3, 224, 224]\nlayers:\n{SLIM[row['net']]}"), layer)
    size, stride, padding = report
    assert (size, stride) == (int(row["receptive_field"]), int(row["stride"]))
    assert padding == int(row["padding"] or padding)


@pytest.mark.parametrize(
    ("net", "size", "padding_at_224", "padding_at_321"),
    [
        ("alexnet_v2", 195, 64, 64),
        ("vgg_a", 150, 59, 59),
        ("vgg_16", 212, 90, 90),
        ("mobilenet_v1", 315, 126, 157),
        ("resnet_v1_50", 483, 239, 241),
        ("resnet_v1_101", 1027, 511, 513),
        ("resnet_v1_152", 1507, 751, 753),
        ("resnet_v1_200", 1763, 879, 881),
    ],
)
def test_padding_depends_on_the_size(net: str, size: int, padding_at_224: int, padding_at_321: int) -> None:
    for side, padding in ((224, padding_at_224), (321, padding_at_321)):
        report = report_of_text(f"input: [3, {side}, {side}]\nlayers:\n{SLIM[net]}")
        assert field_of(report) == (size, 32, padding)


PLAIN_PATH = "conv: {out_channels: 8, kernel_size: 1, stride: 4}"
PADDED = "pad: [[1, 0], [1, 0]]"
STRIDED, POINT = (
    "conv: {out_channels: 8, kernel_size: 3, stride: 2}",
    "conv: {out_channels: 8, kernel_size: 1, stride: 2}",
)
STRIDED_SAME = "conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: same}"
POOLED, POOLED_POINT = "max_pool: {kernel_size: 3, stride: 2}", "max_pool: {kernel_size: 1, stride: 2}"
OFF_CENTRE = "conv: {out_channels: 8, kernel_size: 3}"


def sum_of(*paths: tuple[str, ...]) -> str:
    return f"  - add: {{branches: [{', '.join('[' + ', '.join(path) + ']' for path in paths)}]}}\n"


SAME_IN_TWO = sum_of((PLAIN_PATH,), (STRIDED_SAME, POINT))
TWICE = sum_of((PLAIN_PATH,), (PADDED, STRIDED, POINT)) + "  - relu\n" + sum_of((POINT,), (PADDED, STRIDED))
TWICE_SAME = SAME_IN_TWO + "  - relu\n" + sum_of((POINT,), (STRIDED_SAME,))


@pytest.mark.parametrize(
    ("side", "layers", "expected"),
    [
        (32, sum_of((PLAIN_PATH,), (PADDED, STRIDED, POINT)), (3, 4, 1)),
        (32, sum_of(("max_pool: {kernel_size: 1, stride: 4}",), (PADDED, POOLED, POOLED_POINT)), (3, 4, 1)),
        (7, sum_of(("pad: [[2, 1], [2, 1]]", "conv: {out_channels: 8, kernel_size: 5, stride: 2}"),
                   (OFF_CENTRE, OFF_CENTRE)), None),
        (9, SAME_IN_TWO, (3, 4, 1)),
        (8, SAME_IN_TWO, None),
        (32, TWICE, (11, 8, 5)),
        (17, TWICE_SAME, (11, 8, 5)),
    ],
)  # fmt: skip
def test_paths_that_meet(side: int, layers: str, expected: tuple[int, int, int] | None) -> None:
    """The graphs by which Araujo, Norris and Sim tested their library; None where it calls them not aligned."""
    report = report_of_text(f"input: [8, {side}, {side}]\nlayers:\n{layers}")
    assert bool(report.misaligned) == (expected is None)
    assert expected is None or field_of(report) == expected


def test_a_kernel_of_two_lengths() -> None:
    """Another of those graphs: x and y differ."""
    text = """
        input: [8, 32, 32]
        layers:
          - conv: {out_channels: 8, kernel_size: [3, 5], stride: 2}
          - conv: {out_channels: 8, kernel_size: [3, 1], stride: 2}
        """
    field = report_of_text(text).receptive_field
    assert field is not None
    assert (field.size, field.stride, field.start) == ((7, 5), (4, 4), (0, 0))


def test_unet_sees_two_sizes() -> None:
    """Exact spans, set by set: 188 positions from 100 of the columns, 204 from the other 288."""
    network = report_of("zoo/unet").network
    fields = [at_input(2)]
    for node in network.layers:
        shapes = tuple(network.nodes[source].shape for source in node.inputs)
        fields.append(node.config.receptive_field(tuple(fields[source] for source in node.inputs), shapes))
    axis: Axis | None = fields[-1].axes[1]
    assert axis is not None
    assert Counter(last - first + 1 for first, last in filter(None, intervals(axis, 388))) == {188: 100, 204: 288}
    assert field_of(report_of("zoo/unet"), "bottom")[0] == 140


@pytest.mark.parametrize(("channels", "classes", "params"), [(1, 1, 31030593), (3, 21, 31033045)])
def test_unet_of_other_channels(channels: int, classes: int, params: int) -> None:
    network = convcalc.load(
        str(SPECS / "zoo" / "unet.yaml"),
        inputs={"input": (channels, 572, 572)},
        variables={"classes": str(classes)},
    )
    assert convcalc.analyze(network).totals.params == params


@pytest.mark.parametrize(("layers", "size"), [(10, 1024), (20, 2047), (30, 3070)])
def test_wavenet_sees_the_past(layers: int, size: int) -> None:
    field = [row for row in report_of("zoo/wavenet").layers if row.name.startswith(f"stack.{layers - 1}.")][-1]
    assert field.receptive_field.size == (size,)
    assert field.receptive_field.start == (1 - size,)


def test_the_specs_that_cover_all_hold_every_kind_and_block() -> None:
    """So that what is done on these alone has met each."""
    blocks = {path.stem for path in Path(convcalc.__file__).parent.glob("blocks/*.yaml")}
    used: dict[str, set[str]] = {}
    for path in SPECS.glob("*/*.yaml"):
        network = report_of(f"{path.parent.name}/{path.stem}").network
        groups = {group.kind for group in network.groups}
        used[path.stem] = {node.kind for node in network.layers} | (groups & blocks)
    assert set().union(*(used[name] for name in COVERING)) == set().union(*used.values())
