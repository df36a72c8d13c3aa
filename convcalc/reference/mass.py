"""Where the sum of a map lies: in how few pixels, and in how small a rectangle."""

from __future__ import annotations

import msgspec
import numpy as np

from convcalc.tensors.engine import Array

HALF = 0.5
_MOST_CELLS = 64
"""Rows and columns among which the sides of a rectangle are looked for; of more, several are taken together."""
_EXACT = 1 - 1e-9
"""Sums of floats that are so close to half are half."""


class Mass(msgspec.Struct, frozen=True):
    """Half of a map's sum: the fewest pixels that have it, and the smallest rectangle that does.

    `pixels` are so many, a `share` of all. `rows` and `columns` are the first and the last of the rectangle, which is
    an `area` of the map, as a share; its sides are multiples of `step` pixels.
    """

    pixels: int
    share: float
    rows: tuple[int, int]
    columns: tuple[int, int]
    area: float
    step: int


def mass_of(amounts: Array) -> Mass | None:
    """Where half of the sum of a map [height, width] of amounts lies; None where nothing of it is above 0."""
    exact = amounts.astype(np.float64)
    total = exact.sum()
    if not total > 0:
        return None
    falling = np.cumsum(np.sort(exact, axis=None)[::-1])
    count = int(np.searchsorted(falling, HALF * falling[-1] * _EXACT)) + 1
    height, width = exact.shape
    step = -(-max(height, width) // _MOST_CELLS)
    top, bottom, left, right = _rectangle(_cells(exact, step), HALF * total * _EXACT)
    rows = top * step, min(bottom * step, height) - 1
    columns = left * step, min(right * step, width) - 1
    area = (rows[1] - rows[0] + 1) * (columns[1] - columns[0] + 1) / exact.size
    return Mass(count, count / exact.size, rows, columns, area, step)


def _cells(amounts: Array, step: int) -> Array:
    """Sums over squares of `step` pixels a side."""
    for axis in (0, 1):
        amounts = np.add.reduceat(amounts, np.arange(0, amounts.shape[axis], step), axis)
    return amounts


def _rectangle(cells: Array, wanted: float) -> tuple[int, int, int, int]:
    """The rectangle of the fewest cells with that sum: top, bottom, left, right, its ends left out."""
    height, width = cells.shape
    sums = np.zeros((height + 1, width + 1))
    sums[1:, 1:] = cells.cumsum(0).cumsum(1)
    best = (height * width, 0, height, 0, width)
    for tall in range(1, height + 1):
        bands = sums[tall:] - sums[:-tall]
        for wide in range(1, min(width, (best[0] - 1) // tall) + 1):
            inside = bands[:, wide:] - bands[:, :-wide]
            place = int(inside.argmax())
            if inside.flat[place] >= wanted:
                top, left = divmod(place, inside.shape[1])
                best = (tall * wide, top, top + tall, left, left + wide)
                break
    return best[1:]
