"""The exact Pareto front of columns that are all to be made small: the points that no other beats.

Points are put in lexicographic order, where none beats an earlier one, and halved: what the first half leaves of the
second is a question of one objective less (Kung, Luccio and Preparata, On Finding the Maxima of a Set of Vectors,
1975). With two objectives a sort and a running minimum answer it for all points at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcalc.sweeping.point_blocks import Array
from convcalc.sweeping.rows import Rows, alike, joined, ranked

_FEW = 64
"""Points that are compared with each other straight away."""

_PAIRS, _HANDFUL = 2**16, 8
"""Pairs of points of two sets that are compared straight away, and members that are, whatever meets them."""


def front(rows: Rows, objectives: int) -> Rows:
    """The points that no other beats in the first so many keys, by lexicographic order of these.

    Of points that are equal in all of them the first stays, and counts the others.
    """
    if not rows.size:
        return rows
    columns = [ranked(key) for key in rows.keys[:objectives]]
    order = np.lexsort((rows.numbers, *reversed(columns)))
    columns = [column[order] for column in columns]
    is_new = np.ones(rows.size, bool)
    is_new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    starts = np.flatnonzero(is_new)
    like = np.add.reduceat(rows.like[order] + 1, starts) - 1
    kept = _unbeaten([column[starts] for column in columns])
    return rows.taken(order[starts[kept]])._replace(like=like[kept])


def with_further(members: Rows, rows: Rows, objectives: int) -> Rows:
    """The front of the members of a front and of further points: as `front` of all, for less where most are beaten."""
    columns, further = alike(members.keys[:objectives], rows.keys[:objectives])
    if not members.size or any(column.dtype == object for column in columns):
        return front(joined([members, rows]), objectives)
    is_beaten = beaten(columns, further)
    fresh = front(rows.taken(~is_beaten), objectives)
    places = np.flatnonzero(is_beaten)
    is_met, are_equal = _equal(columns, _at(further, places))
    counted = front(joined([members.taken(is_met), rows.taken(places[are_equal])]), objectives)
    kept = joined([members.taken(~is_met), counted])
    is_beaten = beaten(fresh.keys[:objectives], alike(kept.keys[:objectives], fresh.keys[:objectives])[0])
    return joined([kept.taken(~is_beaten), fresh])


def _equal(members: Sequence[Array], columns: Sequence[Array]) -> tuple[Array, Array]:
    """Which members some points are equal to, and which points they are: masks."""
    sums, further = _sums(members), _sums(columns)
    is_met, are_equal = _among(sums, further), _among(further, sums)
    member_places, places = np.flatnonzero(is_met), np.flatnonzero(are_equal)
    together = [
        np.concatenate([member[member_places], column[places]]) for member, column in zip(members, columns, strict=True)
    ]
    order = np.lexsort(together)
    is_new = np.ones(len(order), bool)
    is_new[1:] = np.logical_or.reduce([column[order][1:] != column[order][:-1] for column in together])
    groups = np.empty(len(order), np.int64)
    groups[order] = np.cumsum(is_new)
    of_members, of_points = groups[: len(member_places)], groups[len(member_places) :]
    is_met[member_places] = _among(of_members, of_points)
    are_equal[places] = _among(of_points, of_members)
    return is_met, are_equal


def _among(numbers: Array, others: Array) -> Array:
    """Which numbers are among others: a mask."""
    if not len(others):
        return np.zeros(len(numbers), bool)
    others = np.sort(others)
    mask: Array = others[np.searchsorted(others, numbers).clip(max=len(others) - 1)] == numbers
    return mask


def _sums(columns: Sequence[Array]) -> Array:
    """A number for every point, the same for equal points and for few others."""
    total = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        total = total * np.uint64(0x9E3779B97F4A7C15) + (column + 0).view(np.uint64)  # where -0.0 is 0.0
    return total


def _unbeaten(columns: Sequence[Array]) -> Array:
    """Which of points that are distinct, and in lexicographic order, no other beats: their places."""
    if len(columns) == 1:
        return np.zeros(1, np.int64)
    if len(columns) == 2:
        least = np.minimum.accumulate(columns[1])
        return np.concatenate([[0], 1 + np.flatnonzero(columns[1][1:] < least[:-1])])
    count = len(columns[0])
    if count <= _FEW:
        beats = np.logical_and.reduce([column[:, None] <= column for column in columns])
        return np.flatnonzero(beats.sum(0) == 1)  # every point is as good as itself
    half = count // 2
    first = _unbeaten([column[:half] for column in columns])
    later = [column[half:] for column in columns]
    left = np.flatnonzero(~beaten(_at(columns[1:], first), later[1:]))
    if not len(left):
        return first
    return np.concatenate([first, half + left[_unbeaten(_at(later, left))]])


def beaten(members: Sequence[Array], columns: Sequence[Array]) -> Array:
    """Which of some points a member beats or equals: a mask. Both have the same objectives."""
    count, member_count = len(columns[0]), len(members[0])
    if not count or not member_count:
        return np.zeros(count, bool)
    if len(columns) == 1:
        return members[0].min() <= columns[0]
    if len(columns) == 2 and member_count > _HANDFUL:
        return _beaten_by_two(members, columns)
    if count * member_count <= _PAIRS or member_count <= _HANDFUL:
        return _beaten_by_any(members, columns)
    return _beaten_by_halves(members, columns)


def _beaten_by_any(members: Sequence[Array], columns: Sequence[Array]) -> Array:
    """Every member with every point."""
    if len(members[0]) > _HANDFUL:
        table = members[0][:, None] <= columns[0]
        for member, column in zip(members[1:], columns[1:], strict=True):
            table &= member[:, None] <= column
        return table.any(0)
    mask = np.zeros(len(columns[0]), bool)
    for values in zip(*members, strict=True):
        mask |= as_good(values, columns)
    return mask


def as_good(member: Sequence[object], columns: Sequence[Array]) -> Array:
    """Where points are nowhere better than a member: a mask."""
    mask = columns[0] >= member[0]
    for value, column in zip(member[1:], columns[1:], strict=True):
        mask &= column >= value
    return mask


def _beaten_by_two(members: Sequence[Array], columns: Sequence[Array]) -> Array:
    """By the least second objective of the members that are as good in the first."""
    order = np.argsort(members[0], kind="stable")
    least = np.minimum.accumulate(members[1][order])
    places = np.searchsorted(members[0][order], columns[0], side="right")
    return (places > 0) & (least[places - 1] <= columns[1])


def _beaten_by_halves(members: Sequence[Array], columns: Sequence[Array]) -> Array:
    """By halves of the first objective: members of the lower half beat points of the upper whatever theirs are."""
    both = np.concatenate([members[0], columns[0]])
    pivot = np.partition(both, len(both) // 2)[len(both) // 2]
    if not (both < pivot).any():
        if not (both > pivot).any():
            return beaten(members[1:], columns[1:])
        pivot = both[both > pivot].min()
    is_low, are_low = columns[0] < pivot, members[0] < pivot
    low, low_members = np.flatnonzero(is_low), _at(members, are_low)
    mask = np.zeros(len(columns[0]), bool)
    mask[low] = beaten(low_members, _at(columns, low))
    high = np.flatnonzero(~is_low)
    mask[high] = beaten(low_members[1:], _at(columns[1:], high))
    high = high[~mask[high]]
    mask[high] = beaten(_at(members, ~are_low), _at(columns, high))
    return mask


def _at(columns: Sequence[Array], where: Array) -> list[Array]:
    return [column[where] for column in columns]
