"""Findings as text: ``path:line:col: error[CC010]: message``, the source line, carets, what to do.

On a terminal messages are broken between words, and of a source line that is too long the part around the carets is
shown. Elsewhere a message is one line, so that it can be searched for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from convcalc.language.source import Diagnostic
from convcalc.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {"error": "bold red", "warning": "bold yellow", "info": "bold blue"}
MOST = 50
"""Findings of one file that are shown."""
WIDEST = 160
"""Characters of a source line that are shown around the carets."""
_NARROWEST = 40
"""Columns of a terminal that is too narrow for anything."""

Line = list[tuple[str, str]]
"""The parts of a line, each with its style."""


def show(console: Console, diagnostics: Sequence[Diagnostic]) -> None:
    """Print findings, each with its source line; what to do stands beside the carets."""
    width = console.width if console.is_terminal else None
    for diagnostic in diagnostics[:MOST]:
        print_lines(console, lines(diagnostic, width))
    print_lines(console, ([(line, "dim")] for line in _left_out(diagnostics)))


def text(diagnostics: Sequence[Diagnostic]) -> str:
    """As `show` prints them where nobody reads along, without styles."""
    shown = ["".join(part for part, _ in line) for diagnostic in diagnostics[:MOST] for line in lines(diagnostic, None)]
    return "\n".join([*shown, *_left_out(diagnostics)])


def _left_out(diagnostics: Sequence[Diagnostic]) -> list[str]:
    more = len(diagnostics) - MOST
    return [f"{more} more finding{'s' * (more > 1)} not shown"] if more > 0 else []


def print_lines(console: Console, lines: Iterable[Line]) -> None:
    """Print lines as they are: they have been broken where they are to be."""
    from convcalc.views.formats import terminal

    for line in lines:
        console.print(terminal.line(*line), soft_wrap=True, no_wrap=True, overflow="ignore", crop=False)


def lines(diagnostic: Diagnostic, width: int | None, *, help_below: bool = False) -> list[Line]:
    """One finding for a terminal of so many columns, None for no terminal; `help_below`: in a line of its own."""
    style = STYLES.get(diagnostic.severity, "")
    where = f":{diagnostic.line}:{diagnostic.column}" if diagnostic.line else ""
    start: Line = [
        (f"{visible(diagnostic.path)}{where}: ", "bold"),
        (f"{diagnostic.severity}[{diagnostic.code}]", style),
        (": ", ""),
    ]
    shown_lines = broken(start, visible(diagnostic.message), "", width, "  ")
    advice = visible(diagnostic.help)
    if not diagnostic.line:
        label: Line = [("  ", ""), ("help: " if help_below else "", "bold")]
        return [*shown_lines, *(broken(label, advice, "green", width, "  ") if advice else [])]
    gutter = f"{diagnostic.line:>5} | "
    margin = "| ".rjust(len(gutter))
    shown, before, marked = _window(diagnostic, width and max(width, _NARROWEST) - len(gutter))
    carets: Line = [(margin, "dim"), (f"{' ' * before}{'^' * max(1, marked)}", style)]
    shown_lines += [[(gutter, "dim"), (shown, "")], carets]
    if advice and help_below:
        label = [("= ".rjust(len(gutter)), "dim"), ("help: ", "bold")]
        shown_lines += broken(label, advice, "green", width, " " * (len(gutter) + len("help: ")))
    elif advice:
        carets.append((f" {advice}", "green"))
    return shown_lines


def _window(diagnostic: Diagnostic, cells: int | None) -> tuple[str, int, int]:
    """The part of the source line that is shown, and how many cells of it stand before the mark and in it."""
    text, start, end = diagnostic.text, diagnostic.column - 1, diagnostic.end_column - 1
    if cells is None:
        first = max(0, start - WIDEST // 2)
        last = first + WIDEST
        return _shown(text[first:last]), _cells(text[first:start]), _cells(text[start:end][:WIDEST])
    if _cells(text[: start + cells + 1]) <= cells and len(text) <= start + cells:
        return _shown(text), _cells(text[:start]), _cells(text[start:end])
    first = start
    while first and _cells(text[first - 1 : start]) < cells // 2:
        first -= 1
    cut = "…" if first else ""
    last = first
    while last < len(text) and len(cut) + _cells(text[first : last + 1]) < cells:
        last += 1
    more = "…" if last < len(text) else ""
    shown = f"{cut}{_shown(text[first:last])}{more}"
    return shown, len(cut) + _cells(text[first:start]), _cells(text[start : min(end, last)])


def _shown(text: str) -> str:
    """A part of a source line; a tab is a blank."""
    return visible(text.replace("\t", " "))


def _cells(text: str) -> int:
    """How many columns of a terminal a part of a source line takes."""
    shown = _shown(text)
    if shown.isascii():
        return len(shown)
    from rich.cells import cell_len

    return cell_len(shown)


def broken(start: Line, text: str, style: str, width: int | None, indentation: str = "") -> list[Line]:
    """A text behind the start of a line, broken between words where it is too long for a line."""
    if width is None:
        return [[*start, (text, style)]]
    lines, line = [], start
    room = max(width, _NARROWEST)
    used, piece = sum(_cells(part) for part, _ in start), ""
    for word in text.split(" "):
        if piece and used + _cells(piece) + 1 + _cells(word) > room:
            lines.append([*line, (piece, style)])
            line, used, piece = [(indentation, "")], len(indentation), word
        else:
            piece = f"{piece} {word}" if piece else word
    return [*lines, [*line, (piece, style)]]
