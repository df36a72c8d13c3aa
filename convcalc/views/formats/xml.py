"""Text in XML, which has no form for most control characters, not even as references."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from convcalc.visible import visible


def escaped(*lines: str) -> str:
    """Lines between tags."""
    return escape("\n".join(map(visible, lines)))


def quoted(text: str) -> str:
    """A text as the value of an attribute, with its quotes."""
    return quoteattr(visible(text))
