"""The manual for the terminal."""

from __future__ import annotations

from rich.console import Console

from convcalc.views.columns import print_list
from convcalc.views.formats import terminal
from convcalc.views.manual.shared import Contents, Page
from convcalc.views.output import Output


def write(shown: Page | Contents, out: Output) -> None:
    """One page, or a list with a line for each."""
    if isinstance(shown, Page):
        _print_page(out.console, shown)
    else:
        _print_contents(out.console, shown)


def _print_contents(console: Console, contents: Contents) -> None:
    width = max(len(row[0]) for rows in contents.sections.values() for row in rows)
    for number, (title, rows) in enumerate(contents.sections.items()):
        if number:
            console.print()
        if title:
            console.print(terminal.line(title, style="bold"))
        print_list(console, [(name.ljust(width), *cells) for name, *cells in rows], contents.styles, contents.header)


def _print_page(console: Console, page: Page) -> None:
    console.print(terminal.line((page.name, "bold cyan"), "   ", page.summary), soft_wrap=True)
    if page.fields:
        console.print()
        required = terminal.line("required", style="bold")
        rows = [
            (
                field.name,
                required if field.default is None else field.default,
                f"{field.about} ({field.expected})" if field.expected else field.about,
            )
            for field in page.fields
        ]
        print_list(console, rows, ("cyan", "", ""), ("field", "default", ""))
    if page.body:
        console.print()
        for text in page.body.split("\n"):
            console.print(terminal.line(text), soft_wrap=True)
