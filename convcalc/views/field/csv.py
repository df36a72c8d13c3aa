"""The effective field as CSV: a line for each position of each axis of the input, with its percentage."""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.frames import Form
from convcalc.views.field.shared import Looked
from convcalc.views.formats import csv
from convcalc.views.output import Output

COLUMNS = {
    "model": Form.TEXT,
    "layer": Form.TEXT,
    "input": Form.TEXT,
    "axis": Form.WHOLE,
    "position": Form.WHOLE,
    "percent": Form.MEASURED,
    "in_theory": Form.TRUTH,
}
"""What the columns are called, and what is in them."""


def write(looked: Looked, out: Output) -> None:
    """Whatever the position on the other axes; `in_theory`: it is within the theoretical field."""
    out.text(csv.text([COLUMNS, *rows(looked)]))


def rows(looked: Looked) -> Iterator[list[object]]:
    """The cells of every position, axis by axis."""
    field = looked.field
    for axis, (low, high) in enumerate(field.on_input):
        for position, share in enumerate(field.profile(axis)):
            head = [field.network.name, field.layer, field.input, axis, position]
            yield [*head, 100 * share, low <= position <= high]
