"""Colours for numbers: equal steps of a number are equal steps to the eye.

Both scales are curves through Oklab, a space of colours in which distances are about those that are seen (Ottosson
2020), drawn here at equal distances along the curve:

- `heat`, for amounts: from near black by violet, red and orange to pale yellow. Its lightness rises all the way, so
  that it reads the same in grey, and for people who tell red from green badly.
- `signed`, for numbers of both signs: blue for less than nothing, near black for nothing, orange for more, equally
  light for equal amounts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

Array = Any

STEPS = 256
_FINE = 4096
"""Points of a curve among which those at equal distances are looked for."""

_TO_ROOTS = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
"""Oklab to the cube roots of the answers of the eye's three kinds of cones."""

_TO_LINEAR = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
"""The answers of the cones to linear red, green and blue."""


def heat(amounts: Array) -> Array:
    """Colours, a byte a number on a last axis of 3, of amounts from 0 to 1; what is beyond is as the end."""
    return _picked(_heat(), amounts)


def signed(numbers: Array) -> Array:
    """As `heat`, of numbers from -1 to 1."""
    is_less: Array = np.asarray(numbers < 0)[..., None]
    return np.where(is_less, _picked(_cold(), -numbers), _picked(_warm(), numbers))


def _picked(table: Array, amounts: Array) -> Array:
    places = np.nan_to_num(np.clip(amounts, 0, 1)) * (STEPS - 1)
    return table[places.round().astype(np.intp)]


@cache
def _heat() -> Array:
    return _curve(
        [
            (0.16, 0.03, 285),
            (0.35, 0.16, 310),
            (0.56, 0.19, 370),
            (0.72, 0.17, 405),
            (0.87, 0.15, 445),
            (0.97, 0.07, 465),
        ]
    )


@cache
def _cold() -> Array:
    return _curve([(0.16, 0.0, 250), (0.45, 0.13, 250), (0.88, 0.08, 225)])


@cache
def _warm() -> Array:
    return _curve([(0.16, 0.0, 50), (0.45, 0.11, 50), (0.88, 0.12, 80)])


def _curve(stops: Sequence[tuple[float, float, float]]) -> Array:
    """The table of a scale: a smooth curve through stops of lightness, chroma and hue in degrees."""
    lightness, chroma, hue = np.array(stops).T
    at = np.linspace(0, 1, len(stops))
    fine = np.linspace(0, 1, _FINE)
    smooth: Callable[[Array], Array] = lambda values: _smooth(at, values, fine)  # noqa: E731  # three of a kind
    radians = np.radians(smooth(hue))
    points = np.stack([smooth(lightness), smooth(chroma) * np.cos(radians), smooth(chroma) * np.sin(radians)], -1)
    points = _within(points)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    equal = np.linspace(0, length[-1], STEPS)
    even = np.stack([np.interp(equal, length, points[:, axis]) for axis in range(3)], -1)
    return (_display(even) * 255).round().astype(np.uint8)


def _smooth(at: Array, values: Array, fine: Array) -> Array:
    """Cubic pieces through the values whose slopes at them are those between their neighbours."""
    slopes = np.gradient(values, at)
    place = np.clip(np.searchsorted(at, fine, "right") - 1, 0, len(at) - 2)
    width = at[place + 1] - at[place]
    t = (fine - at[place]) / width
    left, right = values[place], values[place + 1]
    return (
        left * (1 + 2 * t) * (1 - t) ** 2
        + width * slopes[place] * t * (1 - t) ** 2
        + right * t**2 * (3 - 2 * t)
        + width * slopes[place + 1] * t**2 * (t - 1)
    )


def _linear(points: Array) -> Array:
    return (points @ _TO_ROOTS.T) ** 3 @ _TO_LINEAR.T


def _within(points: Array) -> Array:
    """The same lightness and hue, with as much chroma as a screen has there."""
    low, high = np.zeros(len(points)), np.ones(len(points))
    for _ in range(20):
        middle = (low + high) / 2
        linear = _linear(points * np.stack([np.ones_like(middle), middle, middle], -1))
        fits = ((linear >= -1e-6) & (linear <= 1 + 1e-6)).all(-1)
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return points * np.stack([np.ones_like(low), low, low], -1)


def _display(points: Array) -> Array:
    """Red, green and blue of sRGB, from 0 to 1."""
    linear = np.clip(_linear(points), 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
