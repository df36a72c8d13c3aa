"""Comparisons as CSV, raw integers: a line a layer that changed; of several networks a line each."""

from __future__ import annotations

from convcalc.analysis.compare import Change, TotalDeltas, compare
from convcalc.analysis.folding import folded
from convcalc.analysis.lines import By, Line
from convcalc.analysis.report import COSTS, TRAFFIC, Report
from convcalc.analysis.sides import Candidate, Sides
from convcalc.views import words
from convcalc.views.compare import shared
from convcalc.views.compare.shared import Compared, ordered
from convcalc.views.formats import csv
from convcalc.views.output import Output

_SIDE = ("name", "kind", "output_shape", *COSTS, *TRAFFIC, "field_size", "uncosted")
_COMPARED = ("params", "macs")


def write(compared: Compared, out: Output) -> None:
    """The table of a comparison, with its header."""
    sides = compared.sides
    out.text(csv.text(_several(sides) if len(sides.candidates) > 1 else _single(sides, compared.by)))


def _single(sides: Sides, by: By) -> list[list[object]]:
    header = ["mark", *(f"base_{name}" for name in _SIDE), *(f"head_{name}" for name in _SIDE)]
    header += [f"{cost}_{what}" for cost in _COMPARED for what in ("delta", "percent")]
    comparison = sides.candidates[0].comparison
    changes = folded(comparison, by).changes if comparison is not None else ()
    return [list(header), *(_change(change) for change in changes)]


def _change(change: Change) -> list[object]:
    deltas = [change.delta(cost) for cost in _COMPARED]
    numbers = [part for delta in deltas for part in (delta.delta, _percent(delta.percent))]
    if not shared.is_costed(change):
        numbers = [""] * len(numbers)
    return [change.mark, *_side(change.base), *_side(change.head), *numbers]


def _side(line: Line | None) -> list[object]:
    if line is None:
        return [""] * len(_SIDE)
    shape = words.shape(line.output_shape or ())
    costs = [*csv.costs(line), *csv.traffic(line)]
    return [line.name, line.kind, shape, *costs, csv.field(line.receptive_field)[0], line.uncosted]


def _percent(number: float | None) -> str:
    return "" if number is None else f"{number:.4f}"


def _coverage(sides: Sides, candidate: Candidate) -> list[object]:
    """How many layers a variant took the place of, and how many it left."""
    if not sides.variants or candidate.comparison is None:
        return ["", ""]
    return [len(candidate.replaced), sum(len(layer.names) for layer in candidate.skipped)]


def _tool_count(report: Report) -> list[object]:
    """What another tool counts, and how many layers it is not known of, where one is asked for."""
    return [] if report.counted is None else [report.counted.count, len(report.counted.unknown)]


def _several(sides: Sides) -> list[list[object]]:
    header = ["label", "smallest", *TotalDeltas.__struct_fields__, "field_size", "macs_delta", "macs_percent"]
    header += ["reason", "uncosted", "replaced", "skipped"]
    header += ["tool_count", "tool_unknown"] if sides.base.counted is not None else []
    before = header.index("reason")
    rows: list[list[object]] = [list(header)]
    for candidate, cells in ordered(sides):
        comparison = candidate.comparison or (None if candidate.reason else compare(sides.base, sides.base))
        smallest = " ".join(cost for cost, cell in cells.items() if cell.endswith("*"))
        if comparison is None:
            rows.append([candidate.label, smallest, *[""] * (before - 2), candidate.reason])
            rows[-1] += [""] * (len(header) - before - 1)
            continue
        totals = [getattr(comparison.head.totals, name) for name in TotalDeltas.__struct_fields__]
        totals = ["" if number is None else number for number in totals]
        macs = comparison.totals.macs
        field = csv.field(comparison.head.receptive_field)[0]
        rows.append(
            [candidate.label, smallest, *totals, field, macs.delta, _percent(macs.percent), candidate.reason,
             len(comparison.head.uncosted), *_coverage(sides, candidate), *_tool_count(comparison.head)]
        )  # fmt: skip
    return rows
