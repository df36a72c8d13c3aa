"""Where the samples of a batch are behind the operators that move elements about: reshaped, cut, joined, repeated."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from convcalc.imports.onnx import constants
from convcalc.imports.onnx.operators import shapes
from convcalc.imports.onnx.samples import Batch, Mixed, Places, Shape, samples_of
from convcalc.imports.onnx.values import Call, constant_value


def _turned(batch: Batch, call: Call) -> int:
    rank = len(call.value(0).shape)
    order = call.attributes.integers("perm") or list(reversed(range(rank)))
    return order.index(samples_of(call.value(0)))


def _lands(batch: Batch, call: Call, after: Shape) -> int:
    """The axis of a reshaped tensor along which the samples lie, outermost in it."""
    value = call.value(0)
    before = batch.full(value)
    first = prod(before[: samples_of(value)])
    place = next((axis for axis, size in enumerate(after) if size > 1 and prod(after[:axis]) == first), None)
    if place is None or after[place] % batch.count:
        raise Mixed(f"makes {list(before)} {list(after)}, in which the samples are on no axis of their own")
    return place


def _reshape(batch: Batch, call: Call) -> int:
    if call.value(0).samples is None:
        raise Mixed("has a shape that differs from sample to sample")
    after = shapes.wanted_shape(call, batch.full(call.value(0)))
    place = _lands(batch, call, after)
    call.set_numbers(1, [size // batch.count if axis == place else size for axis, size in enumerate(after)])
    return place


def _squeeze(batch: Batch, call: Call) -> int:
    shape, samples = batch.full(call.value(0)), samples_of(call.value(0))
    gone = shapes.squeezed_axes(call, shape)
    call.inputs[1:] = [constant_value(constants.whole(sorted(gone)))]
    return samples - sum(axis < samples for axis in gone)


def _unsqueeze(batch: Batch, call: Call) -> int:
    value = call.value(0)
    return shapes.unsqueezed_order(call, len(value.shape)).index(samples_of(value))


def _concat(batch: Batch, call: Call) -> int:
    place, *others = {value.samples for value in call.values() if value.samples is not None}
    if others or call.axis("axis", 1, len(call.values()[0].shape)) == place:
        raise Mixed("lays samples behind one another")
    for index, value in enumerate(call.inputs):
        if value is not None and value.samples is None:
            call.inputs[index] = batch.of_one(value, place)
    return place


def _slice(batch: Batch, call: Call) -> int:
    value = call.value(0)
    shape, samples = batch.full(value), samples_of(value)
    starts, ends = call.numbers(1, "starts") or [], call.numbers(2, "ends") or []
    axes = call.numbers(3, "axes") or list(range(len(starts)))
    steps = call.numbers(4) or [1] * len(starts)
    kept = [number for number, axis in enumerate(axes) if axis % len(shape) != samples]
    for number, axis in enumerate(axes):
        size = shape[axis % len(shape)]
        cut = shapes.places_between(starts[number], ends[number], steps[number], size)
        if number not in kept and cut != range(size):
            raise Mixed("takes some of the samples")
    if len(kept) < len(axes):
        call.inputs[1:] = [None] * 4
        for index, numbers in enumerate((starts, ends, axes, steps), start=1):
            call.set_numbers(index, [numbers[number] for number in kept])
    return samples


def _split(batch: Batch, call: Call) -> int:
    if call.axis("axis", 0, len(call.value(0).shape)) == samples_of(call.value(0)):
        raise Mixed("parts the samples")
    return samples_of(call.value(0))


def _gather(batch: Batch, call: Call) -> int:
    value, indices = call.value(0), call.value(1)
    axis = call.axis("axis", 0, len(value.shape))
    if value.samples is None:
        return axis + samples_of(indices)
    if indices.samples is not None or axis == value.samples:
        raise Mixed("takes some of the samples")
    return value.samples if value.samples < axis else value.samples + len(indices.shape) - 1


def _pad(batch: Batch, call: Call) -> int:
    value = call.value(0)
    samples = samples_of(value)
    if any(shapes.pad_pairs(call, len(value.shape))[samples]):
        raise Mixed("adds samples")
    return samples


def _resize(batch: Batch, call: Call) -> int:
    """Sizes or scales of all axes are on the batch what it is, or 1; else the operator is told that it resizes it."""
    value = call.value(0)
    samples, full = samples_of(value), batch.full(value)
    sizes = call.numbers(3) if call.opset >= 11 and call.has(3) else None
    axes = [axis % len(full) for axis in call.attributes.integers("axes") or range(len(full))]
    if sizes and samples in axes:
        if sizes[axes.index(samples)] != full[samples]:
            raise Mixed("resizes the batch")
        sizes[axes.index(samples)] = value.shape[samples]
        call.set_numbers(3, sizes)
    return samples


def _expand(batch: Batch, call: Call) -> int | None:
    """What is repeated for every sample is there once for one; a batch is the first axis."""
    value, sizes = call.value(0), call.numbers(1)
    if sizes is None:
        return value.samples
    rank = max(len(value.shape), len(sizes))
    place = None if value.samples is None else value.samples + rank - len(value.shape)
    own = value.shape[0] if len(value.shape) == rank else 1
    if place is None and sizes and len(sizes) == rank > 1 and sizes[0] == batch.count and own == 1:
        place = 0
        batch.note_repeated(value)
    if place is not None and place >= rank - len(sizes):
        share = sizes[place - rank + len(sizes)] // batch.count
        sizes = [max(share, 1) if axis == place - rank + len(sizes) else size for axis, size in enumerate(sizes)]
        call.set_numbers(1, sizes)
    return place


def _tile(batch: Batch, call: Call) -> int | None:
    value, times = call.value(0), call.numbers(1) or []
    if value.samples is None and len(times) > 1 and times[0] == batch.count and value.shape[0] == 1:
        call.set_numbers(1, [1, *times[1:]])
        batch.note_repeated(value)
        return 0
    if value.samples is not None and times[value.samples] != 1:
        raise Mixed("repeats the samples")
    return value.samples


def _constant_of_shape(batch: Batch, call: Call) -> int | None:
    sizes = call.numbers(0) or []
    if len(sizes) < 2 or sizes[0] != batch.count:
        return None
    call.set_numbers(0, [1, *sizes[1:]])
    return 0


Rule = Callable[[Batch, Call], Places]

RULES: dict[str, Rule] = {
    "Transpose": _turned,
    "Reshape": _reshape,
    "Flatten": lambda batch, call: _lands(batch, call, shapes.flat_shape(call, batch.full(call.value(0)))),
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
    "Expand": _expand,
    "Tile": _tile,
    "ConstantOfShape": _constant_of_shape,
}
