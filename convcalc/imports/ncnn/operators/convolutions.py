"""Convolutions, transposed ones and dense layers, with the activation that each may have behind it."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import CannotImport, Inexpressible
from convcalc.imports.ncnn.operators import NcnnCall

SAME = {-233: "same", -234: "same_lower"}
"""Paddings that stand for a rule, in the place of the left one."""

KEYS: dict[str, tuple[int, int, int]] = {"kernel": (21, 11, 1), "dilation": (22, 12, 2), "stride": (23, 13, 3)}
"""The parameters of a window for depth, height and width; each but the width's is that of the width if left out."""


def per_axis(call: NcnnCall, what: str, rank: int, default: int = 1) -> tuple[int, ...]:
    """One number for each spatial axis, the width last."""
    width = call.node.integer(KEYS[what][2], default)
    numbers = tuple(call.node.integer(key, width) for key in KEYS[what][3 - rank :])
    if min(numbers) < 1:
        raise CannotImport(f"{what} {list(numbers)}, where 1 or more is expected")
    return numbers


def pads(call: NcnnCall, rank: int) -> tuple[tuple[int, int], ...]:
    """What is put before and behind each axis: the right is the left if left out, the bottom the top, that the left."""
    left = call.node.integer(4)
    right, top, front = call.node.integer(15, left), call.node.integer(14, left), call.node.integer(24, left)
    pairs = ((front, call.node.integer(17, front)), (top, call.node.integer(16, top)), (left, right))
    return pairs[3 - rank :]


def _padding(call: NcnnCall, rank: int) -> Any:
    """The padding of a convolution: a word where all sides name it, what is positive of the numbers else."""
    pairs = pads(call, rank)
    sides = {side for pair in pairs for side in pair}
    if len(sides) == 1 and min(sides) in SAME:
        return SAME[min(sides)]
    return tuple((max(before, 0), max(after, 0)) for before, after in pairs)


def in_groups(call: NcnnCall) -> int:
    """How many groups there are; only the types with DepthWise in their name have any."""
    groups = call.node.integer(7, 1) if "DepthWise" in call.node.line.type else 1
    if groups < 1:
        raise CannotImport(f"7={groups} groups")
    return groups


def _maps(call: NcnnCall, rank: int) -> Draft:
    if len(call.x.shape) != rank + 1:
        raise CannotImport(f"a blob of shape {list(call.x.shape)} enters, where {rank + 1} axes are expected")
    return call.x


def _out_channels(call: NcnnCall) -> int:
    channels = call.node.integer(0)
    if channels < 1:
        raise CannotImport(f"0={channels} channels that leave")
    return channels


def _checked_channels(call: NcnnCall, x: Draft, per_channel: int) -> None:
    """Raise if the number of weights is not that of filters which see all channels that enter."""
    size = call.node.integer(6)
    if per_channel < 1 or size != x.shape[0] * per_channel:
        see = f"{size // per_channel:,}" if per_channel and size % per_channel == 0 else f"{size / per_channel:,.2f}"
        raise CannotImport(f"{x.shape[0]} channels enter, and 6={size} weights are for {see}")


