"""A report as a table for the terminal, as wide as the terminal and no wider.

Where the terminal is narrow, first the bars go; the rest is `convcalc.views.columns`.
"""

from __future__ import annotations

from convcalc.analysis.lines import Line
from convcalc.analysis.report import Report
from convcalc.views import words
from convcalc.views.analyze.shared import Analyzed
from convcalc.views.columns import GAP, Column, Grid, end, fitted, narrowest_window, needed, window
from convcalc.views.formats import terminal
from convcalc.views.output import Output

_BAR = " ▏▎▍▌▋▊▉█"
_NARROWEST_NAME = 12
"""Characters of a layer's name for which rather the share or the field goes."""
_WIDEST_BAR, _NARROWEST_BAR = 24, 4


def write(analyzed: Analyzed, out: Output) -> None:
    """Title, table, totals and convention; no totals where there are errors, and nothing where there is no line."""
    report, lines, errors, console = analyzed.report, analyzed.lines, len(analyzed.errors), out.pen
    if errors and not lines:
        return
    if out.shown:
        console.print()
    out.shown += 1
    name, shapes, path = words.title(report, analyzed.path)
    console.print(terminal.line((name, "bold"), "   ", shapes, "   ", (path, "dim")))
    if lines:
        console.print(_table(console.width, report, lines), soft_wrap=True)
    if not errors:
        console.print(terminal.line(words.totals(report), style="bold"))
        for note in analyzed.notes:
            console.print(terminal.line(note))
    console.print(terminal.line(words.convention(report.convention), style="dim"))
    if errors:
        console.print(terminal.line(f"without totals: {errors} error{'s' if errors > 1 else ''}"))


def _table(width: int, report: Report, lines: list[Line]) -> Grid:
    columns = fitted(_columns(report, lines), width)
    spare = width - needed(columns) - GAP
    most = max(line.macs for line in lines)
    if spare >= _NARROWEST_BAR and most:
        macs = next(place for place, column in enumerate(columns) if column.header == "MACs")
        cells = [_bar(line.macs, most, min(_WIDEST_BAR, spare)) for line in lines]
        columns.insert(macs + 1, Column("", cells, "left", "green"))
    return Grid(columns, ["" if line.macs or line.params or line.uncosted else "dim" for line in lines])


def _columns(report: Report, lines: list[Line]) -> list[Column]:
    placed = any(line.output_shape for line in lines)
    header, names = "layer" if placed else "kind", [line.name for line in lines]
    columns = [Column(header, names, "left", shorten=end, narrowest=_NARROWEST_NAME)]
    if placed:
        kinds = [words.kind(line) for line in lines]
        columns += [
            Column("", [f"x{line.times}" if line.times else "" for line in lines], "left"),
            Column("kind", kinds, "left", "cyan", rank=2, shorten=window, narrowest=narrowest_window(kinds)),
            Column("output", [words.shape(line.output_shape or ()) for line in lines], "left", rank=1),
        ]
    else:
        columns.append(Column("layers", [words.exact(line.layers) for line in lines], rank=1))
    columns += [
        Column("params", [words.cost(line, line.params, words.exact) for line in lines]),
        Column("MACs", [words.cost(line, line.macs, words.scaled) for line in lines]),
        Column("share", [words.share(line.macs, report.totals.macs) for line in lines], rank=4),
        Column("field", [words.field(line.receptive_field) for line in lines], rank=3),
    ]
    return [column for column in columns if (column.rank == 0 and column.header) or any(column.cells)]


def _bar(macs: int, most: int, width: int) -> str:
    full, rest = divmod(round(8 * width * macs / most), 8)
    return "█" * full + (_BAR[rest] if rest else "")
