"""A saliency map for the terminal: a small picture where it has colours, the highest scores, and where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcalc.views.columns import Column, Grid, fitted
from convcalc.views.formats import terminal
from convcalc.views.output import Output
from convcalc.views.pictures.heat.colours import hexadecimal
from convcalc.views.saliency import shared
from convcalc.views.saliency.shared import ShownSaliency

_WIDEST_PICTURE, _HIGHEST_PICTURE = 64, 24
"""Columns and rows of characters; a character is two pixels, one above the other."""
_COLOURS = {"truecolor", "256"}


def write(shown: ShownSaliency, out: Output) -> None:
    """Title, picture, the highest scores, and the facts."""
    console = out.pen
    name, image = shared.title(shown)
    console.print(terminal.line((name, "bold"), "   ", (image, "dim")))
    console.print(terminal.line(shared.headline(shown.saliency), style="bold"))
    for line in _preview(shown, console):
        console.print(line, soft_wrap=True)
    console.print()
    console.print(_scores(console.width, shown), soft_wrap=True)
    console.print()
    for fact in shared.facts(shown):
        console.print(terminal.line(fact))


def _scores(width: int, shown: ShownSaliency) -> Grid:
    rows = shared.scores(shown.saliency)
    heads = ("class", "score", "probability")
    columns = [Column(head, [row[place] for row in rows]) for place, head in enumerate(heads)]
    taken = shown.saliency.class_index
    styles = ["bold" if entry.index == taken else "" for entry in shown.saliency.top]
    return Grid(fitted([column for column in columns if any(column.cells)], width), styles)


def _preview(shown: ShownSaliency, console: Any) -> Iterator[terminal.Styled]:
    """The map over the image as lines of half blocks, where the terminal has the colours for it."""
    if shown.picture is None or getattr(console, "color_system", None) not in _COLOURS or console.no_color:
        return
    if not (console.encoding or "").lower().startswith("utf"):
        return
    from convcalc.imaging.drawing import halves, over

    columns = min(console.width, _WIDEST_PICTURE)
    pixels = halves(over(shown.picture, shown.saliency.amounts), columns, _HIGHEST_PICTURE)
    for above, below in zip(pixels[::2], pixels[1::2], strict=True):
        yield terminal.line(
            *(("▀", f"{hexadecimal(up)} on {hexadecimal(down)}") for up, down in zip(above, below, strict=True))
        )
