"""Text in HTML, in which GitHub still sees the names of people."""

from __future__ import annotations

from html import escape

from convcalc.visible import LONGEST, short, visible


def escaped(text: str, longest: int = LONGEST) -> str:
    """The beginning of a text, between tags."""
    return escape(visible(short(text, longest))).replace("@", "&#64;")
