"""Which elements of a tensor of the file a constant has: so that those used twice are counted once.

Transposing and reshaping keep the elements, cutting takes some of them. They are kept as a box: a first place, and axes
of so many places, so far apart. Two boxes of one tensor are compared digit by digit, in numbers whose digits have the
distances of both as their places.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise
from math import gcd, prod

import msgspec

Axes = tuple[tuple[int, int], ...]
"""Of each axis, how many places it has and how far apart they are."""


class Elements(msgspec.Struct, frozen=True):
    """Those of `tensor`, which has `total`, that lie in a box.

    `layout` has, for each axis of the constant, the axes of the box that lie along it, the outermost first; None where
    the box does not fall into the constant's axes.
    """

    tensor: Hashable
    total: int
    start: int
    axes: Axes
    layout: tuple[Axes, ...] | None

    @property
    def count(self) -> int:
        """How many there are; a constant of more has some of them several times."""
        return prod(size for size, _ in self.axes)

    @property
    def identity(self) -> tuple[Hashable, int, Axes]:
        """What is equal where the elements are the same, in whichever order."""
        return self.tensor, self.start, self.axes

    def transposed(self, order: Sequence[int]) -> Elements:
        """The same with the axes in another order."""
        return msgspec.structs.replace(self, layout=self.layout and tuple(self.layout[axis] for axis in order))

    def sliced(self, ranges: Sequence[range]) -> Elements | None:
        """Those at a range of places on each axis; None where it is not known which these are."""
        if self.layout is None or not all(ranges):
            return None
        cuts = [_cut(along, places) for along, places in zip(self.layout, ranges, strict=True)]
        known = [cut for cut in cuts if cut is not None]
        if len(known) < len(cuts):
            return None
        start, layout = self.start + sum(start for start, _ in known), tuple(along for _, along in known)
        turned = any(places.step < 0 for places in ranges)
        axes = _sorted(axis for along in layout for axis in along)
        return Elements(self.tensor, self.total, start, axes, None if turned else layout)

    def reshaped(self, after: Sequence[int]) -> Elements:
        """The same elements in another shape."""
        layout = None if self.layout is None or 0 in after else _reshaped(self.layout, after)
        return msgspec.structs.replace(self, layout=layout)

    def _compared(self, other: Elements) -> list[tuple[range, range]] | None:
        """The digits that the elements of both have, place by place; None where they have no such form."""
        places = sorted({1, self.total, *(step for box in (self, other) for _, step in box.axes)})
        if any(above % place for place, above in pairwise(places)):
            return None
        mine, its = _digits(self, places), _digits(other, places)
        return None if mine is None or its is None else list(zip(mine, its, strict=True))

    def holds(self, other: Elements) -> bool:
        """Whether all elements of another are among these, as far as can be told."""
        if self.identity == other.identity or self.tensor != other.tensor:
            return self.identity == other.identity
        pairs = self._compared(other)
        return pairs is not None and all(mine.start <= its.start and its.stop <= mine.stop for mine, its in pairs)

    def meets(self, other: Elements) -> bool:
        """Whether an element may be among both."""
        if self.tensor != other.tensor:
            return False
        pairs = self._compared(other)
        return pairs is None or all(mine.start < its.stop and its.start < mine.stop for mine, its in pairs)


def all_of(tensor: Hashable, shape: Sequence[int]) -> Elements:
    """The elements as they lie in memory, from the first to the last."""
    axes = list(zip(shape, contiguous(shape), strict=True))
    layout = tuple((axis,) if axis[0] > 1 else () for axis in axes)
    return Elements(tensor, prod(shape), 0, _sorted(axes), layout)


def _cut(along: Axes, places: range) -> tuple[int, Axes] | None:
    """How far the first of these places on an axis is, and what then lies along it; None where that is no box."""
    count = prod(size for size, _ in along[1:])
    if not along or places == range(along[0][0] * count):
        return 0, along
    (_, step), *inner = along
    if not inner:
        return min(places[0], places[-1]) * step, ((len(places), abs(places.step) * step),) if len(places) > 1 else ()
    if places.step == 1 and places.start % count == places.stop % count == 0:
        cut = _cut(((places.stop // count, step),), range(places.start // count, places.stop // count))
        return cut and (cut[0], (*cut[1], *inner))
    first = places[0] // count
    if places[-1] // count != first:
        return None
    cut = _cut(tuple(inner), range(places.start - first * count, places.stop - first * count, places.step))
    return cut and (cut[0] + first * step, cut[1])


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """How far apart neighbours on each axis lie where nothing is between."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _reshaped(layout: Iterable[Axes], after: Sequence[int]) -> tuple[Axes, ...] | None:
    """The layout of a reshaped view; None where a part of an axis would go on in the next."""
    left = [axis for along in layout for axis in along]
    new: list[Axes] = []
    for count in reversed(after):
        wanted, along = count, list[tuple[int, int]]()
        while wanted > 1:
            size, step = left.pop() if left else (0, 0)
            taken = gcd(size, wanted)
            if not size or taken not in (size, wanted):
                return None
            if taken < size:
                left.append((size // taken, step * taken))
            wanted //= taken
            if along and step == prod(along[0]):
                along[0] = (along[0][0] * taken, along[0][1])
            else:
                along.insert(0, (taken, step))
        new.insert(0, tuple(along))
    return tuple(new)


def _sorted(axes: Iterable[tuple[int, int]]) -> Axes:
    """Axes of more than one place, the nearest places first, those that go on where another ends made one with it."""
    merged: list[tuple[int, int]] = []
    for size, step in sorted(axes, key=lambda axis: axis[1]):
        if size > 1 and step and merged and merged[-1][0] * merged[-1][1] == step:
            merged[-1] = (merged[-1][0] * size, merged[-1][1])
        elif size > 1 and step:
            merged.append((size, step))
    return tuple(merged)


def _digits(box: Elements, places: Sequence[int]) -> list[range] | None:
    """At each place the digits that the box has; None where it is not made of ranges of these."""
    rest = box.start
    digits: list[range] = []
    for place in reversed(places[:-1]):
        digit, rest = divmod(rest, place)
        digits.insert(0, range(digit, digit + 1))
    for size, step in box.axes:
        left, at = size, step
        for index, (place, above) in enumerate(pairwise(places)):
            if place != at or left == 1:
                continue
            most, first = above // place, digits[index].start
            within = first + left <= most
            if len(digits[index]) > 1 or not (within or (first == 0 and left % most == 0)):
                return None
            digits[index] = range(first, first + left) if within else range(most)
            left, at = (1, at) if within else (left // most, above)
        if left > 1:
            return None
    return digits
