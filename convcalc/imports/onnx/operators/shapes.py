"""What moves elements and computes none: reshaping, transposing, cutting, laying end to end, padding."""

from __future__ import annotations

from itertools import accumulate
from math import prod

from convcalc.fields import MOST_AXES
from convcalc.imports.arrays import checked
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.operators.normalisations import tidy
from convcalc.imports.onnx.values import Call, Value, own_axis, viewed, without

PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}

MOST_PARTS = 64
"""Places of an axis, in no order, that are cut out one by one."""


def shaped(call: Call, shape: tuple[int, ...]) -> Value:
    """The input in another shape; the batch is where it was, if an axis of 1 is there."""
    value = call.value(0)
    shape = checked(shape)
    if prod(shape) != prod(value.shape):
        raise Inexpressible(f"shape {list(value.shape)} made {list(shape)}, which has another number of elements")
    assert value.source is not None  # noqa: S101  # constants do not come here
    batch = _landed(value, shape)
    draft = call.builder.reshaped(value.source, without(shape, batch), (call.node,))
    return Value(shape, draft, batch, None, value.element_type)


def _landed(value: Value, shape: tuple[int, ...]) -> int | None:
    """The axis of 1 that is the batch: the first, or the one with as many elements before it as there were."""
    if len(shape) < 2:
        return None
    if shape[0] == 1:
        return 0
    if value.batch is None:
        return None
    before = prod(value.shape[: value.batch])
    return next((axis for axis, size in enumerate(shape) if size == 1 and prod(shape[:axis]) == before), None)


def _reshape(call: Call) -> Value:
    sizes = call.numbers(1, "shape")
    if sizes is None:
        raise Inexpressible("no shape is given")
    return shaped(call, wanted_shape(sizes, call.value(0).shape, zeros=bool(call.attributes.integer("allowzero"))))


