"""The zoo as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.views import words
from convcalc.views.formats.markdown import code, row
from convcalc.views.zoo import records
from convcalc.views.zoo.records import Entry


def text(entries: Sequence[Entry]) -> str:
    """The table and what is counted in it."""
    rows = [_row(entry) for entry in entries]
    head = [
        "| network | input | params | MACs | field | peak activations | variables |",
        "|:--|--:|--:|--:|--:|--:|:--|",
    ]
    return "\n".join([*head, *rows, "", records.convention(entries), ""])


def _row(entry: Entry) -> str:
    cells = (
        code(entry.name),
        records.inputs(entry),
        words.exact(entry.totals.params),
        words.exact(entry.totals.macs),
        words.field(entry.receptive_field),
        words.binary(entry.totals.peak_activation_bytes),
        " ".join(map(code, records.variables(entry))),
    )
    return row(*cells)
