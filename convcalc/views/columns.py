"""Columns that fit the terminal: a number is never cut.

Where it is narrow, names and kinds are shortened, then whole columns are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.table import Table
from rich.text import Text

NARROWEST_TEXT = 8
"""Characters that are left of a name or a kind at the least."""
GAP = 2


class Column(msgspec.Struct):
    """A column as it would be on a terminal of any width.

    `rank`: the higher, the sooner it is left out. `shorten` brings a text to fewer characters, where it can be;
    columns are left out before fewer than `least` remain.
    """

    header: str
    cells: list[str]
    justify: str = "right"
    style: str = ""
    rank: int = 0
    shorten: Callable[[str, int], str] | None = None
    width: int = 0
    least: int = NARROWEST_TEXT

    def __post_init__(self) -> None:
        self.width = max(map(cell_len, [self.header, *self.cells]))


def grid(columns: list[Column], styles: Sequence[str]) -> Table:
    """The columns as a table; a style for each row."""
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
    for place, style in enumerate(styles):
        table.add_row(*(Text(column.cells[place]) for column in columns), style=style or None)
    return table


def needed(columns: list[Column]) -> int:
    """How wide a terminal must be for all of them."""
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def fitted(columns: list[Column], width: int) -> list[Column]:
    """The columns that fit, names and kinds shortened where they must be."""
    while len(columns) > 1:
        excess = needed(columns) - width
        slack = sum(max(0, column.width - column.least) for column in columns if column.shorten)
        if excess <= slack:
            break
        last = max(columns, key=lambda column: column.rank)
        if last.rank == 0:
            break
        columns = [column for column in columns if column is not last]
    texts = sorted((column for column in columns if column.shorten), key=lambda column: -column.rank)
    for least in (10, NARROWEST_TEXT, 1):  # kinds first: a name often says its kind
        for column in texts:
            column.width = min(column.width, max(least, column.width - max(0, needed(columns) - width)))
    for column in columns:
        if column.shorten is not None:
            column.cells = [column.shorten(cell, column.width) for cell in column.cells]
    return columns


def end(text: str, width: int) -> str:
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
