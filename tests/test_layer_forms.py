"""Single layers in the forms nets have them, against parameters and MACs counted by their definition."""

from __future__ import annotations

import pytest
from spec_reports import report_of_text, rows, shape

FORMS = {
    "conv2d 5x5 valid 3->256 (12x12)": "conv: {out_channels: 256, kernel_size: 5, bias: false}",
    "conv2d 3x3 bias=True": "conv: {out_channels: 16, kernel_size: 3, padding: 1}",
    "conv2d 7x7 s2 p3 (stem)": "conv: {out_channels: 64, kernel_size: 7, stride: 2, padding: 3, bias: false}",
    "pointwise 1x1 3->256": "pointwise_conv: {out_channels: 256, bias: false}",
    "depthwise 5x5 mult=1": "depthwise_conv: {kernel_size: 5, bias: false}",
    "depthwise 5x5 mult=2": "depthwise_conv: {kernel_size: 5, depth_multiplier: 2, bias: false}",
    "depthwise separable 5x5+1x1": "separable_conv: {out_channels: 256, kernel_size: 5, bias: false}",
    "spatially separable 3x1+1x3": "spatial_separable_conv: {out_channels: 8, kernel_size: 3, padding: 1, bias: false}",
    "dilated 3x3 d2": "conv: {out_channels: 16, kernel_size: 3, padding: 2, dilation: 2, bias: false}",
    "grouped g=2": "conv: {out_channels: 16, kernel_size: 3, padding: 1, groups: 2, bias: false}",
    "grouped g=32": "conv: {out_channels: 64, kernel_size: 3, padding: 1, groups: 32, bias: false}",
    "dilated+grouped+strided+asym k(3,5)": (
        "conv: {out_channels: 12, kernel_size: [3, 5], stride: [2, 1], padding: 2, dilation: 2, groups: 4, bias: false}"
    ),
    "padding='same' 3x3": "conv: {out_channels: 16, kernel_size: 3, padding: same, bias: false}",
    "padding='same' even k(3,4) d(2,1)": (
        "conv: {out_channels: 16, kernel_size: [3, 4], padding: same, dilation: [2, 1], bias: false}"
    ),
    "padding_mode=reflect 3x3": (
        "conv: {out_channels: 16, kernel_size: 3, padding: 1, padding_mode: reflect, bias: false}"
    ),
    "conv1d causal dilated": "conv: {out_channels: 32, kernel_size: 3, padding: causal, dilation: 4, bias: false}",
    "conv3d 3x3x3 s(1,2,2)": "conv: {out_channels: 8, kernel_size: 3, stride: [1, 2, 2], padding: 1, bias: false}",
    "convT2d 3x3 s2 p1 op1": (
        "conv_transpose: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1, output_padding: 1, bias: false}"
    ),
    "convT2d 3x3 s2 g4": "conv_transpose: {out_channels: 8, kernel_size: 3, stride: 2, groups: 4, bias: false}",
    "convT2d 2x2 s2 bias=True (U-Net up)": "conv_transpose: {out_channels: 8, kernel_size: 2, stride: 2}",
    "convT1d 4 s2 p1 16->12": "conv_transpose: {out_channels: 12, kernel_size: 4, stride: 2, padding: 1, bias: false}",
    "convT3d 2x2x2 s2": "conv_transpose: {out_channels: 4, kernel_size: 2, stride: 2, bias: false}",
    "DeformConv2d v1 (+offset conv; no biases)": (
        "deform_conv_v1: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}"
    ),
    "DeformConv2d v2 (+offset and mask conv; no biases)": (
        "deform_conv_v2: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}"
    ),
    "SqueezeExcitation 64->16 @14x14": "squeeze_excite: {reduction: 4}",
    "Linear 512->1000 bias": "linear: 1000",
    "Linear on 3-D (10 tokens)": "linear: {out_features: 128, bias: false}",
    "MultiheadAttention E64 h4 L16 (eval)": "attention: 4",
    "F.conv2d with nn.Parameter": "conv: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}",
    "Conv2d subclass, own forward (pad)": (
        "pad: [[0, 1], [0, 1]]",
        "conv: {out_channels: 16, kernel_size: 3, stride: 2, bias: false}",
    ),
    "matmul x@W with nn.Parameter": "linear: {out_features: 128, bias: false}",
    "einsum 1x1 conv with nn.Parameter": "conv: {out_channels: 16, kernel_size: 1, bias: false}",
    "module used twice": (
        "conv: {name: first, out_channels: 8, kernel_size: 3, padding: 1, bias: false}",
        "conv: {share: first}",
    ),
    "tied weight, two modules": (
        "conv: {name: first, out_channels: 8, kernel_size: 3, padding: 1, bias: false}",
        "relu",
        "conv: {share: first, out_channels: 8, kernel_size: 3, padding: 1, bias: false}",
    ),
    "conv + bare Parameter (layer scale)": (
        "conv: {out_channels: 8, kernel_size: 3, padding: 1, bias: false}",
        "scale",
    ),
    "LSTM 32->64 L10": "lstm: 64",
    "BatchNorm2d 64 @14x14": "batch_norm",
    "Upsample bilinear x2": "upsample: {scale_factor: 2, mode: bilinear}",
    "PixelShuffle 2": "pixel_shuffle: 2",
}
BEYOND = {
    "unused sub-module": "every layer of a spec runs; the row counts weights that none uses",
}


@pytest.mark.parametrize("row", rows("layer_forms.csv"), ids=lambda row: str(row["form"]))
def test_params_and_macs(row: dict[str, str]) -> None:
    if row["form"] in BEYOND:
        pytest.skip(BEYOND[row["form"]])
    layers = FORMS[row["form"]]
    written = "".join(f"  - {layer}\n" for layer in ([layers] if isinstance(layers, str) else layers))
    batch, *sizes = shape(row["input_with_batch"])
    totals = report_of_text(f"input: {sizes}\nlayers:\n{written}").totals
    assert (batch, totals.params, totals.macs) == (1, int(row["params"]), int(row["macs"]))


RECURRENT = {"lstm": (7_680, 8_320, 8_960), "gru": (5_760, 6_240, 6_800)}
"""From 8 features to 16 in 5 steps: MACs; what torchinfo prints, and thop."""


@pytest.mark.parametrize("kind", RECURRENT)
def test_what_tools_print_of_recurrent_layers_comes_of_their_macs_and_params(kind: str) -> None:
    """Torchinfo multiplies params with steps; thop adds so many operations for every unit and step."""
    macs, torchinfo, thop = RECURRENT[kind]
    totals = report_of_text(f"input: [5, 8]\nlayers:\n  - {kind}: 16\n").totals
    assert (totals.macs, totals.params * 5) == (macs, torchinfo)
    assert (thop - macs) % (5 * 16) == 0
