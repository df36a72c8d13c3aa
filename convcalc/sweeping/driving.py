"""A run of points in blocks: of a size that is quick, and small enough at first that something is known soon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Protocol

from convcalc.sweeping.kept import KeptRows, WantedRows, nothing_yet
from convcalc.sweeping.point_blocks import PointBlock

_FIRST = 1_024
"""PointSource of the first block at most."""
_FEWEST = 16
_SHORT, _LONG = 0.1, 1.0
"""Seconds of a block below which the next is larger, and above which it is smaller."""


class PointSource(Protocol):
    """What is worked out: a plan."""

    points: int

    @property
    def chunk(self) -> int:
        """A number of points that is worked out well together."""

    def block(self, first: int, count: int) -> PointBlock:
        """Work out so many points, from one on."""

    def rows(self, numbers: Any) -> dict[str, list[Any]]:
        """All that is known of some points, by number."""

    def reason(self, number: int) -> str:
        """Why a point is refused."""

    def point(self, number: int) -> dict[str, Any]:
        """What is swept at a point."""


def known(plan: PointSource, wanted: WantedRows, first: int, last: int) -> Iterator[KeptRows]:
    """What is known of the points from one to another, the latter not included, after more and more of them."""
    kept, size = nothing_yet(wanted), min(_FIRST, plan.chunk)
    while first < last:
        count = min(_within(first, size, plan.chunk), last - first)
        started = time.perf_counter()
        block = plan.block(first, count)
        seconds = time.perf_counter() - started
        kept = kept.added(block, first)
        first += count
        yield kept
        if seconds < _SHORT:
            size = min(2 * size, plan.chunk)
        elif seconds > _LONG:
            size = max(size // 4, min(_FEWEST, plan.chunk))


def _within(first: int, size: int, chunk: int) -> int:
    """So many points from one on, or those up to the next place where a chunk begins."""
    return min(size, chunk - first % chunk)
