"""What there is to draw of an effective field: a panel for each pair of axes, with the boxes on it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from convcalc.reference.fields.effective_field import EffectiveField

Ends = tuple[int, int]
"""The first and the last position of a box on one axis; beyond the map where the box reaches further."""


class HeatPanel(NamedTuple):
    """A map over two axes, rows first, or over one: then `values` has one row.

    `theory` and `most` have the ends of two boxes, on each axis that is drawn: of the theoretical field, None for the
    whole axis, and of the box with most of the mass. `axes` are those of the input that are drawn; over the others the
    map is summed.
    """

    values: Any
    axes: tuple[int, ...]
    theory: tuple[Ends | None, ...]
    most: tuple[Ends, ...]

    @property
    def is_profile(self) -> bool:
        """Whether there is one axis, of which bars are drawn."""
        return len(self.axes) == 1


def panels(field: EffectiveField) -> Iterator[HeatPanel]:
    """One for one or two axes; for three or more one for every two of them, summed over the others."""
    count = field.mass.ndim
    half = (field.side - 1) / 2
    boxes = [(math.ceil(middle - half), math.floor(middle + half)) for middle in field.middles]
    for axes in combinations(range(count), 2) if count > 1 else [(0,)]:
        rest = tuple(axis for axis in range(count) if axis not in axes)
        values = field.mass.sum(rest)
        shown = values.reshape(1, -1) if count == 1 else values
        yield HeatPanel(shown, axes, tuple(field.spans[axis] for axis in axes), tuple(boxes[axis] for axis in axes))
