"""Which positions of the network's input arrive at a tensor at all: what an operation over all its positions sees.

A receptive field speaks of an axis without ends; this speaks of the real one. An `Arrivals` remembers how the
positions of one axis of a tensor were read from those before it. `covered` follows them back to the input, position
by position, when an operation looks at all of them: what was cropped away, or skipped by a stride, does not arrive.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property, partial
from itertools import accumulate, chain, count, islice

import msgspec

from convcalc import steps
from convcalc.arithmetic.spans import LONGEST_TABLE
from convcalc.arithmetic.window import Window

_MOST_FOLLOWED = 256
"""Positions that are followed back to know whether anything arrives."""


class TooLong(Exception):
    """More positions would have to be looked at, or held, one by one than can be."""


Places = range | frozenset[int]
"""Positions of an axis: a range where they are evenly spaced, so that equal ones are equal."""

Sources = Callable[[int], Iterable[int]]
"""The input positions that an output position reads; those outside of the axis are padding."""


class Cover(msgspec.Struct, frozen=True, dict=True):
    """Positions of one axis of the network's input; `positions` is None for all of them."""

    size: int
    positions: Places | None = None

    @cached_property
    def span(self) -> tuple[int, int] | None:
        """The first and the last of them; None if there is none."""
        if self.positions is None:
            return 0, self.size - 1
        return _ends(self.positions) if self.positions else None

    def __or__(self, other: Cover) -> Cover:
        """The positions of both; the axis is that of the longer input.

        Raises:
            TooLong: they are too many.
        """
        larger, smaller = (self, other) if self.size >= other.size else (other, self)
        if larger.positions is None:
            return larger
        return _cover(larger.size, _together(larger.positions, _positions(smaller)))

    def __contains__(self, position: int) -> bool:
        return position in range(self.size) if self.positions is None else position in self.positions


def either(cover: Cover | None, other: Cover | None) -> Cover | None:
    """All positions that are in either.

    Raises:
        TooLong: they are too many.
    """
    if cover is None or other is None:
        return cover or other
    return cover | other


_numbers = count()


class Arrivals:
    """The `count` positions of one axis of a tensor, and how each of them is read from the tensors before.

    No `reads`: they are those of the network's input. `number` is higher than that of all that they go back to,
    `largest` the most positions of an input among these. `full`: at each of them something is known to arrive;
    `witness`: a position at which something does, once one was looked for.
    """

    __slots__ = ("count", "cover", "full", "largest", "number", "reads", "witness")

    def __init__(self, count: int, reads: Sequence[tuple[Arrivals, Sources]] = (), largest: int = 0) -> None:
        self.count = count
        self.full = not reads
        self.witness: int | None = None
        self.reads = reads
        self.number = next(_numbers)
        self.largest = largest or count
        self.cover: Cover | None = None


NOT_FOLLOWED = Arrivals(0)
"""Stands for positions that were read in an unknown way."""


def _same_place(position: int) -> tuple[int]:
    """The source of a position that is read where it is."""
    return (position,)


def read(source: Arrivals, sources: Sources, outputs: int) -> Arrivals:
    """The positions behind a layer that reads those of `source`."""
    return source if source is NOT_FOLLOWED else Arrivals(outputs, ((source, sources),), source.largest)


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
    return Arrivals(first.count, [(axis, _same_place) for axis in axes], max(axis.largest for axis in axes))


def end_to_end(axes: Sequence[Arrivals | None], counts: Sequence[int]) -> Arrivals:
    """The positions of several tensors laid end to end; None: a tensor that sees nothing by its positions."""
    if NOT_FOLLOWED in axes:
        return NOT_FOLLOWED
    starts = accumulate(counts[:-1], initial=0)
    reads = [
        (axis, Window(1, before=start).sources) for axis, start in zip(axes, starts, strict=True) if axis is not None
    ]
    return Arrivals(sum(counts), reads, max(axis.largest for axis, _ in reads)) if reads else NOT_FOLLOWED


