"""Moving elements without computing any: what the shape operators do, to constants and to layers alike.

What is done to a constant gives a constant, what is done to a layer's tensor gives layers. Operators are written in
these terms (see `operators.shapes`), so that each is there once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import prod

from convcalc.imports.arrays import checked
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.values import Call, Value, constant_value, laid_out, own_axis, viewed, without
from convcalc.layers import Shape

MOST_PARTS = 64
"""Places of an axis, in no order, that are cut out of a layer's tensor one by one; copies of one laid end to end."""


def reshaped(call: Call, value: Value, shape: Shape) -> Value:
    """The same elements in another shape; the batch is where it was, if an axis of 1 is there."""
    shape = checked(shape)
    if prod(shape) != prod(value.shape):
        raise Inexpressible(f"shape {list(value.shape)} made {list(shape)}, which has another number of elements")
    if value.constant is not None:
        return constant_value(constants.reshaped(value.constant, shape))
    return _laid(call, value.draft, shape, _landed(value, shape))


def _laid(call: Call, x: Draft, shape: Shape, batch: int | None) -> Value:
    """A layer's tensor in a shape of as many elements, in which an axis is the batch."""
    draft = call.builder.reshaped(x, without(shape, batch), (call.node,))
    return Value(shape, draft, batch, None, call.element_type)


def _landed(value: Value, shape: Shape) -> int | None:
    """The axis of 1 that is the batch: the first, or the one with as many elements before it as there were."""
    if len(shape) < 2:
        return None
    if shape[0] == 1:
        return 0
    if value.batch is None:
        return None
    before = prod(value.shape[: value.batch])
    return next((axis for axis, size in enumerate(shape) if size == 1 and prod(shape[:axis]) == before), None)


def rearranged(call: Call, value: Value, order: Sequence[int | None]) -> Value:
    """Axes in another order, some of one position gone, some new (None)."""
    shape = tuple(1 if axis is None else value.shape[axis] for axis in order)
    left = [axis for axis in order if axis is not None]
    if value.constant is not None:
        gone = [axis for axis in range(len(value.shape)) if axis not in left]
        return constant_value(constants.reshaped(constants.transposed(value.constant, [*left, *gone]), checked(shape)))
    batch = 0 if shape[:1] == (1,) and len(shape) > 1 else None
    if value.batch is not None and value.batch in order and len(shape) > 1:
        batch = order.index(value.batch)
    named = [axis for place, axis in enumerate(order) if axis is not None and (place != batch or len(shape) == 1)]
    large = [axis for axis in named if value.shape[axis] > 1]
    if large == sorted(large):
        return _laid(call, value.draft, shape, batch)
    x, kept = value.draft, [axis for axis in range(len(value.shape)) if axis != value.batch]
    named = [axis for axis in named if axis != value.batch]
    if len(named) < len(kept):
        kept = [axis for axis in kept if axis in named]
        x = call.builder.reshaped(x, tuple(value.shape[axis] for axis in kept), (call.node,))
    turned = call.layer("permute", {"axes": tuple(kept.index(axis) for axis in named)}, x)
    return _laid(call, turned, shape, batch)


def cut(call: Call, value: Value, ranges: Mapping[int, range]) -> Value:
    """Of some axes a range of places."""
    if value.constant is not None:
        every = [ranges.get(axis, range(size)) for axis, size in enumerate(value.shape)]
        return constant_value(constants.sliced(value.constant, every))
    for axis, places in ranges.items():
        value = _taken(call, value, axis, places) if value.constant is None else cut(call, value, {axis: places})
    return value


def gathered(call: Call, value: Value, indices: Constant, axis: int) -> Value:
    """Places of an axis, named by an array of them, whose shape takes the axis' place."""
    if value.constant is not None:
        return constant_value(constants.gathered(value.constant, indices, axis))
    places = constants.places_of(indices, value.shape[axis])
    if len(places) > MOST_PARTS and constants.regular(places) is None and len(_runs(places)) > MOST_PARTS:
        return by_indices(call, value, constant_value(indices), axis)
    taken = _taken(call, value, axis, places)
    shape = (*value.shape[:axis], *indices.shape, *value.shape[axis + 1 :])
    return taken if shape == taken.shape else reshaped(call, taken, shape)


def by_indices(call: Call, value: Value, indices: Value, axis: int) -> Value:
    """Places of an axis that are known only when the model runs, or of which there are many; their shape is its."""
    batch = value.batch if value.batch != axis else None
    x = viewed(call.builder, value, batch)
    shape = checked((*value.shape[:axis], *indices.shape, *value.shape[axis + 1 :]))
    chosen = call.layer("gather", {"axes": (own_axis(axis, batch),)}, x, of_places(call, indices, value.shape[axis]))
    landing = batch if batch is None or batch < axis else batch + len(indices.shape) - 1
    if landing is None and indices.batch is not None:
        landing = axis + indices.batch
    return laid_out(call, chosen, shape, landing)


def of_places(call: Call, indices: Value, size: int) -> Draft:
    """Indices of an axis. Held to the places that it has they say the same, as all of them must be among these."""
    if indices.source is None:
        return viewed(call.builder, indices, None)
    draft = indices.source
    bounds = draft.fields.get("min_val"), draft.fields.get("max_val")
    return draft.inputs[0] if draft.kind == "hard_tanh" and bounds == (-size, size - 1) else draft


