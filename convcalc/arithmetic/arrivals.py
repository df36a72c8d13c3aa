"""Which positions of the network's input arrive at a tensor at all: what an operation over all its positions sees.

A receptive field speaks of an axis without ends; this speaks of the real one. An `Arrivals` remembers how the
positions of one axis of a tensor were read from those before it. `covered` follows them back to the input, position
by position, when an operation looks at all of them: what was cropped away, or skipped by a stride, does not arrive.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from itertools import chain, islice

import msgspec

from convcalc.arithmetic.window import Window

MOST_READS = 1_000_000
"""Positions that are read on the way back to the input; what takes more is not followed."""
MOST_LOOKS = 10 * MOST_READS
"""Positions looked at, those that several windows read more than once, to find what one layer reads."""

MOST_FOLLOWED = 256
"""Positions that are followed back to know whether anything arrives."""
MOST_TRIED = 64
"""Positions of an axis that are looked at to know whether something arrives at each."""


class TooLong(Exception):
    """An axis has more positions than are looked at one by one."""


Sources = Callable[[int], Iterable[int]]
"""The input positions that an output position reads; those outside of the axis are padding."""


class Cover(msgspec.Struct, frozen=True):
    """Positions of one axis of the network's input; `positions` is None for all of them."""

    size: int
    positions: frozenset[int] | None = None

    @property
    def span(self) -> tuple[int, int] | None:
        """The first and the last of them; None if there is none."""
        if self.positions is None:
            return 0, self.size - 1
        return (min(self.positions), max(self.positions)) if self.positions else None

    def __or__(self, other: Cover) -> Cover:
        """The positions of both; the axis is that of the longer input."""
        larger, smaller = (self, other) if self.size >= other.size else (other, self)
        if larger.positions is None:
            return larger
        together = larger.positions.union(range(smaller.size) if smaller.positions is None else smaller.positions)
        return Cover(larger.size, None if len(together) == larger.size else together)

    def __contains__(self, position: int) -> bool:
        return position in range(self.size) if self.positions is None else position in self.positions


class Arrivals:
    """The `count` positions of one axis of a tensor, and how each of them is read from the tensors before.

    No `reads`: they are those of the network's input. `full`: at each of them something is known to arrive.
    """

    __slots__ = ("count", "cover", "depth", "full", "largest", "reads", "witness")

    def __init__(self, count: int, reads: Sequence[tuple[Arrivals, Sources]] = (), *, full: bool = False) -> None:
        self.count = count
        self.full = full or not reads
        self.reads = reads
        self.depth: int = 1 + max((source.depth for source, _ in reads), default=0)
        self.largest: int = max((source.largest for source, _ in reads), default=count)  # of the inputs it goes back to
        self.cover: Cover | None = None
        self.witness: int | None = None  # a position at which something arrives, once one was looked for


NOT_FOLLOWED = Arrivals(0)
"""Stands for positions of which it is not known how they were read."""


def same_place(position: int) -> tuple[int]:
    """The source of a position that is read where it is."""
    return (position,)


def read(source: Arrivals, sources: Sources, outputs: int) -> Arrivals:
    """The positions behind a layer that reads those of `source`."""
    if source is NOT_FOLLOWED:
        return source
    return Arrivals(outputs, ((source, sources),), full=_is_full(source, sources, outputs))


def read_to_the_ends(source: Arrivals, sources: Sources, outputs: int) -> Arrivals:
    """As `read`, where what lies beyond the ends is read as the ends are."""
    return read(source, partial(_on_axis_or_end, sources, source.count), outputs)


def _on_axis_or_end(sources: Sources, count: int, output: int) -> Sequence[int]:
    places = sources(output)
    return _on_axis(places, count) or [min(max(place, 0), count - 1) for place in islice(places, 1)]


def met(axes: Sequence[Arrivals]) -> Arrivals:
    """The positions of several tensors that meet, each with that at its place."""
    first = axes[0]
    if all(axis is first for axis in axes):
        return first
    if NOT_FOLLOWED in axes or any(axis.count != first.count for axis in axes):
        return NOT_FOLLOWED
    return Arrivals(first.count, [(axis, same_place) for axis in axes], full=any(axis.full for axis in axes))


def end_to_end(axes: Sequence[Arrivals | None], counts: Sequence[int]) -> Arrivals:
    """The positions of several tensors laid end to end; None: a tensor that sees nothing by its positions."""
    if NOT_FOLLOWED in axes:
        return NOT_FOLLOWED
    starts = [sum(counts[:number]) for number in range(len(counts))]
    reads = [(axis, _back(start)) for axis, start in zip(axes, starts, strict=True) if axis is not None]
    full = len(reads) == len(axes) and all(axis.full for axis, _ in reads)
    return Arrivals(sum(counts), reads, full=full) if reads else NOT_FOLLOWED


def _back(start: int) -> Sources:
    return lambda position: (position - start,)


def padded_reads(mode: str, windows: Sequence[Window], sizes: Sequence[int]) -> list[Sources]:
    """What windows read on axes of `sizes` that are padded with copies of positions; empty where none are."""
    if mode in ("zeros", "constant"):
        return []
    return [partial(_folded, mode, window, size) for window, size in zip(windows, sizes, strict=True)]


def _folded(mode: str, window: Window, size: int, output: int) -> list[int]:
    read_here = window.sources(output)
    if mode == "circular":
        return [position % size for position in read_here]
    if mode == "replicate":
        return [min(max(position, 0), size - 1) for position in read_here]
    return [size - 1 - abs(size - 1 - abs(position)) for position in read_here]  # reflect: the end is no axis twice


