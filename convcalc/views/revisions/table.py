"""Files against a revision for the terminal: those that changed one by one, and a row each at the end."""

from __future__ import annotations

from convcalc.views.columns import Column, Grid, end, fitted
from convcalc.views.compare import table
from convcalc.views.formats import terminal
from convcalc.views.output import Output
from convcalc.views.revisions import shared
from convcalc.views.revisions.shared import Revisions

STYLES = {"changed": "yellow", "added": "green", "deleted": "red", "failed": "bold red", "unchanged": "dim"}


def write(revisions: Revisions, out: Output) -> None:
    """What changed in each file, then the summary; errors are shown elsewhere, with their places."""
    files, console = revisions.files, out.console
    for file in files:
        compared = shared.comparison(file)
        if file.sides is not None and compared is not None and compared.changes:
            table.show(console, file.sides, revisions.by)
            console.print()
    console.print(terminal.line(shared.headline(revisions), style="bold"))
    rows = [shared.cells(file) for file in files]
    ranks = (0, 0, 2, 3, 6, 0, 1, 5, 4, 0)
    columns = [
        Column(header, [row[place] for row in rows], "right" if 2 <= place <= 8 else "left", rank=rank,
               shorten=end if place == 1 else None)
        for place, (header, rank) in enumerate(zip(shared.HEADERS[:-1], ranks, strict=False))
    ]  # fmt: skip
    columns = [column for column in columns if any(column.cells)]
    console.print(Grid(fitted(columns, console.width), [STYLES[file.status] for file in files]), soft_wrap=True)
    for file, row in zip(files, rows, strict=True):
        if row[-1] and file.status in {"failed", "changed"}:
            console.print(terminal.line(f"{file.path}: {row[-1]}", style=STYLES[file.status]))
    if shared.convention(files):
        console.print(terminal.line(shared.convention(files), style="dim"))
