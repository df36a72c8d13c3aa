"""Receptive fields: which input positions can reach an output position, exactly, as if the input were unbounded.

On one axis a tensor's field is a `Reach` while every output position sees an interval of one size at one stride.
Behind an upsampling the interval depends on the position, so it becomes `Phases`: a table of intervals for one
period of positions, and how far the input moves on in a period. Where paths of different rates meet, both
are kept and joined position by position. Nothing is approximated by a zero-stuffed grid (which over-states a
2x2 stride-2 transposed convolution and under-states a whole decoder; see the original U-Net in the tests).

A `Field` holds one such axis for every axis of the network's input, and which of them each axis of the tensor
carries, so that permuted and flattened tensors keep their meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, reduce
from itertools import chain, pairwise
from typing import Any, TypeVar, cast

import msgspec
from msgspec.structs import replace

from convcalc import steps
from convcalc.arithmetic import spans as tables
from convcalc.arithmetic.arrivals import (
    NOT_FOLLOWED,
    Arrivals,
    Cover,
    Sources,
    TooLong,
    arrives,
    covered,
    end_to_end,
    met,
    nothing,
    read,
    read_to_the_ends,
    reads_all,
    spread,
)
from convcalc.arithmetic.number import maximum, minimum
from convcalc.arithmetic.spans import LONGEST_TABLE, SHORT, FieldTooIrregular, Span
from convcalc.arithmetic.window import Window

LONGEST_PERIOD = 65_536
"""Positions after which a table may repeat; one that repeats later is held for the positions that there are."""

MOST_LOOKS = 4096
"""Positions that are looked at one by one for a table; above that arrays are quicker."""

PART = 30
"""Steps that it takes to cut one of several parts."""

LARGEST_FIELD = 2**62
"""Positions of a field or a stride; what sees more sees the whole of any input."""


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
    return _joined([_resampled(part, resampling) for part in _parts(axis)], resampling.outputs)


def _resampled(part: Phases, resampling: Resampling) -> Phases:
    times = part.period // math.gcd(part.period, resampling.advance)
    count = resampling.period * times
    if part.bounded or count > LONGEST_PERIOD:
        return Phases(_hulls(part, resampling, _table(resampling.outputs)), 0, bounded=True)
    return Phases(_hulls(part, resampling, count), resampling.advance * times // part.period * part.advance)


def _hulls(part: Phases, resampling: Resampling, count: int) -> Sequence[Span]:
    """What each of `count` positions sees: looked at one by one where these are few, else by arrays."""
    period = min(resampling.period, count)
    _spend(3 * period)
    reads = [resampling.sources(position) for position in range(period)]
    taps = max(map(tables.length, reads))
    monotone = _is_monotone(part)
    most = 2 if monotone else min(taps, part.period if part.bounded else 2 * part.period)
    if count * most <= MOST_LOOKS and count <= SHORT:
        _spend(count * (most + 1) // 2)
        hull = _hull_of_ends if monotone else _hull
        reads += [resampling.sources(position) for position in range(period, count)]
        return tuple(hull(part, positions) for positions in reads)
    _spend(tables.work(part.period, min(taps, part.period), count))
    advance = None if part.bounded else part.advance
    return tables.shortened(tables.hulls(part.spans, advance, reads, resampling.advance, count))


def _spend(count: int) -> None:
    if not steps.afford(count):
        raise FieldTooIrregular


def _parts(axis: Axis) -> Paths:
    if isinstance(axis, Reach):
        return (Phases(((axis.start, axis.start + axis.size - 1),), axis.stride),)
    return axis


def _table(outputs: int) -> int:
    if outputs > LONGEST_TABLE:
        raise FieldTooIrregular
    return outputs


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
    return _union_of_spans(part.at(position) for position in _enough(part, positions))


def _enough(part: Phases, positions: range) -> Iterable[int]:
    """Those of the positions that can be first or last: a period of them at either end, or those in the table."""
    if part.bounded:
        before = max(0, -(positions.start // positions.step)) if positions.start < 0 else 0
        return positions[before : before + part.period]
    cycle = part.period // math.gcd(part.period, positions.step)
    return positions if tables.length(positions) <= 2 * cycle else chain(positions[:cycle], positions[-cycle:])


def _union_of_spans(spans: Iterable[Span]) -> Span:
    seen = [span for span in spans if span is not None]
    return (min(low for low, _ in seen), max(high for _, high in seen)) if seen else None


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
    return _joined([part for axis in axes for part in _parts(axis)], outputs)


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


def _together(one: Phases, other: Phases, outputs: int) -> Phases:
    period = math.lcm(one.period, other.period)
    bounded = one.bounded or period > LONGEST_PERIOD
    spans = _shown((one, other), outputs if bounded and not one.bounded else period)
    return Phases(spans, 0 if bounded else period // one.period * one.advance, bounded)


def _shown(paths: Paths, count: int, first: int = 0) -> Sequence[Span]:
    """What each of `count` positions from `first` on sees by any of the paths.

    Raises:
        FieldTooIrregular: too many positions.
    """
    if count <= SHORT:
        _spend(count * len(paths))
        return tuple(_union_of_spans(part.at(first + place) for part in paths) for place in range(count))
    _spend((_table(count) // 20 + 25) * len(paths))
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
            if _shown((shorter,), part.period) != part.spans:
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


Measure = tuple[int | None, tuple[int, int] | None, int | None]


def measure(axis: Axis, outputs: int) -> Measure:
    """Size, stride (as numerator and denominator) and start of an axis of `outputs` positions.

    The size is the largest over the positions, the start that of the first position which sees anything. Where
    paths of different rates meet, the stride is the largest of theirs; there is none where tensors are laid end to end.
    All are None for a field that is not worked out.
    """
    if isinstance(axis, Reach):
        return axis.size, (axis.stride, 1), axis.start
    if axis == NOT_WORKED_OUT:
        return None, None, None
    try:
        measures = [_size_and_start(spans) for spans in _decisive(axis, outputs)]
    except FieldTooIrregular:
        return None, None, None
    bounded = any(part.bounded for part in axis)
    stride = None if bounded else reduce(_faster, (part.rate for part in axis))
    return max(size for size, _ in measures), stride, measures[0][1]


def _decisive(paths: Paths, outputs: int) -> Iterator[Sequence[Span]]:
    """Tables that hold the first interval and the largest of those that the positions see.

    Of positions a period apart the first or the last sees most: the first and last positions of each path move evenly,
    so that from the first of any to the last of any it is never less far at both ends than in between.
    """
    first = paths[0]
    if len(paths) == 1 and first.period <= outputs:
        yield first.spans
        return
    period = 0 if any(part.bounded for part in paths) else math.lcm(*(part.period for part in paths))
    if not 0 < period < outputs // 2:
        yield _shown(paths, outputs)
        return
    yield _shown(paths, period)
    yield _shown(paths, period, outputs - period)


def _size_and_start(spans: Sequence[Span]) -> tuple[int, int]:
    """The size of the largest interval, and the start of the first; 0 if there is none."""
    if isinstance(spans, tables.Spans):
        return spans.largest, spans.start
    seen = [span for span in spans if span is not None]
    return max((high - low + 1 for low, high in seen), default=0), seen[0][0] if seen else 0


def _faster(rate: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return other if other[0] * rate[1] > rate[0] * other[1] else rate


def measure_beside(axis: Axis | None, span: Span, last: int, outputs: int) -> Measure:
    """As `measure`, where every position sees `span` too: of the real axis, up to position `last`, as the span is."""
    if span is None or axis == NOT_WORKED_OUT:
        return (None, None, None) if axis is None else measure(axis, outputs)
    stride = None if axis is None else measure(axis, outputs)[1]
    if axis is None or span == (0, last):
        return span[1] - span[0] + 1, stride, span[0]
    try:
        beside = [_clipped(local, span, last) for local in _decisive_beside(axis, span, last, outputs)]
    except FieldTooIrregular:
        return None, None, None
    return max(high - low + 1 for low, high in beside), stride, beside[0][0]


def _clipped(local: Span, span: tuple[int, int], last: int) -> tuple[int, int]:
    low, high = _union_of_spans((local, span)) or span
    return max(low, 0), min(high, last)


def _decisive_beside(axis: Axis, span: tuple[int, int], last: int, outputs: int) -> Sequence[Span]:
    """The first interval, and those among which is the one that reaches furthest beyond `span`.

    The ends of a regular axis move evenly but where they pass an end of the span or of the real axis.
    """
    if not isinstance(axis, Reach):
        _spend(outputs)
        return _shown(axis, outputs)
    places = {0, outputs - 1}
    for end, turns in ((axis.start, (0, span[0])), (axis.start + axis.size - 1, (span[1], last))):
        passes = [(turn - end) // max(axis.stride, 1) for turn in turns]
        places |= {min(max(place + step, 0), outputs - 1) for place in passes for step in (0, 1)}
    starts = [axis.start + axis.stride * place for place in sorted(places)]
    return [(start, start + axis.size - 1) for start in starts]


def intervals(axis: Axis, outputs: int) -> list[Span]:
    """The interval that each of the `outputs` positions sees."""
    return [_union_of_spans(part.at(position) for part in _parts(axis)) for position in range(outputs)]


def centre(axis: Axis) -> tuple[object, ...]:
    """Stride and mean centre of the intervals: equal for two paths exactly when they look at the same places."""
    if isinstance(axis, Reach):
        return (axis.stride, 1), (2 * axis.start + axis.size - 1, 1)
    centres = []
    for part in axis:
        ends, seeing = _ends(part.spans)
        # Twice the mean over the period of centre(o) - rate·o, over the common denominator.
        top = part.period * ends - part.advance * (part.period - 1) * seeing
        bottom = part.period * max(seeing, 1)
        divisor = math.gcd(top, bottom)
        centres += [part.rate, (top // divisor, bottom // divisor)]
    return tuple(centres)


def _ends(spans: Sequence[Span]) -> tuple[int, int]:
    """The sum of all first and last positions, and how many intervals there are."""
    if isinstance(spans, tables.Spans):
        return spans.ends
    ends = [span[0] + span[1] for span in spans if span is not None]
    return sum(ends), len(ends)


How = tuple[Callable[..., Axis], Any, int, Sources]
"""What becomes of an axis: a function of it, of what moves it and of the positions that leave; and what these read."""


def _is_beyond_all(axis: Axis) -> bool:
    """Whether positions see, or are apart, more than any input has."""
    if isinstance(axis, Reach):
        return max(axis.size, axis.stride) > LARGEST_FIELD
    return any(max(part.advance, _size_and_start(part.spans)[0]) > LARGEST_FIELD for part in axis)


class Field(msgspec.Struct, frozen=True):
    """What a tensor's positions see of the network's input.

    `axes` holds an `Axis` for every spatial axis of the input, None where no local path is left. `overall` holds for
    each what every position of the tensor sees of it, by operations that look at all positions of a tensor; None where
    there is none. `carries` names, for every axis of the tensor (channels first), the input axes whose position it
    holds; one named twice is mixed with something else, as channels and positions are after a flatten. `arrivals` are
    the positions that the tensor has along each axis of the input, of `sizes`; both are empty for an input without
    ends, of which all arrives.

    `parts` are the tensors, with their sizes, that were laid end to end on the tensor's axis `laid` along which there
    are positions. They may see different things, and whoever cuts them apart again has each as it was;
    `has_global_part` says that one of them sees everything.
    """

    axes: tuple[Axis | None, ...]
    overall: tuple[Cover | None, ...]
    carries: tuple[tuple[int, ...], ...]
    arrivals: tuple[Arrivals, ...] = ()
    sizes: tuple[int, ...] = ()
    parts: tuple[tuple[int, Field], ...] = ()
    laid: int = 0
    has_global_part: bool = False

    @property
    def is_global(self) -> bool:
        """Whether operations over all positions bring every position of each axis; an axis of one has no others."""
        if self.parts:
            return self.has_global_part
        if not any(self.overall):
            return False
        sizes = self.sizes or (0,) * len(self.axes)
        covers = zip(self.overall, sizes, strict=True)
        seen = (size == 1 if cover is None else cover.positions is None for cover, size in covers)
        return all(seen)

    def along(self, hows: Mapping[int, How]) -> Field:
        """The field with axes of the tensor moved along, each as is said of it.

        A tensor axis that mixes several input axes (or shares one, after a reshape) has no interval of its own to
        transform; what follows is not worked out there.
        """
        axes, arrivals, places = list(self.axes), list(self.arrivals), _own_places(self.carries)
        before: tuple[Axis | None, Arrivals | None, object] = None, None, None
        moved, far = [], []
        for tensor_axis, (transform, by, outputs, sources) in hows.items():
            place = places[tensor_axis]
            axis = None if place is None else axes[place]
            if place is None:
                continue
            arrival = arrivals[place] if arrivals else None
            # Square nets have the same axis twice: it is worked out once, and kept once.
            if axis is not before[0] or arrival is not before[1] or (by, outputs) != before[2]:
                before = axis, arrival, (by, outputs)
                try:
                    transformed = None if axis is None else transform(axis, by, outputs)
                except FieldTooIrregular:
                    transformed = NOT_WORKED_OUT
                reading = read_to_the_ends if isinstance(by, Resampling) else read
                arrived = arrival and reading(arrival, sources, outputs)
            axes[place] = transformed
            if arrived:
                arrivals[place] = arrived
            moved.append(place)
            if transformed is not None and _is_beyond_all(transformed):
                far.append(tensor_axis)
        field = self
        if moved:
            overall = self.overall
            if any(overall) and arrivals and not all(arrives(arrivals[place]) for place in moved):
                overall = tuple(cover and Cover(cover.size, range(0)) for cover in overall)  # padding alone is seen
                arrivals = [nothing(arrival) for arrival in arrivals]
            field = Field(tuple(axes), overall, self.carries, tuple(arrivals), self.sizes)
        for tensor_axis, how in hows.items():
            if places[tensor_axis] is None and field.carries[tensor_axis]:
                field = field._lost(field.carries[tensor_axis], followed=field._all_read(tensor_axis, how))
        return field.whole(far) if far else field

    def cut(self, tensor_axis: int, window: Window, output: Sequence[int]) -> Field:
        """The field behind one tap that takes some of the positions of an axis, and leaves a tensor of `output`."""
        if self.parts and tensor_axis == self.laid:
            return self._cut_parts(tensor_axis, window.stride, -window.before, output)
        outputs = output[tensor_axis]
        return self.along({tensor_axis: (through_window, window, outputs, window.sources)})

    def _cut_parts(self, tensor_axis: int, step: int, start: int, output: Sequence[int]) -> Field:
        """The field of what is taken of the parts, of each as it was, from `start` on."""
        end = start + step * (output[tensor_axis] - 1) + 1
        waiting, begin = [*reversed(self.parts)], 0
        sizes: list[int] = []
        fields: list[Field] = []
        while waiting and begin < end:
            size, part = waiting.pop()
            first = start + max(-((start - begin) // step), 0) * step - begin  # that is taken of this part
            taken = max(-((first - min(size, end - begin)) // step), 0)
            if not steps.afford(PART):
                return replace(self, parts=())._lost(range(len(self.axes)), followed=False)
            if taken and taken < size and part.parts and part.laid == tensor_axis:
                waiting += reversed(part.parts)
                continue
            if taken:
                leaving = _with(tuple(output), tensor_axis, taken)
                sizes.append(taken)
                fields.append(part if taken == size else part.cut(tensor_axis, Window(1, step, 1, -first), leaving))
            begin += size
        return fields[0] if len(fields) == 1 else concatenated(fields, tensor_axis, sizes, output)

    def carrying(self, carries: tuple[tuple[int, ...], ...]) -> Field:
        """The field of a tensor with its axes rearranged."""
        return replace(self, carries=carries, parts=())

    def _all_read(self, tensor_axis: int, how: How) -> bool:
        """Whether what is read on an axis that mixes several is all of it."""
        carried = self.carries[tensor_axis]
        if not self.arrivals or len(set(carried)) < len(carried) or sum(carried[0] in on for on in self.carries) > 1:
            return False
        _, _, outputs, sources = how
        return reads_all(read(Arrivals(math.prod(self.arrivals[axis].count for axis in carried)), sources, outputs))

    def _lost(self, input_axes: Iterable[int], *, followed: bool = True) -> Field:
        """The field with these axes not worked out; `followed`: what arrives on them still is."""
        lost = set(input_axes)
        axes = (NOT_WORKED_OUT if axis in lost and local else local for axis, local in enumerate(self.axes))
        arrivals = self.arrivals
        if not followed:
            arrivals = tuple(NOT_FOLLOWED if axis in lost else known for axis, known in enumerate(arrivals))
        return replace(self, axes=tuple(axes), arrivals=arrivals, parts=())

    def whole(self, tensor_axes: Iterable[int]) -> Field:
        """The field behind an operation that sees all of the given axes at once."""
        return self.overall_along({axis for tensor_axis in tensor_axes for axis in self.carries[tensor_axis]})

    def overall_along(self, input_axes: Iterable[int], *, local: bool = False) -> Field:
        """The field behind an operation over all positions along axes of the input; `local`: its own place stays."""
        axes, overall, arrivals = list(self.axes), list(self.overall), list(self.arrivals)
        if not all(map(arrives, arrivals)):
            arrivals = [nothing(arrival) for arrival in arrivals]  # what lies on padding along one axis holds no input
        lost: list[int] = []
        for axis in input_axes:
            if axes[axis] is None:
                continue
            cover = covered(arrivals[axis]) if arrivals else Cover(0)
            if cover is None:
                lost.append(axis)
                continue
            try:
                overall[axis] = _both(overall[axis], cover)
            except TooLong:
                lost.append(axis)
            else:
                axes[axis] = axes[axis] if local else None
                arrivals[axis : axis + 1] = [spread(arrivals[axis])] if arrivals else []
        field = replace(self, axes=tuple(axes), overall=tuple(overall), arrivals=tuple(arrivals), parts=())
        return field._lost(lost, followed=False) if lost else field

    def collapsed(self, tensor_axes: Iterable[int]) -> Field:
        """The field behind an operation that leaves one position of each of the given axes, having seen them whole."""
        gone = set(tensor_axes)
        if not any(self.carries[axis] for axis in gone):
            return self
        carries = tuple(() if axis in gone else carried for axis, carried in enumerate(self.carries))
        return self.whole(gone).carrying(carries)

    def with_global(self, tensor_axes: Iterable[int]) -> Field:
        """The field behind an operation that looks at a position through a summary of the whole of the given axes.

        Normalisation over positions is one: the local path stays, beside one that sees everything.
        """
        carried = {axis for tensor_axis in tensor_axes for axis in self.carries[tensor_axis]}
        return self.overall_along(carried, local=True) if carried else self


T = TypeVar("T")


def _with(values: tuple[T, ...], place: int, value: T) -> tuple[T, ...]:
    return (*values[:place], value, *values[place + 1 :])


def _both(cover: Cover | None, other: Cover | None) -> Cover | None:
    """All positions that are in either."""
    if cover is None or other is None:
        return cover or other
    return cover | other


def at_input(rank: int, sizes: Sequence[int] = ()) -> Field:
    """The field of the network's input, of `sizes` or without ends: every position sees itself."""
    position = Reach()
    leaves = {size: Arrivals(size) for size in sizes}  # square nets have the same axis twice
    return Field(
        (position,) * rank,
        (None,) * rank,
        carries=((), *((axis,) for axis in range(rank))),
        arrivals=tuple(leaves[size] for size in sizes),
        sizes=tuple(sizes),
    )


