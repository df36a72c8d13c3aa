"""A function of the elements of one tensor, of two that meet, or of three.

Example:
    inputs: {first: [64, 14, 14], second: [64, 1, 1]}
    layers:
      - elementwise: {operation: greater, from: [first, second]}
      - elementwise: {operation: where, from: [elementwise1, first, second]}
      - elementwise: exp
    # output 64x14x14, params 0, macs 0, field 1

- of one tensor: abs, ceil, floor, round (halves to the even number), sign; erf, exp, log, sqrt; sin, cos, tan, sinh,
  cosh; asin, acos, atan, asinh, acosh, atanh; isinf, isnan; logical_not; bitwise_not;
- of two: equal, greater, greater_equal, less, less_equal; logical_and, logical_or, logical_xor; bitwise_and,
  bitwise_or, bitwise_xor, bitwise_left_shift, bitwise_right_shift; fmod (a remainder with the sign of the first) and
  remainder (with that of the second); pow; prelu (the first, below zero times the second);
- of three: where (the second where the first is not 0, else the third).

Each is one operation for every element that leaves, whatever the function and however many tensors enter. What is true
leaves as 1, what is not as 0, and what is not 0 enters as true. What works on bits cuts off fractions, and a shift by
fewer than 0 goes the other way. Sums, differences, products, quotients, the larger and the smaller of tensors, powers
by a number, factors and addends, bounds that are numbers, and activations are kinds of their own.

Shapes are equal, or 1 where a tensor is repeated; a tensor of fewer axes is aligned at the channels, so (C) meets
(C, ...). Each output sees what any of its inputs sees; a tensor repeated along an axis makes it global there.

Source: PyTorch torch.abs, torch.greater, torch.where and so on, and NumPy broadcasting, but for the alignment at the
channels instead of the last axis; ONNX Abs, Greater, Where and so on.
"""

import random
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from convcalc.arithmetic.number import product
from convcalc.fields import Choice
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted
from convcalc.layers._elements import bent, error_function
from convcalc.layers._merges import Elementwise, aligned, repeated_along
from convcalc.layers.add import Add
from convcalc.layers.identity import Identity

PLAIN = {
    "abs": "Abs", "acos": "Acos", "acosh": "Acosh", "asin": "Asin", "asinh": "Asinh", "atan": "Atan",
    "atanh": "Atanh", "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh", "erf": "Erf", "exp": "Exp", "floor": "Floor",
    "log": "Log", "pow": "Pow", "prelu": "PRelu", "round": "Round", "sign": "Sign", "sin": "Sin", "sinh": "Sinh",
    "sqrt": "Sqrt", "tan": "Tan",
}  # fmt: skip
"""Of numbers a number, by the operator of ONNX that is the same."""

TESTS = {
    "isinf": "IsInf",
    "isnan": "IsNaN",
    "equal": "Equal",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "less": "Less",
    "less_equal": "LessOrEqual",
}
"""Of numbers what is true or not."""

LOGICAL = {"logical_not": "Not", "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}
"""Of what is true or not the same."""

BITWISE = {
    "bitwise_not": "BitwiseNot",
    "bitwise_and": "BitwiseAnd",
    "bitwise_or": "BitwiseOr",
    "bitwise_xor": "BitwiseXor",
}
"""Of the bits of whole numbers."""

PAIRS = (
    *("equal", "greater", "greater_equal", "less", "less_equal", "logical_and", "logical_or", "logical_xor"),
    *("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"),
    *("fmod", "remainder", "pow", "prelu"),
)
"""What is of two tensors."""

OPERATIONS = tuple(sorted({*PLAIN, *TESTS, *LOGICAL, *BITWISE, *PAIRS, "where"}))

_PASSING = {"abs", "asinh", "atan", "ceil", "cos", "cosh", "erf", "exp", "floor", "round", "sign", "sin", "sinh", "tan"}
"""What has a value for any number, and none for what is none, so that it can be probed as it is."""


_STEPPING = {*TESTS, *LOGICAL, *BITWISE, "bitwise_left_shift", "bitwise_right_shift", "ceil", "floor", "round", "sign"}
"""What has slope 0 wherever it has one."""


class ElementwiseOperation(Elementwise, frozen=True, kw_only=True):
    operation: Annotated[str, Choice("the function of the elements", options=OPERATIONS)]

    inputs: ClassVar[tuple[int, int | None]] = (1, 3)

    @property
    def _count(self) -> int:
        return 3 if self.operation == "where" else 1 + (self.operation in PAIRS)

    def checks(self, *inputs: Shape) -> Iterator[Check]:
        arguments = (self.operation, self._count, len(inputs))
        yield Check(len(inputs) == self._count, "CC013", "operation", _wrong_count, arguments)
        yield from super().checks(*inputs)

    def elementwise_ops(self, *inputs: Shape) -> int:
        return product(self.shape(*inputs))

    def kept(self, wanted: Wanted, *inputs: Shape) -> Kept:
        """All that enters, of which the slopes are worked out again."""
        return Kept(inputs=tuple(range(len(inputs)))).if_(wanted.of_inputs)

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        """A sum sees the same places, and passes on what is no number, which a comparison does not."""
        if self.operation in _PASSING:
            return self
        return Identity() if len(inputs) == 1 else repeated_along(Add(), axis, inputs)

    def no_gradient(self, place: int) -> str:
        is_step = self.operation in _STEPPING or (self.operation == "where" and place == 0)
        return "what leaves changes by steps or not at all" if is_step else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        x = aligned(graph, inputs, shapes)
        is_spread = product(shapes[0]) < product(self.shape(*shapes))
        if self.operation == "prelu" and is_spread:  # by ONNX's PRelu the slopes alone may be
            falls = graph.node("Less", x[0], graph.constant(0.0))
            return graph.node("Where", falls, graph.node("Mul", *x), x[0])
        return _written(graph, self.operation, x)

    def summary(self) -> str:
        return self.operation

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        config = cls(operation=draw.choice(OPERATIONS))
        _, inputs = Add.case(draw)
        return config, (*inputs, *inputs)[: config._count]

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, *inputs: Array) -> Array:
        function = _function(engine.numpy, fields.operation)
        return engine.elementwise(lambda *x: function(*x).astype(x[-1].dtype), *engine.aligned(*inputs))


