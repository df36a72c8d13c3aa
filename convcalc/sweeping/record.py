"""What comes of a sweep: the rows that are kept, as columns, and what is known of all points."""

from __future__ import annotations

from typing import Any

import msgspec

from convcalc.analysis.report import Convention
from convcalc.presenting import Presented
from convcalc.sweeping.axes import Axis
from convcalc.sweeping.point_blocks import Refusal


class Sweep(Presented, msgspec.Struct, frozen=True):
    """Totals at the points that are kept, and counts over all of them; `path` is how the network was named.

    In a DataFrame whole numbers are int64; those beyond are Python's, in an object column. Decimals are floats that are
    written just so (0.35), or `Decimal` where a float has too few digits. Shapes are lists, and what is no number a
    text.
    """

    network: str
    axes: tuple[Axis, ...]
    convention: Convention
    where: str
    pareto: tuple[str, ...]
    sort: tuple[str, ...]
    points: int
    done: int
    satisfying: int
    refused: int
    refusals: tuple[Refusal, ...]
    refused_points: tuple[tuple[dict[str, Any], str], ...]
    columns: dict[str, Any]
    like: Any
    unmoved: tuple[str, ...]
    seconds: float
    path: str = ""

    @property
    def is_partial(self) -> bool:
        """Whether it was interrupted."""
        return self.done < self.points
