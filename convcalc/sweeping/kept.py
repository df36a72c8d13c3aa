"""What is kept of a run of points: the rows that were asked for, counts, and why points are refused.

Runs that were worked out apart, on other machines or in another order, are merged to the same result. A record is never
changed but replaced, so that it is in order whenever a run is cut short.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
import numpy as np

from convcalc.sweeping.best import Best
from convcalc.sweeping.growing import Front
from convcalc.sweeping.point_blocks import Array, PointBlock, Refusal
from convcalc.sweeping.rows import Rows, nothing, rows_of

MOST_ROWS = 1_000_000
"""Rows that are kept at most."""
_MOST_KINDS = 1_000
"""Reasons that are told apart; more of them, as of a network of ever other layers, are counted together only."""

_NUMBER = r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?:x\d+)*(?![\w.]*\w)"
_NUMBERS = re.compile(rf"{_NUMBER}(?:, {_NUMBER})*")
"""Numbers of a message, and lists of them, differ from point to point; those within a name are the name's own."""


class TooManyRows(Exception):
    """More rows are wanted than are kept."""


class WantedRows(msgspec.Struct, frozen=True):
    """What to keep of points with so many keys.

    The front of the first `objectives` of them, the first `top` rows, and where `refused` refused points are.
    """

    keys: int
    objectives: int = 0
    top: int | None = None
    refused: int = 0


class Stretch(msgspec.Struct, frozen=True, order=True):
    """Points that follow each other, of which some are refused."""

    first: int
    count: int
    refused: int


class KeptRows(msgspec.Struct, frozen=True):
    """What is known of the points so far."""

    wanted: WantedRows
    chosen: Front | Best
    points: int = 0
    satisfying: int = 0
    refused: int = 0
    kinds: tuple[tuple[str, Refusal], ...] = ()
    stretches: tuple[Stretch, ...] = ()

    def added(self, block: PointBlock, first: int) -> KeptRows:
        """With a block of points that begins with this one.

        Raises:
            TooManyRows: more are wanted than are kept.
        """
        keys = [_comparable(key) for key in block.keys]
        refused = block.refused
        return self._with(
            self.chosen.added(rows_of(block.numbers, keys)),
            points=block.points,
            satisfying=len(block.numbers),
            refused=refused,
            kinds=[(_kind(refusal), refusal) for refusal in block.refusals],
            stretches=(Stretch(first, block.points, refused),) if refused else (),
        )

    def merged(self, other: KeptRows) -> KeptRows:
        """What is kept of the points of both, for which the same was wanted.

        Raises:
            TooManyRows: as for `added`.
        """
        return self._with(
            self.chosen.merged(other.chosen),  # type: ignore[arg-type]  # a front, or none, on both sides
            points=other.points,
            satisfying=other.satisfying,
            refused=other.refused,
            kinds=other.kinds,
            stretches=other.stretches,
        )

    def _with(
        self,
        chosen: Front | Best,
        *,
        points: int,
        satisfying: int,
        refused: int,
        kinds: Iterable[tuple[str, Refusal]],
        stretches: tuple[Stretch, ...],
    ) -> KeptRows:
        is_cut = isinstance(chosen, Best) and chosen.most is not None
        if chosen.count > MOST_ROWS and not is_cut:
            raise TooManyRows
        return KeptRows(
            wanted=self.wanted,
            chosen=chosen,
            points=self.points + points,
            satisfying=self.satisfying + satisfying,
            refused=self.refused + refused,
            kinds=_merged((*self.kinds, *kinds)) if kinds else self.kinds,
            stretches=_enough((*self.stretches, *stretches), self.wanted.refused) if stretches else self.stretches,
        )

    def settled(self) -> KeptRows:
        """With no more than what was wanted: what is sent to others."""
        return msgspec.structs.replace(self, chosen=self.chosen.settled())

    def rows(self) -> Rows:
        """The rows that were wanted, in order."""
        return self.chosen.settled().rows.ordered(self.wanted.objectives).taken(slice(0, self.wanted.top))

    def refusals(self, most: int) -> tuple[Refusal, ...]:
        """Why points are refused: the reason of most of them first."""
        refusals = [refusal for _, refusal in self.kinds]
        return tuple(sorted(refusals, key=lambda refusal: (-refusal.count, refusal.first))[:most])


def nothing_yet(wanted: WantedRows) -> KeptRows:
    """What is kept of no points."""
    empty = nothing(wanted.keys)
    if wanted.objectives:
        return KeptRows(wanted, Front(wanted.objectives, empty))
    is_cut = wanted.top is not None and wanted.top <= MOST_ROWS
    return KeptRows(wanted, Best(wanted.top if is_cut else None, (empty,)))


def _comparable(key: Array) -> Array:
    """A key in which what is no number, as 0 / 0, is worse than all that are."""
    return np.where(np.isnan(key), np.inf, key) if key.dtype == np.float64 else key


def _kind(refusal: Refusal) -> str:
    """What refusals have in common that differ in sizes alone, and in what would fit these."""
    return f"{refusal.code} {_NUMBERS.sub('#', refusal.message.partition('; ')[0])}"


def _merged(refusals: Iterable[tuple[str, Refusal]]) -> tuple[tuple[str, Refusal], ...]:
    kinds: dict[str, Refusal] = {}
    for kind, refusal in refusals:
        known = kinds.get(kind)
        if known is None:
            kinds[kind] = refusal
        else:
            least = min(known, refusal, key=lambda either: (either.first, either.message))
            kinds[kind] = msgspec.structs.replace(least, count=known.count + refusal.count)
    return tuple(sorted(kinds.items(), key=lambda item: (item[1].first, item[0]))[:_MOST_KINDS])


def _enough(stretches: Iterable[Stretch], refused: int) -> tuple[Stretch, ...]:
    """The first of them, as many as hold so many refused points."""
    kept = []
    for stretch in sorted(stretches):
        if refused <= 0:
            break
        kept.append(stretch)
        refused -= stretch.refused
    return tuple(kept)
