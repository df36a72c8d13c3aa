"""Nodes that compute constants from constants, worked out: the shape arithmetic that exporters write into a graph.

What no rule here works out has the shape that the operator's own translation gives it, and numbers that are not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

from convcalc.imports.arrays import checked
from convcalc.imports.drafts import Builder, Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import arithmetic, constants
from convcalc.imports.onnx.array_folding import ARRAY_FOLDS
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.nodes import Attributes, GraphNode
from convcalc.imports.onnx.operators import Operator, operators
from convcalc.imports.onnx.operators.reductions import reduced_axes
from convcalc.imports.onnx.operators.shapes import MOVES
from convcalc.imports.onnx.reading import FLOAT
from convcalc.imports.onnx.values import Call, Value, parameter, without

_Fold = Callable[[Call], Constant]


def is_folded(node: GraphNode) -> bool:
    """Whether a node is of those that are worked out from constants."""
    return not node.domain and any(node.op in table for table in (arithmetic.ELEMENTWISE, FOLDS, ARRAY_FOLDS, MOVES))


def folded(call: Call) -> list[Constant] | None:
    """What a node computes from constants; None if it is not one that is worked out."""
    op = call.node.op
    if not is_folded(call.node):
        return None
    if op in FOLDS:
        return [FOLDS[op](call)]
    if op in ARRAY_FOLDS:
        return ARRAY_FOLDS[op](call)
    if op in MOVES:
        return _constants(MOVES[op](call))
    operands = _constants(call.values())
    return [constants.elementwise(op, operands, call.attributes)] if operands else None


def of_translation(call: Call, operator: Operator) -> list[Constant]:
    """What an operator makes of constants as it would of tensors: shapes alone.

    Raises:
        Inexpressible: the translation says so of tensors too.
    """
    refused = Inexpressible("it makes something of constants alone")
    made_of = constants.sources(_constants(call.values()))
    for inputs, count in _as_tensors(call):
        builder = Builder()
        for place, value in enumerate(inputs):
            if value is not None and value.constant is None:
                own = value.shape if value.batch is None else value.shape[1:]
                inputs[place] = Value(
                    value.shape, builder.input(f"x{place}", own), value.batch, None, value.element_type
                )
        try:
            outputs = operator(Call(builder, call.node, inputs, call.opset))
        except Inexpressible as error:
            refused = error
            continue
        outputs = outputs if isinstance(outputs, list) else [outputs]
        return [_of_shape(value, count, made_of) for value in outputs]
    raise refused


def _as_tensors(call: Call) -> Iterator[tuple[list[Value | None], int]]:
    """The inputs with some of the constants as tensors: the first alone, then all; and how many samples there are."""
    there = [place for place, value in enumerate(call.inputs) if value is not None]
    for places in (there[:1], there[:2], there):
        shapes = {place: call.value(place).shape for place in places}
        if not all(shapes.values()) or any(0 in shape for shape in shapes.values()):
            continue
        for batch in (0, None) if shapes[places[0]][0] == 1 else (None, 0):
            inputs, count = list(call.inputs), 1
            for place, shape in shapes.items():
                is_map = batch == 0 and len(shape) > 1
                count = shape[0] if is_map else 1
                own = (1, *shape[1:]) if is_map else shape
                inputs[place] = Value(own, None, 0 if is_map else None, None, call.value(place).element_type)
            yield inputs, count


def _of_shape(value: Value, count: int, made_of: tuple[str, ...]) -> Constant:
    if value.constant is not None:
        return value.constant
    shape = value.shape
    if count > 1:
        shape = (count, *shape[1:]) if shape[:1] == (1,) else shape
    return Constant(shape, value.element_type, None, made_of)


def recipe(call: Call) -> Callable[[Builder], Draft | None]:
    """What makes the layers of a product of constants, the first of which is then a tensor; once for all who ask."""
    made: list[Draft | None] = []

    def layers(builder: Builder) -> Draft | None:
        if not made:
            made.append(_as_layers(call, builder))
        return made[0]

    return layers


def _as_layers(call: Call, builder: Builder) -> Draft | None:
    operator, first = operators().get(call.node.operator), call.value(0)
    if operator is None or first.constant is None or not first.shape:
        return None
    batch = 0 if first.shape[0] == 1 and len(first.shape) > 1 else None
    try:
        draft = parameter(builder, first.constant, without(first.shape, batch))
        entering = Value(first.shape, draft, batch, None, first.element_type)
        output = operator(Call(builder, call.node, [entering, *call.inputs[1:]], call.opset))
    except Inexpressible:
        return None
    return output.source if isinstance(output, Value) else None


def _constants(values: Value | list[Value]) -> list[Constant]:
    values = values if isinstance(values, list) else [values]
    return [value.constant for value in values if value.constant is not None]


def shape_of(shape: tuple[int, ...], attributes: Attributes) -> Constant:
    """The sizes of a tensor that Shape gives: all, or those from `start` up to `end`."""
    end = attributes.get("end")
    return constants.whole(shape[attributes.integer("start") : end if isinstance(end, int) else None])


def _reduce(call: Call) -> Constant:
    x = call.constant(0)
    axes = reduced_axes(call, len(x.shape))
    return x if axes is None else constants.reduced(call.node.op, x, axes, call.flag("keepdims", 1))


_MOST_PRODUCTS = 65_536
"""Products of two matrices of constants that are worked out."""


def _matmul(call: Call) -> Constant:
    x, y = call.constant(0), call.constant(1)
    first, second = x.shape, y.shape
    if not first or not second:
        raise Inexpressible(f"a product of constants of shapes {list(first)} and {list(second)}")
    rows, columns = first if len(first) > 1 else (1, *first), second if len(second) > 1 else (*second, 1)
    if rows[-1] != columns[-2]:
        raise Inexpressible(f"a product of constants of shapes {list(first)} and {list(second)}")
    beside = constants.broadcast([rows[:-2], columns[:-2]])
    ends = (*(rows[-2:-1] if len(first) > 1 else ()), *(columns[-1:] if len(second) > 1 else ()))
    shape, numbers = checked((*beside, *ends)), None
    if not beside and prod(shape) * rows[-1] <= _MOST_PRODUCTS and x.numbers is not None and y.numbers is not None:
        left, right, length, width = x.numbers, y.numbers, rows[-1], columns[-1]
        sums = (
            sum(left[row * length + at] * right[at * width + column] for at in range(length))
            for row in range(rows[-2])
            for column in range(width)
        )
        numbers = arithmetic.stored(sums, x.element_type)
    return Constant(shape, x.element_type, numbers, constants.sources([x, y]))


def _clipped(call: Call) -> Constant:
    """Bounds are inputs or, in older opsets, attributes; one that is left out is none."""
    x = call.constant(0)
    least, most = call.real(1, "min"), call.real(2, "max")
    given = (call.has(1) or "min" in call.attributes, call.has(2) or "max" in call.attributes)
    if x.numbers is None or (given[0] and least is None) or (given[1] and most is None):
        return Constant(x.shape, x.element_type, None, x.made_of, None, x.elements)
    function = arithmetic.function_of("Clip", call.attributes)
    numbers = arithmetic.stored((function(number, least, most) for number in x.numbers), x.element_type)
    return Constant(x.shape, x.element_type, numbers, x.made_of, None, x.elements)


FOLDS: dict[str, _Fold] = {
    "Constant": lambda call: constants.stated(call.attributes, (*call.node.outputs, "")[0]),
    "Identity": lambda call: call.constant(0),
    "Dropout": lambda call: call.constant(0),
    "Cast": lambda call: constants.cast(call.constant(0), call.attributes.integer("to", FLOAT)),
    "CastLike": lambda call: constants.cast(call.constant(0), call.constant(1).element_type),
    "Range": lambda call: constants.counted(call.constant(0), call.constant(1), call.constant(2)),
    "Shape": lambda call: shape_of(call.constant(0).shape, call.attributes),
    "Size": lambda call: constants.whole([prod(call.constant(0).shape)], ()),
    "MatMul": _matmul,
    "Clip": _clipped,
    **dict.fromkeys(arithmetic.REDUCED, _reduce),
}
