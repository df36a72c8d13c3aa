"""Pools with a window, maps made larger or smaller, and channels moved to positions and back."""

from __future__ import annotations

from functools import partial
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.tflite import moving
from convcalc.imports.tflite.operators.activations import activated
from convcalc.imports.tflite.operators.convolutions import SAME
from convcalc.imports.tflite.values import LiteCall, LiteValue


def _pooled(call: LiteCall, kind: str) -> LiteValue:
    draft, batch = moving.as_channels(call, call.value())
    kernel, stride = ((call.option(f"{name}_h"), call.option(f"{name}_w")) for name in ("kernel", "stride"))
    is_same = call.option("padding") == SAME
    narrow = moving.narrowed(call, draft, kernel) if batch == 0 else None
    if narrow is not None:
        kernel, stride = ((*pair[:narrow], *pair[narrow + 1 :]) for pair in (kernel, stride))
        draft = moving.reshaped_draft(call, draft, (*draft.shape[: narrow + 1], *draft.shape[narrow + 2 :]))
    spatial = draft.shape[-len(kernel) :]
    if kind == "avg_pool" and not is_same and kernel == spatial and batch == 0:
        pooled = activated(call, call.layer("global_avg_pool", {"keepdim": True}, draft))
        return moving.as_made(call, pooled if narrow is None else moving.widened(call, pooled, narrow), batch)
    if is_same and all(
        size % step == 0 and taps == step for size, step, taps in zip(spatial, stride, kernel, strict=True)
    ):
        is_same = False
    samples = 0 if batch == 0 else 1
    fields: dict[str, Any] = {"kernel_size": (*(1,) * samples, *kernel)}
    if stride != kernel:
        fields["stride"] = (*(1,) * samples, *stride)
    if is_same:
        fields["padding"] = "same"
        if kind == "avg_pool":
            fields["count_include_pad"] = False
    if kind == "lp_pool":
        fields["norm_type"] = 2
    pooled = activated(call, call.layer(kind, fields, draft))
    return moving.as_made(call, pooled if narrow is None else moving.widened(call, pooled, narrow), batch)


def _resized(call: LiteCall, mode: str) -> LiteValue:
    draft, batch = moving.as_channels(call, call.value())
    if len(call.value().shape) != 4:
        raise Inexpressible(f"a tensor of shape {list(call.value().shape)}, where a map is expected")
    constant = call.value(1).constant
    if constant is not None and constant.numbers is not None:
        sizes = tuple(map(int, constant.numbers))
    else:
        sizes = call.walk.stored(call.outputs[0])[1:3]
    flat = draft
    if batch is None:
        flat = call.builder.reshaped(draft, (draft.shape[0] * draft.shape[1], *draft.shape[2:]), call.origins)
    made = call.layer("upsample", _resizing(call, mode, flat, sizes), flat)
    if batch is None:
        made = call.builder.reshaped(made, (*draft.shape[:2], *sizes), call.origins)
    return moving.as_made(call, made, batch)


def _resizing(call: LiteCall, mode: str, draft: Draft, sizes: tuple[int, ...]) -> dict[str, Any]:
    """By factor where that is whole on every axis, and where positions are read by the words that upsample has."""
    if len(sizes) != 2 or min(sizes) < 1:
        raise Inexpressible(f"sizes of {list(sizes)}")
    is_by_factor = all(size % own == 0 for size, own in zip(sizes, draft.shape[1:], strict=True))
    fields: dict[str, Any] = {"mode": mode}
    if call.option("align_corners"):
        fields["size"] = sizes
        if mode == "bilinear":
            return fields | {"align_corners": True}
        return fields | {"coordinate_transformation_mode": "align_corners", "nearest_mode": "round_prefer_ceil"}
    if is_by_factor:
        fields["scale_factor"] = tuple(size // own for size, own in zip(sizes, draft.shape[1:], strict=True))
    else:
        fields["size"] = sizes
    is_half = call.option("half_pixel_centers")
    if mode == "bilinear" and not is_half:
        fields["coordinate_transformation_mode"] = "asymmetric"
    if mode == "nearest" and is_half and not is_by_factor:
        fields |= {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_ceil"}
    return fields


def _depth_to_space(call: LiteCall) -> LiteValue:
    """The places within a block come before the channels, as pixel_shuffle has them behind."""
    draft, batch = _single(call)
    factor = call.option("block_size")
    channels, parts = draft.shape[0], factor * factor
    if factor < 1 or channels % parts:
        raise Inexpressible(f"{channels} channels in blocks of {factor}")
    draft = _interchanged(call, draft, parts, channels // parts)
    return moving.as_made(call, call.layer("pixel_shuffle", {"upscale_factor": factor}, draft), batch)


def _space_to_depth(call: LiteCall) -> LiteValue:
    draft, batch = _single(call)
    factor, channels = call.option("block_size"), draft.shape[0]
    made = call.layer("pixel_unshuffle", {"downscale_factor": factor}, draft)
    return moving.as_made(call, _interchanged(call, made, channels, factor * factor), batch)


def _single(call: LiteCall) -> tuple[Draft, int]:
    draft, batch = moving.as_channels(call, call.value())
    if batch is None:
        raise Inexpressible(f"a batch of {call.value().shape[0]}")
    return draft, batch


def _interchanged(call: LiteCall, draft: Draft, outer: int, inner: int) -> Draft:
    """Channels that are `outer` groups of `inner`, as `inner` groups of `outer`."""
    if 1 in (outer, inner):
        return draft
    apart = call.builder.reshaped(draft, (outer, inner, *draft.shape[1:]), call.origins)
    turned = call.layer("permute", {"axes": (1, 0, *range(2, len(apart.shape)))}, apart)
    return call.builder.reshaped(turned, draft.shape, call.origins)


OPERATORS = {
    "MAX_POOL_2D": partial(_pooled, kind="max_pool"),
    "AVERAGE_POOL_2D": partial(_pooled, kind="avg_pool"),
    "L2_POOL_2D": partial(_pooled, kind="lp_pool"),
    "RESIZE_BILINEAR": partial(_resized, mode="bilinear"),
    "RESIZE_NEAREST_NEIGHBOR": partial(_resized, mode="nearest"),
    "DEPTH_TO_SPACE": _depth_to_space,
    "SPACE_TO_DEPTH": _space_to_depth,
}
