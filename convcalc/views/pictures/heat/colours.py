"""Colours for shares of the largest number, from dark to bright, so that more is always lighter."""

from __future__ import annotations

import math
from functools import cache

Colour = tuple[int, int, int]

_STOPS: tuple[Colour, ...] = (
    (10, 12, 34),
    (52, 38, 118),
    (142, 48, 134),
    (219, 88, 92),
    (248, 162, 76),
    (252, 244, 190),
)
"""At equal distances; between two of them red, green and blue move evenly."""
NOTHING: Colour = (0, 0, 0)
"""What is exactly 0: a hole."""
_SHADES = 255


def level(share: float) -> float:
    """How bright a share of the largest number is, from 0 to 1: its square root, which shows what is faint."""
    return math.sqrt(share)


@cache
def colour(shade: int) -> Colour:
    """The colour of a brightness in steps of 1/255; 0 is for nothing at all."""
    if shade <= 0:
        return NOTHING
    place = (shade - 1) / (_SHADES - 1) * (len(_STOPS) - 1)
    low = min(int(place), len(_STOPS) - 2)
    red, green, blue = (round(a + (b - a) * (place - low)) for a, b in zip(_STOPS[low], _STOPS[low + 1], strict=True))
    return red, green, blue


def shade(share: float) -> int:
    """The step of a share of the largest number: 0 for none at all, at least 1 for anything else."""
    return max(1, round(level(share) * _SHADES)) if share > 0 else 0


def hexadecimal(shown: Colour) -> str:
    """As SVG and terminals take it."""
    return "#{:02x}{:02x}{:02x}".format(*shown)
