"""Which elements of a tensor of the file a constant has: so that those used twice are counted once.

Transposing and reshaping keep the elements, cutting takes some of them. They are kept as a box: a first place, and axes
of so many places, so far apart. Two boxes of one tensor are compared digit by digit, in numbers whose digits have the
distances of both as their places.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise
from math import prod

import msgspec

Axes = tuple[tuple[int, int], ...]
"""Of each axis, how many places it has and how far apart they are."""


class Elements(msgspec.Struct, frozen=True):
    """Those of `tensor`, which has `total`, that lie in a box.

    `steps` are how far apart neighbours on each axis of the constant are; None where its axes are not the tensor's.
    """

    tensor: Hashable
    total: int
    start: int
    axes: Axes
    steps: tuple[int, ...] | None

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
        return msgspec.structs.replace(self, steps=self.steps and tuple(self.steps[axis] for axis in order))

    def sliced(self, ranges: Sequence[range]) -> Elements | None:
        """Those at a range of places on each axis; None where it is not known which these are."""
        if self.steps is None or not all(ranges):
            return None
        nearest = [min(places[0], places[-1]) for places in ranges]
        start = self.start + sum(place * step for place, step in zip(nearest, self.steps, strict=True))
        steps = tuple(places.step * step for places, step in zip(ranges, self.steps, strict=True))
        axes = _sorted((len(places), abs(step)) for places, step in zip(ranges, steps, strict=True))
        turned = any(places.step < 0 for places in ranges)
        return Elements(self.tensor, self.total, start, axes, None if turned else steps)

    def reshaped(self, before: Sequence[int], after: Sequence[int]) -> Elements:
        """The same elements where the axes are others."""
        steps = None if self.steps is None or 0 in after else _reshaped(before, self.steps, after)
        return msgspec.structs.replace(self, steps=steps)

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
    steps = contiguous(shape)
    return Elements(tensor, prod(shape), 0, _sorted(zip(shape, steps, strict=True)), steps)


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """How far apart neighbours on each axis lie where nothing is between."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _reshaped(before: Sequence[int], steps: Sequence[int], after: Sequence[int]) -> tuple[int, ...] | None:
    """The steps of a reshaped view; None where one axis of it would have no one step."""
    old = [axis for axis in zip(before, steps, strict=True) if axis[0] != 1]
    new_steps = []
    size, step = 1, 0  # what is left of the old axes that are taken together, from the last back
    for wanted in reversed(after):
        while size < wanted and old:
            more, further = old.pop()
            if size > 1 and further != size * step:
                return None
            size, step = size * more, step if size > 1 else further
        if size % wanted:
            return None
        new_steps.append(step)
        size, step = size // wanted, step * wanted
    return tuple(reversed(new_steps))


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
