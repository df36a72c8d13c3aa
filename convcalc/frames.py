"""Tables for programs that want one type in a column, and DataFrames of them: pandas, or polars where that is alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from importlib.util import find_spec
from typing import Any

import msgspec

from convcalc.extras import NotInstalled


class Form(Enum):
    """What the cells of a column are; any of them may be None."""

    WHOLE = auto()
    LARGE = auto()
    """Python's integers, some of which no int64 holds."""
    DECIMAL = auto()
    MEASURED = auto()
    """Floats of which no digit is more than a float has, as percentages."""
    TRUTH = auto()
    SIZES = auto()
    STRIDES = auto()
    """Lists of floats, as a stride may be 1/2."""
    TEXT = auto()


class TypedColumn(msgspec.Struct, frozen=True):
    """A column: integers, decimals of `Decimal`, lists of integers, or what else is written as a text."""

    name: str
    form: Form
    values: Any


_LISTS = {Form.SIZES: int, Form.STRIDES: float}


def whole(values: Iterable[int | None]) -> Form:
    """The form of exact integers: whether int64 holds them all."""
    present = [value for value in values if value is not None]
    is_small = not present or -(2**63) <= min(present) <= max(present) < 2**63
    return Form.WHOLE if is_small else Form.LARGE


def typed(forms: Mapping[str, Form], rows: Iterable[Sequence[Any]]) -> list[TypedColumn]:
    """Rows as columns, whose names and forms are given.

    A cell that is no list is none in a column of lists, as are an empty text and None anywhere but among texts.
    """
    columns = list(zip(*rows, strict=True)) or [()] * len(forms)
    return [_typed(name, form, cells) for (name, form), cells in zip(forms.items(), columns, strict=True)]


def _typed(name: str, form: Form, cells: Sequence[Any]) -> TypedColumn:
    if form in _LISTS:
        number = _LISTS[form]
        values: list[Any] = [
            [None if size is None else number(size) for size in cell] if isinstance(cell, tuple) else None
            for cell in cells
        ]
    else:
        values = [None if cell == "" and form is not Form.TEXT else cell for cell in cells]
    return TypedColumn(name, whole(values) if form is Form.WHOLE else form, values)


def dataframe(columns: Iterable[TypedColumn]) -> Any:
    """A DataFrame of pandas, else one of polars.

    Raises:
        NotInstalled: neither is there.
    """
    if find_spec("pandas") is not None:
        return _in_pandas(columns)
    if find_spec("polars") is not None:
        return _in_polars(columns)
    raise NotInstalled("neither pandas nor polars is installed, of which to_dataframe takes one: pip install pandas")


def _in_pandas(columns: Iterable[TypedColumn]) -> Any:
    import pandas

    def series(cells: TypedColumn) -> Any:
        if cells.form is Form.WHOLE and any(value is None for value in cells.values):
            return pandas.array(cells.values, dtype="Int64")
        types = {Form.WHOLE: "int64", Form.MEASURED: "float64", Form.TEXT: None, Form.TRUTH: None}
        numbers = _as_floats(cells)
        return pandas.Series(numbers or cells.values, dtype="float64" if numbers else types.get(cells.form, "object"))

    return pandas.DataFrame({cells.name: series(cells) for cells in columns})


def _in_polars(columns: Iterable[TypedColumn]) -> Any:
    import polars

    def series(cells: TypedColumn) -> Any:
        types = {
            Form.WHOLE: polars.Int64, Form.MEASURED: polars.Float64, Form.TRUTH: polars.Boolean,
            Form.TEXT: polars.String, Form.SIZES: polars.List(polars.Int64), Form.STRIDES: polars.List(polars.Float64),
        }  # fmt: skip
        numbers = _as_floats(cells)
        if numbers:
            return polars.Series(cells.name, numbers, dtype=polars.Float64)
        return polars.Series(cells.name, cells.values, dtype=types.get(cells.form, polars.Object))

    return polars.DataFrame([series(cells) for cells in columns])


def _as_floats(cells: TypedColumn) -> list[Any]:
    """Decimals as floats, where each is what its float is written as; nothing where one has more digits than that."""
    if cells.form is not Form.DECIMAL:
        return []
    from fractions import Fraction

    floats = {value: None if value is None else float(value) for value in set(cells.values)}
    if any(value is not None and Fraction(str(floats[value])) != Fraction(value) for value in floats):
        return []
    return [floats[value] for value in cells.values]
