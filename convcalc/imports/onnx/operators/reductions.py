"""Axes taken together: means, sums, largest and smallest, and where these are."""

from __future__ import annotations

from functools import partial
from itertools import combinations

from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.reading import INT64
from convcalc.imports.onnx.values import Call, Value, from_front, own_axis, viewed
from convcalc.layers import Shape


def _reduced(call: Call, operation: str) -> Value:
    value = call.value(0)
    axes = reduced_axes(call, len(value.shape))
    return value if axes is None else _taken_together(call, value, axes, operation)


def _taken_together(call: Call, value: Value, axes: list[int], operation: str, **fields: bool) -> Value:
    keepdims = call.flag("keepdims", 1)
    if not value.shape:  # of a number alone there is nothing to take together
        axes, keepdims = [0], True
    batch = value.batch if value.batch not in axes else None
    if batch is None and len(value.shape) > 1 and value.shape[0] == 1 and 0 not in axes:
        batch = 0
    x = viewed(call.builder, value, batch)
    own = tuple(own_axis(axis, batch) for axis in axes)
    is_spatial = own == tuple(range(1, len(x.shape))) and batch == 0
    if is_spatial and operation in ("mean", "max"):
        keepdim = keepdims or len(own) == len(x.shape)
        y = call.layer("global_avg_pool" if operation == "mean" else "global_max_pool", {"keepdim": keepdim}, x)
    else:
        y = call.layer("reduce", {"axes": own, "operation": operation, "keepdim": keepdims, **fields}, x)
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(value.shape) if keepdims or axis not in axes)
    left = None if batch is None else batch - sum(axis < batch for axis in axes) * (not keepdims)
    if len(shape) < 2:
        return Value(shape, call.builder.reshaped(y, shape), None, None, value.element_type)
    return Value(shape, y, left, None, value.element_type)


def reduced_axes(call: Call, rank: int) -> list[int] | None:
    """The axes that a reduction takes together; None where it takes none and leaves the tensor as it is."""
    if "axes" not in call.attributes and call.is_computed(1):
        return _fitting_axes(call)
    axes = call.numbers(1, "axes")
    if not axes and call.flag("noop_with_empty_axes"):
        return None
    return sorted({from_front(axis, rank) for axis in axes or range(rank)})


def _fitting_axes(call: Call) -> list[int]:
    """Axes that another layer computes: the first that lead to the shape which the file declares."""
    before, after = call.value(0).shape, call.declared("axes")
    keepdims, count = call.flag("keepdims", 1), call.value(1).shape
    fitting = [
        axes
        for many in (range(len(before) + 1) if len(count) != 1 else count)
        for axes in combinations(range(len(before)), many)
        if _left(before, axes, keepdims=keepdims) == after
    ]
    if not fitting:
        raise Inexpressible(f"axes that another layer computes, of which none make {list(before)} {list(after)}")
    if len(fitting) > 1:
        call.note(f"takes axes together that are computed; of those that fit its shape {list(fitting[0])} are read")
    return list(fitting[0])


def _left(shape: Shape, axes: tuple[int, ...], *, keepdims: bool) -> Shape:
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape) if keepdims or axis not in axes)


def _place(call: Call, operation: str) -> Value:
    """Where the largest or the smallest is; its numbers are whole ones."""
    value = call.value(0)
    last = {"select_last_index": True} if call.flag("select_last_index") else {}
    y = _taken_together(call, value, [call.axis("axis", 0, len(value.shape))], operation, **last)
    return Value(y.shape, y.source, y.batch, None, INT64)


_OPERATIONS = {
    "Mean": "mean", "Sum": "sum", "Max": "max", "Min": "min", "Prod": "prod", "L1": "l1", "L2": "l2",
    "SumSquare": "sum_square", "LogSum": "log_sum", "LogSumExp": "log_sum_exp",
}  # fmt: skip

OPERATORS = {
    **{f"Reduce{name}": partial(_reduced, operation=operation) for name, operation in _OPERATIONS.items()},
    "ArgMax": partial(_place, operation="argmax"),
    "ArgMin": partial(_place, operation="argmin"),
}
