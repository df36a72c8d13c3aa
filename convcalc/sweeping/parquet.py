"""A sweep as a Parquet file: int64, exact decimals and lists of integers, read by what reads tables.

Decimals are decimal128 with all their digits, as are integers beyond int64. A quotient without an end (1 / 3), and a
value that is no number, is a text as ``--set`` takes it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from convcalc.extras import require
from convcalc.frames import Form, TypedColumn
from convcalc.sweeping.record import Sweep
from convcalc.sweeping.typed import typed_columns
from convcalc.version import __version__

if TYPE_CHECKING:
    import pyarrow

_AT_ONCE = 2**16
"""Rows of a group, of which one at a time is in memory as it is written."""
_MOST_DIGITS = 76


def parts(sweep: Sweep) -> Iterator[bytes]:
    """The bytes of the file, one part behind another.

    Raises:
        NotInstalled: pyarrow is not.
    """
    require("parquet", "pyarrow", purpose="a .parquet")
    return _parts(sweep)


def _parts(sweep: Sweep) -> Iterator[bytes]:
    import pyarrow
    from pyarrow import parquet

    columns = [_fitting(cells) for cells in typed_columns(sweep)]
    fields = [pyarrow.field(cells.name, _type(cells)) for cells in columns]
    schema = pyarrow.schema(fields, metadata={"convcalc": _about(sweep)})
    sink = _Sink()
    count = len(columns[0].values) if columns else 0
    with parquet.ParquetWriter(sink, schema) as writer:
        for start in range(0, count, _AT_ONCE):
            arrays = [
                pyarrow.array(cells.values[start : start + _AT_ONCE], field.type)
                for cells, field in zip(columns, fields, strict=True)
            ]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
            yield from sink.taken()
    yield from sink.taken()


def _about(sweep: Sweep) -> bytes:
    """What the numbers are of: for who finds the file later."""
    about = {
        "version": __version__, "network": sweep.network, "batch": sweep.convention.batch,
        "dtype": sweep.convention.dtype, "where": sweep.where, "pareto": sweep.pareto, "sort": sweep.sort,
        "points": sweep.points, "done": sweep.done, "satisfying": sweep.satisfying, "refused": sweep.refused,
    }  # fmt: skip
    return msgspec.json.encode(about)


def _fitting(cells: TypedColumn) -> TypedColumn:
    """Integers of more digits than a decimal has, as texts."""
    if cells.form is Form.LARGE and _digits(cells) > _MOST_DIGITS:
        return TypedColumn(cells.name, Form.TEXT, [None if value is None else str(value) for value in cells.values])
    return cells


def _digits(cells: TypedColumn) -> int:
    return max(len(str(abs(value))) for value in cells.values if value is not None)


def _type(cells: TypedColumn) -> pyarrow.DataType:
    import pyarrow

    if cells.form is Form.LARGE:
        digits = _digits(cells)
        return pyarrow.decimal128(digits) if digits <= 38 else pyarrow.decimal256(digits)
    if cells.form is Form.DECIMAL:
        return _decimal({value for value in cells.values if value is not None})
    types = {
        Form.WHOLE: pyarrow.int64(), Form.TRUTH: pyarrow.bool_(), Form.SIZES: pyarrow.list_(pyarrow.int64()),
        Form.TEXT: pyarrow.string(),
    }  # fmt: skip
    return types[cells.form]


def _decimal(values: Any) -> pyarrow.DataType:
    """The decimals that hold the digits of all values, on both sides of the point."""
    import pyarrow

    places = max(max(-value.as_tuple().exponent, 0) for value in values)
    before = max(max(value.adjusted() + 1, 1) for value in values)
    digits = places + before
    return pyarrow.decimal128(digits, places) if digits <= 38 else pyarrow.decimal256(digits, places)


class _Sink(io.RawIOBase):
    """A file whose bytes are taken away as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        self._written += len(self._parts[-1])
        return len(self._parts[-1])

    def taken(self) -> Iterator[bytes]:
        """What has been written since it was last asked."""
        parts, self._parts = self._parts, []
        yield from parts