def _taken(call: Call, value: Value, axis: int, places: Sequence[int]) -> Value:
    """Places of an axis: a range of them is a slice; others are cut out, neighbours together, and laid end to end.

    Of none, what is left holds nothing and is a constant.
    """
    if not places:
        return constant_value(Constant((*value.shape[:axis], 0, *value.shape[axis + 1 :]), value.element_type, ()))
    even = constants.regular(places)
    if even is not None and even.step > 0:
        return _sliced(call, value, axis, even)
    runs = _runs(places)
    if len(runs) > MOST_PARTS:
        return by_indices(call, value, constant_value(constants.whole(places)), axis)
    return joined(call, [_sliced(call, value, axis, run) for run in runs], axis)


def _runs(places: Sequence[int]) -> list[range]:
    """Places as ranges of neighbours: two for an axis that is moved round."""
    runs: list[range] = []
    for place in places:
        if runs and place == runs[-1].stop:
            runs[-1] = range(runs[-1].start, place + 1)
        else:
            runs.append(range(place, place + 1))
    return runs


def _sliced(call: Call, value: Value, axis: int, places: range) -> Value:
    if places == range(value.shape[axis]):
        return value
    batch = value.batch if axis != value.batch else None
    x = viewed(call.builder, value, batch)
    fields = {"axis": own_axis(axis, batch), "start": places.start, "step": places.step}
    if places[-1] + places.step < value.shape[axis] or (places[-1] + 1 < value.shape[axis] and places.step == 1):
        fields["end"] = places[-1] + 1
    return call.out(call.layer("slice", fields, x), batch)


def parted(call: Call, value: Value, axis: int, sizes: Sequence[int]) -> list[Value]:
    """All of an axis in parts of these sizes."""
    if value.source is not None and len(set(sizes)) == 1 and axis != value.batch and len(sizes) > 1:
        x = viewed(call.builder, value, value.batch)
        fields = {"sections": len(sizes), "axis": own_axis(axis, value.batch)}
        return [call.out(call.layer("split", {**fields, "part": part}, x), value.batch) for part in range(len(sizes))]
    ends = list(accumulate(sizes))
    return [cut(call, value, {axis: range(end - size, end)}) for end, size in zip(ends, sizes, strict=True)]


def joined(call: Call, values: Sequence[Value], axis: int) -> Value:
    """Laid end to end; a tensor that holds nothing adds nothing."""
    values = [value for value in values if 0 not in value.shape] or values
    beside = {(*value.shape[:axis], *value.shape[axis + 1 :]) for value in values}
    if len(beside) > 1:
        shapes = " and ".join(dict.fromkeys(str(list(value.shape)) for value in values))
        raise Inexpressible(f"shapes {shapes} that do not fit end to end on axis {axis}")
    parts = [value.constant for value in values if value.constant is not None]
    if len(parts) == len(values):
        return constant_value(constants.concatenated(parts, axis))
    batch = next((value.batch for value in values if value.source is not None), None)
    if batch == axis or any(batch is None or value.shape[batch] != 1 for value in values):
        batch = 0 if axis != 0 and all(value.shape[0] == 1 for value in values) else None
    drafts = [viewed(call.builder, value, batch) for value in values]
    joint = drafts[0] if len(drafts) == 1 else call.layer("concat", {"axis": own_axis(axis, batch)}, *drafts)
    return call.out(joint, batch)


def spread(call: Call, value: Value, shape: Shape) -> Value:
    """Axes of one position repeated; of a layer's tensor the nearest position of a map that is made larger."""
    if value.constant is not None:
        return constant_value(constants.expanded(value.constant, checked(shape)))
    batch = 0 if len(shape) > 1 and shape[0] == 1 else None
    x, own = viewed(call.builder, value, batch, len(shape)), without(shape, batch)
    if x.shape == own:
        return Value(shape, x, batch, None, value.element_type)
    if x.shape[0] != own[0]:
        x = call.builder.reshaped(x, (1, *x.shape), (call.node,))
        larger = call.builder.reshaped(call.layer("upsample", {"size": own}, x), own, (call.node,))
    else:
        larger = call.layer("upsample", {"size": own[1:]}, x)
    return Value(shape, larger, batch, None, value.element_type)


def tiled(call: Call, value: Value, times: Sequence[int]) -> Value:
    """Laid end to end with itself, so many times on each axis."""
    if value.constant is not None:
        return constant_value(constants.tiled(value.constant, times))
    if min(times, default=1) < 1:
        raise Inexpressible(f"repeats {list(times)}")
    for axis, time in enumerate(times):
        if time > MOST_PARTS:
            value = _repeated(call, value, axis, time)
        elif time > 1:
            value = joined(call, [value] * time, axis)
    return value


def _repeated(call: Call, value: Value, axis: int, times: int) -> Value:
    """Laid end to end with itself along an axis, by an axis before it that is made larger."""
    before, behind = value.shape[:axis], value.shape[axis:]
    longer = checked((*before, times * behind[0], *behind[1:]))
    larger = spread(call, reshaped(call, value, (*before, 1, *behind)), (*before, times, *behind))
    return reshaped(call, larger, longer)
