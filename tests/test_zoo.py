"""Published nets: their specs in specs/zoo, and some more said here, against figures counted on the real ones."""

from __future__ import annotations

from collections import Counter

import pytest
from spec_reports import DATA, SPECS, field_of, report_of, report_of_text, rows, shape, unmet

import convcalc
from convcalc.arithmetic.field import Axis, at_input, intervals

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


def resnet(block: str, depths: str) -> str:
    """Stem, four stages of a block and the head."""
    return f"""
        input: [3, 224, 224]
        variables: {{depths: {depths}}}
        layers:
          - conv: {{out_channels: 64, kernel_size: 7, stride: 2, padding: 3, bias: false}}
          - batch_norm
          - relu
          - max_pool: {{kernel_size: 3, stride: 2, padding: 1}}
          - {block}: {{repeat: "depths[0]", channels: 64}}
          - {block}: {{repeat: "depths[1]", channels: 128, stride: 2 if index == 0 else 1}}
          - {block}: {{repeat: "depths[2]", channels: 256, stride: 2 if index == 0 else 1}}
          - {block}: {{repeat: "depths[3]", channels: 512, stride: 2 if index == 0 else 1}}
          - global_avg_pool
          - linear: 1000
        """


RESNEXT50 = (
    resnet("wide", "[3, 4, 6, 3]")
    + """
        blocks:
          wide:
            parameters: {channels: required, stride: 1}
            layers: [bottleneck: {channels: channels, stride: stride, groups: 32, width: 2 * channels}]
"""
)


def vgg(depths: str) -> str:
    stages = "".join(
        f"""
          - stage: {{channels: {channels}, depth: {depth}}}
          - max_pool: 2"""
        for channels, depth in zip((64, 128, 256, 512, 512), depths, strict=True)
    )
    return f"""
        input: [3, 224, 224]
        blocks:
          conv_relu:
            parameters: {{channels: required}}
            layers: [conv: {{out_channels: channels, kernel_size: 3, padding: 1}}, relu]
          stage:
            parameters: {{channels: required, depth: required}}
            layers: [conv_relu: {{channels: channels, repeat: depth}}]
        layers:{stages}
          - flatten
          - linear: 4096
          - relu
          - linear: 4096
          - relu
          - linear: 1000
        """


STRIDE_IN_THE_FIRST_1X1 = (
    resnet("early", "[3, 4, 6, 3]")
    + """
        blocks:
          early:
            parameters: {channels: required, stride: 1}
            layers:
              - add:
                  branches:
                    - - conv: {out_channels: channels, kernel_size: 1, stride: stride, bias: false}
                      - batch_norm
                      - relu
                      - conv: {out_channels: channels, kernel_size: 3, padding: 1, bias: false}
                      - batch_norm
                      - relu
                      - conv: {out_channels: 4 * channels, kernel_size: 1, bias: false}
                      - batch_norm
                      - identity
                    - - conv: {out_channels: 4 * channels, kernel_size: 1, stride: stride, bias: false,
                               when: in_channels != 4 * channels}
                      - batch_norm: {when: in_channels != 4 * channels}
              - relu
"""
)
DENSENET121 = """
    input: [3, 224, 224]
    blocks:
      dense_layer:
        layers:
          - concat:
              branches:
                - []
                - - batch_norm
                  - relu
                  - conv: {out_channels: 128, kernel_size: 1, bias: false}
                  - batch_norm
                  - relu
                  - conv: {out_channels: 32, kernel_size: 3, padding: 1, bias: false}
      transition:
        layers: [batch_norm, relu, conv: {out_channels: in_channels // 2, kernel_size: 1, bias: false}, avg_pool: 2]
    layers:
      - conv: {out_channels: 64, kernel_size: 7, stride: 2, padding: 3, bias: false}
      - batch_norm
      - relu
      - max_pool: {kernel_size: 3, stride: 2, padding: 1}
      - dense_layer: {repeat: 6}
      - transition
      - dense_layer: {repeat: 12}
      - transition
      - dense_layer: {repeat: 24}
      - transition
      - dense_layer: {repeat: 16}
      - batch_norm
      - relu
      - global_avg_pool
      - linear: 1000
    """


def written(name: str) -> str:
    """The text of a net that other tests read too."""
    return (DATA / "nets" / f"{name}.yaml").read_text("utf-8")


SQUEEZENET1_1 = """
    input: [3, 224, 224]
    blocks:
      fire:
        parameters: {squeeze: required}
        layers:
          - conv: {out_channels: squeeze, kernel_size: 1}
          - relu
          - concat:
              branches:
                - [conv: {out_channels: 4 * squeeze, kernel_size: 1}, relu]
                - [conv: {out_channels: 4 * squeeze, kernel_size: 3, padding: 1}, relu]
    layers:
      - conv: {out_channels: 64, kernel_size: 3, stride: 2}
      - relu
      - max_pool: {kernel_size: 3, stride: 2, ceil_mode: true}
      - fire: {squeeze: 16, repeat: 2}
      - max_pool: {kernel_size: 3, stride: 2, ceil_mode: true}
      - fire: {squeeze: 32, repeat: 2}
      - max_pool: {kernel_size: 3, stride: 2, ceil_mode: true}
      - fire: {squeeze: 48, repeat: 2}
      - fire: {squeeze: 64, repeat: 2}
      - conv: {out_channels: 1000, kernel_size: 1}
      - relu
      - global_avg_pool
    """
