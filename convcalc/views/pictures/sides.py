"""Networks side by side as a page reads them: which layer is which on either side, and what it costs more or less."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from convcalc.analysis.compare import Change, Comparison
from convcalc.analysis.lines import Line
from convcalc.analysis.sides import Candidate, Sides
from convcalc.views import conversion
from convcalc.views.compare import shared
from convcalc.views.formats.json import Record, filled
from convcalc.views.pictures.axes import common
from convcalc.views.pictures.record import COLUMNS
from convcalc.visible import short

REASONS = {
    "norm folded": "folded into the layer before it, in the other file",
    "bias of the norm": "holds the bias of the norm that is folded into it",
    "said otherwise": "another word for the same layer",
    "numbers": "only an eps or a slope is another number",
    "no cost": "costs nothing, and is not in the other file",
    "field": "costs the same, and sees another part of the input",
}
"""Why a conversion changes a layer (`convcalc.analysis.converted.Reason`), for people."""
BEFORE = "something before it changed"
MARKS: tuple[Record, ...] = (
    {"mark": "edited", "sign": "~", "hint": "says otherwise than before"},
    {"mark": "added", "sign": "+", "hint": "only in the second network"},
    {"mark": "removed", "sign": "\u2212", "hint": "only in the first network"},
    {"mark": "affected", "sign": "≈", "hint": "changed because something before it changed"},
    {"mark": "converted", "sign": "=", "hint": "changed by conversion alone"},
    {"mark": "same", "sign": "", "hint": "the same in both"},
)
"""What becomes of a layer, with a sign, so that colour is never all that says it, in the order of the choices."""


EXPECTATION = "CC506"
"""The rule that a network is as its spec expects, which a variant of it cannot be."""


def of_variant(record: Record) -> Record:
    """The record of a variant, which lies in no file: without lines, and without what is expected of the base."""
    items = {name: [_without(item, "line") for item in record[name]] for name in ("nodes", "parts")}
    findings = [_without(item, "line") for item in record["findings"] if item["code"] != EXPECTATION]
    return {**record, **items, "findings": findings}


def _without(record: Record, name: str) -> Record:
    return {key: value for key, value in record.items() if key != name}


def heads(sides: Sides, records: Sequence[Record]) -> list[Record]:
    """What scripts read of the networks that the base is compared with, those that could be had, in their order.

    `records` are the networks of the page (see `convcalc.views.pictures.record`), the base first; `network` is the
    place among them. `rows` are all layers of both: `mark`, and the ids of the layer or block on either side. Where
    something differs they say what, `costs` before and after and the difference, in the order of the columns. `axes`
    are those on which the charts of both are drawn.
    """
    return [
        {
            "label": candidate.label,
            "network": place,
            "totals": comparison.totals,
            "axes": common([records[0], records[place]]),
            "rows": list(_rows(comparison, (records[0], records[place]))),
        }
        for place, candidate, comparison in compared(sides)
    ]


def compared(sides: Sides) -> Iterator[tuple[int, Candidate, Comparison]]:
    """Those that could be had, each with its place among the networks of a page, of which the base is the first."""
    had = [(candidate, candidate.comparison) for candidate in sides.candidates if candidate.comparison is not None]
    yield from ((place, candidate, comparison) for place, (candidate, comparison) in enumerate(had, start=1))


def summary(sides: Sides, candidate: Candidate, comparison: Comparison) -> Record:
    """What stands above the graphs, as texts: the headline, the totals before and after, and what should be known."""
    notes = [
        *([shared.theory_line(candidate.theory)] if candidate.theory is not None else []),
        *([shared.skipped(candidate)] if candidate.skipped else []),
        *candidate.notes,
        shared.leaving(comparison),
        shared.uncosted(comparison),
    ]
    return {
        "label": candidate.label,
        "headline": shared.headline(comparison),
        "verdict": _verdict(comparison),
        "totals": [_total(*row) for row in shared.totals(comparison)],
        "conversion": conversion.lines(comparison),
        "notes": [note for note in notes if note],
        "coverage": shared.coverage(candidate) if sides.variants else "",
    }


def _total(what: str, before: str, after: str, change: str, percent: str) -> Record:
    way = {"+": "more", "-": "less"}.get(change[:1], "")
    return {"what": what, "before": before, "after": after, "change": change, "percent": percent, "way": way}


def title(sides: Sides) -> str:
    """What the page is about: the network and its variant, two networks, or how many stand beside the first."""
    name, labels = sides.base.network.name, [candidate.label for candidate in sides.candidates]
    if len(labels) > 1:
        return f"{short(name)} against {len(labels)} {'variants' if sides.variants else 'others'}"
    (candidate,) = sides.candidates
    if sides.variants or candidate.report is None:
        return f"{short(name)}: {sides.label} → {short(labels[0])}"
    other = candidate.report.network.name
    return short(name) if name == other else f"{short(name)} → {short(other)}"


def _verdict(comparison: Comparison) -> str:
    """How many layers differ, by how they do; that there is no difference where there is none."""
    if not comparison.changes:
        before, after = comparison.outputs
        return "no difference" if before == after else "no layer differs, but other tensors leave the network"
    marks = [change.mark for change in comparison.layers]
    parts = [f"{marks.count(entry['mark'])} {entry['mark']}" for entry in MARKS[:-1] if entry["mark"] in marks]
    return f"{', '.join(parts)}, {marks.count('same')} the same"


def legend(sides: Sides) -> list[Record]:
    """The marks that some layer has, as they are shown above the graphs."""
    marks = {change.mark for candidate in sides.candidates for change in candidate.changes}
    return [entry for entry in MARKS if entry["mark"] in marks]


def ranking(sides: Sides) -> Record:
    """The table of all networks: a row each with its totals, as `compare` orders them, the base among them."""
    columns = shared.columns(sides)
    rows = [
        {"label": candidate.label, "cells": list(cells.values()), "against": shared.against(candidate.comparison),
         "is_base": candidate.comparison is None}
        for candidate, cells in shared.ranked(sides)
    ]  # fmt: skip
    refused = [candidate for candidate in sides.candidates if candidate.comparison is None]
    return {
        "columns": [column.header for column in columns],
        "rows": rows,
        "refused": [{"label": candidate.label, "reason": candidate.reason} for candidate in refused],
    }


def _rows(comparison: Comparison, records: tuple[Record, Record]) -> Iterator[Record]:
    ids = [_Ids(record) for record in records]
    for change in comparison.layers:
        lines = (change.base, change.head)
        parts = (change.base_parts, change.head_parts)
        places = [_ids.of(line, inside) for _ids, line, inside in zip(ids, lines, parts, strict=True)]
        row = {"mark": change.mark, **filled(base=places[0], head=places[1])}
        yield row if change.mark == "same" else {**row, **_difference(change)}


def _difference(change: Change) -> Record:
    costs = [change.delta(cost) for cost in COLUMNS]
    why = REASONS.get(change.conversion, "") or (BEFORE if change.mark == "affected" else "")
    return {
        "name": shared.name(change),
        "kind": shared.kinds(change),
        "shape": shared.outputs(change),
        "costs": [[cost.base, cost.head, cost.delta] for cost in costs],
        **filled(field_text=shared.fields(change), why=why, uncosted=not shared.is_costed(change)),
    }


class _Ids:
    """The ids of layers and blocks in the record of a network."""

    def __init__(self, record: Record) -> None:
        self._nodes: Mapping[str, int] = {node["name"]: place for place, node in enumerate(record["nodes"])}
        self._parts = {(part["first"], part["last"]): place for place, part in enumerate(record["parts"])}

    def of(self, line: Line | None, inside: Sequence[Line]) -> list[str]:
        """The layer, or for what is several layers the block around just these; else the layers themselves."""
        if line is None:
            return []
        if not inside:
            return [f"n{self._nodes[line.name]}"]
        places = [self._nodes[layer.name] for layer in inside]
        part = self._parts.get((places[0], places[-1] + 1))
        is_block = part is not None and places == list(range(places[0], places[-1] + 1))
        return [f"p{part}"] if is_block else [f"n{place}" for place in places]
