"""Nodes that compute constants from constants, worked out: the shape arithmetic that exporters write into a graph."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from convcalc.imports.arrays import checked
from convcalc.imports.elements import contiguous
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.nodes import Attributes, GraphNode
from convcalc.imports.onnx.operators.reductions import reduced_axes
from convcalc.imports.onnx.operators.shapes import MOVES
from convcalc.imports.onnx.reading import FLOAT, Tensor
from convcalc.imports.onnx.values import Call, Value

_Fold = Callable[[Call], Constant]


def is_folded(node: GraphNode) -> bool:
    """Whether a node is of those that are worked out from constants."""
    return not node.domain and any(node.op in table for table in (constants.ELEMENTWISE, FOLDS, MOVES))


def folded(call: Call) -> list[Constant] | None:
    """What a node computes from constants; None if it is not one that is worked out."""
    op = call.node.op
    if not is_folded(call.node):
        return None
    if op in FOLDS:
        return [FOLDS[op](call)]
    if op in MOVES:
        return _constants(MOVES[op](call))
    operands = _constants(call.values())
    return [constants.elementwise(op, operands)] if operands else None


def _constants(values: Value | list[Value]) -> list[Constant]:
    values = values if isinstance(values, list) else [values]
    return [value.constant for value in values if value.constant is not None]


def _constant_of_shape(call: Call) -> Constant:
    value = call.attributes.get("value")
    shape = checked(call.constant(0).integers())
    if not isinstance(value, Tensor):
        return constants.filled(shape, 0.0, FLOAT)
    number = value.numbers()
    if not number:
        return Constant(shape, value.element_type)
    return constants.filled(shape, number[0], value.element_type)


def shape_of(shape: tuple[int, ...], attributes: Attributes) -> Constant:
    """The sizes of a tensor that Shape gives: all, or those from `start` up to `end`."""
    end = attributes.get("end")
    return constants.whole(shape[attributes.integer("start") : end if isinstance(end, int) else None])


def _reduce(call: Call) -> Constant:
    x = call.constant(0)
    axes = reduced_axes(call, len(x.shape))
    return x if axes is None else constants.reduced(call.node.op, x, axes, call.flag("keepdims", 1))


def _matmul(call: Call) -> Constant:
    x, y = call.constant(0), call.constant(1)
    if len(x.shape) < 2 or len(y.shape) < 2 or x.shape[-1] != y.shape[-2]:
        raise Inexpressible(f"a product of constants of shapes {list(x.shape)} and {list(y.shape)}")
    beside = constants.broadcast([x.shape[:-2], y.shape[:-2]])
    shape = checked((*beside, x.shape[-2], y.shape[-1]))
    return Constant(shape, x.element_type, None, constants.together([x, y]))


def _dequantised(call: Call) -> Constant:
    """One number is worked out; of weights the numbers are not needed."""
    x, scale = call.constant(0), call.constant(1)
    operands = [x, scale, call.constant(2)] if call.has(2) else [x, scale]
    numbers = [operand.numbers or () for operand in operands] if prod(x.shape) == 1 else []
    worked_out = None
    if numbers and all(numbers):
        value, factor, zero = (*(float(number) for (number,) in numbers), 0.0)[:3]
        worked_out = ((value - zero) * factor,)
    return Constant(x.shape, FLOAT, worked_out, x.made_of, None, x.elements)


def _like(call: Call) -> Constant:
    x = call.constant(0)
    return Constant(x.shape, x.element_type, None, x.made_of, None, x.elements)


def _places(call: Call) -> Constant:
    x = call.constant(0)
    if x.numbers is None:
        raise Inexpressible("places that depend on data")
    nonzero = [place for place, number in enumerate(x.numbers) if number]
    steps = contiguous(x.shape)
    rows = [[place // step % size for place in nonzero] for step, size in zip(steps, x.shape, strict=True)]
    return constants.whole([place for row in rows for place in row], (len(x.shape), len(nonzero)))


FOLDS: dict[str, _Fold] = {
    "Constant": lambda call: constants.stated(call.attributes),
    "Identity": lambda call: call.constant(0),
    "Dropout": lambda call: call.constant(0),
    "Cast": lambda call: constants.cast(call.constant(0), call.attributes.integer("to", FLOAT)),
    "CastLike": lambda call: constants.cast(call.constant(0), call.constant(1).element_type),
    "ConstantOfShape": _constant_of_shape,
    "Range": lambda call: constants.counted(call.constant(0), call.constant(1), call.constant(2)),
    "Shape": lambda call: shape_of(call.constant(0).shape, call.attributes),
    "Size": lambda call: constants.whole([prod(call.constant(0).shape)], ()),
    "MatMul": _matmul,
    "NonZero": _places,
    "DequantizeLinear": _dequantised,
    **dict.fromkeys(("QuantizeLinear", "Softplus", "Trilu", "CumSum", "ScatterND", "Clip"), _like),
    **dict.fromkeys(constants.REDUCED, _reduce),
}
