"""Param files of ncnn: totals as ncnn has them, the sizes of single layers by its own rules, and what is refused."""

from __future__ import annotations

import os
import random
from contextlib import suppress
from pathlib import Path

import pytest

import convcalc
from convcalc import SpecError, steps
from convcalc.imports import ReadOptions, read_bytes
from convcalc.imports.errors import CannotImport
from convcalc.imports.record import Imported

DATA = Path(__file__).parent / "data" / "formats" / "ncnn"

TOTALS = {
    "span_x2_ch48": ((3, 64, 64), 410_703, 1_678_049_280, (3, 128, 128)),
    "srmd_x3": ((19, 64, 64), 1_528_987, 6_256_852_992, (3, 192, 192)),
    "waifu2x_cunet_scale2x": ((3, 192, 192), 1_284_598, 21_391_717_120, (3, 312, 312)),
}
"""What enters, parameters and MACs, and what leaves, where ncnn 1.0.20261020 ran the network."""


@pytest.mark.parametrize("name", TOTALS)
def test_totals_are_those_of_ncnn(name: str) -> None:
    entering, params, macs, output = TOTALS[name]
    net = convcalc.load(str(DATA / f"{name}.param"), inputs={"": entering})
    totals = convcalc.analyze(net).totals
    assert (totals.params, totals.macs) == (params, macs)
    imported = read((DATA / f"{name}.param").read_text("utf-8"), {"": entering})
    assert shapes(imported)[imported.outputs[0]] == output


def read(text: str, sizes: dict[str, tuple[int, ...]] | None = None, *, strict: bool = False) -> Imported:
    return read_bytes(text.encode(), "net.param", "net.param", ReadOptions(sizes=sizes or {}, strict=strict))


def shapes(imported: Imported) -> dict[str, tuple[int, ...]]:
    return {layer.name: layer.shape for layer in imported.layers}


def net(*lines: str, entering: str = "0=12 1=12 2=8") -> str:
    """A param file of layers one behind the other, each with one blob in and one out unless it says otherwise."""
    written = [f"Input data 0 1 b0 {entering}"]
    for place, line in enumerate(lines):
        type_, *words = line.split()
        if len(words) > 2 and words[1].isdigit() and words[2].isdigit():
            written.append(line)
        else:
            written.append(f"{type_} layer{place} 1 1 b{place} b{place + 1} {' '.join(words)}")
    return "\n".join(["7767517", f"{len(written)} {len(written) + 5}", *written]) + "\n"


def leaving(*lines: str, entering: str = "0=12 1=12 2=8") -> tuple[int, ...]:
    imported = read(net(*lines, entering=entering))
    assert not imported.missing, imported.missing
    return shapes(imported).get(imported.outputs[0], ())


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        ("Convolution 0=16 1=3 5=1 6=1152", (16, 10, 10)),
        ("Convolution 0=16 1=3 3=2 4=1 5=1 6=1152 9=2 -23310=1,0.1", (16, 6, 6)),
        ("Convolution 0=16 1=3 11=1 4=1 14=0 6=384", (16, 12, 12)),
        ("Convolution 0=16 1=3 3=2 4=-233 6=1152", (16, 6, 6)),
        ("Convolution 0=16 1=2 3=5 4=-234 6=512", (16, 3, 3)),
        ("ConvolutionDepthWise 0=8 1=3 4=1 6=72 7=8", (8, 12, 12)),
        ("Deconvolution 0=4 1=4 3=2 4=1 6=512", (4, 24, 24)),
        ("Deconvolution 0=4 1=3 3=2 4=-233 6=288", (4, 25, 25)),
        ("Deconvolution 0=4 1=3 3=2 4=-233 20=24 21=24 6=288", (4, 24, 24)),
        ("Deconvolution 0=4 1=3 3=2 4=1 18=1 6=288", (4, 24, 24)),
        ("Pooling 0=0 1=2 2=2", (8, 6, 6)),
        ("Pooling 0=1 1=3 2=2", (8, 6, 6)),
        ("Pooling 0=0 1=3 2=2 5=1", (8, 5, 5)),
        ("Pooling 0=0 1=3 2=2 5=2", (8, 6, 6)),
        ("Pooling 0=1 4=1", (8,)),
        ("Pooling 0=1 7=1 8=3", (8, 3, 3)),
        ("InnerProduct 0=10 1=1 2=11520", (10,)),
        ("BatchNorm 0=8", (8, 12, 12)),
        ("Scale 0=8 1=1", (8, 12, 12)),
        ("PReLU 0=8", (8, 12, 12)),
        ("LRN 1=5", (8, 12, 12)),
        ("LRN 0=1 1=3", (8, 12, 12)),
        ("LRN 0=1 1=4", (8, 12, 12)),
        ("Crop 3=-233 4=-233 5=-233 0=2 1=3", (8, 9, 10)),
        ("Crop -23309=1,2 -23310=1,6 -23311=1,0", (4, 12, 12)),
        ("Crop 3=4 4=5 5=6", (6, 5, 4)),
        ("Reshape 0=-1 1=0 2=-233", (12, 96)),
        ("Reshape 0=-1", (1152,)),
        ('Reshape 6="*(0w,0h),0c"', (8, 144)),
        ("Flatten", (1152,)),
        ("Permute 0=3", (12, 12, 8)),
        ("Permute 0=5", (12, 12, 8)),
        ("Padding 0=1 1=2 2=3 3=4", (8, 15, 19)),
        ("Padding 7=1 8=2", (11, 12, 12)),
        ("Interp 0=1 1=2.0 2=2.0", (8, 24, 24)),
        ("Interp 0=2 3=5 4=7", (8, 5, 7)),
        ("PixelShuffle 0=2", (2, 24, 24)),
        ("Reorg 0=2", (32, 6, 6)),
        ("ShuffleChannel 0=4", (8, 12, 12)),
        ("Softmax 0=0", (8, 12, 12)),
        ("HardSwish 0=0.1666667 1=0.5", (8, 12, 12)),
        ("Clip 0=0.0 1=6.0", (8, 12, 12)),
        ("BinaryOp 0=2 1=1 2=0.5", (8, 12, 12)),
        ("UnaryOp 0=6", (8, 12, 12)),
        ("Reduction 0=3 1=0 -23303=2,1,2 4=0 5=1", (8,)),
        ("LayerNorm 0=12 1=1e-5 2=1", (8, 12, 12)),
        ("GroupNorm 0=4 1=8", (8, 12, 12)),
        ("InstanceNorm 0=8", (8, 12, 12)),
        ("Normalize 3=8", (8, 12, 12)),
        ("Squeeze 0=1", (8, 12, 12)),
        ("ExpandDims -23303=1,0", (1, 8, 12, 12)),
        ("Tile 0=0 1=2", (16, 12, 12)),
        ("Crop -23309=1,2 -23310=1,2147483647 -23311=1,1", (8, 10, 12)),
        ("Unfold 1=3 11=2 3=2 4=1", (48, 42)),
        ("StatisticsPooling 0=0", (8,)),
    ],
)
def test_single_layers_have_the_sizes_that_ncnn_gives_them(line: str, shape: tuple[int, ...]) -> None:
    assert leaving(line) == shape or not read(net(line)).layers  # a layer that changes nothing is none


