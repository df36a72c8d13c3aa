"""Pages of the manual, which are Markdown, on a terminal."""

from __future__ import annotations

import re

from rich.console import Console
from rich.table import Table

from convcalc.views.formats import terminal

_WIDEST = 100
"""Columns of a page: longer lines are hard to read."""
_WEB_ONLY = re.compile(r"<!-- web -->.*?<!-- /web -->\n*", re.DOTALL)
"""Pictures, and tables that a command prints."""
_LINK = re.compile(r"\[([^\]]+)\]\((\w+)\.md(?:#[\w-]+)?\)")
"""A link to another page."""


def contents(console: Console, topics: dict[str, str]) -> None:
    """The list of the pages, a line each."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for topic, about in topics.items():
        table.add_row(topic, about)
    console.print(table)


def show(console: Console, text: str) -> None:
    """One page, in which links name the command that prints the other page."""
    text = _LINK.sub(r"\1 (`convcalc help \2`)", _WEB_ONLY.sub("", text))
    console.print(terminal.markdown(text), width=min(console.width, _WIDEST))
