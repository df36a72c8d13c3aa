"""A sweep as a DataFrame of pandas or polars, whichever is installed."""

from __future__ import annotations

from fractions import Fraction
from importlib.util import find_spec
from typing import Any

from convcalc.extras import NotInstalled
from convcalc.sweeping.record import Sweep
from convcalc.sweeping.typed import Form, TypedColumn, typed_columns


def dataframe(sweep: Sweep) -> Any:
    """A DataFrame of pandas, else one of polars.

    Raises:
        NotInstalled: neither is there.
    """
    if find_spec("pandas") is not None:
        return _in_pandas(sweep)
    if find_spec("polars") is not None:
        return _in_polars(sweep)
    raise NotInstalled("neither pandas nor polars is installed, of which to_dataframe takes one: pip install pandas")


def _in_pandas(sweep: Sweep) -> Any:
    import pandas

    def series(cells: TypedColumn) -> Any:
        if cells.form is Form.WHOLE and any(value is None for value in cells.values):
            return pandas.array(cells.values, dtype="Int64")
        types = {Form.WHOLE: "int64", Form.TEXT: None, Form.TRUTH: None}
        numbers = _as_floats(cells)
        return pandas.Series(numbers or cells.values, dtype="float64" if numbers else types.get(cells.form, "object"))

    return pandas.DataFrame({cells.name: series(cells) for cells in typed_columns(sweep)})


def _in_polars(sweep: Sweep) -> Any:
    import polars

    def series(cells: TypedColumn) -> Any:
        types = {
            Form.WHOLE: polars.Int64, Form.TRUTH: polars.Boolean, Form.TEXT: polars.String,
            Form.SIZES: polars.List(polars.Int64),
        }  # fmt: skip
        numbers = _as_floats(cells)
        if numbers:
            return polars.Series(cells.name, numbers, dtype=polars.Float64)
        return polars.Series(cells.name, cells.values, dtype=types.get(cells.form, polars.Object))

    return polars.DataFrame([series(cells) for cells in typed_columns(sweep)])


def _as_floats(cells: TypedColumn) -> list[Any]:
    """Decimals as floats, where each is what its float is written as; nothing where one has more digits than that."""
    if cells.form is not Form.DECIMAL:
        return []
    floats = {value: None if value is None else float(value) for value in set(cells.values)}
    if any(value is not None and Fraction(str(floats[value])) != Fraction(value) for value in floats):
        return []
    return [floats[value] for value in cells.values]
