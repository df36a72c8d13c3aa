"""Nodes that compute constants from constants, worked out: the shape arithmetic that exporters write into a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from convcalc.imports.arrays import checked
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.nodes import Attributes, GraphNode
from convcalc.imports.onnx.operators.shapes import wanted_shape
from convcalc.imports.onnx.reading import FLOAT, INT64, Tensor

Inputs = Sequence[Constant | None]

LARGEST_END = 2**31 - 1


class Arithmetic:
    """A node all of whose inputs are constants."""

    def __init__(self, node: GraphNode, inputs: Inputs, opset: int) -> None:
        self.node, self.inputs, self.opset = node, inputs, opset

    @property
    def attributes(self) -> Attributes:
        return self.node.attributes

    def constant(self, index: int) -> Constant:
        """An input that must be there."""
        found = self.inputs[index] if index < len(self.inputs) else None
        if found is None:
            raise Inexpressible(f"input {index + 1} is missing")
        return found

    def numbers(self, index: int, attribute: str = "") -> list[int] | None:
        """Whole numbers given by an attribute or an input."""
        stated = self.attributes.integers(attribute) if attribute else None
        if stated is not None:
            return stated
        found = self.inputs[index] if index < len(self.inputs) else None
        return None if found is None else found.integers()

    def axis(self, default: int, rank: int) -> int:
        """The axis, counted from the beginning."""
        axis = self.attributes.integer("axis", default)
        if not -rank <= axis < max(rank, 1):
            raise Inexpressible(f"axis {axis} of a tensor of {rank} axes")
        return axis % max(rank, 1)


Fold = Callable[[Arithmetic], Constant | list[Constant]]


def is_folded(node: GraphNode) -> bool:
    """Whether a node is of those that are worked out from constants."""
    return not node.domain and (node.op in constants.ELEMENTWISE or node.op in FOLDS)


def folded(node: GraphNode, inputs: Inputs, opset: int) -> list[Constant] | None:
    """What a node computes from constants; None if it is not one that is worked out."""
    if node.domain:
        return None
    given = Arithmetic(node, inputs, opset)
    if node.op in constants.ELEMENTWISE:
        operands = [each for each in inputs if each is not None]
        if not operands:
            return None
        return [constants.elementwise(node.op, operands)]
    fold = FOLDS.get(node.op)
    if fold is None:
        return None
    found = fold(given)
    return found if isinstance(found, list) else [found]


def _same(given: Arithmetic) -> Constant:
    return given.constant(0)


def _cast(given: Arithmetic) -> Constant:
    return constants.cast(given.constant(0), given.attributes.integer("to", FLOAT))


def _cast_like(given: Arithmetic) -> Constant:
    return constants.cast(given.constant(0), given.constant(1).element_type)


def _reshape(given: Arithmetic) -> Constant:
    x, sizes = given.constant(0), given.numbers(1, "shape") or []
    zeros = bool(given.attributes.integer("allowzero"))
    if 0 in x.shape and prod(sizes) == 0:
        kept = [x.shape[axis] if size == 0 and not zeros else max(size, 0) for axis, size in enumerate(sizes)]
        return constants.reshaped(x, checked(kept))
    return constants.reshaped(x, checked(wanted_shape(sizes, x.shape, zeros=zeros)))


def _flatten(given: Arithmetic) -> Constant:
    x = given.constant(0)
    axis = given.attributes.integer("axis", 1) % max(len(x.shape), 1)
    return constants.reshaped(x, (prod(x.shape[:axis]), prod(x.shape[axis:])))


def _squeeze(given: Arithmetic) -> Constant:
    x, axes = given.constant(0), given.numbers(1, "axes")
    rank = len(x.shape)
    gone = {axis for axis, size in enumerate(x.shape) if size == 1} if axes is None else {axis % rank for axis in axes}
    return constants.reshaped(x, tuple(size for axis, size in enumerate(x.shape) if axis not in gone))


def _unsqueeze(given: Arithmetic) -> Constant:
    x, axes = given.constant(0), given.numbers(1, "axes") or []
    rank = len(x.shape) + len(axes)
    new, own = {axis % rank for axis in axes}, iter(x.shape)
    return constants.reshaped(x, checked([1 if axis in new else next(own) for axis in range(rank)]))


def _transpose(given: Arithmetic) -> Constant:
    x = given.constant(0)
    order = given.attributes.integers("perm") or list(reversed(range(len(x.shape))))
    if sorted(order) != list(range(len(x.shape))):
        raise Inexpressible(f"an order {order} of {len(x.shape)} axes")
    return constants.transposed(x, order)


def _concat(given: Arithmetic) -> Constant:
    parts = [each for each in given.inputs if each is not None]
    axis = given.axis(1, len(parts[0].shape))
    return constants.concatenated(parts, axis)


def _slice(given: Arithmetic) -> Constant:
    x = given.constant(0)
    starts, ends = given.numbers(1, "starts") or [], given.numbers(2, "ends") or []
    axes = given.numbers(3, "axes") or list(range(len(starts)))
    steps = given.numbers(4) or [1] * len(starts)
    ranges = [range(size) for size in x.shape]
    for start, end, stated, step in zip(starts, ends, axes, steps, strict=True):
        axis = stated % len(x.shape)
        ranges[axis] = range(*slice(start, end, step).indices(x.shape[axis]))
    return constants.sliced(x, ranges)


def _gather(given: Arithmetic) -> Constant:
    x = given.constant(0)
    return constants.gathered(x, given.constant(1), given.axis(0, len(x.shape)))


def _expand(given: Arithmetic) -> Constant:
    x, sizes = given.constant(0), tuple(given.numbers(1) or [])
    return constants.expanded(x, checked(constants.broadcast([x.shape, sizes])))


def _tile(given: Arithmetic) -> Constant:
    x, times = given.constant(0), given.numbers(1) or []
    for axis, time in enumerate(times):
        x = constants.concatenated([x] * min(time, LARGEST_END), axis) if 1 < time <= 4096 else x
        if time > 4096:
            raise Inexpressible(f"a constant repeated {time} times")
    return x


def _split(given: Arithmetic) -> list[Constant]:
    x, count = given.constant(0), len(given.node.outputs)
    axis = given.axis(0, len(x.shape))
    size = x.shape[axis]
    part = -(-size // max(given.attributes.integer("num_outputs") or count, 1))
    sizes = given.numbers(1, "split") or [max(0, min(part, size - part * index)) for index in range(count)]
    found, start = [], 0
    for length in sizes:
        ranges = [range(each) for each in x.shape]
        ranges[axis] = range(start, start + length)
        found.append(constants.sliced(x, ranges))
        start += length
    return found


def _constant_of_shape(given: Arithmetic) -> Constant:
    value = given.attributes.get("value")
    shape = checked(given.constant(0).integers())
    if not isinstance(value, Tensor):
        return constants.filled(shape, 0.0, FLOAT)
    number = value.numbers()
    if not number:
        return Constant(shape, value.element_type)
    return constants.filled(shape, number[0], value.element_type)


def _range(given: Arithmetic) -> Constant:
    return constants.counted(given.constant(0), given.constant(1), given.constant(2))


def _shape(given: Arithmetic) -> Constant:
    return shape_of(given.constant(0).shape, given.attributes)


def shape_of(shape: tuple[int, ...], attributes: Attributes) -> Constant:
    """What Shape says of a tensor."""
    end = attributes.get("end")
    return constants.whole(shape[attributes.integer("start") : end if isinstance(end, int) else None])


def _size(given: Arithmetic) -> Constant:
    return Constant((), INT64, (prod(given.constant(0).shape),))


def _reduce(given: Arithmetic) -> Constant:
    x = given.constant(0)
    stated = given.numbers(1, "axes")
    if not stated and given.attributes.integer("noop_with_empty_axes"):
        return x
    axes = sorted({axis % len(x.shape) for axis in stated or range(len(x.shape))})
    return constants.reduced(given.node.op, x, axes, bool(given.attributes.integer("keepdims", 1)))


def _matmul(given: Arithmetic) -> Constant:
    x, y = given.constant(0), given.constant(1)
    if len(x.shape) < 2 or len(y.shape) < 2 or x.shape[-1] != y.shape[-2]:
        raise Inexpressible(f"a product of constants of shapes {list(x.shape)} and {list(y.shape)}")
    beside = constants.broadcast([x.shape[:-2], y.shape[:-2]])
    made_of = tuple(dict.fromkeys((*x.made_of, *y.made_of)))
    return Constant(checked((*beside, x.shape[-2], y.shape[-1])), x.element_type, None, made_of)


def _constant(given: Arithmetic) -> Constant:
    return constants.stated(given.attributes)


def _dequantised(given: Arithmetic) -> Constant:
    """One number is worked out; of weights the numbers are not needed."""
    x, scale = given.constant(0), given.constant(1)
    operands = [x, scale] if given.inputs[2:] in ([], [None]) else [x, scale, given.constant(2)]
    numbers = [each.numbers or () for each in operands] if prod(x.shape) == 1 else []
    worked_out = None
    if numbers and all(numbers):
        value, factor, zero = (*(float(number) for (number,) in numbers), 0.0)[:3]
        worked_out = ((value - zero) * factor,)
    return Constant(x.shape, FLOAT, worked_out, x.made_of, None, x.elements)


def _like(given: Arithmetic) -> Constant:
    x = given.constant(0)
    return Constant(x.shape, x.element_type, None, x.made_of, None, x.elements)


def _places(given: Arithmetic) -> Constant:
    x = given.constant(0)
    if x.numbers is None:
        raise Inexpressible("places that depend on data")
    found = [place for place, number in enumerate(x.numbers) if number]
    steps = constants.strides(x.shape)
    rows = [[place // step % size for place in found] for step, size in zip(steps, x.shape, strict=True)]
    return constants.whole([place for row in rows for place in row], (len(x.shape), len(found)))


FOLDS: dict[str, Fold] = {
    "Constant": _constant,
    "Identity": _same,
    "Dropout": _same,
    "Cast": _cast,
    "CastLike": _cast_like,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Slice": _slice,
    "Gather": _gather,
    "Expand": _expand,
    "Tile": _tile,
    "Split": _split,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "Shape": _shape,
    "Size": _size,
    "MatMul": _matmul,
    "NonZero": _places,
    "DequantizeLinear": _dequantised,
    "QuantizeLinear": _like,
    "Softplus": _like,
    "Trilu": _like,
    "CumSum": _like,
    "ScatterND": _like,
    "Clip": _like,
    **dict.fromkeys(constants.REDUCED, _reduce),
}
