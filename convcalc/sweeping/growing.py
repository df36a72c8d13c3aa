"""A Pareto front that grows by block after block: a few strong members throw out most points of a block at once.

The strong ones are those that together beat the most of a sample of points, each chosen for what the ones before it
leave. What they leave waits until it is worth working out the front of all. A front is never changed but replaced, so
that what is known is whole whenever a run is cut short.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from convcalc.sweeping.fronts import as_good, front, with_further
from convcalc.sweeping.point_blocks import Array
from convcalc.sweeping.rows import Rows, alike, joined

_PIECE = 2**14
"""Points that go through at a time: columns of so many stay in the cache of a core."""
_FIRST_PIECE = 2**10
"""Points from which a front is made when there is none yet."""
_WAITING = 2**11
"""Points that wait before the front of all is worked out; in a large front more, a part of its members."""
_SAMPLE, _CANDIDATES, _STRONG = 512, 1024, 32
"""Points to be beaten, members tried on them, and members chosen at most."""
_LEAST_BEATEN = 100
"""A strong member beats at least one of so many points that the ones before it leave."""
_POOR, _PATIENCE = 16, 16
"""The strong ones are chosen again where they leave one of so many points, though not before so many pieces."""


class Front(msgspec.Struct, frozen=True):
    """The members, the points that have not met all of them yet, and the objectives of the strong ones.

    A strong one may have been beaten since: whoever beat it beats what it beats.
    """

    objectives: int
    rows: Rows
    waiting: tuple[Rows, ...] = ()
    strong: tuple[Array, ...] = ()
    pieces: int = 0

    @property
    def count(self) -> int:
        """How many members there are, once those that wait have been worked out."""
        return self.rows.size

    def added(self, rows: Rows) -> Front:
        """With further points."""
        grown, start = self, 0
        while start < rows.size:
            end = start + (_PIECE if grown.rows.size else _FIRST_PIECE)
            grown = grown._with(rows.taken(slice(start, end)))
            start = end
        return grown

    def merged(self, other: Front) -> Front:
        """The front of the points of both."""
        return msgspec.structs.replace(self.settled(), waiting=(other.rows, *other.waiting)).settled()

    def settled(self) -> Front:
        """With no points that wait."""
        if not self.waiting:
            return self
        rows = with_further(self.rows, joined(self.waiting), self.objectives)
        return msgspec.structs.replace(self, rows=rows, waiting=())

    def _with(self, piece: Rows) -> Front:
        if not self.rows.size:
            return msgspec.structs.replace(self, rows=front(piece, self.objectives))
        members, columns = alike(self.rows.keys[: self.objectives], piece.keys[: self.objectives])
        if _all_beaten(members, columns):
            return self
        strong = self.strong or _strongest(members, columns)
        left = _left_by(strong, columns)
        pieces = self.pieces + 1
        if len(left) * _POOR > piece.size and pieces >= _PATIENCE:
            strong, pieces = _strongest(members, columns), 0
        waiting = (*self.waiting, piece.taken(left)) if len(left) else self.waiting
        grown = msgspec.structs.replace(self, waiting=waiting, strong=strong, pieces=pieces)
        is_due = sum(rows.size for rows in waiting) > max(_WAITING, self.rows.size // 4)
        return grown.settled() if is_due else grown


def _all_beaten(members: Sequence[Array], columns: Sequence[Array]) -> bool:
    """Whether a member beats even what is the best of all in every objective."""
    best = [column.min() for column in columns]
    pairs = list(zip(members, best, strict=True))
    as_good_as = np.logical_and.reduce([member <= least for member, least in pairs])
    if not as_good_as.any():
        return False
    better = np.logical_or.reduce([member < least for member, least in pairs])
    return bool((as_good_as & better).any())


def _left_by(strong: Sequence[Array], columns: Sequence[Array]) -> Array:
    """The places of the points that no strong member beats."""
    if any(values.dtype != column.dtype for values, column in zip(strong, columns, strict=True)):
        strong, columns = alike(strong, columns)
    places = np.arange(len(columns[0]))
    is_beaten = np.zeros(len(places), bool)
    for member in zip(*strong, strict=True):
        is_beaten |= _beaten_by(member, columns)
        if 4 * np.count_nonzero(is_beaten) > len(places):
            kept = np.flatnonzero(~is_beaten)
            places, columns = places[kept], [column[kept] for column in columns]
            is_beaten = np.zeros(len(places), bool)
        if not len(places):
            break
    return places[~is_beaten]


def _beaten_by(member: Sequence[object], columns: Sequence[Array]) -> Array:
    """Where points are nowhere better than a member, and somewhere worse."""
    mask = as_good(member, columns)
    equal = mask & (columns[0] == member[0])
    if equal.any():
        for value, column in zip(member[1:], columns[1:], strict=True):
            equal &= column == value
        mask &= ~equal
    return mask


def _strongest(members: Sequence[Array], columns: Sequence[Array]) -> tuple[Array, ...]:
    """The objectives of the members that together beat the most of some points, the strongest first."""
    tried = [member[:: len(member) // _CANDIDATES + 1] for member in members]
    points = [column[:: len(column) // _SAMPLE + 1] for column in columns]
    beats = np.logical_and.reduce([member[:, None] <= point for member, point in zip(tried, points, strict=True)])
    chosen: list[int] = []
    while len(chosen) < _STRONG and beats.shape[1]:
        counts = np.count_nonzero(beats, axis=1)
        best = int(counts.argmax())
        if counts[best] * _LEAST_BEATEN < beats.shape[1] and chosen:
            break
        chosen.append(best)
        beats = beats[:, ~beats[best]]
    return tuple(member[chosen] for member in tried)
