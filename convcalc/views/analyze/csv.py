"""Reports as CSV: a line a layer, raw integers, one header for all."""

from __future__ import annotations

from convcalc.analysis.lines import Line
from convcalc.views import words
from convcalc.views.analyze.shared import Analyzed
from convcalc.views.formats import csv
from convcalc.views.output import Output

_HEADER = (
    *(
        "model",
        "spec",
        "name",
        "kind",
        "summary",
        "layers",
        "output_shape",
        "params",
        "buffers",
        "macs",
        "elementwise_ops",
    ),
    *("flops", "field_size", "field_stride", "field_start", "field_global", "uncosted"),
)


def write(analyzed: Analyzed, out: Output) -> None:
    """The lines of one report; with the header for the first.

    `uncosted` is how many of a line's layers cost what is not known: then its costs are those of the others, and empty
    where there are none.
    """
    model = analyzed.report.network.name
    rows = [_cells(model, analyzed.path, line) for line in analyzed.lines]
    out.text(csv.text(rows if out.shown else [_HEADER, *rows]))
    out.shown += 1


def _cells(model: str, spec: str, line: Line) -> list[object]:
    costs = (line.params, line.buffers, line.macs, line.elementwise_ops, line.flops)
    return [
        *(model, spec, line.name, line.kind, line.summary, line.layers),
        words.shape(line.output_shape or ()),
        *(costs if line.is_known else [""] * len(costs)),
        *csv.field(line.receptive_field),
        line.uncosted,
    ]
