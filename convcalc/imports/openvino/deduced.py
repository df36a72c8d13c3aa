"""What constants say of axes and sizes, told by the shapes of what enters and leaves: the numbers are in another file.

Several answers may lead to the same shape; the one that exporters mean most is taken, and no figure depends on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import prod

from convcalc.imports.errors import Inexpressible
from convcalc.imports.openvino.document import Dimension, is_fixed

Shape = tuple[int, ...]
Dims = Sequence[Dimension]

_ORDERS = {
    2: ((1, 0),),
    3: ((0, 2, 1), (1, 0, 2), (2, 0, 1), (1, 2, 0)),
    4: ((0, 2, 3, 1), (0, 3, 1, 2), (0, 2, 1, 3), (0, 1, 3, 2), (0, 3, 2, 1), (2, 0, 1, 3), (1, 0, 2, 3)),
    5: ((0, 2, 1, 3, 4), (2, 0, 3, 1, 4), (0, 1, 4, 2, 3), (0, 1, 3, 4, 2), (0, 3, 1, 2, 4), (0, 2, 3, 4, 1)),
    6: ((0, 1, 4, 2, 5, 3), (0, 1, 3, 2, 4, 5), (0, 3, 5, 1, 4, 2), (0, 1, 3, 5, 2, 4), (0, 2, 4, 1, 3, 5)),
}
"""The orders that axes are most put in, by their number."""

_OPEN = "the sizes of what leaves are open, and the numbers that say them are in the .bin, which is not read"


def rearranged(before: Shape, stated: Dims, after: Dims) -> list[int]:
    """The sizes that as many elements are put in: those of the file, an open one by what is left.

    Of several that are open, those in front that were open before are what enters has there.
    """
    sizes: list[Dimension] = list(after)
    for axis, (size, own) in enumerate(zip(after, stated, strict=False)):
        if size is not None or own is not None or sizes.count(None) < 2:
            break
        sizes[axis] = before[axis]
    if sizes.count(None) > 1:
        raise Inexpressible(_OPEN)
    known, elements = prod(size for size in sizes if size is not None), prod(before)
    if known < 1 or elements % known or (None not in sizes and known != elements):
        raise Inexpressible(f"shape {list(before)} made {[-1 if size is None else size for size in sizes]}")
    return [elements // known if size is None else size for size in sizes]


def kept(before: Shape, after: Dims) -> list[int]:
    """The sizes of what leaves; one in front that is open is what enters has there."""
    sizes = [before[0] if size is None and axis == 0 and before else size for axis, size in enumerate(after)]
    if not is_fixed(sizes):
        raise Inexpressible(_OPEN)
    return [size or 0 for size in sizes]


def order(stated: Dims, after: Dims) -> list[int]:
    """The order that axes are put in."""
    rank = len(stated)
    if rank != len(after):
        raise Inexpressible(f"{rank} axes put in another order, of which {len(after)} leave")
    usual = _ORDERS.get(rank, ())
    for axes in (*usual, *(permutations(range(rank)) if rank <= 5 else ())):
        if all(stated[axis] == size for axis, size in zip(axes, after, strict=True)):
            return list(axes)
    free, axes = list(range(rank)), []
    for size in after:
        fitting = next((axis for axis in free if stated[axis] == size), None)
        if fitting is None:
            raise Inexpressible("axes in an order that its shapes do not tell")
        free.remove(fitting)
        axes.append(fitting)
    return axes


def taken_together(stated: Dims, after: Dims, *, keepdims: bool, count: int | None) -> list[int]:
    """The axes that a reduction takes together; those behind before those in front where several fit."""
    rank = len(stated)
    if keepdims:
        if len(after) != rank:
            raise Inexpressible(f"{rank} axes of which {len(after)} are kept")
        axes = [axis for axis in range(rank) if stated[axis] != after[axis]]
        for axis in reversed(range(rank)):  # those of one position, which look alike before and after
            if count is not None and len(axes) < count and axis not in axes and after[axis] == 1:
                axes.append(axis)
        return sorted(axes)
    gone = _gone(stated, after)
    if gone is None:
        raise Inexpressible("axes taken together that its shapes do not tell")
    return gone


def _gone(before: Dims, after: Dims) -> list[int] | None:
    """The axes that are no longer there; what is kept is as far in front as can be."""
    gone, place = [], 0
    for axis, size in enumerate(before):
        left = len(before) - axis - 1
        if place < len(after) and size == after[place] and left >= len(after) - place - 1:
            place += 1
        else:
            gone.append(axis)
    return gone if place == len(after) else None


def squeezed(before: Shape, stated: Dims, after: Dims) -> list[int]:
    """The axes of one position that are left out."""
    gone = _gone(stated, after)
    if gone is None or any(before[axis] != 1 for axis in gone):
        gone = _gone(tuple(reversed(stated)), tuple(reversed(after)))
        gone = None if gone is None else [len(stated) - 1 - axis for axis in gone]
    if gone is None or any(before[axis] != 1 for axis in gone):
        raise Inexpressible("axes left out that its shapes do not tell")
    return sorted(gone)


def new_axes(stated: Dims, after: Dims) -> list[int]:
    """The axes of one position that are put in; those behind before those in front where several fit."""
    new = _gone(after, stated)
    if new is None or any(after[axis] != 1 for axis in new):
        raise Inexpressible("axes put in that its shapes do not tell")
    return new


def along(stated: Dims, indices: Dims, after: Dims, *, first: bool) -> int:
    """The axis that places are chosen on."""
    fitting = [axis for axis in range(len(stated)) if list(after) == [*stated[:axis], *indices, *stated[axis + 1 :]]]
    if not fitting:
        raise Inexpressible("an axis that its shapes do not tell")
    return fitting[0] if first or len(fitting) == 1 or fitting[0] > 0 else fitting[1]


def parted(before: Shape, stated: Dims, parts: Sequence[Dims]) -> tuple[int, list[int]]:
    """The axis that is parted, and the sizes of its parts."""
    for axis in reversed(range(len(stated))):
        sizes = [part[axis] if len(part) == len(stated) else None for part in parts]
        known = [size for size in sizes if size is not None]
        rest = all(part[place] == size for part in parts for place, size in enumerate(stated) if place != axis)
        if rest and len(known) == len(sizes) and sum(known) == before[axis]:
            return axis, known
    raise Inexpressible("parts that its shapes do not tell")


def cut(before: Shape, stated: Dims, after: Dims, gone: Sequence[int] = (), new: Sequence[int] = ()) -> list[int]:
    """The sizes of what is cut out, with axes of one position where some go; `new` ones are put in behind."""
    rest = [size for axis, size in enumerate(after) if axis not in new]
    places = iter(rest)
    sizes = [1 if axis in gone else next(places, None) for axis in range(len(stated))]
    return [
        own if size is None and stated[axis] is None and axis == 0 else _size(size)
        for axis, (own, size) in enumerate(zip(before, sizes, strict=True))
    ]


def _size(size: Dimension) -> int:
    if size is None:
        raise Inexpressible(_OPEN)
    return size
