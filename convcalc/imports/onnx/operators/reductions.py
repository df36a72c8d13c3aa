"""Axes taken together: means, sums, largest and smallest."""

from __future__ import annotations

from collections.abc import Callable

from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.values import Call, Value, from_front, own_axis, viewed


def _reduced(operation: str) -> Callable[[Call], Value]:
    def operator(call: Call) -> Value:
        value = call.value(0)
        axes = reduced_axes(call, len(value.shape))
        return value if axes is None else reduced(call, value, operation, axes, keepdims=call.flag("keepdims", 1))

    return operator


def reduced_axes(call: Call, rank: int) -> list[int] | None:
    """The axes that a reduction takes together; None where it takes none and leaves the tensor as it is."""
    axes = call.numbers(1, "axes")
    if not axes and call.flag("noop_with_empty_axes"):
        return None
    return sorted({from_front(axis, rank) for axis in axes or range(rank)})


def reduced(call: Call, value: Value, operation: str, axes: list[int], *, keepdims: bool) -> Value:
    """A value with axes taken together."""
    batch = value.batch if value.batch not in axes else None
    if batch is None and value.shape[0] == 1 and 0 not in axes:
        batch = 0
    x = viewed(call.builder, value, batch)
    own = tuple(own_axis(axis, batch) for axis in axes)
    keepdim = keepdims or len(own) == len(x.shape)
    spatial = own == tuple(range(1, len(x.shape))) and batch == 0
    if spatial and operation in ("mean", "max"):
        kind = {"mean": "global_avg_pool", "max": "global_max_pool"}[operation]
        y = call.layer(kind, {"keepdim": keepdim}, x)
    else:
        y = call.layer("reduce", {"axes": own, "operation": operation, "keepdim": keepdim}, x)
    shape = [1 if axis in axes else size for axis, size in enumerate(value.shape) if keepdims or axis not in axes]
    if not shape:
        raise Inexpressible("all elements of a tensor taken together, the batch among them")
    left = None if batch is None else batch - sum(axis < batch for axis in axes) * (not keepdims)
    if keepdim and not keepdims:
        y = call.builder.reshaped(y, (1,) if left is not None and len(shape) == 1 else tuple(shape))
        return Value(tuple(shape), y, None if len(shape) == 1 else left, None, value.element_type)
    return Value(tuple(shape), y, left, None, value.element_type)


OPERATORS = {
    "ReduceMean": _reduced("mean"),
    "ReduceSum": _reduced("sum"),
    "ReduceMax": _reduced("max"),
    "ReduceMin": _reduced("min"),
}
