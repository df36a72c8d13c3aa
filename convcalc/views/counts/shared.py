"""What a view of counts gets: a sheet that has been filled, whatever stands on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from convcalc.views.formats.json import Record


class SheetColumn(msgspec.Struct, frozen=True):
    """A column of texts; `rank`: the higher, the sooner it is left out where there is no room."""

    header: str
    cells: Sequence[str]
    is_text: bool = False
    rank: int = 0
    style: str = ""
    shorten: Callable[[str, int], str] | None = None
    narrowest: int = 8


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A table with what stands around it.

    `title` are the parts of the first line. `above` and `notes` stand on either side of the table, `foot` are lines
    that matter less. `in_lines` is what a terminal shows in place of the table. `lists` are the last cells of the rows,
    each several texts, beside each other where there is room for all and else below each other. `names_left_out`:
    columns that find no room are named. `record` is the same for JSON, `rows` with their `header` for CSV.
    """

    title: tuple[str, str, str]
    above: Sequence[str] = ()
    columns: Sequence[SheetColumn] = ()
    lists_header: str = ""
    lists: Sequence[Sequence[str]] = ()
    styles: Sequence[str] = ()
    in_lines: Sequence[str] = ()
    names_left_out: bool = False
    notes: Sequence[str] = ()
    foot: Sequence[str] = ()
    record: Record
    header: tuple[str, ...] = ()
    rows: Sequence[Sequence[object]] = ()
