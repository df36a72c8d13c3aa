"""The zoo for the terminal, as wide as it is and no wider."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from convcalc.views import words
from convcalc.views.columns import GAP, Column, Grid, first_words, fitted, needed
from convcalc.views.formats import terminal
from convcalc.views.zoo import records
from convcalc.views.zoo.records import Entry

NARROWEST_SOURCE = 40
"""Characters of a source that are worth a column."""


def show(console: Console, entries: Sequence[Entry]) -> None:
    """A line a network; its variables in it where all of it fits, else below."""
    columns = [
        Column("network", [entry.name for entry in entries], "left", "bold"),
        Column("input", [records.inputs(entry) for entry in entries], rank=3),
        Column("params", [words.exact(entry.totals.params) for entry in entries], rank=1),
        Column("MACs", [words.scaled(entry.totals.macs) for entry in entries]),
        Column("field", [words.field(entry.receptive_field) for entry in entries], rank=2),
        Column("peak", [words.binary(entry.totals.peak_activation_bytes) for entry in entries], rank=4),
    ]
    variables = Column("variables", [", ".join(records.variables(entry)) for entry in entries], "left", "cyan")
    beside = needed([*columns, variables]) + GAP + NARROWEST_SOURCE <= console.width
    if beside:
        columns.append(variables)
    sources = [records.publication(entry) for entry in entries]
    if console.width - needed(columns) - GAP >= NARROWEST_SOURCE:
        columns.append(Column("source", sources, "left", "dim", 6, first_words))
    console.print(Grid(fitted(columns, console.width), ["" for _ in entries]), soft_wrap=True)
    if not beside:
        console.print()
        console.print(_variables(entries))
    first = entries[0].name
    console.print(
        terminal.line(f"`convcalc analyze zoo:{first}` has the layers of one, `convcalc zoo {first}` its spec")
    )
    console.print(terminal.line(records.convention(entries), style="dim"))


def _variables(entries: Sequence[Entry]) -> Table:
    """What can be set of each network that has variables, on as many lines as it takes."""
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    table.add_column("network", style="bold", no_wrap=True)
    table.add_column("variables, for --set", style="cyan")
    for entry in entries:
        if entry.variables:
            table.add_row(entry.name, terminal.line(", ".join(records.variables(entry))))
    return table