def on_every_axis(rank: int) -> Field:
    """The field of a tensor that has positions of an input without ends on each of its axes, the channels' too."""
    return at_input(rank).carrying(tuple((axis,) for axis in range(rank)))


Reads = Sequence[Sources]


def windowed(field: Field, windows: Sequence[Window], output: Sequence[int], reads: Reads = ()) -> Field:
    """The field behind one window an axis, on the axes after the channels.

    `reads` says what the positions really read where that is not what the windows do, as on padding that repeats
    positions.
    """
    sources = reads or [window.sources for window in windows]
    by_axis = enumerate(zip(windows, output[1:], sources, strict=True), start=1)
    return field.along({axis: (through_window, *how) for axis, how in by_axis if how[0] != UNMOVED})


UNMOVED = Window(1)


def transposed(field: Field, windows: Sequence[Window], output: Sequence[int]) -> Field:
    """The field behind transposed windows, on the axes after the channels."""
    by_axis = enumerate(zip(windows, output[1:], strict=True), start=1)
    return field.along(
        {
            axis: (through_transposed, window, outputs, window.transposed_sources)
            for axis, (window, outputs) in by_axis
            if window != UNMOVED
        }
    )


def resampled(field: Field, resamplings: Sequence[Resampling | None]) -> Field:
    """The field behind one resampling an axis (None: the axis stays), on the axes after the channels."""
    by_axis = enumerate(resamplings, start=1)
    return field.along(
        {
            axis: (_resampled_by, step, step.outputs, step.weighed or step.sources)
            for axis, step in by_axis
            if step is not None
        }
    )