def wanted_shape(sizes: list[int], shape: tuple[int, ...], *, zeros: bool = False) -> tuple[int, ...]:
    """What a shape becomes that is made `sizes`: 0 is the axis as it is (unless it means `zeros`), -1 what is left."""
    if len(sizes) > MOST_AXES:
        raise Inexpressible(f"a shape of {len(sizes)} axes, where at most {MOST_AXES} are counted")
    if not zeros:
        if any(size == 0 and axis >= len(shape) for axis, size in enumerate(sizes)):
            raise Inexpressible(f"shape {sizes}, whose 0 stands for an axis that shape {list(shape)} lacks")
        sizes = [shape[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    elements = prod(shape)
    given = prod(size for size in sizes if size != -1)
    if _misfits(sizes, elements) or sizes.count(-1) > 1 or min(sizes, default=0) < -1:
        raise Inexpressible(f"shape {list(shape)} made {sizes}, which has another number of elements")
    return tuple(elements // given if size == -1 else size for size in sizes)


def _misfits(sizes: list[int], elements: int) -> bool:
    given = prod(size for size in sizes if size != -1)
    return given <= 0 or (elements % given != 0 if -1 in sizes else elements != given)


def _flatten(call: Call) -> Value:
    value = call.value(0)
    axis = call.attributes.integer("axis", 1)
    axis = axis + len(value.shape) if axis < 0 else axis
    return shaped(call, (prod(value.shape[:axis]), prod(value.shape[axis:])))


def _squeeze(call: Call) -> Value:
    value, axes = call.value(0), call.numbers(1, "axes")
    rank = len(value.shape)
    gone = {axis for axis in range(rank) if value.shape[axis] == 1} if axes is None else {axis % rank for axis in axes}
    if any(value.shape[axis] != 1 for axis in gone):
        raise Inexpressible(f"axes {axes} of shape {list(value.shape)} left out, which hold more than one position")
    return _rearranged(call, [axis for axis in range(rank) if axis not in gone])


def _unsqueeze(call: Call) -> Value:
    value, axes = call.value(0), call.numbers(1, "axes") or []
    rank = len(value.shape) + len(axes)
    new = {axis % rank for axis in axes}
    own = iter(range(len(value.shape)))
    return _rearranged(call, [None if axis in new else next(own) for axis in range(rank)])


def _rearranged(call: Call, order: list[int | None]) -> Value:
    """Axes in another order, some of one position gone, some new (None)."""
    value = call.value(0)
    shape = tuple(1 if axis is None else value.shape[axis] for axis in order)
    if not shape:
        raise Inexpressible("a tensor without an axis")
    assert value.source is not None  # noqa: S101  # constants do not come here
    if value.batch is not None and value.batch in order and len(shape) > 1:
        batch: int | None = order.index(value.batch)
    else:
        batch = 0 if shape[0] == 1 and len(shape) > 1 else None
    new = [axis for place, axis in enumerate(order) if place != batch or len(shape) == 1]
    large = [axis for axis in new if axis is not None and value.shape[axis] > 1]
    if large == sorted(large):
        return Value(
            shape,
            call.builder.reshaped(value.source, without(shape, batch), (call.node,)),
            batch,
            None,
            value.element_type,
        )
    old = [axis for axis in range(len(value.shape)) if axis != value.batch]
    named = [axis for axis in new if axis is not None and axis != value.batch]
    x, places = value.source, [old.index(axis) for axis in named]
    if len(places) < len(old):
        x = call.builder.reshaped(x, tuple(value.shape[axis] for axis in old if axis in named), (call.node,))
        kept = [axis for axis in old if axis in named]
        places = [kept.index(axis) for axis in named]
    turned = call.layer("permute", {"axes": tuple(places)}, x)
    return Value(
        shape, call.builder.reshaped(turned, without(shape, batch), (call.node,)), batch, None, value.element_type
    )


def _transpose(call: Call) -> Value:
    rank = len(call.value(0).shape)
    order = call.attributes.integers("perm") or list(reversed(range(rank)))
    if sorted(order) != list(range(rank)):
        raise Inexpressible(f"an order {order} of {rank} axes")
    return _rearranged(call, list(order))


def _concat(call: Call) -> Value:
    values = [value for value in call.inputs if value is not None and 0 not in value.shape]
    rank = len(values[0].shape)
    axis = call.axis("axis", 1, rank)
    batch = next((value.batch for value in values if value.source is not None), None)
    if batch == axis or any(batch is None or value.shape[batch] != 1 for value in values):
        batch = 0 if axis != 0 and all(value.shape[0] == 1 for value in values) else None
    parts = [viewed(call.builder, value, batch) for value in values]
    if len(parts) == 1:
        return call.out(parts[0], batch)
    return call.out(call.layer("concat", {"axis": own_axis(axis, batch)}, *parts), batch)


def cut(call: Call, value: Value, axis: int, places: range) -> Value:
    """Some places of an axis, in order."""
    if places == range(value.shape[axis]):
        return value
    if not places:
        raise Inexpressible(f"nothing is left of axis {axis} of shape {list(value.shape)}")
    batch = value.batch if axis != value.batch else None
    x = viewed(call.builder, value, batch)
    fields = {"axis": own_axis(axis, batch), "start": places.start, "step": places.step}
    if places[-1] + places.step < value.shape[axis] or (places[-1] + 1 < value.shape[axis] and places.step == 1):
        fields["end"] = places[-1] + 1
    return call.out(call.layer("slice", fields, x), batch)


def _slice(call: Call) -> Value:
    value = call.value(0)
    starts, ends = call.numbers(1, "starts"), call.numbers(2, "ends")
    if starts is None or ends is None:
        raise Inexpressible("no starts or ends are given")
    axes = call.numbers(3, "axes") or list(range(len(starts)))
    steps = call.numbers(4) or [1] * len(starts)
    for start, end, stated, step in zip(starts, ends, axes, steps, strict=True):
        axis = stated % len(value.shape)
        places = range(*slice(start, end, step).indices(value.shape[axis]))
        if step < 0 and len(places) > 1:
            value = _picked(call, value, axis, list(places))
        else:
            value = cut(call, value, axis, places if step > 0 else range(places[0], places[0] + 1))
    return value


def _split(call: Call) -> list[Value]:
    value = call.value(0)
    axis = call.axis("axis", 0, len(value.shape))
    size, count = value.shape[axis], len(call.node.outputs)
    sizes = call.numbers(1, "split")
    if sizes is None:
        part = -(-size // (call.attributes.integer("num_outputs") or count))
        sizes = [max(0, min(part, size - part * index)) for index in range(count)]
    if sum(sizes) != size:
        raise Inexpressible(f"parts of {sizes} of an axis of {size}")
    if len(set(sizes)) == 1 and axis != value.batch and len(sizes) > 1:
        x = viewed(call.builder, value, value.batch)
        fields = {"sections": len(sizes), "axis": own_axis(axis, value.batch)}
        return [call.out(call.layer("split", {**fields, "part": part}, x), value.batch) for part in range(len(sizes))]
    ends = list(accumulate(sizes))
    return [cut(call, value, axis, range(end - part, end)) for end, part in zip(ends, sizes, strict=True)]


def _gather(call: Call) -> Value:
    value, indices = call.value(0), call.constant(1, "indices")
    if value.constant is not None:
        raise Inexpressible("a table that is looked up in")
    axis = call.axis("axis", 0, len(value.shape))
    size = value.shape[axis]
    places = [index + size if index < 0 else index for index in indices.integers()]
    taken = _picked(call, value, axis, places)
    shape = (*value.shape[:axis], *indices.shape, *value.shape[axis + 1 :])
    if shape == taken.shape:
        return taken
    assert taken.source is not None  # noqa: S101  # it is no constant
    batch = taken.batch
    if batch is not None and batch > axis:
        batch += len(indices.shape) - 1
    if not shape:
        raise Inexpressible("a tensor without an axis")
    if batch is None and shape[0] == 1 and len(shape) > 1:
        batch = 0
    return Value(
        shape, call.builder.reshaped(taken.source, without(shape, batch), (call.node,)), batch, None, value.element_type
    )


def _picked(call: Call, value: Value, axis: int, places: list[int]) -> Value:
    """Places of an axis in any order: a range of them, or cut out one by one and laid end to end."""
    if not places:
        raise Inexpressible("no places are taken")
    if not all(0 <= place < value.shape[axis] for place in places):
        raise Inexpressible(f"places outside of an axis of {value.shape[axis]}")
    step = places[1] - places[0] if len(places) > 1 else 1
    regular = range(places[0], places[-1] + 1, step) if step > 0 else None
    if regular is not None and list(regular) == places:
        return cut(call, value, axis, regular)
    if len(places) > MOST_PARTS:
        raise Inexpressible(f"{len(places)} places of an axis in another order")
    parts = [cut(call, value, axis, range(place, place + 1)) for place in places]
    drafts: list[Draft] = [viewed(call.builder, part, parts[0].batch) for part in parts]
    joined = call.layer("concat", {"axis": own_axis(axis, parts[0].batch)}, *drafts)
    return call.out(joined, parts[0].batch)


def _pad(call: Call) -> Value:
    value = call.value(0)
    rank = len(value.shape)
    pads = call.numbers(1, "pads")
    axes = call.numbers(3) or list(range(rank))
    if pads is None or len(pads) != 2 * len(axes):
        raise Inexpressible(f"pads {pads} for {len(axes)} axes")
    pairs = [(0, 0)] * rank
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        pairs[axis % rank] = (before, after)
    mode = PAD_MODES.get(call.attributes.text("mode", "constant"), "")
    if not mode:
        raise Inexpressible(f"mode {call.attributes.text('mode')}")
    fill = call.real(2, "value") if mode == "constant" else None
    for axis, (before, after) in enumerate(pairs):
        if before < 0 or after < 0:
            value = cut(call, value, axis, range(max(-before, 0), value.shape[axis] - max(-after, 0)))
    pairs = [(max(before, 0), max(after, 0)) for before, after in pairs]
    if not any(map(any, pairs)):
        return value
    return _padded(call, value, pairs, {"mode": mode, "value": tidy(max(min(fill or 0.0, 3.4e38), -3.4e38))})


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


def _expand(call: Call) -> Value:
    sizes = call.numbers(1)
    if sizes is None:
        raise Inexpressible("no shape is given")
    value = call.value(0)
    rank = max(len(value.shape), len(sizes))
    own = (*(1,) * (rank - len(value.shape)), *value.shape)
    wanted = [max(size, size_there) for size, size_there in zip([*[1] * (rank - len(sizes)), *sizes], own, strict=True)]
    return repeated(call, own, tuple(wanted))


def _tile(call: Call) -> Value:
    value, times = call.value(0), call.numbers(1)
    if times is None or len(times) != len(value.shape):
        raise Inexpressible(f"repeats {times} for {len(value.shape)} axes")
    if any(time > 1 and size > 1 for time, size in zip(times, value.shape, strict=True)):
        return _tiled(call, times)
    return repeated(call, value.shape, tuple(size * time for size, time in zip(value.shape, times, strict=True)))


def _tiled(call: Call, times: list[int]) -> Value:
    """Laid end to end with itself."""
    value = call.value(0)
    for axis, time in enumerate(times):
        if time > MOST_PARTS or time < 1:
            raise Inexpressible(f"repeats {times}")
        if time > 1:
            batch = value.batch if axis != value.batch else None
            x = viewed(call.builder, value, batch)
            value = call.out(call.layer("concat", {"axis": own_axis(axis, batch)}, *[x] * time), batch)
    return value


def repeated(call: Call, own: tuple[int, ...], wanted: tuple[int, ...]) -> Value:
    """Axes of one position repeated: the nearest position of a map that is made larger."""
    value = call.value(0)
    batch = 0 if len(wanted) > 1 and wanted[0] == 1 else None
    x = viewed(call.builder, value, batch, len(wanted))
    shape = without(wanted, batch)
    if x.shape == shape:
        return Value(wanted, x, batch, None, value.element_type)
    if x.shape[0] != shape[0]:
        x = call.builder.reshaped(x, (1, *x.shape), (call.node,))
        made = call.layer("upsample", {"size": shape}, x)
        return Value(wanted, call.builder.reshaped(made, shape, (call.node,)), batch, None, value.element_type)
    return Value(wanted, call.layer("upsample", {"size": shape[1:]}, x), batch, None, value.element_type)


OPERATORS = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Pad": _pad,
    "Expand": _expand,
    "Tile": _tile,
}