def test_rows_and_steps() -> None:
    rows = "0=16 1=10"
    assert leaving("InnerProduct 0=4 1=1 2=64", entering=rows) == (10, 4)
    assert leaving("Gemm 2=0 3=1 4=0 5=1 6=1 7=0 8=32 9=16 10=4", entering=rows) == (10, 32)
    assert leaving("LSTM 0=8 1=1024 2=2", entering=rows) == (10, 16)
    assert leaving("GRU 0=8 1=384", entering=rows) == (10, 8)
    assert leaving("RNN 0=8 1=256 2=2", entering=rows) == (10, 16)
    assert leaving("Fold 1=2 3=1 20=4 21=5", entering="0=12 1=16") == (4, 5, 4)
    assert leaving("MultiHeadAttention 0=16 1=4 2=256", entering=rows) == (10, 16)
    assert leaving("Embed 0=5 1=100 3=500", entering="0=7") == (7, 5)


def test_states_enter_before_the_first_step_and_leave_behind_the_last() -> None:
    """Shapes as ncnn has them; the cell state is none of the steps, and what reads it has its size."""
    lines = [
        "7767517", "6 7", "Input x 0 1 x 0=16 1=10", "Input h 0 1 h 0=8 1=2", "Input c 0 1 c 0=8 1=2",
        "LSTM lstm 3 3 x h c y hn cn 0=8 1=1024 2=2", "ReLU state 1 1 hn a", "ReLU cell 1 1 cn b",
    ]  # fmt: skip
    imported = read("\n".join(lines))
    there = shapes(imported)
    assert [there[name] for name in imported.outputs] == [(10, 16), (2, 8), (2, 8)]
    assert "the last cell state" in imported.missing
    assert "1 LSTM" in imported.missing
    assert not read("\n".join(["7767517", "5 6", *lines[2:7]])).missing


def test_split_and_activations_are_what_a_person_would_write() -> None:
    text = net(
        "Convolution 0=8 1=3 4=1 5=1 6=576 9=1",
        "Split s 1 2 b1 c0 c1",
        "BinaryOp a 2 1 c0 c1 b3 0=0",
        "Pooling 0=1 4=1",
    )
    imported = read(text)
    assert [layer.kind for layer in imported.layers] == ["conv", "relu", "add", "global_avg_pool"]
    assert [layer.operators for layer in imported.layers][:2] == [("layer0",), ("layer0",)]


def test_custom_layers_are_opaque_and_named() -> None:
    text = net("YoloV5Focus", "ReLU")
    assert "1 YoloV5Focus" in read(text).missing
    with pytest.raises(CannotImport, match="YoloV5Focus at layer0"):
        read(text, strict=True)


