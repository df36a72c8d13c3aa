"""Several networks side by side: variants of one, or specs against the first."""

from __future__ import annotations

from typing import Any

from convcalc.analysis.sides import Sides
from convcalc.frames import dataframe, typed
from convcalc.views.compare import csv
from convcalc.views.compare import shared as compared
from convcalc.views.compare.shared import Compared
from convcalc.views.notebook import candidate as candidates
from convcalc.views.notebook import shared
from convcalc.views.notebook.markup import page, table
from convcalc.views.words import title


def line(sides: Sides) -> str:
    """The base and its candidates, each with its MACs."""
    texts = [candidates.line(candidate) for candidate in sides.candidates]
    return f"{shared.brief(sides.base.network.name)}, {shared.brief(sides.label)} against {'; '.join(texts)}"


def html(sides: Sides) -> str:
    """The totals of each, those with the fewest MACs first."""
    what = "variant" if sides.variants else "spec"
    header = [what, *(column.header for column in compared.columns(sides)), f"against {sides.label}"]
    rows = [
        (candidate.label, *cells.values(), compared.against(candidate.comparison))
        for candidate, cells in compared.ranked(sides)
    ]
    notes = [
        f"{candidate.label} cannot apply: {candidate.reason}"
        for candidate in sides.candidates
        if candidate.comparison is None
    ]
    for candidate in sides.candidates:
        notes += [f"{candidate.label}: {compared.skipped(candidate)}"] if candidate.skipped else []
        notes += (
            [f"{candidate.label}: {compared.theory_line(candidate.theory)}"] if candidate.theory is not None else []
        )
        notes += candidate.notes
    content = table(
        " · ".join(filter(None, title(sides.base, sides.path))), header, f"l{'r' * (len(header) - 2)}l", rows
    )
    if any(cell.endswith("*") for row in rows for cell in row):
        notes.append("* the smallest of its column")
    return page(content, notes=[*dict.fromkeys(notes), *compared.tools(sides)], end=compared.convention(sides))


def document(sides: Sides) -> bytes:
    """As `convcalc compare` prints it."""
    return shared.document("compare", Compared(sides))


def frame(sides: Sides) -> Any:
    """A row a network, the base among them."""
    return dataframe(typed(csv.columns_of_several(sides), csv.several(sides)))
