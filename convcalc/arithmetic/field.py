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
from itertools import chain, pairwise
from typing import cast

import msgspec
from msgspec.structs import replace

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


def measure(axis: Axis, outputs: int) -> tuple[int | None, tuple[int, int] | None, int | None]:
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

    `axes` holds an `Axis` for every spatial axis of the input, None where no local path is left. `is_global`:
    some path sees the whole input. `carries` names, for every axis of the tensor (channels first), the input
    axes whose position it holds; one named twice is mixed with something else, as channels and positions are after
    a flatten.
    """

    axes: tuple[Axis | None, ...]
    is_global: bool
    carries: tuple[tuple[int, ...], ...]

    def along(self, tensor_axis: int, transform: Callable[[Axis], Axis]) -> Field:
        """The field with `transform` applied to the input axis that a tensor axis carries.

        A tensor axis that mixes several input axes (or shares one, after a reshape) has no interval of its own to
        transform; what follows is not worked out there.
        """
        carried = self.carries[tensor_axis]
        if not carried:
            return self
        if len(carried) > 1 or sum(carried[0] in others for others in self.carries) > 1:
            return self._lost(carried)
        axis = self.axes[carried[0]]
        if axis is None:
            return self
        try:
            transformed = transform(axis)
        except FieldTooIrregular:
            return self._lost(carried)
        if isinstance(transformed, Reach) and max(transformed.size, transformed.stride) > LARGEST_FIELD:
            return self.whole([tensor_axis])
        return replace(self, axes=(*self.axes[: carried[0]], transformed, *self.axes[carried[0] + 1 :]))

    def _lost(self, input_axes: Iterable[int]) -> Field:
        lost = set(input_axes)
        axes = (NOT_WORKED_OUT if axis in lost and local else local for axis, local in enumerate(self.axes))
        return replace(self, axes=tuple(axes))

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
        seen = {axis for tensor_axis in tensor_axes for axis in self.carries[tensor_axis]}
        if not seen:
            return self
        return replace(
            self, axes=tuple(None if axis in seen else local for axis, local in enumerate(self.axes)), is_global=True
        )

    def collapsed(self, tensor_axes: Iterable[int]) -> Field:
        """The field behind an operation that leaves one position of each of the given axes, having seen them whole."""
        gone = set(tensor_axes)
        if not any(self.carries[axis] for axis in gone):
            return self
        carries = tuple(() if axis in gone else carried for axis, carried in enumerate(self.carries))
        return replace(self.whole(gone), carries=carries)

    def with_global(self, tensor_axes: Iterable[int]) -> Field:
        """The field behind an operation that looks at a position through a summary of the whole of the given axes.

        Normalisation over positions is one: the local path stays, beside one that sees everything.
        """
        return replace(self, is_global=True) if any(self.carries[axis] for axis in tensor_axes) else self


def at_input(rank: int) -> Field:
    """The field of the network's input: every position sees itself."""
    position = Reach()
    return Field((position,) * rank, is_global=False, carries=((), *((axis,) for axis in range(rank))))


def windowed(field: Field, windows: Sequence[Window], output: Sequence[int]) -> Field:
    """The field behind one window an axis, on the axes after the channels."""
    return _by_axis(field, _steps(windows, output), through_window)


def transposed(field: Field, windows: Sequence[Window], output: Sequence[int]) -> Field:
    """The field behind transposed windows, on the axes after the channels."""
    return _by_axis(field, _steps(windows, output), through_transposed)


def resampled(field: Field, resamplings: Sequence[Resampling | None]) -> Field:
    """The field behind one resampling an axis (None: the axis stays), on the axes after the channels."""
    return _by_axis(field, [None if each is None else (each,) for each in resamplings], through)


def _steps(windows: Sequence[Window], output: Sequence[int]) -> list[tuple[Window, int] | None]:
    pairs = zip(windows, output[1:], strict=True)
    return [None if window == Window(1) else (window, outputs) for window, outputs in pairs]


def _by_axis(field: Field, steps: Sequence[tuple[object, ...] | None], through: Callable[..., Axis]) -> Field:
    # Square nets have the same axis twice: it is worked out once, and kept once.
    done: dict[tuple[object, ...], tuple[Axis, Axis]] = {}

    def shared(axis: Axis, step: tuple[object, ...]) -> Axis:
        key = (id(axis), *step)
        if key not in done:
            done[key] = axis, through(axis, *step)
        return done[key][1]

    for tensor_axis, step in enumerate(steps, start=1):
        if step is not None:
            field = field.along(tensor_axis, lambda axis, step=step: shared(axis, step))  # type: ignore[misc]
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
    is_global = any(field.is_global for field in fields)
    for axis in range(rank):
        local = [a for field in fields for a in field.axes[axis : axis + 1] if a is not None]
        try:
            axes.append(union(local, outputs.get(axis, 1)) if local else None)
        except FieldTooIrregular:
            axes.append(NOT_WORKED_OUT)
    if len(axes) > 1 and all(axis == axes[0] for axis in axes):
        axes = [axes[0]] * len(axes)
    return Field(tuple(axes), is_global, carries)


def _together_carried(carries: Sequence[tuple[tuple[int, ...], ...]]) -> tuple[tuple[int, ...], ...]:
    together = []
    for tensor_axis in range(max(map(len, carries))):
        different = {one[tensor_axis] for one in carries if one[tensor_axis : tensor_axis + 1] not in {(), ((),)}}
        together.append(tuple(sorted(axis for carried in different for axis in carried)))
    return tuple(together)


def concatenated(fields: Sequence[Field], tensor_axis: int, shapes: Sequence[Sequence[int]]) -> Field:
    """The field of tensors laid end to end on one axis: each position sees what it saw in its own tensor."""
    output = list(shapes[0])
    output[tensor_axis] = sum(shape[tensor_axis] for shape in shapes)
    together = merged(fields, output)
    carried = together.carries[tensor_axis]
    if not carried:
        return together
    local = [field.axes[carried[0]] if field.carries[tensor_axis] == carried else None for field in fields]
    if len(carried) > 1 or not all(local) or output[tensor_axis] > LONGEST_TABLE:
        return together._lost(carried)
    sizes = [shape[tensor_axis] for shape in shapes]
    spans = [span for axis, size in zip(local, sizes, strict=True) for span in intervals(cast("Axis", axis), size)]
    axis: Axis = (Phases(tuple(spans), 0, bounded=True),)
    return replace(together, axes=(*together.axes[: carried[0]], axis, *together.axes[carried[0] + 1 :]))


def aligned(fields: Sequence[Field]) -> bool:
    """Whether the paths that meet look at the same places: equal strides and equal (mean) centres on every axis."""
    for axis in range(max(len(field.axes) for field in fields)):
        local = [a for field in fields for a in field.axes[axis : axis + 1] if a is not None]
        if NOT_WORKED_OUT not in local and any(centre(a) != centre(local[0]) for a in local[1:] if a is not local[0]):
            return False
    return True
