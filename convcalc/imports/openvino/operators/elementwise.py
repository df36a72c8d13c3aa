"""Functions of elements, of one tensor or of several that meet."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from convcalc.imports.onnx.reading import FLOAT, FLOATING
from convcalc.imports.openvino.operators import IrRule
from convcalc.imports.openvino.rounding import rounded_by

if TYPE_CHECKING:
    from convcalc.imports.openvino.translation import IrCall

_ASSUMED = "take numbers of the .bin, which is not read, for what they usually are"


def _function(op: str, **attributes: Any) -> IrRule:
    return lambda call: call.leaves(op, call.tensor(), **attributes)


def _binary(call: IrCall, op: str) -> None:
    if call.layer.number in call.translation.passed:
        return
    call.leaves(op, call.tensor(0), call.tensor(1))


def _negated(call: IrCall) -> None:
    call.leaves("Not", call.node("Equal", call.tensor(0), call.tensor(1)))


def _squared_difference(call: IrCall) -> None:
    difference = call.node("Sub", call.tensor(0), call.tensor(1))
    call.leaves("Mul", difference, difference)


def _clamp(call: IrCall) -> None:
    bounds = [call.constant([call.real(name)], (), FLOAT) for name in ("min", "max")]
    call.leaves("Clip", call.tensor(), *bounds)


def _swish(call: IrCall) -> None:
    if call.has(1):
        call.note(_ASSUMED)
    call.leaves("Swish", call.tensor())


def _assumed(call: IrCall, op: str) -> None:
    call.note(_ASSUMED)
    call.leaves(op, call.tensor())


def _prelu(call: IrCall) -> None:
    """One slope for all is that of a leaky ReLU, which nobody learned; it is not known what number it is."""
    if not call.is_constant(1):
        call.leaves("PRelu", call.tensor(0), call.tensor(1))
        return
    slope = call.shape(1)
    if prod(slope) == 1:
        call.note(_ASSUMED)
        call.leaves("LeakyRelu", call.tensor())
        return
    rank, weight = len(call.dims()), call.learned(1)
    if len(slope) == 1 and rank > 1 and call.dims()[1] == slope[0]:  # one a channel, wherever channels are
        weight = call.node("Reshape", weight, call.constant([slope[0], *[1] * (rank - 2)]))
    call.leaves("PRelu", call.tensor(), weight)


def _gelu(call: IrCall) -> None:
    approximate = "tanh" if call.text("approximation_mode").upper() == "TANH" else "none"
    call.leaves("Gelu", call.tensor(), approximate=approximate)


def _cast(call: IrCall) -> None:
    kind = call.translation.element_type(call.outputs[0])
    if kind in FLOATING and call.element_type() in FLOATING:
        call.leaves("Identity", call.tensor())
        return
    call.leaves("Cast", call.tensor(), to=kind)


def _select(call: IrCall) -> None:
    call.leaves("Where", *(call.tensor(place) for place in range(3)))


def _softmax(call: IrCall, op: str) -> None:
    call.leaves(op, call.tensor(), axis=call.integer("axis", 1))


def _rounded(call: IrCall) -> None:
    """The tensor as it is: to how many bits it is rounded is a matter of formats."""
    call.translation.rounded[call.tensor()] = rounded_by(call.layer)
    call.leaves("Identity", call.tensor())


def _glu(call: IrCall) -> None:
    """Two halves, one of them through a function, multiplied: `Swish` or `Gelu`."""
    axis = call.integer("axis", -1)
    halves = [f"{call.outputs[0]}/{side}" for side in ("left", "right")]
    call.nodes("Split", [call.tensor()], halves, axis=axis, num_outputs=2)
    bent = call.node("Swish" if "swish" in call.text("glu_type", "Swish").lower() else "Gelu", halves[0])
    call.leaves("Mul", bent, halves[1])


_UNARY = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "abs": "Abs",
    "ceiling": "Ceil", "floor": "Floor", "negative": "Neg", "sign": "Sign", "sin": "Sin", "cos": "Cos", "tan": "Tan",
    "sinh": "Sinh", "cosh": "Cosh", "asin": "Asin", "acos": "Acos", "atan": "Atan", "asinh": "Asinh",
    "acosh": "Acosh", "atanh": "Atanh", "erf": "Erf", "softplus": "Softplus", "softsign": "Softsign",
    "hswish": "HardSwish", "mish": "Mish", "round": "Round", "logicalnot": "Not", "isnan": "IsNaN",
    "bitwisenot": "BitwiseNot", "isinf": "IsInf", "identity": "Identity",
}  # fmt: skip
_PAIRS = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "power": "Pow", "maximum": "Max",
    "minimum": "Min", "mod": "Mod", "floormod": "Mod", "equal": "Equal", "greater": "Greater",
    "greaterequal": "GreaterOrEqual", "less": "Less", "lessequal": "LessOrEqual", "logicaland": "And",
    "logicalor": "Or", "logicalxor": "Xor", "bitwiseand": "BitwiseAnd", "bitwiseor": "BitwiseOr",
    "bitwisexor": "BitwiseXor",
}  # fmt: skip

RULES = {
    **{name: _function(op) for name, op in _UNARY.items()},
    **{name: partial(_binary, op=op) for name, op in _PAIRS.items()},
    "notequal": _negated,
    "squareddifference": _squared_difference,
    "clamp": _clamp,
    "swish": _swish,
    "hsigmoid": _function("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hardsigmoid": partial(_assumed, op="HardSigmoid"),
    "selu": partial(_assumed, op="Selu"),
    "elu": lambda call: call.leaves("Elu", call.tensor(), alpha=call.real("alpha", 1.0)),
    "prelu": _prelu,
    "gelu": _gelu,
    "glu": _glu,
    **dict.fromkeys(("convert", "convertlike"), _cast),
    "select": _select,
    "softmax": partial(_softmax, op="Softmax"),
    "logsoftmax": partial(_softmax, op="LogSoftmax"),
    "fakequantize": _rounded,
    "fakeconvert": _rounded,
}
