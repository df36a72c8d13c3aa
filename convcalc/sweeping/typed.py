"""The columns of a sweep for programs that want one type in a column: which it is for the exact values there."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import Enum, auto
from fractions import Fraction
from itertools import chain
from typing import Any

import msgspec

from convcalc.sweeping.record import Sweep
from convcalc.sweeping.values import text

_MOST_DIGITS = 38
"""Decimal digits of a number that columnar formats have room for."""


class Form(Enum):
    """What the cells of a column are; any of them may be None."""

    WHOLE = auto()
    LARGE = auto()
    """Python's integers, some of which no int64 holds."""
    DECIMAL = auto()
    TRUTH = auto()
    SIZES = auto()
    TEXT = auto()


class TypedColumn(msgspec.Struct, frozen=True):
    """A column: integers, decimals of `Decimal`, lists of integers, or what else is written as a text."""

    name: str
    form: Form
    values: Any


def typed_columns(sweep: Sweep) -> Iterator[TypedColumn]:
    """The columns, and behind them for the points of a front how many further ones are as good."""
    for name, values in sweep.columns.items():
        yield _typed(name, values)
    if sweep.pareto:
        yield TypedColumn("alike", Form.WHOLE, sweep.like)


def _typed(name: str, values: Any) -> TypedColumn:
    if hasattr(values, "dtype"):
        if values.dtype.kind == "i":
            return TypedColumn(name, Form.WHOLE, values)
        values = values.tolist()
    kinds = {*map(type, values)} - {type(None)}
    if kinds <= {int}:
        present = [value for value in values if value is not None]
        is_small = not present or -(2**63) <= min(present) <= max(present) < 2**63
        return TypedColumn(name, Form.WHOLE if is_small else Form.LARGE, values)
    if kinds <= {int, Fraction}:
        decimals = _each_once(values, _decimal)
        if decimals.count(None) == values.count(None):
            return TypedColumn(name, Form.DECIMAL, decimals)
    if kinds == {bool}:
        return TypedColumn(name, Form.TRUTH, values)
    if kinds == {tuple} and all(type(item) is int for item in chain.from_iterable(filter(None, values))):
        return TypedColumn(name, Form.SIZES, [None if value is None else list(value) for value in values])
    return TypedColumn(name, Form.TEXT, [_text(value) for value in values])


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else text(value)


def _each_once(values: list[Any], of: Any) -> list[Any]:
    """Something of every number; there are few of them in many rows."""
    known = {value: None if value is None else of(value) for value in set(values)}
    return [known[value] for value in values]


def _decimal(value: Any) -> Decimal | None:
    """The very number; None where it has too many digits, or no end."""
    written = text(value)
    if "/" in written or len(written) > _MOST_DIGITS:
        return None
    return Decimal(written)
