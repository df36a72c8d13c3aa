"""Comparisons as CSV, raw integers: a line a layer that changed; of several networks a line each."""

from __future__ import annotations

from convcalc.analysis.compare import Change, TotalDeltas, compare
from convcalc.analysis.folding import folded
from convcalc.analysis.lines import By, Line
from convcalc.analysis.report import ReceptiveField
from convcalc.comparing.sides import Entry, Sides
from convcalc.views import words
from convcalc.views.comparison.records import ordered
from convcalc.views.formats import csv

SIDE = (
    "name",
    "kind",
    "output_shape",
    "params",
    "buffers",
    "macs",
    "elementwise_ops",
    "flops",
    "field_size",
    "uncosted",
)
COSTS = ("params", "macs")


def text(sides: Sides, by: By = "layer") -> str:
    """The table of a comparison, with its header."""
    return csv.text(_several(sides) if len(sides.entries) > 1 else _one(sides, by))


def _one(sides: Sides, by: By) -> list[list[object]]:
    header = ["mark", *(f"base_{name}" for name in SIDE), *(f"head_{name}" for name in SIDE)]
    header += [f"{cost}_{what}" for cost in COSTS for what in ("delta", "percent")]
    comparison = sides.entries[0].comparison
    changes = folded(comparison, by).changes if comparison is not None else ()
    return [list(header), *(_row(change) for change in changes)]


def _row(change: Change) -> list[object]:
    deltas = [change.delta(cost) for cost in COSTS]
    numbers = [part for delta in deltas for part in (delta.delta, _percent(delta.percent))]
    if any(line is not None and line.uncosted for line in (change.base, change.head)):
        numbers = [""] * len(numbers)
    return [change.mark, *_side(change.base), *_side(change.head), *numbers]


def _side(line: Line | None) -> list[object]:
    if line is None:
        return [""] * len(SIDE)
    costs = (line.params, line.buffers, line.macs, line.elementwise_ops, line.flops)
    known = costs if line.is_known else [""] * len(costs)
    shape = words.shape(line.output_shape or ())
    return [line.name, line.kind, shape, *known, _field(line.receptive_field), line.uncosted]


def _field(seen: ReceptiveField | None) -> str:
    sizes = seen.size if seen is not None and seen.size is not None else ()
    return "x".join("" if size is None else str(size) for size in sizes)


def _percent(number: float | None) -> str:
    return "" if number is None else f"{number:.4f}"


def _coverage(sides: Sides, entry: Entry) -> list[object]:
    """How many layers a variant took the place of, and how many it left."""
    if not sides.variants or entry.comparison is None:
        return ["", ""]
    return [len(entry.replaced), sum(len(layer.names) for layer in entry.skipped)]


def _several(sides: Sides) -> list[list[object]]:
    header = ["label", "smallest", *TotalDeltas.__struct_fields__, "field_size", "macs_delta", "macs_percent"]
    header += ["reason", "uncosted", "replaced", "skipped"]
    rows: list[list[object]] = [list(header)]
    for entry, cells in ordered(sides):
        comparison = entry.comparison or (None if entry.reason else compare(sides.base, sides.base))
        smallest = " ".join(cost for cost, cell in cells.items() if cell.endswith("*"))
        if comparison is None:
            rows.append([entry.label, smallest, *[""] * (len(header) - 6), entry.reason, "", "", ""])
            continue
        totals = [getattr(comparison.head.totals, name) for name in TotalDeltas.__struct_fields__]
        macs = comparison.totals.macs
        field = _field(comparison.head.receptive_field)
        rows.append(
            [entry.label, smallest, *totals, field, macs.delta, _percent(macs.percent), entry.reason,
             len(comparison.head.uncosted), *_coverage(sides, entry)]
        )  # fmt: skip
    return rows
