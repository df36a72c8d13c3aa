"""How upsampling and adaptive pooling read one axis, as exact `Resampling`s.

The edges are left out, as everywhere in receptive fields: a position reads what it would read of an unbounded axis.
A `Ratio` is how far the input moves on for one output position, as a numerator and a denominator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec.structs import replace

from convcalc.arithmetic.axes import Resampling
from convcalc.arithmetic.number import ceil_div
from convcalc.arithmetic.varying import cached

_LONGEST_LISTED = 1024
"""Positions of a filter that are looked at one by one."""

Ratio = tuple[int, int]


class Places(NamedTuple):
    """Output o lies at ``(2·o·top + shift) / (2·bottom)`` of the input."""

    top: int
    bottom: int
    shift: int = 0


# Cached, so that the equal axes of a square map share one resampling, and through it one field.
@cached
def nearest(places: Places, outputs: int, rounding: str = "floor") -> Resampling:
    """Output o reads the position that its place is rounded to, as ONNX's `nearest_mode` has it."""
    top, bottom, shift = places
    added, sign = {
        "floor": (0, 1),
        "ceil": (0, -1),
        "round_prefer_ceil": (bottom, 1),
        "round_prefer_floor": (bottom, -1),
    }[rounding]

    def sources(position: int) -> range:
        place = sign * ((sign * (2 * position * top + shift) + added) // (2 * bottom))
        return range(place, place + 1)

    return _periodic(places, sources, outputs)


@cached
def interpolated(places: Places, outputs: int, taps: int, stretch: Ratio = (1, 1)) -> Resampling:
    """Output o reads the positions nearer to its place than half of `taps`, or one if it falls on a position.

    A filter that is stretched (antialias) reads those nearer than so many times that.
    """
    top, bottom, shift = places
    wider, narrower = stretch
    half, parts = taps * wider * bottom, 2 * bottom * narrower

    def sources(position: int) -> range:
        doubled = 2 * position * top + shift
        if wider == narrower and doubled % (2 * bottom) == 0:
            return range(doubled // (2 * bottom), doubled // (2 * bottom) + 1)
        return range((doubled * narrower - half) // parts + 1, ceil_div(doubled * narrower + half, parts))

    def weighed(position: int) -> Iterable[int]:
        """A cubic filter is zero at 1, too, which an antialiased one may meet."""
        near = sources(position)
        if len(near) > _LONGEST_LISTED:
            return near
        doubled = 2 * position * top + shift
        return tuple(place for place in near if abs(2 * bottom * place - doubled) * narrower != 2 * bottom * wider)

    periodic = _periodic(places, sources, outputs)
    return replace(periodic, weighed=weighed) if taps == 4 and wider != narrower else periodic


@cached
def cells(inputs: int, outputs: int) -> Resampling:
    """Output o reads the cell from ``floor(o·inputs / outputs)`` to before ``ceil((o + 1)·inputs / outputs)``."""

    def sources(position: int) -> range:
        return range(position * inputs // outputs, ceil_div((position + 1) * inputs, outputs))

    return _periodic(Places(inputs, outputs), sources, outputs)


def _periodic(places: Places, sources: Callable[[int], range], outputs: int) -> Resampling:
    divisor = math.gcd(places.top, places.bottom)
    return Resampling(places.bottom // divisor, places.top // divisor, sources, outputs)
