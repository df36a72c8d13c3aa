"""Comparisons as JSON: base, head and diff, stable names, raw integers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from convcalc.analysis.compare import Change, Comparison, Delta, Mark, Totals
from convcalc.analysis.folding import folded
from convcalc.analysis.lines import By, Line
from convcalc.analysis.report import Convention
from convcalc.analysis.sides import Candidate, Side, Sides
from convcalc.analysis.theory import Theory
from convcalc.language.replacing import Skipped
from convcalc.views.analyze import json as reports
from convcalc.views.analyze.json import ReportDocument
from convcalc.views.compare.shared import Compared, ordered
from convcalc.views.formats.json import Document
from convcalc.views.output import Output

_MISTAKES = "a spec has mistakes"


class _LayerDiff(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one layer: its lines, null where it is not, and what it costs more."""

    mark: Mark
    base: Line | None
    head: Line | None
    params: Delta
    macs: Delta
    base_parts: tuple[Line, ...] = ()
    head_parts: tuple[Line, ...] = ()


class Diff(msgspec.Struct, frozen=True, omit_defaults=True):
    """The totals side by side, what leaves each, and every layer that is not the same in both.

    `lines` are the blocks or kinds that are not, where they are asked for.
    """

    totals: Totals
    outputs: tuple[tuple[str, ...], tuple[str, ...]]
    layers: list[_LayerDiff]
    lines: list[_LayerDiff] | None = None


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """One of several that the base is compared with; `reason`: it could not be had, and why; see `Candidate`."""

    label: str
    reason: str | None
    head: ReportDocument | None
    diff: Diff | None = None
    replaced: Sequence[str] = ()
    skipped: tuple[Skipped, ...] = ()
    theory: Theory | None = None
    notes: tuple[str, ...] = ()


class _ComparisonDocument(Document, frozen=True, kw_only=True, omit_defaults=True):
    """The JSON of a comparison: `head` and `diff` where there is one, `heads` where there are several."""

    convention: Convention | None
    base: ReportDocument
    head: ReportDocument | None = None
    diff: Diff | None = None
    variant: str | None = None
    replaced: Sequence[str] | None = None
    skipped: tuple[Skipped, ...] = ()
    theory: Theory | None = None
    notes: tuple[str, ...] = ()
    heads: list[_Head] | None = None


def write(compared: Compared, out: Output) -> None:
    """One comparison, or several."""
    sides = compared.sides
    base = reports.document(sides.base, sides.path)
    if len(sides.candidates) > 1:
        document = _ComparisonDocument(convention=sides.base.convention, base=base, heads=heads(sides, compared.by))
    else:
        (head,) = heads(sides, compared.by)
        document = _ComparisonDocument(
            convention=sides.base.convention,
            base=base,
            head=head.head,
            diff=head.diff,
            variant=head.label if sides.variants else None,
            replaced=head.replaced if sides.variants else None,
            skipped=head.skipped,
            theory=head.theory,
            notes=head.notes,
        )
    out.record(document)


def write_failure(sides: Sequence[Side], out: Output) -> None:
    """Specs of which some have mistakes, the base first, as far as they could be worked out: no diff."""
    base, *heads = [
        reports.failure(side.label, list(side.errors))
        if side.report is None
        else reports.document(side.report, side.label, errors=list(side.errors))
        for side in sides
    ]
    document = _ComparisonDocument(convention=base.convention, base=base)
    if len(heads) == 1:
        document = replace(document, head=heads[0])
    elif heads:
        document = replace(document, heads=[_Head(label=head.spec, reason=_MISTAKES, head=head) for head in heads])
    out.record(document)


def heads(sides: Sides, by: By) -> list[_Head]:
    """Those that the base is compared with, in the order in which they are shown."""
    return [_head(sides, candidate, by) for candidate, _ in ordered(sides) if candidate in sides.candidates]


def _head(sides: Sides, candidate: Candidate, by: By) -> _Head:
    comparison = candidate.comparison
    path = sides.path if sides.variants else candidate.label
    return _Head(
        label=candidate.label,
        reason=candidate.reason or None,
        head=reports.document(comparison.head, path) if comparison else None,
        diff=_diff(comparison, by) if comparison else None,
        replaced=[change.name for change in candidate.replaced],
        skipped=candidate.skipped,
        theory=candidate.theory,
        notes=candidate.notes,
    )


def _diff(comparison: Comparison, by: By) -> Diff:
    layers = [_layer_diff(change) for change in comparison.changes]
    lines = [_layer_diff(change) for change in folded(comparison, by).changes] if by != "layer" else None
    return Diff(comparison.totals, comparison.outputs, layers, lines)


def _layer_diff(change: Change) -> _LayerDiff:
    return _LayerDiff(
        mark=change.mark,
        base=change.base,
        head=change.head,
        params=change.delta("params"),
        macs=change.delta("macs"),
        base_parts=change.base_parts,
        head_parts=change.head_parts,
    )
