"""Axes taken together: means, sums, largest and smallest."""

from __future__ import annotations

from functools import partial

from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.values import Call, Value, from_front, own_axis, viewed


def _reduced(call: Call, operation: str) -> Value:
    value, keepdims = call.value(0), call.flag("keepdims", 1)
    axes = reduced_axes(call, len(value.shape))
    if axes is None:
        return value
    batch = value.batch if value.batch not in axes else None
    if batch is None and value.shape[0] == 1 and 0 not in axes:
        batch = 0
    x = viewed(call.builder, value, batch)
    own = tuple(own_axis(axis, batch) for axis in axes)
    keepdim = keepdims or len(own) == len(x.shape)
    is_spatial = own == tuple(range(1, len(x.shape))) and batch == 0
    if is_spatial and operation in ("mean", "max"):
        y = call.layer("global_avg_pool" if operation == "mean" else "global_max_pool", {"keepdim": keepdim}, x)
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


def reduced_axes(call: Call, rank: int) -> list[int] | None:
    """The axes that a reduction takes together; None where it takes none and leaves the tensor as it is."""
    axes = call.numbers(1, "axes")
    if not axes and call.flag("noop_with_empty_axes"):
        return None
    return sorted({from_front(axis, rank) for axis in axes or range(rank)})


_OPERATIONS = ("mean", "sum", "max", "min")

OPERATORS = {f"Reduce{operation.title()}": partial(_reduced, operation=operation) for operation in _OPERATIONS}
