"""A report as a table for the terminal, as wide as the terminal and no wider."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from convcalc.analysis.lines import Line
from convcalc.analysis.report import Report
from convcalc.views import words

BAR = " ▏▎▍▌▋▊▉█"


def show(console: Console, report: Report, lines: list[Line], spec: str, *, complete: bool = True) -> None:
    """Print title, table, totals and convention."""
    name, shapes, path = words.title(report, spec)
    console.print(Text.assemble((name, "bold"), "   ", shapes, "   ", (path, "dim")), soft_wrap=True)
    if lines:
        console.print(_table(console, report, lines))
    if complete:
        console.print(Text(words.totals(report), "bold"))
    for note in words.notes(report) if complete else []:
        console.print(Text(note))
    console.print(Text(words.convention(report), "dim"))


def _table(console: Console, report: Report, lines: list[Line]) -> Table:
    shares = any(line.macs for line in lines)
    bar_width = _bar_width(console, lines) if shares else 0
    fields = any(line.receptive_field for line in lines)
    shapes = any(line.output_shape for line in lines)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("layer" if shapes else "kind", overflow="ellipsis", no_wrap=True, min_width=8)
    if shapes:
        table.add_column("", no_wrap=True)
        table.add_column("kind", overflow="ellipsis", no_wrap=True, style="cyan")
        table.add_column("output", no_wrap=True)
    else:
        table.add_column("layers", justify="right", no_wrap=True)
    table.add_column("params", justify="right", no_wrap=True)
    table.add_column("MACs", justify="right", no_wrap=True)
    if bar_width:
        table.add_column("", width=bar_width, style="green", no_wrap=True)
    if shares:
        table.add_column("share", justify="right", no_wrap=True)
    if fields:
        table.add_column("field", justify="right", no_wrap=True)
    most = max((line.macs for line in lines), default=0)
    for line in lines:
        cells = [line.name]
        if shapes:
            cells += [f"x{line.times}" if line.times else "", line.kind]
            cells.append(words.shape(line.output_shape) if line.output_shape else "")
        else:
            cells.append(words.exact(line.layers))
        cells += [words.exact(line.params), words.scaled(line.macs)]
        if bar_width:
            cells.append(_bar(line.macs, most, bar_width))
        if shares:
            cells.append(words.share(line.macs, report.totals.macs))
        if fields:
            cells.append(words.field(line.receptive_field))
        quiet = not line.macs and not line.params
        table.add_row(*cells, style="dim" if quiet else None)
    return table


def _bar_width(console: Console, lines: list[Line]) -> int:
    """What is left of the terminal beside the other columns, within reason."""
    name = max((len(line.name) for line in lines), default=0)
    kind = max((len(line.kind) for line in lines), default=0)
    spare = console.width - name - kind - 66
    return max(4, min(24, spare)) if console.width >= 76 else 0


def _bar(part: int, whole: int, width: int) -> str:
    eighths = round(8 * width * part / whole) if whole else 0
    full, rest = divmod(eighths, 8)
    return "█" * full + (BAR[rest] if rest else "")
