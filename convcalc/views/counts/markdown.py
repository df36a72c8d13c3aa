"""Sheets as Markdown."""

from __future__ import annotations

from convcalc.views.counts.shared import Sheet
from convcalc.views.formats.markdown import cell, code, escaped, table
from convcalc.views.output import Output


def write(sheet: Sheet, out: Output) -> None:
    """Title, table and notes."""
    name, shapes, path = sheet.title
    title = f"### {escaped(name)}{f' ({escaped(shapes)})' if shapes else ''}"
    header = [column.header for column in sheet.columns]
    sides = "".join("l" if column.is_text else "r" for column in sheet.columns)
    rows = [[cell(text) for text in texts] for texts in zip(*(column.cells for column in sheet.columns), strict=True)]
    if sheet.lists:
        header, sides = [*header, sheet.lists_header], f"{sides}l"
        rows = [[*row, escaped(", ".join(texts))] for row, texts in zip(rows, sheet.lists, strict=True)]
    lines = [title, "", *(_line(line) for line in sheet.above), ""]
    if rows:
        lines += [*table([escaped(text) for text in header], sides, rows), ""]
    lines += [f"{escaped(line)}  " for line in (*sheet.notes, *sheet.foot)]
    out.text("\n".join([*lines, *([code(path)] if path else []), "\n"]))


def _line(text: str) -> str:
    """A line of its own; what is indented is an item of a list."""
    return f"- {escaped(text)}" if text.startswith(" ") else f"{escaped(text)}  "
