"""A comparison of two networks: their totals side by side, and the blocks that changed."""

from __future__ import annotations

from typing import Any

from convcalc.analysis.compare import Comparison
from convcalc.analysis.folding import folded
from convcalc.analysis.sides import Candidate, Sides
from convcalc.frames import dataframe, typed
from convcalc.views import conversion, words
from convcalc.views.compare import csv
from convcalc.views.compare import shared as compared
from convcalc.views.compare.shared import Compared
from convcalc.views.notebook import shared
from convcalc.views.notebook.markup import page, table

TOTALS = ("", "base", "head", "change", "%")
CHANGES = ("block", "", "kind", "output", "params", "%", "MACs", "%", "field")


def line(comparison: Comparison) -> str:
    """Params and MACs before and after, and how many layers changed."""
    names = [shared.brief(report.network.name) for report in (comparison.base, comparison.head)]
    parts = [figure(comparison, total) for total in ("params", "macs")]
    parts.append(f"{len(comparison.differences):,} of {shared.counted(len(comparison.layers), 'layer')} differ")
    return f"{compared.between(*names)}: {', '.join(parts)}"


def figure(comparison: Comparison, total: str) -> str:
    """MACs 4,089,184,256 -> 7,801,405,440 (+90.8 %)."""
    delta = getattr(comparison.totals, total)
    change = compared.percent(delta)
    texts = compared.between(words.exact(delta.base), words.exact(delta.head))
    return f"{'MACs' if total == 'macs' else total} {texts}{f' ({change})' if change else ''}"


def html(comparison: Comparison) -> str:
    """All totals, and below them a line for each block that is not the same in both."""
    base, head = comparison.base, comparison.head
    notes = [compared.leaving(comparison), compared.uncosted(comparison), *conversion.lines(comparison)]
    return page(
        table(
            compared.between(shared.title(base), shared.title(head)),
            TOTALS,
            "lrrrr",
            compared.totals(comparison),
        ),
        changes(comparison),
        notes=[*filter(None, notes), *_key(comparison)],
        end=words.convention(base.convention, head.convention),
    )


def changes(comparison: Comparison) -> str:
    """The table of the blocks that changed; nothing where none did."""
    rows = [
        (
            compared.name(change),
            compared.MARKS[change.mark],
            compared.kinds(change),
            compared.outputs(change),
            compared.changed(change, "params", compared.exactly),
            compared.percent(change.delta("params")),
            compared.changed(change, "macs", compared.exactly),
            compared.percent(change.delta("macs")),
            compared.fields(change),
        )
        for change in folded(comparison, "block").changes
    ]
    return table("", CHANGES, "llllrrrrr", rows) if rows else ""


def _key(comparison: Comparison) -> list[str]:
    changed = folded(comparison, "block").changes
    return [compared.key(changed)] if changed else ["no layer changed"]


def document(comparison: Comparison) -> bytes:
    """As `convcalc compare BASE HEAD` prints it."""
    base, head = (shared.path_of(report.network) for report in (comparison.base, comparison.head))
    sides = Sides(comparison.base, base, base, (Candidate(head, comparison),), variants=False)
    return shared.document("compare", Compared(sides))


def frame(comparison: Comparison) -> Any:
    """A row for each layer that is not the same in both."""
    return dataframe(typed(csv.COLUMNS, map(csv.cells, comparison.changes)))