def test_sizes_that_are_not_there_are_asked_for() -> None:
    text = net("Convolution 0=16 1=3 6=2736", entering="")
    with pytest.raises(CannotImport, match="--input b0=19x224x224"):
        read(text)
    assert read(text, {"": (19, 9, 9)}).inputs == {"b0": (19, 9, 9)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("7767517\n3 3\nInput data 0 1 data 0=4\n", "cut off"),
        ("7767517\nfour\n", "line 2"),
        ("7767517\n1 1\nInput data\n", "line 3"),
        ("7767517\n1 1\nInput data 0 1\n", "are named"),
        (net("Convolution 0=16 1=3 6=1000"), "line 4, Convolution layer0: 8 channels enter"),
        (net("Convolution 0=16 1=3 6=x1000"), "where a whole number is expected"),
        (net("Convolution 0=16 99=3"), "parameter 99"),
        (net("ReLU r 1 1 elsewhere b1"), "no sizes for input elsewhere"),
        (net("Reshape 0=7 1=7"), "another number of elements"),
    ],
)
def test_what_is_wrong_has_its_line(text: str, words: str) -> None:
    with pytest.raises(CannotImport) as error:
        read(text)
    assert words in str(error.value)


def test_whatever_is_in_a_file_it_is_read_or_refused() -> None:
    draw = random.Random(15)
    texts = [(DATA / f"{name}.param").read_text("utf-8") for name in TOTALS]
    words = ["0", "-1", "-233", "99999999999", "1e9", "7=0", "-23310=2,1", "Split", "Crop", "0=0", "=", ",", ""]
    for _ in range(int(os.environ.get("CONVCALC_EXAMPLES", "0")) or 2000):
        parts = draw.choice(texts).split(" ")
        for _ in range(draw.randint(1, 5)):
            parts[draw.randrange(len(parts))] = draw.choice(words)
        try:
            with steps.run():
                read(" ".join(parts), {"": (3, 64, 64)})
        except (CannotImport, SpecError):
            pass


# ---- pnnx, which has PyTorch's operators in lines of the same form ---------------------------------------------------


def test_what_pnnx_writes_on_its_way_and_what_it_comes_to_are_one_network() -> None:
    """ShuffleNetV2 as torchvision has it, with its norms folded: 2,278,604 parameters less 8,090 of 56 norms."""
    before = convcalc.load(str(DATA / "shufflenet_v2_x1_0.pnnx.param"))
    behind = convcalc.load(str(DATA / "shufflenet_v2_x1_0.ncnn.param"), inputs={"": (3, 224, 224)})
    totals = [convcalc.analyze(net).totals for net in (before, behind)]
    assert [(of.params, of.macs) for of in totals] == [(2_270_514, 144_907_992)] * 2


PNNX = """7767517
{count} {count}
pnnx.Input in 0 1 0 #0=(1,3,8,8)f32
{lines}
pnnx.Output out 1 0 9
"""


def pnnx(*lines: str) -> Imported:
    text = PNNX.format(count=len(lines) + 2, lines="\n".join(lines))
    return read_bytes(text.encode(), "net.pnnx.param", "net.pnnx.param")


def test_modules_functions_and_expressions() -> None:
    imported = pnnx(
        "nn.Conv2d body.conv 1 1 0 1 bias=True dilation=(1,1) groups=1 in_channels=3 kernel_size=(3,3) out_channels=4 "
        "padding=(1,1) padding_mode=reflect stride=(1,1) @bias=(4)f32 @weight=(4,3,3,3)f32 #0=(1,3,8,8)f32 "
        "#1=(1,4,8,8)f32",
        "F.relu act 1 1 1 2 $input=1 #1=(1,4,8,8)f32 #2=(1,4,8,8)f32",
        "pnnx.Expression sum 2 1 1 2 3 expr=add(@0,mul(@1,2.0)) #1=(1,4,8,8)f32 #2=(1,4,8,8)f32 #3=(1,4,8,8)f32",
        "nn.Upsample up 1 1 3 4 align_corners=None mode=nearest scale_factor=(2.0,2.0) size=None #3=(1,4,8,8)f32 "
        "#4=(1,4,16,16)f32",
        "Tensor.view flat 1 1 4 9 shape=(1,-1) #4=(1,4,16,16)f32 #9=(1,1024)f32",
    )
    kinds = [layer.kind for layer in imported.layers]
    assert kinds == ["pad", "conv", "relu", "affine", "add", "upsample", "flatten"]
    assert shapes(imported)[imported.outputs[0]] == (1024,)
    assert not imported.missing


def test_what_pnnx_could_not_say_is_named() -> None:
    assert "1 nn.Twist" in pnnx("nn.Twist t 1 1 0 9 #0=(1,3,8,8)f32 #9=(1,3,8,8)f32").missing


def test_expressions_of_any_form_end() -> None:
    for expression in ("add(" * 300, "add(@0,@7)", "@", "add(@0", "[@0,@1]", "mul(@0,1e999)"):
        with suppress(CannotImport):
            pnnx(f"pnnx.Expression e 1 1 0 9 expr={expression} #0=(1,3,8,8)f32 #9=(1,3,8,8)f32")
