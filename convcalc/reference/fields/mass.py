"""How far a map reaches: the box in which most of it lies, its spread, and how many of its positions count.

A map has a number of 0 or more for each position of one or several axes. `middles` are the places, an axis each and
halves allowed, that boxes are centred on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = Any

SHARE = 0.9545
"""Of the whole of a map, what its size speaks of: as much of a normal distribution is within two deviations."""


def centred_side(mass: Array, middles: Sequence[float], share: float = SHARE) -> int:
    """The side, in positions, of the smallest box of equal sides around the middles that holds a share of the map.

    A position is in a box of side s where it is less than s/2 from the middle on every axis. Boxes that reach beyond
    the map hold what is on it.
    """
    far = np.zeros(mass.shape, np.int64)
    for axis, middle in enumerate(middles):
        twice = np.abs(2 * np.arange(mass.shape[axis]) - round(2 * middle))  # whole numbers, where halves are allowed
        np.maximum(far, twice.reshape([-1 if other == axis else 1 for other in range(mass.ndim)]), out=far)
    within = np.cumsum(np.bincount(far.reshape(-1), mass.reshape(-1)))
    # What rounding leaves of the sum is no position of its own.
    return int(np.argmax(within >= share * within[-1] * (1 - 1e-12))) + 1


def profile(mass: Array, axis: int) -> Array:
    """The sums of the map over all axes but one."""
    return mass.sum(tuple(other for other in range(mass.ndim) if other != axis))


def deviation(along: Array) -> float:
    """The standard deviation of positions of one axis that weigh as much as is there."""
    places, total = np.arange(along.size), along.sum()
    mean = (places * along).sum() / total
    return float(np.sqrt((along * (places - mean) ** 2).sum() / total))


def side_of_equal_count(mass: Array, share: float = SHARE) -> float:
    """The side of a box of as many positions as there are above 1 - `share` of the largest.

    That is how large Luo, Li, Urtasun and Zemel call an effective field: "Understanding the effective receptive field
    in deep convolutional neural networks", 2016.
    """
    count = int((mass > (1 - share) * mass.max()).sum())
    return float(count ** (1 / mass.ndim))
