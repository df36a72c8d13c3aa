"""The effective field for the terminal: the map in characters, as wide as 80 columns hold, and the figures below it."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

from convcalc.views.field import shared
from convcalc.views.field.shared import Looked
from convcalc.views.formats import terminal
from convcalc.views.output import Output
from convcalc.views.pictures.heat.characters import Drawn, drawn
from convcalc.views.pictures.heat.panels import HeatPanel, panels

if TYPE_CHECKING:
    from convcalc.reference.fields.effective_field import EffectiveField

_WIDEST, _HIGHEST = 76, 38
"""Characters of a map, without its frame."""
_LABEL = 11


def write(looked: Looked, out: Output) -> None:
    """In colours where the terminal has them, else in shades."""
    console, field = out.pen, looked.field
    coloured = _has_colours(console)
    name, shapes, path = shared.title(looked)
    console.print(terminal.line((name, "bold"), "   ", shapes, "   ", (path, "dim")))
    console.print(terminal.line(shared.subject(field)))
    shown = drawn_panels(field)
    pictures = [picture(panel, console.width, len(shown), coloured=coloured) for panel in shown]
    for panel, drawing in zip(shown, pictures, strict=True):
        console.print()
        if len(shown) > 1:
            console.print(terminal.line(axes(panel), style="dim"))
        for line in drawing.lines:
            console.print(terminal.line(*line), soft_wrap=True)
    first = pictures[0]
    legend = shared.legend(field, first.wide, first.high, coloured=coloured)
    console.print(terminal.line(legend, style="dim"))
    console.print()
    for label, fact in shared.facts(field):
        beginning, *others = wrap(fact, max(20, console.width - _LABEL), break_on_hyphens=False) or [""]
        console.print(terminal.line((label.ljust(_LABEL), "bold"), beginning))
        for rest in others:
            console.print(terminal.line(" " * _LABEL, rest))
    console.print(terminal.line(shared.convention(field), style="dim"))


def drawn_panels(field: EffectiveField) -> list[HeatPanel]:
    """What is drawn in characters: the theoretical field, or all of the input where much comes from outside of it."""
    shown = list(panels(field))
    if shared.shows_input(field):
        return [panel._replace(theory=(None,) * len(panel.theory)) for panel in shown]
    return shown


def picture(panel: HeatPanel, width: int, count: int, *, coloured: bool) -> Drawn:
    """A panel that fits a terminal so wide, one of `count`; no wider than 80 columns, whatever the terminal is."""
    columns = max(8, min(width - 2, _WIDEST))
    return drawn(panel, columns, _HIGHEST if count == 1 else _HIGHEST // 2, coloured=coloured)


def axes(panel: HeatPanel) -> str:
    """Which axes of the input a panel shows."""
    down, across = panel.axes
    return f"axis {down} down, axis {across} across, summed over the others"


def _has_colours(pen: Any) -> bool:
    return bool(getattr(pen, "color_system", None)) and not getattr(pen, "no_color", False)
