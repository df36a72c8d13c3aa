"""The zoo as CSV: a line a network, raw integers."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.report import Totals
from convcalc.views import words
from convcalc.views.formats import csv
from convcalc.views.zoo import records
from convcalc.views.zoo.records import Entry

HEADER = (
    *("name", "spec", "inputs", "outputs", *Totals.__struct_fields__),
    *("field_size", "field_stride", "field_start", "field_global", "variables", "source"),
)


def text(entries: Sequence[Entry]) -> str:
    """The table, with its header."""
    return csv.text([HEADER, *map(_row, entries)])


def _row(entry: Entry) -> list[object]:
    field = entry.receptive_field
    local = (field.size, field.stride, field.start) if field else (None, None, None)
    return [
        *(entry.name, entry.spec),
        *(" ".join(map(words.shape, shapes.values())) for shapes in (entry.inputs, entry.outputs)),
        *(getattr(entry.totals, name) for name in Totals.__struct_fields__),
        *("x".join("" if number is None else str(number) for number in axis or ()) for axis in local),
        "" if field is None else str(field.is_global).lower(),
        "; ".join(records.variables(entry)),
        entry.source,
    ]
