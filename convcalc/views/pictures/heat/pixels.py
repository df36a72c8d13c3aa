"""A map as PNG: a square of pixels for each position of the input, the boxes in lines a pixel wide."""

from __future__ import annotations

from typing import Any

from convcalc.views.formats import png
from convcalc.views.pictures.heat.colours import Colour, colour, shade
from convcalc.views.pictures.heat.panels import Ends, HeatPanel

SMALLEST = 256
"""Pixels of the longer side at least, as far as whole pixels a position allow."""
_THEORY: Colour = (120, 220, 255)
_MOST: Colour = (255, 255, 255)
_GAP = 8
_BAR_HEIGHT = 64


def image(drawn: list[HeatPanel], *, boxes: bool = True) -> tuple[bytes, int, int, int]:
    """The panels side by side as PNG, its width and height in pixels, and how many pixels a position is wide.

    With `boxes` the theoretical field is outlined in blue, the box that holds most of the mass in white, both along the
    positions just outside of them where there are some.
    """
    import numpy as np

    longest = max(max(panel.values.shape) for panel in drawn)
    scale = max(1, SMALLEST // longest)
    pictures = [_pixels(panel, scale, boxes=boxes) for panel in drawn]
    height = max(len(pixels) for pixels in pictures)
    parts: list[Any] = []
    for pixels in pictures:
        parts += [np.full((height, _GAP, 3), 255, np.uint8)] if parts else []
        parts.append(np.pad(pixels, ((0, height - len(pixels)), (0, 0), (0, 0)), constant_values=255))
    complete = np.concatenate(parts, 1)
    return png.encoded([row.tobytes() for row in complete], complete.shape[1]), complete.shape[1], height, scale


def _pixels(panel: HeatPanel, scale: int, *, boxes: bool) -> Any:
    import numpy as np

    table = np.array([colour(step) for step in range(256)], np.uint8)
    shares = panel.values / (panel.values.max() or 1)
    steps = np.vectorize(shade, otypes=[np.uint8])(shares)
    if panel.is_profile:
        steps = _bars(shares[0], steps[0], scale)
        pixels = table[np.repeat(steps, scale, 1)]
        lines = [(panel.theory[0], _THEORY), (panel.most[0], _MOST)] if boxes else []
        for ends, shown in lines:
            _outline(pixels, [(0, _BAR_HEIGHT - 1), ends], (1, scale), shown)
        return pixels
    pixels = table[np.repeat(np.repeat(steps, scale, 0), scale, 1)]
    if boxes:
        _outline(pixels, panel.theory, (scale, scale), _THEORY)
        _outline(pixels, panel.most, (scale, scale), _MOST)
    return pixels


def _bars(shares: Any, steps: Any, scale: int) -> Any:
    """Bars in their colours, from below."""
    import numpy as np

    heights = np.ceil(shares * _BAR_HEIGHT)
    rows = np.arange(_BAR_HEIGHT, 0, -1).reshape(-1, 1)
    return np.where(rows <= heights, steps, 0)


def _outline(pixels: Any, box: Any, scales: tuple[int, int], shown: Colour) -> None:
    """A line around a box, where its sides are on the picture."""
    ends: list[Ends] = [
        (0, size // scale - 1) if span is None else span
        for size, scale, span in zip(pixels.shape, scales, box, strict=False)
    ]
    low, high = zip(
        *((first * scale - 1, (last + 1) * scale) for (first, last), scale in zip(ends, scales, strict=True)),
        strict=True,
    )
    height, width = pixels.shape[:2]
    rows, columns = (slice(max(low[axis], 0), high[axis] + 1) for axis in (0, 1))
    for row in (low[0], high[0]):
        if 0 <= row < height:
            pixels[row, columns] = shown
    for column in (low[1], high[1]):
        if 0 <= column < width:
            pixels[rows, column] = shown
