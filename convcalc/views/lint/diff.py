"""What fixes change, as a unified diff that `patch` and `git apply -p0` read."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from convcalc.language.source import Source
from convcalc.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {"---": "bold", "+++": "bold", "@": "cyan", "-": "red", "+": "green"}
NO_NEWLINE = "\n\\ No newline at end of file\n"


def text(before: Source, after: Source) -> str:
    """The differences, with three lines around each; line ends are those of the file."""
    old, new = (re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", source.text) for source in (before, after))
    name = visible(before.path)
    lines = difflib.unified_diff(old, new, name, name)
    return "".join(line if line.endswith(("\n", "\r")) else f"{line}{NO_NEWLINE}" for line in lines)


def show(console: Console, before: Source, after: Source) -> None:
    """The differences on a terminal, in colours."""
    from convcalc.views.formats import terminal

    for line in re.split("\r\n|\r|\n", text(before, after))[:-1]:
        style = next((style for start, style in STYLES.items() if line.startswith(start)), "")
        console.print(
            terminal.line(line.expandtabs(), style=style), soft_wrap=True, no_wrap=True, overflow="ignore", crop=False
        )
