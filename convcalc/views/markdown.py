"""A report as a Markdown table."""

from __future__ import annotations

from convcalc.analysis.lines import Line
from convcalc.analysis.report import Report
from convcalc.views import words
from convcalc.views.formats.markdown import cell, code, escaped, row


def text(report: Report, lines: list[Line], spec: str, *, complete: bool = True) -> str:
    """Title, table, totals, convention."""
    name, shapes, path = words.title(report, spec)
    rows = [
        f"### {escaped(name)} ({escaped(shapes)})",
        "",
        "| layer | kind | output | params | MACs | share | field |",
        "|:--|:--|:--|--:|--:|--:|--:|",
    ]
    for line in lines:
        times = f" x{line.times}" if line.times else ""
        cells = (
            cell(line.name) + times,
            cell(words.kind(line)),
            words.shape(line.output_shape or ()),
            words.cost(line, line.params, words.exact),
            words.cost(line, line.macs, words.exact),
            words.share(line.macs, report.totals.macs),
            words.field(line.receptive_field),
        )
        rows.append(row(*cells))
    totals = [f"**{escaped(words.totals(report).replace('   ', ' · '))}**", ""] if complete else []
    notes = [f"{escaped(note)}  " for note in words.notes(report)] if complete else []
    return "\n".join([*rows, "", *totals, *notes, f"{words.convention(report)} · {code(path)}", ""])
