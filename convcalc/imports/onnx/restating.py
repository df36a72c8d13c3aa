"""One operator in terms of others: a node that does what several of ONNX's own do is read as these."""

from __future__ import annotations

from msgspec.structs import replace

from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import kept_batches
from convcalc.imports.onnx.declared import operator_of
from convcalc.imports.onnx.nodes import Attributes
from convcalc.imports.onnx.values import Call, Value

_NEWEST = 23
"""The opset that operators are restated in."""


def restated(call: Call, op: str, *inputs: Value | None, **attributes: object) -> Value:
    """The first output of another operator; its attributes are the node's own but where others are given."""
    operator = operator_of(op)
    if operator is None:
        raise Inexpressible(f"{op} in it, which no kind expresses")
    domain, _, name = op.rpartition(".")
    own = Attributes({**call.attributes, **attributes})
    node = replace(call.node, op=name, domain=domain, attributes=own, outputs=call.node.outputs[:1])
    outputs = kept_batches.applied(operator, Call(call.builder, node, [*inputs], _NEWEST))
    return outputs[0] if isinstance(outputs, list) else outputs


def optional(call: Call, place: int) -> Value | None:
    """An input that may be left out."""
    return call.inputs[place] if place < len(call.inputs) else None


def channels_first(call: Call, value: Value) -> Value:
    """[batch, positions, channels] as [batch, channels, positions]."""
    rank = len(value.shape)
    return restated(call, "Transpose", value, perm=[0, rank - 1, *range(1, rank - 1)])


def channels_last(call: Call, value: Value) -> Value:
    """The reverse of `channels_first`."""
    rank = len(value.shape)
    return restated(call, "Transpose", value, perm=[0, *range(2, rank), 1])
