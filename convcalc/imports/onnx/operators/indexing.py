"""Elements chosen, written or ordered by their places: what takes indices, makes them, or goes along an axis."""

from __future__ import annotations

from functools import partial
from math import prod

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.moving import cut, of_places
from convcalc.imports.onnx.reading import INT64, MOST_NUMBERS
from convcalc.imports.onnx.values import Call, Value, constant_value, from_front, laid_out, own_axis, parameter, viewed
from convcalc.imports.written_numbers import tidy
from convcalc.layers import Shape


def _common_batch(values: list[Value], axis: int) -> int | None:
    """The axis of one position that all tensors leave out as the batch, which is not the one that is worked on."""
    rank = len(values[0].shape)
    stated = [value.batch for value in values if value.batch is not None]
    free = [place for place in [*stated, *range(rank > 1)] if place != axis]
    return next((place for place in free if all(value.shape[place] == 1 for value in values)), None)


def _gather_elements(call: Call) -> Value:
    value, indices = call.value(0), call.value(1)
    rank = len(value.shape)
    axis = call.axis("axis", 0, rank)
    if len(indices.shape) != rank:
        raise Inexpressible(f"indices of shape {list(indices.shape)} for a tensor of shape {list(value.shape)}")
    smaller = {place: range(size) for place, size in enumerate(indices.shape) if place != axis}
    value = cut(call, value, {place: sizes for place, sizes in smaller.items() if len(sizes) < value.shape[place]})
    batch = _common_batch([value, indices], axis)
    fields = {"axes": (own_axis(axis, batch),), "indices": "elements"}
    drafts = [viewed(call.builder, tensor, batch) for tensor in (value, indices)]
    return laid_out(call, call.layer("gather", fields, *drafts), indices.shape, batch)


def _scatter_elements(call: Call) -> Value:
    values = [call.value(index) for index in range(3)]
    value, indices, updates = values
    axis = call.axis("axis", 0, len(value.shape))
    if len(indices.shape) != len(value.shape) or indices.shape != updates.shape:
        raise Inexpressible(f"indices of shape {list(indices.shape)} and updates of shape {list(updates.shape)}")
    batch = _common_batch(values, axis)
    fields = {"axes": (own_axis(axis, batch),), "indices": "elements", **_reduction(call)}
    drafts = [viewed(call.builder, tensor, batch) for tensor in values]
    return laid_out(call, call.layer("scatter", fields, *drafts), value.shape, batch)


def _reduction(call: Call) -> dict[str, str]:
    word = call.attributes.text("reduction", "none")
    return {} if word == "none" else {"reduction": word}


def _points(call: Call, beside: int) -> tuple[Draft, Draft, tuple[int, ...], int | None]:
    """The tensor and the indices of points, the axes that these speak of, and the axis that both leave out."""
    value, indices = call.value(0), call.value(1)
    count = indices.shape[-1] if indices.shape else 1
    if beside + count > len(value.shape) or beside >= max(len(indices.shape), 1):
        raise Inexpressible(f"indices of shape {list(indices.shape)} for a tensor of shape {list(value.shape)}")
    shared = beside > 0 and value.shape[0] == indices.shape[0] == 1
    batch = 0 if shared else value.batch if value.batch is not None and value.batch >= beside + count else None
    x = viewed(call.builder, value, batch)
    own = 0 if shared else indices.batch if indices.batch in range(beside, len(indices.shape) - 1) else None
    index = viewed(call.builder, indices, own)
    return x, index, tuple(range(beside - shared, beside - shared + count)), batch


def _gather_nd(call: Call) -> Value:
    beside = call.attributes.integer("batch_dims")
    value, indices = call.value(0), call.value(1)
    x, index, axes, batch = _points(call, beside)
    inner, behind = indices.shape[:-1], beside + indices.shape[-1]
    shape = (*inner, *value.shape[behind:])
    landing = batch if batch is None or batch < behind else batch - behind + len(inner)
    return laid_out(call, call.layer("gather", {"axes": axes, "indices": "points"}, x, index), shape, landing)


def _scatter_nd(call: Call) -> Value:
    value, updates = call.value(0), call.value(2)
    x, index, axes, batch = _points(call, 0)
    written = (*index.shape[:-1], *x.shape[len(axes) :])
    updated = call.builder.reshaped(viewed(call.builder, updates, None), written, (call.node,))
    fields = {"axes": axes, "indices": "points", **_reduction(call)}
    return laid_out(call, call.layer("scatter", fields, x, index, updated), value.shape, batch)


def _top_k(call: Call) -> list[Value]:
    """The indices, and the elements that they choose."""
    value = call.value(0)
    axis = call.axis("axis", -1, len(value.shape))
    if "k" in call.attributes:
        k = call.attributes.integer("k")
    else:
        k = call.declared("how many are chosen")[axis] if call.is_computed(1) else call.constant(1).integers()[0]
    batch = value.batch if value.batch != axis else None
    x, own = viewed(call.builder, value, batch), own_axis(axis, batch)
    shape = (*value.shape[:axis], k, *value.shape[axis + 1 :])
    largest = {} if call.flag("largest", 1) else {"largest": False}
    indices = call.layer("top_k", {"k": k, "axis": own, **largest}, x)
    chosen = call.layer("gather", {"axes": (own,), "indices": "elements"}, x, indices)
    places = laid_out(call, indices, shape, batch)
    return [laid_out(call, chosen, shape, batch), Value(shape, places.source, places.batch, None, INT64)]


