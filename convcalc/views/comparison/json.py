"""Comparisons as JSON: base, head and diff, stable names, raw integers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convcalc.analysis.compare import Change, Comparison, Delta, Mark, Totals
from convcalc.analysis.folding import folded
from convcalc.analysis.lines import By, Line
from convcalc.analysis.report import Convention
from convcalc.comparing.sides import Entry, Sides
from convcalc.language.replacing import Skipped
from convcalc.version import __version__
from convcalc.views import json
from convcalc.views.comparison.records import TheoryTexts, ordered, theory_texts
from convcalc.views.formats import json as formats

SCHEMA_VERSION = 1


class Layer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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
    layers: list[Layer]
    lines: list[Layer] | None = None


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """One of several that the base is compared with; `reason`: it could not be had, and why; see `Entry`."""

    label: str
    reason: str | None
    head: json.Document | None
    diff: Diff | None
    replaced: list[str]
    skipped: tuple[Skipped, ...]
    theory: TheoryTexts | None
    notes: tuple[str, ...]


class Document(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The JSON of a comparison: `head` and `diff` where there is one, `heads` where there are several."""

    schema_version: int = msgspec.field(default_factory=lambda: SCHEMA_VERSION)
    convcalc_version: str = msgspec.field(default_factory=lambda: __version__)
    convention: Convention | None
    base: json.Document
    head: json.Document | None = None
    diff: Diff | None = None
    variant: str | None = None
    replaced: list[str] | None = None
    skipped: tuple[Skipped, ...] = ()
    theory: TheoryTexts | None = None
    notes: tuple[str, ...] = ()
    heads: list[Head] | None = None


def encoded(sides: Sides, by: By = "layer") -> bytes:
    """The text of a comparison."""
    base = json.document(sides.base, sides.path, None, None)
    if len(sides.entries) == 1:
        (head,) = heads(sides, by)
        document = Document(
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
    else:
        document = Document(convention=sides.base.convention, base=base, heads=heads(sides, by))
    return formats.encoded(document)


def failure(documents: Sequence[json.Document]) -> bytes:
    """The text where some of the specs, the base first, have mistakes, which stand in their documents: no diff."""
    base, *heads = documents
    document = Document(convention=base.convention, base=base)
    if len(heads) == 1:
        document.head = heads[0]
    elif heads:
        reason = "a spec has mistakes"
        document.heads = [
            Head(label=head.spec, reason=reason, head=head, diff=None, replaced=[], skipped=(), theory=None, notes=())
            for head in heads
        ]
    return formats.encoded(document)


def heads(sides: Sides, by: By) -> list[Head]:
    """Those that the base is compared with, in the order in which they are shown."""
    return [_head(sides, entry, by) for entry, _ in ordered(sides) if entry in sides.entries]


def _head(sides: Sides, entry: Entry, by: By) -> Head:
    comparison = entry.comparison
    path = sides.path if sides.variants else entry.label
    return Head(
        label=entry.label,
        reason=entry.reason or None,
        head=json.document(comparison.head, path, None, None) if comparison else None,
        diff=_diff(comparison, by) if comparison else None,
        replaced=[change.name for change in entry.replaced],
        skipped=entry.skipped,
        theory=None if entry.theory is None else theory_texts(entry.theory),
        notes=entry.notes,
    )


def _diff(comparison: Comparison, by: By) -> Diff:
    layers = [_layer(change) for change in comparison.changes]
    lines = [_layer(change) for change in folded(comparison, by).changes] if by != "layer" else None
    return Diff(comparison.totals, comparison.outputs, layers, lines)


def _layer(change: Change) -> Layer:
    return Layer(
        mark=change.mark,
        base=change.base,
        head=change.head,
        params=change.delta("params"),
        macs=change.delta("macs"),
        base_parts=change.base_parts,
        head_parts=change.head_parts,
    )
