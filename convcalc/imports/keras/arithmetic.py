"""Functions that work something out: of elements, of axes, of matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite
from typing import Any

from convcalc.imports.errors import Inexpressible
from convcalc.imports.keras.functions import FunctionCall
from convcalc.imports.keras.layers import Leaves
from convcalc.imports.keras.layers.activations import named
from convcalc.imports.keras.layers.merges import merged
from convcalc.imports.layouts import OrderedTensor, as_it_lies, in_file_order

Rule = Callable[[FunctionCall], Leaves]


def _number(value: Any) -> float | None:
    """A number alone, however deep in lists; None for anything else."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return float(value) if is_number else None


def _pair(f: FunctionCall) -> tuple[Any, Any]:
    return f.given(0, "x", "x1", "a"), f.given(1, "y", "x2", "b")


def _constant(f: FunctionCall, value: Any) -> OrderedTensor:
    """Numbers in lists, of which only the shape matters."""
    shape: list[int] = []
    while isinstance(value, list) and len(shape) < 8:
        shape.append(len(value))
        value = value[0] if value else None
    if 0 in shape or not isinstance(value, int | float):
        raise Inexpressible("it is called with something that is no number")
    lead = len(shape) - len(f.call.x.order)
    sizes = shape[lead:] if lead > 0 and set(shape[:lead]) == {1} else shape
    return as_it_lies(f.call.constant(sizes))


def _tensors(f: FunctionCall, values: Sequence[Any]) -> list[OrderedTensor]:
    return [value if isinstance(value, OrderedTensor) else _constant(f, value) for value in values]


def _affine(f: FunctionCall, x: OrderedTensor, **fields: float) -> OrderedTensor:
    return OrderedTensor(f.call.layer("affine", fields, x.draft), x.order)


def _meeting(f: FunctionCall, kind: str) -> OrderedTensor:
    """Two that meet, of which one may be a number."""
    x, y = _pair(f)
    if not isinstance(x, OrderedTensor) and not isinstance(y, OrderedTensor):
        raise Inexpressible("no tensor enters it")
    number = _number(y) if isinstance(x, OrderedTensor) else _number(x)
    if number is None or kind in ("max", "min"):
        return _bounded(f, x, y, kind) if kind in ("max", "min") else merged(f.call, kind, _tensors(f, [x, y]))
    if isinstance(x, OrderedTensor):
        if kind == "div" and not number:
            raise Inexpressible("a division by 0")
        fields = {"add": {"addend": number}, "sub": {"addend": -number}, "mul": {"factor": number}}
        return _affine(f, x, **(fields[kind] if kind in fields else {"factor": 1 / number}))
    if kind == "div":
        return merged(f.call, kind, _tensors(f, [x, y]))
    return _affine(
        f, y, **{"add": {"addend": number}, "sub": {"factor": -1.0, "addend": number}}.get(kind, {"factor": number})
    )


def _bounded(f: FunctionCall, x: Any, y: Any, kind: str) -> OrderedTensor:
    tensor, other = (x, y) if isinstance(x, OrderedTensor) else (y, x)
    if kind == "max" and _number(other) == 0:
        return named(f.call, tensor, "relu")
    return merged(f.call, kind, _tensors(f, [x, y]))


def _of_two(f: FunctionCall, operation: str) -> OrderedTensor:
    x, y = _pair(f)
    drafts, order = f.call.met(_tensors(f, [x, y]))
    return OrderedTensor(f.call.layer("elementwise", {"operation": operation}, *drafts), order)


def _power(f: FunctionCall) -> OrderedTensor:
    x, y = _pair(f)
    exponent = _number(y)
    if exponent is None or not isinstance(x, OrderedTensor):
        return _of_two(f, "pow")
    return OrderedTensor(f.call.layer("pow", {"exponent": exponent}, x.draft), x.order)


def _to_power(f: FunctionCall, exponent: float) -> OrderedTensor:
    return OrderedTensor(f.call.layer("pow", {"exponent": exponent}, f.call.x.draft), f.call.x.order)


def _negative(f: FunctionCall) -> OrderedTensor:
    return _affine(f, f.call.x, factor=-1.0)


def _of_elements(f: FunctionCall, operation: str) -> OrderedTensor:
    x = f.call.x
    return OrderedTensor(f.call.layer("elementwise", {"operation": operation}, x.draft), x.order)


def _clip(f: FunctionCall) -> OrderedTensor:
    low = _number(f.given(1, "x_min", "clip_value_min", "min_value"))
    high = _number(f.given(2, "x_max", "clip_value_max", "max_value"))
    if low is None or high is None:
        raise Inexpressible("bounds that are no numbers")
    if (low, high) == (0, 6):
        return named(f.call, f.call.x, "relu6")
    x = f.call.x
    return OrderedTensor(f.call.layer("hard_tanh", {"min_val": low, "max_val": high}, x.draft), x.order)


def _activation(f: FunctionCall, name: str) -> OrderedTensor:
    return named(f.call, f.call.x, name)


def _softmax(f: FunctionCall, name: str) -> OrderedTensor:
    x, axis = f.call.x, f.given(1, "axis", default=-1)
    at = f.call.axis(axis, len(x.order))
    return OrderedTensor(f.call.layer(name, {"axis": x.order[at]}, x.draft), x.order)


