"""What the axes of a reshaped tensor carry: the runs of axes that hold the same elements before and after."""

from collections.abc import Sequence

from convcalc.arithmetic.field import Field, at_most_twice
from convcalc.layers import Shape, Unprobed

Carried = tuple[int, ...]


Runs = list[tuple[list[int], list[int]]]
"""Axes, old and new, that hold the same elements."""


def reshaped(field: Field, before: Shape, after: Shape, runs: Runs) -> Field:
    """The field of a tensor whose elements, in the same order, are given another shape.

    An axis that stays keeps what it carried; axes that merge carry what all of them did; an axis that splits hands what
    it carried to each part. Axes of one position come and go without a trace.
    """
    carries: list[Carried] = []
    for old, new in runs:
        merged = _merged([before[axis] for axis in old], [field.carries[axis] for axis in old])
        carries += _split(merged, [after[axis] for axis in new])
    return field.carrying(tuple(carries))


def landing(axis: int, before: Shape, after: Shape, runs: Runs) -> int | None:
    """The axis that the positions of `axis` are on afterwards; None where one position vanishes among other axes.

    Raises `Unprobed` where they are shared out to several.
    """
    new = next(new for old, new in runs if axis in old)
    taken = [place for place in new if after[place] != 1]
    if before[axis] == 1:
        return None if taken else new[0]
    if len(taken) != 1:
        raise Unprobed("an axis of positions is shared out to several axes")
    return taken[0]


def merging(rank: int, start: int, end: int) -> Runs:
    """The axes from `start` to `end` become one, whatever their sizes."""
    before, behind = range(start), range(end + 1, rank)
    merged = list(range(start, end + 1)), [start]
    return [*(([axis], [axis]) for axis in before), merged, *(([axis], [axis - end + start]) for axis in behind)]


def matching(before: Shape, after: Shape) -> Runs:
    """The shortest runs with equal products; what is left over is of size 1."""
    runs: Runs = []
    i = j = 0
    while i < len(before) and j < len(after):
        old, new = [i], [j]
        left, right = before[i], after[j]
        while left != right:
            if left < right:
                old.append(old[-1] + 1)
                left *= before[old[-1]]
            else:
                new.append(new[-1] + 1)
                right *= after[new[-1]]
        i, j = old[-1] + 1, new[-1] + 1
        runs.append((old, new))
    runs[-1][0].extend(range(i, len(before)))
    runs[-1][1].extend(range(j, len(after)))
    return runs


def _merged(sizes: Sequence[int], carries: Sequence[Carried]) -> Carried:
    large = [carried for size, carried in zip(sizes, carries, strict=True) if size != 1]
    if len(large) == 1 and large[0]:
        return large[0]
    together = at_most_twice([axis for carried in large or carries for axis in carried])
    # Named twice: axes of positions merged with one of channels are no longer axes of positions.
    return at_most_twice(together * 2) if large and not all(large) else together


def _split(carried: Carried, sizes: Sequence[int]) -> list[Carried]:
    if all(size == 1 for size in sizes):
        return [carried, *[()] * (len(sizes) - 1)]
    return [carried if size != 1 else () for size in sizes]
