"""A report: a line a block, the totals, and what is counted."""

from __future__ import annotations

from typing import Any

from convcalc.analysis.lines import Line, lines
from convcalc.analysis.report import Report
from convcalc.frames import dataframe, typed
from convcalc.views import words
from convcalc.views.analyze import csv
from convcalc.views.analyze.shared import Analyzed
from convcalc.views.notebook import shared
from convcalc.views.notebook.markup import page, table


def line(report: Report) -> str:
    """Totals, and on which terms."""
    totals, uncosted = report.totals, len(report.uncosted)
    counts = (("params", totals.params), ("MACs", totals.macs))
    rows = shared.counted(len(report.layers), "kernel" if report.terms.fused else "layer")
    parts = [shared.entering(report.network), rows]
    parts += [f"{name} {words.at_least(words.exact(number), uncosted)}" for name, number in counts]
    least = "at least " if report.unsized else ""
    parts.append(f"peak activations {least}{words.binary(totals.peak_activation_bytes)}")
    parts += [f"batch {report.convention.batch}", report.convention.dtype]
    if totals.bound_ps is not None:
        parts.append(f"at least {words.duration(totals.bound_ps)} on {shared.brief(report.convention.device)}")
    return f"{shared.brief(report.network.name)}: {', '.join(parts)}"


def html(report: Report) -> str:
    """The table with every block in a line, which is what its layers are together."""
    analyzed = _analyzed(report, lines(report, by="block"))
    figures = [figure for figure, _ in analyzed.columns.chosen(report)]
    rows = [
        (
            f"{line.name} x{line.times}" if line.times else line.name,
            *(figure.write(line, report, words.exact, words.binary) for figure in figures),
        )
        for line in analyzed.lines
    ]
    sides = "".join("l" if figure.is_text else "r" for figure in figures)
    content = table(shared.title(report), ("layer", *(figure.header for figure in figures)), f"l{sides}", rows)
    return page(
        content, totals=words.total_parts(report), notes=analyzed.notes, end=words.convention(report.convention)
    )


def document(report: Report) -> bytes:
    """As `convcalc analyze` prints it."""
    return shared.document("analyze", _analyzed(report, []))


def frame(report: Report) -> Any:
    """A row a layer, those of repeated blocks too."""
    return dataframe(typed(csv.columns(report), csv.rows(_analyzed(report, lines(report, expand=True)))))


def _analyzed(report: Report, shown: list[Line]) -> Analyzed:
    return Analyzed(shared.path_of(report.network), report, shown, [], is_folded=False)
