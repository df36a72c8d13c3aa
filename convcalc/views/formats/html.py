"""Text in HTML, in which GitHub still sees the names of people."""

from __future__ import annotations

from html import escape

from convcalc.visible import short, visible


def escaped(text: str) -> str:
    """The beginning of a text, between tags."""
    return escape(visible(short(text))).replace("@", "&#64;")
