"""Convolutions, products and pools: the layers with a window, and InnerProduct, whose window is all there is."""

from __future__ import annotations

from functools import partial
from typing import Any

from convcalc.arithmetic.number import ceil_div
from convcalc.imports.caffe.blobs import CaffeLayer
from convcalc.imports.caffe.text import TextMessage
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible

Sizes = tuple[int, ...]


def _per_axis(call: CaffeLayer, message: TextMessage, name: str, default: int | None, least: int = 1) -> Sizes:
    """A number for each spatial axis: `_h` and `_w` of it, one for all, or as many as there are."""
    rank = len(call.x.shape) - 1
    stem = name.removesuffix("_size")
    height, width = f"{stem}_h", f"{stem}_w"
    if message.has(height) or message.has(width):
        if rank != 2:
            raise call.error(f"{height} and {width} with {rank} spatial axes")
        other = 0 if default is None else default
        return message.whole(height, other, least), message.whole(width, other, least)
    numbers = message.wholes(name, least)
    if not numbers:
        if default is None:
            raise call.error(f"{name} is not given")
        return (default,) * rank
    if len(numbers) not in (1, rank):
        raise call.error(f"{len(numbers)} values of {name}, where 1 or {rank} were expected")
    return tuple(numbers) if len(numbers) == rank else (numbers[0],) * rank


def _pairs(padding: Sizes) -> tuple[tuple[int, int], ...]:
    return tuple((pad, pad) for pad in padding)


def _has_map(call: CaffeLayer) -> None:
    if len(call.x.shape) < 2:
        raise call.error(f"reads a blob of {len(call.x.shape) + 1} axes, which has no positions")


def _convolution(call: CaffeLayer, kind: str = "conv", *, depthwise: bool = False) -> list[Draft]:
    _has_map(call)
    param = call.parameters("convolution_param")
    if param.whole("axis", 1, least=-16) not in (1, -len(call.x.shape)):
        raise Inexpressible("its channels are not on axis 1")
    channels = param.whole("num_output", 0)
    if not channels:
        raise call.error("num_output is not given")
    fields: dict[str, Any] = {
        "out_channels": channels,
        "kernel_size": _per_axis(call, param, "kernel_size", None),
        "stride": _per_axis(call, param, "stride", 1),
        "padding": _pairs(_per_axis(call, param, "pad", 0, least=0)),
        "dilation": _per_axis(call, param, "dilation", 1),
        "groups": param.whole("group", call.x.shape[0] if depthwise else 1, least=1),
        "bias": param.flag("bias_term", default=True),
    }
    # Several bottoms go through the same filters, each to the top at its place.
    return [call.made(kind, fields, x) for x in call.bottoms]


def _inner_product(call: CaffeLayer) -> Draft:
    call.count(1, 1)
    param = call.parameters("inner_product_param")
    features = param.whole("num_output", 0)
    if not features:
        raise call.error("num_output is not given")
    x = call.flat(call.x, call.axis(param))
    return call.made("linear", {"out_features": features, "bias": param.flag("bias_term", default=True)}, x)


_POOLS = {"MAX": "max_pool", "AVE": "avg_pool"}


def _pooling(call: CaffeLayer) -> list[Draft]:
    _has_map(call)
    call.count(1, 1)
    param = call.parameters("pooling_param")
    how = param.choice("pool", ("MAX", "AVE", "STOCHASTIC"))
    if param.flag("global_pooling", default=False):
        if how in _POOLS:
            return [call.made(f"global_{_POOLS[how]}", {"keepdim": True})]
        return [_stochastic(call, (1,) * (len(call.x.shape) - 1))]
    kernel, stride = _per_axis(call, param, "kernel_size", None), _per_axis(call, param, "stride", 1)
    padding = _per_axis(call, param, "pad", 0, least=0)
    fields: dict[str, Any] = {"kernel_size": kernel, "padding": _pairs(padding)}
    if any(pad >= size for pad, size in zip(padding, kernel, strict=True)):
        raise call.error(f"pad {list(padding)} with kernel_size {list(kernel)}: Caffe takes less than the kernel")
    if stride != kernel:
        fields["stride"] = stride
    is_floor = param.choice("round_mode", ("CEIL", "FLOOR")) == "FLOOR" or not param.flag("ceil_mode", default=True)
    fields["ceil_mode"] = not is_floor and _rounding(kernel, stride, padding)
    if how not in _POOLS:
        pooled = call.made("max_pool", fields)
        call.builder.drafts.remove(pooled)
        return [_stochastic(call, pooled.shape[1:])]
    drafts = [call.made(_POOLS[how], fields)]
    if len(call.layer.tops) > 1 and how == "MAX":
        drafts.append(call.helper("max_pool_indices", fields))
    return drafts


