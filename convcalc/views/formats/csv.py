"""Tables as CSV. A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from convcalc.analysis.lines import Line
from convcalc.analysis.report import COSTS, TRAFFIC, ReceptiveField
from convcalc.visible import visible

_FORMULA = re.compile("\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]")
FIELD = ("field_size", "field_stride", "field_start", "field_global")
"""What the cells of a receptive field are called."""
NUMBERS = re.compile(r"[-+]?\d[\d./]*(x[-+]?\d[\d./]*)*")
"""A number, or one an axis."""


def text(rows: Iterable[Iterable[object]]) -> str:
    """Rows of numbers and texts; a text that would be a formula has a `'` before it, a row is always a line."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


def costs(line: Line) -> list[object]:
    """Cells of what a line costs, as `COSTS` are called: empty where nothing of it is known."""
    return [getattr(line, cost) if line.is_known else "" for cost in COSTS]


def traffic(line: Line) -> list[object]:
    """Cells of the bytes and bit operations of a line, as `TRAFFIC` are called: empty where nothing is known of it."""
    return [getattr(line, amount) if line.is_known else "" for amount in TRAFFIC]


def field(field: ReceptiveField | None) -> list[str]:
    """Cells of a receptive field: size, stride and start, each with its axes, and whether it is all of the input."""
    if field is None:
        return [""] * 4
    local = (field.size, field.stride, field.start)
    axes = ["x".join("" if number is None else str(number) for number in numbers or ()) for numbers in local]
    return [*axes, str(field.is_global).lower()]


def _cell(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    shown = visible(cell)
    return f"'{shown}" if _FORMULA.match(shown) and not NUMBERS.fullmatch(shown) else shown