def _conv(call: NcnnCall, rank: int) -> Draft:
    if len(call.x.shape) == 1 and rank == 2 and per_axis(call, "kernel", 2) == (1, 1):
        return call.activated(dense(call, call.x, _out_channels(call), call.node.integer(6), bias=5))
    x, channels, kernel, groups = (
        _maps(call, rank),
        _out_channels(call),
        per_axis(call, "kernel", rank),
        in_groups(call),
    )
    fields = {
        "out_channels": channels,
        "kernel_size": kernel,
        "stride": per_axis(call, "stride", rank),
        "padding": _padding(call, rank),
        "dilation": per_axis(call, "dilation", rank),
        "groups": groups,
        "bias": bool(call.node.integer(5)),
    }
    if call.node.integer(19):
        return call.activated(call.layer("conv", fields, x, *call.inputs[1:]))
    _checked_channels(call, x, channels * prod(kernel) // groups)
    arrays = {"weight": (channels, x.shape[0] // groups, *kernel)} | _bias(fields, channels)
    return call.activated(call.layer("conv", fields, x, arrays=arrays))


def _bias(fields: dict[str, Any], channels: int) -> dict[str, tuple[int, ...]]:
    return {"bias": (channels,)} if fields["bias"] else {}


def _deconv(call: NcnnCall, rank: int) -> Draft:
    x, channels, kernel, groups = (
        _maps(call, rank),
        _out_channels(call),
        per_axis(call, "kernel", rank),
        in_groups(call),
    )
    stride, dilation = per_axis(call, "stride", rank), per_axis(call, "dilation", rank)
    right = call.node.integer(18)
    added = (call.node.integer(20, right) if rank == 3 else 0, call.node.integer(19, right), right)[3 - rank :]
    sizes = [
        (size - 1) * step + apart * (taps - 1) + 1 + more
        for size, step, apart, taps, more in zip(x.shape[1:], stride, dilation, kernel, added, strict=True)
    ]
    fields = {
        "out_channels": channels,
        "kernel_size": kernel,
        "stride": stride,
        "padding": _crops(call, sizes),
        "output_padding": added,
        "dilation": dilation,
        "groups": groups,
        "bias": bool(call.node.integer(5)),
    }
    if call.node.integer(28):
        return call.activated(call.layer("conv_transpose", fields, x, *call.inputs[1:]))
    _checked_channels(call, x, channels * prod(kernel) // groups)
    arrays = {"weight": (x.shape[0], channels // groups, *kernel)} | _bias(fields, channels)
    return call.activated(call.layer("conv_transpose", fields, x, arrays=arrays))


def _crops(call: NcnnCall, sizes: list[int]) -> tuple[tuple[int, int], ...]:
    """What is cut off of an output: what is stated, or what a size that is asked for leaves over."""
    rank = len(sizes)
    pairs = pads(call, rank)
    if any(side > 0 for pair in pairs for side in pair):
        return tuple((max(before, 0), max(after, 0)) for before, after in pairs)
    width = call.node.integer(25 if rank == 3 else 20)
    keys = {1: (), 2: (21,), 3: (27, 26)}[rank]
    wanted = (*(call.node.integer(key, width) for key in keys), width)
    words = {SAME[side] for pair in pairs for side in pair if side in SAME}
    if min(wanted) < 1 or not words:
        return ((0, 0),) * rank
    crops = []
    for size, output in zip(sizes, wanted, strict=True):
        more = size - output
        if more < 0:
            raise Inexpressible(f"{output} positions are asked for, where {size} are made")
        half, other = more // 2, more - more // 2
        crops.append((half, other) if "same" in words else (other, half))
    return tuple(crops)


def dense(call: NcnnCall, x: Draft, features: int, weights: int, *, bias: int) -> Draft:
    """A dense layer on what enters as a row, or on each of several rows; `bias` is the parameter that says of one."""
    entering = weights // features if features > 0 else 0
    if features < 1 or entering < 1 or weights % features:
        raise CannotImport(f"{weights} weights for {features} features")
    is_rows = len(x.shape) == 2 and x.shape[-1] == entering  # axes of rows
    if not is_rows:
        if prod(x.shape) != entering:
            raise CannotImport(
                f"a blob of shape {list(x.shape)} enters, and {weights} weights are for {entering} numbers"
            )
        x = call.reshaped(x, (entering,))
    has_bias = bool(call.node.integer(bias))
    arrays: dict[str, tuple[int, ...]] = {"weight": (features, entering)}
    arrays |= {"bias": (features,)} if has_bias else {}
    return call.layer("linear", {"out_features": features, "bias": has_bias}, x, arrays=arrays)


def _inner_product(call: NcnnCall) -> Draft:
    return call.activated(dense(call, call.x, call.node.integer(0), call.node.integer(2), bias=1))


def _deformable(call: NcnnCall) -> Draft:
    x, channels, kernel = _maps(call, 2), _out_channels(call), per_axis(call, "kernel", 2)
    fields = {
        "out_channels": channels,
        "kernel_size": kernel,
        "stride": per_axis(call, "stride", 2),
        "padding": _padding(call, 2),
        "dilation": per_axis(call, "dilation", 2),
        "bias": bool(call.node.integer(5)),
    }
    _checked_channels(call, x, channels * prod(kernel))
    arrays = {"weight": (channels, x.shape[0], *kernel)} | _bias(fields, channels)
    return call.activated(call.layer("deform_conv", fields, *call.inputs, arrays=arrays))


OPERATORS = {
    **{
        f"Convolution{of}{axes}": partial(_conv, rank=rank)
        for of in ("", "DepthWise")
        for axes, rank in (("1D", 1), ("", 2), ("3D", 3))
    },
    **{
        f"Deconvolution{of}{axes}": partial(_deconv, rank=rank)
        for of in ("", "DepthWise")
        for axes, rank in (("1D", 1), ("", 2), ("3D", 3))
    },
    "InnerProduct": _inner_product,
    "DeformableConv2D": _deformable,
}
