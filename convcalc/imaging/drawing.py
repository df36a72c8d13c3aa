"""A map of numbers over the image that it belongs to, as a PNG.

Beside the image as the network sees it stands the same image in grey with the map in colours over it: the larger an
amount, the more of the colour. The scale ends at the amount that one pixel of a hundred exceeds, of those that are not
0, as few pixels would make all others dark.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from convcalc.imaging import colours

Array = Any

TOP = 0.99
"""The share of the pixels, of those that are not 0, that have a colour of their own; those beyond have the last."""
_WIDE = 448
"""Pixels that a panel is drawn at, at most, if it is enlarged; each pixel becomes a square."""
_GAP = 8
_GREY = np.array([0.299, 0.587, 0.114])
_DIMMED = 0.55
"""How bright the grey image is under the colours."""


def largest(values: Array) -> float:
    """Where the scale of a map ends: see the module; 0 for a map of nothing."""
    amounts = np.abs(values[values != 0])
    return float(np.quantile(amounts, TOP)) if amounts.size else 0.0


def scaled(values: Array) -> Array:
    """The map from -1 to 1 (from 0 where nothing is negative); what is beyond the end of the scale is at it."""
    end = largest(values)
    return np.clip(values / end, -1, 1) if end > 0 else np.zeros_like(values)


def over(picture: Array, values: Array, *, is_signed: bool = False) -> Array:
    """A map [height, width] in colours over a picture [height, width, 3] of bytes, as one of the same kind."""
    shares = scaled(values)
    colour = colours.signed(shares) if is_signed else colours.heat(shares)
    grey = (picture @ _GREY * _DIMMED)[:, :, None]
    cover = np.abs(shares[:, :, None]) ** 0.75
    return (grey * (1 - cover) + colour * cover).round().clip(0, 255).astype(np.uint8)


def drawn(picture: Array, values: Array, about: str = "") -> bytes:
    """A PNG of the picture and, beside it, the map over it; of a map [channels, height, width] each channel.

    `about` is written into the file as its description.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    maps = values if values.ndim == 3 else values[None]
    panels = [picture, *(over(picture, channel, is_signed=values.ndim == 3) for channel in maps)]
    times = max(1, _WIDE // max(picture.shape[:2]))
    panels = [panel.repeat(times, 0).repeat(times, 1) for panel in panels]
    gap = np.full((panels[0].shape[0], _GAP, 3), 255, np.uint8)
    row = [part for panel in panels for part in (gap, panel)][1:]
    information, stream = PngInfo(), io.BytesIO()
    if about:
        information.add_itxt("Description", about)
    Image.fromarray(np.concatenate(row, 1)).save(stream, "PNG", pnginfo=information)
    return stream.getvalue()


def alone(values: Array) -> bytes:
    """A PNG of a map [height, width] of amounts, in colours, with no picture behind it."""
    from PIL import Image

    times = max(1, _WIDE // max(values.shape))
    colour = colours.heat(scaled(values)).repeat(times, 0).repeat(times, 1)
    stream = io.BytesIO()
    Image.fromarray(colour).save(stream, "PNG")
    return stream.getvalue()


def halves(picture: Array, columns: int, rows: int) -> Array:
    """A picture made small enough for so many columns and twice so many rows of characters, each two pixels high.

    Pixels are means of those that they stand for; [2 rows, columns, 3], proportions kept.
    """
    from PIL import Image

    height, width = picture.shape[:2]
    factor = min(columns / width, 2 * rows / height)
    size = max(1, round(width * factor)), max(2, 2 * round(height * factor / 2))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
