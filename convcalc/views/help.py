"""Pages of the manual, which are Markdown, on a terminal."""

from __future__ import annotations

import re

from rich.console import Console

from convcalc.views.formats import terminal

_WIDEST = 100
"""Columns of a page: longer lines are hard to read."""
_WEB_ONLY = re.compile(r"<!-- web -->.*?<!-- /web -->\n*", re.DOTALL)
"""Pictures, and tables that a command prints."""
_LINK = re.compile(r"\[([^\]]+)\]\((\w+)\.md(?:#[\w-]+)?\)")
"""A link to another page."""


def show(console: Console, text: str) -> None:
    """One page, in which links name the command that prints the other page."""
    text = _LINK.sub(r"\1 (`convcalc help \2`)", _WEB_ONLY.sub("", text))
    console.print(terminal.markdown(text), width=min(console.width, _WIDEST))
