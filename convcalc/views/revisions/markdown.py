"""Files against a revision as one comment on a pull request: a summary of all, and each that changed folded.

The marker in the first line is the same whatever the files are, so that a bot finds its comment again.
"""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.lines import By
from convcalc.comparing.revisions import Revised
from convcalc.views.comparison import records as comparisons
from convcalc.views.comparison.markdown import Section, change_rows, fitted
from convcalc.views.formats import html
from convcalc.views.formats.markdown import cell, escaped, row
from convcalc.views.revisions import records
from convcalc.visible import short

MARKER = "<!-- convcalc:compare -->"
MOST_FOLDED = 100
"""Files of which it is shown what changed in them."""
HEADER = [row(*records.HEADERS), "|:-:|:--|--:|--:|--:|--:|--:|--:|--:|:--|"]


def text(files: Sequence[Revised], revision: str, by: By) -> str:
    """The comment; files that are as they were are counted, and named in a fold."""
    shown = [file for file in files if file.status != "unchanged"]
    sections = [Section(HEADER, [_row(*records.cells(file)) for file in shown])] if shown else []
    changed = [file for file in files if file.status == "changed"]
    sections += [section for file in changed[:MOST_FOLDED] if (section := _section(file, by)) is not None]
    same = [f"- {cell(records.name(file))}" for file in files if file.status == "unchanged"]
    sections += [Section([], same, f"{len(same)} unchanged", folded=True)] if same else []
    more = len(changed) - MOST_FOLDED
    end = [f"What changed in {more} more specs is not shown.", ""] if more > 0 else []
    start = [MARKER, f"### convcalc: {cell(records.headline(files, revision))}", ""]
    return fitted(start, sections, [*end, records.convention(files)])


def _row(mark: str, *cells: str) -> str:
    return row(mark, *(escaped(short(text, 300)) for text in cells))


def _section(file: Revised, by: By) -> Section | None:
    comparison = records.comparison(file)
    if comparison is None or not comparison.changes:
        return None
    header, rows, behind = change_rows(comparison, by)
    if behind:
        rows.append(
            row("≈", f"{behind} {by}{'s' if behind > 1 else ''}", "changed because something before did", *[""] * 7)
        )
    return Section(header, rows, f"{html.escaped(records.name(file))}: {comparisons.headline(comparison)}", folded=True)
