"""Elements chosen by indices, tables of words, the largest elements, running sums."""

from __future__ import annotations

from math import prod

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.layouts import OrderedTensor, in_file_order
from convcalc.imports.tflite import moving
from convcalc.imports.tflite.values import LiteCall, LiteConstant, LiteValue, drawn, from_front, laid, parameter
from convcalc.layers import Shape


def _gather(call: LiteCall) -> LiteValue:
    value, indices = call.value(0), call.value(1)
    axis = from_front(call.option("axis"), len(value.shape))
    if call.option("batch_dims"):
        raise Inexpressible(f"indices of their own for each of {call.option('batch_dims')} axes")
    shape = (*value.shape[:axis], *indices.shape, *value.shape[axis + 1 :])
    if indices.constant is not None and indices.constant.numbers is not None:
        places = [from_front(int(number), value.shape[axis]) for number in indices.constant.numbers]
        ranges = range(places[0], places[-1] + 1)
        if places == list(ranges):
            cut = moving.cut(call, drawn(call, value), {axis: ranges})
        else:
            cut = moving.chosen(call, drawn(call, value), axis, places)
        return moving.reshaped(call, cut, shape)
    if axis == 0 and value.constant is not None and value.constant.is_float and len(value.shape) > 1:
        return _embedded(call, value.constant, indices, shape)
    return _by_indices(call, drawn(call, value), drawn(call, indices), axis, shape)


def _embedded(call: LiteCall, table: LiteConstant, indices: LiteValue, shape: Shape) -> LiteValue:
    """A table that was learned, read by indices."""
    rows, width = table.shape[0], prod(table.shape[1:])
    fields = {"num_embeddings": rows, "embedding_dim": width}
    value = drawn(call, indices)
    draft = in_file_order(call.builder, value.made, call.origins)
    made = call.layer("embedding", fields, draft, arrays={"weight": ("embeddings", table.reshaped((rows, width)))})
    return _as(call, made, shape)


def _as(call: LiteCall, draft: Draft, shape: Shape) -> LiteValue:
    """A draft whose axes lie as the file's, as a tensor of that shape."""
    batch = 0 if len(shape) > 1 and shape[0] == 1 else None
    own = shape if batch is None else shape[1:]
    return moving.lying(call, call.builder.reshaped(draft, own, call.origins), batch)


def _by_indices(call: LiteCall, value: LiteValue, indices: LiteValue, axis: int, shape: Shape) -> LiteValue:
    value, indices = moving.kept(call, value), moving.kept(call, indices)
    drafts = [in_file_order(call.builder, tensor.made, call.origins) for tensor in (value, indices)]
    return _as(call, call.layer("gather", {"axes": (axis,)}, *drafts), shape)


def _gather_nd(call: LiteCall) -> LiteValue:
    value, indices = call.value(0), call.value(1)
    if not indices.shape or indices.shape[-1] > len(value.shape):
        raise Inexpressible(f"indices of shape {list(indices.shape)} for a tensor of shape {list(value.shape)}")
    count = indices.shape[-1]
    shape = (*indices.shape[:-1], *value.shape[count:])
    x = moving.kept(call, drawn(call, value))
    if indices.constant is not None:
        index = parameter(call, indices.constant, learned=False)
    else:
        index = in_file_order(call.builder, moving.kept(call, drawn(call, indices)).made, call.origins)
    fields = {"axes": tuple(range(count)), "indices": "points"}
    return _as(call, call.layer("gather", fields, in_file_order(call.builder, x.made, call.origins), index), shape)


def _embedding_lookup(call: LiteCall) -> LiteValue:
    table, indices = call.constant(1, "table"), call.value(0)
    return _embedded(call, table, indices, (*indices.shape, *table.shape[1:]))


def _top_k(call: LiteCall) -> list[LiteValue]:
    """The elements, and their indices."""
    value = drawn(call, call.value())
    value = moving.kept(call, value) if value.batch == len(value.shape) - 1 else value
    axis, draft = value.drawn(-1), value.made.draft
    indices = call.layer("top_k", {"k": call.numbers(1)[0], "axis": axis}, draft)
    chosen = call.layer("gather", {"axes": (axis,), "indices": "elements"}, draft, indices)
    return [laid(OrderedTensor(made, value.made.order), value.batch) for made in (chosen, indices)]


def _one_hot(call: LiteCall) -> LiteValue:
    value, count = drawn(call, call.value()), call.numbers(1)[0]
    axis = call.option("axis")
    if axis not in (-1, len(value.shape)):
        raise Inexpressible(f"classes on axis {axis}")
    draft = in_file_order(call.builder, value.made, call.origins)
    return _as(call, call.layer("one_hot", {"num_classes": count}, draft), (*value.shape, count))


def _cumulated(call: LiteCall) -> LiteValue:
    value = drawn(call, call.value())
    axis = from_front(call.numbers(1)[0], len(value.shape))
    value = moving.kept(call, value) if value.batch == axis else value
    fields: dict[str, object] = {"axis": value.drawn(axis)}
    fields |= {name: True for name in ("exclusive", "reverse") if call.option(name)}
    return laid(OrderedTensor(call.layer("cumulate", fields, value.made.draft), value.made.order), value.batch)


OPERATORS = {
    "GATHER": _gather,
    "GATHER_ND": _gather_nd,
    "EMBEDDING_LOOKUP": _embedding_lookup,
    "TOPK_V2": _top_k,
    "ONE_HOT": _one_hot,
    "CUMSUM": _cumulated,
}
