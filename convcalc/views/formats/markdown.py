"""Text in Markdown as GitHub reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from convcalc.visible import short, visible

_MARKUP = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")
"""Characters that mean something anywhere; a ``_`` within a word does not."""
MARKER = re.compile(r"[-+=](?=[-+=\s]|$)|>|\d+(?=[.)](?:\s|$))")
"""The beginning of a list, a quotation or an underline, where a line begins so."""
_REFERENCES = {"&": "&amp;", "<": "&lt;", "@": "&#64;", "#": "&#35;"}
"""What no backslash takes the meaning from: tags, and calls of people and issues."""


def escaped(text: str) -> str:
    """A text that is no markup, on one line, and calls nobody; it may stand in a table."""
    shown = visible(text).strip()
    start = MARKER.match(shown)
    shown = _MARKUP.sub(r"\\\g<0>", shown)
    if start:
        shown = f"{start[0]}\\{shown[len(start[0]) :]}" if start[0].isdigit() else f"\\{shown}"
    shown = re.sub("[&<@#]", lambda match: _REFERENCES[match[0]], shown)
    return re.sub(r":(?=[\w+-]+:)", "&#58;", shown)  # :warning: is a picture


def cell(text: str) -> str:
    """The beginning of a text, for a cell of a table."""
    return escaped(short(text))


def code(text: str) -> str:
    """A text in the type of code; it may stand in a table, where code in backticks may hold no ``|``."""
    shown = visible(text)
    if not shown or shown != shown.strip() or re.search("[`|]", shown):
        return f"<code>{escaped(shown)}</code>" if shown else ""
    return f"`{shown}`"


def row(*cells: str) -> str:
    """A line of a table, of cells that are escaped."""
    return f"| {' | '.join(cells)} |"


def table(header: Sequence[str], sides: str, rows: Iterable[Sequence[str]] = ()) -> list[str]:
    """The lines of a table of cells that are escaped; `sides`: l, r or c for each column."""
    rules = {"l": ":--", "r": "--:", "c": ":-:"}
    return [row(*header), f"|{'|'.join(rules[side] for side in sides)}|", *(row(*cells) for cells in rows)]
