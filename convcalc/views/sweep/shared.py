"""What a view of sweep gets, and what there is to show of it, whatever the format."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from math import prod
from typing import Any

import msgspec

from convcalc.analysis.report import ReceptiveField
from convcalc.language.named import INPUT
from convcalc.sweeping import values
from convcalc.sweeping.axes import Space
from convcalc.sweeping.record import Sweep
from convcalc.views import words
from convcalc.visible import short

MOST_REASONS = 5
"""Reasons for which points are refused that are listed."""
MOST_ROWS = 1_000
"""Rows that a person is shown; files and JSON have all that are kept."""
_AT_ONCE = 1_000
"""Rows that are made at a time."""
_LONG = 1.0
"""Seconds of a run of which it is told how fast it was; so short ones print the same every time."""
TITLES = {
    "macs": "MACs",
    "elementwise_ops": "element-wise ops",
    "flops": "FLOPs",
    "weight_bytes": "weights",
    "buffer_bytes": "buffer bytes",
    "activation_bytes": "activations",
    "peak_activation_bytes": "peak",
    "bit_operations": "bit operations",
    "bound_ms": "at least",
    "receptive_field": "field",
}
"""What totals are called above a column, where that is not their name."""
TOTALS = ("params", "buffers", "output", "sram", "flash", "bound_ps", *TITLES)
_ALWAYS = ("params", "macs", "peak_activation_bytes")
"""Totals that are shown whether they are asked for or not."""
_ON_DEVICE = ("params", "macs", "sram", "flash", "bound_ms")
"""The same on a device, and where its memory is asked for: `sram` is the peak by another name."""


class Swept(msgspec.Struct, frozen=True):
    """A sweep of the network that `path` names, whose inputs are called so.

    `again` is the command that shows the first row by itself, empty where there is none.
    """

    sweep: Sweep
    path: str
    inputs: Collection[str] = (INPUT,)
    again: str = ""

    @property
    def swept(self) -> list[str]:
        """The names of what is swept."""
        return [axis.name for axis in self.sweep.axes]

    @property
    def shown(self) -> list[str]:
        """The totals to show: those of any network, those that are asked for, and those of layers."""
        is_shown = {*(_ON_DEVICE if self.sweep.convention.device or "sram" in self.named else _ALWAYS), *self.named}
        totals = [name for name in self.sweep.columns if name not in self.swept]
        return [name for name in totals if name in is_shown or name not in TOTALS]

    @property
    def named(self) -> set[str]:
        """The words in what is asked for, names of totals among them."""
        sweep = self.sweep
        return set(re.findall(r"[a-z_]+", " ".join((sweep.where, *sweep.pareto, *sweep.sort))))

    def value(self, name: str, value: Any) -> str:
        """A value of what is swept, as it is written to ask for it."""
        return values.shape_text(value) if name in self.inputs else values.text(value)

    def point(self, point: dict[str, Any]) -> str:
        """width=0.75, input=256."""
        return ", ".join(f"{name}={self.value(name, value)}" for name, value in point.items())


def column(sweep: Sweep, name: str, count: int | None = None) -> list[Any]:
    """The first values of a column, as Python has them."""
    return _plain(sweep.columns[name][:count])


def _plain(cells: Any) -> list[Any]:
    """Cells of a list or an array, without types of NumPy."""
    cells = cells.tolist() if hasattr(cells, "tolist") else list(cells)
    return [cell.item() if hasattr(cell, "item") else cell for cell in cells]


def row_count(sweep: Sweep) -> int:
    """How many points are kept."""
    return max((len(cells) for cells in sweep.columns.values()), default=0)


def rows(sweep: Sweep, write: Callable[[str, Any], Any]) -> Iterator[tuple[Any, ...]]:
    """The rows, of which some are made at a time: there may be a million. Whole numbers are as they are."""
    for start in range(0, row_count(sweep), _AT_ONCE):
        parts = []
        for name, cells in sweep.columns.items():
            part = _plain(cells[start : start + _AT_ONCE])
            is_plain = all(type(cell) is int for cell in part)
            parts.append(part if is_plain else [write(name, cell) for cell in part])
        yield from zip(*parts, strict=True)


def alike(sweep: Sweep, count: int | None = None) -> list[int]:
    """For each row, how many further points are as good; nothing where that is not asked."""
    return [int(number) for number in sweep.like[:count]] if sweep.pareto else []


def writer(name: str) -> Callable[[Any], str]:
    """How a total is written for people."""
    if name == "output":
        return _output
    if name == "receptive_field":
        return _field
    if name.endswith("_bytes") or name in ("sram", "flash"):
        return words.binary
    if name == "bound_ms":
        return milliseconds
    return words.scaled if name.startswith(("macs", "flops", "elementwise_ops", "bit_operations")) else _any


def milliseconds(value: Any) -> str:
    """A time of so many milliseconds, as every table writes one."""
    return words.duration(int(value * 10**9))


def _any(value: Any) -> str:
    return words.exact(value) if isinstance(value, int) else str(value)


def _output(value: Any) -> str:
    """The size of the output; of several, all."""
    if isinstance(value, tuple | list) and value and isinstance(value[0], tuple | list):
        return ", ".join(map(words.shape, value))
    return words.shape(value) if isinstance(value, tuple | list) else str(value)


def _field(value: Any) -> str:
    if isinstance(value, ReceptiveField):
        return words.field(value)
    if isinstance(value, tuple | list):
        return words.per_axis(tuple(value), "?")
    return "?" if value is None else _any(value)


def title(swept: Swept) -> tuple[str, str, str]:
    """The network, what is swept and how many points that makes, and the path."""
    sweep = swept.sweep
    axes = " x ".join(f"{short(axis.name)} ({words.exact(len(axis.values))})" for axis in sweep.axes)
    of_all = prod(len(axis.values) for axis in sweep.axes)
    points = f"{words.exact(sweep.points)} point{'' if sweep.points == 1 else 's'}"
    if sweep.points < of_all:
        points += f" drawn of {approximately(of_all)}"
    return short(sweep.network), f"{axes}: {points}", "<stdin>" if swept.path == "-" else swept.path


def asked(sweep: Sweep) -> str:
    """What points must satisfy, what they are chosen by, and how they are ordered; empty where nothing is asked."""
    return "   ".join(f"{word} {text}" for word, text in queries(sweep))


def queries(sweep: Sweep) -> list[tuple[str, str]]:
    """The same part by part, each with the word of its option."""
    parts = [("where", sweep.where), ("pareto", ", ".join(sweep.pareto)), ("sort", ", ".join(sweep.sort))]
    return [(word, text) for word, text in parts if text]


def interrupted(sweep: Sweep) -> str:
    """That not all points are known; empty where they are."""
    if not sweep.is_partial:
        return ""
    of_all = f"{words.exact(sweep.done)} of {words.exact(sweep.points)} points"
    return f"partial: interrupted after {of_all}; what is shown is of those alone"


def counts(sweep: Sweep) -> str:
    """How many points there were, how many satisfy what is asked, how many are refused."""
    of_all = f" of {words.exact(sweep.points)}" if sweep.is_partial else ""
    parts = [f"{words.exact(sweep.done)}{of_all} point{'' if sweep.points == 1 else 's'}"]
    if sweep.where:
        parts.append(f"{words.exact(sweep.satisfying)} satisfy")
    if sweep.refused:
        parts.append(f"{words.exact(sweep.refused)} refused")
    return "   ".join(parts)


def rate(sweep: Sweep) -> str:
    """How long it took, and how many points that is in a second; empty where it took no time worth a word."""
    if sweep.seconds < _LONG:
        return ""
    return f"{sweep.seconds:,.2f} s, {approximately(round(sweep.done / max(sweep.seconds, 1e-6)))} points/s"


def approximately(number: int) -> str:
    """A count in three digits or so: 870, 12,300, 1.23 M; beyond the suffixes 1.2e15."""
    if number < 1000:
        return str(number)
    if number >= 10**15:
        return f"{number:.1e}".replace("e+", "e")
    digits = 10 ** (len(str(number)) - 3)
    number = (number + digits // 2) // digits * digits
    for factor, suffix in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if number >= factor:
            return f"{number / factor:.3g} {suffix}"
    return words.exact(number)


def notes(swept: Swept) -> list[str]:
    """What a reader should know beside the rows: why points are refused, and what changes nothing."""
    sweep, space = swept.sweep, Space(swept.sweep.axes)
    texts = []
    for refusal in sweep.refusals[:MOST_REASONS]:
        times = f"{words.exact(refusal.count)} refused" if refusal.count > 1 else "refused"
        first = "first at " if refusal.count > 1 else "at "
        texts.append(f"{times}: {short(refusal.message)} ({first}{short(swept.point(space.point(refusal.first)))})")
    more = len(sweep.refusals) - MOST_REASONS
    if more > 0:
        texts.append(f"and {more} more reason{'s' if more > 1 else ''}: --format json has them")
    return [*texts, *filter(None, [unmoved(sweep)])]


def unmoved(sweep: Sweep) -> str:
    """What is swept and changes nothing; empty where all does."""
    if not sweep.unmoved:
        return ""
    return f"{listed(sweep.unmoved)} change{'s' if len(sweep.unmoved) == 1 else ''} no total"


def listed(names: Sequence[str]) -> str:
    """a, b and c."""
    names = [short(name) for name in names]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def left_out(sweep: Sweep) -> str:
    """How many rows are not shown; empty where all are."""
    more = row_count(sweep) - MOST_ROWS
    return (
        f"... and {words.exact(more)} more rows: -o FILE writes all, --top {MOST_ROWS} keeps these" if more > 0 else ""
    )


def nothing(sweep: Sweep) -> str:
    """Why there is no row."""
    if sweep.done and sweep.refused == sweep.done:
        return "every point is refused"
    return "no point satisfies it" if sweep.where else "no point is known"
