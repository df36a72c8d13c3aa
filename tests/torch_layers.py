"""Single layers as a spec and as PyTorch has them, with the products of both ways counted by hand. Needs torch.

`torch_flops` holds PyTorch's counter against the hand, `torch_saved` asks what PyTorch keeps for the way back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torch_networks import parts

Shape = tuple[int, ...]


class Layer(NamedTuple):
    """A layer: its kind and fields in a spec, the shapes that enter without the batch, and the module of PyTorch.

    `macs` are the products of the way forward and of the gradients of what enters and of weights, by hand, batch 1;
    None where there are none. `apart` is the same in groups of their own, side by side.
    """

    spec: dict[str, Any]
    shapes: tuple[Shape, ...]
    make: Callable[[], Any]
    macs: tuple[int, int, int] | None = None
    apart: Callable[[], Any] | None = None


def function(call: Callable[..., Any]) -> Any:
    """A module without weights that calls this function."""

    def _called(self: Any, *inputs: Any) -> Any:
        return call(*inputs)

    return parts(_called)


def side_by_side(groups: int, make: Callable[[], Any]) -> Any:
    """As many modules as groups, each of its part of the channels."""

    def _side_by_side(self: Any, x: Any) -> Any:
        return torch.cat([module(part) for module, part in zip(self.groups, x.chunk(groups, 1), strict=True)], 1)

    return parts(_side_by_side, groups=nn.ModuleList([make() for _ in range(groups)]))


def convolution(out: int, positions: int, taps: int, channels: int, groups: int = 1) -> tuple[int, int, int]:
    """Products of a convolution: of every output, taps on padding counted, and as many for either gradient.

    Of a transposed one `positions` are those that enter, and each is met by every tap of every channel that leaves.
    """
    macs = out * positions * taps * channels // groups
    return macs, macs, macs


def _conv(fields: dict[str, Any], shape: Shape, hand: tuple[int, int, int], transposed: bool = False) -> Layer:
    names = {1: ("Conv1d", "ConvTranspose1d"), 2: ("Conv2d", "ConvTranspose2d"), 3: ("Conv3d", "ConvTranspose3d")}
    make = getattr(nn, names[len(shape) - 1][transposed])
    out, groups = fields["out_channels"], fields.get("groups", 1)
    rest = {name: value for name, value in fields.items() if name not in {"out_channels", "groups"}}

    def together() -> Any:
        return make(shape[0], out, groups=groups, **rest)

    def apart() -> Any:
        return side_by_side(groups, lambda: make(shape[0] // groups, out // groups, **rest))

    kind = "conv_transpose" if transposed else "conv"
    return Layer({kind: fields}, (shape,), together, hand, apart if groups > 1 else None)


def _plain(kind: str, fields: Any, shape: Shape, make: Callable[[], Any]) -> Layer:
    return Layer({kind: fields}, (shape,), make)


def _last(module: Any) -> Any:
    """A recurrent module without the states that it hands back beside its output."""

    def _recurrent(self: Any, x: Any) -> Any:
        return self.cells(x)[0]

    return parts(_recurrent, cells=module)


def _self_attention(width: int, heads: int) -> Any:
    def _attention(self: Any, x: Any) -> Any:
        return self.heads(x, x, x, need_weights=False)[0]

    return parts(_attention, heads=nn.MultiheadAttention(width, heads, batch_first=True))


MAP = (8, 16, 16)

LAYERS: dict[str, Layer] = {
    "conv": _conv({"out_channels": 12, "kernel_size": 3, "padding": 1}, MAP, convolution(12, 256, 9, 8)),
    "conv_pointwise": _conv({"out_channels": 12, "kernel_size": 1, "bias": False}, MAP, convolution(12, 256, 1, 8)),
    "conv_strided": _conv(
        {"out_channels": 12, "kernel_size": 3, "stride": 2, "padding": 1}, MAP, convolution(12, 64, 9, 8)
    ),
    "conv_dilated": _conv(
        {"out_channels": 12, "kernel_size": 3, "dilation": 2, "padding": 1}, MAP, convolution(12, 196, 9, 8)
    ),
    "conv_valid": _conv({"out_channels": 6, "kernel_size": [3, 5]}, MAP, convolution(6, 14 * 12, 15, 8)),
    "conv_grouped": _conv(
        {"out_channels": 12, "kernel_size": 3, "padding": 1, "groups": 4}, MAP, convolution(12, 256, 9, 8, 4)
    ),
    "conv_depthwise": _conv(
        {"out_channels": 8, "kernel_size": 5, "padding": 2, "groups": 8, "bias": False},
        MAP,
        convolution(8, 256, 25, 8, 8),
    ),
    "conv_depthwise_strided": _conv(
        {"out_channels": 16, "kernel_size": 3, "stride": 2, "padding": 1, "groups": 8},
        MAP,
        convolution(16, 64, 9, 8, 8),
    ),
    "conv_1d": _conv({"out_channels": 6, "kernel_size": 5, "stride": 3}, (8, 40), convolution(6, 12, 5, 8)),
    "conv_3d": _conv({"out_channels": 4, "kernel_size": 3, "padding": 1}, (3, 6, 6, 6), convolution(4, 216, 27, 3)),
    "conv_transpose": _conv(
        {"out_channels": 6, "kernel_size": 4, "stride": 2, "padding": 1}, MAP, convolution(6, 256, 16, 8), True
    ),
    "conv_transpose_unit": _conv({"out_channels": 6, "kernel_size": 3}, MAP, convolution(6, 256, 9, 8), True),
    "conv_transpose_grouped": _conv(
        {"out_channels": 8, "kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1, "groups": 4},
        MAP,
        convolution(8, 256, 9, 8, 4),
        True,
    ),
    "linear": Layer({"linear": 20}, ((32,),), lambda: nn.Linear(32, 20), (640, 640, 640)),
    "linear_tokens": Layer({"linear": 20}, ((10, 32),), lambda: nn.Linear(32, 20), (6400, 6400, 6400)),
    "matmul": Layer(
        {"matmul": None},
        ((2, 10, 8), (2, 8, 12)),
        lambda: function(torch.matmul),
        (2 * 10 * 8 * 12, 2 * 2 * 10 * 8 * 12, 0),
    ),
    "scaled_dot_product_attention": Layer(
        {"scaled_dot_product_attention": None},
        ((2, 10, 8), (2, 12, 8), (2, 12, 6)),
        lambda: function(functional.scaled_dot_product_attention),
        (2 * 10 * 12 * (8 + 6), 2 * 2 * 10 * 12 * (8 + 6), 0),
    ),
    # four products with weights, and two of tokens with each other, both of whose sides have gradients
    "attention": Layer(
        {"attention": 4},
        ((10, 32),),
        lambda: _self_attention(32, 4),
        (
            4 * 10 * 32 * 32 + 2 * 10 * 10 * 32,
            4 * 10 * 32 * 32 + 2 * 2 * 10 * 10 * 32,
            4 * 10 * 32 * 32,
        ),
    ),
    "relu": _plain("relu", None, MAP, nn.ReLU),
    "relu6": _plain("relu6", None, MAP, nn.ReLU6),
    "leaky_relu": _plain("leaky_relu", None, MAP, nn.LeakyReLU),
    "prelu": _plain("prelu", None, MAP, nn.PReLU),
    "elu": _plain("elu", None, MAP, nn.ELU),
    "sigmoid": _plain("sigmoid", None, MAP, nn.Sigmoid),
    "tanh": _plain("tanh", None, MAP, nn.Tanh),
    "silu": _plain("silu", None, MAP, nn.SiLU),
    "gelu": _plain("gelu", None, MAP, nn.GELU),
    "mish": _plain("mish", None, MAP, nn.Mish),
    "softplus": _plain("softplus", None, MAP, nn.Softplus),
    "hard_swish": _plain("hard_swish", None, MAP, nn.Hardswish),
    "hard_sigmoid": _plain("hard_sigmoid", None, MAP, nn.Hardsigmoid),
    "softmax": _plain("softmax", None, MAP, lambda: nn.Softmax(1)),
    "log_softmax": _plain("log_softmax", None, MAP, lambda: nn.LogSoftmax(1)),
    "batch_norm": _plain("batch_norm", None, MAP, lambda: nn.BatchNorm2d(8)),
    "layer_norm": _plain("layer_norm", {"axes": [-1]}, (10, 32), lambda: nn.LayerNorm(32)),
    "group_norm": _plain("group_norm", {"num_groups": 4}, MAP, lambda: nn.GroupNorm(4, 8)),
    "instance_norm": _plain("instance_norm", None, MAP, lambda: nn.InstanceNorm2d(8, affine=True)),
    "rms_norm": _plain("rms_norm", {"axes": [-1]}, (10, 32), lambda: nn.RMSNorm(32)),
    "local_response_norm": _plain("local_response_norm", {"size": 5}, MAP, lambda: nn.LocalResponseNorm(5)),
    "max_pool": _plain("max_pool", {"kernel_size": 2}, MAP, lambda: nn.MaxPool2d(2)),
    "max_pool_overlapping": _plain(
        "max_pool", {"kernel_size": 3, "stride": 2, "padding": 1}, MAP, lambda: nn.MaxPool2d(3, 2, 1)
    ),
    "adaptive_max_pool": _plain("adaptive_max_pool", {"output_size": 4}, MAP, lambda: nn.AdaptiveMaxPool2d(4)),
    "global_max_pool": _plain("global_max_pool", None, MAP, lambda: function(lambda x: x.amax((2, 3), keepdim=True))),
    "avg_pool": _plain("avg_pool", {"kernel_size": 2}, MAP, lambda: nn.AvgPool2d(2)),
    "adaptive_avg_pool": _plain("adaptive_avg_pool", {"output_size": 4}, MAP, lambda: nn.AdaptiveAvgPool2d(4)),
    "global_avg_pool": _plain("global_avg_pool", None, MAP, lambda: nn.AdaptiveAvgPool2d(1)),
    "lp_pool": _plain("lp_pool", {"kernel_size": 2}, MAP, lambda: nn.LPPool2d(2, 2)),
    "upsample": _plain("upsample", {"scale_factor": 2}, MAP, lambda: nn.Upsample(scale_factor=2)),
    "upsample_bilinear": _plain(
        "upsample", {"scale_factor": 2, "mode": "bilinear"}, MAP, lambda: nn.Upsample(scale_factor=2, mode="bilinear")
    ),
    "pixel_shuffle": _plain("pixel_shuffle", {"upscale_factor": 2}, MAP, lambda: nn.PixelShuffle(2)),
    "pad": _plain("pad", {"padding": 1}, MAP, lambda: nn.ZeroPad2d(1)),
    "flatten": _plain("flatten", None, MAP, nn.Flatten),
    "permute": _plain("permute", {"axes": [1, 2, 0]}, MAP, lambda: function(lambda x: x.permute(0, 2, 3, 1))),
    "dropout": _plain("dropout", None, MAP, nn.Dropout),
    "add": Layer({"add": None}, (MAP, MAP), lambda: function(torch.add)),
    "sub": Layer({"sub": None}, (MAP, MAP), lambda: function(torch.sub)),
    "mul": Layer({"mul": None}, (MAP, MAP), lambda: function(torch.mul)),
    "div": Layer({"div": None}, (MAP, MAP), lambda: function(torch.div)),
    "max": Layer({"max": None}, (MAP, MAP), lambda: function(torch.maximum)),
    "concat": Layer({"concat": None}, (MAP, MAP), lambda: function(lambda *x: torch.cat(x, 1))),
    "reduce_mean": _plain("reduce", {"axes": [1]}, MAP, lambda: function(lambda x: x.mean(2))),
    "cumulate": _plain("cumulate", {"axis": 1}, MAP, lambda: function(lambda x: x.cumsum(2))),
    "lstm": _plain("lstm", 16, (10, 32), lambda: _last(nn.LSTM(32, 16, batch_first=True))),
    "gru": _plain("gru", 16, (10, 32), lambda: _last(nn.GRU(32, 16, batch_first=True))),
}