def _resampled_by(axis: Axis, resampling: Resampling, outputs: int) -> Axis:
    return through(axis, resampling)


@lru_cache
def _own_places(carries: tuple[tuple[int, ...], ...]) -> tuple[int | None, ...]:
    """For every axis of a tensor the input axis that it carries, if that is one, and no other axis carries it."""
    return tuple(
        axes[0] if len(axes) == 1 and sum(axes[0] in others for others in carries) == 1 else None for axes in carries
    )


def merged(fields: Sequence[Field], output: Sequence[int]) -> Field:
    """The field where several tensors meet position by position: the union over the paths."""
    first = fields[0]
    if all(field is first for field in fields):
        return first
    in_one_order = all(field.carries == first.carries for field in fields)
    carries = first.carries if in_one_order else _together_carried([field.carries for field in fields])
    rank = max(len(field.axes) for field in fields)
    outputs = {axis: output[position] for position, axes in enumerate(carries) for axis in axes}
    axes: list[Axis | None] = []
    overall: list[Cover | None] = []
    arrivals: list[Arrivals] = []
    for axis in range(rank):
        having = [field for field in fields if axis < len(field.axes)]
        seeing = [field for field in having if field.axes[axis] is not None]
        local = [cast("Axis", field.axes[axis]) for field in seeing]
        try:
            ordered = len(seeing) < 2 or _have_one_order(frozenset(field.carries for field in seeing), axis)
            axes.append(None if not local else union(local, outputs.get(axis, 1)) if ordered else NOT_WORKED_OUT)
        except FieldTooIrregular:
            axes.append(NOT_WORKED_OUT)
        known = [field.arrivals[axis] for field in seeing or having if field.arrivals]
        together = [met(known)] if known else []
        arrivals += map(spread, together) if _brings_all(having, axis) else together
        try:
            overall.append(reduce(_both, (field.overall[axis] for field in having)))
        except TooLong:
            overall.append(None)
            axes[axis] = NOT_WORKED_OUT
            arrivals[axis:] = [NOT_FOLLOWED] if known else []
    if len(axes) > 1 and all(axis == axes[0] for axis in axes):
        axes = [axes[0]] * len(axes)
    sizes = [field.sizes for field in fields if len(field.sizes) == rank]
    largest = tuple(max(of_axis) for of_axis in zip(*sizes, strict=True)) if sizes else ()
    return Field(tuple(axes), tuple(overall), carries, tuple(arrivals), largest)


