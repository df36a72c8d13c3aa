"""Findings as text: place, severity and code, message, the source line with carets, what to do; then a summary."""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.linting.records import Run
from convcalc.views import diagnostics
from convcalc.views.diagnostics import Line
from convcalc.views.lint import shared
from convcalc.views.output import Output
from convcalc.visible import visible

IS_READ_BY_LINE = True
"""Whether other formats of this kind may follow on the same output."""


def write(run: Run, out: Output) -> None:
    """In colours and as wide as the terminal, where it is one."""
    if out.stream.isatty():
        diagnostics.print_lines(out.console, _lines(run, out.console.width))
        return
    lines = ("".join(part for part, _ in line) for line in _lines(run, None))
    out.text("".join(f"{line.rstrip()}\n" for line in lines))


def _lines(run: Run, width: int | None) -> Iterator[Line]:
    for file in run.files:
        shown = {id(finding) for finding in shared.by_level(file.findings)[: diagnostics.MOST]}
        for finding in (finding for finding in file.findings if id(finding) in shown):
            yield from diagnostics.lines(finding, width, help_below=True)
            yield []
        hidden = len(file.findings) - diagnostics.MOST
        if hidden > 0:
            text = f"{shared.counted(hidden, 'more finding')} not shown; --format concise shows all"
            yield from diagnostics.broken([(f"{visible(file.path)}: ", "bold")], text, "", width, "  ")
            yield []
    style = "bold red" if run.failed else "bold" if run.findings else "bold green"
    yield from diagnostics.broken([], shared.headline(run), style, width)
    if shared.notes(run):
        yield from diagnostics.broken([], ", ".join(shared.notes(run)), "dim", width)
