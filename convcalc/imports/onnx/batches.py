"""Along which axis the samples of a batch leave each operator: one rule a family (see `samples`)."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.imports.onnx import batch_arrangements, constants
from convcalc.imports.onnx.operators.reductions import reduced_axes
from convcalc.imports.onnx.samples import Batch, Mixed, samples_of
from convcalc.imports.onnx.values import Call


def passes(batch: Batch, call: Call) -> int | None:
    """The axis along which the samples of a batch of several leave an operator; its inputs become those of one.

    Raises:
        Mixed: samples meet.
        Inexpressible: the operator contradicts itself.
    """
    if call.node.op not in _MAKES_SAMPLES and all(value.samples is None for value in call.values()):
        return None
    rule = RULES.get(call.node.op)
    if rule is None:
        return call.value(0).samples if call.has(0) else None
    return rule(batch, call)


def _onto_itself(batch: Batch, call: Call) -> int | None:
    if any(value is not None and value.samples is not None for value in call.inputs[1:]):
        raise Mixed("reads numbers that differ from sample to sample where one for all is expected")
    return call.value(0).samples


def _meeting(batch: Batch, call: Call) -> int | None:
    """Tensors that meet element by element, aligned at their last axes."""
    ends = {value.samples - len(value.shape) for value in call.values() if value.samples is not None}
    if len(ends) > 1:
        raise Mixed("brings each sample together with every other: they lie along different axes of its inputs")
    (end,) = ends
    for place, value in enumerate(call.inputs):
        if value is not None and value.samples is None and len(value.shape) >= -end:
            call.inputs[place] = batch.of_one(value, len(value.shape) + end)
    return max(len(value.shape) for value in call.values()) + end


def _maps(batch: Batch, call: Call) -> int:
    """Maps, whose first axis is the batch and whose second the channels."""
    for value in call.values():
        if value.samples is not None and (value.samples != 0 or value.shape[0] != 1):
            raise Mixed("works across the samples, where axis 0 should hold them")
        if value.samples is None and value.source is not None:
            raise Mixed("reads one map for all samples")
    return 0


def _reduced(batch: Batch, call: Call) -> int:
    value = call.value(0)
    axis, axes = samples_of(value), reduced_axes(call, len(value.shape)) or []
    if axis in axes:
        raise Mixed("takes the samples together")
    return axis if call.flag("keepdims", 1) else axis - sum(place < axis for place in axes)


def _along(batch: Batch, call: Call) -> int:
    """What works along one axis, or along all from there on: layer norm, and before opset 13 softmax, from axis 1."""
    value, is_older_softmax = call.value(0), call.node.op in _SOFTMAXES and call.opset < 13
    rank = len(value.shape)
    axis = call.axis("axis", 1 if is_older_softmax else -1, rank)
    goes_on = is_older_softmax or call.node.op == "LayerNormalization"
    if samples_of(value) in range(axis, rank if goes_on else axis + 1):
        raise Mixed("works along the samples")
    return samples_of(value)


def _matmul(batch: Batch, call: Call) -> int:
    """Rows by columns: what is summed over are the last axis of the first and the last but one of the second."""
    first, second = call.value(0), call.value(1)
    rank = max(len(first.shape), len(second.shape))
    ends = [None if value.samples is None else value.samples - len(value.shape) for value in (first, second)]
    if ends[0] == -1 or (ends[1] is not None and ends[1] == max(-2, -len(second.shape))):
        raise Mixed("sums over the samples")
    if None not in ends:
        if ends[0] != ends[1] or ends[0] == -2:
            raise Mixed("brings each sample together with every other")
        return rank + (ends[0] or 0)
    end = next(end for end in ends if end is not None)
    other, place = (1, second) if ends[0] is not None else (0, first)
    if end < -2 and len(place.shape) >= -end:
        call.inputs[other] = batch.of_one(place, len(place.shape) + end)
    return rank + end


def _gemm(batch: Batch, call: Call) -> int:
    first, second = call.value(0), call.value(1)
    summed = [1 - call.attributes.integer("transA"), call.attributes.integer("transB")]
    if first.samples == summed[0] or second.samples == summed[1]:
        raise Mixed("sums over the samples")
    if (first.samples is None) == (second.samples is None):
        raise Mixed("brings each sample together with every other")
    place = 0 if first.samples is not None else 1
    added = call.inputs[2] if call.has(2) else None
    if added is not None and added.samples is None and len(added.shape) >= 2 - place:
        call.inputs[2] = batch.of_one(added, len(added.shape) - 2 + place)
    return place


def _einsum(batch: Batch, call: Call) -> int:
    left, _, result = call.attributes.text("equation").replace(" ", "").partition("->")
    terms = left.split(",")
    entering = zip(terms, call.inputs, strict=True)
    letter, *others = {term[value.samples] for term, value in entering if value and value.samples is not None}
    if others:
        raise Mixed("brings each sample together with every other")
    if letter not in result:
        raise Mixed("sums over the samples")
    for place, (term, value) in enumerate(zip(terms, call.inputs, strict=True)):
        if value is not None and value.samples is None and letter in term:
            call.inputs[place] = batch.of_one(value, term.index(letter))
    return result.index(letter)


def _recurrent(batch: Batch, call: Call) -> int:
    """Sequences, each by itself, with the batch first or behind the steps; states have it behind the directions."""
    first = 0 if call.flag("layout") else 1
    if samples_of(call.value(0)) != first:
        raise Mixed("takes its steps through the samples")
    for place, axis in ((4, 0), (5, first), (6, first)):
        value = call.inputs[place] if call.has(place) else None
        if value is not None and value.samples is None:
            call.inputs[place] = batch.of_one(value, axis)
        elif value is not None and value.samples != axis:
            raise Mixed("brings each sample together with every other")
    sequence, *states = (*call.node.outputs, "")
    if first and sequence and any(states):
        raise Mixed("has them on other axes of its steps than of its states")
    return 2 if first and sequence else first


def _unread(batch: Batch, call: Call) -> int:
    raise Mixed("does something with the batch that is not followed")


_SOFTMAXES = ("Softmax", "LogSoftmax", "Hardmax")

_MAKES_SAMPLES = {"ConstantOfShape", "Expand", "Tile"}
"""Operators that repeat what is the same for all samples, by a number that may be theirs."""


def _ruled(rule: batch_arrangements.Rule, operators: Sequence[str] | str) -> dict[str, batch_arrangements.Rule]:
    return dict.fromkeys(operators.split() if isinstance(operators, str) else operators, rule)


RULES: dict[str, batch_arrangements.Rule] = {
    **_ruled(_meeting, [*constants.ELEMENTWISE, "Mean", "BitShift", "PRelu"]),
    **_ruled(
        _onto_itself,
        "Identity Dropout Cast CastLike QuantizeLinear DequantizeLinear LeakyRelu Elu Celu HardSigmoid Clip Gelu "
        "FastGelu QuickGelu Swish HardSwish Mish Softsign Softplus Selu ThresholdedRelu Shrink",
    ),
    **_ruled(
        _maps,
        "Conv FusedConv ConvTranspose DeformConv MaxPool AveragePool GlobalAveragePool GlobalMaxPool LpPool "
        "GlobalLpPool BatchNormalization InstanceNormalization GroupNormalization LRN DepthToSpace SpaceToDepth "
        "BiasGelu SkipLayerNormalization Attention",
    ),
    **_ruled(_reduced, "ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare"),
    **_ruled(_along, [*_SOFTMAXES, "LpNormalization", "TopK", "LayerNormalization"]),
    **batch_arrangements.RULES,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Einsum": _einsum,
    **_ruled(_recurrent, "LSTM GRU RNN DynamicQuantizeLSTM"),
    **_ruled(_unread, "CumSum NonZero Range ScatterND Trilu"),
}
"""By operator, whatever its domain."""
