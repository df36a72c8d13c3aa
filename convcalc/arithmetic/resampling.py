"""How upsampling and adaptive pooling read one axis, as exact `Resampling`s.

The edges are left out, as everywhere in receptive fields: a position reads what it would read of an unbounded axis.
A `Ratio` is how far the input moves on for one output position, as a numerator and a denominator.
"""

from __future__ import annotations

import math
from functools import cache

from convcalc.arithmetic.field import Resampling
from convcalc.arithmetic.number import ceil_div

Ratio = tuple[int, int]


# Cached, so that the equal axes of a square map share one resampling, and through it one field.
@cache
def nearest(ratio: Ratio, outputs: int) -> Resampling:
    """Output o reads ``floor(o·ratio)``."""
    top, bottom = _lowest(ratio)
    return Resampling(bottom, top, lambda position: (position * top // bottom,), outputs)


@cache
def interpolated(ratio: Ratio, outputs: int, taps: int, align_corners: bool) -> Resampling:
    """Output o reads `taps` positions around its place in the input, or one if it falls on a position.

    The place is ``(o + 1/2)·ratio - 1/2``, with aligned corners ``o·ratio``.
    """
    top, bottom = _lowest(ratio)

    def sources(position: int) -> range:
        doubled = 2 * position * top if align_corners else (2 * position + 1) * top - bottom
        floor, rest = divmod(doubled, 2 * bottom)
        return range(floor - taps // 2 + 1, floor + taps // 2 + 1) if rest else range(floor, floor + 1)

    return Resampling(bottom, top, sources, outputs)


@cache
def cells(inputs: int, outputs: int) -> Resampling:
    """Output o reads the cell from ``floor(o·inputs / outputs)`` to before ``ceil((o + 1)·inputs / outputs)``."""
    top, bottom = _lowest((inputs, outputs))
    return Resampling(
        bottom, top, lambda position: range(position * top // bottom, ceil_div((position + 1) * top, bottom)), outputs
    )


def _lowest(ratio: Ratio) -> Ratio:
    divisor = math.gcd(*ratio)
    return ratio[0] // divisor, ratio[1] // divisor
