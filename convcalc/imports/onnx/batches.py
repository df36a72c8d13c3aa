"""Along which axis the samples of a batch leave each operator: one rule a family (see `samples`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from convcalc.imports.onnx import batch_arrangements
from convcalc.imports.onnx.arithmetic import ELEMENTWISE
from convcalc.imports.onnx.batch_arrangements import Rule
from convcalc.imports.onnx.declared import operator_of
from convcalc.imports.onnx.operators.einsum import spelled
from convcalc.imports.onnx.operators.reductions import reduced_axes
from convcalc.imports.onnx.samples import Batch, Mixed, Places, samples_of
from convcalc.imports.onnx.values import Call, from_front


def passes(batch: Batch, call: Call) -> Places:
    """The axis along which the samples of a batch of several leave an operator; its inputs become those of one.

    Where it is not the same for all outputs: that of each.

    Raises:
        Mixed: samples meet.
        Inexpressible: the operator contradicts itself.
    """
    if call.node.op not in _MAKES_SAMPLES and all(value.samples is None for value in call.values()):
        return None
    rule = RULES.get(call.node.op)
    if rule is None and operator_of(call.node.operator) is None:
        return call.value(0).samples if call.has(0) else None
    return (rule or _unread)(batch, call)


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


def _like(batch: Batch, call: Call) -> int | None:
    """The first tensor, of the type of the second."""
    return call.value(0).samples


def _loss(batch: Batch, call: Call) -> int:
    """What each sample loses, or all of them together."""
    if call.attributes.text("reduction", "mean") != "none":
        raise Mixed("takes the samples together")
    if any(value.samples != 0 for value in call.values()[:2]):
        raise Mixed("works across the samples, where axis 0 should hold them")
    return 0


def _maps(batch: Batch, call: Call, places: Sequence[int] = (0,), for_all: Sequence[int] = ()) -> int:
    """Maps, whose first axis is the batch and whose second the channels.

    `places` are those of all inputs that are; at `for_all` one may be for all samples: a mask, or angles.
    """
    for place, value in enumerate(call.inputs):
        if value is None or (value.constant is not None and value.samples is None):
            continue
        if place not in places and value.samples is not None:
            raise Mixed("reads numbers that differ from sample to sample where one for all is expected")
        if value.samples not in (0, None):
            raise Mixed("works across the samples, where axis 0 should hold them")
        is_for_all = place in for_all and (value.shape[0] == 1 or len(value.shape) < 4)
        if place in places and value.samples is None and not is_for_all:
            raise Mixed("reads one map for all samples")
    batch.is_stated = True
    return 0


def _normalised(batch: Batch, call: Call) -> int:
    """Maps brought to other statistics, which are those of all samples in training."""
    if call.flag("training_mode") or any(call.node.outputs[1:]):
        raise Mixed("takes mean and variance over the samples")
    return _maps(batch, call)


def _recurrent(batch: Batch, call: Call) -> Places:
    """Steps of sequences: in the layout that is usual the batch is behind the steps, and behind directions in states.

    What leaves are all steps, the last state, and for some the last cell.
    """
    is_in_front = call.flag("layout")
    entering = {0: 0 if is_in_front else 1, 4: 0, 5: 0 if is_in_front else 1, 6: 0 if is_in_front else 1}
    for place, value in enumerate(call.inputs):
        if value is None:
            continue
        axis = entering.get(place)
        if value.samples not in (axis, None):
            raise Mixed("works along the samples")
        if value.samples is None and axis is not None:
            call.inputs[place] = batch.of_one(value, axis)
    batch.is_stated = True
    return (0, 0, 0) if is_in_front else (2, 1, 1)


def _reduced(batch: Batch, call: Call) -> int:
    value = call.value(0)
    axis, axes = samples_of(value), reduced_axes(call, len(value.shape)) or []
    if axis in axes:
        raise Mixed("takes the samples together")
    return axis if call.flag("keepdims", 1) else axis - sum(place < axis for place in axes)


def _argued(batch: Batch, call: Call) -> int:
    """The place of the largest or smallest of an axis."""
    value, keepdims = call.value(0), call.flag("keepdims", 1)
    gone, axis = call.axis("axis", 0, len(value.shape)), samples_of(value)
    if gone == axis:
        raise Mixed("takes the samples together")
    return axis if keepdims or gone > axis else axis - 1


def _along(batch: Batch, call: Call) -> int:
    """What works along one axis, or along all from there on: norms of layers, and before opset 13 softmax, from 1."""
    value, is_older_softmax = call.value(0), call.node.op in _SOFTMAXES and call.opset < 13
    rank = len(value.shape)
    axis = call.axis("axis", 1 if is_older_softmax else -1, rank)
    if any(other is not None and other.samples is not None for other in call.inputs[1:]):
        raise Mixed("reads numbers that differ from sample to sample where one for all is expected")
    goes_on = is_older_softmax or call.node.op in _LAYER_NORMS
    if samples_of(value) in range(axis, rank if goes_on else axis + 1):
        raise Mixed("works along the samples")
    return samples_of(value)


def _accumulated(batch: Batch, call: Call) -> int:
    """Sums of all positions up to each, on an axis that is an input."""
    value, axes = call.value(0), call.numbers(1) or []
    if samples_of(value) in [from_front(axis, len(value.shape)) for axis in axes]:
        raise Mixed("works along the samples")
    return samples_of(value)


def _triangle(batch: Batch, call: Call) -> int:
    value = call.value(0)
    if samples_of(value) >= len(value.shape) - 2:
        raise Mixed("chooses among the samples")
    return samples_of(value)


def _over_axes(batch: Batch, call: Call) -> int:
    """What is normalised over several axes, that of the batch among them unless others are named."""
    value = call.value(0)
    axes = call.attributes.integers("axes") or [0, 2, 3]
    if samples_of(value) in [from_front(axis, len(value.shape)) for axis in axes]:
        raise Mixed("works along the samples")
    return samples_of(value)


def _by_place(batch: Batch, call: Call) -> int:
    """Elements named one by one along an axis: data, places and perhaps updates lie alike."""
    place, *others = {value.samples for value in call.values()}
    axis = call.axis("axis", 0, len(call.value(0).shape))
    if others or place is None or place == axis:
        raise Mixed("takes some of the samples")
    return place


def _one_hot(batch: Batch, call: Call) -> int:
    place = samples_of(call.value(0))
    return place + (call.axis("axis", -1, len(call.value(0).shape) + 1) <= place)


def _matmul(batch: Batch, call: Call, at: int = 1) -> int:
    """Rows by columns: what is summed over are the last axis of the first and the last but one of the second.

    `at` is the place of the second.
    """
    first, second = call.value(0), call.value(at)
    rank = max(len(first.shape), len(second.shape))
    ends = [None if value.samples is None else value.samples - len(value.shape) for value in (first, second)]
    if ends[0] == -1 or (ends[1] is not None and ends[1] == max(-2, -len(second.shape))):
        raise Mixed("sums over the samples")
    if None not in ends:
        if ends[0] != ends[1] or ends[0] == -2:
            raise Mixed("brings each sample together with every other")
        return rank + (ends[0] or 0)
    end = next(end for end in ends if end is not None)
    other, alike = (at, second) if ends[0] is not None else (0, first)
    if end < -2 and len(alike.shape) >= -end:
        call.inputs[other] = batch.of_one(alike, len(alike.shape) + end)
    return rank + end - (len(first.shape) == 1 and end == -1)  # a vector in front has no row that leaves


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


def _fused_matmul(batch: Batch, call: Call) -> int:
    """Matrices that may be turned first, so that their rows are samples only where there are more axes in front."""
    flags = ("transA", "transB", "transBatchA", "transBatchB")
    ends = [value.samples - len(value.shape) for value in call.values() if value.samples is not None]
    if any(map(call.flag, flags)) and any(end >= -2 for end in ends):
        raise Mixed("turns the samples")
    return _matmul(batch, call)


def _by_rows(batch: Batch, call: Call) -> int:
    """The last axis by a matrix that is the same for all samples."""
    value = call.value(0)
    if samples_of(value) == len(value.shape) - 1:
        raise Mixed("sums over the samples")
    return samples_of(value)


def _rounded_parts(batch: Batch, call: Call) -> int:
    """Tensors end to end, each with a scale and a zero point behind it."""
    parts = [call.value(place) for place in range(2, len(call.inputs), 3)]
    place, *others = {samples_of(part) for part in parts}
    if others or place == call.axis("axis", 1, len(parts[0].shape)):
        raise Mixed("lays samples end to end")
    return place


def _einsum(batch: Batch, call: Call) -> int:
    terms, result = spelled(call.attributes.text("equation"), [len(value.shape) for value in call.values()])
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


def _center_crop_pad(batch: Batch, call: Call) -> int:
    value = call.value(0)
    rank = len(value.shape)
    axes = [from_front(axis, rank) for axis in call.attributes.integers("axes") or range(rank)]
    if samples_of(value) in axes:
        raise Mixed("cuts or adds samples")
    return samples_of(value)


def _unread(batch: Batch, call: Call) -> int:
    raise Mixed("does something with the batch that is not followed")


_SOFTMAXES = ("Softmax", "LogSoftmax", "Hardmax")
_LAYER_NORMS = ("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization")


_MAKES_SAMPLES = {"ConstantOfShape", "Expand", "Tile"}
"""Operators that repeat what is the same for all samples, by a number that may be theirs."""


def _ruled(rule: Rule, operators: Sequence[str] | str) -> dict[str, Rule]:
    return dict.fromkeys(operators.split() if isinstance(operators, str) else operators, rule)


def _of_maps(*places: int, for_all: Sequence[int] = ()) -> Callable[[Batch, Call], int]:
    return partial(_maps, places=places, for_all=for_all)


RULES: dict[str, Rule] = {
    **_ruled(_meeting, sorted(ELEMENTWISE)),
    **_ruled(_meeting, "Mean BitShift PRelu BitwiseAnd BitwiseOr BitwiseXor SwiGLU QLinearAdd QLinearMul"),
    **_ruled(
        _onto_itself,
        "Identity Dropout Cast QuantizeLinear DequantizeLinear LeakyRelu Elu Celu HardSigmoid Clip Gelu FastGelu "
        "QuickGelu Swish HardSwish Mish Softsign Softplus Selu ThresholdedRelu Shrink Acos Acosh Asin Asinh Atan Atanh "
        "Tan Sinh Cosh IsInf IsNaN BitwiseNot BitCast Affine ParametricSoftplus ScaledTanh Scale Quant "
        "QLinearSigmoid "
        "QLinearLeakyRelu QLinearSoftmax",
    ),
    **_ruled(
        _maps,
        "ConvTranspose ConvInteger QLinearConv NhwcConv MaxPool AveragePool GlobalAveragePool GlobalMaxPool "
        "LpPool GlobalLpPool QLinearAveragePool QLinearGlobalAveragePool NhwcMaxPool InstanceNormalization "
        "GroupNormalization GroupNorm LRN DepthToSpace SpaceToDepth BiasGelu Col2Im MaxUnpool QAttention ImageScaler "
        "Crop QGemm ReorderInput ReorderOutput BiasSplitGelu",
    ),
    "BatchNormalization": _normalised,
    **_ruled(_of_maps(0, 3), "Conv FusedConv NhwcFusedConv"),  # with another map added to what leaves
    "DeformConv": _of_maps(0, 2, 4),
    "GridSample": _of_maps(0, 1),
    **_ruled(_of_maps(0, 1), "SkipLayerNormalization SkipSimplifiedLayerNormalization"),
    "BiasSoftmax": _of_maps(0, 1, for_all=(1,)),
    "BiasAdd": _of_maps(0, 2),
    "SkipGroupNorm": _of_maps(0, 3, 4),
    "AffineGrid": _of_maps(0),
    "MultiHeadAttention": _of_maps(0, 1, 2),
    **_ruled(_of_maps(0, 1, 2, 3, 4, 5, 6, for_all=(3,)), "Attention FlexAttention"),
    "RotaryEmbedding": _of_maps(0, 1, 2, 3, for_all=(1, 2)),
    "CausalConvWithState": _of_maps(0, 3),
    **_ruled(_recurrent, "LSTM GRU RNN DynamicQuantizeLSTM"),
    **_ruled(
        _reduced,
        "ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum "
        "ReduceLogSumExp",
    ),
    **_ruled(_argued, "ArgMax ArgMin"),
    **_ruled(_along, [*_SOFTMAXES, *_LAYER_NORMS, "LpNormalization", "TopK"]),
    **_ruled(_accumulated, "CumSum CumProd"),
    **_ruled(_by_place, "GatherElements ScatterElements Scatter"),
    **batch_arrangements.RULES,
    **_ruled(_matmul, "MatMul MatMulInteger DynamicQuantizeMatMul MatMulIntegerToFloat"),
    **_ruled(_fused_matmul, "FusedMatMul FusedMatMulActivation TransposeMatMul"),
    **_ruled(_by_rows, "MatMulNBits MatMulBnb4"),
    "QLinearConcat": _rounded_parts,
    "QLinearMatMul": partial(_matmul, at=3),
    **_ruled(_gemm, "Gemm FusedGemm"),
    **_ruled(_loss, "NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss"),
    "Einsum": _einsum,
    "CastLike": _like,
    "DynamicQuantizeLinear": lambda batch, call: (call.value(0).samples, None, None),
    "MeanVarianceNormalization": _over_axes,
    "CenterCropPad": _center_crop_pad,
    "OneHot": _one_hot,
    "Trilu": _triangle,
    **_ruled(_unread, "NonZero Range ScatterND GatherND EyeLike RoiAlign"),
}
"""By operator, whatever its domain. What is read and not here does something with a batch that is not followed."""
