"""Shapes changed, axes turned, put in and left out, positions added, cut, joined and parted."""

from __future__ import annotations

from collections.abc import Callable

from convcalc import steps
from convcalc.imports.errors import Inexpressible
from convcalc.imports.tflite import dilation, moving
from convcalc.imports.tflite.operators.activations import activated_value
from convcalc.imports.tflite.ranges import sliced_by, strided
from convcalc.imports.tflite.schema import REFLECT
from convcalc.imports.tflite.values import LiteCall, LiteValue, drawn, from_front
from convcalc.imports.written_numbers import tidy
from convcalc.layers import Shape


def shape_asked_for(call: LiteCall) -> Shape:
    """The shape that RESHAPE, SQUEEZE or EXPAND_DIMS make of the first input's."""
    shape = call.value().shape
    if call.node.type == "SQUEEZE":
        axes = {from_front(axis, len(shape)) for axis in call.option("axes")}
        axes = axes or {axis for axis, size in enumerate(shape) if size == 1}
        if any(shape[axis] != 1 for axis in axes):
            raise Inexpressible(
                f"axes {sorted(axes)} of shape {list(shape)} left out, which hold more than one position"
            )
        return tuple(size for axis, size in enumerate(shape) if axis not in axes)
    if call.node.type == "EXPAND_DIMS":
        axis = from_front(call.numbers(1)[0], len(shape) + 1)
        return (*shape[:axis], 1, *shape[axis:])
    if call.has(1):
        constant = call.value(1).constant
        if constant is None or constant.numbers is None:
            return call.walk.stored(call.outputs[0])
        return moving.wanted_shape([int(size) for size in constant.numbers], shape)
    sizes = call.option("new_shape")
    return moving.wanted_shape(() if sizes == (0,) else sizes, shape)


def _reshape(call: LiteCall) -> LiteValue:
    return moving.reshaped(call, call.value(), shape_asked_for(call))


def _transpose(call: LiteCall) -> LiteValue:
    return moving.turned(call, call.value(), call.numbers(1))


def _concatenation(call: LiteCall) -> LiteValue:
    values = [call.value(place) for place in range(len(call.values))]
    axis = from_front(call.option("axis"), len(values[0].shape))
    return activated_value(call, moving.joined(call, values, axis))


def _pack(call: LiteCall) -> LiteValue:
    values = [call.value(place) for place in range(len(call.values))]
    shape = values[0].shape
    axis = from_front(call.option("axis"), len(shape) + 1)
    return moving.joined(call, [_inserted(call, value, (*shape[:axis], 1, *shape[axis:])) for value in values], axis)


def _inserted(call: LiteCall, value: LiteValue, shape: Shape) -> LiteValue:
    return moving.reshaped(call, value, shape)


def _unpack(call: LiteCall) -> list[LiteValue]:
    value = drawn(call, call.value())
    axis = from_front(call.option("axis"), len(value.shape))
    shape = (*value.shape[:axis], *value.shape[axis + 1 :])
    if value.shape[axis] != len(call.outputs) or len(call.outputs) > moving.MOST_PARTS:
        raise Inexpressible(f"{value.shape[axis]} parts for {len(call.outputs)} outputs")
    return [
        moving.reshaped(call, moving.cut(call, value, {axis: range(place, place + 1)}), shape)
        for place in range(value.shape[axis])
    ]


def _split(call: LiteCall) -> list[LiteValue]:
    """The axis is the first input and the tensor the second."""
    value, count = drawn(call, call.value(1)), len(call.outputs)
    axis = from_front(call.numbers(0)[0], len(value.shape))
    size = value.shape[axis]
    if not count or size % count or count > moving.MOST_PARTS:
        raise Inexpressible(f"{count} parts of an axis of {size}")
    part = size // count
    return [moving.cut(call, value, {axis: range(place * part, (place + 1) * part)}) for place in range(count)]


