"""Findings as text: place, severity and code, message, the source line with carets, what to do; then a summary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from convcalc.linting.records import Run
from convcalc.views import diagnostics
from convcalc.views.diagnostics import Line
from convcalc.views.lint import common
from convcalc.visible import visible

if TYPE_CHECKING:
    from rich.console import Console


def text(run: Run) -> str:
    """As it is written to a file or a pipe."""
    lines = ("".join(part for part, _ in line) for line in _lines(run, None))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def show(console: Console, run: Run) -> None:
    """As it is shown on a terminal."""
    diagnostics.print_lines(console, _lines(run, console.width))


def _lines(run: Run, width: int | None) -> Iterator[Line]:
    for file in run.files:
        shown = {id(finding) for finding in common.by_level(file.findings)[: diagnostics.MOST]}
        for finding in (finding for finding in file.findings if id(finding) in shown):
            yield from diagnostics.lines(finding, width, help_below=True)
            yield []
        hidden = len(file.findings) - diagnostics.MOST
        if hidden > 0:
            said = f"{common.counted(hidden, 'more finding')} not shown; --format concise shows all"
            yield from diagnostics.broken([(f"{visible(file.path)}: ", "bold")], said, "", width, "  ")
            yield []
    style = "bold red" if run.failed else "bold" if run.findings else "bold green"
    yield from diagnostics.broken([], common.headline(run), style, width)
    if common.notes(run):
        yield from diagnostics.broken([], ", ".join(common.notes(run)), "dim", width)
