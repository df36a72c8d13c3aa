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
    figures = [figure for figure, _ in analyzed.columns.chosen(report)]
    rows = [
        (
            cell(line.name) + (f" x{line.times}" if line.times else ""),
            *(cell(figure.write(line, report, words.exact, words.exact)) for figure in figures),
        )
        for line in analyzed.lines
    ]
    sides = "".join("l" if figure.is_text else "r" for figure in figures)
    lines = table(("layer", *(figure.header for figure in figures)), f"l{sides}", rows)
    totals = [f"**{escaped(words.totals(report).replace('   ', ' · '))}**", ""] if is_complete else []
    notes = [f"{escaped(note)}  " for note in analyzed.notes] if is_complete else []
    title, end = f"### {escaped(name)} ({escaped(shapes)})", f"{words.convention(report.convention)} · {code(path)}"
    out.text("\n".join([title, "", *lines, "", *totals, *notes, end, "\n"]))
