"""The effective field in Markdown: the map in shades as a block of code, and a table of the figures."""

from __future__ import annotations

from convcalc.views.field import shared
from convcalc.views.field.shared import Looked
from convcalc.views.field.table import axes, drawn_panels, picture
from convcalc.views.formats.markdown import code, escaped, table
from convcalc.views.output import WIDEST, Output


def write(looked: Looked, out: Output) -> None:
    """As for a terminal without colours."""
    field = looked.field
    name, shapes, path = shared.title(looked)
    lines = [f"### {escaped(name)} ({escaped(shapes)})", "", escaped(shared.subject(field)), ""]
    shown = drawn_panels(field)
    for panel in shown:
        drawing = picture(panel, WIDEST, len(shown), coloured=False)
        lines += [f"{escaped(axes(panel))}:", ""] if len(shown) > 1 else []
        lines += ["```text", *("".join(text for text, _ in line).rstrip() for line in drawing.lines), "```", ""]
    legend = shared.legend(field, drawing.wide, drawing.high, coloured=False)
    lines += [escaped(legend), ""]
    lines += table(("", "field"), "ll", [(escaped(label), escaped(fact)) for label, fact in shared.facts(field)])
    out.text("\n".join([*lines, "", f"{escaped(shared.convention(field))} · {code(path)}", ""]))
