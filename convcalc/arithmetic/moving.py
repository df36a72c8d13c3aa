"""Receptive fields behind what moves along a tensor's axes: windows, transposed windows, resamplings, cuts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import reduce

from msgspec.structs import replace

from convcalc import steps
from convcalc.arithmetic.arrivals import Sources, TooLong, either, places_read
from convcalc.arithmetic.axes import Axis, Resampling, through, through_transposed, through_window
from convcalc.arithmetic.field import Field, How
from convcalc.arithmetic.meeting import concatenated, laid_out, with_item
from convcalc.arithmetic.window import Window

PART = 30
"""Steps that it takes to cut one of several parts."""

Reads = Sequence[Sources]


def windowed(field: Field, windows: Sequence[Window], output: Sequence[int], reads: Reads = ()) -> Field:
    """The field behind one window an axis, on the axes after the channels.

    `reads` says what the positions really read where that is not what the windows do, as on padding that repeats
    positions.
    """
    sources = reads or [window.sources for window in windows]
    return _along(field, [(through_window, *how) for how in zip(windows, output[1:], sources, strict=True)])


def transposed(field: Field, windows: Sequence[Window], output: Sequence[int]) -> Field:
    """The field behind transposed windows, on the axes after the channels."""
    by_axis = zip(windows, output[1:], strict=True)
    return _along(field, [(through_transposed, window, size, window.transposed_sources) for window, size in by_axis])


def resampled(field: Field, resamplings: Sequence[Resampling | None]) -> Field:
    """The field behind one resampling an axis (None: the axis stays), on the axes after the channels."""
    return _along(field, [None if step is None else _how(step) for step in resamplings])


def _how(resampling: Resampling) -> How:
    return _by_resampling, resampling, resampling.outputs, resampling.weighed or resampling.sources


def _by_resampling(axis: Axis, resampling: Resampling, outputs: int) -> Axis:
    return through(axis, resampling)


_UNMOVED = Window(1)


def _along(field: Field, by_axis: Sequence[How | None]) -> Field:
    """The field with the axes after the channels moved along; of parts, what no position reads brings nothing."""
    hows = {axis: how for axis, how in enumerate(by_axis, start=1) if how is not None and how[1] != _UNMOVED}
    if field.laid in hows and field.parts and any(field.overall):
        _, _, outputs, sources = hows[field.laid]
        field = _of_read_parts(field, outputs, sources)
    return field.along(hows)


def _of_read_parts(field: Field, outputs: int, sources: Sources) -> Field:
    """The field of tensors laid end to end that sees over all positions what those do of which any position is read."""
    try:
        places = places_read(sources, range(outputs), sum(size for size, _ in field.parts))
        fields = _with_any_of(places if isinstance(places, range) else sorted(places), field)
        overall = tuple(
            reduce(either, (covers for part in fields for covers in part.overall[axis : axis + 1]), None)
            for axis in range(len(field.axes))
        )
    except TooLong:
        return replace(field, parts=()).unknown_along(range(len(field.axes)), followed=False)
    if overall == field.overall:
        return field
    return laid_out(replace(field, overall=overall), field.laid, tuple((1, part) for part in fields))


def _with_any_of(places: Sequence[int], field: Field) -> list[Field]:
    """The parts that have any of the places, in ascending order; those of parts laid along the same axis alone."""
    waiting, begin = [*reversed(field.parts)], 0
    fields = []
    while waiting:
        if not steps.afford(PART):
            raise TooLong
        size, part = waiting.pop()
        index = bisect_left(places, begin)
        if index < len(places) and places[index] < begin + size:
            if part.parts and part.laid == field.laid:
                waiting += reversed(part.parts)
                continue
            fields.append(part)
        begin += size
    return fields


def sliced(field: Field, tensor_axis: int, window: Window, output: Sequence[int]) -> Field:
    """The field behind one tap that takes some of the positions of an axis, and leaves a tensor of `output`."""
    if field.parts and tensor_axis == field.laid:
        return _cut_parts(field, tensor_axis, window.stride, -window.before, output)
    outputs = output[tensor_axis]
    return field.along({tensor_axis: (through_window, window, outputs, window.sources)})


def _cut_parts(field: Field, tensor_axis: int, step: int, start: int, output: Sequence[int]) -> Field:
    """The field of what is taken of the parts, of each as it was, from `start` on."""
    end = start + step * (output[tensor_axis] - 1) + 1
    waiting, begin = [*reversed(field.parts)], 0
    sizes: list[int] = []
    fields: list[Field] = []
    while waiting and begin < end:
        size, part = waiting.pop()
        first = start + max(-((start - begin) // step), 0) * step - begin  # that is taken of this part
        taken = max(-((first - min(size, end - begin)) // step), 0)
        if not steps.afford(PART):
            return replace(field, parts=()).unknown_along(range(len(field.axes)), followed=False)
        if taken and taken < size and part.parts and part.laid == tensor_axis:
            waiting += reversed(part.parts)
            continue
        if taken:
            leaving = with_item(tuple(output), tensor_axis, taken)
            sizes.append(taken)
            fields.append(part if taken == size else sliced(part, tensor_axis, Window(1, step, 1, -first), leaving))
        begin += size
    return fields[0] if len(fields) == 1 else concatenated(fields, tensor_axis, sizes, output)
