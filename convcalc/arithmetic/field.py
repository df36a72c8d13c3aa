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
from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from itertools import chain, pairwise, zip_longest
from typing import Any, TypeVar, cast

import msgspec
from msgspec.structs import replace

from convcalc.arithmetic.arrivals import (
    NOT_FOLLOWED,
    Arrivals,
    Cover,
    Sources,
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
from convcalc.arithmetic.window import Window

LONGEST_TABLE = 65_536
"""Positions a table of phases may hold; the field of an axis that needs more is not worked out."""

LARGEST_FIELD = 2**62
"""Positions of a field or a stride; what sees more sees the whole of any input."""


class Reach(msgspec.Struct, frozen=True):
    """Output position o sees the inputs ``start + stride·o`` to ``start + stride·o + size - 1``."""

    size: int = 1
    stride: int = 1
    start: int = 0


Span = tuple[int, int] | None
"""First and last input position seen; None where an output position sees no input at all."""


class Phases(msgspec.Struct, frozen=True):
    """Output position o sees ``spans[o mod period]`` moved on by ``advance`` for every whole period before o.

    `bounded`: the table is the whole axis, and positions outside see nothing.
    """

    spans: tuple[Span, ...]
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
            starts = [span[0] for span in self.spans if span is not None]
            top, bottom = (starts[-1] - starts[0], max(self.period - 1, 1)) if starts else (0, 1)
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
    sources: Callable[[int], Iterable[int]]
    outputs: int


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
    period, advance, sources = resampling.period, resampling.advance, resampling.sources
    times = part.period // math.gcd(part.period, advance)
    hull = _hull_of_ends if _is_monotone(part) else _hull
    if part.bounded or period * times > LONGEST_TABLE:
        return Phases(
            tuple(hull(part, sources(position)) for position in range(_table(resampling.outputs))), 0, bounded=True
        )
    spans = tuple(hull(part, sources(position)) for position in range(period * times))
    return Phases(spans, advance * times // part.period * part.advance)


def _parts(axis: Axis) -> Paths:
    if isinstance(axis, Reach):
        return (Phases(((axis.start, axis.start + axis.size - 1),), axis.stride),)
    return axis


def _table(outputs: int) -> int:
    if outputs > LONGEST_TABLE:
        raise FieldTooIrregular
    return outputs


class FieldTooIrregular(Exception):
    """The intervals repeat later than `LONGEST_TABLE` positions."""


def _is_monotone(part: Phases) -> bool:
    spans = part.spans
    if part.bounded or any(span is None for span in spans):
        return False
    ordered = cast("tuple[tuple[int, int], ...]", (*spans, part.at(len(spans))))
    return all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(ordered))


def _hull_of_ends(part: Phases, positions: Iterable[int]) -> Span:
    ends = list(positions) if not isinstance(positions, range) else positions
    if not ends:
        return None
    first, last = part.at(min(ends[0], ends[-1])), part.at(max(ends[0], ends[-1]))
    return (first[0], last[1]) if first and last else None


def _hull(part: Phases, positions: Iterable[int]) -> Span:
    if isinstance(positions, range):
        positions = _enough(part, positions)
    return _union_of_spans(part.at(position) for position in positions)


def _enough(part: Phases, positions: range) -> Iterable[int]:
    """Those of the positions that can be first or last: a period of them at either end, or those in the table."""
    if part.bounded:
        before = max(0, -(positions.start // positions.step)) if positions.start < 0 else 0
        return positions[before : before + part.period]
    cycle = part.period // math.gcd(part.period, positions.step)
    return positions if len(positions) <= 2 * cycle else chain(positions[:cycle], positions[-cycle:])


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
    bounded = one.bounded or period > LONGEST_TABLE
    positions = range(_table(outputs) if bounded and not one.bounded else period)
    spans = tuple(_union_of_spans((one.at(position), other.at(position))) for position in positions)
    return Phases(spans, 0 if bounded else period // one.period * one.advance, bounded)


def _shortest(part: Phases) -> Phases:
    """The same intervals with the shortest period."""
    if part.bounded:
        return part
    for period in range(1, part.period // 2 + 1):
        repeats, rest = divmod(part.period, period)
        if rest or part.advance % repeats:
            continue
        shorter = Phases(part.spans[:period], part.advance // repeats)
        if all(shorter.at(position) == part.spans[position] for position in range(period, part.period)):
            return shorter
    return part


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
    positions = min(outputs, axis[0].period) if len(axis) == 1 else min(outputs, LONGEST_TABLE)
    spans = [_union_of_spans(part.at(position) for part in axis) for position in range(positions)]
    seen = [span for span in spans if span is not None]
    size = max((high - low + 1 for low, high in seen), default=0)
    bounded = any(part.bounded for part in axis)
    stride = None if bounded else max((part.rate for part in axis), key=lambda rate: rate[0] / rate[1])
    return size, stride, seen[0][0] if seen else 0


def measure_beside(axis: Axis | None, span: Span, last: int, outputs: int) -> Measure:
    """As `measure`, where every position sees `span` too: of the real axis, up to position `last`, as the span is."""
    if span is None or axis == NOT_WORKED_OUT:
        return (None, None, None) if axis is None else measure(axis, outputs)
    stride = None if axis is None else measure(axis, outputs)[1]
    if axis is None or span == (0, last):
        return span[1] - span[0] + 1, stride, span[0]
    positions = outputs if isinstance(axis, Reach) else min(outputs, LONGEST_TABLE)
    spans = [_union_of_spans((local, span)) or span for local in intervals(axis, positions)]
    clipped = [(max(low, 0), min(high, last)) for low, high in spans]
    return max(high - low + 1 for low, high in clipped), stride, clipped[0][0]


def intervals(axis: Axis, outputs: int) -> list[Span]:
    """The interval that each of the `outputs` positions sees."""
    return [_union_of_spans(part.at(position) for part in _parts(axis)) for position in range(outputs)]


def centre(axis: Axis) -> tuple[object, ...]:
    """Stride and mean centre of the intervals: equal for two paths exactly when they look at the same places."""
    if isinstance(axis, Reach):
        return (axis.stride, 1), (2 * axis.start + axis.size - 1, 1)
    centres = []
    for part in axis:
        ends = [span[0] + span[1] for span in part.spans if span is not None]
        # Twice the mean over the period of centre(o) - rate·o, over the common denominator.
        top = part.period * sum(ends) - part.advance * (part.period - 1) * len(ends)
        bottom = part.period * max(len(ends), 1)
        divisor = math.gcd(top, bottom)
        centres += [part.rate, (top // divisor, bottom // divisor)]
    return tuple(centres)


class Field(msgspec.Struct, frozen=True):
    """What a tensor's positions see of the network's input.

    `axes` holds an `Axis` for every spatial axis of the input, None where no local path is left. `overall` holds for
    each what every position of the tensor sees of it, by operations that look at all positions of a tensor; None where
    there is none. `carries` names, for every axis of the tensor (channels first), the input axes whose position it
    holds; one named twice is mixed with something else, as channels and positions are after a flatten. `arrivals` are
    the positions that the tensor has along each axis of the input, of `sizes`; both are empty for an input without
    ends, of which all arrives.

    `parts` are the tensors, with their sizes, that were laid end to end on the tensor's axis `laid` along which there
    are positions. They may see different things, and whoever cuts them apart again has each as it was.
    """

    axes: tuple[Axis | None, ...]
    overall: tuple[Cover | None, ...]
    carries: tuple[tuple[int, ...], ...]
    arrivals: tuple[Arrivals, ...] = ()
    sizes: tuple[int, ...] = ()
    parts: tuple[tuple[int, Field], ...] = ()
    laid: int = 0

    @property
    def is_global(self) -> bool:
        """Whether operations over all positions bring every position of each axis; an axis of one has no others."""
        if self.parts:
            return any(part.is_global for _, part in self.parts)
        if not any(self.overall):
            return False
        sizes = self.sizes or (0,) * len(self.axes)
        covers = zip(self.overall, sizes, strict=True)
        seen = (size == 1 if cover is None else cover.positions is None for cover, size in covers)
        return all(seen)

    def along(self, tensor_axis: int, transform: Callable[[Axis], Axis], reading: Reading) -> Field:
        """The field with `transform` applied to the input axis that a tensor axis carries, `reading` to its arrivals.

        A tensor axis that mixes several input axes (or shares one, after a reshape) has no interval of its own to
        transform; what follows is not worked out there.
        """
        carried = self.carries[tensor_axis]
        if not carried:
            return self
        if len(carried) > 1 or sum(carried[0] in others for others in self.carries) > 1:
            return self._lost(carried, followed=self._all_read(tensor_axis, reading))
        behind = self._read(carried[0], reading) if self.arrivals else replace(self, parts=())
        axis = self.axes[carried[0]]
        if axis is None:
            return behind
        try:
            transformed = transform(axis)
        except FieldTooIrregular:
            return behind._lost(carried)
        if isinstance(transformed, Reach) and max(transformed.size, transformed.stride) > LARGEST_FIELD:
            return behind.whole([tensor_axis])
        return replace(behind, axes=_with(self.axes, carried[0], transformed))

    def _read(self, axis: int, reading: Reading) -> Field:
        """The field with its positions along an input axis read anew; where all are padding, nothing is seen of any."""
        arrivals = _with(self.arrivals, axis, reading(self.arrivals[axis]))
        if arrives(arrivals[axis]):
            return replace(self, arrivals=arrivals, parts=())
        nowhere = tuple(cover and Cover(cover.size, frozenset()) for cover in self.overall)
        return replace(self, arrivals=tuple(map(nothing, arrivals)), overall=nowhere, parts=())

    def cut(self, tensor_axis: int, window: Window, output: Sequence[int]) -> Field:
        """The field behind one tap that takes some of the positions of an axis, and leaves a tensor of `output`."""
        outputs = output[tensor_axis]
        if self.parts and tensor_axis == self.laid:
            start = 0
            kept: list[tuple[int, Field]] = []
            for size, part in self.parts:
                taken = [output for output in range(outputs) if 0 <= window.sources(output)[0] - start < size]
                if taken:
                    shifted = replace(window, before=start - window.sources(taken[0])[0])
                    leaving = _with(tuple(output), tensor_axis, len(taken))
                    kept.append((len(taken), part.cut(tensor_axis, shifted, leaving)))
                start += size
            sizes, fields = zip(*kept, strict=True)
            return fields[0] if len(kept) == 1 else concatenated(fields, tensor_axis, sizes, output)
        return self.along(
            tensor_axis,
            partial(_through, through_window, window, outputs),
            partial(read, sources=window.sources, outputs=outputs),
        )

    def carrying(self, carries: tuple[tuple[int, ...], ...]) -> Field:
        """The field of a tensor with its axes rearranged."""
        return replace(self, carries=carries, parts=())

    def _all_read(self, tensor_axis: int, reading: Reading) -> bool:
        """Whether what is read on an axis that mixes several is all of it."""
        carried = self.carries[tensor_axis]
        if not self.arrivals or len(set(carried)) < len(carried) or sum(carried[0] in on for on in self.carries) > 1:
            return False
        return reads_all(reading(Arrivals(math.prod(self.arrivals[axis].count for axis in carried))))

    def _lost(self, input_axes: Iterable[int], *, followed: bool = True) -> Field:
        """The field with these axes not worked out; `followed`: what arrives on them still is."""
        lost = set(input_axes)
        axes = (NOT_WORKED_OUT if axis in lost and local else local for axis, local in enumerate(self.axes))
        arrivals = self.arrivals
        if not followed:
            arrivals = tuple(NOT_FOLLOWED if axis in lost else known for axis, known in enumerate(arrivals))
        return replace(self, axes=tuple(axes), arrivals=arrivals, parts=())

    @property
    def table_positions(self) -> int:
        """Positions that the tables of its axes hold: what it costs to go on with them."""
        tables = (axis for axis in self.axes if isinstance(axis, tuple))
        return sum(part.period for axis in tables for part in axis)

    def without_tables(self) -> Field:
        """The same, with what would need tables no longer worked out."""
        return self._lost(index for index, axis in enumerate(self.axes) if isinstance(axis, tuple))

    def whole(self, tensor_axes: Iterable[int]) -> Field:
        """The field behind an operation that sees all of the given axes at once."""
        return self.overall_along({axis for tensor_axis in tensor_axes for axis in self.carries[tensor_axis]})

    def overall_along(self, input_axes: Iterable[int], *, local: bool = False) -> Field:
        """The field behind an operation over all positions along axes of the input; `local`: its own place stays."""
        axes, overall, arrivals = list(self.axes), list(self.overall), list(self.arrivals)
        for axis in input_axes:
            if axes[axis] is None:
                continue
            cover = covered(self.arrivals[axis]) if self.arrivals else Cover(0)
            if cover is None:
                axes[axis] = NOT_WORKED_OUT
                continue
            overall[axis] = _both(overall[axis], cover)
            axes[axis] = axes[axis] if local else None
            if arrivals:
                arrivals[axis] = spread(arrivals[axis])
        return replace(self, axes=tuple(axes), overall=tuple(overall), arrivals=tuple(arrivals), parts=())

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


def windowed(field: Field, windows: Sequence[Window], output: Sequence[int], reads: Reads = ()) -> Field:
    """The field behind one window an axis, on the axes after the channels.

    `reads` says what the positions really read where that is not what the windows do, as on padding that repeats
    positions.
    """
    pairs = zip_longest(zip(windows, output[1:], strict=True), reads)
    return _by_axis(
        field,
        [
            None if window == Window(1) else (through_window, window, outputs, sources or window.sources, read)
            for (window, outputs), sources in pairs
        ],
    )


Reads = Sequence[Sources]
Reading = Callable[[Arrivals], Arrivals]


def transposed(field: Field, windows: Sequence[Window], output: Sequence[int]) -> Field:
    """The field behind transposed windows, on the axes after the channels."""
    pairs = zip(windows, output[1:], strict=True)
    return _by_axis(
        field,
        [
            None if window == Window(1) else (through_transposed, window, outputs, window.transposed_sources, read)
            for window, outputs in pairs
        ],
    )


def resampled(field: Field, resamplings: Sequence[Resampling | None]) -> Field:
    """The field behind one resampling an axis (None: the axis stays), on the axes after the channels."""
    return _by_axis(
        field,
        [
            None if step is None else (_resampled_by, step, step.outputs, step.sources, read_to_the_ends)
            for step in resamplings
        ],
    )


def _resampled_by(axis: Axis, resampling: Resampling, outputs: int) -> Axis:
    return through(axis, resampling)


def _through(transform: Callable[..., Axis], window: Window | Resampling, outputs: int, axis: Axis) -> Axis:
    return transform(axis, window, outputs)


def _by_axis(field: Field, steps: Sequence[tuple[Any, ...] | None]) -> Field:
    # Square nets have the same axis twice: it is worked out once, and kept once.
    done: dict[tuple[object, ...], tuple[object, object]] = {}

    def shared(of: Any, step: tuple[object, ...], work: Callable[[Any], Any]) -> Any:
        key = (id(of), *step)
        if key not in done:
            done[key] = of, work(of)
        return done[key][1]

    for tensor_axis, step in enumerate(steps, start=1):
        if step is not None:
            through, how, outputs, sources, reading = step
            field = field.along(
                tensor_axis,
                partial(shared, step=(how, outputs), work=partial(_through, through, how, outputs)),
                partial(shared, step=(how, outputs), work=partial(reading, sources=sources, outputs=outputs)),
            )
    return field


def merged(fields: Sequence[Field], output: Sequence[int]) -> Field:
    """The field where several tensors meet position by position: the union over the paths."""
    first = fields[0]
    if all(field is first for field in fields):
        return first
    carries = _together_carried([field.carries for field in fields])
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
            ordered = _have_one_order(seeing, axis)
            axes.append(None if not local else union(local, outputs.get(axis, 1)) if ordered else NOT_WORKED_OUT)
        except FieldTooIrregular:
            axes.append(NOT_WORKED_OUT)
        overall.append(reduce(_both, (field.overall[axis] for field in having)))
        known = [field.arrivals[axis] for field in seeing or having if field.arrivals]
        together = [met(known)] if known else []
        arrivals += map(spread, together) if _brings_all(having, axis) else together
    if len(axes) > 1 and all(axis == axes[0] for axis in axes):
        axes = [axes[0]] * len(axes)
    sizes = [field.sizes for field in fields if len(field.sizes) == rank]
    largest = tuple(max(of_axis) for of_axis in zip(*sizes, strict=True)) if sizes else ()
    return Field(tuple(axes), tuple(overall), carries, tuple(arrivals), largest)


def _brings_all(fields: Sequence[Field], axis: int) -> bool:
    """Whether one of the tensors brings to every position, as a gate does, what it has seen of an input axis."""
    gates = (field.overall[axis] for field in fields if field.axes[axis] is None)
    return any(cover is not None and cover.span is not None for cover in gates)


def _have_one_order(fields: Sequence[Field], axis: int) -> bool:
    """Whether tensors that meet have the positions along an axis of the input in the same places."""
    orders = {tuple((place, on) for place, on in enumerate(field.carries) if axis in on) for field in fields} - {()}
    if len(fields) < 2 or not orders:
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
    if not known or NOT_WORKED_OUT in local or output[tensor_axis] > LONGEST_TABLE:
        together = together._lost(carried)
    elif seeing:
        spans = [
            span
            for axis, size in zip(local, sizes, strict=True)
            for span in (intervals(axis, size) if axis is not None else [None] * size)
        ]
        axis: Axis = (Phases(tuple(spans), 0, bounded=True),)
        together = replace(together, axes=_with(together.axes, place, axis))
    return _laid_out(together, tensor_axis, parts)


def _laid_out(together: Field, tensor_axis: int, parts: tuple[tuple[int, Field], ...]) -> Field:
    """With the parts; which positions see what operations over all positions bring is known of each of them alone."""
    together = replace(together, parts=parts, laid=tensor_axis)
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
    if all(other.axes == first.axes and other.arrivals == first.arrivals for other in others):
        return replace(together, axes=first.axes, arrivals=first.arrivals)
    return together._lost(carried, followed=False)


def aligned(fields: Sequence[Field]) -> bool:
    """Whether the paths that meet look at the same places: equal strides and equal (mean) centres on every axis."""
    for axis in range(max(len(field.axes) for field in fields)):
        local = [a for field in fields for a in field.axes[axis : axis + 1] if a is not None]
        if NOT_WORKED_OUT not in local and any(centre(a) != centre(local[0]) for a in local[1:] if a is not local[0]):
            return False
    return True