def _brings_all(fields: Sequence[Field], axis: int) -> bool:
    """Whether one of the tensors brings to every position, as a gate does, what it has seen of an input axis."""
    gates = (field.overall[axis] for field in fields if field.axes[axis] is None)
    return any(cover is not None and cover.span is not None for cover in gates)


Carries = tuple[tuple[int, ...], ...]


@lru_cache
def _have_one_order(carries: frozenset[Carries], axis: int) -> bool:
    """Whether tensors that meet have the positions along an axis of the input in the same places."""
    orders = {tuple((place, on) for place, on in enumerate(of) if axis in on) for of in carries} - {()}
    if not orders:
        return True
    first = next(iter(orders))
    return len(orders) == len(first) == 1 and len(set(first[0][1])) == len(first[0][1])


def _together_carried(carries: Sequence[tuple[tuple[int, ...], ...]]) -> tuple[tuple[int, ...], ...]:
    together = []
    for tensor_axis in range(max(map(len, carries))):
        different = {one[tensor_axis] for one in carries if one[tensor_axis : tensor_axis + 1] not in {(), ((),)}}
        together.append(next(iter(different)) if len(different) == 1 else tuple(sorted(chain(*different))))
    return tuple(together)


def concatenated(fields: Sequence[Field], tensor_axis: int, sizes: Sequence[int], output: Sequence[int]) -> Field:
    """The field of tensors of `sizes` laid end to end on one axis: each position sees what it saw in its own tensor."""
    together = merged(fields, output)
    carried = together.carries[tensor_axis]
    if not carried:
        return together
    parts = tuple(zip(sizes, fields, strict=True))
    fields = [_of_rank(len(together.axes), field) for field in fields]
    seeing = [field for field in fields if any(field.axes[axis] is not None for axis in carried)]
    if len(carried) > 1:
        return _laid_out(_beside_tokens(together, seeing, carried), tensor_axis, parts)
    (place,) = carried
    known = all(field.carries[tensor_axis] == carried or field.axes[place] is None for field in fields)
    if together.arrivals:
        kept = [field.arrivals[place] if field.axes[place] is not None else None for field in fields]
        along = end_to_end(kept, sizes) if known else NOT_FOLLOWED
        along = spread(along) if _brings_all(fields, place) else along
        together = replace(together, arrivals=_with(together.arrivals, place, along))
    local = [field.axes[place] for field in fields]
    if not known or NOT_WORKED_OUT in local:
        together = together._lost(carried)
    elif seeing:
        try:
            spans = _laid_end_to_end(local, sizes)
            together = replace(together, axes=_with(together.axes, place, (Phases(spans, 0, bounded=True),)))
        except FieldTooIrregular:
            together = together._lost(carried)
    return _laid_out(together, tensor_axis, parts)


