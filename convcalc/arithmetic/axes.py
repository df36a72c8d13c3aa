"""One axis of a receptive field: which positions of the input each position of it sees, as if it had no ends.

It is a `Reach` while every output position sees an interval of one size at one stride. Behind an upsampling the
interval depends on the position, so it becomes `Phases`: a table of intervals for one period of positions, and how far
the input moves on in a period. Where paths of different rates meet, both are kept and joined position by position.
Nothing is approximated by a zero-stuffed grid (which over-states a 2x2 stride-2 transposed convolution and under-states
a whole decoder; see the original U-Net in the tests).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, pairwise
from typing import cast

import msgspec
from msgspec.structs import replace

from convcalc.arithmetic import spans as tables
from convcalc.arithmetic.number import maximum, minimum
from convcalc.arithmetic.spans import SHORT, Span, checked_length, enclosing, spend
from convcalc.arithmetic.window import Window

LONGEST_PERIOD = 65_536
"""Positions after which a table may repeat; one that repeats later is held for the positions that there are."""

_MOST_LOOKS = 4096
"""Positions that are looked at one by one for a table; above that arrays are quicker."""


class Reach(msgspec.Struct, frozen=True):
    """Output position o sees the inputs ``start + stride·o`` to ``start + stride·o + size - 1``."""

    size: int = 1
    stride: int = 1
    start: int = 0


class Phases(msgspec.Struct, frozen=True):
    """Output position o sees ``spans[o mod period]`` moved on by ``advance`` for every whole period before o.

    `bounded`: the table is the whole axis, and positions outside see nothing.
    """

    spans: Sequence[Span]
    advance: int
    bounded: bool = False

    @property
    def period(self) -> int:
        return len(self.spans)

    def at(self, position: int) -> Span:
        """The interval that output `position` sees."""
        periods, phase = divmod(position, len(self.spans))
        span = self.spans[phase]
        if span is None or (self.bounded and periods):
            return None
        return span[0] + periods * self.advance, span[1] + periods * self.advance

    @property
    def rate(self) -> tuple[int, int]:
        """Input positions an output position, as a fraction in lowest terms; the mean over a bounded table."""
        top, bottom = self.advance, self.period
        if self.bounded:
            first = next((span for span in self.spans if span is not None), None)
            last = next((span for span in reversed(self.spans) if span is not None), None)
            top, bottom = (last[0] - first[0], max(self.period - 1, 1)) if first and last else (0, 1)
        divisor = math.gcd(top, bottom)
        return top // divisor, bottom // divisor


Paths = tuple[Phases, ...]
"""Paths of different rates that meet here; a position sees the union of them."""

Axis = Reach | Paths

NOT_WORKED_OUT: Paths = ()
"""Stands for a field that is there and not known: its table would be too long, or it is no interval."""


class Resampling(msgspec.Struct, frozen=True):
    """How the output positions of one axis read its input positions.

    Output ``o + period`` reads what ``o`` reads, `advance` positions further on.
    """

    period: int
    advance: int
    sources: Callable[[int], range]
    outputs: int
    weighed: Callable[[int], Iterable[int]] | None = None
    """Those of the sources whose weight is not zero, where some are."""


def through_window(axis: Axis, window: Window, outputs: int) -> Axis:
    """The field behind a convolution or pooling window: ``size + (K - 1)·stride``, stride times stride.

    Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill, 2019.
    """
    if isinstance(axis, Reach):
        stride = axis.stride
        return Reach(
            axis.size + (window.extent - 1) * stride, stride * window.stride, axis.start - window.before * stride
        )
    return through(axis, Resampling(1, window.stride, window.sources, outputs))


def through_transposed(axis: Axis, window: Window, outputs: int) -> Axis:
    """The field behind a transposed window, by the exact set of inputs that write to each output.

    At stride 1 that is a window again, which looks back by as much as the transposed one writes ahead.
    """
    if window.stride == 1:
        return through_window(axis, replace(window, before=window.extent - 1 - window.before), outputs)
    return through(axis, Resampling(window.stride, 1, window.transposed_sources, outputs))


def through(axis: Axis, resampling: Resampling) -> Axis:
    """The field behind any resampling of an axis."""
    if axis == NOT_WORKED_OUT:
        return NOT_WORKED_OUT
    return _joined([_resampled(part, resampling) for part in parts_of(axis)], resampling.outputs)


def _resampled(part: Phases, resampling: Resampling) -> Phases:
    times = part.period // math.gcd(part.period, resampling.advance)
    count = resampling.period * times
    if part.bounded or count > LONGEST_PERIOD:
        return Phases(_hulls(part, resampling, checked_length(resampling.outputs)), 0, bounded=True)
    return Phases(_hulls(part, resampling, count), resampling.advance * times // part.period * part.advance)


def _hulls(part: Phases, resampling: Resampling, count: int) -> Sequence[Span]:
    """What each of `count` positions sees: looked at one by one where these are few, else by arrays."""
    period = min(resampling.period, count)
    spend(3 * period)
    reads = [resampling.sources(position) for position in range(period)]
    taps = max(map(tables.length, reads))
    monotone = _is_monotone(part)
    most = 2 if monotone else min(taps, part.period if part.bounded else 2 * part.period)
    if count * most <= _MOST_LOOKS and count <= SHORT:
        spend(count * (most + 1) // 2)
        hull = _hull_of_ends if monotone else _hull
        reads += [resampling.sources(position) for position in range(period, count)]
        return tuple(hull(part, positions) for positions in reads)
    spend(tables.work(part.period, min(taps, part.period), count))
    advance = None if part.bounded else part.advance
    return tables.shortened(tables.hulls(part.spans, advance, reads, resampling.advance, count))


def parts_of(axis: Axis) -> Paths:
    """The paths that an axis joins; for a regular one that path alone."""
    if isinstance(axis, Reach):
        return (Phases(((axis.start, axis.start + axis.size - 1),), axis.stride),)
    return axis


def _is_monotone(part: Phases) -> bool:
    spans = part.spans
    if part.bounded or len(spans) > SHORT or any(span is None for span in spans):
        return False
    ordered = cast("tuple[tuple[int, int], ...]", (*spans, part.at(len(spans))))
    return all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(ordered))


def _hull_of_ends(part: Phases, positions: range) -> Span:
    if not positions:
        return None
    first, last = part.at(positions[0]), part.at(positions[-1])
    return (first[0], last[1]) if first and last else None


def _hull(part: Phases, positions: range) -> Span:
    return enclosing(part.at(position) for position in _enough(part, positions))


def _enough(part: Phases, positions: range) -> Iterable[int]:
    """Those of the positions that can be first or last: a period of them at either end, or those in the table."""
    if part.bounded:
        before = max(0, -(positions.start // positions.step)) if positions.start < 0 else 0
        return positions[before : before + part.period]
    cycle = part.period // math.gcd(part.period, positions.step)
    return positions if tables.length(positions) <= 2 * cycle else chain(positions[:cycle], positions[-cycle:])


def union(axes: Sequence[Axis], outputs: int) -> Axis:
    """What a position sees that several paths meet in: from the first position of any to the last of any."""
    first = axes[0]
    if all(axis is first for axis in axes):
        return first
    if any(axis == NOT_WORKED_OUT for axis in axes):
        return NOT_WORKED_OUT
    if isinstance(first, Reach) and all(isinstance(axis, Reach) and axis.stride == first.stride for axis in axes):
        start, end = first.start, first.start + first.size
        for axis in cast("Sequence[Reach]", axes[1:]):
            start, end = minimum(start, axis.start), maximum(end, axis.start + axis.size)
        return Reach(end - start, first.stride, start)
    return _joined([part for axis in axes for part in parts_of(axis)], outputs)


def _joined(parts: list[Phases], outputs: int) -> Axis:
    """One part a rate; a single regular part becomes a `Reach` again."""
    by_rate: dict[tuple[object, ...], Phases] = {}
    for part in parts:
        key = (part.rate, part.bounded, part.period if part.bounded else 0)
        by_rate[key] = _together(by_rate[key], part, outputs) if key in by_rate else part
    joined = tuple(_shortest(part) for part in by_rate.values())
    if len(joined) == 1 and joined[0].period == 1 and joined[0].spans[0] is not None and not joined[0].bounded:
        low, high = joined[0].spans[0]
        return Reach(high - low + 1, joined[0].advance, low)
    return joined


def _together(first: Phases, second: Phases, outputs: int) -> Phases:
    period = math.lcm(first.period, second.period)
    bounded = first.bounded or period > LONGEST_PERIOD
    spans = seen_by((first, second), outputs if bounded and not first.bounded else period)
    return Phases(spans, 0 if bounded else period // first.period * first.advance, bounded)


def seen_by(paths: Paths, count: int, first: int = 0) -> Sequence[Span]:
    """What each of `count` positions from `first` on sees by any of the paths.

    Raises:
        FieldTooIrregular: too many positions.
    """
    if count <= SHORT:
        spend(count * len(paths))
        return tuple(enclosing(part.at(first + place) for part in paths) for place in range(count))
    spend((checked_length(count) // 20 + 25) * len(paths))
    return tables.union([_shown_by(part, range(first, first + count)) for part in paths])


def _shown_by(part: Phases, positions: range) -> tables.Spans:
    if not part.bounded:
        return tables.repeated(part.spans, part.advance, positions)
    there = tables.of(part.spans[positions.start : positions.stop])
    return tables.end_to_end([there, tables.nothing(len(positions) - len(there))])


def _shortest(part: Phases) -> Phases:
    """The same intervals with the shortest period, which divides every other."""
    if part.bounded:
        return part
    for prime in _primes(part.period):
        while part.period % prime == 0 and part.advance % prime == 0:
            shorter = Phases(tables.shortened(part.spans[: part.period // prime]), part.advance // prime)
            if seen_by((shorter,), part.period) != part.spans:
                break
            part = shorter
    return part


def _primes(number: int) -> list[int]:
    """The prime factors of a number."""
    primes, factor = [], 2
    while factor * factor <= number:
        if number % factor:
            factor += 1
        else:
            number //= factor
            primes.append(factor)
    return sorted({*primes, *([number] if number > 1 else [])})


def intervals(axis: Axis, outputs: int) -> list[Span]:
    """The interval that each of the `outputs` positions sees."""
    return [enclosing(part.at(position) for part in parts_of(axis)) for position in range(outputs)]
