"""Findings as text: ``path:line:col: error[CC010]: message``, the source line, carets, what to do."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from convcalc.spec.source import Diagnostic
from convcalc.views.words import printable

STYLES = {"error": "bold red", "warning": "bold yellow", "info": "bold blue"}
MOST = 50
"""Findings of one file that are shown."""
WIDEST = 160
"""Characters of a source line that are shown around the carets."""


def show(console: Console, diagnostics: list[Diagnostic]) -> None:
    """Print findings, each with its source line."""
    for diagnostic in diagnostics[:MOST]:
        _show(console, diagnostic)
    if len(diagnostics) > MOST:
        console.print(Text(f"{len(diagnostics) - MOST} more findings not shown", "dim"))


def _show(console: Console, diagnostic: Diagnostic) -> None:
    place = f"{diagnostic.path}:{diagnostic.line}:{diagnostic.column}: " if diagnostic.line else f"{diagnostic.path}: "
    style = STYLES.get(diagnostic.severity, "")
    head = Text.assemble((printable(place), "bold"), (f"{diagnostic.severity}[{diagnostic.code}]", style), ": ")
    head.append(printable(diagnostic.message))
    console.print(head, soft_wrap=True, highlight=False)
    if not diagnostic.line:
        if diagnostic.help:
            console.print(Text(f"  {printable(diagnostic.help)}", "green"), soft_wrap=True)
        return
    first = max(0, diagnostic.column - 1 - WIDEST // 2)
    line = printable(diagnostic.text[first : first + WIDEST])
    before = printable(diagnostic.text[first : diagnostic.column - 1])
    marked = printable(diagnostic.text[diagnostic.column - 1 : diagnostic.end_column - 1])[:WIDEST]
    number = f"{diagnostic.line:>5} | "
    console.print(Text.assemble((number, "dim"), line), soft_wrap=True, no_wrap=True, overflow="ignore", crop=False)
    carets = Text.assemble(("| ".rjust(len(number)), "dim"), " " * cell_len(before))
    carets.append("^" * max(1, cell_len(marked)), style)
    carets.append(f" {printable(diagnostic.help)}" if diagnostic.help else "", "green")
    console.print(carets, soft_wrap=True, no_wrap=True, overflow="ignore", crop=False)
