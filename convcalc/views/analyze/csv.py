"""Reports as CSV: a line a layer, raw integers but for operations a byte, one header for all."""

from __future__ import annotations

from convcalc.analysis.counts import ToolCount
from convcalc.analysis.lines import Line
from convcalc.analysis.report import COSTS
from convcalc.views import words
from convcalc.views.analyze.shared import Analyzed
from convcalc.views.formats import csv
from convcalc.views.output import Output

_LAYER = ("name", "kind", "summary", "layers")
_BYTES = ("input_bytes", "weight_bytes", "output_bytes", "ops_per_byte", "bit_operations", "weights", "activations")
_BOUND = ("bound_ps", "bound_by", "padded_macs")
_TOOL = ("tool", "tool_figure", "tool_count", "tool_unknown")
"""What another tool counts, where one is asked for."""
_HEADER = ("model", "spec", *_LAYER, "output_shape", *COSTS, *csv.FIELD, *_BYTES, *_BOUND, "uncosted")


def write(analyzed: Analyzed, out: Output) -> None:
    """The lines of one report; with the header for the first.

    `uncosted` is how many of a line's layers cost what is not known: then its costs are those of the others, and empty
    where there are none.
    """
    model, tool = analyzed.report.network.name, analyzed.report.counted
    rows = [[*_cells(model, analyzed.path, line), *_counted(tool, line)] for line in analyzed.lines]
    header = _HEADER if tool is None else (*_HEADER, *_TOOL)
    out.text(csv.text(rows if out.shown else [header, *rows]))
    out.shown += 1


def _cells(model: str, spec: str, line: Line) -> list[object]:
    layer = [getattr(line, name) for name in _LAYER]
    shape, field = words.shape(line.output_shape or ()), csv.field(line.receptive_field)
    *moved, bit_operations = csv.traffic(line)
    numbers = [*moved, _intensity(line), bit_operations, line.weights, line.activations]
    return [model, spec, *layer, shape, *csv.costs(line), *field, *numbers, *_bound(line), line.uncosted]


def _counted(tool: ToolCount | None, line: Line) -> list[object]:
    """Empty where nothing is known of any of the line's layers."""
    if tool is None:
        return []
    count = "" if line.tool_unknown == line.layers else line.tool_count
    return [str(tool.choice).partition(":figure=")[0], tool.choice.figure.word, count, line.tool_unknown]


def _intensity(line: Line) -> str:
    return "" if line.ops_per_byte is None or not line.is_known else f"{line.ops_per_byte:.4f}"


def _bound(line: Line) -> list[object]:
    bound = line.bound
    return [bound.ps, bound.by, bound.padded_macs] if bound is not None else [""] * len(_BOUND)
