"""Dense prediction, detection and other special nets of the zoo, against totals counted elsewhere.

Where nobody has published totals they are added up here, from lists of convolutions written from the papers and the
authors' code: sizes by the textbook's formula, nothing of the program under test.
"""

from __future__ import annotations

import re

import msgspec
import pytest
from spec_reports import SPECS, field_of, report_of, report_of_text, rows

import convcalc

PUBLISHED = {row["model"]: row for row in rows("zoo.csv")}
Totals = tuple[int, int]


def totals(name: str, side: int | None = None, **variables: str) -> Totals:
    inputs = {"input": (3, side, side)} if side is not None else {}
    network = convcalc.load(f"zoo:{name}", inputs=inputs, variables=variables)
    report = convcalc.analyze(network).totals
    return report.params, report.macs


def published(model: str) -> Totals:
    return int(PUBLISHED[model]["params"]), int(PUBLISHED[model]["macs"])


class Hand(msgspec.Struct):
    """What has been added up so far, and the map that the last convolution made."""

    channels: int
    side: int
    params: int = 0
    macs: int = 0

    def conv(
        self,
        channels: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        *,
        padded: bool = True,
        bias: bool = False,
        norm: bool = True,
        groups: int = 1,
    ) -> Hand:
        """A convolution, of any dilation that its padding makes up for, with its batch norm."""
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        out = (self.side - 1) // stride + 1 if padded else (self.side - height) // stride + 1
        weights = channels * (self.channels // groups) * height * width
        self.params += weights + channels * bias + 2 * channels * norm
        self.macs += weights * out**2
        self.channels, self.side = channels, out
        return self

    def aside(self, channels: int | None = None, side: int | None = None) -> Hand:
        """A branch, to be added up by itself, from here or from another map."""
        return Hand(channels or self.channels, side or self.side)

    def add(self, *others: Hand, channels: int | None = None) -> Hand:
        """Branches that came together, at their map or this one's."""
        self.params += sum(other.params for other in others)
        self.macs += sum(other.macs for other in others)
        self.channels = channels or self.channels
        return self

    @property
    def totals(self) -> Totals:
        return self.params, self.macs


# ---- on torchvision's backbones ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fcn_resnet50", "deeplabv3_resnet50"])
@pytest.mark.parametrize("side", [520, 224])
def test_as_torchvision_counts_them(name: str, side: int) -> None:
    assert totals(name, side) == published(f"{name}_{side}")


def test_deeplabv3_of_the_paper() -> None:
    """Output stride 16: the same weights, and of the last stages' and the pyramid's work a quarter."""
    paper = {"stride3": "2", "dilation3": "[1, 1, 1, 1, 1, 1]", "dilation4": "[2, 4, 8]", "rates": "[6, 12, 18]"}
    params, macs = totals("deeplabv3_resnet50", 513, **paper)
    assert params == published("deeplabv3_resnet50_520")[0]
    rows_ = convcalc.analyze(
        convcalc.load("zoo:deeplabv3_resnet50", inputs={"input": (3, 513, 513)}, variables=paper)
    ).layers
    sizes = [row.output_shape[1] for row in rows_ if row.name in {"layer2.3.relu3", "layer4.2.relu3"}]
    assert sizes == [65, 33]
    assert macs < totals("deeplabv3_resnet50", 513)[1] / 2


@pytest.mark.parametrize(
    ("classes", "params"), [("21", 46_716_373), ("150", 46_782_550), ("19", 46_715_347)], ids=["voc", "ade20k", "city"]
)
def test_pspnet_as_its_port_asserts(classes: str, params: int) -> None:
    assert totals("pspnet_resnet50", classes=classes)[0] == params


def test_pspnet_by_hand() -> None:
    net = Hand(3, 480).conv(64, 3, 2).conv(64, 3).conv(128, 3)
    net.side = 120  # the pool
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 1), (512, 3, 1)):
        for block in range(blocks):
            if block == 0:
                net.add(net.aside().conv(4 * width, 1, stride))
            net.conv(width).conv(width, 3, stride if block == 0 else 1).conv(4 * width)
    assert (net.channels, net.side) == (2048, 60)
    net.add(*(net.aside(side=cells).conv(512) for cells in (1, 2, 3, 6)), channels=4096)
    net.conv(512, 3).conv(21, bias=True, norm=False)
    assert net.totals == totals("pspnet_resnet50")


