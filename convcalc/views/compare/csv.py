"""Comparisons as CSV, raw integers: a line a layer that changed; of several networks a line each."""

from __future__ import annotations

from convcalc.analysis.compare import Change, TotalDeltas, compare
from convcalc.analysis.folding import folded
from convcalc.analysis.lines import By, Line
from convcalc.analysis.report import COSTS, TRAFFIC, Report
from convcalc.analysis.sides import Candidate, Sides
from convcalc.frames import Form
from convcalc.views.compare import shared
from convcalc.views.compare.shared import Compared, ordered
from convcalc.views.formats import csv
from convcalc.views.output import Output

_SIDE = {
    "name": Form.TEXT,
    "kind": Form.TEXT,
    "output_shape": Form.SIZES,
    **dict.fromkeys((*COSTS, *TRAFFIC), Form.WHOLE),
    "field_size": Form.SIZES,
    "uncosted": Form.WHOLE,
}
_COMPARED = ("params", "macs")
COLUMNS = {
    "mark": Form.TEXT,
    **{f"{side}_{name}": form for side in ("base", "head") for name, form in _SIDE.items()},
    **{
        f"{cost}_{what}": form
        for cost in _COMPARED
        for what, form in (("delta", Form.WHOLE), ("percent", Form.MEASURED))
    },
}
"""What the columns of a comparison of two are called, and what is in them."""


def write(compared: Compared, out: Output) -> None:
    """The table of a comparison, with its header."""
    sides = compared.sides
    if len(sides.candidates) > 1:
        out.text(csv.text([columns_of_several(sides), *several(sides)]))
    else:
        out.text(csv.text(_single(sides, compared.by)))


def _single(sides: Sides, by: By) -> list[list[object]]:
    comparison = sides.candidates[0].comparison
    changes = folded(comparison, by).changes if comparison is not None else ()
    return [list(COLUMNS), *map(cells, changes)]


def cells(change: Change) -> list[object]:
    """The cells of a layer that changed, numbers and shapes as they are."""
    deltas = [change.delta(cost) for cost in _COMPARED]
    numbers: list[object] = [part for delta in deltas for part in (delta.delta, delta.percent)]
    if not shared.is_costed(change):
        numbers = [None] * len(numbers)
    return [change.mark, *_side(change.base), *_side(change.head), *numbers]


def _side(line: Line | None) -> list[object]:
    if line is None:
        return [None] * len(_SIDE)
    costs = [*csv.costs(line), *csv.traffic(line)]
    shape, field = csv.sizes(line.output_shape), csv.field(line.receptive_field)[0]
    return [line.name, line.kind, shape, *costs, field, line.uncosted]


def _coverage(sides: Sides, candidate: Candidate) -> list[object]:
    """How many layers a variant took the place of, and how many it left."""
    if not sides.variants or candidate.comparison is None:
        return [None, None]
    return [len(candidate.replaced), sum(len(layer.names) for layer in candidate.skipped)]


def _tool_count(report: Report) -> list[object]:
    """What another tool counts, and how many layers it is not known of, where one is asked for."""
    return [] if report.counted is None else [report.counted.count, len(report.counted.unknown)]


def columns_of_several(sides: Sides) -> dict[str, Form]:
    """What the columns of several networks are called, and what is in them."""
    return {
        "label": Form.TEXT,
        "smallest": Form.TEXT,
        **dict.fromkeys(TotalDeltas.__struct_fields__, Form.WHOLE),
        "field_size": Form.SIZES,
        "macs_delta": Form.WHOLE,
        "macs_percent": Form.MEASURED,
        "reason": Form.TEXT,
        **dict.fromkeys(("uncosted", "replaced", "skipped"), Form.WHOLE),
        **dict.fromkeys(("tool_count", "tool_unknown") if sides.base.counted is not None else (), Form.WHOLE),
    }


def several(sides: Sides) -> list[list[object]]:
    """The cells of every network, numbers and shapes as they are."""
    header = list(columns_of_several(sides))
    before = header.index("reason")
    rows: list[list[object]] = []
    for candidate, totals in ordered(sides):
        comparison = candidate.comparison or (None if candidate.reason else compare(sides.base, sides.base))
        smallest = " ".join(cost for cost, cell in totals.items() if cell.endswith("*"))
        if comparison is None:
            rows.append([candidate.label, smallest, *[None] * (before - 2), candidate.reason])
            rows[-1] += [None] * (len(header) - before - 1)
            continue
        numbers = [getattr(comparison.head.totals, name) for name in TotalDeltas.__struct_fields__]
        macs = comparison.totals.macs
        field = csv.field(comparison.head.receptive_field)[0]
        rows.append(
            [candidate.label, smallest, *numbers, field, macs.delta, macs.percent, candidate.reason,
             len(comparison.head.uncosted), *_coverage(sides, candidate), *_tool_count(comparison.head)]
        )  # fmt: skip
    return rows
