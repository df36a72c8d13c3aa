"""Places of an axis that another tensor says for each sample or as a mask: Compress, ReverseSequence, TensorScatter."""

from __future__ import annotations

from math import prod

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import constants, moving
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.values import Call, Value, from_front, parameter, viewed


def _compressed(call: Call) -> Value:
    """The places at which a mask is set, which must be known; without an axis those of all elements in a row."""
    value, mask = call.value(0), call.constant(1, "a condition").integers()
    axis = 0
    if "axis" in call.attributes:
        axis = call.axis("axis", 0, len(value.shape))
    else:
        value = moving.reshaped(call, value, (prod(value.shape),))
    if len(mask) > value.shape[axis]:
        raise Inexpressible(f"a condition of {len(mask)} places for an axis of {value.shape[axis]}")
    return moving.gathered(call, value, constants.whole([place for place, taken in enumerate(mask) if taken]), axis)


def _ramp(call: Call, count: int) -> Draft:
    """0, 1, 2 and so on, the same for every sample."""
    return parameter(call.builder, constants.whole(range(count), (1, count)), (1, count))


def _of_samples(call: Call, index: int, samples: int) -> Draft:
    """An input of one number a sample, which the places of each are laid out behind."""
    value = call.value(index)
    if value.shape != (samples,):
        raise Inexpressible(f"numbers of shape {list(value.shape)} for {samples} samples")
    return call.builder.reshaped(viewed(call.builder, value, None), (samples, 1))


def _in_front(call: Call, index: int, axes: tuple[int, int]) -> tuple[Draft, list[int]]:
    """A tensor with two axes put in front of the others, and the order that does so."""
    x = viewed(call.builder, call.value(index), None)
    order = [*axes, *(axis for axis in range(len(x.shape)) if axis not in axes)]
    return _turned(call, x, order), order


def _turned(call: Call, x: Draft, order: list[int]) -> Draft:
    return x if order == sorted(order) else call.layer("permute", {"axes": tuple(order)}, x)


def _reversed(call: Call) -> Value:
    """The first steps of each sample from the last to the first, as many as a tensor says; the others stay."""
    value = call.value(0)
    rank = len(value.shape)
    samples, steps = call.axis("batch_axis", 1, rank), call.axis("time_axis", 0, rank)
    x, order = _in_front(call, 0, (samples, steps))
    count, length = x.shape[:2]
    lengths, ramp = _of_samples(call, 1, count), _ramp(call, length)
    turned = call.layer("sub", {}, call.layer("affine", {"addend": -1.0}, lengths), ramp)
    is_within = call.layer("elementwise", {"operation": "less"}, ramp, lengths)
    places = call.layer("elementwise", {"operation": "where"}, is_within, turned, ramp)
    indices = call.builder.reshaped(places, (count, length, 1))
    y = call.layer("gather", {"axes": (1,), "indices": "points"}, x, indices)
    return call.out(_turned(call, y, [order.index(axis) for axis in range(rank)]), None)


def _written(call: Call) -> Value:
    """What is kept of former steps, with new ones written into it, for each sample from a place of its own."""
    value, update = call.value(0), call.value(1)
    rank, mode = len(value.shape), call.attributes.text("mode", "linear")
    axis = from_front(call.attributes.integer("axis", -2), rank)
    if axis == 0 or mode not in ("linear", "circular"):
        raise Inexpressible(f"mode {mode} along axis {axis}")
    if len(update.shape) != rank:
        raise Inexpressible(f"an update of shape {list(update.shape)} for a tensor of shape {list(value.shape)}")
    x, order = _in_front(call, 0, (0, axis))
    updates, _ = _in_front(call, 1, (0, axis))
    samples, length = updates.shape[:2]
    places = _ramp(call, length)
    if call.has(2):
        places = call.layer("add", {}, _of_samples(call, 2, samples), places)
    else:
        places = parameter(call.builder, constants.whole([*range(length)] * samples, (samples, length)), places.shape)
    if mode == "circular":
        size = parameter(call.builder, Constant((1,), worked_out=(x.shape[1],)), (1,))
        places = call.layer("elementwise", {"operation": "remainder"}, places, size)
    indices = call.builder.reshaped(places, (samples, length, 1))
    y = call.layer("scatter", {"axes": (1,), "indices": "points"}, x, indices, updates)
    return call.out(_turned(call, y, [order.index(axis) for axis in range(rank)]), None)


OPERATORS = {"Compress": _compressed, "ReverseSequence": _reversed, "TensorScatter": _written}