def test_pspnet_takes_half_the_operations_that_are_published() -> None:
    """162.4 G, for the 150 classes of ADE20K."""
    report = convcalc.analyze(convcalc.load("zoo:pspnet_resnet50", variables={"classes": "150"})).totals
    assert round(report.flops / 2 / 10**8) == 1624


# ---- DeepLabv3+ --------------------------------------------------------------------------------------------------


def test_xception65_is_timms() -> None:
    """The backbone, as a classifier again: with its last stride, and without what is in place of it."""
    text = (SPECS / "zoo" / "deeplabv3plus_xception65.yaml").read_text("utf-8")
    backbone, result, _ = text.partition("  - pyramid\n")
    assert result
    for pattern, replacement, times in (
        (r"^expect:.*\n", "", 1),
        (r"^input:.*", "input: [3, 299, 299]", 1),
        (r"first: 728, channels: 1024\}", "first: 728, channels: 1024, stride: 2}", 1),
        (r", dilation: 2\}", "}", 3),
    ):
        backbone, count = re.subn(pattern, replacement, backbone, flags=re.MULTILINE)
        assert count == times
    found_ = report_of_text(backbone + "  - global_avg_pool\n  - linear: 1000\n").totals
    assert (found_.params, found_.macs) == published("timm_xception65")


def separable(net: Hand, channels: int) -> Hand:
    return net.conv(net.channels, 3, groups=net.channels).conv(channels)


def test_deeplabv3plus_by_hand() -> None:
    """Its head on timm's backbone, whose work at 513x513 is that of the same convolutions on larger maps."""
    name = "deeplabv3plus_xception65"
    head = Hand(2048, 33)
    pyramid = [head.aside(side=1).conv(256), head.aside().conv(256)]
    pyramid += [separable(head.aside(), 256) for _ in range(3)]
    head.add(*pyramid, channels=5 * 256).conv(256)
    head.add(Hand(256, 129).conv(48), channels=256 + 48)
    head.side = 129
    separable(separable(head, 256), 256).conv(21, bias=True, norm=False)
    classifier = 2048 * 1000 + 1000
    assert totals(name)[0] == published("timm_xception65")[0] - classifier + head.params

    body = Hand(3, 513).conv(32, 3, 2).conv(64, 3)
    for first, channels, stride in ((128, 128, 2), (256, 256, 2), (728, 728, 2), *[(728, 728, 1)] * 16, (728, 1024, 1)):
        if (body.channels, stride) != (channels, 1):
            body.add(body.aside().conv(channels, 1, stride))
        separable(separable(body, first), channels)
        body.conv(channels, 3, stride, groups=channels).conv(channels)
    for channels in (1536, 1536, 2048):
        separable(body, channels)
    assert (body.channels, body.side) == (2048, 33)
    assert body.params == published("timm_xception65")[0] - classifier
    assert totals(name) == (body.params + head.params, body.macs + head.macs)


def test_deeplabv3plus_as_it_is_in_keras() -> None:
    """Counted with the running statistics."""
    report = report_of("zoo/deeplabv3plus_xception65").totals
    assert report.params + report.buffers == 41_258_213
    assert 54.0e9 < report.macs < 54.17e9


# ---- detectors on VGG-16 -----------------------------------------------------------------------------------------

MAPS = (38, 19, 10, 5, 3, 1)


def vgg16_up_to_fc7(side: int = 300) -> tuple[Hand, Hand]:
    """The net, with the branch at conv4_3 where a detector starts."""
    net = Hand(3, side)
    for channels, depth, pooled in ((64, 2, 150), (128, 2, 75), (256, 3, 38), (512, 3, 19), (512, 3, 19)):
        for _ in range(depth):
            net.conv(channels, 3, bias=True, norm=False)
        if (channels, pooled) == (512, 19) and net.side == 38:
            branch = net.aside()
        net.side = pooled
    return net.conv(1024, 3, bias=True, norm=False).conv(1024, bias=True, norm=False), branch