def _wrong_count(operation: str, count: int, entering: int) -> str:
    tensors = "1 tensor" if count == 1 else f"{count} tensors"
    return f"{operation} is of {tensors}, found {entering}; legal here: {tensors}, or an operation of {entering}"


def _function(np: Any, operation: str) -> Any:
    """An operation as a function of arrays."""
    functions = {
        "abs": np.absolute, "ceil": np.ceil, "floor": np.floor, "round": np.rint, "sign": np.sign,
        "exp": np.exp, "log": np.log, "pow": np.power, "sqrt": np.sqrt, "erf": lambda x: error_function(np, x),
        "acos": np.arccos, "asin": np.arcsin, "atan": np.arctan, "cos": np.cos, "sin": np.sin, "tan": np.tan,
        "acosh": np.arccosh, "asinh": np.arcsinh, "atanh": np.arctanh, "cosh": np.cosh, "sinh": np.sinh,
        "fmod": np.fmod, "remainder": np.remainder, "prelu": lambda x, slope: bent(np, x, lambda x: slope * x),
        "equal": np.equal, "greater": np.greater, "greater_equal": np.greater_equal, "less": np.less,
        "less_equal": np.less_equal, "isinf": np.isinf, "isnan": np.isnan, "logical_not": np.logical_not,
        "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
        "where": lambda condition, x, y: np.where(condition != 0, x, y),
        "bitwise_not": lambda x: np.invert(x.astype(np.int64)),
        "bitwise_and": lambda x, y: x.astype(np.int64) & y.astype(np.int64),
        "bitwise_or": lambda x, y: x.astype(np.int64) | y.astype(np.int64),
        "bitwise_xor": lambda x, y: x.astype(np.int64) ^ y.astype(np.int64),
        "bitwise_left_shift": lambda x, y: np.trunc(x) * np.exp2(np.trunc(y)),
        "bitwise_right_shift": lambda x, y: np.floor(np.trunc(x) * np.exp2(-np.trunc(y))),
    }  # fmt: skip
    return functions[operation]


def _written(graph: OnnxGraph, operation: str, x: list[str]) -> str:
    """An operation as operators of ONNX, which has types of their own for truth and for whole numbers."""
    if operation in PLAIN:
        return graph.node(PLAIN[operation], *x)
    if operation == "fmod":
        return graph.node("Mod", *x, fmod=1)
    if operation == "where":
        return graph.node("Where", _cast(graph, x[0], "bool"), *x[1:])
    if operation in BITWISE:
        return _cast(graph, graph.node(BITWISE[operation], *(_cast(graph, of, "int64") for of in x)), graph.dtype)
    if operation in LOGICAL:
        return _cast(graph, graph.node(LOGICAL[operation], *(_cast(graph, of, "bool") for of in x)), graph.dtype)
    if operation in TESTS:
        return _cast(graph, graph.node(TESTS[operation], *x), graph.dtype)
    if operation == "remainder":
        times = graph.node("Floor", graph.node("Div", *x))
        return graph.node("Sub", x[0], graph.node("Mul", x[1], times))
    number, places = (_cast(graph, _cast(graph, of, "int64"), graph.dtype) for of in x)
    if operation == "bitwise_left_shift":
        return graph.node("Mul", number, graph.node("Pow", graph.constant(2.0), places))
    return graph.node("Floor", graph.node("Div", number, graph.node("Pow", graph.constant(2.0), places)))


_ELEMENT_TYPES = {"float32": 1, "int64": 7, "bool": 9, "float16": 10, "float64": 11}
"""ONNX's numbers for types of elements."""


def _cast(graph: OnnxGraph, x: str, dtype: str) -> str:
    return graph.node("Cast", x, to=_ELEMENT_TYPES[dtype])
