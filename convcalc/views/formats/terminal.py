"""Lines for the terminal; no text from a spec is markup, and none of it steers the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from convcalc.visible import visible

if TYPE_CHECKING:
    from rich.markdown import Markdown


def line(*parts: str | tuple[str, str], style: str = "") -> Text:
    """One line of parts, some of them with a style of their own."""
    shown = (visible(part) if isinstance(part, str) else (visible(part[0]), part[1]) for part in parts)
    return Text.assemble(*shown, style=style)


def markdown(text: str) -> Markdown:
    """A text that is markup: a page of our own, never one from outside."""
    from rich.markdown import Markdown

    return Markdown("\n".join(map(visible, text.split("\n"))), code_theme="ansi_dark", hyperlinks=False)
