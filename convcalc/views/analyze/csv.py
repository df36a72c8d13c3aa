"""Reports as CSV: a line a layer, raw integers but for operations a byte, one header for all."""

from __future__ import annotations

from convcalc.analysis.counts import ToolCount
from convcalc.analysis.lines import Line
from convcalc.analysis.report import COSTS, Report
from convcalc.frames import Form
from convcalc.views.analyze.shared import Analyzed
from convcalc.views.formats import csv
from convcalc.views.output import Output

_LAYER = {"name": Form.TEXT, "kind": Form.TEXT, "summary": Form.TEXT, "layers": Form.WHOLE}
_MOVED = dict.fromkeys(("input_bytes", "weight_bytes", "output_bytes"), Form.WHOLE)
_BOUND = {"bound_ps": Form.WHOLE, "bound_by": Form.TEXT, "padded_macs": Form.WHOLE}
_TOOL = {"tool": Form.TEXT, "tool_figure": Form.TEXT, "tool_count": Form.WHOLE, "tool_unknown": Form.WHOLE}
"""What another tool counts, where one is asked for."""
_COLUMNS = {
    "model": Form.TEXT,
    "spec": Form.TEXT,
    **_LAYER,
    "output_shape": Form.SIZES,
    **dict.fromkeys(COSTS, Form.WHOLE),
    **csv.FIELD,
    **_MOVED,
    "ops_per_byte": Form.MEASURED,
    "bit_operations": Form.WHOLE,
    "weights": Form.TEXT,
    "activations": Form.TEXT,
    **_BOUND,
    "uncosted": Form.WHOLE,
}


def write(analyzed: Analyzed, out: Output) -> None:
    """The lines of one report; with the header for the first.

    `uncosted` is how many of a line's layers cost what is not known: then its costs are those of the others, and empty
    where there are none.
    """
    out.text(csv.text(rows(analyzed) if out.shown else [columns(analyzed.report), *rows(analyzed)]))
    out.shown += 1


def columns(report: Report) -> dict[str, Form]:
    """What columns are called, and what is in them."""
    return _COLUMNS if report.counted is None else {**_COLUMNS, **_TOOL}


def rows(analyzed: Analyzed) -> list[list[object]]:
    """The cells of every line, numbers and shapes as they are."""
    model, tool = analyzed.report.network.name, analyzed.report.counted
    return [[*_cells(model, analyzed.path, line), *_counted(tool, line)] for line in analyzed.lines]


def _cells(model: str, spec: str, line: Line) -> list[object]:
    layer = [getattr(line, name) for name in _LAYER]
    shape, field = csv.sizes(line.output_shape), csv.field(line.receptive_field)
    *moved, bit_operations = csv.traffic(line)
    numbers = [*moved, line.ops_per_byte if line.is_known else None, bit_operations, line.weights, line.activations]
    return [model, spec, *layer, shape, *csv.costs(line), *field, *numbers, *_bound(line), line.uncosted]


def _counted(tool: ToolCount | None, line: Line) -> list[object]:
    """Empty where nothing is known of any of the line's layers."""
    if tool is None:
        return []
    count = None if line.tool_unknown == line.layers else line.tool_count
    return [str(tool.choice).partition(":figure=")[0], tool.choice.figure.word, count, line.tool_unknown]


def _bound(line: Line) -> list[object]:
    bound = line.bound
    return [bound.ps, bound.by, bound.padded_macs] if bound is not None else [None] * len(_BOUND)