def heads(maps: list[Hand], boxes: tuple[int, ...], classes: int = 21) -> Hand:
    assert [result.side for result in maps] == list(MAPS)
    total = Hand(0, 0)
    for result, count in zip(maps, boxes, strict=True):
        for channels in (4 * count, classes * count):
            total.add(result.aside().conv(channels, 3, bias=True, norm=False))
    return total


def test_ssd300() -> None:
    """Also 26,285,486 parameters and 31.4 G, as they are quoted."""
    net, branch = vgg16_up_to_fc7()
    maps = [branch.aside(), net.aside()]
    for reduced, channels, stride, padded in ((256, 512, 2, True), (128, 256, 2, True), *[(128, 256, 1, False)] * 2):
        net.conv(reduced, bias=True, norm=False).conv(channels, 3, stride, padded=padded, bias=True, norm=False)
        maps.append(net.aside())
    result = net.add(heads(maps, (4, 6, 6, 6, 4, 4)))
    assert totals("ssd300_vgg16") == (result.params + 512, result.macs)  # a learned factor for each channel of conv4_3
    assert (result.params + 512, round(result.macs / 10**8)) == (26_285_486, 314)
    assert sum(count * side**2 for count, side in zip((4, 6, 6, 6, 4, 4), MAPS, strict=True)) == 8732


def rfb(net: Hand, channels: int, stride: int) -> Hand:
    width = net.channels // 8
    small = net.aside().conv(width).conv(2 * width, 3, stride).conv(2 * width, 3)
    large = net.aside().conv(width).conv(width // 2 * 3, 3).conv(2 * width, 3, stride).conv(2 * width, 3)
    shortcut = net.aside().conv(channels, 1, stride)
    linear = small.aside(4 * width).conv(channels)
    net.add(small, large, shortcut, linear, channels=channels)
    net.side = linear.side
    return net


def rfb_s(net: Hand, channels: int) -> Hand:
    width = net.channels // 4
    branches = [
        net.aside().conv(width).conv(width, 3),
        net.aside().conv(width).conv(width, (3, 1)).conv(width, 3),
        net.aside().conv(width).conv(width, (1, 3)).conv(width, 3),
        net.aside().conv(width // 2).conv(width // 4 * 3, (1, 3)).conv(width, (3, 1)).conv(width, 3),
        net.aside().conv(channels),
        net.aside(4 * width).conv(channels),
    ]
    return net.add(*branches, channels=channels)


def test_rfbnet300() -> None:
    """By the authors' code: no totals of it are published."""
    net, branch = vgg16_up_to_fc7()
    first = rfb_s(branch, 512)
    maps = [first.aside()]
    for channels, stride in ((1024, 1), (512, 2), (256, 2)):
        rfb(net, channels, stride)
        maps.append(net.aside())
    for _ in range(2):
        net.conv(128).conv(256, 3, padded=False)
        maps.append(net.aside())
    result = net.add(first, heads(maps, (6, 6, 6, 6, 4, 4)))
    assert totals("rfbnet300_vgg16") == result.totals


@pytest.mark.parametrize("name", ["ssd300_vgg16", "rfbnet300_vgg16"])
def test_detectors_have_an_output_for_each_scale(name: str) -> None:
    network = report_of(f"zoo/{name}").network
    shapes = [network.nodes[index].shape for index in network.outputs]
    assert [shape[1:] for shape in shapes] == [(side, side) for side in MAPS for _ in range(2)]
    for (boxes, *_), (scores, *_) in zip(shapes[::2], shapes[1::2], strict=True):
        assert boxes * 21 == scores * 4


# ---- deformable, densely upsampled -------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "maps"), [("1", 18), ("2", 27)])
def test_dcn_takes_the_offsets_beside_resnet50(version: str, maps: int) -> None:
    """18 offsets a position, and in version 2 nine weights, by a 3x3 with a bias beside each 3x3 of c3 to c5."""
    params, macs = published("resnet50")
    for width, blocks, side in ((128, 4, 28), (256, 6, 14), (512, 3, 7)):
        params += blocks * maps * (9 * width + 1)
        macs += blocks * maps * 9 * width * side**2
    assert totals("dcn_resnet50", version=version) == (params, macs)


def test_duc_by_hand() -> None:
    net = Hand(3, 800).conv(64, 3, 2).conv(64, 3).conv(128, 3)
    net.side = (400 - 3) // 2 + 1
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 23, 1), (512, 3, 1)):
        for block in range(blocks):
            if block == 0:
                net.add(net.aside().conv(4 * width, 1, stride))
            net.conv(width, 1, stride if block == 0 else 1).conv(width, 3).conv(4 * width)
    assert (net.channels, net.side) == (2048, 100)
    net.add(*(net.aside().conv(19 * 16, 3, bias=True, norm=False) for _ in range(4)))
    assert net.totals == totals("duc_resnet101")


