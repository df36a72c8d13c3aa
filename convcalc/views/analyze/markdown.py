"""A report as a Markdown table."""

from __future__ import annotations

from convcalc.views import words
from convcalc.views.analyze.shared import Analyzed
from convcalc.views.formats.markdown import cell, code, escaped, table
from convcalc.views.output import Output


def write(analyzed: Analyzed, out: Output) -> None:
    """Title, table, totals and convention; no totals where there are errors."""
    report, is_complete = analyzed.report, not analyzed.errors
    name, shapes, path = words.title(report, analyzed.path)
    rows = [
        (
            cell(line.name) + (f" x{line.times}" if line.times else ""),
            cell(words.kind(line)),
            words.shape(line.output_shape or ()),
            words.cost(line, line.params, words.exact),
            words.cost(line, line.macs, words.exact),
            words.share(line.macs, report.totals.macs),
            words.field(line.receptive_field),
        )
        for line in analyzed.lines
    ]
    lines = table(("layer", "kind", "output", "params", "MACs", "share", "field"), "lllrrrr", rows)
    totals = [f"**{escaped(words.totals(report).replace('   ', ' · '))}**", ""] if is_complete else []
    notes = [f"{escaped(note)}  " for note in analyzed.notes] if is_complete else []
    title, end = f"### {escaped(name)} ({escaped(shapes)})", f"{words.convention(report.convention)} · {code(path)}"
    out.text("\n".join([title, "", *lines, "", *totals, *notes, end, "\n"]))