def _of_rank(rank: int, field: Field) -> Field:
    """The field beside those of inputs with more axes, of which it sees nothing."""
    lacking = (None,) * (rank - len(field.axes))
    return replace(field, axes=field.axes + lacking, overall=field.overall + lacking) if lacking else field


def _laid_end_to_end(axes: Sequence[Axis | None], sizes: Sequence[int]) -> Sequence[Span]:
    """What each position sees of tensors laid end to end; None: one that sees nothing."""
    _spend(_table(sum(sizes)) // 20 + 25)
    shown = [
        (None,) * size
        if axis is None and size <= SHORT
        else tables.nothing(size)
        if axis is None
        else _shown(_parts(axis), size)
        for axis, size in zip(axes, sizes, strict=True)
    ]
    if sum(sizes) <= SHORT:
        return tuple(chain.from_iterable(shown))
    return tables.end_to_end([tables.of(spans) for spans in shown])


def _laid_out(together: Field, tensor_axis: int, parts: tuple[tuple[int, Field], ...]) -> Field:
    """With the parts; which positions see what operations over all positions bring is known of each of them alone."""
    is_global = any(part.is_global for _, part in parts)
    together = replace(together, parts=parts, laid=tensor_axis, has_global_part=is_global)
    if together.is_global:
        return together
    unlike = {
        axis
        for axis, cover in enumerate(together.overall)
        if any(part.overall[axis : axis + 1] != (cover,) for _, part in parts)
    }
    axes = (NOT_WORKED_OUT if axis in unlike else local for axis, local in enumerate(together.axes))
    return replace(together, axes=tuple(axes))


def _beside_tokens(together: Field, seeing: Sequence[Field], carried: tuple[int, ...]) -> Field:
    """Tensors laid end to end on an axis that mixes several: what sees nothing, as a class token, changes nothing."""
    first, *others = seeing or [together]
    alike = all(other.axes == first.axes and other.arrivals == first.arrivals for other in others)
    if alike and len(first.arrivals) == len(together.arrivals):
        return replace(together, axes=first.axes, arrivals=first.arrivals)
    return together._lost(carried, followed=False)


def aligned(fields: Sequence[Field]) -> bool:
    """Whether the paths that meet look at the same places: equal strides and equal (mean) centres on every axis."""
    for axis in range(max(len(field.axes) for field in fields)):
        local = [a for field in fields for a in field.axes[axis : axis + 1] if a is not None]
        if NOT_WORKED_OUT not in local and any(centre(a) != centre(local[0]) for a in local[1:] if a is not local[0]):
            return False
    return True