def _split_v(call: LiteCall) -> list[LiteValue]:
    value, sizes = drawn(call, call.value()), list(call.numbers(1))
    axis = from_front(call.numbers(2)[0], len(value.shape))
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = value.shape[axis] - sum(sizes) - 1
    if sum(sizes) != value.shape[axis] or min(sizes) < 0 or len(sizes) > moving.MOST_PARTS:
        raise Inexpressible(f"parts of {sizes} of an axis of {value.shape[axis]}")
    made, start = [], 0
    for size in sizes:
        made.append(moving.cut(call, value, {axis: range(start, start + size)}))
        start += size
    return made


def _strided_slice(call: LiteCall) -> LiteValue:
    value = drawn(call, call.value())
    ranges, shape = strided(call, value.shape)
    return moving.reshaped(call, moving.cut(call, value, dict(enumerate(ranges))), shape)


def _slice(call: LiteCall) -> LiteValue:
    value = drawn(call, call.value())
    return moving.cut(call, value, dict(enumerate(sliced_by(call, value.shape))))


def _pairs(call: LiteCall) -> list[tuple[int, int]]:
    numbers = call.numbers(1)
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    if len(pairs) != len(call.value().shape) or min(numbers, default=0) < 0:
        raise Inexpressible(f"padding {list(numbers)} of a tensor of shape {list(call.value().shape)}")
    return pairs


def _pad(call: LiteCall) -> LiteValue:
    pairs, value, fill = _pairs(call), drawn(call, call.value()), 0.0
    if call.has(2):
        number = call.value(2).constant
        fill = float(number.number) if number is not None and number.number is not None else 0.0
    if not any(map(any, pairs)):
        return value
    return dilation.padded(call, value, pairs, fill=tidy(max(min(fill, 3.4e38), -3.4e38)))


def _mirror_pad(call: LiteCall) -> LiteValue:
    """With the edge itself repeated, several positions deep, it is no mode that a kind has: the cost is the same."""
    pairs = _pairs(call)
    is_reflected = call.option("mode") == REFLECT
    if not is_reflected and max(map(max, pairs)) > 1:
        call.note("mirrors the edge too; it is read as replicate, which differs in values alone")
    return dilation.padded(call, drawn(call, call.value()), pairs, "reflect" if is_reflected else "replicate")


def _tile(call: LiteCall) -> LiteValue:
    value, times = drawn(call, call.value()), call.numbers(1)
    if len(times) != len(value.shape):
        raise Inexpressible(f"repeats {list(times)} for {len(value.shape)} axes")
    return moving.repeated(call, value, dict(enumerate(times)))


def _broadcast_to(call: LiteCall) -> LiteValue:
    constant = call.value(1).constant
    known = constant is not None and constant.numbers is not None
    shape = call.numbers(1) if known else call.walk.stored(call.outputs[0])
    return moving.spread_to(call, drawn(call, call.value()), tuple(shape))


def _reverse(call: LiteCall) -> LiteValue:
    value = drawn(call, call.value())
    for axis in call.numbers(1):
        place = from_front(axis, len(value.shape))
        steps.spend(value.shape[place])
        value = moving.chosen(call, value, place, range(value.shape[place] - 1, -1, -1))
    return value


OPERATORS: dict[str, Callable[[LiteCall], LiteValue | list[LiteValue]]] = {
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "EXPAND_DIMS": _reshape,
    "TRANSPOSE": _transpose,
    "CONCATENATION": _concatenation,
    "PACK": _pack,
    "UNPACK": _unpack,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "STRIDED_SLICE": _strided_slice,
    "SLICE": _slice,
    "PAD": _pad,
    "PADV2": _pad,
    "MIRROR_PAD": _mirror_pad,
    "TILE": _tile,
    "BROADCAST_TO": _broadcast_to,
    "REVERSE_V2": _reverse,
    "SPACE_TO_BATCH_ND": dilation.space_to_batch,
    "BATCH_TO_SPACE_ND": dilation.batch_to_space,
}