def covered(axis: Arrivals) -> Cover | None:
    """The positions of the network's input that arrive at any position of the axis; None if that takes too long.

    All layers are followed back from the last, each after all that read it.
    """
    if axis is NOT_FOLLOWED:
        return None
    if axis.cover is None:
        try:
            axis.cover = _followed(axis)
        except TooLong:
            return None
    return axis.cover


def _followed(last: Arrivals) -> Cover | None:
    wanted: dict[Arrivals, set[int] | None] = {last: None}  # None: all of its positions
    waiting, order, reads = [(-last.depth, 0, last)], 1, 0
    arrived: set[int] = set()
    size = last.largest
    while waiting:
        axis = heapq.heappop(waiting)[2]
        places = wanted.pop(axis)
        if places is None and axis.cover is not None:
            if axis.cover.positions is None and axis.cover.size == size:
                return axis.cover
            arrived.update(_each(axis.cover.size) if axis.cover.positions is None else axis.cover.positions)
            continue
        if not axis.reads:
            if places is None and axis.count == size:
                return Cover(size)
            arrived.update(_each(axis.count) if places is None else places)
            continue
        for source, sources in axis.reads:
            seen = _read_of(sources, places, axis.count, source.count)
            reads += 1 if seen is None else len(seen)
            if source not in wanted:
                wanted[source] = set()
                heapq.heappush(waiting, (-source.depth, order, source))
                order += 1
            already = wanted[source]
            wanted[source] = None if seen is None or already is None else already | seen
        if reads > MOST_READS:
            return None
    return Cover(size, None if len(arrived) == size else frozenset(arrived))


def _read_of(sources: Sources, places: set[int] | None, outputs: int, count: int) -> set[int] | None:
    """The positions of an axis of `count` that are read from `places`; None for all of them."""
    if places is None and _all_read(sources, outputs, count):
        return None
    seen = _read(sources, _each(outputs) if places is None else places, count)
    return None if len(seen) == count else seen


def spread(axis: Arrivals) -> Arrivals:
    """The same positions behind an operation over all of them: what arrives at any of them arrives at each."""
    return axis if axis is NOT_FOLLOWED else Arrivals(axis.count, ((axis, same_place),), full=True)


def arrives(axis: Arrivals) -> bool:
    """Whether anything arrives at any of the positions, or it would take too long to know.

    Positions are followed back to one at which something is known to arrive, in most networks that just before.
    """
    known: set[tuple[Arrivals, int]] = set()
    for start in () if axis.full else chain((axis.count // 2,), range(min(axis.count, MOST_FOLLOWED))):
        waiting = [(axis, start)]
        while waiting:
            here, place = waiting.pop()
            for source, sources in here.reads:
                on_axis = _on_axis(sources(place), source.count)[:MOST_FOLLOWED]
                if source.witness in on_axis or (source.full and on_axis):
                    axis.witness = start
                    return True
                new = {(source, position) for position in on_axis} - known
                known |= new
                waiting += new
            if len(known) > MOST_FOLLOWED:
                return True
    return axis.full


def nothing(axis: Arrivals) -> Arrivals:
    """As many positions, at which nothing arrives."""
    return Arrivals(axis.count, ((axis, _nowhere),))


def _nowhere(position: int) -> tuple[()]:
    return ()


def _is_full(source: Arrivals, sources: Sources, outputs: int) -> bool:
    """Whether every one of the outputs is known to read a position of an axis that is full."""
    window = getattr(sources, "__self__", None)
    side_by_side = isinstance(window, Window) and sources.__name__ == "sources" and window.dilation <= source.count
    places: Sequence[int] = (0, outputs - 1) if side_by_side else range(outputs)
    return source.full and len(places) <= MOST_TRIED and all(_on_axis(sources(o), source.count) for o in places)


def reads_all(axis: Arrivals) -> bool:
    """Whether all positions of the tensors before are known to be read."""
    try:
        return all(_all_read(sources, axis.count, source.count) for source, sources in axis.reads)
    except TooLong:
        return False


def _all_read(sources: Sources, outputs: int, count: int) -> bool:
    window = getattr(sources, "__self__", None)
    if isinstance(window, Window):  # equal ones stand in many layers
        return _window_reads_all(window, sources.__name__, outputs, count)
    return sources is same_place or len(_read(sources, _each(outputs), count)) == count


@lru_cache(maxsize=1024)
def _window_reads_all(window: Window, direction: str, outputs: int, count: int) -> bool:
    side_by_side = window.stride <= window.kernel if window.dilation == 1 else window.stride == 1
    if direction == "sources" and side_by_side and outputs >= window.dilation:  # nothing is left out in between
        return window.before >= 0 and window.span(outputs) - window.before >= count
    return len(_read(getattr(window, direction), _each(outputs), count)) == count


def _each(count: int) -> range:
    """Every position of an axis, where they are not too many to look at."""
    if count > MOST_READS:
        raise TooLong
    return range(count)


def _read(sources: Sources, places: Iterable[int], count: int) -> set[int]:
    seen: set[int] = set()
    looks = 0
    for place in places:
        on_axis = _on_axis(sources(place), count)
        looks += len(on_axis)
        if looks > MOST_LOOKS:
            raise TooLong
        seen.update(on_axis)
    return seen


def _on_axis(positions: Iterable[int], count: int) -> Sequence[int]:
    """The positions that are on an axis of `count`; of a range, which may be far longer, without a look at the rest."""
    if isinstance(positions, range) and positions.step > 0:
        before = max(-(positions.start // positions.step), 0)
        return range(positions.start + before * positions.step, min(positions.stop, count), positions.step)
    return [position for position in positions if 0 <= position < count]
