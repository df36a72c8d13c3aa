"""Receptive fields behind what moves along a tensor's axes: windows, transposed windows, resamplings, cuts."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from convcalc import steps
from convcalc.arithmetic.arrivals import Sources
from convcalc.arithmetic.axes import Axis, Resampling, through, through_transposed, through_window
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.meeting import concatenated, with_item
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
