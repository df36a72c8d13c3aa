"""Constants of a graph, worked out exactly where their numbers are few: what converters compute shapes with.

Of a constant of many numbers the shape is worked out, and which tensors of the file it is made of.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import accumulate, product
from math import prod
from typing import Any

from convcalc import steps
from convcalc.imports.arrays import checked
from convcalc.imports.elements import contiguous
from convcalc.imports.errors import Inexpressible
from convcalc.imports.tflite.ranges import sliced_by, strided
from convcalc.imports.tflite.values import LiteCall, LiteConstant, Number, counted, from_front
from convcalc.layers import Shape

_MOST = 4096
"""Numbers of a constant that is worked out."""


def folded(call: LiteCall) -> list[LiteConstant] | None:
    """The constants that leave; None where that is not worked out."""
    rule = RULES.get(call.node.type)
    if rule is None:
        return None if call.node.type not in _ELEMENTS else [_of_elements(call)]
    made = rule(call)
    return made if isinstance(made, list) else [made]


def _shape_of(call: LiteCall) -> LiteConstant:
    return counted(list(call.value().shape))


def _same(call: LiteCall) -> LiteConstant:
    return call.constant(0)


def _reshape(call: LiteCall) -> LiteConstant:
    from convcalc.imports.tflite.operators.shapes import shape_asked_for

    return call.constant(0).reshaped(shape_asked_for(call))


def _transposed(call: LiteCall) -> LiteConstant:
    axes = call.numbers(1)
    constant = call.constant(0)
    if sorted(axes) != list(range(len(constant.shape))):
        raise Inexpressible(f"an order {list(axes)} of {len(constant.shape)} axes")
    turned = constant.turned(axes)
    if turned.numbers is None and constant.numbers is not None and len(constant.numbers) <= _MOST:
        return _picked(constant, _places(constant.shape, [range(size) for size in constant.shape], axes), turned.shape)
    return turned


def _places(shape: Shape, ranges: Sequence[Sequence[int]], axes: Sequence[int] | None = None) -> list[int]:
    """Where the elements at these places of each axis lie, the axes gone through in that order."""
    order = list(axes if axes is not None else range(len(shape)))
    steps.spend(prod(len(places) for places in ranges))
    apart = contiguous(shape)
    chosen = [[place * apart[axis] for place in ranges[axis]] for axis in order]
    return [sum(places) for places in product(*chosen)]


def _picked(constant: LiteConstant, places: Sequence[int], shape: Shape) -> LiteConstant:
    numbers = constant.numbers
    if numbers is None or len(places) > _MOST:
        return LiteConstant(shape, constant.tensors)
    return counted([numbers[place] for place in places], shape)


def _cut(constant: LiteConstant, ranges: Sequence[range]) -> LiteConstant:
    shape = tuple(map(len, ranges))
    if prod(shape) > _MOST:
        return LiteConstant(shape, constant.tensors, constant.elements and constant.elements.sliced(ranges))
    return _picked(constant, _places(constant.shape, ranges), shape)


def _strided(call: LiteCall) -> LiteConstant:
    constant = call.constant(0)
    ranges, shape = strided(call, constant.shape)
    return _cut(constant, ranges).reshaped(shape)


def _slice(call: LiteCall) -> LiteConstant:
    constant = call.constant(0)
    return _cut(constant, sliced_by(call, constant.shape))


def _gather(call: LiteCall) -> LiteConstant:
    constant, indices = call.constant(0), call.constant(1)
    axis = from_front(call.option("axis"), len(constant.shape))
    shape = (*constant.shape[:axis], *indices.shape, *constant.shape[axis + 1 :])
    if indices.numbers is None or prod(shape) > _MOST or call.option("batch_dims"):
        return LiteConstant(checked(shape), constant.tensors)
    size = constant.shape[axis]
    places = [[*range(extent)] for extent in constant.shape]
    places[axis] = [from_front(int(index), size) for index in indices.numbers]
    return _picked(constant, _places(constant.shape, places), shape)


def _joined(constants: Sequence[LiteConstant], axis: int) -> LiteConstant:
    first = constants[0]
    axis = from_front(axis, len(first.shape))
    shape = (*first.shape[:axis], sum(constant.shape[axis] for constant in constants), *first.shape[axis + 1 :])
    tensors = tuple(dict.fromkeys(tensor for constant in constants for tensor in constant.tensors))
    if prod(shape) > _MOST or any(constant.numbers is None for constant in constants):
        return LiteConstant(checked(shape), tensors)
    inner = [prod(constant.shape[axis:]) for constant in constants]
    numbers = [
        number
        for row in range(prod(first.shape[:axis]))
        for constant, count in zip(constants, inner, strict=True)
        for number in (constant.numbers or ())[row * count : (row + 1) * count]
    ]
    return counted(numbers, shape)


def _concatenated(call: LiteCall) -> LiteConstant:
    return _joined([call.constant(place) for place in range(len(call.values))], call.option("axis"))


def _packed(call: LiteCall) -> LiteConstant:
    constants = [call.constant(place) for place in range(len(call.values))]
    axis = from_front(call.option("axis"), len(constants[0].shape) + 1)
    shape = constants[0].shape
    return _joined([constant.reshaped((*shape[:axis], 1, *shape[axis:])) for constant in constants], axis)


def _unpacked(call: LiteCall) -> list[LiteConstant]:
    constant = call.constant(0)
    axis = from_front(call.option("axis"), len(constant.shape))
    shape = (*constant.shape[:axis], *constant.shape[axis + 1 :])
    steps.spend(len(call.outputs))
    parts = []
    for place in range(min(constant.shape[axis], len(call.outputs))):
        ranges = [range(size) for size in constant.shape]
        ranges[axis] = range(place, place + 1)
        parts.append(_cut(constant, ranges).reshaped(shape))
    return parts


def _split(call: LiteCall) -> list[LiteConstant]:
    """Parts one after another: of equal size, or of the sizes that a constant says."""
    is_sized = call.node.type == "SPLIT_V"
    constant, (axis,) = call.constant(0 if is_sized else 1), call.numbers(2 if is_sized else 0)
    axis = from_front(axis, len(constant.shape))
    size, count = constant.shape[axis], len(call.outputs)
    sizes = list(call.numbers(1)) if is_sized else [size // count] * count
    steps.spend(len(sizes))
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = size - sum(sizes) - 1
    if sum(sizes) != size or min(sizes) < 0:
        raise Inexpressible(f"parts of {sizes} of an axis of {size}")
    ends = accumulate(sizes)
    ranges = [[*map(range, constant.shape)] for _ in sizes]
    for own, part, end in zip(ranges, sizes, ends, strict=True):
        own[axis] = range(end - part, end)
    return [_cut(constant, own) for own in ranges]


def _filled(call: LiteCall) -> LiteConstant:
    shape = checked(call.numbers(0))
    number = call.constant(1).number
    return LiteConstant(shape, worked_out=None if number is None or prod(shape) > _MOST else (number,) * prod(shape))


def _ranged(call: LiteCall) -> LiteConstant:
    start, stop, step = (call.constant(place).number for place in range(3))
    if start is None or stop is None or not step:
        raise Inexpressible("a range whose ends are not known")
    count = max(0, math.ceil((stop - start) / step))
    if count > _MOST:
        return LiteConstant(checked((count,)))
    return counted([start + place * step for place in range(count)])


def _repeated(call: LiteCall) -> LiteConstant:
    constant = call.constant(0)
    times = call.numbers(1)
    shape = checked([size * count for size, count in zip(constant.shape, times, strict=True)])
    if prod(shape) > _MOST:
        return LiteConstant(shape, constant.tensors)
    places = [[*range(size)] * count for size, count in zip(constant.shape, times, strict=True)]
    return _picked(constant, _places(constant.shape, places), shape)


def _spread(call: LiteCall) -> LiteConstant:
    constant, shape = call.constant(0), checked(call.numbers(1))
    own = (1,) * (len(shape) - len(constant.shape)) + constant.shape
    if prod(shape) > _MOST:
        return LiteConstant(shape, constant.tensors)
    places = [[0] * wanted if size == 1 else [*range(size)] for size, wanted in zip(own, shape, strict=True)]
    return _picked(constant.reshaped(own), _places(own, places), shape)


def _together(function: Callable[[Sequence[Any]], Any]) -> Callable[[LiteCall], LiteConstant]:
    def rule(call: LiteCall) -> LiteConstant:
        constant, axes = call.constant(0), {from_front(axis, len(call.constant(0).shape)) for axis in call.numbers(1)}
        keeps = bool(call.option("keep_dims"))
        sizes = enumerate(constant.shape)
        shape = tuple(1 if axis in axes else size for axis, size in sizes if keeps or axis not in axes)
        if constant.numbers is None or len(axes) < len(constant.shape) or not constant.numbers:
            return LiteConstant(shape, constant.tensors)
        return counted([function(constant.numbers)], shape)

    return rule


def _of_elements(call: LiteCall) -> LiteConstant:
    """Functions of elements, of one constant or of several that meet."""
    constants = [value.constant for value in call.values if value is not None and value.constant is not None]
    rank = max(len(constant.shape) for constant in constants)
    aligned = [(1,) * (rank - len(constant.shape)) + constant.shape for constant in constants]
    shape = tuple(max(sizes) if 0 not in sizes else 0 for sizes in zip(*aligned, strict=True))
    tensors = tuple(dict.fromkeys(tensor for constant in constants for tensor in constant.tensors))
    if prod(shape) > _MOST or any(constant.numbers is None for constant in constants):
        return LiteConstant(shape, tensors)
    columns = []
    for constant, own in zip(constants, aligned, strict=True):
        places = [[0] * wanted if size == 1 else [*range(size)] for size, wanted in zip(own, shape, strict=True)]
        columns.append([(constant.numbers or ())[place] for place in _places(own, places)])
    function = _ELEMENTS[call.node.type]
    try:
        numbers = [function(*row) for row in zip(*columns, strict=True)]
    except (ArithmeticError, ValueError):
        return LiteConstant(shape, tensors)
    if any(isinstance(number, complex) or abs(number) > 2**63 for number in numbers):
        return LiteConstant(shape, tensors)
    return LiteConstant(shape, tensors, worked_out=tuple(numbers))


def _quotient(x: Number, y: Number) -> Number:
    return int(x / y) if isinstance(x, int) and isinstance(y, int) else x / y


def _power(x: Number, y: Number) -> Number:
    if abs(x) > 2**31 or abs(y) > 62:
        raise OverflowError
    return x**y


_ELEMENTS: dict[str, Callable[..., Any]] = {
    "ADD": operator.add, "SUB": operator.sub, "MUL": operator.mul, "DIV": _quotient, "FLOOR_DIV": operator.floordiv,
    "FLOOR_MOD": operator.mod, "MAXIMUM": max, "MINIMUM": min, "POW": _power, "NEG": operator.neg, "ABS": abs,
    "SQUARE": lambda x: x * x, "SQRT": math.sqrt, "RSQRT": lambda x: 1 / math.sqrt(x), "EXP": math.exp,
    "LOG": math.log, "FLOOR": math.floor, "CEIL": math.ceil, "ROUND": round, "SIN": math.sin, "COS": math.cos,
    "EQUAL": operator.eq, "NOT_EQUAL": operator.ne, "LESS": operator.lt, "LESS_EQUAL": operator.le,
    "GREATER": operator.gt, "GREATER_EQUAL": operator.ge, "LOGICAL_AND": lambda x, y: bool(x and y),
    "LOGICAL_OR": lambda x, y: bool(x or y), "LOGICAL_NOT": operator.not_,
    "SQUARED_DIFFERENCE": lambda x, y: (x - y) * (x - y),
    "SELECT": lambda condition, x, y: x if condition else y, "SELECT_V2": lambda condition, x, y: x if condition else y,
}  # fmt: skip

RULES: dict[str, Callable[[LiteCall], LiteConstant | list[LiteConstant]]] = {
    "SHAPE": _shape_of,
    "RANK": lambda call: counted([len(call.value().shape)], ()),
    "CAST": _same,
    "QUANTIZE": _same,
    "DEQUANTIZE": _same,
    "DENSIFY": _same,
    "FAKE_QUANT": _same,
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "EXPAND_DIMS": _reshape,
    "TRANSPOSE": _transposed,
    "STRIDED_SLICE": _strided,
    "SLICE": _slice,
    "GATHER": _gather,
    "CONCATENATION": _concatenated,
    "PACK": _packed,
    "UNPACK": _unpacked,
    "SPLIT": _split,
    "SPLIT_V": _split,
    "FILL": _filled,
    "RANGE": _ranged,
    "TILE": _repeated,
    "BROADCAST_TO": _spread,
    "ZEROS_LIKE": lambda call: LiteConstant(call.value().shape),
    "BROADCAST_ARGS": lambda call: counted(_broadcast(call.numbers(0), call.numbers(1))),
    "REDUCE_PROD": _together(math.prod),
    "SUM": _together(sum),
    "MEAN": _together(lambda numbers: sum(numbers) / len(numbers)),
    "REDUCE_MAX": _together(max),
    "REDUCE_MIN": _together(min),
    "REDUCE_ALL": _together(all),
    "REDUCE_ANY": _together(any),
}


def _broadcast(first: Sequence[int], second: Sequence[int]) -> list[int]:
    rank = max(len(first), len(second))
    aligned = [(1,) * (rank - len(shape)) + tuple(shape) for shape in (first, second)]
    return [reduce(max, sizes) for sizes in zip(*aligned, strict=True)]
