"""A report as a table for the terminal, as wide as the terminal and no wider.

Where the terminal is narrow, first the bars go; the rest is `convcalc.views.columns`.
"""

from __future__ import annotations

from convcalc.analysis.lines import Line
from convcalc.analysis.report import Report
from convcalc.views import words
from convcalc.views.analyze.shared import Analyzed
from convcalc.views.columns import GAP, Column, Grid, end, fitted, narrowest_names, narrowest_window, needed, window
from convcalc.views.figures import BAR, Columns
from convcalc.views.formats import terminal
from convcalc.views.output import Output, Pen

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
        _print_table(console, analyzed)
    if not errors:
        for part in _broken(words.total_parts(report), console.width):
            console.print(terminal.line(part, style="bold"))
        for note in analyzed.notes:
            console.print(terminal.line(note))
    console.print(terminal.line(words.convention(report.convention), style="dim"))
    if errors:
        console.print(terminal.line(f"without totals: {errors} error{'s' if errors > 1 else ''}"))


def _broken(parts: list[str], width: int) -> list[str]:
    """Parts of a line in as many lines as they need, each whole where it can be."""
    lines = [""]
    for part in parts:
        longer = f"{lines[-1]}   {part}" if lines[-1] else part
        if lines[-1] and len(longer) > width:
            lines.append(part)
        else:
            lines[-1] = longer
    return lines


def _print_table(console: Pen, analyzed: Analyzed) -> None:
    report, lines, asked = analyzed.report, analyzed.lines, analyzed.columns
    for apart in (True, False):  # shapes are worth more than names that are told apart
        every = _columns(report, lines, asked, apart=apart)
        columns = fitted([column for column in every if _is_told(column)], console.width)
        if all(column in columns for column in every if column.header == "output" and _is_told(column)):
            break
    is_asked_for = range(1, 1 + len(asked.show))
    wanted = [column for column in every if column.rank in is_asked_for and _is_told(column)]
    left_out = [column.header for column in wanted if column not in columns]
    spare = console.width - needed(columns) - GAP
    most = max(line.macs for line in lines)
    headers = [column.header for column in columns]
    if spare >= _NARROWEST_BAR and most and "MACs" in headers and asked.has(BAR):
        cells = [_bar(line.macs, most, min(_WIDEST_BAR, spare)) for line in lines]
        columns.insert(headers.index("MACs") + 1, Column("", cells, "left", "green"))
    styles = ["" if line.macs or line.params or line.uncosted or line.tool_count else "dim" for line in lines]
    console.print(Grid(columns, styles), soft_wrap=True)
    if left_out:
        console.print(terminal.line(f"no room for {', '.join(left_out)} in {console.width} characters"))


def _is_told(column: Column) -> bool:
    return (column.rank == 0 and bool(column.header)) or any(column.cells)


def _columns(report: Report, lines: list[Line], asked: Columns, *, apart: bool) -> list[Column]:
    """All columns; `apart`: with names as long as it takes for them to differ."""
    placed = any(line.output_shape for line in lines)
    header, names = "layer" if placed else "kind", [line.name for line in lines]
    narrowest = narrowest_names(names, _NARROWEST_NAME) if apart else _NARROWEST_NAME
    columns = [Column(header, names, "left", shorten=end, narrowest=narrowest)]
    if placed:
        columns.append(Column("", [f"x{line.times}" if line.times else "" for line in lines], "left"))
    else:
        columns.append(Column("layers", [words.exact(line.layers) for line in lines], rank=1))
    for figure, rank in asked.chosen(report):
        if not placed and figure.name in ("kind", "output", "field"):
            continue
        cells = [figure.write(line, report, words.scaled, words.binary) for line in lines]
        column = Column(figure.header, cells, "left" if figure.is_text else "right", rank=rank)
        if figure.name == "kind":
            column.style, column.shorten, column.narrowest = "cyan", window, narrowest_window(cells)
        columns.append(column)
    return columns


def _bar(macs: int, most: int, width: int) -> str:
    full, rest = divmod(round(8 * width * macs / most), 8)
    return "█" * full + (_BAR[rest] if rest else "")
