"""Where the samples of a batch are, tensor by tensor, and that nothing makes them meet.

A network of ours has no batch, so every operator is translated for one sample. Of a file whose batch is fixed at more
than one, that is right only while the samples stay apart: `Value.samples` is the axis along which they lie,
`Value.shape` is that of one sample, with 1 on that axis, or, where a reshape put other axes behind the samples in it,
what they hold. A rule says for every operator along which axis they leave; what takes elements of several samples
together, chooses among them or lays them in another order is `Mixed`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from convcalc import steps
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.operators import shapes
from convcalc.imports.onnx.operators.reductions import reduced_axes
from convcalc.imports.onnx.values import Call, Value, constant_value

Shape = tuple[int, ...]


class Mixed(Exception):
    """Samples meet; the message says how."""


class Batch:
    """The samples of a model: how many, 1 where the batch carries nothing that must be watched."""

    def __init__(self, count: int) -> None:
        self.count = count

    def full(self, value: Value) -> Shape:
        """The shape that the file gives a tensor, of all samples."""
        axis = value.samples
        if axis is None:
            return value.shape
        return (*value.shape[:axis], value.shape[axis] * self.count, *value.shape[axis + 1 :])

    def passes(self, call: Call) -> int | None:
        """The axis along which the samples leave an operator; its inputs become those of one sample.

        Raises `Mixed` where samples meet, `Inexpressible` where the operator contradicts itself.
        """
        values = [value for value in call.inputs if value is not None]
        if self.count == 1 or not (any(value.samples is not None for value in values) or call.node.op in MAKES_SAMPLES):
            return None
        rule = RULES.get(call.node.op)
        if rule is None:
            return call.value(0).samples if call.has(0) else None
        return rule(self, call)


def _onto_itself(batch: Batch, call: Call) -> int | None:
    if any(value is not None and value.samples is not None for value in call.inputs[1:]):
        raise Mixed("reads numbers that differ from sample to sample where one for all is expected")
    return call.value(0).samples


def _meeting(batch: Batch, call: Call) -> int | None:
    """Tensors that meet element by element, aligned at their last axes."""
    values = [value for value in call.inputs if value is not None]
    ends = {value.samples - len(value.shape) for value in values if value.samples is not None}
    if len(ends) > 1:
        raise Mixed("brings each sample together with every other: they lie along different axes of its inputs")
    (end,) = ends
    for place, value in enumerate(call.inputs):
        if value is not None and value.samples is None and len(value.shape) >= -end:
            call.inputs[place] = _of_one(batch, value, len(value.shape) + end)
    return max(len(value.shape) for value in values) + end


def _of_one(batch: Batch, value: Value, axis: int) -> Value:
    """A tensor that is not of samples, where it meets them along an axis: the same for each, or `Mixed`."""
    size, constant = value.shape[axis], value.constant
    if size == 1:
        return value
    if size % batch.count == 0 and constant is not None and constant.numbers is not None:
        steps.spend(15 * batch.count + len(constant.numbers) // 2)
        share, ranges = size // batch.count, [range(length) for length in value.shape]
        parts = []
        for start in range(0, size, share):
            ranges[axis] = range(start, start + share)
            parts.append(constants.sliced(constant, ranges))
        if all(part.numbers == parts[0].numbers for part in parts):
            return constant_value(parts[0])
    raise Mixed(f"has other numbers for each sample, in its input of shape {list(value.shape)}")


def _maps(batch: Batch, call: Call) -> int:
    """Maps, whose first axis is the batch and whose second the channels."""
    for value in call.inputs:
        if value is not None and value.samples is not None and (value.samples != 0 or value.shape[0] != 1):
            raise Mixed("works across the samples, where axis 0 should hold them")
        if value is not None and value.samples is None and value.source is not None:
            raise Mixed("reads one map for all samples")
    return 0


def _reduced(batch: Batch, call: Call) -> int:
    value = call.value(0)
    axis, axes = _samples(value), reduced_axes(call, len(value.shape)) or []
    if axis in axes:
        raise Mixed("takes the samples together")
    return axis if call.flag("keepdims", 1) else axis - sum(place < axis for place in axes)


def _samples(value: Value) -> int:
    if value.samples is None:
        raise Mixed("reads from a tensor that is not of samples what another, of samples, says")
    return value.samples


def _along(default: int, until_13: int | None = None) -> Callable[[Batch, Call], int]:
    """What works along one axis; with `until_13`, before that opset along all from there on."""

    def rule(batch: Batch, call: Call) -> int:
        value = call.value(0)
        axis = call.axis("axis", default if until_13 is None or call.opset >= 13 else until_13, len(value.shape))
        last = len(value.shape) if until_13 is not None and call.opset < 13 else axis + 1
        return _apart(value, range(axis, last))

    return rule


def _apart(value: Value, axes: range) -> int:
    samples = _samples(value)
    if samples in axes:
        raise Mixed("works along the samples")
    return samples


def _layer_norm(batch: Batch, call: Call) -> int:
    value = call.value(0)
    return _apart(value, range(call.axis("axis", -1, len(value.shape)), len(value.shape)))


def _turned(batch: Batch, call: Call) -> int:
    rank = len(call.value(0).shape)
    order = call.attributes.integers("perm") or list(reversed(range(rank)))
    return order.index(_samples(call.value(0)))


def landed(before: Shape, axis: int, after: Shape, count: int) -> int | None:
    """The axis of a reshaped tensor along which the samples lie, outermost in it; None where they are torn apart."""
    first = prod(before[:axis])
    for place, size in enumerate(after):
        if size > 1 and prod(after[:place]) == first:
            return place if size % count == 0 else None
    return None


def _lands(batch: Batch, call: Call, after: Shape) -> int:
    value = call.value(0)
    before = batch.full(value)
    place = landed(before, _samples(value), after, batch.count)
    if place is None:
        raise Mixed(f"makes {list(before)} {list(after)}, in which the samples are on no axis of their own")
    return place


def _reshape(batch: Batch, call: Call) -> int:
    if call.value(0).samples is None:
        raise Mixed("has a shape that differs from sample to sample")
    after = shapes.wanted_shape(call, batch.full(call.value(0)))
    place = _lands(batch, call, after)
    call.inputs[1] = constant_value(
        constants.whole([size // batch.count if axis == place else size for axis, size in enumerate(after)])
    )
    return place


def _flatten(batch: Batch, call: Call) -> int:
    return _lands(batch, call, shapes.flat_shape(call, batch.full(call.value(0))))


def _squeeze(batch: Batch, call: Call) -> int:
    shape, samples = batch.full(call.value(0)), _samples(call.value(0))
    gone = shapes.squeezed_axes(call, shape)
    call.inputs[1:] = [constant_value(constants.whole(sorted(gone)))]
    return samples - sum(axis < samples for axis in gone)


def _unsqueeze(batch: Batch, call: Call) -> int:
    value = call.value(0)
    return shapes.unsqueezed_order(call, len(value.shape)).index(_samples(value))


def _concat(batch: Batch, call: Call) -> int:
    values = [value for value in call.inputs if value is not None]
    places = {value.samples for value in values if value.samples is not None}
    (place,) = places if len(places) == 1 else (-1,)
    if place < 0 or call.axis("axis", 1, len(values[0].shape)) == place:
        raise Mixed("lays samples behind one another")
    for index, value in enumerate(call.inputs):
        if value is not None and value.samples is None:
            call.inputs[index] = _of_one(batch, value, place)
    return place


def _slice(batch: Batch, call: Call) -> int:
    value = call.value(0)
    shape, samples = batch.full(value), _samples(value)
    starts, ends = call.numbers(1, "starts") or [], call.numbers(2, "ends") or []
    axes = call.numbers(3, "axes") or list(range(len(starts)))
    steps = call.numbers(4) or [1] * len(starts)
    kept = [number for number, axis in enumerate(axes) if axis % len(shape) != samples]
    for number, axis in enumerate(axes):
        size = shape[axis % len(shape)]
        cut = shapes.places_between(starts[number], ends[number], steps[number], size)
        if number not in kept and cut != range(size):
            raise Mixed("takes some of the samples")
    if len(kept) < len(axes):
        call.inputs[1:] = [
            constant_value(constants.whole([numbers[number] for number in kept]))
            for numbers in (starts, ends, axes, steps)
        ]
    return samples


def _split(batch: Batch, call: Call) -> int:
    if call.axis("axis", 0, len(call.value(0).shape)) == _samples(call.value(0)):
        raise Mixed("parts the samples")
    return _samples(call.value(0))


def _gather(batch: Batch, call: Call) -> int:
    value, indices = call.value(0), call.value(1)
    axis = call.axis("axis", 0, len(value.shape))
    if value.samples is None:
        return axis + _samples(indices)
    if indices.samples is not None or axis == value.samples:
        raise Mixed("takes some of the samples")
    return value.samples if value.samples < axis else value.samples + len(indices.shape) - 1


def _pad(batch: Batch, call: Call) -> int:
    value = call.value(0)
    samples = _samples(value)
    if any(shapes.pad_pairs(call, len(value.shape))[samples]):
        raise Mixed("adds samples")
    return samples


def _resize(batch: Batch, call: Call) -> int:
    """Sizes or scales of all axes are on the batch what it is, or 1; else the operator is told that it resizes it."""
    value = call.value(0)
    samples, full = _samples(value), batch.full(value)
    sizes = call.numbers(3) if call.opset >= 11 and call.has(3) else None
    axes = [axis % len(full) for axis in call.attributes.integers("axes") or range(len(full))]
    if sizes and samples in axes:
        if sizes[axes.index(samples)] != full[samples]:
            raise Mixed("resizes the batch")
        sizes[axes.index(samples)] = value.shape[samples]
        call.inputs[3] = constant_value(constants.whole(sizes))
    return samples


def _expand(batch: Batch, call: Call) -> int | None:
    """What is repeated for every sample is there once for one; a batch is the first axis."""
    value, sizes = call.value(0), call.numbers(1)
    if sizes is None:
        return value.samples
    rank = max(len(value.shape), len(sizes))
    place = None if value.samples is None else value.samples + rank - len(value.shape)
    own = value.shape[0] if len(value.shape) == rank else 1
    if place is None and sizes and len(sizes) == rank > 1 and sizes[0] == batch.count and own == 1:
        place = 0
    if place is not None and place >= rank - len(sizes):
        share = sizes[place - rank + len(sizes)] // batch.count
        sizes = [max(share, 1) if axis == place - rank + len(sizes) else size for axis, size in enumerate(sizes)]
        call.inputs[1] = constant_value(constants.whole(sizes))
    return place


def _tile(batch: Batch, call: Call) -> int | None:
    value, times = call.value(0), call.numbers(1) or []
    if value.samples is None and len(times) > 1 and times[0] == batch.count and value.shape[0] == 1:
        call.inputs[1] = constant_value(constants.whole([1, *times[1:]]))
        return 0
    if value.samples is not None and times[value.samples] != 1:
        raise Mixed("repeats the samples")
    return value.samples


def _constant_of_shape(batch: Batch, call: Call) -> int | None:
    sizes = call.numbers(0) or []
    if len(sizes) < 2 or sizes[0] != batch.count:
        return None
    call.inputs[0] = constant_value(constants.whole([1, *sizes[1:]]))
    return 0


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
        call.inputs[other] = _of_one(batch, place, len(place.shape) + end)
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
        call.inputs[2] = _of_one(batch, added, len(added.shape) - 2 + place)
    return place


def _einsum(batch: Batch, call: Call) -> int:
    left, _, result = call.attributes.text("equation").replace(" ", "").partition("->")
    terms = left.split(",")
    letters = {
        term[value.samples]
        for term, value in zip(terms, call.inputs, strict=True)
        if value is not None and value.samples is not None
    }
    if len(letters) > 1:
        raise Mixed("brings each sample together with every other")
    (letter,) = letters
    if letter not in result:
        raise Mixed("sums over the samples")
    for place, (term, value) in enumerate(zip(terms, call.inputs, strict=True)):
        if value is not None and value.samples is None and letter in term:
            call.inputs[place] = _of_one(batch, value, term.index(letter))
    return result.index(letter)


def _unread(batch: Batch, call: Call) -> int:
    raise Mixed("does something with the batch that is not followed")


Rule = Callable[[Batch, Call], int | None]

MAKES_SAMPLES = {"ConstantOfShape", "Expand", "Tile"}
"""Operators that repeat what is the same for all samples, by a number that may be theirs."""


def _ruled(rule: Rule, operators: Sequence[str] | str) -> dict[str, Rule]:
    return dict.fromkeys(operators.split() if isinstance(operators, str) else operators, rule)


RULES: dict[str, Rule] = {
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
    **_ruled(_along(-1, until_13=1), "Softmax LogSoftmax Hardmax"),
    **_ruled(_along(-1), "LpNormalization TopK"),
    **_ruled(_layer_norm, "LayerNormalization"),
    "Transpose": _turned,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
    "Expand": _expand,
    "Tile": _tile,
    "ConstantOfShape": _constant_of_shape,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Einsum": _einsum,
    **_ruled(_unread, "CumSum NonZero Range ScatterND Trilu"),
}
"""By operator, whatever its domain."""
