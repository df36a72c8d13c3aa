"""Files against a revision for the terminal: those that changed one by one, and a row each at the end."""

from __future__ import annotations

from convcalc.views.columns import Column, end, show
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
    marks, names, *numbers, _ = map(list, zip(*rows, strict=True))
    columns = [Column("", marks, "left"), Column("spec", names, "left", shorten=end)]
    for header, rank, cells in zip(shared.HEADERS[2:-1], (2, 3, 6, 0, 1, 5, 4), numbers, strict=True):
        columns += [Column(header, cells, rank=rank)] if any(cells) else []
    show(console, columns, [STYLES[file.status] for file in files])
    for file, row in zip(files, rows, strict=True):
        if row[-1] and file.status in {"failed", "changed"}:
            console.print(terminal.line(f"{file.path}: {row[-1]}", style=STYLES[file.status]))
    if shared.convention(files):
        console.print(terminal.line(shared.convention(files), style="dim"))
