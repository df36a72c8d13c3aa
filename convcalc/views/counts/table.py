"""Sheets for the terminal, as wide as it is and no wider: no figure is cut."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.views.columns import GAP, Column, Grid, cell_len, fitted, needed
from convcalc.views.counts.shared import Sheet
from convcalc.views.formats import terminal
from convcalc.views.output import Output, Pen

_NARROWEST_LIST = 20
"""Characters of a text of a list for which rather a column goes."""
_INDENT = "    "


def write(sheet: Sheet, out: Output) -> None:
    """Title, lines, table and notes."""
    console = out.pen
    if out.shown:
        console.print()
    out.shown += 1
    name, shapes, path = sheet.title
    spaced = [f"   {part}" if part else "" for part in (shapes, path)]
    console.print(terminal.line((name, "bold"), spaced[0], (spaced[1], "dim")))
    for line in sheet.above:
        for part in _broken(line, console.width):
            console.print(terminal.line(part))
    for line in sheet.in_lines:
        for part in _broken(line, console.width):
            console.print(terminal.line(part))
    if sheet.columns and sheet.columns[0].cells and not sheet.in_lines:
        grid = _grid(console, sheet)
        console.print(grid, soft_wrap=True)
        for line in _apart(sheet, grid):
            for part in _broken(line, console.width):
                console.print(terminal.line(part))
        shown = {column.header for column in grid.columns}
        left_out = [column.header for column in sheet.columns if column.header not in shown]
        if left_out and sheet.names_left_out:
            console.print(terminal.line(f"no room for {', '.join(left_out)} in {console.width} characters"))
    for line in sheet.notes:
        console.print(terminal.line(line))
    for line in sheet.foot:
        console.print(terminal.line(line, style="dim"))


def _broken(line: str, width: int) -> list[str]:
    """A line that is indented as several that are so, further but for the first; any other as it is."""
    if not line.startswith(" ") or len(line) <= width:
        return [line]
    from textwrap import wrap

    return wrap(line, width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False)


def _grid(console: Pen, sheet: Sheet) -> Grid:
    columns = [
        Column(column.header, list(column.cells), "left" if column.is_text else "right", column.style, column.rank,
               column.shorten, column.narrowest)
        for column in sheet.columns
        if any(column.cells)
    ]  # fmt: skip
    styles = list(sheet.styles or [""] * len(columns[0].cells))
    if not any(sheet.lists):
        return Grid(fitted(columns, console.width), styles)
    joined = [", ".join(texts) for texts in sheet.lists]
    if needed(columns) + GAP + max(map(cell_len, joined)) <= console.width:
        return Grid([*columns, Column(sheet.lists_header, joined, "left")], styles)
    lists = _below_each_other(columns, sheet, styles, console.width)
    return lists if lists is not None else Grid(fitted(columns, console.width), styles)


def _apart(sheet: Sheet, grid: Grid) -> list[str]:
    """The lists, a line each that begins as their rows do, where the table had no room for them."""
    if not any(sheet.lists) or grid.columns[-1].header == sheet.lists_header:
        return []
    rows = zip(*(column.cells for column in sheet.columns[:2]), sheet.lists, strict=True)
    return [f"  {' '.join(start)}, {sheet.lists_header}: {', '.join(texts)}" for *start, texts in rows if texts]


def _below_each_other(columns: Sequence[Column], sheet: Sheet, styles: Sequence[str], width: int) -> Grid | None:
    """A line for every text of the lists; the other cells stand in the first of them. None where there is no room."""
    kept = [column for column in columns if column.rank == 0]
    if needed(kept) + GAP + _narrowest([text for row in sheet.lists for text in row]) > width:
        return None
    counts = [max(1, len(texts)) for texts in sheet.lists]
    for column in columns:
        column.cells = [
            cell for text, count in zip(column.cells, counts, strict=True) for cell in (text, *[""] * (count - 1))
        ]
    texts = [text for row in sheet.lists for text in row or [""]]
    last = Column(sheet.lists_header, texts, "left", shorten=_in_brief, narrowest=_narrowest(texts))
    repeated = [style for style, count in zip(styles, counts, strict=True) for _ in range(count)]
    return Grid(fitted([*columns, last], width), repeated)


def _narrowest(texts: Sequence[str]) -> int:
    """The characters in which all figures of the texts can be read, and most of their names."""
    return max(cell_len(_in_brief(text, _NARROWEST_LIST)) for text in texts)


def _in_brief(text: str, width: int) -> str:
    """A name that is shorter, and what stands behind its last blank as it is."""
    name, blank, figure = text.rpartition(" ")
    room = max(1, width - cell_len(figure) - len(blank) - 1)
    if cell_len(text) <= width or not name:
        return text
    return f"{name[:room].rstrip()}… {figure}"
