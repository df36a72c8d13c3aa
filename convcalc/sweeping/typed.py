"""The columns of a sweep for programs that want one type in a column: which it is for the exact values there."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from typing import Any

from convcalc.frames import Form, TypedColumn, whole
from convcalc.sweeping.record import Sweep
from convcalc.sweeping.values import text

_MOST_DIGITS = 38
"""Decimal digits of a number that columnar formats have room for."""


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
        return TypedColumn(name, whole(values), values)
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
