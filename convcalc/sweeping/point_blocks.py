"""What is known of a run of points once it has been worked out."""

from __future__ import annotations

from typing import Any

import msgspec

Array = Any
"""A NumPy array."""


class Refusal(msgspec.Struct, frozen=True):
    """Why points are refused: the code and message of the first of them, its number, and how many they are."""

    code: str
    message: str
    first: int
    count: int


class PointBlock(msgspec.Struct, frozen=True):
    """A run of points: how many there were, those that satisfy the condition, and those that a check refuses.

    `numbers` (int64) are those that satisfy it, in ascending order. `keys` has a row for each key that was asked for,
    those of `pareto` before those of `sort`, all to be made small; int64 where all fit, else objects or float64.
    """

    points: int
    numbers: Array
    keys: tuple[Array, ...]
    refusals: tuple[Refusal, ...] = ()

    @property
    def refused(self) -> int:
        """How many points a check refuses."""
        return sum(refusal.count for refusal in self.refusals)