def padded_reads(mode: str, windows: Sequence[Window], sizes: Sequence[int]) -> list[Sources]:
    """What windows read on axes of `sizes` that are padded with copies of positions; empty where none are."""
    if mode in ("zeros", "constant"):
        return []
    return [partial(_folded, mode, window, size) for window, size in zip(windows, sizes, strict=True)]


def _folded(mode: str, window: Window, size: int, output: int) -> Iterable[int]:
    read_here = window.sources(output)
    if mode == "circular":
        return [position % size for position in read_here]
    if mode == "replicate":
        before, behind = read_here[0] < 0, read_here[-1] >= size
        return chain([0] * before, _on_axis(read_here, size), [size - 1] * behind)
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


READ = 3
"""Steps that it takes to follow one layer back on one axis where it reads evenly."""
_LOOKS = 10
"""Positions that are looked at in a step, by those who look at every one."""


def _spend(count: int) -> None:
    if not steps.afford(count):
        raise TooLong


def _followed(last: Arrivals) -> Cover:
    wanted: dict[Arrivals, Places] = {last: range(last.count)}
    waiting = [(-last.number, last)]
    arrived: Places = range(0)
    while waiting and len(arrived) < last.largest:
        axis = heapq.heappop(waiting)[1]
        places = wanted.pop(axis)
        if axis.cover is not None and len(places) == axis.count:
            arrived = _together(arrived, _positions(axis.cover))
        elif not axis.reads:
            arrived = _together(arrived, places)
        for source, sources in axis.reads if axis.cover is None or len(places) < axis.count else ():
            _spend(READ)
            if source not in wanted:
                heapq.heappush(waiting, (-source.number, source))
            wanted[source] = _together(wanted.get(source, range(0)), places_read(sources, places, source.count))
    return _cover(last.largest, arrived)


def reads_all(axis: Arrivals) -> bool:
    """Whether all positions of the tensors before are known to be read."""
    try:
        read_of = [
            (places_read(sources, range(axis.count), source.count), source.count) for source, sources in axis.reads
        ]
    except TooLong:
        return False
    return all(len(places) == count for places, count in read_of)


def spread(axis: Arrivals) -> Arrivals:
    """The same positions behind an operation over all of them: what arrives at any of them arrives at each."""
    if axis is NOT_FOLLOWED or axis.full:
        return axis
    behind = Arrivals(axis.count, ((axis, _same_place),), axis.largest)
    behind.full = True
    return behind


def nothing(axis: Arrivals) -> Arrivals:
    """As many positions, at which nothing arrives."""
    return Arrivals(axis.count, ((axis, _nowhere),), axis.largest)


def _nowhere(position: int) -> tuple[()]:
    return ()


