"""Colours for shares of the largest number, on the scale that maps over images have too: see `convcalc.imaging`."""

from __future__ import annotations

import math
from functools import cache

Colour = tuple[int, int, int]

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
    from convcalc.imaging.colours import heat

    red, green, blue = heat((shade - 1) / (_SHADES - 1)).tolist()
    return red, green, blue


def shade(share: float) -> int:
    """The step of a share of the largest number: 0 for none at all, at least 1 for anything else."""
    return max(1, round(level(share) * _SHADES)) if share > 0 else 0


def hexadecimal(shown: Colour) -> str:
    """As SVG and terminals take it."""
    return "#{:02x}{:02x}{:02x}".format(*shown)