def _rounding(kernel: Sizes, stride: Sizes, padding: Sizes) -> bool | str:
    """Caffe's rounding up in the plainest words: its own where no other rule comes to the same for inputs of all sizes.

    A window as long as its stride never starts behind the input, and with padding one that does is dropped, as PyTorch
    does always.
    """
    if set(stride) == {1}:
        return False
    is_alone = not any(padding) and any(step > size for step, size in zip(stride, kernel, strict=True))
    return "caffe" if is_alone else True


def _stochastic(call: CaffeLayer, positions: Sizes) -> Draft:
    """Each position weighed by its own value, when a network is tested."""
    return call.opaque((call.x.shape[0], *positions), "it weighs each element under the window by itself")


def _pyramid(call: CaffeLayer) -> Draft:
    """SPP: pools to 1, 2, 4, ... cells an axis, each laid out, and all end to end."""
    _has_map(call)
    param = call.parameters("spp_param")
    kind = _POOLS.get(param.choice("pool", ("MAX", "AVE", "STOCHASTIC")))
    height = param.whole("pyramid_height", 0)
    if kind is None or not 0 < height < 16:
        raise Inexpressible(f"a pyramid of height {height}")
    parts = []
    for level in range(height):
        cells = 2**level
        kernel = tuple(ceil_div(size, cells) for size in call.x.shape[1:])
        padding = tuple((size * cells - n + 1) // 2 for size, n in zip(kernel, call.x.shape[1:], strict=True))
        fields = {"kernel_size": kernel, "padding": _pairs(padding), "ceil_mode": True}
        parts.append(call.flat(call.helper(kind, fields), 0))
    return call.made("concat", {}, *parts) if len(parts) > 1 else parts[0]


def _upsample(call: CaffeLayer) -> Draft:
    """With the places of a max pool beside it, elements are put back there; alone, positions are repeated."""
    _has_map(call)
    param = call.parameters("upsample_param")
    scale = param.whole("scale", 2, least=1)
    sizes = tuple(scale * size for size in call.x.shape[1:])
    sides = list(zip("hw", sizes, strict=False))
    if len(call.bottoms) == 2:
        cut = [param.flag(f"pad_out_{side}", default=False) for side, _ in sides]  # the odd position of a pool
        output = tuple(
            param.whole(f"upsample_{side}", size - odd, least=1) for (side, size), odd in zip(sides, cut, strict=True)
        )
        fields = {"kernel_size": (scale,) * len(sizes), "output_size": output if output != sizes else None}
        return call.made("max_unpool", fields, *call.bottoms)
    call.count(1, 1)
    return call.made("upsample", {"scale_factor": (scale,) * len(sizes)})


def _interp(call: CaffeLayer) -> Draft:
    """Bilinear, the first and last positions falling together."""
    _has_map(call)
    param = call.parameters("interp_param")
    cut = [param.whole(name, 0, least=-(2**31) + 1) for name in ("pad_beg", "pad_end")]
    sizes = [size + sum(cut) for size in call.x.shape[1:]]
    if any(cut):
        raise Inexpressible("it cuts its input")
    if len(call.bottoms) > 1:
        sizes = list(call.bottoms[1].shape[1:])
    elif param.has("height") or param.has("width"):
        sizes = [param.whole("height", 0), param.whole("width", 0)]
    else:
        shrunk = param.whole("shrink_factor", 1, least=1)
        sizes = [(size - 1) // shrunk + 1 for size in sizes]
        zoomed = param.whole("zoom_factor", 1, least=1)
        sizes = [size + (size - 1) * (zoomed - 1) for size in sizes]
    if len(sizes) != len(call.x.shape) - 1 or not all(sizes):
        raise call.error(f"the size {sizes} for {len(call.x.shape) - 1} axes")
    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}.get(len(sizes))
    if mode is None:
        raise call.error(f"{len(sizes)} spatial axes")
    return call.made("upsample", {"size": tuple(sizes), "mode": mode, "align_corners": True}, call.x)


OPERATORS = {
    "Convolution": _convolution,
    "ConvolutionDepthwise": partial(_convolution, depthwise=True),
    "DepthwiseConvolution": partial(_convolution, depthwise=True),
    "Deconvolution": partial(_convolution, kind="conv_transpose"),
    "InnerProduct": _inner_product,
    "Interp": _interp,
    "Pooling": _pooling,
    "SPP": _pyramid,
    "Upsample": _upsample,
}
