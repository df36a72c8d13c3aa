"""Layers that move elements, choose some of them, or take axes together."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any

from convcalc.imports.caffe.blobs import CaffeLayer
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible

_ANY = -(2**31) + 1
_MOST_TILES = 64


def _concat(call: CaffeLayer) -> Draft:
    param = call.parameters("concat_param")
    axis = call.axis(param, field="concat_dim") if param.has("concat_dim") else call.axis(param)
    return call.x if len(call.bottoms) == 1 else call.made("concat", {"axis": axis}, *call.bottoms)


def _slice(call: CaffeLayer) -> list[Draft]:
    call.count(1, 1)
    param = call.parameters("slice_param")
    axis = call.axis(param, field="slice_dim") if param.has("slice_dim") else call.axis(param)
    size, count, points = call.x.shape[axis], len(call.layer.tops), param.wholes("slice_point")
    if not points:
        if size % count:
            raise call.error(f"{size} places in {count} equal parts")
        if count == 1:
            return [call.x]
        return [call.made("split", {"sections": count, "part": part, "axis": axis}) for part in range(count)]
    ends = [0, *points, size]
    if len(points) != count - 1 or any(end <= start for start, end in pairwise(ends)):
        raise call.error(f"slice_point {points} for {count} tops and an axis of {size}")
    fields = [{"axis": axis, "start": start, "end": end} for start, end in pairwise(ends)]
    return [call.made("slice", {**field, "end": None if field["end"] == size else field["end"]}) for field in fields]


def _split(call: CaffeLayer) -> list[Draft]:
    return [call.x]


def _flatten(call: CaffeLayer) -> Draft:
    param = call.parameters("flatten_param")
    start, end = call.axis(param), call.axis(param, -1, "end_axis")
    if end < start:
        raise call.error("end_axis is before axis")
    if start == end:
        return call.made("identity", {})
    fields = {"start_axis": start} if end == len(call.x.shape) - 1 else {"start_axis": start, "end_axis": end}
    return call.made("flatten", fields)


def _reshape(call: CaffeLayer) -> Draft:
    """0 copies an axis, -1 is what is left over; the axes before `axis` stay, and those behind `num_axes` of them."""
    param = call.parameters("reshape_param")
    dims = param.message("shape").wholes("dim", least=-1)
    entering = (1, *call.x.shape)
    rank = len(entering)
    start = param.whole("axis", 0, least=_ANY)
    start = start + rank + 1 if start < 0 else start
    count = param.whole("num_axes", -1, least=-1)
    end = rank if count < 0 else start + count
    if not 0 <= start <= end <= rank or dims.count(-1) > 1:
        raise call.error(f"the shape {dims} from axis {start} to {end} of a blob of {rank} axes")
    sizes = [*entering[:start]]
    for place, size in enumerate(dims):
        if size == 0 and start + place >= rank:
            raise call.error(f"0 copies axis {start + place} of a blob of {rank} axes")
        is_batch = start + place == 0 and size == call.batch
        sizes.append(1 if is_batch else entering[start + place] if size == 0 else size)
    sizes += entering[end:]
    if sizes[:1] == [-1]:
        raise Inexpressible(f"it lays the batch and positions together, in the shape {dims}")
    rest = prod(size for size in sizes if size > 0)
    if -1 in sizes:
        if not rest or prod(entering) % rest:
            raise call.error(f"{list(call.x.shape)} does not fill the shape {dims}")
        sizes[sizes.index(-1)] = prod(entering) // rest
    if sizes[:1] != [1] or len(sizes) < 2:
        raise Inexpressible(f"it lays the batch and positions together, in the shape {dims}")
    if prod(sizes) != prod(entering):
        raise call.error(f"{list(call.x.shape)} has not as many elements as the shape {dims}")
    shape = tuple(sizes[1:])
    if shape == call.x.shape:
        return call.made("identity", {})
    return call.made("flatten", {}) if len(shape) == 1 else call.made("reshape", {"sizes": shape})


def _crop(call: CaffeLayer) -> Draft:
    """To the sizes of the second bottom, from an axis on."""
    call.count(2, 2)
    param = call.parameters("crop_param")
    x, like = call.bottoms
    if len(x.shape) != len(like.shape):
        raise call.error(f"a blob of {len(x.shape) + 1} axes cut to the sizes of one of {len(like.shape) + 1}")
    axis, offsets = call.axis(param, 2), param.wholes("offset")
    rank = len(x.shape)
    if len(offsets) not in (0, 1, rank - axis):
        raise call.error(f"{len(offsets)} values of offset for {rank - axis} axes")
    starts = (offsets or [0]) * (rank - axis) if len(offsets) < 2 else offsets
    before = [0] * axis + list(starts)
    wanted = [*x.shape[:axis], *like.shape[axis:]]
    after = [size - start - left for size, start, left in zip(x.shape, before, wanted, strict=True)]
    if any(end < 0 for end in after):
        raise call.error(f"{list(x.shape)} cut to {wanted} from {before} on: it is not that large")
    if wanted[0] != x.shape[0]:
        x = call.helper("slice", {"start": before[0], "end": before[0] + wanted[0]}, x)
    return call.made("crop", {"cropping": tuple(zip(before[1:], after[1:], strict=True))}, x)


def _permute(call: CaffeLayer) -> Draft:
    order = call.parameters("permute_param").wholes("order")
    rank = len(call.x.shape) + 1
    order += [axis for axis in range(rank) if axis not in order]
    if sorted(order) != list(range(rank)):
        raise call.error(f"order {order} of a blob of {rank} axes")
    if order[0]:
        raise Inexpressible(f"it puts axis {order[0]} in place of the batch")
    return call.made("permute", {"axes": tuple(axis - 1 for axis in order[1:])})


def _largest(call: CaffeLayer) -> Draft:
    """ArgMax: the places of the largest, along an axis or of all that a sample has."""
    param = call.parameters("argmax_param")
    count, with_values = param.whole("top_k", 1, least=1), param.flag("out_max_val", default=False)
    if param.has("axis"):
        axis = call.axis(param)
        if count == 1:
            operation = "max" if with_values else "argmax"
            return call.made("reduce", {"axes": (axis,), "operation": operation, "keepdim": True})
        shape = (*call.x.shape[:axis], count, *call.x.shape[axis + 1 :])
    else:
        if count == 1 and not with_values:
            flat = call.reshaped(call.x, (1, prod(call.x.shape)))
            return call.made("reduce", {"axes": (1,), "operation": "argmax", "keepdim": True}, flat)
        shape = (1 + with_values, count)
    return call.opaque(shape, "it gives several places, or values beside them")


_REDUCTIONS = {"SUM": "sum", "ASUM": "l1", "SUMSQ": "sum_square", "MEAN": "mean"}


def _reduction(call: CaffeLayer) -> Draft:
    """The axes from one on taken together."""
    param = call.parameters("reduction_param")
    axis = call.axis(param, 0)
    how = param.choice("operation", ("", *_REDUCTIONS)) or "SUM"
    y = call.made("reduce", {"axes": tuple(range(axis, len(call.x.shape))), "operation": _REDUCTIONS[how]})
    factor = param.real("coeff", 1.0)
    return y if factor == 1 else call.helper("affine", {"factor": factor}, y)


def _tile(call: CaffeLayer) -> Draft:
    param = call.parameters("tile_param")
    axis, tiles = call.axis(param), param.whole("tiles", 1, least=1)
    if tiles == 1:
        return call.made("identity", {})
    if tiles > _MOST_TILES:
        raise Inexpressible(f"{tiles:,} copies of it, end to end")
    return call.made("concat", {"axis": axis}, *[call.x] * tiles)


def _embed(call: CaffeLayer) -> Draft:
    param = call.parameters("embed_param")
    words, features = param.whole("input_dim", 0), param.whole("num_output", 0)
    if not words or not features:
        raise call.error("input_dim and num_output are to be given")
    fields: dict[str, Any] = {"num_embeddings": words, "embedding_dim": features}
    y = call.made("embedding", fields)
    if not param.flag("bias_term", default=True):
        return y
    return call.helper("add", {}, y, call.learned((*(1,) * (len(y.shape) - 1), features), 1))


def _shuffle(call: CaffeLayer) -> Draft:
    groups = call.parameters("shuffle_channel_param").whole("group", 1, least=1)
    return call.made("identity", {}) if groups == 1 else call.made("channel_shuffle", {"groups": groups})


OPERATORS = {
    "ArgMax": _largest,
    "Concat": _concat,
    "Crop": _crop,
    "Embed": _embed,
    "Flatten": _flatten,
    "Permute": _permute,
    "Reduction": _reduction,
    "Reshape": _reshape,
    "ShuffleChannel": _shuffle,
    "Slice": _slice,
    "Split": _split,
    "Tile": _tile,
}
