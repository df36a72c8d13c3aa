"""Tables as CSV. A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from convcalc.analysis.lines import Line
from convcalc.analysis.report import COSTS, TRAFFIC, ReceptiveField
from convcalc.frames import Form
from convcalc.layers import UNSIZED, Shape
from convcalc.visible import visible

_FORMULA = re.compile("\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]")
FIELD = {"field_size": Form.SIZES, "field_stride": Form.STRIDES, "field_start": Form.SIZES, "field_global": Form.TRUTH}
"""What the cells of a receptive field are called, and what they are."""
NUMBERS = re.compile(r"[-+]?\d[\d./]*(x[-+]?\d[\d./]*)*")
"""A number, or one an axis."""


def text(rows: Iterable[Iterable[object]]) -> str:
    """Rows of numbers, texts and lists of numbers; a row is always a line, None is an empty cell.

    A text that would be a formula has a `'` before it, a float has four decimals, a list is written as 64x112x112.
    """
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


def costs(line: Line) -> list[object]:
    """Cells of what a line costs, as `COSTS` are called: empty where nothing of it is known."""
    return [getattr(line, cost) if line.is_known else "" for cost in COSTS]


def traffic(line: Line) -> list[object]:
    """Cells of the bytes and bit operations of a line, as `TRAFFIC` are called: empty where nothing is known of it."""
    return [getattr(line, amount) if line.is_known else "" for amount in TRAFFIC]


def field(field: ReceptiveField | None) -> list[object]:
    """Cells of a receptive field: size, stride and start, each with its axes, and whether it is all of the input."""
    return [None] * 4 if field is None else [field.size, field.stride, field.start, field.is_global]


def sizes(shape: Shape | None) -> object:
    """The cell of a shape: ``?`` where it is not known."""
    return "?" if shape == UNSIZED else shape


def _cell(cell: object) -> object:
    if isinstance(cell, tuple):
        return "x".join("" if number is None else str(number) for number in cell)
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return f"{cell:.4f}"
    if not isinstance(cell, str):
        return cell
    shown = visible(cell)
    return f"'{shown}" if _FORMULA.match(shown) and not NUMBERS.fullmatch(shown) else shown
