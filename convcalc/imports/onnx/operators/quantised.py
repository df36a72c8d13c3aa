"""Operators on numbers that were rounded to few bits, as the layers of real numbers that they stand for.

Scales and zero points are no parameters; a weight of few bits is one. What brings the products of whole numbers back
to scale is taken out before (see `onnx.rounding`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import NamedTuple

from msgspec.structs import replace

from convcalc.imports.elements import all_of
from convcalc.imports.errors import Inexpressible
from convcalc.imports.makings import ABSENT, Making, made, unmade
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.reading import FLOAT
from convcalc.imports.onnx.restating import channels_first, channels_last, optional, restated
from convcalc.imports.onnx.values import Call, Value, constant_value


def _rounded(call: Call, value: Value, scale: int) -> Value:
    """What is rounded at the end, by the scale at this place and the zero point behind it."""
    if not call.has(scale):
        return value
    return restated(call, "QuantizeLinear", value, call.value(scale), optional(call, scale + 1))


class _Scale(NamedTuple):
    """Where a node has the scale and zero point of an input; `axis` is what has one for each of its places."""

    scale: int
    zero: int
    axis: int


def _weight(call: Call, place: int, of: _Scale | None = None) -> Value:
    """A weight, or what takes its place, as real numbers: those that its scale makes of it, where the node has that."""
    value = call.value(place)
    if value.constant is None:
        return value
    behind = unmade("rounded to few bits, and brought back to scale behind the product", value.shape)
    derived = behind if of is None else _real(call, value.constant, of) or behind
    return constant_value(replace(value.constant, element_type=FLOAT, derived=derived))


def _real(call: Call, weight: Constant, of: _Scale) -> Making | None:
    """How the real numbers of a weight are made; None where its scale is computed."""
    beside = [optional(call, place) for place in (of.scale, of.zero)]
    if beside[0] is None or any(value is not None and value.constant is None for value in beside):
        return None
    scale, zero = (ABSENT if value is None or value.constant is None else value.constant.making for value in beside)
    return made("DequantizeLinear", [weight.making, scale, zero], weight.shape, {"axis": of.axis})


def _bias(call: Call, place: int, *scales: int) -> Value | None:
    """A bias in whole numbers, whose scale is the product of those of what enters and of the weight."""
    value = optional(call, place)
    if value is None or value.constant is None:
        return value
    factors = [call.value(scale).constant for scale in scales]
    making: Making | None = made("Cast", [value.constant.making], value.shape, {"to": FLOAT})
    for factor in factors:
        flat = None if factor is None else made("reshaped", [factor.making], (prod(factor.shape),))
        making = made("Mul", [making, flat], value.shape)
    derived = making or unmade("rounded to few bits by a scale that is computed", value.shape)
    return constant_value(replace(value.constant, element_type=FLOAT, derived=derived))


def _conv(call: Call) -> Value:
    x = call.value(0)
    weight, bias = _weight(call, 3, _Scale(4, 5, 0)), _bias(call, 8, 1, 4)
    if not call.flag("channels_last"):
        return _rounded(call, restated(call, "Conv", x, weight, bias), 6)
    y = restated(call, "Conv", channels_first(call, x), weight, bias)
    return channels_last(call, _rounded(call, y, 6))


def _gemm(call: Call) -> Value:
    weight = _weight(call, 3, _Scale(4, 5, 0 if call.flag("transB") else 1))
    return _rounded(call, restated(call, "Gemm", call.value(0), weight, _bias(call, 6, 1, 4)), 7)


def _matmul(call: Call) -> Value:
    return _rounded(call, restated(call, "MatMul", call.value(0), _weight(call, 3, _Scale(4, 5, -1))), 6)


def _product(call: Call, op: str, bias: int = -1, of: _Scale | None = None) -> Value:
    """A product that leaves as real numbers, and what is added to its features."""
    y = restated(call, op, call.value(0), _weight(call, 1, of))
    return y if bias < 0 or not call.has(bias) else restated(call, "Add", y, call.value(bias))


def _dynamically(call: Call) -> list[Value]:
    """What is rounded by a scale of its own; the scale and the zero point are numbers that are not known."""
    unknown = constant_value(Constant((), FLOAT))
    return [call.value(0), unknown, unknown]


def _few_bits(call: Call) -> Value:
    """A product with a matrix that is packed into blocks of few bits: [features, entering] numbers once unpacked."""
    packed = call.constant(1, "a weight")
    shape = (call.attributes.integer("N"), call.attributes.integer("K"))
    if min(shape) < 1:
        raise Inexpressible(f"a weight of shape {list(shape)}")
    elements = all_of(packed.made_of[0], shape) if packed.made_of else None
    derived = unmade(f"packed into few bits for {call.node.operator}", shape)
    weight = Constant(shape, FLOAT, None, packed.made_of, None, elements, derived=derived)
    columns = restated(call, "Transpose", constant_value(weight), perm=[1, 0])
    y = restated(call, "MatMul", call.value(0), columns)
    return restated(call, "Add", y, call.value(5)) if call.has(5) else y


def _meeting(op: str) -> Callable[[Call], Value]:
    return lambda call: restated(call, op, call.value(0), call.value(3))


def _alone(op: str) -> Callable[[Call], Value]:
    """One tensor, with the channels behind the positions where the node says so."""

    def read(call: Call) -> Value:
        if not call.flag("channels_last"):
            return restated(call, op, call.value(0))
        return channels_last(call, restated(call, op, channels_first(call, call.value(0))))

    return read


def _concat(call: Call) -> Value:
    return restated(call, "Concat", *(call.value(place) for place in range(2, len(call.inputs), 3)))


def _where(call: Call) -> Value:
    return restated(call, "Where", call.value(0), call.value(1), call.value(4))


def _attention(call: Call) -> Value:
    own = [call.value(0), _weight(call, 1, _Scale(4, 7, -1)), call.value(2), optional(call, 5), optional(call, 8)]
    return restated(call, "com.microsoft.Attention", *own)


OPERATORS: dict[str, Callable[[Call], Value | list[Value]]] = {
    "QLinearConv": _conv,
    "com.microsoft.QLinearConv": _conv,
    "QLinearMatMul": _matmul,
    "com.microsoft.QGemm": _gemm,
    "ConvInteger": partial(_product, op="Conv"),
    "MatMulInteger": partial(_product, op="MatMul"),
    "com.microsoft.MatMulIntegerToFloat": partial(_product, op="MatMul", bias=6, of=_Scale(3, 5, -1)),
    "com.microsoft.DynamicQuantizeMatMul": partial(_product, op="MatMul", bias=4, of=_Scale(2, 3, -1)),
    "com.microsoft.MatMulNBits": _few_bits,
    "com.microsoft.MatMulBnb4": _few_bits,
    "DynamicQuantizeLinear": _dynamically,
    "com.microsoft.QLinearAdd": _meeting("Add"),
    "com.microsoft.QLinearMul": _meeting("Mul"),
    "com.microsoft.QLinearConcat": _concat,
    "com.microsoft.QLinearWhere": _where,
    "com.microsoft.QAttention": _attention,
    **{
        f"com.microsoft.QLinear{op}": _alone(op)
        for op in ("Sigmoid", "LeakyRelu", "AveragePool", "GlobalAveragePool", "Softmax", "ReduceMean")
    },
}
