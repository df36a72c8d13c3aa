"""A report as a Markdown table."""

from __future__ import annotations

from convcalc.views import words
from convcalc.views.analyze.shared import Analyzed
from convcalc.views.formats.markdown import cell, code, escaped, row
from convcalc.views.output import Output


def write(analyzed: Analyzed, out: Output) -> None:
    """Title, table, totals and convention; no totals where there are errors."""
    report, is_complete = analyzed.report, not analyzed.errors
    name, shapes, path = words.title(report, analyzed.path)
    rows = [
        f"### {escaped(name)} ({escaped(shapes)})",
        "",
        "| layer | kind | output | params | MACs | share | field |",
        "|:--|:--|:--|--:|--:|--:|--:|",
    ]
    for line in analyzed.lines:
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
    totals = [f"**{escaped(words.totals(report).replace('   ', ' · '))}**", ""] if is_complete else []
    notes = [f"{escaped(note)}  " for note in words.notes(report)] if is_complete else []
    out.text("\n".join([*rows, "", *totals, *notes, f"{words.convention(report.convention)} · {code(path)}", "\n"]))
