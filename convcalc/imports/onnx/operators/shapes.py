"""What moves elements and computes none: reshaping, transposing, cutting, laying end to end, padding.

All but padding are for constants as well (`MOVES`).
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from convcalc.fields import MOST_AXES
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import moving
from convcalc.imports.onnx.constants import broadcast, is_learned
from convcalc.imports.onnx.operators import indexing
from convcalc.imports.onnx.values import Call, Value, from_front, viewed
from convcalc.imports.written_numbers import tidy
from convcalc.layers import Shape

PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def wanted_shape(call: Call, shape: Shape) -> Shape:
    """What Reshape makes of a shape: 0 is the axis as it is (unless `allowzero`), -1 what is left."""
    if "shape" not in call.attributes and call.is_computed(1):
        return _declared_rearranged(call, shape)
    sizes = call.numbers(1, "shape")
    if sizes is None:
        raise Inexpressible("no shape is given")
    if len(sizes) > MOST_AXES:
        raise Inexpressible(f"a shape of {len(sizes)} axes, where at most {MOST_AXES} are counted")
    if not call.flag("allowzero"):
        if any(size == 0 and axis >= len(shape) for axis, size in enumerate(sizes)):
            raise Inexpressible(f"shape {sizes}, whose 0 stands for an axis that shape {list(shape)} lacks")
        sizes = [shape[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    elements, stated = prod(shape), prod(size for size in sizes if size != -1)
    fits = stated > 0 and elements % stated == 0 if -1 in sizes else elements == stated
    if not fits or sizes.count(-1) > 1 or min(sizes, default=0) < -1:
        raise Inexpressible(f"shape {list(shape)} made {sizes}, which has another number of elements")
    return tuple(elements // stated if size == -1 else size for size in sizes)


def _declared_rearranged(call: Call, shape: Shape) -> Shape:
    """What the file declares that a tensor becomes, where another layer computes its shape or axes."""
    declared = call.declared("sizes or axes")
    if prod(declared) != prod(shape):
        raise Inexpressible(f"shape {list(shape)} made {list(declared)}, which has another number of elements")
    return declared


def flat_shape(call: Call, shape: Shape) -> Shape:
    """What Flatten makes of a shape; its axis may be the one behind the last."""
    axis, rank = call.attributes.integer("axis", 1), len(shape)
    axis = rank if axis == rank else from_front(axis, rank)
    return prod(shape[:axis]), prod(shape[axis:])


def _squeeze(call: Call) -> Value:
    value = call.value(0)
    if "axes" not in call.attributes and call.is_computed(1):
        return moving.reshaped(call, value, _declared_rearranged(call, value.shape))
    gone = squeezed_axes(call, value.shape)
    return moving.rearranged(call, value, [axis for axis in range(len(value.shape)) if axis not in gone])


def squeezed_axes(call: Call, shape: Shape) -> set[int]:
    """The axes of one position that Squeeze leaves out."""
    axes = call.numbers(1, "axes")
    if axes is None:
        return {axis for axis, size in enumerate(shape) if size == 1}
    gone = {from_front(axis, len(shape)) for axis in axes}
    if any(shape[axis] != 1 for axis in gone):
        raise Inexpressible(f"axes {axes} of shape {list(shape)} left out, which hold more than one position")
    return gone


def _unsqueeze(call: Call) -> Value:
    value = call.value(0)
    if "axes" not in call.attributes and call.is_computed(1):
        return moving.reshaped(call, value, _declared_rearranged(call, value.shape))
    return moving.rearranged(call, value, unsqueezed_order(call, len(value.shape)))


def unsqueezed_order(call: Call, rank: int) -> list[int | None]:
    """The axes of a tensor, and None where Unsqueeze puts new ones."""
    axes = call.numbers(1, "axes") or []
    new = {from_front(axis, rank + len(axes)) for axis in axes}
    own = iter(range(rank))
    return [None if axis in new else next(own) for axis in range(rank + len(axes))]


def _transpose(call: Call) -> Value:
    value = call.value(0)
    rank = len(value.shape)
    order = call.attributes.integers("perm") or list(reversed(range(rank)))
    if sorted(order) != list(range(rank)):
        raise Inexpressible(f"an order {order} of {rank} axes")
    return moving.rearranged(call, value, order)


def _concat(call: Call) -> Value:
    values = call.values()
    largest = next((value for value in values if 0 not in value.shape), values[0])
    return moving.joined(call, values, call.axis("axis", 1, len(largest.shape)))


def _slice(call: Call) -> Value:
    value = call.value(0)
    if "starts" not in call.attributes and value.source is not None and call.is_computed(1):
        return indexing.from_computed_starts(call)
    starts, ends = call.numbers(1, "starts"), call.numbers(2, "ends")
    if starts is None or ends is None:
        raise Inexpressible("no starts or ends are given")
    axes = call.numbers(3, "axes") or list(range(len(starts)))
    steps = call.numbers(4) or [1] * len(starts)
    ranges = {}
    for start, end, stated, step in zip(starts, ends, axes, steps, strict=True):
        axis = from_front(stated, len(value.shape))
        ranges[axis] = places_between(start, end, step, value.shape[axis])
    return moving.cut(call, value, ranges)


def places_between(start: int, end: int, step: int, size: int) -> range:
    """The places of an axis that Slice takes: Python's, but backwards from before the beginning the first is one."""
    return range(*slice(max(start, -size) if step < 0 else start, end, step).indices(size))


