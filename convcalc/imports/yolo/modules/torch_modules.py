"""Modules of torch.nn by their own names, and what joins or moves tensors."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.yolo.modules import KnownModule
from convcalc.imports.yolo.modules.convolutions import Kernel
from convcalc.imports.yolo.place import At


def _concat(at: At, xs: list[Draft], dimension: int = 1) -> Draft:
    if dimension < 1:
        raise Inexpressible("tensors are joined along the batch")
    return at.concat(xs, dimension - 1)


def _shortcut(at: At, xs: list[Draft], dimension: int = 0) -> Draft:
    return at.add(*xs)


def _upsample(
    at: At,
    x: Draft,
    size: Kernel | None = None,
    scale_factor: float | list[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Draft:
    given = {"size": size, "scale_factor": scale_factor, "mode": mode, "align_corners": bool(align_corners)}
    return at.layer("upsample", {name: value for name, value in given.items() if value is not None}, x)


def _max_pool(
    at: At,
    x: Draft,
    kernel_size: Kernel,
    stride: Kernel | None = None,
    padding: Kernel = 0,
    dilation: Kernel = 1,
    return_indices: bool = False,
    ceil_mode: bool = False,
) -> Draft:
    window = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
    return at.layer("max_pool", {**window, "ceil_mode": ceil_mode}, x)


def _avg_pool(
    at: At,
    x: Draft,
    kernel_size: Kernel,
    stride: Kernel | None = None,
    padding: Kernel = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Draft:
    window = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    return at.layer("avg_pool", {**window, "count_include_pad": count_include_pad}, x)


def _zero_pad(at: At, x: Draft, padding: Kernel) -> Draft:
    sides = [padding] * 4 if isinstance(padding, int) else padding
    if len(sides) != 4:
        raise Inexpressible("expected the padding left, right, above and below")
    left, right, above, below = sides
    return at.layer("pad", {"padding": ((above, below), (left, right))}, x)


def _transposed(
    at: At,
    x: Draft,
    c2: int,
    kernel_size: Kernel,
    stride: Kernel = 1,
    padding: Kernel = 0,
    output_padding: Kernel = 0,
    groups: int = 1,
    bias: bool = True,
    dilation: Kernel = 1,
) -> Draft:
    fields = {"out_channels": c2, "kernel_size": kernel_size, "stride": stride, "padding": padding}
    return at.layer(
        "conv_transpose",
        {**fields, "output_padding": output_padding, "groups": groups, "bias": bias, "dilation": dilation},
        x,
    )


def _depthwise_transposed(at: At, x: Draft, c2: int, k: int = 1, s: int = 1, p1: int = 0, p2: int = 0) -> Draft:
    from math import gcd

    return _transposed(at, x, c2, k, s, p1, p2, gcd(x.shape[0], c2))


def _convolution(
    at: At,
    x: Draft,
    in_channels: int,
    out_channels: int,
    kernel_size: Kernel,
    stride: Kernel = 1,
    padding: Kernel | str = 0,
    dilation: Kernel = 1,
    groups: int = 1,
    bias: bool = True,
) -> Draft:
    _entering(x, in_channels)
    return at.conv(x, out_channels, kernel_size, stride, padding, groups, dilation=dilation, bias=bias)


def _entering(x: Draft, channels: int) -> None:
    if x.shape[0] != channels:
        raise Inexpressible(f"made for {channels} channels, where {x.shape[0]} enter")


def norm(at: At, x: Draft, channels: int | None = None) -> Draft:
    """The row's own number of channels is replaced by what enters."""
    return at.norm(x)


def _flatten(at: At, x: Draft, start_dim: int = 1, end_dim: int = -1) -> Draft:
    if (start_dim, end_dim) != (1, -1):
        raise Inexpressible("a flatten of some axes")
    return at.layer("flatten", {}, x)


def _linear(at: At, x: Draft, in_features: int, out_features: int, bias: bool = True) -> Draft:
    if x.shape[-1] != in_features:
        raise Inexpressible(f"made for {in_features} features, where {x.shape[-1]} enter")
    return at.linear(x, out_features, bias=bias)


def _dropout(at: At, x: Draft, p: float = 0.5, inplace: bool = False) -> Draft:
    return at.layer("dropout", {}, x)


def _adaptive_avg_pool(at: At, x: Draft, output_size: Kernel) -> Draft:
    return at.layer("adaptive_avg_pool", {"output_size": output_size}, x)


def _identity(at: At, x: Draft, *arguments: object) -> Draft:
    return at.layer("identity", {}, x)


def silence(at: At, x: Draft) -> Draft:
    """yolov9's, which leaves what enters as it is."""
    return x


def _to_depth(at: At, x: Draft) -> Draft:
    return at.layer("pixel_unshuffle", {"downscale_factor": 2}, x)


def _contract(at: At, x: Draft, gain: int = 2) -> Draft:
    return at.layer("pixel_unshuffle", {"downscale_factor": gain}, x)


def _expand(at: At, x: Draft, gain: int = 2) -> Draft:
    return at.layer("pixel_shuffle", {"upscale_factor": gain}, x)


def _of_class(name: str) -> KnownModule:
    def build(at: At, x: Draft, *arguments: object) -> Draft:
        return at.activation(x, f"nn.{name}({', '.join(map(repr, arguments))})")

    return KnownModule(build)


MODULES = {
    "Concat": KnownModule(_concat),
    "Shortcut": KnownModule(_shortcut),
    "Silence": KnownModule(silence),
    "ReOrg": KnownModule(_to_depth),
    "Contract": KnownModule(_contract),
    "Expand": KnownModule(_expand),
    "DWConvTranspose2d": KnownModule(_depthwise_transposed, scaled=True),
    "nn.AdaptiveAvgPool2d": KnownModule(_adaptive_avg_pool),
    "nn.AvgPool2d": KnownModule(_avg_pool),
    "nn.BatchNorm2d": KnownModule(norm),
    "nn.Conv2d": KnownModule(_convolution),
    "nn.ConvTranspose2d": KnownModule(_transposed, scaled=True),
    "nn.Dropout": KnownModule(_dropout),
    "nn.Flatten": KnownModule(_flatten),
    "nn.Identity": KnownModule(_identity),
    "nn.Linear": KnownModule(_linear),
    "nn.MaxPool2d": KnownModule(_max_pool),
    "nn.Upsample": KnownModule(_upsample),
    "nn.ZeroPad2d": KnownModule(_zero_pad),
    **{f"nn.{name}": _of_class(name) for name in ("SiLU", "ReLU", "LeakyReLU", "GELU", "Hardswish", "Mish", "Sigmoid")},
}
