"""Files against a revision as one comment on a pull request: a summary of all, and each that changed folded.

The marker in the first line is the same whatever the files are, so that a bot finds its comment again.
"""

from __future__ import annotations

from convcalc.analysis.folding import folded
from convcalc.analysis.lines import By
from convcalc.analysis.revisions import Revised
from convcalc.views.comments import Section, fitted
from convcalc.views.compare import shared as comparisons
from convcalc.views.compare.markdown import changes
from convcalc.views.formats import html
from convcalc.views.formats.markdown import cell, escaped, row, table
from convcalc.views.output import Output
from convcalc.views.revisions import shared
from convcalc.views.revisions.shared import Revisions
from convcalc.visible import short

MARKER = "<!-- convcalc:compare -->"
_MOST_FOLDED = 100
"""Files whose changes are shown layer by layer."""
HEADER = table(shared.HEADERS, "clrrrrrrrl")


def write(revisions: Revisions, out: Output) -> None:
    """The comment; files that are as they were are counted, and named in a fold."""
    files, by = revisions.files, revisions.by
    shown = [file for file in files if file.status != "unchanged"]
    sections = [Section(HEADER, [_escaped_row(*shared.cells(file)) for file in shown])] if shown else []
    changed = [file for file in files if file.status == "changed"]
    sections += [section for file in changed[:_MOST_FOLDED] if (section := _section(file, by)) is not None]
    same = [f"- {cell(shared.name(file))}" for file in files if file.status == "unchanged"]
    sections += [Section([], same, f"{len(same)} unchanged")] if same else []
    more = len(changed) - _MOST_FOLDED
    end = [f"What changed in {more} more specs is not shown.", ""] if more > 0 else []
    start = [MARKER, f"### convcalc: {cell(shared.headline(revisions))}", ""]
    out.text(fitted(start, sections, [*end, shared.convention(files)]))


def _escaped_row(mark: str, *cells: str) -> str:
    return row(mark, *(escaped(short(text, 300)) for text in cells))


def _section(file: Revised, by: By) -> Section | None:
    comparison = shared.comparison(file)
    if comparison is None:
        return None
    layers = folded(comparison, by).layers
    section = changes(layers, by, f"{html.escaped(shared.name(file))}: {comparisons.headline(comparison)}")
    count = sum(layer.mark == "affected" for layer in layers)
    lines = f"{count} {by}{'s' if count > 1 else ''}"
    section.rows += [row("≈", lines, "changed because something before did", *[""] * 7)] if count else []
    return section