def _one_hot(call: Call) -> Value:
    indices, values = call.value(0), call.value(2)
    rank = len(indices.shape) + 1
    axis = call.axis("axis", -1, rank)
    count = call.declared("how many classes")[axis] if call.is_computed(1) else call.constant(1).integers()[0]
    batch = indices.batch
    place = axis if batch is None or axis <= batch else axis - 1
    x = viewed(call.builder, indices, batch)
    fields: dict[str, int] = {"num_classes": count} | ({} if place == len(x.shape) else {"axis": place})
    shape = (*indices.shape[:axis], count, *indices.shape[axis:])
    pair = values.constant.numbers if values.constant is not None else None
    inputs = [x] if pair else [x, viewed(call.builder, values, None)]
    y = call.layer("one_hot", fields, *inputs)
    if pair:
        off, on = map(float, pair)
        moved = {"factor": tidy(on - off), "addend": tidy(off)}
        y = y if (off, on) == (0, 1) else call.layer("affine", moved, y)
    landing = None if batch is None else batch + (axis <= batch)
    made = laid_out(call, y, shape, landing)
    return Value(made.shape, made.source, made.batch, None, values.element_type)


def _cumulate(call: Call, operation: str) -> Value:
    value = call.value(0)
    rank = len(value.shape)
    axis = 0
    if not call.is_computed(1):
        axis = from_front(call.constant(1, "an axis").integers()[0], rank)
    elif rank > 1:
        call.note("goes along an axis that is computed; it is read as axis 0")
    batch = value.batch if value.batch != axis else None
    fields: dict[str, object] = {"axis": own_axis(axis, batch)}
    fields |= {"operation": operation} if operation != "sum" else {}
    fields |= {name: True for name in ("exclusive", "reverse") if call.flag(name)}
    return call.out(call.layer("cumulate", fields, viewed(call.builder, value, batch)), batch)


def _trilu(call: Call) -> Value:
    value = call.value(0)
    rank = len(value.shape)
    batch = value.batch if value.batch is not None and value.batch < rank - 2 else None
    fields: dict[str, object] = {} if call.flag("upper", 1) else {"upper": False}
    x = viewed(call.builder, value, batch)
    if call.is_computed(1):
        return call.out(call.layer("trilu", fields, x, viewed(call.builder, call.value(1), None)), batch)
    diagonal = call.constant(1).integers()[0] if call.has(1) else 0
    return call.out(call.layer("trilu", fields | ({"diagonal": diagonal} if diagonal else {}), x), batch)


def embedded(call: Call, table: Constant) -> Value:
    """Gather from a table that was learned."""
    value, indices = call.value(0), call.value(1)
    fields = {"num_embeddings": value.shape[0], "embedding_dim": prod(value.shape[1:])}
    x = of_places(call, indices, value.shape[0])
    y = call.layer("embedding", fields, x, arrays={"weight": table})
    shape: Shape = (*indices.shape, *value.shape[1:])
    made = laid_out(call, y, shape, indices.batch)
    return Value(made.shape, made.source, made.batch, None, value.element_type)


def _eye(call: Call) -> Value:
    """Ones on a diagonal, worked out from the sizes of a tensor."""
    value = call.value(0)
    if len(value.shape) != 2:
        raise Inexpressible(f"a matrix like a tensor of shape {list(value.shape)}")
    rows, columns = value.shape
    element_type = call.attributes.integer("dtype") or value.element_type
    moved, numbers = call.attributes.integer("k"), None
    if rows * columns <= MOST_NUMBERS:
        numbers = tuple(float(column - row == moved) for row in range(rows) for column in range(columns))
    return constant_value(Constant(value.shape, element_type, numbers))


def _started(call: Call, value: Value, axis: int, place: int, count: int) -> Value:
    """So many places of an axis, from where another layer says, each as far behind the one before as it says."""
    starts, steps = call.value(1), call.inputs[4] if call.has(4) else None
    at = [_number(call, numbers, place) for numbers in (starts, steps) if numbers is not None]
    every = parameter(call.builder, Constant((count,)), (count,))
    spaced = call.layer("mul", {}, at[1], every) if len(at) > 1 else every
    places = call.layer("add", {}, at[0], spaced)
    batch = value.batch if value.batch != axis else None
    x = viewed(call.builder, value, batch)
    chosen = call.layer("gather", {"axes": (own_axis(axis, batch),)}, x, places)
    return laid_out(call, chosen, (*value.shape[:axis], count, *value.shape[axis + 1 :]), batch)


def _number(call: Call, numbers: Value, place: int) -> Draft:
    """One of a few numbers."""
    x = viewed(call.builder, numbers, None)
    if x.shape == (1,):
        return x
    return call.layer("slice", {"start": place, "end": place + 1}, x)


def from_computed_starts(call: Call) -> Value:
    """Slice whose starts another layer computes, and of which the file says how much it leaves."""
    value, after = call.value(0), call.declared("starts")
    rank, count = len(value.shape), call.value(1).shape[0]
    if call.is_computed(3):
        axes = sorted(range(rank), key=lambda axis: after[axis] == value.shape[axis])[:count]
        call.note(f"cuts axes that are computed; by its shape {axes} are read")
    else:
        axes = [from_front(axis, rank) for axis in call.numbers(3) or range(count)]
    if any(after[axis] > value.shape[axis] for axis in axes):
        raise Inexpressible(f"shape {list(value.shape)} cut to {list(after)}")
    for place, axis in enumerate(axes):
        value = _started(call, value, axis, place, after[axis])
    return value


OPERATORS = {
    "EyeLike": _eye,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "Scatter": _scatter_elements,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
    "TopK": _top_k,
    "OneHot": _one_hot,
    "CumSum": partial(_cumulate, operation="sum"),
    "CumProd": partial(_cumulate, operation="prod"),
    "Trilu": _trilu,
}
