"""Axes taken together: means, sums, largest and smallest, and where these are."""

from __future__ import annotations

from functools import partial

from convcalc.imports.errors import Inexpressible
from convcalc.imports.layouts import OrderedTensor, channels_last
from convcalc.imports.tflite import moving
from convcalc.imports.tflite.values import LiteCall, LiteValue, drawn, from_front, laid


def _reduced(call: LiteCall, operation: str) -> LiteValue:
    value = drawn(call, call.value())
    axes = sorted({from_front(axis, len(value.shape)) for axis in call.numbers(1)})
    return _together(call, value, axes, operation, keeps=bool(call.option("keep_dims"))) if axes else value


def _together(call: LiteCall, value: LiteValue, axes: list[int], operation: str, *, keeps: bool) -> LiteValue:
    if not value.shape:
        raise Inexpressible("a number alone")
    if value.batch in axes and any(value.shape[axis] > 1 for axis in axes):
        axes = [axis for axis in axes if axis != value.batch]
        made = _together(call, value, axes, operation, keeps=True)
        return made if keeps else moving.reshaped(call, made, _left(value.shape, [*axes, value.batch or 0]))
    if value.batch in axes:
        value = moving.kept(call, value)
    tensor = value.made
    rank = len(tensor.draft.shape)
    drawn_axes = tuple(sorted(value.drawn(axis) for axis in axes))
    is_map = tensor.order == channels_last(rank)
    is_spatial = is_map and value.batch == 0 and drawn_axes == tuple(range(1, rank)) and operation in ("mean", "max")
    if is_spatial:
        kind = "global_avg_pool" if operation == "mean" else "global_max_pool"
        draft = call.layer(kind, {"keepdim": True} if keeps else {}, tensor.draft)
    else:
        fields = {"axes": drawn_axes, "operation": operation, "keepdim": keeps}
        draft = call.layer("reduce", fields, tensor.draft)
    if keeps:
        return laid(OrderedTensor(draft, tensor.order), value.batch)
    left = [place for axis, place in enumerate(tensor.order) if place not in drawn_axes]
    order = tuple(sorted(left).index(place) for place in left)
    batch = value.batch
    if batch is not None:
        batch -= sum(axis < batch for axis in axes)
    made = laid(OrderedTensor(draft, order), batch)
    return moving.aligned(call, made, 0) if len(made.shape) > 1 and made.shape[0] == 1 else made


def _left(shape: tuple[int, ...], axes: list[int]) -> tuple[int, ...]:
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def _place(call: LiteCall, operation: str) -> LiteValue:
    value = drawn(call, call.value())
    axis = from_front(call.numbers(1)[0], len(value.shape))
    return _together(call, value, [axis], operation, keeps=False)


_OPERATIONS = {
    "MEAN": "mean", "SUM": "sum", "REDUCE_PROD": "prod", "REDUCE_MAX": "max", "REDUCE_MIN": "min", "REDUCE_ANY": "max",
    "REDUCE_ALL": "min",
}  # fmt: skip

OPERATORS = {
    **{op: partial(_reduced, operation=operation) for op, operation in _OPERATIONS.items()},
    "ARG_MAX": partial(_place, operation="argmax"),
    "ARG_MIN": partial(_place, operation="argmin"),
}
