"""Memory over time as a bar chart for the terminal, as wide as it is and no wider."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.planning.records import MemoryPlan
from convcalc.views import words
from convcalc.views.columns import GAP, Column, Grid, end, fitted, needed
from convcalc.views.formats import terminal
from convcalc.views.memory import shared
from convcalc.views.memory.shared import Instant, Planned
from convcalc.views.output import Output

_BAR = " ▏▎▍▌▋▊▉█"
_NARROWEST_NAME = 24
"""Characters of a name for which rather the shape goes."""
_WIDEST_BAR, _NARROWEST_BAR = 40, 12


def write(planned: Planned, out: Output) -> None:
    """Title, chart, what lies where, and the figures."""
    memory, console = planned.memory, out.pen
    if out.shown:
        console.print()
    out.shown += 1
    name, shapes, path = shared.title(planned)
    console.print(terminal.line((name, "bold"), "   ", shapes, "   ", (path, "dim")))
    lines = shared.instants(planned)
    if lines:
        console.print(_chart(console.width, lines, memory), soft_wrap=True)
    if shared.is_put_together(lines):
        console.print(
            terminal.line("of several layers that with the most alive is shown: --expand has all", style="dim")
        )
    if memory.arena.regions:
        console.print()
        console.print(_regions(console.width, memory), soft_wrap=True)
        console.print()
    for fact in shared.facts(memory):
        console.print(terminal.line(fact, style="bold"))
    console.print(terminal.line(shared.convention(memory), style="dim"))


def _chart(width: int, lines: Sequence[Instant], memory: MemoryPlan) -> Grid:
    most = max(line.alive_bytes for line in lines)
    columns = [
        Column("layer", [line.name for line in lines], "left", shorten=end, narrowest=_NARROWEST_NAME),
        Column("", [_count(line) for line in lines], "left"),
        Column("kind", [line.kind for line in lines], "left", "cyan", rank=2, shorten=end),
        Column("output", [line.output for line in lines], "left", rank=3),
        Column("bytes", [words.binary(line.output_bytes) for line in lines], rank=1),
        Column("alive", [words.binary(line.alive_bytes) for line in lines]),
    ]
    columns = [column for column in columns if column.header or any(column.cells)]
    columns = fitted(columns, width - _NARROWEST_BAR - GAP)
    room = min(_WIDEST_BAR, width - needed(columns) - GAP)
    if room > 0 and most:
        columns.append(Column("", [_bar(line.alive_bytes, most, room) for line in lines], "left", "green"))
    peak = memory.peak_activation_bytes
    return Grid(columns, ["bold" if peak and line.alive_bytes == peak else "" for line in lines])


def _count(line: Instant) -> str:
    return f"x{line.times}" if line.times else f"of {line.layers}" if line.layers > 1 else ""


def _bar(size: int, most: int, width: int) -> str:
    full, rest = divmod(round(8 * width * size / most), 8)
    return "█" * full + (_BAR[rest] if rest else "")


def _regions(width: int, memory: MemoryPlan) -> Grid:
    """What is in use at the peak, and the largest others."""
    regions, count = shared.shown_regions(memory), len(memory.arena.regions)
    columns = [
        Column("tensor", [region.tensors[-1] for region in regions], "left", shorten=end, narrowest=_NARROWEST_NAME),
        Column("", ["peak" if shared.at_peak(memory, region) else "" for region in regions], "left", "green"),
        Column("bytes", [words.exact(region.bytes) for region in regions]),
        Column("offset", [words.exact(region.offset) for region in regions]),
        Column("until", [region.until for region in regions], "left", rank=1, shorten=end, narrowest=16),
    ]
    grid = Grid(fitted([column for column in columns if any(column.cells)], width), [""] * len(regions))
    rest = count - len(regions)
    if rest:
        grid.columns[0].header = f"tensor ({len(regions)} of {count})"
        grid.columns[0].width = max(grid.columns[0].width, len(grid.columns[0].header))
    return grid
