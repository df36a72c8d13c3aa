"""Functions of elements, of one tensor or of several that meet, with numbers and with arrays of the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.layouts import OrderedTensor, arranged
from convcalc.imports.tflite import moving
from convcalc.imports.tflite.operators.activations import activated_value, held, onto_itself
from convcalc.imports.tflite.origins import is_norm, is_worked_out
from convcalc.imports.tflite.values import LiteCall, LiteConstant, LiteValue, drawn, laid, parameter
from convcalc.imports.written_numbers import factor_and_addend, tidy
from convcalc.layers import Shape


def met_with(call: LiteCall, values: Sequence[LiteValue]) -> tuple[list[Draft], tuple[int, ...], int | None]:
    """Drafts that meet element by element, the order of their axes in the file, and the batch that all leave out."""
    shape = _broadcast([value.shape for value in values])
    rank = len(shape)
    first = max(
        (value for value in values if value.tensor is not None), key=lambda value: len(value.shape), default=None
    )
    if first is None:
        raise Inexpressible("no tensor enters it")
    own = first.batch + rank - len(first.shape) if first.batch is not None else None
    batch = own if own is not None and shape[own] == 1 else None
    if batch is None and rank > 1 and shape[0] == 1:
        batch = 0
    lead = _aligned(call, first, rank, batch)
    order = lead.made.order
    drafts = [
        _parameter(call, value.constant, order, rank, batch)
        if value.constant is not None
        else arranged(call.builder, _aligned(call, value, rank, batch).made, order, call.origins)
        for value in values
    ]
    return drafts, order, batch


def _aligned(call: LiteCall, value: LiteValue, rank: int, batch: int | None) -> LiteValue:
    """The tensor with as many axes, new ones in front, without that one."""
    lacking = rank - len(value.shape)
    if lacking:
        value = moving.reshaped(call, value, (1,) * lacking + value.shape)
    return moving.aligned(call, value, batch)


def _parameter(call: LiteCall, constant: LiteConstant, order: tuple[int, ...], rank: int, batch: int | None) -> Draft:
    """A constant as it meets drafts of that order; ones at its end are left out."""
    shape = (1,) * (rank - len(constant.shape)) + constant.shape
    places = [axis for axis in range(rank) if axis != batch]
    axes = [places[order.index(place)] for place in range(len(places))]
    turned = constant.reshaped(shape).turned((*axes, *([batch] if batch is not None else [])))
    sizes = tuple(shape[axis] for axis in axes)
    while len(sizes) > 1 and sizes[-1] == 1:
        sizes = sizes[:-1]
    is_known = any(is_worked_out(tensor.name) for tensor in constant.tensors)
    is_known |= constant.is_zero and call.node.type == "MUL"
    return parameter(call, turned.reshaped(sizes), _role(call, constant), learned=False if is_known else None)


def _role(call: LiteCall, constant: LiteConstant) -> str:
    """What a person would call the array: the scale or the shift of a norm that was left as an operator of its own."""
    names = [*(tensor.name for tensor in constant.tensors), *(tensor.name for tensor in call.outputs)]
    if any(map(is_norm, names)):
        return {"MUL": "gamma", "ADD": "beta", "SUB": "beta"}.get(call.node.type, "")
    is_bias = call.node.type == "ADD" and len(constant.shape) == 1
    return "bias" if is_bias and any(_is_only_bias(value) for value in call.values if value is not None) else ""


def _broadcast(shapes: Sequence[Shape]) -> Shape:
    rank = max(map(len, shapes))
    sizes: list[int] = []
    for column in zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True):
        large = {size for size in column if size != 1}
        if len(large) > 1:
            raise Inexpressible(f"tensors of shapes {', '.join(str(list(shape)) for shape in shapes)}")
        sizes.append(*large or (1,))
    return tuple(sizes)


def _merged(call: LiteCall, kind: str, values: Sequence[LiteValue]) -> LiteValue:
    """Tensors and numbers brought together by a kind that does so."""
    for place, value in enumerate(values if len(values) == 2 else ()):
        made = _by_number(call, kind, value, values[1 - place], behind=place == 1)
        if made is not None:
            return made
    drafts, order, batch = met_with(call, values)
    return laid(OrderedTensor(call.layer(kind, {}, *drafts), order), batch)


def _by_number(call: LiteCall, kind: str, value: LiteValue, other: LiteValue, *, behind: bool) -> LiteValue | None:
    """The tensor `other` with a number, if that is all that `value` is and it makes the tensor no larger."""
    is_single = value.constant is not None and len(value.constant.numbers or ()) == 1
    number = value.constant.number if value.constant is not None and is_single else None
    if kind == "add" and value.shape and _is_only_bias(other):
        return None
    if number is None or other.tensor is None or _broadcast([value.shape, other.shape]) != other.shape:
        return None
    if kind in ("max", "min"):
        return held(call, other, float(number), inf) if kind == "max" else held(call, other, -inf, float(number))
    fields = factor_and_addend(kind, tidy(float(number)), behind=behind)
    if fields is None:
        return None
    if fields in ({"addend": 0.0}, {"factor": 1.0}):
        return other
    draft = moving.on_elements(call, "affine", fields, other.tensor.draft)
    return laid(OrderedTensor(draft, other.tensor.order), other.batch)


def _is_only_bias(other: LiteValue) -> bool:
    """Whether a number that is added is the bias of a layer with one output, left to the operator behind it."""
    if other.tensor is None:
        return False
    draft = other.tensor.draft
    axis = {"conv": 0, "conv_transpose": 0, "linear": -1}.get(draft.kind)
    return axis is not None and draft.shape[axis] == 1 and draft.fields.get("bias") is False


def _meeting(call: LiteCall, kind: str) -> LiteValue:
    values = [call.value(place) for place in range(len(call.values))]
    if len(values) == 1:
        return values[0]
    return activated_value(call, _merged(call, kind, values)) if call.node.activation else _merged(call, kind, values)


def _operation(call: LiteCall, name: str, *values: LiteValue) -> LiteValue:
    """Tensors that meet, in an operation; where none are given, all that enter."""
    drafts, order, batch = met_with(call, values or [call.value(place) for place in range(len(call.values))])
    return laid(OrderedTensor(call.layer("elementwise", {"operation": name}, *drafts), order), batch)


def _alone(call: LiteCall, name: str) -> LiteValue:
    return onto_itself(call, "elementwise", {"operation": name})


def _power(call: LiteCall) -> LiteValue:
    exponents = call.value(1).constant
    if exponents is not None and exponents.number is not None and call.value().tensor is not None:
        return onto_itself(call, "pow", {"exponent": tidy(float(exponents.number))})
    return _operation(call, "pow")


def _rsqrt(call: LiteCall) -> LiteValue:
    return onto_itself(call, "pow", {"exponent": -0.5})


def _squared_difference(call: LiteCall) -> LiteValue:
    difference = _merged(call, "sub", [call.value(0), call.value(1)])
    draft = call.layer("pow", {"exponent": 2.0}, difference.made.draft)
    return laid(OrderedTensor(draft, difference.made.order), difference.batch)


def _floor_div(call: LiteCall) -> LiteValue:
    quotient = _merged(call, "div", [call.value(0), call.value(1)])
    draft = call.layer("elementwise", {"operation": "floor"}, quotient.made.draft)
    return laid(OrderedTensor(draft, quotient.made.order), quotient.batch)


def _not_equal(call: LiteCall) -> LiteValue:
    equal = _operation(call, "equal")
    draft = call.layer("elementwise", {"operation": "logical_not"}, equal.made.draft)
    return laid(OrderedTensor(draft, equal.made.order), equal.batch)


def _select(call: LiteCall) -> LiteValue:
    """SELECT takes a condition of one axis as one of whole rows."""
    values = [call.value(place) for place in range(3)]
    condition, x = values[0].shape, values[1].shape
    if call.node.type == "SELECT" and len(condition) == 1 and len(x) > 1 and condition[0] == x[0]:
        values[0] = moving.reshaped(call, values[0], (*condition, *(1,) * (len(x) - 1)))
    return _operation(call, "where", *values)


def _zeros(call: LiteCall) -> LiteValue:
    value = drawn(call, call.value())
    draft = call.layer("affine", {"factor": 0.0}, value.made.draft)
    return laid(OrderedTensor(draft, value.made.order), value.batch)


_PLAIN = {
    "ABS": "abs", "CEIL": "ceil", "COS": "cos", "EXP": "exp", "FLOOR": "floor", "LOG": "log", "ROUND": "round",
    "SIGN": "sign", "SIN": "sin", "SQRT": "sqrt", "LOGICAL_NOT": "logical_not",
}  # fmt: skip
_OF_TWO = {
    "EQUAL": "equal", "GREATER": "greater", "GREATER_EQUAL": "greater_equal", "LESS": "less",
    "LESS_EQUAL": "less_equal", "LOGICAL_AND": "logical_and", "LOGICAL_OR": "logical_or", "FLOOR_MOD": "remainder",
    "BITWISE_XOR": "bitwise_xor", "RIGHT_SHIFT": "bitwise_right_shift",
}  # fmt: skip
_MEETING = {"ADD": "add", "SUB": "sub", "MUL": "mul", "DIV": "div", "MAXIMUM": "max", "MINIMUM": "min", "ADD_N": "add"}

OPERATORS: dict[str, Callable[[LiteCall], LiteValue | list[LiteValue]]] = {
    **{op: partial(_meeting, kind=kind) for op, kind in _MEETING.items()},
    **{op: partial(_alone, name=name) for op, name in _PLAIN.items()},
    **{op: partial(_operation, name=name) for op, name in _OF_TWO.items()},
    "NOT_EQUAL": _not_equal,
    "NEG": partial(onto_itself, kind="affine", fields={"factor": -1.0}),
    "SQUARE": partial(onto_itself, kind="pow", fields={"exponent": 2.0}),
    "RSQRT": _rsqrt,
    "POW": _power,
    "SQUARED_DIFFERENCE": _squared_difference,
    "FLOOR_DIV": _floor_div,
    "SELECT": _select,
    "SELECT_V2": _select,
    "ZEROS_LIKE": _zeros,
}
