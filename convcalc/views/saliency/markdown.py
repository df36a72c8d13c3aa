"""A saliency map in Markdown: what it is of, the highest scores, and where it lies."""

from __future__ import annotations

from convcalc.views.formats.markdown import cell, escaped, table
from convcalc.views.output import Output
from convcalc.views.saliency import shared
from convcalc.views.saliency.shared import ShownSaliency


def write(shown: ShownSaliency, out: Output) -> None:
    """As the table for the terminal, without a preview."""
    name, image = shared.title(shown)
    rows = [tuple(map(cell, row)) for row in shared.scores(shown.saliency)]
    lines = [f"### {escaped(name)} ({escaped(image)})" if image else f"### {escaped(name)}", ""]
    lines += [f"**{escaped(shared.headline(shown.saliency))}**", ""]
    lines += [*table(("class", "score", "probability"), "rrr", rows), ""]
    lines += [f"- {escaped(fact)}" for fact in shared.facts(shown)]
    out.text("\n".join([*lines, ""]))
