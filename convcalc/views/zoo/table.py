"""The zoo for the terminal, as wide as it is and no wider."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from convcalc.views import words
from convcalc.views.columns import GAP, Column, first_words, fitted, grid, needed
from convcalc.views.zoo import records
from convcalc.views.zoo.records import Entry

NARROWEST_SOURCE = 40
"""Characters of a source that are worth a column."""


def show(console: Console, entries: Sequence[Entry]) -> None:
    """A line a network."""
    columns = [
        Column("network", [entry.name for entry in entries], "left", "bold"),
        Column("input", [records.inputs(entry) for entry in entries], rank=3),
        Column("params", [words.exact(entry.totals.params) for entry in entries], rank=1),
        Column("MACs", [words.scaled(entry.totals.macs) for entry in entries]),
        Column("field", [words.field(entry.receptive_field) for entry in entries], rank=2),
        Column("peak", [words.binary(entry.totals.peak_activation_bytes) for entry in entries], rank=4),
        Column("variables", [", ".join(entry.variables) for entry in entries], "left", "cyan", 5),
    ]
    sources = [records.publication(entry) for entry in entries]
    if console.width - needed(columns) - GAP >= NARROWEST_SOURCE:
        columns.append(Column("source", sources, "left", "dim", 6, first_words))
    console.print(grid(fitted(columns, console.width), ["" for _ in entries]))
    first = entries[0].name
    console.print(Text(f"`convcalc analyze zoo:{first}` has the layers of one, `convcalc zoo {first}` its spec"))
    console.print(Text(records.convention(entries), "dim"))
