"""The manual for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from convcalc.rules import Rule
from convcalc.views.formats import terminal
from convcalc.views.manual.shared import Contents, Page, RuleContents
from convcalc.views.output import Output


def write(shown: Page | Contents | RuleContents, out: Output) -> None:
    """One page, or a list with a line for each."""
    if isinstance(shown, Page):
        _print_page(out.console, shown)
    elif isinstance(shown, Contents):
        _print_contents(out.console, shown.sections)
    else:
        _print_rules(out.console, shown.rules)


def _print_rules(console: Console, listed: list[Rule]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column, style in (("code", "cyan"), ("name", "cyan"), ("severity", None)):
        table.add_column(column, style=style, no_wrap=True)
    table.add_column("")
    for rule in listed:
        table.add_row(rule.code, rule.name, rule.severity, rule.summary)
    console.print(table)


def _print_contents(console: Console, sections: dict[str, list[Page]]) -> None:
    width = max(len(page.name) for pages in sections.values() for page in pages)
    for number, (title, pages) in enumerate(sections.items()):
        if number:
            console.print()
        console.print(terminal.line(title, style="bold"))
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(style="cyan", no_wrap=True, width=width)
        table.add_column()
        for page in pages:
            table.add_row(page.name, page.summary)
        console.print(table)


def _print_page(console: Console, page: Page) -> None:
    console.print(terminal.line((page.name, "bold cyan"), "   ", page.summary), soft_wrap=True)
    if page.fields:
        console.print()
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column("field", style="cyan", no_wrap=True)
        table.add_column("default", no_wrap=True)
        table.add_column("", overflow="fold")
        for field in page.fields:
            about = f"{field.about} ({field.expected})" if field.expected else field.about
            table.add_row(
                field.name,
                field.default if field.default is not None else terminal.line("required", style="bold"),
                about,
            )
        console.print(table)
    if page.body:
        console.print()
        for text in page.body.split("\n"):
            console.print(terminal.line(text), soft_wrap=True)
