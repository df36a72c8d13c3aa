"""Lines for the terminal; no text from a spec is markup, and none of it steers the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcalc.visible import visible

if TYPE_CHECKING:
    from rich.markdown import Markdown
    from rich.text import Text


class Styled:
    """One line of parts, each with its style, which Rich knows how to print; `str` is the line without styles."""

    __slots__ = ("parts", "style")

    def __init__(self, parts: list[tuple[str, str]], style: str) -> None:
        self.parts, self.style = parts, style

    def __str__(self) -> str:
        return "".join(text for text, _ in self.parts)

    def __rich__(self) -> Text:
        from rich.text import Text

        return Text.assemble(*self.parts, style=self.style)


def line(*parts: str | tuple[str, str], style: str = "") -> Styled:
    """One line of parts, some of them with a style of their own."""
    styled = ((part, "") if isinstance(part, str) else part for part in parts)
    return Styled([(visible(text), own) for text, own in styled], style)


def markdown(text: str) -> Markdown:
    """A text that is markup: a page of our own, never one from outside."""
    from rich.markdown import Markdown

    return Markdown("\n".join(map(visible, text.split("\n"))), code_theme="ansi_dark", hyperlinks=False)
