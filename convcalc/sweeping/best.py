"""The first so many points by their keys, or all of them where they are few enough to be kept."""

from __future__ import annotations

import msgspec

from convcalc.sweeping.rows import Rows, alike, joined

_SLACK = 2**14
"""Points above twice the number wanted that are kept before the rest is cut off."""


class Best(msgspec.Struct, frozen=True):
    """The points in parts, the larger before the smaller; `worst` is the last that is good enough.

    `most` is None where all are wanted.
    """

    most: int | None
    parts: tuple[Rows, ...]
    worst: Rows | None = None

    @property
    def count(self) -> int:
        """How many points are kept, those among them that may be cut off yet."""
        return sum(part.size for part in self.parts)

    @property
    def rows(self) -> Rows:
        """The points, in order where they are settled."""
        return joined(self.parts)

    def added(self, rows: Rows) -> Best:
        """With further points."""
        rows = self._good_enough(rows)
        if not rows.size:
            return self
        parts = list(self.parts)
        while parts and parts[-1].size <= rows.size:
            rows = joined([parts.pop(), rows])
        grown = msgspec.structs.replace(self, parts=(*parts, rows))
        return grown if self.most is None or grown.count <= 2 * self.most + _SLACK else grown.settled()

    def merged(self, other: Best) -> Best:
        """The first of both."""
        merged = self
        for part in other.parts:
            merged = merged.added(part)
        return merged

    def settled(self) -> Best:
        """In order, and no more than are wanted."""
        rows = self.rows.ordered()
        worst = self.worst
        if self.most is not None and rows.size >= self.most:
            rows = rows.taken(slice(0, self.most))
            worst = rows.taken(slice(self.most - 1, self.most))
        return msgspec.structs.replace(self, parts=(rows,), worst=worst)

    def _good_enough(self, rows: Rows) -> Rows:
        """Those that may be among the first, by the first key alone."""
        if self.worst is None or not rows.size:
            return rows
        if not rows.keys:
            return rows.taken(rows.numbers < self.worst.numbers[0])
        (worst,), (column,) = alike(self.worst.keys[:1], rows.keys[:1])
        return rows.taken(column <= worst[0])
