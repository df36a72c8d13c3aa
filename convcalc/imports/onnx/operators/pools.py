"""Pools with a window and pools over all positions."""

from __future__ import annotations

from typing import Any

from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.operators.convolutions import padding, per_axis
from convcalc.imports.onnx.values import Call, Value
from convcalc.layers import Kind, field_types, load

KINDS = {"MaxPool": "max_pool", "AveragePool": "avg_pool"}


def _pool(call: Call) -> Value:
    if len(call.node.outputs) > 1 and call.node.outputs[1]:
        raise Inexpressible("its second output, the places of the largest elements, is used")
    return pooled(call, KINDS[call.node.op])


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
        "ceil_mode": bool(call.attributes.integer("ceil_mode")) and "auto_pad" not in _words(call),
    }
    if fields["stride"] == kernel:
        del fields["stride"]
    dilation = per_axis(call, "dilations", rank)
    if "dilation" in types:
        fields["dilation"] = dilation
    elif set(dilation) - {1}:
        raise Inexpressible("a pool of positions that are apart (dilations)")
    padded = isinstance(fields["padding"], str) or any(map(any, fields["padding"]))
    if "count_include_pad" in types and padded:
        fields["count_include_pad"] = bool(call.attributes.integer("count_include_pad"))
    return call.out(call.layer(name, fields | (more or {}), x))


def _words(call: Call) -> set[str]:
    """`auto_pad` if it is said: it gives the number of outputs, which ceil_mode has no say in."""
    return {"auto_pad"} if call.attributes.text("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER") else set()


def _global(kind: str) -> Any:
    def pool(call: Call) -> Value:
        return call.out(call.layer(kind, {"keepdim": True}, call.map()))

    return pool


OPERATORS = {
    "MaxPool": _pool,
    "AveragePool": _pool,
    "GlobalAveragePool": _global("global_avg_pool"),
    "GlobalMaxPool": _global("global_max_pool"),
}
