"""Arrays of numbers as a caller has them, exactly: whole ones over a common denominator."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any, NamedTuple

import numpy as np

from convcalc.sweeping.evaluation import LARGEST, Array

_MOST_DECIMALS = 12
_LARGEST_DECIMAL = 2**53
"""Below it floats have all whole numbers."""


class ExactNumbers(NamedTuple):
    """Numbers of an array of any shape: numerators, and what they all are over."""

    numerators: Array
    denominator: int


def exact_numbers(values: Any) -> ExactNumbers:
    """An array of numbers; of those with decimals each is the decimal that it is written as, so 0.35 is 7/20.

    Raises:
        ValueError: there is something else in it.
    """
    array = np.asarray(values)
    if array.dtype.kind in "iu":
        return _whole(array)
    if array.dtype.kind == "f" and not hasattr(values, "dtype") and (np.abs(array) >= _LARGEST_DECIMAL).any():
        array = np.asarray(values, dtype=object)  # of a list NumPy has rounded whole numbers so large
    if array.dtype.kind == "f":
        return _decimals(array)
    if array.dtype.kind != "O":
        raise ValueError(f"expected an array of numbers, found one of {array.dtype}")
    return _fractions(array, [_exact(item) for item in array.reshape(-1)])


def _whole(array: Array) -> ExactNumbers:
    fits = not array.size or int(array.max()) <= LARGEST  # the unsigned reach further
    return ExactNumbers(array.astype(np.int64 if fits else object), 1)


def _decimals(array: Array) -> ExactNumbers:
    """The fewest decimals with which all are what they are, in the precision that they have."""
    if not np.isfinite(array).all():
        raise ValueError("expected numbers, found one that is not finite")
    wide = array.astype(np.float64)
    for decimals in range(_MOST_DECIMALS + 1):
        denominator = 10**decimals
        numerators = np.rint(wide * denominator)
        if np.abs(numerators).max(initial=0) >= _LARGEST_DECIMAL:
            break
        if ((numerators / denominator).astype(array.dtype) == array).all():
            return ExactNumbers(numerators.astype(np.int64), denominator)
    return _fractions(array, [Fraction(str(item)) for item in array.reshape(-1)])


def _exact(item: Any) -> Fraction:
    if isinstance(item, float | np.floating | Decimal):
        return Fraction(str(item))
    if isinstance(item, bool) or not hasattr(item, "denominator"):
        raise ValueError(f"expected a number, found {item!r}")
    return Fraction(item)


def _fractions(array: Array, numbers: list[Fraction]) -> ExactNumbers:
    denominator = lcm(*(number.denominator for number in numbers))
    numerators = [number.numerator * (denominator // number.denominator) for number in numbers]
    kind: Any = np.int64 if max(map(abs, numerators), default=0) <= LARGEST else object
    return ExactNumbers(np.array(numerators, dtype=kind).reshape(array.shape), denominator)
