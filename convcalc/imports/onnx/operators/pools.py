"""Pools with a window and pools over all positions."""

from __future__ import annotations

from functools import partial
from typing import Any

from convcalc.arithmetic.number import ceil_div
from convcalc.imports.onnx.operators.convolutions import WORDS, padding, per_axis
from convcalc.imports.onnx.values import Call, Value
from convcalc.layers import Kind, field_types, load


def _max_pool(call: Call) -> Value | list[Value]:
    """The largest elements, and where they were, which is a layer of its own."""
    largest = pooled(call, "max_pool")
    if not any(call.node.outputs[1:2]):
        return largest
    if call.flag("storage_order"):
        return [largest, _column_by_column(call, largest)]
    return [largest, pooled(call, "max_pool_indices")]


def _column_by_column(call: Call, largest: Value) -> Value:
    """The places counted with the first axis running fastest: as if the map had its axes the other way round."""
    rank = len(largest.shape) - 2
    order = {"axes": (0, *range(rank, 0, -1))}
    turned = call.layer("permute", order, call.map())
    written = largest.draft.fields.items()
    fields = {name: numbers[::-1] if isinstance(numbers, tuple) else numbers for name, numbers in written}
    return call.out(call.layer("permute", order, call.layer("max_pool_indices", fields, turned)))


def _max_unpool(call: Call) -> Value:
    x, places = call.map(), call.map(1)
    rank = len(x.shape) - 1
    kernel, stride = per_axis(call, "kernel_shape", rank), per_axis(call, "strides", rank)
    fields: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "padding": padding(call, rank)}
    if call.has(2):
        is_computed = call.value(2).constant is None
        shape = call.declared("a shape") if is_computed else call.numbers(2) or ()
        fields["output_size"] = tuple(shape[2:])
    return call.out(call.layer("max_unpool", fields, x, places))


def pooled(call: Call, name: str, more: dict[str, Any] | None = None) -> Value:
    """A pool of the kind of that name; `more` are the fields that are not about its window."""
    types = field_types(load(name) or Kind)
    x = call.map()
    rank = len(x.shape) - 1
    kernel = per_axis(call, "kernel_shape", rank)
    fields: dict[str, Any] = {
        "kernel_size": kernel,
        "stride": per_axis(call, "strides", rank),
        "padding": padding(call, rank),
        "ceil_mode": call.flag("ceil_mode") and call.attributes.text("auto_pad") not in WORDS,  # which say the sizes
    }
    if fields["stride"] == kernel:
        del fields["stride"]
    if "dilation" in types:
        fields["dilation"] = per_axis(call, "dilations", rank)
        fields["padding"] = _as_the_runtime_pads(fields, x.shape[1:])
    padded = isinstance(fields["padding"], str) or any(map(any, fields["padding"]))
    if "count_include_pad" in types and padded:
        fields["count_include_pad"] = call.flag("count_include_pad")
    return call.out(call.layer(name, fields | (more or {}), x))


def _as_the_runtime_pads(fields: dict[str, Any], sizes: tuple[int, ...]) -> Any:
    """The padding; where a word gives it, without the distance of the taps, of which ONNX Runtime takes no account."""
    word = fields["padding"]
    if not isinstance(word, str) or set(fields["dilation"]) == {1}:
        return word
    pads = []
    strides = fields.get("stride", fields["kernel_size"])
    for size, kernel, stride in zip(sizes, fields["kernel_size"], strides, strict=True):
        total = max((ceil_div(size, stride) - 1) * stride + kernel - size, 0)
        smaller, larger = total // 2, total - total // 2
        pads.append((smaller, larger) if word == "same" else (larger, smaller))
    return tuple(pads)


def global_pool(call: Call, name: str, more: dict[str, Any] | None = None) -> Value:
    """A pool over all positions, which in ONNX leaves one on each axis; `more` are the fields beside."""
    return call.out(call.layer(name, {"keepdim": True} | (more or {}), call.map()))


OPERATORS = {
    "MaxPool": _max_pool,
    "MaxUnpool": _max_unpool,
    "AveragePool": partial(pooled, name="avg_pool"),
    "GlobalAveragePool": partial(global_pool, name="global_avg_pool"),
    "GlobalMaxPool": partial(global_pool, name="global_max_pool"),
}