WRITTEN_HERE = {
    "vgg11": vgg("11222"),
    "vgg19": vgg("22444"),
    "resnet34": resnet("basic_block", "[3, 4, 6, 3]"),
    "resnet101": resnet("bottleneck", "[3, 4, 23, 3]"),
    "resnet152": resnet("bottleneck", "[3, 8, 36, 3]"),
    "resnext50_32x4d": RESNEXT50,
    "resnet50 stride in the first 1x1": STRIDE_IN_THE_FIRST_1X1,
    "timm_legacy_seresnet50": STRIDE_IN_THE_FIRST_1X1.replace("identity", "squeeze_excite"),
    "densenet121": DENSENET121,
    "convnext_tiny": written("convnext_tiny"),
    "efficientnet_b0": written("efficientnet_b0"),
    "squeezenet1_1": SQUEEZENET1_1,
}
SPEC_NAMES = {"timm_mobilenetv1_100": "mobilenet_v1", "inception_v3_noaux": "inception_v3"}


def report(model: str) -> convcalc.Report:
    return report_of_text(WRITTEN_HERE[model]) if model in WRITTEN_HERE else report_of(f"zoo/{model}")


def is_here(model: str) -> bool:
    return model in WRITTEN_HERE or model in ZOO


COUNTED = [
    row | {"model": name} for row in rows("zoo.csv") if is_here(name := SPEC_NAMES.get(row["model"], row["model"]))
]


@pytest.mark.parametrize("row", COUNTED, ids=lambda row: str(row["model"]))
def test_totals(row: dict[str, str]) -> None:
    found = report(row["model"])
    assert found.network.inputs[0].shape == shape(row["input"])
    assert (found.totals.params, found.totals.macs) == (int(row["params"]), int(row["macs"]))


@pytest.mark.parametrize(("side", "map_"), [(520, 65), (224, 28)])
def test_deeplabv3_as_torchvision_has_it(side: int, map_: int) -> None:
    changed = {"stride3": "1", "dilation3": "[1, 2, 2, 2, 2, 2]", "dilation4": "[2, 4, 4]", "rates": "[12, 24, 36]"}
    network = convcalc.load(
        str(DATA / "nets" / "deeplabv3_resnet50.yaml"),
        inputs={"input": (3, side, side)},
        variables=changed | {"side": str(side), "map": str(map_)},
    )
    found = convcalc.analyze(network).totals
    (row,) = (row for row in rows("zoo.csv") if row["model"] == f"deeplabv3_resnet50_{side}")
    assert (found.params, found.macs) == (int(row["params"]), int(row["macs"]))


LAYERS = rows("layers.csv")


@pytest.mark.parametrize("model", sorted({row["model"] for row in LAYERS}))
def test_layer_by_layer(model: str) -> None:
    """In the order they run; of mobilenet_v1 convolutions and the linear layer only."""
    expected = [
        (row["kind"], int(row["params"]), int(row["macs"]), (shape(row["input"]),), shape(row["output"]))
        for row in LAYERS
        if row["model"] == model
    ]
    kinds = {kind for kind, *_ in expected}
    found = [
        (row.kind, row.params, row.macs, row.input_shapes, row.output_shape)
        for row in report(model).layers
        if row.kind in kinds
    ]
    assert found == expected


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
    found = {
        resolution: report_of("zoo/mobilenet_v1", width=width, resolution=resolution).totals.macs
        for resolution in millions
    }
    assert {resolution: round(macs / 10**6, 1) for resolution, macs in found.items()} == millions


def test_mobilenet_v1_of_width_075_without_its_classifier() -> None:
    found = report_of("zoo/mobilenet_v1", width="0.75", resolution="128")
    assert found.totals.macs - found.layers[-1].macs == 106002432  # as the authors' own code says


@pytest.mark.parametrize(("width", "millions"), [("1.4", 582), ("1.3", 509), ("0.75", 209), ("0.5", 97), ("0.35", 59)])
def test_mobilenet_v2_width(width: str, millions: int) -> None:
    assert round(report_of("zoo/mobilenet_v2", width=width).totals.macs / 10**6) == millions


DERIVED = {"densenet121": (2071, 32, 1021), "convnext_tiny": (1688, 32, 828)}
"""By the recursion of Araujo, Norris and Sim, outside of this program."""
LAST_SPATIAL = {
    row["net"].removeprefix("torchvision "): (int(row["receptive_field"]), int(row["stride"]), int(row["padding"]))
    for row in rows("receptive_fields.csv")
    if row["end_point"].startswith("last spatial layer")
}


@pytest.mark.parametrize(("net", "expected"), (LAST_SPATIAL | DERIVED).items())
def test_receptive_field(net: str, expected: tuple[int, int, int]) -> None:
    found = report(net)
    assert field_of(found) == expected
    assert found.misaligned == ()


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
        found = field_of(report_of("zoo/inception_v3"), INCEPTION_POOLS.get(layer, layer))
    else:
        found = field_of(report_of_text(f"input: [3, 224, 224]\nlayers:\n{SLIM[row['net']]}"), layer)
    size, stride, padding = found
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
        found = report_of_text(f"input: [3, {side}, {side}]\nlayers:\n{SLIM[net]}")
        assert field_of(found) == (size, 32, padding)


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
    found = report_of_text(f"input: [8, {side}, {side}]\nlayers:\n{layers}")
    assert bool(found.misaligned) == (expected is None)
    assert expected is None or field_of(found) == expected


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
        assert node.config is not None
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
