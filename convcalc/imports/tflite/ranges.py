"""Which places of a tensor's axes an operator takes that cuts it."""

from __future__ import annotations

from convcalc.imports.errors import Inexpressible
from convcalc.imports.tflite.values import LiteCall
from convcalc.layers import Shape


def strided(call: LiteCall, shape: Shape) -> tuple[list[range], Shape]:
    """The places of every axis that STRIDED_SLICE takes, and the shape of what is left.

    Bits of the masks stand for entries of `begin`: such an entry may stand for all axes that no other speaks of, for a
    new axis, or for a single place, whose axis is gone.
    """
    begin, end, stride = (call.numbers(place) for place in (1, 2, 3))
    if not len(begin) == len(end) == len(stride):
        raise Inexpressible(f"{len(begin)} starts, {len(end)} ends and {len(stride)} steps")
    masks = {name: call.option(f"{name}_mask") for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
    ranges: list[range] = []
    left: list[int] = []
    spoken = sum(not _is_set(masks, ("ellipsis", "new_axis"), place) for place in range(len(begin)))
    for place in range(len(begin)):
        if _is_set(masks, ("ellipsis",), place):
            for size in shape[len(ranges) : len(ranges) + len(shape) - spoken]:
                ranges.append(range(size))
                left.append(size)
            continue
        if _is_set(masks, ("new_axis",), place):
            left.append(1)
            continue
        if len(ranges) >= len(shape):
            raise Inexpressible(f"{len(begin)} starts for {len(shape)} axes")
        size = shape[len(ranges)]
        if _is_set(masks, ("shrink_axis",), place):
            at = begin[place] + size * (begin[place] < 0)
            if not 0 <= at < size:
                raise Inexpressible(f"place {begin[place]} of an axis of {size}")
            ranges.append(range(at, at + 1))
            continue
        start = None if _is_set(masks, ("begin",), place) else begin[place]
        stop = None if _is_set(masks, ("end",), place) else end[place]
        if call.option("offset") and start is not None and stop is not None:
            stop += start
        ranges.append(range(size)[slice(start, stop, stride[place])])
        left.append(len(ranges[-1]))
    for size in shape[len(ranges) :]:
        ranges.append(range(size))
        left.append(size)
    return ranges, tuple(left)


def _is_set(masks: dict[str, int], names: tuple[str, ...], place: int) -> bool:
    return any(masks[name] >> place & 1 for name in names)


def sliced_by(call: LiteCall, shape: Shape) -> list[range]:
    """The places of every axis that SLICE takes; a size of -1 is all that is behind the start."""
    begin, size = call.numbers(1), call.numbers(2)
    ranges = []
    for extent, start, count in zip(shape, begin, size, strict=True):
        stop = extent if count == -1 else start + count
        if not 0 <= start <= stop <= extent:
            raise Inexpressible(f"{count} places from {start} of an axis of {extent}")
        ranges.append(range(start, stop))
    return ranges
