"""Which rows and which two columns of a sweep a picture shows, and the front of these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from convcalc.sweeping.record import Sweep
from convcalc.views.pictures.sweep_columns import MOST_WORDS, SweepColumn, better, column_of
from convcalc.views.sweep import shared
from convcalc.views.sweep.shared import Swept
from convcalc.visible import visible


class NothingToShow(Exception):
    """A sweep has no row of which a picture could be made; the message says why."""


class Shown(msgspec.Struct, frozen=True):
    """Two columns of a sweep at some of its rows, which are numbers from 0 on, in their order.

    `front` are places in `rows`: the rows of which none is better in both columns, by the first of them. It is the
    front of all rows of the sweep, shown or not. It is empty where one of the columns has no numbers.
    """

    swept: Swept
    rows: Sequence[int]
    x: SweepColumn
    y: SweepColumn
    front: Sequence[int]

    @property
    def of_all(self) -> int:
        """How many rows there are."""
        return shared.row_count(self.swept.sweep)


def shown(swept: Swept, most: int) -> Shown | None:
    """Of more than `most` rows those at equal distances, and the front; None where there is no row."""
    sweep = swept.sweep
    count = shared.row_count(sweep)
    if not count:
        return None
    across, up = _names(swept)
    members = front_of(sweep, across, up)
    rows = _spread(count, most, members)
    x, y = (column_of(swept, name, rows) for name in (across, up))
    places = {row: place for place, row in enumerate(rows)}
    front = [places[row] for row in members if row in places] if x.is_numeric and y.is_numeric else []
    return Shown(swept, rows, x, y, sorted(front, key=lambda place: x.cells[place]))


def front_of(sweep: Sweep, *names: str) -> list[int]:
    """The rows of which none is as good in all these columns and better in one; the first of those that are alike.

    Rows in which one of the columns has no number are left out.
    """
    import numpy as np

    from convcalc.sweeping.fronts import front
    from convcalc.sweeping.rows import rows_of

    columns = [_plain(sweep.columns[name]) for name in names]
    numbers = [row for row, cells in enumerate(zip(*columns, strict=True)) if all(map(_is_number, cells))]
    keys = [_key(np, column, numbers, is_more=better(sweep, name)) for name, column in zip(names, columns, strict=True)]
    members = front(rows_of(np.array(numbers, np.int64), keys), len(names))
    return [int(number) for number in members.numbers]


def _key(np: Any, column: list[Any], rows: list[int], *, is_more: bool) -> Any:
    from convcalc.sweeping.rows import narrow

    key = np.empty(len(rows), object)
    key[:] = [-column[row] if is_more else column[row] for row in rows]
    return narrow(key)


def _plain(cells: Any) -> list[Any]:
    if hasattr(cells, "tolist"):
        return list(cells.tolist())
    return [cell.item() if hasattr(cell, "item") else cell for cell in cells]


def _is_number(cell: Any) -> bool:
    return hasattr(cell, "denominator") and not isinstance(cell, bool)


def _spread(count: int, most: int, members: Sequence[int]) -> list[int]:
    """Rows at equal distances, and as many of the members as there is room for beside half of these."""
    if count <= most:
        return list(range(count))
    kept = set(members[: most // 2])
    step = -(-count // (most - len(kept)))
    return sorted(kept | set(range(0, count, step)))


def _names(swept: Swept) -> tuple[str, str]:
    """The first two keys of the front, else MACs and params, else what moves."""
    sweep = swept.sweep
    keys = [key.removeprefix("-") for key in sweep.pareto]
    names = [*keys, "macs", "params", *swept.shown, *swept.swept, *sweep.columns]
    drawable = [name for name in dict.fromkeys(names) if name in sweep.columns and _is_drawable(swept, name)]
    asked = [name for name in drawable if name in keys]
    moving = [name for name in drawable if _moves(sweep.columns[name])]
    first, second, *_ = dict.fromkeys([*asked, *moving, *drawable, *drawable])
    return first, second


def _is_drawable(swept: Swept, name: str) -> bool:
    cells = swept.sweep.columns[name]
    if hasattr(cells, "tolist"):
        return True
    present = [cell for cell in cells if cell is not None]
    if all(map(_is_number, present)):
        return bool(present)
    return name in swept.swept and len(dict.fromkeys(_texts(swept, name))) <= MOST_WORDS


def _texts(swept: Swept, name: str) -> Iterator[str]:
    return (visible(swept.value(name, cell)) for cell in _plain(swept.sweep.columns[name]))


def _moves(cells: Any) -> bool:
    if hasattr(cells, "min"):
        return bool(cells.min() != cells.max())
    return any(cell != cells[0] for cell in cells)
