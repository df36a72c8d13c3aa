"""What moves elements and computes none: cutting, joining, reshaping, turning, padding, resizing."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import CannotImport, Inexpressible
from convcalc.imports.ncnn.expressions import worked_out
from convcalc.imports.ncnn.operators import NcnnCall

REST = -233
"""A size that is not stated: what is left, the end, an axis that is not there."""

_MODES = {0: "constant", 1: "replicate", 2: "reflect"}
_RESIZED = {1: "nearest", 2: "bilinear", 3: "bicubic"}

_ORDERS: dict[int, list[str]] = {
    2: ["wh", "hw"],
    3: ["whc", "hwc", "wch", "cwh", "hcw", "chw"],
    4: [
        *("whdc", "hwdc", "wdhc", "dwhc", "hdwc", "dhwc", "whcd", "hwcd", "wchd", "cwhd", "hcwd", "chwd"),
        *("wdch", "dwch", "wcdh", "cwdh", "dcwh", "cdwh", "hdcw", "dhcw", "hcdw", "chdw", "dchw", "cdhw"),
    ],
}
"""The orders of axes by their number, the innermost first."""


def _concat(call: NcnnCall) -> Draft:
    return call.x if len(call.inputs) == 1 else call.layer("concat", {"axis": call.axis(0)}, *call.inputs)


def _slice(call: NcnnCall) -> list[Draft]:
    axis, size = call.axis(1), call.x.shape[call.axis(1)]
    count = len(call.node.line.tops)
    sizes, places = call.node.integers(0), call.node.integers(2)
    ends = [place if place >= 0 else size + place for place in places[: count - 1]]
    if not places:
        if len(sizes) != count:
            raise CannotImport(f"{len(sizes)} sizes for {count} parts")
        start = 0
        for place, own in enumerate(sizes):
            start += (size - start) // (count - place) if own == REST else own
            ends.append(start)
    bounds = [0, *ends[: count - 1], size if places else ends[-1]]
    lengths = {end - start for start, end in pairwise(bounds)}
    if len(lengths) == 1 and bounds[-1] == size and count > 1 and len(bounds) == count + 1:
        return [call.layer("split", {"sections": count, "part": part, "axis": axis}, call.x) for part in range(count)]
    return [_cut(call, call.x, axis, start, end) for start, end in pairwise(bounds)]


def _cut(call: NcnnCall, x: Draft, axis: int, start: int, end: int) -> Draft:
    """Part of an axis."""
    size = x.shape[axis]
    if (start, end) == (0, size):
        return x
    if not 0 <= start < end <= size:
        raise CannotImport(f"places {start} to {end} of an axis of {size}")
    fields: dict[str, Any] = {"axis": axis, "start": start} | ({"end": end} if end < size else {})
    return call.layer("slice", fields, x)


def _by_name(call: NcnnCall, keys: dict[str, int], default: int = 0) -> list[int]:
    """The parameters for the axes of what enters, the outermost first."""
    return [call.node.integer(keys[axis], default) for axis in _axes(len(call.x.shape))]


def _axes(rank: int) -> str:
    """The axes of a blob, the outermost first."""
    if not 1 <= rank <= 4:
        raise CannotImport(f"a blob of {rank} axes")
    return {1: "w", 2: "hw", 3: "chw", 4: "cdhw"}[rank]


_BEFORE = {"w": 0, "h": 1, "c": 2, "d": 13}
_SIZES = {"w": 3, "h": 4, "c": 5, "d": 14}
_BEHIND = {"w": 6, "h": 7, "c": 8, "d": 15}


def _crop(call: NcnnCall) -> Draft:
    """Parts of all axes: by what is cut off, by the size of another blob, or by places as NumPy has them."""
    shape = call.x.shape
    starts, ends = _by_name(call, _BEFORE), list(shape)
    if call.node.text(19) or call.node.text(20):
        shapes = [draft.shape for draft in call.inputs]
        first, last, axes = (worked_out(text, shapes) if (text := call.node.text(key)) else [] for key in (19, 20, 21))
        starts, ends = _as_numpy(call, first, last, axes)
    elif call.node.reals(9):
        starts, ends = _as_numpy(call, call.node.integers(9), call.node.integers(10), call.node.integers(11))
    elif len(call.inputs) > 1:
        like = call.input(1).shape
        own = like if len(like) == len(shape) else (shape[0], *like[-(len(shape) - 1) :])
        if len(own) != len(shape):
            raise CannotImport(f"a blob of shape {list(shape)} cut to the size of one of {list(like)}")
        ends = [start + size for start, size in zip(starts, own, strict=True)]
    else:
        behind, sizes = _by_name(call, _BEHIND), _by_name(call, _SIZES)
        ends = [
            size - less if wanted == REST else min(start + wanted, size - less)
            for size, start, less, wanted in zip(shape, starts, behind, sizes, strict=True)
        ]
    return _cut_to(call, starts, ends)


def _cut_to(call: NcnnCall, starts: list[int], ends: list[int]) -> Draft:
    x, shape = call.x, call.x.shape
    positions = list(zip(starts, ends, shape, strict=True))[1:]
    if len(shape) > 2 and all(start < end <= size for start, end, size in positions):  # a map
        cropping = tuple((start, size - end) for start, end, size in positions)
        if sum(map(any, cropping)) > 1:
            x = call.layer("crop", {"cropping": cropping}, x)
            starts, ends = [starts[0], *(0 for _ in positions)], [ends[0], *x.shape[1:]]
    for axis, (start, end) in enumerate(zip(starts, ends, strict=True)):
        x = _cut(call, x, axis, start, end)
    return x


def _as_numpy(call: NcnnCall, first: list[int], last: list[int], axes: list[int]) -> tuple[list[int], list[int]]:
    shape = call.x.shape
    starts, ends = [0] * len(shape), list(shape)
    axes = axes or list(range(len(first)))
    if not len(first) == len(last) == len(axes):
        raise CannotImport(f"{len(first)} starts, {len(last)} ends and {len(axes)} axes")
    for start, end, stated in zip(first, last, axes, strict=True):
        axis = call.axis_of(stated, call.x)
        size = shape[axis]
        starts[axis] = 0 if start == REST else start if start >= 0 else size + start
        ends[axis] = size if end == REST else min(size, end if end > 0 else size + end)
    return starts, ends


def _reshape(call: NcnnCall) -> Draft:
    text = call.node.text(6)
    if text:
        wanted = worked_out(text, [draft.shape for draft in call.inputs])[::-1]
    else:
        width, height, depth, channels = (call.node.integer(key, REST) for key in (0, 1, 11, 2))
        wanted = [size for size in (channels, depth, height, width) if size != REST]
    own = dict(zip(_axes(len(call.x.shape)), call.x.shape, strict=True))
    sizes = [own.get(axis, 1) if size == 0 else size for axis, size in zip(_axes(len(wanted)), wanted, strict=True)]
    elements, stated = prod(call.x.shape), prod(size for size in sizes if size != -1)
    if (
        stated < 1
        or min(sizes) < -1
        or sizes.count(-1) > 1
        or (elements % stated if -1 in sizes else elements != stated)
    ):
        raise CannotImport(f"a blob of shape {list(call.x.shape)} made {sizes}, which has another number of elements")
    shape = tuple(elements // stated if size == -1 else size for size in sizes)
    if call.node.integer(3):
        raise Inexpressible("elements that are put in another order on the way to another shape")
    return call.reshaped(call.x, shape)


def _flatten(call: NcnnCall) -> Draft:
    return call.reshaped(call.x, (prod(call.x.shape),))


def _squeeze(call: NcnnCall) -> Draft:
    axes = call.node.integers(3)
    if axes:
        gone = {call.axis_of(axis, call.x) for axis in axes}
    else:
        flags = _by_name(call, {"w": 0, "h": 1, "c": 2, "d": 11})
        gone = {axis for axis, flag in enumerate(flags) if flag}
    kept = tuple(size for axis, size in enumerate(call.x.shape) if axis not in gone or size > 1)
    return call.reshaped(call.x, kept)


def _expand_dims(call: NcnnCall) -> Draft:
    axes, rank = call.node.integers(3), len(call.x.shape)
    if not axes:
        flags = [call.node.integer(key) for key in (2, 1, 0)]
        axes = [axis for axis, flag in enumerate(flags[-rank - sum(map(bool, flags)) :]) if flag]
    total = rank + len(axes)
    new = {axis % total for axis in axes}
    if len(new) != len(axes) or total > 4 or any(not -total <= axis < total for axis in axes):
        raise CannotImport(f"new axes {axes} of a blob of {rank}")
    sizes = iter(call.x.shape)
    return call.reshaped(call.x, tuple(1 if axis in new else next(sizes) for axis in range(total)))


def _permute(call: NcnnCall) -> Draft:
    number, rank = call.node.integer(0), len(call.x.shape)
    if rank == 1 or number == 0:
        return call.x
    orders = _ORDERS[rank]
    if not 0 <= number < len(orders):
        raise CannotImport(f"order {number} of {rank} axes, where 0 to {len(orders) - 1} are known")
    now, then = _axes(rank), orders[number][::-1]
    return call.layer("permute", {"axes": tuple(now.index(axis) for axis in then)}, call.x)


def _padding(call: NcnnCall) -> Draft:
    top, bottom, left, right = (call.node.integer(key) for key in range(4))
    front = call.node.integer(7)
    behind = call.node.integer(8, front)
    pairs = [(front, behind), (top, bottom), (left, right)][-len(call.x.shape) :]
    if len(call.x.shape) == 4:
        pairs = [(0, 0), *pairs]
    if any(side < 0 for pair in pairs for side in pair):
        starts = [max(-before, 0) for before, _ in pairs]
        ends = [size - max(-after, 0) for size, (_, after) in zip(call.x.shape, pairs, strict=True)]
        cut = _cut_to(call, starts, ends)
        call = NcnnCall(call.builder, call.node, [cut])
        pairs = [(max(before, 0), max(after, 0)) for before, after in pairs]
    mode = call.node.integer(4)
    if mode not in _MODES:
        raise Inexpressible(f"mode {mode}")
    if not any(map(any, pairs)):
        return call.x
    fields = {"mode": _MODES[mode]} | ({"value": call.node.real(5)} if mode == 0 else {})
    if pairs[0] == (0, 0) and len(pairs) > 1:
        return call.layer("pad", fields | {"padding": tuple(pairs[1:])}, call.x)
    wider = call.layer("pad", fields | {"padding": tuple(pairs)}, call.reshaped(call.x, (1, *call.x.shape)))
    return call.reshaped(wider, wider.shape[1:])


def _interp(call: NcnnCall) -> Draft:
    node, shape = call.node, call.x.shape
    mode = node.integer(0)
    if mode not in _RESIZED:
        raise Inexpressible(f"a way {mode} to resize")
    if len(shape) > 3:
        raise Inexpressible(f"a blob of shape {list(shape)} resized")
    positions = {1: (1, 1), 2: shape[1:], 3: shape[1:]}[len(shape)]
    factors = (node.real(1, 1.0), node.real(2, 1.0))[-len(positions) :]
    wanted = tuple(node.integer(key) for key in (3, 4))[-len(positions) :]
    if node.text(9):
        wanted = tuple(worked_out(node.text(9), [draft.shape for draft in call.inputs])[::-1])[-len(positions) :]
    elif len(call.inputs) > 1:
        wanted = call.input(1).shape[-len(positions) :]
    is_sized = len(wanted) == len(positions) and min(wanted) > 0
    if not is_sized:
        wanted = tuple(int(size * factor) for size, factor in zip(positions, factors, strict=True))
    if len(shape) == 1:  # every number becomes a map
        x = call.reshaped(call.x, (*shape, 1, 1))
        return x if wanted == (1, 1) else call.layer("upsample", {"size": wanted, "mode": "nearest"}, x)
    if wanted == positions:
        return call.x
    names = {"bilinear": "linear"} if len(positions) == 1 else {}
    fields: dict[str, Any] = {"mode": names.get(_RESIZED[mode], _RESIZED[mode])}
    if node.integer(6) and mode != 1:
        fields["align_corners"] = True
    is_by_factor = not is_sized and all(factor.is_integer() for factor in factors)
    fields |= {"scale_factor": factors} if is_by_factor else {"size": wanted}
    return call.layer("upsample", fields, call.x)


def _pixel_shuffle(call: NcnnCall) -> Draft:
    factor = call.node.integer(0, 1)
    if call.node.integer(1) == 0 or factor < 1 or len(call.x.shape) != 3:  # a map
        return call.layer("pixel_shuffle", {"upscale_factor": factor}, call.x)
    channels, height, width = call.x.shape
    if channels % factor**2:
        raise CannotImport(f"{channels} channels, which {factor**2} does not divide")
    apart = call.reshaped(call.x, (factor, factor, channels // factor**2, height, width))
    turned = call.layer("permute", {"axes": (2, 3, 0, 4, 1)}, apart)
    return call.reshaped(turned, (channels // factor**2, height * factor, width * factor))


def _reorg(call: NcnnCall) -> Draft:
    factor = call.node.integer(0, 1)
    if call.node.integer(1) == 0 or factor < 1 or len(call.x.shape) != 3:  # a map
        return call.layer("pixel_unshuffle", {"downscale_factor": factor}, call.x)
    channels, height, width = call.x.shape
    if height % factor or width % factor:
        raise CannotImport(f"a blob of shape {list(call.x.shape)}, which {factor} does not divide")
    apart = call.reshaped(call.x, (channels, height // factor, factor, width // factor, factor))
    turned = call.layer("permute", {"axes": (2, 4, 0, 1, 3)}, apart)
    return call.reshaped(turned, (channels * factor**2, height // factor, width // factor))


def _shuffle_channel(call: NcnnCall) -> Draft:
    groups, channels = call.node.integer(0, 1), call.x.shape[0]
    if groups < 1 or channels % groups:
        raise CannotImport(f"{channels} channels in {groups} groups")
    groups = channels // groups if call.node.integer(1) else groups
    return call.x if groups in (1, channels) else call.layer("channel_shuffle", {"groups": groups}, call.x)


def _tile(call: NcnnCall) -> Draft:
    """A tensor laid end to end with itself."""
    repeats, rank = call.node.integers(2), len(call.x.shape)
    if not repeats:
        axis = call.axis(0)
        repeats = [call.node.integer(1, 1) if place == axis else 1 for place in range(rank)]
    rank = max(rank, len(repeats))
    x = call.reshaped(call.x, (*(1,) * (rank - len(call.x.shape)), *call.x.shape))
    for axis, times in enumerate((*(1,) * (rank - len(repeats)), *repeats)):
        if not 1 <= times <= _MOST_TIMES:
            raise Inexpressible(f"a blob laid end to end {times} times")
        x = x if times == 1 else call.layer("concat", {"axis": axis}, *[x] * times)
    return x


_MOST_TIMES = 1000


OPERATORS = {
    "Concat": _concat,
    "Slice": _slice,
    "Crop": _crop,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "ExpandDims": _expand_dims,
    "Permute": _permute,
    "Padding": _padding,
    "Interp": _interp,
    "PixelShuffle": _pixel_shuffle,
    "Reorg": _reorg,
    "ShuffleChannel": _shuffle_channel,
    "Tile": _tile,
}
