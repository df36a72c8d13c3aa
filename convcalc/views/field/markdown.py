"""The effective field in Markdown: the map in shades as a block of code, and a table of the figures."""

from __future__ import annotations

from convcalc.views.field import shared
from convcalc.views.field.shared import Looked
from convcalc.views.field.table import axes, picture
from convcalc.views.formats.markdown import code, escaped, table
from convcalc.views.output import WIDEST, Output
from convcalc.views.pictures.heat.panels import panels


def write(looked: Looked, out: Output) -> None:
    """As for a terminal without colours."""
    field = looked.field
    name, shapes, path = shared.title(looked)
    lines = [f"### {escaped(name)} ({escaped(shapes)})", "", escaped(shared.subject(field)), ""]
    shown = list(panels(field))
    for panel in shown:
        drawing = picture(panel, WIDEST, len(shown), coloured=False)
        lines += [f"{escaped(axes(panel))}:", ""] if len(shown) > 1 else []
        lines += ["```text", *("".join(text for text, _ in line).rstrip() for line in drawing.lines), "```", ""]
    legend = shared.legend(drawing.wide, drawing.high, coloured=False, is_profile=shown[0].is_profile)
    lines += [escaped(legend), ""]
    lines += table(("", "field"), "ll", [(escaped(label), escaped(fact)) for label, fact in shared.facts(field)])
    out.text("\n".join([*lines, "", f"{escaped(shared.convention(field))} · {code(path)}", ""]))
