"""Derivatives by differences, which know nothing of how a function is written: what gradients are held against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Array = Any

LEVELS = 4
"""Central differences that are extrapolated: of a step, its half, and so on; the error is of the step's 8th power."""


class Difference(NamedTuple):
    """An estimate of a derivative, and how far it is from the estimate of one level less."""

    value: Array
    doubt: Array


def extrapolated(function: Callable[[float], Array], step: float = 0.01) -> Difference:
    """The derivative at 0 of a function of one float64 number, whose value may be an array (Richardson 1911).

    Near a kink, or a place where there is no value, the levels disagree, which `doubt` shows.
    """
    steps = [step / 2**level for level in range(LEVELS)]
    with np.errstate(all="ignore"):
        rows = [[(function(h) - function(-h)) / (2 * h)] for h in steps]
        for level, row in enumerate(rows[1:], start=1):
            for order in range(level):
                row.append(row[-1] + (row[-1] - rows[level - 1][order]) / (4 ** (order + 1) - 1))
        return Difference(rows[-1][-1], np.abs(rows[-1][-1] - rows[-2][-1]))
