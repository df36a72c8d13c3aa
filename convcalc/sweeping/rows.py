"""Points with the keys by which they are chosen, as columns; exact, whatever kinds of numbers meet in a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from convcalc.sweeping.point_blocks import Array

_LEAST, _MOST = -(2**63), 2**63 - 1


class Rows(NamedTuple):
    """Some points: their numbers, their keys, and of how many further points each stands for."""

    numbers: Array
    keys: tuple[Array, ...]
    like: Array

    @property
    def size(self) -> int:
        """How many points these are, those that they stand for left out."""
        return len(self.numbers)

    def taken(self, where: Any) -> Rows:
        """Those at some places, in that order; or of a slice, or where a mask holds."""
        return Rows(self.numbers[where], tuple(key[where] for key in self.keys), self.like[where])

    def ordered(self, first: int = 0) -> Rows:
        """By the keys from `first` on, those before it first, and by number where all are equal."""
        return self.taken(np.lexsort((self.numbers, *(ranked(key) for key in reversed(self.keys[first:])))))


def rows_of(numbers: Array, keys: Sequence[Array]) -> Rows:
    """Points that stand for themselves."""
    return Rows(numbers, tuple(keys), np.zeros(len(numbers), np.int64))


def nothing(keys: int) -> Rows:
    """No points, with so many keys."""
    return rows_of(np.zeros(0, np.int64), [np.zeros(0, np.int64)] * keys)


def joined(parts: Sequence[Rows]) -> Rows:
    """All points of some parts, one behind another."""
    parts = [part for part in parts if part.size] or parts[:1]  # the columns of no points say nothing of a type
    if len(parts) == 1:
        return parts[0]
    columns = zip(*(part.keys for part in parts), strict=True)
    keys = tuple(met(column) for column in columns)
    return Rows(met([part.numbers for part in parts]), keys, np.concatenate([part.like for part in parts]))


def met(columns: Sequence[Array]) -> Array:
    """Columns as one. Of different types they are Python's numbers, as NumPy would round whole numbers to floats."""
    if len({column.dtype for column in columns}) == 1:
        return np.concatenate(columns)
    return narrow(np.concatenate([column.astype(object) for column in columns]))


def narrow(column: Array) -> Array:
    """Python's whole numbers as NumPy's, where all fit."""
    if all(type(number) is int and _LEAST <= number <= _MOST for number in column):
        return column.astype(np.int64)
    return column


def alike(first: Sequence[Array], second: Sequence[Array]) -> tuple[list[Array], list[Array]]:
    """Columns of two sets of points that can be compared without rounding either."""
    pairs = [
        (left, right) if left.dtype == right.dtype else (left.astype(object), right.astype(object))
        for left, right in zip(first, second, strict=True)
    ]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def ranked(column: Array) -> Array:
    """Python's numbers by their places among each other, which sort and compare as they do."""
    return np.unique(column, return_inverse=True)[1] if column.dtype == object else column
