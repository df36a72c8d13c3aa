"""Constants that are picked, scattered, sorted, summed up or padded by an operator: their shape, and numbers where few.

An array is its numbers in the order in which they lie, and its shape. Which numbers go where is worked out in places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from math import prod
from operator import add, mul

from convcalc.imports.arrays import checked
from convcalc.imports.elements import contiguous
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import arithmetic, constants
from convcalc.imports.onnx.constants import Constant, Numbers, Shape
from convcalc.imports.onnx.nodes import Number
from convcalc.imports.onnx.reading import FLOAT, INT64, MOST_NUMBERS, Tensor
from convcalc.imports.onnx.signals import SIGNALS
from convcalc.imports.onnx.values import Call

Fold = Callable[[Call], list[Constant]]


def made(call: Call, shape: Sequence[int], numbers: Sequence[Number] | None, like: Constant) -> list[Constant]:
    """A result of an operator, of the element type of one of its inputs."""
    held = None if numbers is None else arithmetic.stored(numbers, like.element_type)
    there = [value.constant for value in call.values() if value.constant is not None]
    return [Constant(checked(shape), like.element_type, held, constants.sources(there))]


def picked(x: Constant, shape: Sequence[int], numbers: Sequence[Number] | None) -> list[Constant]:
    """Elements of a constant, some of them several times perhaps."""
    held = None if numbers is None else tuple(numbers)
    return [Constant(checked(shape), x.element_type, held, x.made_of, None, constants.laid_anew([x], tuple(shape)))]


def _known(shape: Sequence[int], *operands: Constant) -> bool:
    """Whether numbers can be worked out: those that enter are known, and those that leave are few."""
    return prod(shape) <= MOST_NUMBERS and all(operand.numbers is not None for operand in operands)


def _rows(shape: Shape, axis: int) -> Iterator[range]:
    """The places of each row along an axis."""
    step = contiguous(shape)[axis]
    length = shape[axis] * step
    for start in range(0, prod(shape), length or 1):
        yield from (range(start + offset, start + offset + length, step) for offset in range(step))


def _index(index: Number, size: int) -> int:
    place = int(index) + size if index < 0 else int(index)
    if not 0 <= place < size:
        raise Inexpressible(f"an index outside of an axis of {size}")
    return place


def _gather_elements(call: Call) -> list[Constant]:
    x, indices = call.constant(0), call.constant(1, "indices")
    axis = call.axis("axis", 0, len(x.shape))
    if not _known(indices.shape, x, indices):
        return picked(x, indices.shape, None)
    numbers, steps = x.numbers or (), contiguous(x.shape)
    result = []
    for place, index in zip(product(*map(range, indices.shape)), indices.numbers or (), strict=True):
        at = sum(step * along for step, along in zip(steps, place, strict=True))
        result.append(numbers[at + steps[axis] * (_index(index, x.shape[axis]) - place[axis])])
    return picked(x, indices.shape, result)


def _tuples(x: Constant, indices: Constant, beside: int) -> list[int]:
    """Where the slices begin that tuples of indices name."""
    length, steps = indices.shape[-1], contiguous(x.shape)
    axes = range(beside, beside + length)
    numbers = indices.numbers or ()
    batches = prod(x.shape[:beside])
    count = len(numbers) // length if length else prod(indices.shape[:-1])
    starts = []
    for place in range(count):
        start = place // max(count // max(batches, 1), 1) * prod(x.shape[beside:]) if beside else 0
        named = numbers[place * length : (place + 1) * length]
        starts.append(start + sum(_index(at, x.shape[a]) * steps[a] for at, a in zip(named, axes, strict=True)))
    return starts


def _gather_nd(call: Call) -> list[Constant]:
    x, indices = call.constant(0), call.constant(1, "indices")
    beside = call.attributes.integer("batch_dims")
    length = indices.shape[-1]
    shape = (*indices.shape[:-1], *x.shape[beside + length :])
    if len(x.shape) < beside + length or not _known(shape, x, indices):
        return picked(x, shape, None)
    size, numbers = prod(x.shape[beside + length :]), x.numbers or ()
    laid = [number for start in _tuples(x, indices, beside) for number in numbers[start : start + size]]
    return picked(x, shape, laid)


_COMBINED: dict[str, Callable[[Number, Number], Number]] = {
    "none": lambda _, new: new,
    "add": add,
    "mul": mul,
    "max": max,
    "min": min,
}


def _scatter_nd(call: Call) -> list[Constant]:
    x, indices, updates = call.constant(0), call.constant(1, "indices"), call.constant(2, "updates")
    if not _known(x.shape, x, indices, updates):
        return made(call, x.shape, None, x)
    combined, size = _COMBINED[call.attributes.text("reduction", "none")], prod(x.shape[indices.shape[-1] :])
    numbers, written = list(x.numbers or ()), iter(updates.numbers or ())
    for start in _tuples(x, indices, 0):
        for place in range(start, start + size):
            numbers[place] = combined(numbers[place], next(written))
    return made(call, x.shape, numbers, x)


def _scatter_elements(call: Call) -> list[Constant]:
    x, indices, updates = call.constant(0), call.constant(1, "indices"), call.constant(2, "updates")
    axis = call.axis("axis", 0, len(x.shape))
    if not _known(x.shape, x, indices, updates):
        return made(call, x.shape, None, x)
    combined, steps = _COMBINED[call.attributes.text("reduction", "none")], contiguous(x.shape)
    numbers = list(x.numbers or ())
    places = product(*map(range, indices.shape))
    for place, index, new in zip(places, indices.numbers or (), updates.numbers or (), strict=True):
        at = sum(step * along for step, along in zip(steps, place, strict=True))
        at += steps[axis] * (_index(index, x.shape[axis]) - place[axis])
        numbers[at] = combined(numbers[at], new)
    return made(call, x.shape, numbers, x)


def _one_hot(call: Call) -> list[Constant]:
    indices, values = call.constant(0, "indices"), call.constant(2, "values")
    (depth,) = call.constant(1, "a depth").integers()
    axis = call.axis("axis", -1, len(indices.shape) + 1)
    shape = checked((*indices.shape[:axis], depth, *indices.shape[axis:]))
    if not _known(shape, indices, values):
        return made(call, shape, None, values)
    off, on = values.numbers or (0, 1)
    behind, named = prod(indices.shape[axis:]), indices.numbers or ()
    laid = [
        on
        if int(named[before * behind + after]) % depth == at and -depth <= named[before * behind + after] < depth
        else off
        for before in range(prod(indices.shape[:axis]))
        for at in range(depth)
        for after in range(behind)
    ]
    return made(call, shape, laid, values)


def _cumulated(call: Call) -> list[Constant]:
    x = call.constant(0)
    if not _known(x.shape, x, call.constant(1, "an axis")):
        return made(call, x.shape, None, x)
    (axis,) = call.constant(1).integers()
    numbers = list(x.numbers or ())
    exclusive, backwards = call.flag("exclusive"), call.flag("reverse")
    for row in _rows(x.shape, axis % len(x.shape)):
        total: Number = 0
        for place in row[::-1] if backwards else row:
            before, total = total, total + numbers[place]
            numbers[place] = before if exclusive else total
    return made(call, x.shape, numbers, x)


def _triangle(call: Call) -> list[Constant]:
    x = call.constant(0)
    if len(x.shape) < 2 or not _known(x.shape, x):
        return made(call, x.shape, None, x)
    shift = call.constant(1).integers()[0] if call.has(1) else 0
    rows, columns = x.shape[-2:]
    upper = call.flag("upper", 1)
    laid = [
        number if (column - row >= shift if upper else column - row <= shift) else 0
        for place, number in enumerate(x.numbers or ())
        for row, column in [divmod(place % (rows * columns), columns)]
    ]
    return made(call, x.shape, laid, x)


def _extreme(call: Call, *, largest: bool) -> list[Constant]:
    x = call.constant(0)
    axis = call.axis("axis", 0, len(x.shape))
    kept = (1,) if call.flag("keepdims", 1) else ()
    shape = (*x.shape[:axis], *kept, *x.shape[axis + 1 :])
    if 0 in x.shape or not _known(x.shape, x):
        return [Constant(checked(shape), INT64)]
    numbers, last = x.numbers or (), call.flag("select_last_index")
    laid = []
    for row in _rows(x.shape, axis):
        along = [numbers[place] for place in row]
        wanted = max(along) if largest else min(along)
        laid.append(len(along) - 1 - along[::-1].index(wanted) if last else along.index(wanted))
    return [Constant(checked(shape), INT64, tuple(laid))]


def _top(call: Call) -> list[Constant]:
    x = call.constant(0)
    axis = call.axis("axis", -1, len(x.shape))
    count = call.attributes.integer("k") or call.constant(1, "a count").integers()[0]
    shape = checked((*x.shape[:axis], count, *x.shape[axis + 1 :]))
    if not _known(x.shape, x):
        return [*made(call, shape, None, x), Constant(shape, INT64)]
    numbers, sign = x.numbers or (), -1 if call.flag("largest", 1) else 1
    values: list[Number] = [0] * prod(shape)
    places = [0] * prod(shape)
    for row, target in zip(_rows(x.shape, axis), _rows(shape, axis), strict=True):
        order = sorted(range(len(row)), key=lambda at: (sign * numbers[row[at]], at))[:count]
        for at, place in zip(order, target, strict=False):
            values[place], places[place] = numbers[row[at]], at
    return [*made(call, shape, values, x), Constant(shape, INT64, tuple(places))]


def _eye(call: Call) -> list[Constant]:
    x = call.constant(0)
    rows, columns = x.shape
    shift = call.attributes.integer("k")
    few = rows * columns <= MOST_NUMBERS
    laid = [int(column - row == shift) for row in range(rows) for column in range(columns)] if few else []
    element_type = call.attributes.integer("dtype") or x.element_type
    return [Constant(x.shape, element_type, arithmetic.stored(laid, element_type) if few else None)]


def _compressed(call: Call) -> list[Constant]:
    x, chosen = call.constant(0), call.constant(1, "a condition")
    taken = [place for place, is_taken in enumerate(chosen.integers()) if is_taken]
    if "axis" not in call.attributes:
        x = constants.reshaped(x, (prod(x.shape),))
    axis = call.axis("axis", 0, len(x.shape))
    return [constants.gathered(x, constants.whole(taken), axis)]


_BEYOND: dict[str, Callable[[int, int], int | None]] = {
    "constant": lambda place, size: place if 0 <= place < size else None,
    "edge": lambda place, size: min(max(place, 0), size - 1),
    "reflect": lambda place, size: size - 1 - abs(size - 1 - place % (2 * size - 2)) if size > 1 else 0,
    "wrap": lambda place, size: place % size,
}
"""What position is read where a pad is, None where the filling is."""


def _padded(call: Call) -> list[Constant]:
    from convcalc.imports.onnx.operators.shapes import pad_pairs  # it is for layers too

    x = call.constant(0)
    pairs = pad_pairs(call, len(x.shape))
    shape = checked([before + size + after for (before, after), size in zip(pairs, x.shape, strict=True)])
    beyond = _BEYOND[call.attributes.text("mode", "constant")]
    if not _known(shape, x):
        return made(call, shape, None, x)
    fill: Number = call.real(2, "value") or 0 if call.has(2) or "value" in call.attributes else 0
    steps, numbers = contiguous(x.shape), x.numbers or ()
    laid: list[Number] = []
    along = [
        [beyond(place - before, size) for place in range(length)]
        for (before, _), size, length in zip(pairs, x.shape, shape, strict=True)
    ]
    for place in product(*along):
        outside = None in place
        laid.append(fill if outside else numbers[sum(step * (at or 0) for step, at in zip(steps, place, strict=True))])
    return made(call, shape, laid, x)


def _dequantised(call: Call) -> list[Constant]:
    """Of weights the numbers are not needed, and not worked out."""
    x, scale = call.constant(0), call.constant(1, "a scale")
    operands = [x, scale, call.constant(2)] if call.has(2) else [x, scale]
    worked_out: Numbers | None = None
    if all(prod(operand.shape) == 1 and operand.numbers for operand in operands):
        value, factor, zero = (*(float(number) for operand in operands for number in operand.numbers or ()), 0.0)[:3]
        worked_out = arithmetic.stored([(value - zero) * factor], FLOAT)
    return [Constant(x.shape, scale.element_type, worked_out, x.made_of, None, x.elements)]


def _quantised(call: Call) -> list[Constant]:
    x = call.constant(0)
    element_type = call.constant(2).element_type if call.has(2) else call.attributes.integer("output_dtype") or 2
    return [Constant(x.shape, element_type, None, x.made_of, None, x.elements)]


def _filled(call: Call) -> list[Constant]:
    value, shape = call.attributes.get("value"), checked(call.constant(0).integers())
    if not isinstance(value, Tensor):
        return [constants.filled(shape, 0.0, FLOAT)]
    number = value.numbers()
    return [constants.filled(shape, number[0], value.element_type) if number else Constant(shape, value.element_type)]


def _nonzero(call: Call) -> list[Constant]:
    x = call.constant(0)
    if x.numbers is None:
        raise Inexpressible("places that depend on data")
    nonzero = [place for place, number in enumerate(x.numbers) if number]
    rows = [
        [place // step % size for place in nonzero] for step, size in zip(contiguous(x.shape), x.shape, strict=True)
    ]
    return [constants.whole([place for row in rows for place in row], (len(x.shape), len(nonzero)))]


ARRAY_FOLDS: dict[str, Fold] = {
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "ScatterND": _scatter_nd,
    "ScatterElements": _scatter_elements,
    "Scatter": _scatter_elements,
    "OneHot": _one_hot,
    "CumSum": _cumulated,
    "Trilu": _triangle,
    "ArgMax": partial(_extreme, largest=True),
    "ArgMin": partial(_extreme, largest=False),
    "TopK": _top,
    "EyeLike": _eye,
    "Compress": _compressed,
    "Pad": _padded,
    "ConstantOfShape": _filled,
    "NonZero": _nonzero,
    "DequantizeLinear": _dequantised,
    "QuantizeLinear": _quantised,
    **SIGNALS,
}
