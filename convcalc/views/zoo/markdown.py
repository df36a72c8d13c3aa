"""The zoo as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.views import words
from convcalc.views.markdown import escaped
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
        f"`{entry.name}`",
        records.inputs(entry),
        words.exact(entry.totals.params),
        words.exact(entry.totals.macs),
        words.field(entry.receptive_field),
        words.binary(entry.totals.peak_activation_bytes),
        " ".join(f"`{variable}`" for variable in records.variables(entry)),
    )
    return f"| {' | '.join(map(escaped, cells))} |"
