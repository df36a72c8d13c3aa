"""A map in characters: the theoretical field in a frame, with marks at the box that holds most of the mass.

Where there are colours a character holds two cells, one above the other; else it is a shade, a cell of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from convcalc.views.pictures.heat.colours import colour, hexadecimal, level, shade
from convcalc.views.pictures.heat.panels import Ends, HeatPanel

Line = list[tuple[str, str]]
"""Texts with the style of each."""

_SHADES = "·░▒▓█"
_BARS = "▁▂▃▄▅▆▇█"
_BAR_ROWS = 8


class Drawn(NamedTuple):
    """The lines of a picture, and how many positions wide and high one of its characters is."""

    lines: list[Line]
    wide: int
    high: int


class _Crop(NamedTuple):
    """The part of an axis that is drawn, from its first to its last position, and whether the field ends there."""

    low: int
    high: int
    ends_low: bool
    ends_high: bool

    @property
    def size(self) -> int:
        return self.high - self.low + 1


def drawn(panel: HeatPanel, columns: int, rows: int, *, coloured: bool) -> Drawn:
    """The theoretical field as far as it is on the input, in at most so many characters, the frame not counted."""
    if panel.is_profile:
        return _profile(panel, columns, coloured=coloured)
    down, across = (_crop(size, span) for size, span in zip(panel.values.shape, panel.theory, strict=True))
    values = panel.values[down.low : down.high + 1, across.low : across.high + 1]
    if 2 * across.size <= columns and down.size <= rows:  # a position is two characters, about a square
        cells, wide, high, stretch = values, 1, 1, 2
    else:
        wide = max(math.ceil(across.size / columns), math.ceil(down.size / (2 * rows)))
        high, stretch = (wide if coloured else 2 * wide), 1
        cells = _means(_means(values, high, 0), wide, 1)
    shares = cells / (cells.max() or 1)
    if stretch == 2 or not coloured:
        body = [_row(line, stretch, coloured=coloured) for line in shares]
        high_of_line = high
    else:
        body = [_half_blocks(shares[at : at + 2]) for at in range(0, len(shares), 2)]
        high_of_line = 2 * high
    sides = _marks(panel.most[0], down, high_of_line, len(body)), _marks(panel.most[1], across, wide, cells.shape[1])
    return Drawn(_framed(body, stretch * cells.shape[1], stretch, down, across, sides), wide, high_of_line)


def _crop(size: int, span: Ends | None) -> _Crop:
    if span is None:
        return _Crop(0, size - 1, ends_low=True, ends_high=True)
    low, high = span
    return _Crop(max(low, 0), min(high, size - 1), ends_low=low >= 0, ends_high=high < size)


def _means(values: Any, step: int, axis: int) -> Any:
    """The means of groups of `step` along an axis; the last group may be smaller."""
    import numpy as np

    starts = range(0, values.shape[axis], step)
    counts = [min(step, values.shape[axis] - start) for start in starts]
    shape = [-1 if other == axis else 1 for other in range(values.ndim)]
    return np.add.reduceat(values, list(starts), axis) / np.array(counts).reshape(shape)


def _row(shares: Sequence[float], stretch: int, *, coloured: bool) -> Line:
    if coloured:
        return _merged((" " * stretch, f"on {_hex(share)}") for share in shares)
    return [("".join((_shaded(share) * stretch) for share in shares), "")]


def _shaded(share: float) -> str:
    return _SHADES[min(int(level(share) * len(_SHADES)), len(_SHADES) - 1)] if share > 0 else " "


def _half_blocks(pair: Any) -> Line:
    above = pair[0]
    below = pair[1] if len(pair) > 1 else [None] * len(above)
    return _merged(
        ("▀", _hex(top) if bottom is None else f"{_hex(top)} on {_hex(bottom)}")
        for top, bottom in zip(above, below, strict=True)
    )


def _hex(share: float) -> str:
    return hexadecimal(colour(shade(share)))


def _merged(parts: Iterator[tuple[str, str]]) -> Line:
    """Neighbours of one style as one text."""
    line: Line = []
    for text, style in parts:
        if line and line[-1][1] == style:
            line[-1] = (line[-1][0] + text, style)
        else:
            line.append((text, style))
    return line


def _marks(most: Ends, crop: _Crop, step: int, count: int) -> tuple[int, int]:
    """The first and the last cell of the box that holds most of the mass; -1 and `count` beyond what is drawn."""
    low, high = most
    return (
        (low - crop.low) // step if low >= crop.low else -1,
        (high - crop.low) // step if high <= crop.high else count,
    )


def _framed(
    body: list[Line], width: int, stretch: int, down: _Crop, across: _Crop, sides: tuple[tuple[int, int], ...]
) -> list[Line]:
    """The lines in a frame: dashed where the input ends before the field, with marks at the box of most of the mass."""
    (top, bottom), (left, right) = sides
    columns = {left * stretch, (right + 1) * stretch - 1}
    lines = []
    for ends, corners, mark in ((down.ends_low, "┌┐", "┬"), (down.ends_high, "└┘", "┴")):
        edge = "".join(mark if place in columns else "─" if ends else "╌" for place in range(width))
        lines.append(f"{corners[0]}{edge}{corners[1]}")
    left_side, right_side = ("│" if ends else "╎" for ends in (across.ends_low, across.ends_high))
    framed: list[Line] = [[(lines[0], "")]]
    for place, line in enumerate(body):
        marked = place in (top, bottom)
        framed.append([("├" if marked else left_side, ""), *line, ("┤" if marked else right_side, "")])
    return [*framed, [(lines[1], "")]]


def _profile(panel: HeatPanel, columns: int, *, coloured: bool) -> Drawn:
    """Bars from below, the largest eight lines high; what is not 0 has at least an eighth of a line."""
    across = _crop(panel.values.shape[1], panel.theory[0])
    wide = max(1, math.ceil(across.size / columns))
    stretch = 2 if 2 * across.size <= columns else 1
    means = _means(panel.values[:, across.low : across.high + 1], wide, 1)[0]
    eighths = [max(1, round(8 * _BAR_ROWS * share)) if share > 0 else 0 for share in means / (means.max() or 1)]
    colours = [_hex(share) if coloured else "" for share in means / (means.max() or 1)]
    body = []
    for row in reversed(range(_BAR_ROWS)):
        left = [min(max(number - 8 * row, 0), 8) for number in eighths]
        texts = ((" " if not part else _BARS[part - 1]) * stretch for part in left)
        body.append(_merged(zip(texts, colours, strict=True)))
    down = _Crop(0, _BAR_ROWS - 1, ends_low=True, ends_high=True)
    sides = (-1, len(body)), _marks(panel.most[0], across, wide, len(eighths))
    return Drawn(_framed(body, stretch * len(eighths), stretch, down, across, sides), wide, 1)