def arrives(axis: Arrivals) -> bool:
    """Whether anything arrives at any of the positions, or it would take too long to know.

    Positions are followed back to one at which something is known to arrive, in most networks that just before.
    """
    known: set[tuple[Arrivals, int]] = set()
    for start in () if axis.full else chain((axis.count // 2,), range(min(axis.count, _MOST_FOLLOWED))):
        waiting = [(axis, start)]
        while waiting:
            here, place = waiting.pop()
            for source, sources in here.reads:
                on_axis = _on_axis(sources(place), source.count)[:_MOST_FOLLOWED]
                if source.witness in on_axis or (source.full and on_axis):
                    axis.witness = start
                    return True
                new = [step for position in on_axis if (step := (source, position)) not in known]
                known.update(new)
                waiting += new
            if len(known) > _MOST_FOLLOWED or not steps.afford(1):
                return True
    return axis.full


def places_read(sources: Sources, places: Places, count: int) -> Places:
    """The positions of an axis of `count` that are read from `places`."""
    if sources is _same_place or not places:
        return places
    if sources is _nowhere:
        return range(0)
    padded = sources if isinstance(sources, partial) and sources.func is _folded else None
    window = padded.args[1] if padded else getattr(sources, "__self__", None)
    if not isinstance(window, Window):
        return _looked_at(sources, places, count)
    direction = "transposed_sources" if sources == window.transposed_sources else "sources"
    evenly = _read_evenly(window, direction, places) if isinstance(places, range) else None
    on_axis = None if evenly is None else _within(evenly, count)
    if padded:  # reads the same, and copies of positions where the axis ends
        if on_axis is not None and len(on_axis) == count:
            return on_axis
        _spend(len(places) * window.kernel // _LOOKS)
        if window.kernel > LONGEST_TABLE:
            raise TooLong
        return _looked_at(sources, places, count)
    return _looked_at(sources, places, count) if on_axis is None else on_axis


def _read_evenly(window: Window, direction: str, places: range) -> range | None:
    """What a window reads, where that is every so many-th position from the first to the last."""
    dilation, moved, many = window.dilation, window.stride * places.step, len(places) > 1
    if direction == "transposed_sources":
        if dilation > len(places) or (many and places.step > 1):
            return None
        first, last = places[0] + window.before, places[-1] + window.before
        return range(-((window.extent - 1 - first) // window.stride), last // window.stride + 1)
    first, last = window.sources(places[0])[0], window.sources(places[-1])[-1]
    if window.kernel == 1 or (many and dilation % moved == 0 and dilation // moved <= len(places)):
        return range(first, last + 1, moved)
    if not many or (moved % dilation == 0 and moved // dilation <= window.kernel):
        return range(first, last + 1, dilation)
    return None


def _looked_at(sources: Sources, places: Places, count: int) -> Places:
    """What is read from places, looked at one by one."""
    if len(places) > LONGEST_TABLE:
        raise TooLong
    _spend(len(places))
    seen: set[int] = set()
    for place in places:
        on_axis = _on_axis(sources(place), count)
        if len(on_axis) > _LOOKS:
            _spend(len(on_axis) // _LOOKS)
        seen.update(on_axis)
        if len(seen) > LONGEST_TABLE:
            raise TooLong
        if len(seen) == count:
            break
    return _evenly(seen)


def _on_axis(positions: Iterable[int], count: int) -> range | list[int]:
    if isinstance(positions, range):
        return _within(positions, count)
    return [position for position in positions if 0 <= position < count]


def _within(positions: range, count: int) -> range:
    """As `_on_axis`, of a range, which may be far longer, without a look at the rest."""
    before = max(-(positions.start // positions.step), 0)
    return range(positions.start + before * positions.step, min(positions.stop, count), positions.step)


def _positions(cover: Cover) -> Places:
    return range(cover.size) if cover.positions is None else cover.positions


def _cover(size: int, positions: Places) -> Cover:
    return Cover(size, None if len(positions) == size else positions)


def _together(places: Places, others: Places) -> Places:
    """The positions that are in either."""
    if not places or not others or places == others:
        return places or others
    if isinstance(places, range) and isinstance(others, range):
        first, second = sorted((places, others), key=lambda evenly: evenly.start)
        if first.step == 1 and (second[-1] in first or (second.step == 1 and second.start <= first.stop)):
            return range(first.start, max(first.stop, second[-1] + 1))
    count = len(places) + len(others)
    if count > 2 * LONGEST_TABLE:
        raise TooLong
    _spend(count // 3)
    return _evenly({*places, *others})


def _evenly(positions: set[int]) -> Places:
    """Positions as a range, if that is what they are."""
    if not positions:
        return range(0)
    first, last = _ends(positions)
    evenly = range(first, last + 1, max((last - first) // max(len(positions) - 1, 1), 1))
    return evenly if len(evenly) == len(positions) and positions.issuperset(evenly) else frozenset(positions)


def _ends(positions: Collection[int]) -> tuple[int, int]:
    return (positions[0], positions[-1]) if isinstance(positions, range) else (min(positions), max(positions))
