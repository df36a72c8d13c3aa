"""A report as a table for the terminal, as wide as the terminal and no wider.

A number is never cut: where the terminal is narrow, first the bars go, then names and kinds are shortened, then whole
columns are left out.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from convcalc.analysis.lines import Line
from convcalc.analysis.report import Report
from convcalc.views import words

BAR = " ▏▎▍▌▋▊▉█"
WIDEST_BAR, NARROWEST_BAR = 24, 4
NARROWEST_TEXT = 8
"""Characters that are left of a name or a kind at the least."""
GAP = 2


class Column(msgspec.Struct):
    """A column as it would be on a terminal of any width.

    `rank`: the higher, the sooner it is left out. `shorten` brings a text to fewer characters, where it can be.
    """

    header: str
    cells: list[str]
    justify: str = "right"
    style: str = ""
    rank: int = 0
    shorten: Callable[[str, int], str] | None = None
    width: int = 0

    def __post_init__(self) -> None:
        self.width = max(map(cell_len, [self.header, *self.cells]))


def show(console: Console, report: Report, lines: list[Line], spec: str, *, complete: bool = True) -> None:
    """Print title, table, totals and convention."""
    name, shapes, path = words.title(report, spec)
    console.print(Text.assemble((name, "bold"), "   ", shapes, "   ", (path, "dim")))
    if lines:
        console.print(_table(console.width, report, lines))
    if complete:
        console.print(Text(words.totals(report), "bold"))
    for note in words.notes(report) if complete else []:
        console.print(Text(note))
    console.print(Text(words.convention(report), "dim"))


def _table(width: int, report: Report, lines: list[Line]) -> Table:
    columns = fitted(_columns(report, lines), width)
    bars = _bar_width(columns, width)
    if bars and any(line.macs for line in lines):
        most = max(line.macs for line in lines)
        macs = next(place for place, column in enumerate(columns) if column.header == "MACs")
        cells = [_bar(line.macs, most, bars) for line in lines]
        columns.insert(macs + 1, Column("", cells, "left", "green"))
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(
            Text(column.header),
            justify="left" if column.justify == "left" else "right",
            style=column.style,
            width=column.width,
            no_wrap=True,
            overflow="crop",
        )
    for place, line in enumerate(lines):
        quiet = not line.macs and not line.params
        table.add_row(*(Text(column.cells[place]) for column in columns), style="dim" if quiet else None)
    return table


def _columns(report: Report, lines: list[Line]) -> list[Column]:
    placed = any(line.output_shape for line in lines)
    name = Column("layer" if placed else "kind", [line.name for line in lines], "left", shorten=end_of)
    columns = [name]
    if placed:
        columns += [
            Column("", [f"x{line.times}" if line.times else "" for line in lines], "left"),
            Column("kind", [words.kind(line) for line in lines], "left", "cyan", rank=2, shorten=first_words),
            Column("output", [words.shape(line.output_shape or ()) for line in lines], "left", rank=1),
        ]
    else:
        columns.append(Column("layers", [words.exact(line.layers) for line in lines], rank=1))
    columns += [
        Column("params", [words.exact(line.params) for line in lines]),
        Column("MACs", [words.scaled(line.macs) for line in lines]),
        Column("share", [words.share(line.macs, report.totals.macs) for line in lines], rank=4),
        Column("field", [words.field(line.receptive_field) for line in lines], rank=3),
    ]
    return [column for column in columns if (column.rank == 0 and column.header) or any(column.cells)]


def _needed(columns: list[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def fitted(columns: list[Column], width: int) -> list[Column]:
    """The columns that fit, names and kinds shortened where they must be."""
    while len(columns) > 1:
        excess = _needed(columns) - width
        slack = sum(max(0, column.width - NARROWEST_TEXT) for column in columns if column.shorten)
        if excess <= slack:
            break
        last = max(columns, key=lambda column: column.rank)
        if last.rank == 0:
            break
        columns = [column for column in columns if column is not last]
    texts = sorted((column for column in columns if column.shorten), key=lambda column: -column.rank)
    for least in (10, NARROWEST_TEXT, 1):  # kinds first: a name often says its kind
        for column in texts:
            column.width = min(column.width, max(least, column.width - max(0, _needed(columns) - width)))
    for column in columns:
        if column.shorten is not None:
            column.cells = [column.shorten(cell, column.width) for cell in column.cells]
    return columns


def end_of(text: str, width: int) -> str:
    """The end of a name, which tells it from its neighbours."""
    if cell_len(text) <= width:
        return text
    while cell_len(text) >= width:
        text = text[1:]
    return f"…{text}"


def first_words(text: str, width: int) -> str:
    """As many words as fit: half a number would be another number."""
    if cell_len(text) <= width:
        return text
    kept = text.split(" ")
    while len(kept) > 1:
        kept.pop()
        if cell_len(" ".join(kept)) + 2 <= width:
            return " ".join(kept) + " …"
    return set_cell_size(kept[0], min(width - 1, cell_len(kept[0]))) + "…"


def _bar_width(columns: list[Column], width: int) -> int:
    spare = width - _needed(columns) - GAP
    return min(WIDEST_BAR, spare) if spare >= NARROWEST_BAR else 0


def _bar(part: int, whole: int, width: int) -> str:
    full, rest = divmod(round(8 * width * part / whole), 8)
    return "█" * full + (BAR[rest] if rest else "")
