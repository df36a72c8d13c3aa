"""The columns of a sweep as pages and plots have them: exact cells, and how they lie on an axis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import msgspec

from convcalc.sweeping.record import Sweep
from convcalc.views import words
from convcalc.views.formats.json import LARGEST_OF_SCRIPTS, Record, filled
from convcalc.views.pictures.charts.shared import binary_step
from convcalc.views.sweep import shared
from convcalc.views.sweep.json import plain
from convcalc.views.sweep.shared import Swept
from convcalc.visible import short, visible

MOST_WORDS = 40
"""Values that are no numbers, as shapes and variants, up to which an axis has a place for each."""
WIDE = 100
"""How many times the least value the largest one is where an axis is logarithmic unless something else is chosen."""
TITLES = {
    **shared.TITLES,
    "peak_activation_bytes": "peak activations",
    "bound_ms": "least time",
    "receptive_field": "receptive field",
}
"""What totals are called where there is more room than above a column of a terminal."""
_UNITS = {"sram": "bytes", "flash": "bytes", "bound_ms": "ms", "bound_ps": "ps"}


class SweepColumn(msgspec.Struct, frozen=True, dict=True):
    """A column of some rows; `cells` are exact, `texts` says how a cell is written where people read it.

    `unit` is bytes, ms, ps or empty. What `is_minor` was not asked for. `is_more_better` is the side on which a front
    lies unless something else is asked.
    """

    name: str
    title: str
    unit: str
    is_swept: bool
    is_minor: bool
    is_more_better: bool
    cells: Sequence[Any]
    texts: Any

    @cached_property
    def is_numeric(self) -> bool:
        """Whether there is a number in every row in which there is anything, and one at all."""
        present = [cell for cell in self.cells if cell is not None]
        return bool(present) and all(_is_number(cell) for cell in present)

    @cached_property
    def labels(self) -> list[str]:
        """What stands at the places of an axis of words, in the order of the rows; empty where there are too many."""
        if self.is_numeric or not self.is_swept:
            return []
        labels = list(dict.fromkeys(visible(self.texts(cell)) for cell in self.cells))
        return labels if len(labels) <= MOST_WORDS else []

    @property
    def is_drawable(self) -> bool:
        """Whether an axis can hold it."""
        return self.is_numeric or bool(self.labels)

    @property
    def format(self) -> str:
        """How scripts write its numbers below an axis: one of those of plot.js."""
        if self.unit == "bytes":
            return "bytes"
        return "plain" if self.is_swept or self.unit or not self.is_numeric else "count"

    @cached_property
    def _range(self) -> tuple[Any, Any]:
        present = [cell for cell in self.cells if cell is not None]
        return min(present), max(present)

    @cached_property
    def places(self) -> list[float | None]:
        """Where each row lies on the axis: its number for scripts, or that of its label; None where neither is."""
        if not self.is_numeric:
            numbers = {label: place for place, label in enumerate(self.labels)}
            return [numbers.get(visible(self.texts(cell))) for cell in self.cells]
        return [None if cell is None else _float(cell) for cell in self.cells]

    @property
    def linear(self) -> Record:
        """The axis, as ECharts takes it; bytes have steps that are round in their units."""
        name = visible(short(f"{self.title} ({self.unit})" if self.format == "plain" and self.unit else self.title))
        if not self.is_numeric:
            return {"type": "category", "name": name, "data": self.labels}
        return {"type": "value", "name": name, "scale": True, **(self._steps if self.unit == "bytes" else {})}

    @property
    def _steps(self) -> Record:
        least, largest = self._range
        step = binary_step(largest - least or largest)
        return {"min": least // step * step, "max": -(-largest // step) * step or step, "interval": step}

    @property
    def logarithmic(self) -> Record | None:
        """The axis in equal steps for equal ratios; None where something is no number above zero."""
        if not self.is_numeric or self._range[0] <= 0:
            return None
        is_binary = self.unit == "bytes" or not self.is_wide
        return {"type": "log", "name": self.linear["name"], "logBase": 2 if is_binary else 10}

    @property
    def is_wide(self) -> bool:
        """Whether equal ratios show more than equal steps."""
        return self.is_numeric and self._range[1] >= WIDE * self._range[0] > 0

    def record(self) -> Record:
        """What scripts read: numbers that they can hold as they are, other cells by their places in a list.

        That list has for each value what JSON has for it (`values`), how it is written (`texts`), where it lies on the
        axis (`numbers`) and by which whole number it is ordered (`ranks`).
        """
        is_plain = all(type(cell) is int and abs(cell) <= LARGEST_OF_SCRIPTS for cell in self.cells)
        return {
            "name": self.name,
            "title": visible(self.title),
            "unit": self.unit,
            "swept": self.is_swept,
            "minor": self.is_minor,
            "more": self.is_more_better,
            "drawable": self.is_drawable,
            "wide": self.is_wide,
            "format": self.format,
            **filled(linear=self.linear if self.is_drawable else None, log=self.logarithmic),
            **({"cells": list(self.cells)} if is_plain else self._listed()),
        }

    def _listed(self) -> Record:
        kept: dict[Any, int] = {}
        places = [kept.setdefault(_key(cell), len(kept)) for cell in self.cells]
        firsts: list[int] = []
        for row, place in enumerate(places):
            if place == len(firsts):
                firsts.append(row)
        cells = [self.cells[row] for row in firsts]
        numbers = [self.places[row] for row in firsts] if self.is_drawable else []
        return {
            "values": list(map(plain, cells)),
            "texts": [None if cell is None else visible(self.texts(cell)) for cell in cells],
            "places": places,
            **filled(numbers=numbers, ranks=_ranks(cells) if self.is_numeric else None),
        }


def column_of(swept: Swept, name: str, rows: Iterable[int]) -> SweepColumn:
    """A column at some rows of a sweep, which are numbers from 0 on."""
    cells = swept.sweep.columns[name]
    return _column(swept, name, list(_taken(cells, list(rows))))


def alike_of(sweep: Sweep, rows: Iterable[int]) -> SweepColumn:
    """For how many further points a row stands, as a column."""
    numbers = [int(sweep.like[row]) for row in rows]
    return SweepColumn(
        "alike", "alike", "", is_swept=False, is_minor=False, is_more_better=True, cells=numbers, texts=words.exact
    )


def better(sweep: Sweep, name: str) -> bool:
    """Whether more of something is better: as --pareto says, else of costs less, of a field and of what is swept more.

    What is swept is most often a size, as of an input or of layers, of which a network is made larger to be good.
    """
    if name in sweep.pareto:
        return False
    return f"-{name}" in sweep.pareto or name == "receptive_field" or name in {axis.name for axis in sweep.axes}


def _column(swept: Swept, name: str, cells: list[Any]) -> SweepColumn:
    is_swept = name in swept.swept
    return SweepColumn(
        name=name,
        title=name if is_swept else TITLES.get(name, name),
        unit=_UNITS.get(name, "bytes" if name.endswith("_bytes") else ""),
        is_swept=is_swept,
        is_minor=not is_swept and name not in swept.shown,
        is_more_better=better(swept.sweep, name),
        cells=cells,
        texts=(lambda cell: swept.value(name, cell)) if is_swept else _text,
    )


def _taken(cells: Any, rows: list[int]) -> Iterator[Any]:
    if hasattr(cells, "tolist"):
        yield from cells[rows].tolist()
    else:
        yield from (cells[row].item() if hasattr(cells[row], "item") else cells[row] for row in rows)


def _text(cell: Any) -> str:
    """A total with all its digits."""
    if isinstance(cell, int):
        return words.exact(cell)
    if isinstance(cell, tuple | list):
        return shared.writer("output")(cell)
    return str(plain(cell))


def _is_number(cell: Any) -> bool:
    return hasattr(cell, "denominator") and not isinstance(cell, bool)


def _float(cell: Any) -> Any:
    """The nearest number that a script has: whole ones stay whole; the largest where none is so large."""
    if isinstance(cell, int) and abs(cell) <= LARGEST_OF_SCRIPTS:
        return cell
    try:
        return float(cell)
    except OverflowError:
        return 1e308 if cell > 0 else -1e308


def _key(cell: Any) -> Any:
    """Equal for equal cells alone: true is not 1, and a list has no hash."""
    if isinstance(cell, tuple | list):
        return tuple(map(_key, cell))
    return (cell,) if isinstance(cell, bool) else cell


def _ranks(cells: list[Any]) -> list[int | None]:
    """The place of each number among all, exact where floats would make two of them the same."""
    order = {cell: rank for rank, cell in enumerate(sorted({cell for cell in cells if cell is not None}))}
    return [None if cell is None else order[cell] for cell in cells]
