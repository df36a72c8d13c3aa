"""What is swept, and the points of all its values together."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import msgspec


class Axis(msgspec.Struct, frozen=True):
    """One thing that is swept: a variable, `input` or an input's name, `variant`, or ``LAYER.FIELD``.

    `values` are exact: int, Fraction, bool, str, or tuples of such.
    """

    name: str
    values: Sequence[Any]


class Space(msgspec.Struct, frozen=True):
    """All points: each has a value of every axis. A point's number counts them with the last axis moving fastest."""

    axes: tuple[Axis, ...]

    @property
    def size(self) -> int:
        """How many points there are."""
        return prod(len(axis.values) for axis in self.axes)

    def places(self, number: int) -> tuple[int, ...]:
        """Which value of every axis a point has."""
        places = []
        for axis in reversed(self.axes):
            number, place = divmod(number, len(axis.values))
            places.append(place)
        return tuple(reversed(places))

    def point(self, number: int) -> dict[str, Any]:
        """The value of every axis at a point, by name."""
        places = zip(self.axes, self.places(number), strict=True)
        return {axis.name: axis.values[place] for axis, place in places}
