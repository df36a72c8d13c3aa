"""Text in Mermaid: every character that could mean something is written as its number, ``#35;``."""

from __future__ import annotations

import re

from convcalc.visible import visible

_MEANT = re.compile(r"[^\w ,./()×≥…]|(?<![^\W_])_|_(?![^\W_])|^\d+(?=[.)](?:\s|$))")
"""All but letters, digits and some signs; of these a ``_`` at the edge of a word, and a number that begins a list."""
_OWN = {"ﬂ": "fl", "¶ß": "¶ss"}
"""Mermaid itself writes ``#35;`` as ``ﬂ°°35¶ß`` on the way, and would take such a word for its own."""


def escaped(text: str) -> str:
    """A text that is no markup, for a label between double quotes."""
    shown = visible(text)
    for word, spelt in _OWN.items():
        shown = shown.replace(word, spelt)
    return _MEANT.sub(lambda match: "".join(f"#{ord(character)};" for character in match[0]), shown)


def label(*lines: str) -> str:
    """Lines of text as a label.

    They are broken by line breaks: behind a ``<br/>`` Mermaid reads the numbers as characters before it looks for
    formulas, icons and emphasis, and finds them.
    """
    return '"' + "\n".join(map(escaped, lines)) + '"'