def test_duc_is_as_large_as_its_file() -> None:
    """248.6 MiB, in which the graph is the rest."""
    report = report_of("zoo/duc_resnet101").totals
    assert 248.4 < (report.params + report.buffers) * 4 / 2**20 < 248.6


# ---- sizes and fields -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fcn_resnet50", "deeplabv3_resnet50", "pspnet_resnet50", "deeplabv3plus_xception65"])
@pytest.mark.parametrize("side", [97, 128, 250])
def test_segmentation_takes_any_size(name: str, side: int) -> None:
    network = convcalc.load(f"zoo:{name}", inputs={"input": (3, side, side)})
    assert network.nodes[network.outputs[0]].shape == (21, side, side)


def field(layers: list[tuple[int, int, int]]) -> int:
    """The field behind windows of (kernel, stride, dilation), by the recursion of Araujo, Norris and Sim."""
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation * jump
        jump *= stride
    return size


def resnet50(*dilations: tuple[int, ...], strides: tuple[int, ...] = (1, 2, 1, 1)) -> list[tuple[int, int, int]]:
    stages = [(3, stride if block == 0 else 1, dilation) for stride, stage in zip(strides, dilations, strict=True)
              for block, dilation in enumerate(stage)]  # fmt: skip
    return [(7, 2, 1), (3, 2, 1), *stages]


DILATED = resnet50((1,) * 3, (1,) * 4, (1, *(2,) * 5), (2, 4, 4))


def test_fields_by_the_recursion() -> None:
    """Of the maps that the last convolution makes, before they are resized; global paths aside."""
    assert field_of(report_of("zoo/fcn_resnet50"), "head.conv")[0] == field([*DILATED, (3, 1, 1)])
    pyramid = [*DILATED, (3, 1, 36)]
    assert field_of(report_of("zoo/deeplabv3_resnet50"), "pyramid1.atrous3.conv.conv")[0] == field(pyramid)
    assert field_of(report_of("zoo/deeplabv3_resnet50"), "classifier")[0] == field([*pyramid, (3, 1, 1)])
    plain = resnet50((1,) * 3, (1,) * 4, (1,) * 6, (1,) * 3, strides=(1, 2, 2, 2))
    (published_field,) = (row for row in rows("receptive_fields.csv") if row["net"] == "torchvision resnet50")
    assert field(plain) == int(published_field["receptive_field"]) == field_of(report_of("zoo/dcn_resnet50"))[0]
    hybrid = [2, *([1, 2, 5, 9] * 6)[1:23], 5, 9, 17, 24]
    stem = [(3, 2, 1), (3, 1, 1), (3, 1, 1), (3, 2, 1), *[(3, 1, 1)] * 3, (1, 2, 1), *[(3, 1, 1)] * 4]
    duc = [*stem, *[(3, 1, dilation) for dilation in hybrid]]
    assert field_of(report_of("zoo/duc_resnet101"), "dense_upsampling")[0] == field(duc)
