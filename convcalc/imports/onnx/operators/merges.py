"""Tensors that meet element by element, with one another, with numbers and with parameters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import inf

from convcalc.imports.drafts import Draft
from convcalc.imports.onnx.constants import Constant, broadcast, is_learned
from convcalc.imports.onnx.operators.activations import held, onto_itself
from convcalc.imports.onnx.values import Call, Value, parameter, viewed, without
from convcalc.imports.written_numbers import factor_and_addend, tidy


def meeting(call: Call, values: Sequence[Value]) -> tuple[list[Draft], int | None]:
    """Drafts of as many axes each, the batch left out of all, and where it was."""
    shape = broadcast([value.shape for value in values])
    rank = len(shape)
    batches = [value.batch + rank - len(value.shape) for value in values if value.batch is not None]
    batch = next((place for place in [*batches, *range(rank > 1)] if shape[place] == 1), None)
    drafts = []
    for place, value in enumerate(values):
        own = (*(1,) * (rank - len(value.shape)), *value.shape)
        wanted = without(own, batch) or (1,)
        if value.constant is not None:
            is_bias = len(values) == 2 and _is_only_bias(call, value.constant, values[1 - place])
            drafts.append(parameter(call.builder, value.constant, _trimmed(wanted), is_bias=is_bias))
            continue
        x = value.draft
        if x.shape != _trimmed(wanted) or len(wanted) == len(x.shape):
            x = call.builder.reshaped(x, wanted, (call.node,))
        drafts.append(x)
    if max(len(draft.shape) for draft in drafts) < len(without(shape, batch)):
        own = (*(1,) * (rank - len(values[0].shape)), *values[0].shape)
        drafts[0] = call.builder.reshaped(drafts[0], without(own, batch))
    return drafts, batch


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without the ones at its end, which a tensor that is aligned at the channels need not have."""
    length = len(shape)
    while length > 1 and shape[length - 1] == 1:
        length -= 1
    return shape[:length]


def _merge(call: Call, kind: str) -> Value:
    return merged(call, kind, [call.value(index) for index in range(len(call.inputs))])


def merged(call: Call, kind: str, values: Sequence[Value]) -> Value:
    """Tensors and numbers brought together by a kind that does so."""
    if len(values) == 1:
        return values[0]
    if len(values) == 2:
        for place, value in enumerate(values):
            result = _by_number(call, kind, value, values[1 - place], behind=place == 1)
            if result is not None:
                return result
    drafts, batch = meeting(call, values)
    return call.out(call.layer(kind, {}, *drafts), batch)


def _by_number(call: Call, kind: str, value: Value, other: Value, *, behind: bool) -> Value | None:
    """The tensor `other` with a number, if that is all that `value` is and it makes the tensor no larger."""
    constant = value.constant
    number = None if constant is None or is_learned(constant) else constant.only_number
    if (
        number is None
        or _is_only_bias(call, constant, other)
        or other.source is None
        or broadcast([value.shape, other.shape]) != other.shape
    ):
        return None
    if kind == "max":
        return held(call, other, number, inf)
    if kind == "min":
        return held(call, other, -inf, number)
    fields = factor_and_addend(kind, tidy(number), behind=behind)
    if fields is None:
        return None
    x = viewed(call.builder, other, other.batch)
    neutral = fields in ({"addend": 0.0}, {"factor": 1.0})
    return other if neutral else call.out(call.layer("affine", fields, x), other.batch)


def _is_only_bias(call: Call, constant: Constant | None, other: Value) -> bool:
    """Whether a number is the bias of a layer with one output, left to the operator behind it."""
    x = other.source
    if call.node.op != "Add" or constant is None or not constant.made_of or not constant.shape or x is None:
        return False
    axis = {"conv": 0, "conv_transpose": 0, "linear": -1}.get(x.kind)
    return axis is not None and x.shape[axis] == 1 and x.fields.get("bias") is False


OPERATORS = {
    **{op: partial(_merge, kind=op.lower()) for op in ("Add", "Mul", "Sub", "Div", "Max", "Min")},
    "Sum": partial(_merge, kind="add"),
    "Neg": partial(onto_itself, kind="affine", fields={"factor": -1.0}),
}
