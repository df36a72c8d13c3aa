"""Convolutions, and the layers that multiply with a matrix."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.exports.pytorch.layer import (
    LayerCode,
    TorchSite,
    Unsayable,
    Writer,
    axes_named,
    function,
    module,
    number,
    own,
    per_axis,
    x,
    y,
)
from convcalc.exports.pytorch.syntax import EnteringTensor, Expression, PythonCall, call, joined, method

MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def padded(pads: Sequence[tuple[int, int]], mode: str = "constant", value: float = 0.0) -> PythonCall:
    """What enters with positions added, which torch names from the last axis on."""
    ends = tuple(end for pair in reversed(pads) for end in pair)
    stated: dict[str, Expression] = {} if mode == "constant" else {"mode": number(mode, "mode")}
    if value:
        stated["value"] = number(value, "value")
    return call("F.pad", x, number(ends, "pad"), **stated)


def _window(site: TorchSite, **more: Expression) -> dict[str, Expression]:
    config = site.config
    return {
        "stride": number(per_axis(config.stride), "stride", 1),
        **more,
        "dilation": number(per_axis(config.dilation), "dilation", 1),
        "groups": number(config.groups, "groups", 1),
        "bias": number(config.bias, "bias", True),
    }


def _refuse_made(site: TorchSite) -> None:
    if len(site.shapes) > 1:
        raise Unsayable("its filters are made by another layer, for each sample its own")


def conv(site: TorchSite) -> LayerCode:
    """What torch pads alike at both ends is a field of the module; anything else is F.pad before it."""
    config = site.config
    _refuse_made(site)
    channels = number(site.x[0], "in_channels"), number(config.out_channels, "out_channels")
    if site.rank == 0:
        return linear_of_channels(site)
    name = f"nn.Conv{axes_named(site.rank, 'convolutions')}d"
    pads = [(window.before, window.after) for window in config.windows(site.x)]
    entering: Expression = x
    padding = number(0, "padding", 0)
    if config.padding == "same" and set(config.stride) == {1} and any(map(any, pads)):
        padding = number("same", "padding", 0)
    elif all(before == after for before, after in pads):
        padding = number(per_axis([before for before, _ in pads]), "padding", 0)
    else:
        entering = padded(pads, MODES[config.padding_mode])
    mode = config.padding_mode if entering is x and padding.value else "zeros"
    window = _window(site, padding=padding)
    window["padding_mode"] = number(mode, "padding_mode", "zeros")
    made = call(name, *channels, number(per_axis(config.kernel_size), "kernel_size"), **window)
    return module(made) if entering is x else LayerCode(call(own, entering), {"": made})


def linear_of_channels(site: TorchSite) -> LayerCode:
    """A convolution without axes, which multiplies channels with a matrix."""
    config = site.config
    if config.groups != 1:
        raise Unsayable("torch has no groups where there are no positions")
    return linear_from(site.x[0], config.out_channels, bias=config.bias)


def linear_from(features: int, leaving: int, *, bias: bool) -> LayerCode:
    """A fully connected layer."""
    sizes = number(features, "in_features"), number(leaving, "out_features")
    return module(call("nn.Linear", *sizes, bias=number(bias, "bias", True)))


def linear(site: TorchSite) -> LayerCode:
    """It works on the last axis in both."""
    return linear_from(site.x[-1], site.config.out_features, bias=site.config.bias)


def conv_transpose(site: TorchSite) -> LayerCode:
    """What torch cannot crop is cropped behind it, by F.pad with fewer than no positions."""
    config = site.config
    _refuse_made(site)
    if site.rank == 0:
        raise Unsayable("torch has no transposed convolution where there are no positions")
    name = f"nn.ConvTranspose{axes_named(site.rank, 'transposed convolutions')}d"
    windows = config.windows()
    crops = [(window.before, window.after) for window in windows]
    spans = [window.span(size) for window, size in zip(windows, site.x[1:], strict=True)]
    added = [left - span + before + after
             for left, span, (before, after) in zip(site.shape[1:], spans, crops, strict=True)]  # fmt: skip
    limits = [max(window.stride, window.dilation) for window in windows]
    even = all(before == after for before, after in crops)
    fits = even and all(more < limit for more, limit in zip(added, limits, strict=True))
    padding = per_axis([before for before, _ in crops]) if fits else 0
    window = {
        "stride": number(per_axis(config.stride), "stride", 1),
        "padding": number(padding, "padding", 0),
        "output_padding": number(per_axis(added) if fits else 0, "output_padding", 0),
        "groups": number(config.groups, "groups", 1),
        "bias": number(config.bias, "bias", True),
        "dilation": number(per_axis(config.dilation), "dilation", 1),
    }
    channels = number(site.x[0], "in_channels"), number(config.out_channels, "out_channels")
    made = call(name, *channels, number(per_axis(config.kernel_size), "kernel_size"), **window)
    if fits:
        return module(made)
    if config.bias and any(more > after for more, (_, after) in zip(added, crops, strict=True)):
        raise Unsayable("positions beyond its last window have the bias alone, which torch adds before they are there")
    cuts = [(-before, more - after) for (before, after), more in zip(crops, added, strict=True)]
    ends = tuple(end for pair in reversed(cuts) for end in pair)
    return LayerCode(call("F.pad", call(own, x), number(ends, "pad")), {"": made})


def deform_conv(site: TorchSite) -> LayerCode:
    """The one of torchvision, on two axes."""
    config, (shape, *others) = site.config, site.shapes
    if site.rank != 2:
        raise Unsayable(f"torchvision deforms convolutions on 2 axes, not on {site.rank}")
    if len(others) > 2 or any(len(other) != len(shape) for other in others):
        raise Unsayable("its filters are made by another layer, for each sample its own")
    pads = [(window.before, window.after) for window in config.windows(shape)]
    if any(before != after for before, after in pads):
        raise Unsayable(f"torchvision pads both ends alike, and here are {pads}")
    window = _window(site, padding=number(per_axis([before for before, _ in pads]), "padding", 0))
    channels = number(shape[0], "in_channels"), number(config.out_channels, "out_channels")
    made = call("DeformConv2d", *channels, number(per_axis(config.kernel_size), "kernel_size"), **window)
    maps = [EnteringTensor(place) for place in range(len(site.shapes))]
    return LayerCode(call(own, *maps), {"": made}, imports=("from torchvision.ops import DeformConv2d",))


def matmul(site: TorchSite) -> LayerCode:
    """A product of two tensors."""
    return function(joined(x, " @ ", y))


def embedding(site: TorchSite) -> LayerCode:
    """Indices are whole numbers in torch's types too."""
    config = site.config
    sizes = number(config.num_embeddings, "num_embeddings"), number(config.embedding_dim, "embedding_dim")
    return LayerCode(call(own, method(x, "long")), {"": call("nn.Embedding", *sizes)})


KINDS: dict[str, Writer] = {
    "conv": conv,
    "conv_transpose": conv_transpose,
    "deform_conv": deform_conv,
    "embedding": embedding,
    "linear": linear,
    "matmul": matmul,
}