def _leaky(f: FunctionCall) -> OrderedTensor:
    slope = _number(f.given(1, "negative_slope", "alpha", default=0.2))
    x = f.call.x
    return OrderedTensor(
        f.call.layer("leaky_relu", {"negative_slope": 0.2 if slope is None else slope}, x.draft), x.order
    )


def _reduced(f: FunctionCall, operation: str) -> OrderedTensor:
    """Axes taken together; those that are left stay in their order."""
    x, axis = f.call.x, f.given(1, "axis")
    rank = len(x.order)
    if axis is None:
        raise Inexpressible("the samples of a batch are taken together")
    if operation.startswith("arg") and isinstance(axis, list):
        raise Inexpressible("places along several axes")
    axes = f.call.axes(axis, rank)
    keeps = bool(f.given(2, "keepdims", "keep_dims", default=False))
    ours = sorted(x.order[at] for at in axes)
    is_map = not keeps and rank > 1 and x.order[-1] == 0 and ours == list(range(1, rank))
    if is_map and operation in ("mean", "max") and not f.call.lead:
        kind = "global_avg_pool" if operation == "mean" else "global_max_pool"
        return as_it_lies(f.call.layer(kind, {}, x.draft))
    y = f.call.layer("reduce", {"axes": ours, "operation": operation, "keepdim": keeps}, x.draft)
    if keeps:
        return OrderedTensor(y, x.order)
    left = [x.order[at] for at in range(rank) if at not in axes]
    order = tuple(sorted(left).index(axis) for axis in left)
    return OrderedTensor(y, order or (0,))


def _matmul(f: FunctionCall) -> OrderedTensor:
    x, y = f.given(0, "x1", "a"), f.given(1, "x2", "b")
    drafts = []
    for value, flag in ((x, "transpose_a"), (y, "transpose_b")):
        if not isinstance(value, OrderedTensor) or len(value.order) < 2:
            raise Inexpressible("a product with numbers of the config, or with a row of each sample")
        rank = len(value.order)
        turned = value.turned([*range(rank - 2), rank - 1, rank - 2]) if f.options.get(flag) is True else value
        drafts.append(in_file_order(f.call.builder, turned, f.call.origins))
    return as_it_lies(f.call.layer("matmul", {}, *drafts))


def _normalize(f: FunctionCall) -> OrderedTensor:
    x, axis = f.call.x, f.given(1, "axis", default=-1)
    at = f.call.axis(axis, len(x.order))
    return OrderedTensor(f.call.layer("normalize", {"axis": x.order[at]}, x.draft), x.order)


def _where(f: FunctionCall) -> OrderedTensor:
    values = [f.given(0, "condition"), f.given(1, "x", "x1"), f.given(2, "y", "x2")]
    drafts, order = f.call.met(_tensors(f, values))
    return OrderedTensor(f.call.layer("elementwise", {"operation": "where"}, *drafts), order)


def _one_hot(f: FunctionCall) -> OrderedTensor:
    classes, axis = f.given(1, "num_classes", "depth"), f.given(2, "axis", default=-1)
    if not isinstance(classes, int) or axis != -1:
        raise Inexpressible("an axis that is not the last")
    return as_it_lies(f.call.layer("one_hot", {"num_classes": classes}, f.call.in_order()))


_MEETING = {
    "add": "add", "add_v2": "add", "subtract": "sub", "sub": "sub", "multiply": "mul", "mul": "mul", "divide": "div",
    "div": "div", "real_div": "div", "maximum": "max", "minimum": "min",
}  # fmt: skip

_OF_TWO = ("greater", "greater_equal", "less", "less_equal", "equal", "logical_and", "logical_or", "logical_xor")

_OF_ELEMENTS = ("abs", "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "asin", "acos", "atan", "floor", "ceil",
                "round", "sign", "erf", "sqrt", "isnan", "isinf", "logical_not")  # fmt: skip

_ACTIVATIONS = ("relu", "relu6", "sigmoid", "tanh", "elu", "selu", "celu", "softplus", "softsign", "silu", "gelu",
                "mish", "hard_shrink", "soft_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "log_sigmoid",
                "tanh_shrink")  # fmt: skip

RULES: dict[str, Rule] = {
    **{name: partial(_meeting, kind=kind) for name, kind in _MEETING.items()},
    **{name: partial(_of_two, operation=name) for name in _OF_TWO},
    **{name: partial(_of_elements, operation=name) for name in _OF_ELEMENTS},
    **{name: partial(_activation, name=name) for name in _ACTIVATIONS},
    **{name: partial(_reduced, operation=name) for name in ("mean", "sum", "max", "min", "prod", "argmax", "argmin")},
    "absolute": partial(_of_elements, operation="abs"),
    "softmax": partial(_softmax, name="softmax"),
    "log_softmax": partial(_softmax, name="log_softmax"),
    "leaky_relu": _leaky,
    "power": _power,
    "square": partial(_to_power, exponent=2.0),
    "rsqrt": partial(_to_power, exponent=-0.5),
    "reciprocal": partial(_to_power, exponent=-1.0),
    "negative": _negative,
    "clip": _clip,
    "matmul": _matmul,
    "normalize": _normalize,
    "where": _where,
    "one_hot": _one_hot,
}
