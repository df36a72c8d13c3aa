"""The columns of a report's table: what each says of a line, and which of them are shown.

A few are shown unless others are asked for. `--show` adds columns and `--hide` takes them away, by their names or by
the name of a group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from convcalc.analysis.lines import Line
from convcalc.analysis.report import Report
from convcalc.views import words

Write = Callable[[int], str]
"""How a count is written: with all digits, or short."""


class TableColumn(msgspec.Struct, frozen=True):
    """A column: `name` is what `--show` takes, `write` what is said of a line, given how counts and bytes are written.

    `rank`: the higher, the sooner it is left out where there is no room.
    """

    name: str
    header: str
    write: Callable[[Line, Report, Write, Write], str]
    rank: int
    is_text: bool = False


def _share(line: Line, report: Report, count: Write, size: Write) -> str:
    return words.share(line.macs, report.totals.macs)


def _ops_per_byte(line: Line, report: Report, count: Write, size: Write) -> str:
    ratio = line.ops_per_byte
    return "" if ratio is None or not line.is_known else f"{ratio:,.1f}"


def _formats(line: Line, report: Report, count: Write, size: Write) -> str:
    return f"{line.weights} x {line.activations}" if line.macs else line.activations


def _bound(line: Line, *_: object) -> str:
    return words.duration(line.bound.ps) if line.bound is not None else ""


def _binds(line: Line, *_: object) -> str:
    return line.bound.by if line.bound is not None else ""


def _padding(line: Line, report: Report, count: Write, size: Write) -> str:
    return words.share(line.bound.padded_macs, line.macs) if line.bound is not None and line.macs else ""


def _tool_count(line: Line, report: Report, count: Write, size: Write) -> str:
    if line.tool_count is None or line.tool_unknown == line.layers:
        return "?"
    return f"{'≥ ' if line.tool_unknown else ''}{count(line.tool_count)}"


def _counted(name: str) -> Callable[[Line, Report, Write, Write], str]:
    return lambda line, report, count, size: words.cost(line, getattr(line, name), count)


def _sized(name: str) -> Callable[[Line, Report, Write, Write], str]:
    return lambda line, report, count, size: words.cost(line, getattr(line, name), size)


FIGURES = (
    TableColumn("kind", "kind", lambda line, *_: words.kind(line), 1, is_text=True),
    TableColumn("output", "output", lambda line, *_: words.shape(line.output_shape or ()), 2, is_text=True),
    TableColumn("params", "params", lambda line, *_: words.cost(line, line.params, words.exact), 6),
    TableColumn("buffers", "buffers", lambda line, *_: words.cost(line, line.buffers, words.exact), 7),
    TableColumn("macs", "MACs", _counted("macs"), 4),
    TableColumn("share", "share", _share, 12),
    TableColumn("elementwise_ops", "element-wise", _counted("elementwise_ops"), 9),
    TableColumn("flops", "FLOPs", _counted("flops"), 9),
    TableColumn("field", "field", lambda line, *_: words.field(line.receptive_field), 11),
    TableColumn("input_bytes", "bytes in", _sized("input_bytes"), 10),
    TableColumn("weight_bytes", "weights", _sized("weight_bytes"), 10),
    TableColumn("output_bytes", "bytes out", _sized("output_bytes"), 10),
    TableColumn("ops_per_byte", "ops/byte", _ops_per_byte, 10),
    TableColumn("formats", "formats", _formats, 10, is_text=True),
    TableColumn("bit_operations", "bit ops", _counted("bit_operations"), 10),
    TableColumn("bound", "at least", _bound, 3),
    TableColumn("binds", "binds", _binds, 5, is_text=True),
    TableColumn("padding", "padding", _padding, 8),
)
"""All columns beside the name of a line, in the order in which they stand."""

GROUPS = {
    "memory": ("input_bytes", "weight_bytes", "output_bytes", "ops_per_byte"),
    "precision": ("formats", "bit_operations"),
    "time": ("bound", "binds", "padding"),
}
BAR = "bar"
"""The bars behind the MACs, which are drawn where there is room."""
USUAL = ("kind", "output", "params", "macs", BAR, "share", "field")
NAMES = (*(figure.name for figure in FIGURES), BAR)
_ASKED_FOR = 100
"""Ranks from which on columns are left out before any that is asked for."""


class Columns(msgspec.Struct, frozen=True):
    """What is asked for beside the usual columns, and what is not wanted, by name."""

    show: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()

    def chosen(self, report: Report) -> list[tuple[TableColumn, int]]:
        """The columns to show, in order, each with its rank: those that are asked for stay the longest.

        The times stand beside the usual ones where there is a device. Params and MACs are never left out, unless
        others are asked for, nor is what another tool counts.
        """
        times = GROUPS["time"] if report.terms.device is not None else ()
        kept = {"macs"} if times else {"macs", "params"}
        figures = []
        for figure in FIGURES:
            if not self.has(figure.name, times) or (figure.name in GROUPS["time"] and not times):
                continue
            if figure.name in self.show:
                rank = 1 + self.show.index(figure.name)
            elif self.show:
                rank = _ASKED_FOR + figure.rank
            else:
                rank = 0 if figure.name in kept else figure.rank
            figures.append((figure, rank))
        if report.counted is not None:
            tool = report.counted.choice
            column = TableColumn("tool_count", f"{tool.counter.name} {tool.figure.word}", _tool_count, 0)
            names = [figure.name for figure, _ in figures]
            figures.insert(names.index("macs") + 1 if "macs" in names else len(names), (column, 0))
        return figures

    def notes(self, report: Report) -> list[str]:
        """What is asked for and is not there."""
        is_lacking = report.terms.device is None and any(name in self.show for name in GROUPS["time"])
        return ["a bound of time is one on a device: name it with --device"] if is_lacking else []

    def has(self, name: str, more: Sequence[str] = ()) -> bool:
        """Whether a column is to be shown, `more` being usual too."""
        return name in (*USUAL, *more, *self.show) and name not in self.hide


def columns(show: Sequence[str], hide: Sequence[str]) -> Columns:
    """The columns that are meant by names, groups, and lists of these with commas.

    Raises:
        ValueError: there is none of that name.
    """
    return Columns(named(show), named(hide))


def named(texts: Sequence[str]) -> tuple[str, ...]:
    """The names of columns that are meant by names, groups, and lists of these with commas.

    Raises:
        ValueError: there is none of that name.
    """
    names: dict[str, None] = {}
    for word in (part.strip() for text in texts for part in text.split(",")):
        name = word.lower().replace("-", "_").replace(" ", "_")
        if name not in NAMES and name not in GROUPS:
            raise ValueError(_unknown(word, name))
        names |= dict.fromkeys(GROUPS.get(name, (name,)))
    return tuple(names)


def _unknown(word: str, name: str) -> str:
    from difflib import get_close_matches

    headers = {figure.header.lower(): figure.name for figure in FIGURES}
    close = get_close_matches(name, (*NAMES, *GROUPS), 1, 0.7)
    meant = headers.get(word.lower()) or next(iter(close), "")
    advice = f", did you mean {meant}?" if meant else ""
    groups = ", ".join(f"{group} ({', '.join(inside)})" for group, inside in GROUPS.items())
    listed = ", ".join(name for name in NAMES if not any(name in inside for inside in GROUPS.values()))
    return f"no column is called {word or 'nothing'!r}{advice}; there are {listed}, and the groups {groups}"
