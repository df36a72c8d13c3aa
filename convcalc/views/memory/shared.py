"""What a view of memory gets, and what there is to show of it, whatever the format."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convcalc.layers import UNSIZED
from convcalc.network import Group
from convcalc.planning.records import Arena, ArenaRegion, MemoryPlan
from convcalc.views import words
from convcalc.visible import short

MOST_LINES = 60
"""Lines of layers that are shown where nobody asks for all."""
FOLDED_LINES = 40
"""Lines that more layers than that are put into."""
MOST_REGIONS = 8
"""Parts of the arena that are shown where there are many more, but for those that are in use at the peak."""


class Planned(msgspec.Struct, frozen=True):
    """The memory of a spec, and which layers to show: the `top` with the most alive, or all where it is to `expand`."""

    path: str
    memory: MemoryPlan
    top: int | None = None
    expand: bool = False


class Instant(msgspec.Struct, frozen=True):
    """A line of the chart: a layer, or the one of several layers that has the most alive. `name` is that of all."""

    name: str
    kind: str
    output: str
    output_bytes: int
    alive_bytes: int
    times: int | None = None
    layers: int = 1


def instants(planned: Planned) -> list[Instant]:
    """The lines of the chart: repeats folded, and so many put together that they can be read."""
    memory = planned.memory
    lines = [
        Instant(moment.layer, moment.kind, words.shape(moment.output_shape), moment.output_bytes, moment.alive_bytes)
        for moment in memory.moments
    ]
    if planned.top is not None:
        return sorted(lines, key=lambda line: -line.alive_bytes)[: planned.top]
    if planned.expand:
        return lines
    if memory.running == "written":
        start = memory.network.input_count
        for group in reversed(_repeats(memory.network.groups)):
            inside = slice(group.first - start, group.last - start)
            lines[inside] = [_folded(lines[inside], group.name, group.times)]
    if len(lines) <= MOST_LINES:
        return lines
    width = -(-len(lines) // FOLDED_LINES)
    return [_folded(lines[first : first + width]) for first in range(0, len(lines), width)]


def _repeats(groups: Sequence[Group]) -> list[Group]:
    """The outermost repeats, in order."""
    folded: list[Group] = []
    for group in sorted(groups, key=lambda group: (group.first, -group.last)):
        if (group.times or 0) > 1 and group.last > group.first and (not folded or group.first >= folded[-1].last):
            folded.append(group)
    return folded


def _folded(lines: Sequence[Instant], name: str = "", times: int | None = None) -> Instant:
    """Several lines as that with the most alive."""
    most = max(lines, key=lambda line: line.alive_bytes)
    return msgspec.structs.replace(
        most, name=name or most.name, times=times or most.times, layers=sum(line.layers for line in lines)
    )


def is_put_together(lines: Sequence[Instant]) -> bool:
    """Whether lines stand for several layers that are no repeat."""
    return any(line.layers > 1 and not line.times for line in lines)


def at_peak(memory: MemoryPlan, region: ArenaRegion) -> bool:
    """Whether a part of the arena is in use when the most is alive."""
    return memory.peak is not None and not set(region.tensors).isdisjoint(memory.peak.tensors)


def shown_regions(memory: MemoryPlan) -> list[ArenaRegion]:
    """What is in use at the peak, the largest first, and the largest others: together so many, or all of the peak."""
    ordered = sorted(
        memory.arena.regions, key=lambda region: (not at_peak(memory, region), -region.bytes, region.first)
    )
    if len(ordered) <= 2 * MOST_REGIONS:
        return ordered
    count = sum(at_peak(memory, region) for region in ordered)
    return ordered[: min(max(count, MOST_REGIONS), 2 * MOST_REGIONS)]


def size(count: int) -> str:
    """Bytes for people, and all digits beside what is rounded."""
    return words.binary(count) if count < 2**10 else f"{words.binary(count)} ({words.exact(count)} bytes)"


def facts(memory: MemoryPlan) -> list[str]:
    """The figures below the chart, a line each."""
    peak, arena = memory.peak, memory.arena
    if peak is None:
        return ["no tensor is alive: there is no layer, or none has an output of its own"]
    count = len(peak.tensors)
    least = "at least " if any(moment.output_shape == UNSIZED for moment in memory.moments) else ""
    lines = [
        f"peak {least}{size(peak.bytes)} at {short(peak.layer)}: {count} tensor{'s' if count > 1 else ''}",
        f"arena {least}{size(arena.bytes)}: largest first, {_over(arena, peak.bytes)}",
        f"any order: {_orders(memory)}",
    ]
    room = memory.room
    if room is not None:
        verdict = "fits" if room.arena_fits else "does not fit"
        nearly = ", though the tensors alone would" if room.peak_fits and not room.arena_fits else ""
        of = f"{words.binary(arena.bytes)} of {words.binary(room.sram)}"
        lines.append(f"{short(room.device)}: {of}: {verdict}{nearly}")
    return lines


def _over(arena: Arena, peak: int) -> str:
    if arena.bytes == peak:
        return f"{arena.alignment}-byte aligned, no gaps"
    percent = 100 * (arena.bytes - peak) / peak
    over = "<0.1" if percent < 0.05 else f"{percent:.1f}"
    return f"{arena.alignment}-byte aligned, peak + {over} %"


def _orders(memory: MemoryPlan) -> str:
    orders = memory.orders
    smallest, written = orders.smallest_bytes, orders.written_bytes
    if orders.is_exact and smallest == written:
        return "none needs less than the written one"
    known = (
        "the smallest peak"
        if orders.is_exact
        else f"the least that was met; none is below {words.binary(orders.at_least_bytes)}"
    )
    if smallest == written:
        return f"none was met that needs less than the written one; none is below {words.binary(orders.at_least_bytes)}"
    how = f"instead of {words.binary(written)}" if memory.running == "best" else "see --order best"
    return f"{size(smallest)}, {known}; {how}"


def convention(memory: MemoryPlan) -> str:
    """What is counted, in which order, and for which batch and formats."""
    counted = memory.convention.peak_activation_bytes
    if memory.running == "best":
        counted = counted.replace("written order", "the best order")
    parts = [counted, f"batch {memory.terms.batch}", memory.convention.dtype]
    parts += [f"kernels: {memory.convention.kernels}"] if memory.convention.kernels else []
    return " · ".join(parts)


def title(planned: Planned) -> tuple[str, str, str]:
    """Name, input shapes, and the path of the spec."""
    network = planned.memory.network
    shapes = ", ".join(
        f"{short(node.name)} {words.shape(node.shape)}" if len(network.inputs) > 1 else words.shape(node.shape)
        for node in network.inputs
    )
    return short(network.name), shapes, "<stdin>" if planned.path == "-" else planned.path