def _split(call: Call) -> list[Value]:
    value = call.value(0)
    axis = call.axis("axis", 0, len(value.shape))
    size, count = value.shape[axis], len(call.node.outputs)
    if "split" not in call.attributes and call.is_computed(1):
        sizes: list[int] | None = [call.declared("sizes", place)[axis] for place in range(count)]
    else:
        sizes = call.numbers(1, "split")
    if sizes is None:
        part = -(-size // (call.attributes.integer("num_outputs") or count))
        sizes = [max(0, min(part, size - part * index)) for index in range(count)]
    if sum(sizes) != size or min(sizes) < 0:
        raise Inexpressible(f"parts of {sizes} of an axis of {size}")
    return moving.parted(call, value, axis, sizes)


def _gather(call: Call) -> Value:
    value, indices = call.value(0), call.value(1)
    axis = call.axis("axis", 0, len(value.shape))
    if indices.constant is not None and (value.constant is not None or indices.constant.numbers is not None):
        return moving.gathered(call, value, indices.constant, axis)
    if axis == 0 and value.constant is not None and len(value.shape) > 1 and is_learned(value.constant):
        return indexing.embedded(call, value.constant)
    return moving.by_indices(call, value, indices, axis)


def _expand(call: Call) -> Value:
    value = call.value(0)
    sizes = call.declared("a shape") if call.is_computed(1) else call.numbers(1)
    if sizes is None:
        raise Inexpressible("no shape is given")
    return moving.spread(call, value, broadcast([value.shape, tuple(sizes)]))


def _tile(call: Call) -> Value:
    value, times = call.value(0), _times(call)
    if times is None or len(times) != len(value.shape):
        raise Inexpressible(f"repeats {times} for {len(value.shape)} axes")
    if any(time > 1 and size > 1 for time, size in zip(times, value.shape, strict=True)):
        return moving.tiled(call, value, times)
    return moving.spread(call, value, tuple(size * time for size, time in zip(value.shape, times, strict=True)))


def _times(call: Call) -> list[int] | None:
    """How often Tile lays its tensor end to end with itself on each axis."""
    if not call.is_computed(1):
        return call.numbers(1)
    before, after = call.value(0).shape, call.declared("repeats")
    return [size // own for size, own in zip(after, before, strict=True)]


def _center_crop_pad(call: Call) -> Value:
    """Each axis cut down or padded with zeros to a size, as much at its beginning as at its end, or one less."""
    value = call.value(0)
    rank = len(value.shape)
    axes = [from_front(axis, rank) for axis in call.attributes.integers("axes") or range(rank)]
    if call.is_computed(1):
        declared = call.declared("a shape")
        sizes = [declared[axis] for axis in axes]
    else:
        sizes = call.constant(1).integers()
    pairs = [(0, 0)] * rank
    for axis, size in zip(axes, sizes, strict=True):
        lacking = size - value.shape[axis]
        if lacking < 0:
            value = moving.cut(call, value, {axis: range(-lacking // 2, -lacking // 2 + size)})
        pairs[axis] = (lacking // 2, lacking - lacking // 2) if lacking > 0 else (0, 0)
    return _padded(call, value, pairs, {"mode": "constant", "value": 0.0}) if any(map(any, pairs)) else value


def _pad(call: Call) -> Value:
    value = call.value(0)
    pairs = pad_pairs(call, len(value.shape))
    mode = PAD_MODES.get(call.attributes.text("mode", "constant"), "")
    if not mode:
        raise Inexpressible(f"mode {call.attributes.text('mode')}")
    fill = call.real(2, "value") if mode == "constant" else None
    for axis, (before, after) in enumerate(pairs):
        if before < 0 or after < 0:
            value = moving.cut(call, value, {axis: range(max(-before, 0), value.shape[axis] - max(-after, 0))})
    pairs = [(max(before, 0), max(after, 0)) for before, after in pairs]
    if not any(map(any, pairs)):
        return value
    return _padded(call, value, pairs, {"mode": mode, "value": tidy(max(min(fill or 0.0, 3.4e38), -3.4e38))})


def pad_pairs(call: Call, rank: int) -> list[tuple[int, int]]:
    """What Pad puts before and behind each axis."""
    pads = call.numbers(1, "pads")
    axes = call.numbers(3) or list(range(rank))
    if pads is None or len(pads) != 2 * len(axes):
        raise Inexpressible(f"pads {pads} for {len(axes)} axes")
    pairs = [(0, 0)] * rank
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        pairs[from_front(axis, rank)] = (before, after)
    return pairs


def _padded(call: Call, value: Value, pairs: list[tuple[int, int]], fields: dict[str, object]) -> Value:
    batch = value.batch if value.batch is not None and not any(pairs[value.batch]) else None
    if batch is None and value.shape[0] == 1 and len(value.shape) > 1 and not any(pairs[0]):
        batch = 0
    x = viewed(call.builder, value, batch)
    own = [pair for axis, pair in enumerate(pairs) if axis != batch]
    if any(own[0]):  # the first of our axes is the channels, which pad leaves alone
        x = call.builder.reshaped(x, (1, *x.shape), (call.node,))
        padded = call.layer("pad", {"padding": tuple(own), **fields}, x)
        return call.out(call.builder.reshaped(padded, padded.shape[1:], (call.node,)), batch)
    return call.out(call.layer("pad", {"padding": tuple(own[1:]), **fields}, x), batch)


MOVES: dict[str, Callable[[Call], Value | list[Value]]] = {
    "Reshape": lambda call: moving.reshaped(call, call.value(0), wanted_shape(call, call.value(0).shape)),
    "Flatten": lambda call: moving.reshaped(call, call.value(0), flat_shape(call, call.value(0).shape)),
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Expand": _expand,
    "Tile": _tile,
}
"""What is done to constants as to layers."""

OPERATORS = {**MOVES, "Pad": _pad, "CenterCropPad": _center_crop_pad}
