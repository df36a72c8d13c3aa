"""Functions of elements, of one tensor or of several that meet, and bounds, powers and slopes that are tensors."""

from __future__ import annotations

from functools import partial
from math import inf, prod

from msgspec.structs import replace

from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.constants import Constant, broadcast
from convcalc.imports.onnx.operators.activations import held, onto_itself
from convcalc.imports.onnx.operators.merges import meeting, merged
from convcalc.imports.onnx.reading import BOOL, FLOAT
from convcalc.imports.onnx.values import Call, Value, constant_value, viewed
from convcalc.imports.written_numbers import tidy


def _of_elements(call: Call, *values: Value, operation: str) -> Value:
    """Tensors that meet, in an operation; where none are given, all that enter."""
    drafts, batch = meeting(call, values or [call.value(index) for index in range(len(call.inputs))])
    return call.out(call.layer("elementwise", {"operation": operation}, *drafts), batch)


def _test(call: Call, operation: str) -> Value:
    return replace(_of_elements(call, operation=operation), element_type=BOOL)


def _where(call: Call) -> Value:
    return replace(_of_elements(call, operation="where"), element_type=call.value(1).element_type)


def _modulo(call: Call) -> Value:
    return _of_elements(call, operation="fmod" if call.flag("fmod") else "remainder")


def _shifted(call: Call) -> Value:
    direction = call.attributes.text("direction", "").lower()
    if direction not in ("left", "right"):
        raise Inexpressible(f"the direction {direction or 'that is not there'}, where LEFT or RIGHT is expected")
    return _of_elements(call, operation=f"bitwise_{direction}_shift")


def _is_infinite(call: Call) -> Value:
    """Infinite, of either sign or of one."""
    negative, positive = call.flag("detect_negative", 1), call.flag("detect_positive", 1)
    if negative and positive:
        return _test(call, "isinf")
    if not negative and not positive:
        raise Inexpressible("neither sign is looked for")
    infinite = constant_value(Constant((1,), FLOAT, (inf if positive else -inf,)))
    return replace(_of_elements(call, call.value(0), infinite, operation="equal"), element_type=BOOL)


def _clip(call: Call) -> Value:
    """Between two numbers it is an activation; else the larger of the tensor and a bound, then the smaller."""
    low, high = _bound(call, 1, "min"), _bound(call, 2, "max")
    least, most = _number(low, -inf), _number(high, inf)
    if least is not None and most is not None and least < most:
        return held(call, call.value(0), least, most)
    value = call.value(0)
    for kind, bound in (("max", low), ("min", high)):
        value = value if bound is None else merged(call, kind, [value, bound])
    return value


def _bound(call: Call, place: int, attribute: str) -> Value | None:
    """A bound that is an attribute, as in older opsets, or an input; None if it is neither."""
    if attribute in call.attributes:
        return constant_value(Constant((1,), FLOAT, (call.attributes.real(attribute),)))
    return call.value(place) if call.has(place) else None


def _number(bound: Value | None, where_none_is: float) -> float | None:
    """The number that a bound is; None where it is computed, or not in the file."""
    if bound is None:
        return where_none_is
    number = None if bound.constant is None else bound.constant.only_number
    return None if number is None else float(number)


def _power(call: Call) -> Value:
    """To the power of a number, or of a tensor."""
    x, exponents = call.value(0), call.value(1)
    number = None if exponents.constant is None else exponents.constant.only_number
    if not number or x.source is None or broadcast([x.shape, exponents.shape]) != x.shape:
        return _of_elements(call, x, exponents, operation="pow")
    exponent = tidy(float(number))
    return x if exponent == 1 else onto_itself(call, "pow", {"exponent": exponent})


def _prelu(call: Call) -> Value:
    """One slope, or one a channel, is an activation of its own."""
    value, slope = call.value(0), call.value(1)
    batch = 0 if value.shape[0] == 1 and len(value.shape) > 1 else value.batch
    channels = 1 if batch == 0 else 0
    count, rank = prod(slope.shape), len(value.shape)
    laid = (*(1,) * (rank - len(slope.shape)), *slope.shape)
    of_channels = tuple(size if axis == channels else 1 for axis, size in enumerate(value.shape))
    unlaid = slope.shape == of_channels[channels : channels + 1] and slope.shape[0] != value.shape[-1]
    if value.source is None or slope.constant is None or not (count == 1 or unlaid or laid == of_channels):
        if broadcast([value.shape, slope.shape]) != value.shape:
            raise Inexpressible(f"slopes of shape {list(slope.shape)} for a tensor of shape {list(value.shape)}")
        return _of_elements(call, value, slope, operation="prelu")
    x = viewed(call.builder, value, batch)
    arrays = {"weight": slope.constant}
    return call.out(call.layer("prelu", {"num_parameters": count}, x, arrays=arrays), batch)


def _mean(call: Call) -> Value:
    values = [call.value(index) for index in range(len(call.inputs))]
    if len(values) == 1:
        return values[0]
    total = merged(call, "add", values)
    return call.out(call.layer("affine", {"factor": 1 / len(values)}, total.draft), total.batch)


def _of_one_field(call: Call, kind: str, attributes: dict[str, tuple[str, float]]) -> Value:
    """An activation, each of whose fields is an attribute."""
    fields = {field: tidy(call.attributes.real(name, default)) for field, (name, default) in attributes.items()}
    return onto_itself(call, kind, fields)


_OF_ONE = (
    *("Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Erf", "Exp", "Floor", "Log"),
    *("Round", "Sign", "Sin", "Sinh", "Sqrt", "Tan"),
)
"""Operators that are called as the operation is."""

_TESTS = {
    "Equal": "equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "And": "logical_and",
    "Or": "logical_or",
    "Xor": "logical_xor",
}
_BITWISE = {"BitwiseAnd": "bitwise_and", "BitwiseOr": "bitwise_or", "BitwiseXor": "bitwise_xor"}

OPERATORS = {
    **{op: partial(onto_itself, kind="elementwise", fields={"operation": op.lower()}) for op in _OF_ONE},
    "BitwiseNot": partial(onto_itself, kind="elementwise", fields={"operation": "bitwise_not"}),
    "Not": partial(onto_itself, kind="elementwise", fields={"operation": "logical_not"}),
    "IsNaN": partial(onto_itself, kind="elementwise", fields={"operation": "isnan"}),
    "IsInf": _is_infinite,
    **{op: partial(_test, operation=operation) for op, operation in _TESTS.items()},
    **{op: partial(_of_elements, operation=operation) for op, operation in _BITWISE.items()},
    "BitShift": _shifted,
    "Mod": _modulo,
    "Where": _where,
    "Clip": _clip,
    "Pow": _power,
    "PRelu": _prelu,
    "Mean": _mean,
    "Shrink": partial(_of_one_field, kind="shrink", attributes={"lambd": ("lambd", 0.5), "bias": ("bias", 0.0)}),
    "ThresholdedRelu": partial(_of_one_field, kind="threshold", attributes={"threshold": ("alpha", 1.0)}),
}
