"""Comparisons as JSON: base, head and diff, stable names, raw integers."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.compare import Change, Comparison
from convcalc.analysis.folding import folded
from convcalc.analysis.lines import By
from convcalc.analysis.sides import Candidate, Side, Sides
from convcalc.views.analyze import json as reports
from convcalc.views.compare.shared import Compared, ordered, theory_texts
from convcalc.views.formats.json import HEAD, Record, filled
from convcalc.views.output import Output


def write(compared: Compared, out: Output) -> None:
    """`head` and `diff` where the base is compared with one, `heads` where it is with several."""
    sides = compared.sides
    document = {**HEAD, "convention": sides.base.convention, "base": reports.document(sides.base, sides.path)}
    several = heads(sides, compared.by)
    if len(several) > 1:
        out.record({**document, "heads": several})
        return
    (head,) = several
    replacing = {"variant": head["label"], "replaced": head["replaced"]} if sides.variants else {}
    beside = {name: head[name] for name in ("skipped", "theory", "notes")}
    out.record({**document, **filled(head=head["head"], diff=head["diff"], **replacing, **beside)})


def write_failure(sides: Sequence[Side], out: Output) -> None:
    """Specs of which some have mistakes, the base first, as far as they could be worked out: no diff."""
    base, *others = [
        reports.failure(side.label, list(side.errors))
        if side.report is None
        else reports.document(side.report, side.label, errors=list(side.errors))
        for side in sides
    ]
    document = {**HEAD, "convention": base["convention"], "base": base}
    if len(others) == 1:
        document["head"] = others[0]
    elif others:
        absent = {"diff": None, "replaced": (), "skipped": (), "theory": None, "notes": ()}
        document["heads"] = [
            {"label": head["spec"], "reason": "a spec has mistakes", "head": head, **absent} for head in others
        ]
    out.record(document)


def heads(sides: Sides, by: By) -> list[Record]:
    """Those that the base is compared with, in the order in which they are shown; see `Candidate`."""
    return [_head(sides, candidate, by) for candidate, _ in ordered(sides) if candidate in sides.candidates]


def _head(sides: Sides, candidate: Candidate, by: By) -> Record:
    comparison = candidate.comparison
    path = sides.path if sides.variants else candidate.label
    return {
        "label": candidate.label,
        "reason": candidate.reason or None,
        "head": reports.document(comparison.head, path) if comparison else None,
        "diff": _diff(comparison, by) if comparison else None,
        "replaced": [change.name for change in candidate.replaced],
        "skipped": candidate.skipped,
        "theory": None if candidate.theory is None else theory_texts(candidate.theory),
        "notes": candidate.notes,
    }


def _diff(comparison: Comparison, by: By) -> Record:
    """The totals side by side, what leaves each, and every layer that is not the same in both.

    `conversion` is what differs between two files of one network and is no difference of it (see `Conversion`).
    `lines` are the blocks or kinds that are not, where they are asked for.
    """
    lines = None if by == "layer" else [_change(change) for change in folded(comparison, by).changes]
    return {
        "totals": comparison.totals,
        "outputs": comparison.outputs,
        "layers": [_change(change) for change in comparison.changes],
        **filled(conversion=comparison.conversion if comparison.changes else None, lines=lines),
    }


def _change(change: Change) -> Record:
    """What became of one layer: its lines, null where it is not, and what it costs more."""
    return {
        "mark": change.mark,
        "base": change.base,
        "head": change.head,
        "params": change.delta("params"),
        "macs": change.delta("macs"),
        **filled(base_parts=change.base_parts, head_parts=change.head_parts, conversion=change.conversion),
    }
