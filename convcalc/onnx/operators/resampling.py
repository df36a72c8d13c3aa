"""Maps made larger or smaller: Resize and Upsample, depth to space and back."""

from __future__ import annotations

from math import floor
from typing import Any

from convcalc.onnx.building import Call, Value
from convcalc.onnx.errors import Inexpressible

LARGEST_FACTOR = 2.0**31
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def _resize(call: Call) -> Value:
    """X, roi, scales, sizes; before opset 11 X and scales alone, before 9 an attribute."""
    value = call.value(0)
    rank = len(value.shape)
    place = 2 if call.opset >= 11 and call.node.op == "Resize" else 1
    axes = [axis % rank for axis in call.attributes.integers("axes") or range(rank)]
    sizes = _given_sizes(call, rank) if place == 2 else None
    factors = None if sizes is not None else _factors(call, place)
    if sizes is None and factors is None:
        raise Inexpressible("neither scales nor sizes are given")
    given = sizes if sizes is not None else factors or []
    if len(given) != len(axes):
        raise Inexpressible(f"{len(given)} sizes or scales for {len(axes)} axes")
    if factors is not None and not all(0 < factor < LARGEST_FACTOR for factor in factors):
        raise Inexpressible(f"scales of {factors}")
    if call.attributes.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Inexpressible("sizes that keep the aspect ratio (keep_aspect_ratio_policy)")
    if call.attributes.text("coordinate_transformation_mode") == "tf_crop_and_resize":
        raise Inexpressible("a part of the map cut out (tf_crop_and_resize)")
    wanted = list(value.shape)
    for index, axis in enumerate(axes):
        if sizes is not None:
            wanted[axis] = 1 if axis == value.batch else sizes[index]
        elif factors is not None:
            wanted[axis] = floor(value.shape[axis] * factors[index])
    return _resized(call, value, tuple(wanted), factors, axes)


def _given_sizes(call: Call, rank: int) -> list[int] | None:
    if not call.has(3) or not call.constant(3, "sizes").shape or call.constant(3, "sizes").shape == (0,):
        return None
    return call.numbers(3)


def _factors(call: Call, place: int) -> list[float] | None:
    stated = call.attributes.get("scales")
    if isinstance(stated, list) and stated:
        return [float(number) for number in stated]
    if not call.has(place) or call.constant(place, "scales").shape == (0,):
        return None
    numbers = call.constant(place, "scales").numbers
    if numbers is None:
        raise Inexpressible("scales that are computed from data, or whose numbers are not in the file")
    return [float(number) for number in numbers]


def _resized(call: Call, value: Value, wanted: tuple[int, ...], factors: list[float] | None, axes: list[int]) -> Value:
    if wanted == value.shape:
        return value
    batch = value.batch if value.batch is not None else 0
    last = wanted[1:-1] != value.shape[1:-1] and wanted[1] == value.shape[1] and wanted[-1] == value.shape[-1]
    x = call.builder.viewed(value, batch)
    sizes = [size for axis, size in enumerate(wanted) if axis != batch]
    first = sizes[0] != x.shape[0]
    channels_last = first and sizes[-1] == x.shape[-1] and not last
    if first and not channels_last:
        raise Inexpressible("channels that are resized")
    if channels_last:  # channels behind the positions, as TensorFlow has them
        x = call.layer("permute", {"axes": (len(sizes) - 1, *range(len(sizes) - 1))}, x)
        sizes = [sizes[-1], *sizes[:-1]]
    fields: dict[str, Any] = {"mode": _mode(call, len(sizes) - 1), "size": tuple(sizes[1:])}
    pairs = list(zip(sizes[1:], x.shape[1:], strict=True))
    if factors is not None and all(new % old == 0 for new, old in pairs):
        fields = {"mode": fields["mode"], "scale_factor": tuple(new // old for new, old in pairs)}
    if fields["mode"] != "nearest" and call.attributes.text("coordinate_transformation_mode") == "align_corners":
        fields["align_corners"] = True
    y = call.layer("upsample", fields, x)
    if channels_last:
        y = call.layer("permute", {"axes": (*range(1, len(sizes)), 0)}, y)
    return call.out(y, batch)


def _mode(call: Call, rank: int) -> str:
    mode = call.attributes.text("mode", "nearest")
    if mode == "nearest":
        return mode
    if mode == "linear" and rank in LINEAR:
        return LINEAR[rank]
    if mode == "cubic" and rank == 2:
        return "bicubic"
    raise Inexpressible(f"mode {mode} on {rank} axes")


def _depth_to_space(call: Call) -> Value:
    x, factor = call.map(), call.attributes.integer("blocksize", 1)
    if call.attributes.text("mode", "DCR") == "CRD":
        return call.out(call.layer("pixel_shuffle", {"upscale_factor": factor}, x))
    channels, rank = x.shape[0], len(x.shape) - 1
    parts = factor**rank
    if not parts or channels % parts:
        raise Inexpressible(f"{channels} channels in blocks of {factor}")
    # The places in a block are before the channels: turned about, it is a pixel shuffle.
    apart = call.builder.reshaped(x, (parts, channels // parts, *x.shape[1:]))
    turned = call.layer("permute", {"axes": (1, 0, *range(2, rank + 2))}, apart)
    laid = call.builder.reshaped(turned, x.shape)
    return call.out(call.layer("pixel_shuffle", {"upscale_factor": factor}, laid))


def _space_to_depth(call: Call) -> Value:
    x, factor = call.map(), call.attributes.integer("blocksize", 1)
    channels, parts = x.shape[0], factor ** (len(x.shape) - 1)
    laid = call.layer("pixel_unshuffle", {"downscale_factor": factor}, x)
    if channels == 1:
        return call.out(laid)
    apart = call.builder.reshaped(laid, (channels, parts, *laid.shape[1:]))
    turned = call.layer("permute", {"axes": (1, 0, *range(2, len(apart.shape)))}, apart)
    return call.out(call.builder.reshaped(turned, laid.shape))


OPERATORS = {
    "Resize": _resize,
    "Upsample": _resize,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
}
