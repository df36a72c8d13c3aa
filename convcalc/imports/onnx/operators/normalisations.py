"""Normalisations: batch, instance, group, layer, of the mean square, to length 1, and local response.

One whose scale and shift come as tensors is the norm without its own, then a product and a sum with them; one that
knows its statistics by tensors is what these amount to, a factor and an addend a channel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.values import Call, Value, from_front, own_axis, parameter, viewed
from convcalc.imports.written_numbers import tidy


def _is_learned(constants: Sequence[Constant]) -> bool:
    """Whether a scale and shift are learned ones, not ones and zeros that an operator could not do without.

    Those that exporters fill in are made of no array of the file.
    """
    return any(constant.made_of for constant in constants) or not all(
        constant.only_number == neutral or constant.numbers is None
        for constant, neutral in zip(constants, (1.0, 0.0), strict=False)
    )


def _learned(constants: Sequence[Constant]) -> bool | str:
    """Which of a scale and a shift are learned, in the words of `affine`."""
    if not _is_learned(constants):
        return False
    if _is_filled_in(constants[0], 1.0):
        return "shift"
    return "scale" if len(constants) > 1 and _is_filled_in(constants[1], 0.0) else True


def _is_filled_in(constant: Constant, neutral: float) -> bool:
    return not constant.made_of and constant.only_number == neutral


def _named(constants: Sequence[Constant], affine: bool | str) -> dict[str, Constant]:
    """A scale and a shift as far as they are learned, by the names that all norms have for these."""
    learned = {True: ("weight", "bias"), "scale": ("weight",), "shift": ("bias",)}.get(affine, ())
    named = dict(zip(("weight", "bias"), constants, strict=False))
    return {name: constant for name, constant in named.items() if name in learned}


def _eps(call: Call, default: float = 1e-5) -> float:
    return tidy(call.attributes.real("epsilon", default))


def _channels_first(call: Call) -> tuple[Draft, Callable[[Draft], Value]]:
    """The input with channels first, and what puts a tensor like it back: where axis 0 is no batch, it moves behind."""
    value = call.value(0)
    rank = len(value.shape)
    if rank < 2:
        raise Inexpressible(f"a tensor of shape {list(value.shape)}, where batch and channels are expected")
    if value.shape[0] == 1:
        return viewed(call.builder, value, 0), call.out
    turned: dict[str, Any] = {"axes": (1, 0, *range(2, rank))}
    x = call.layer("permute", turned, viewed(call.builder, value, None))
    return x, lambda y: call.out(call.layer("permute", turned, y), None)


def _of_channels(call: Call, index: int, channels: int) -> Draft:
    """A scale, shift or statistic as a tensor of one number a channel."""
    value = call.value(index)
    if value.constant is not None:
        return parameter(call.builder, value.constant, (channels,))
    return call.builder.reshaped(viewed(call.builder, value, value.batch), (channels,))


def _all_constant(call: Call, *places: int) -> bool:
    return all(call.value(index).constant is not None for index in places)


def _scaled(call: Call, x: Draft) -> Draft:
    """Times a tensor of a number a channel, plus another."""
    factor, addend = (_of_channels(call, index, x.shape[0]) for index in (1, 2))
    return call.layer("add", {}, call.layer("mul", {}, x, factor), addend)


def _batch_norm(call: Call) -> list[Value]:
    if call.attributes.integer("training_mode") or any(call.node.outputs[1:]):
        return _batch_norm_in_training(call)
    x, back = _channels_first(call)
    fields: dict[str, Any] = {"eps": _eps(call)}
    if not _all_constant(call, 3, 4):
        return [back(_with_statistics(call, x, *(_of_channels(call, index, x.shape[0]) for index in (3, 4))))]
    arrays = [call.constant(index) for index in (1, 2)] if _all_constant(call, 1, 2) else []
    affine = bool(arrays) and _learned(arrays)
    named = _named(arrays, affine)
    named |= {"running_mean": call.constant(3), "running_var": call.constant(4)}
    y = call.layer("batch_norm", {**fields, "affine": affine}, x, arrays=named)
    return [back(y if arrays else _scaled(call, y))]


def _with_statistics(call: Call, x: Draft, mean: Draft, variance: Draft) -> Draft:
    """A norm whose statistics are tensors: the factor and the addend that they come to, a channel."""
    shifted = call.layer("affine", {"addend": _eps(call)}, variance)
    inverse = call.layer("pow", {"exponent": -0.5}, shifted)
    factor = call.layer("mul", {}, inverse, _of_channels(call, 1, x.shape[0]))
    moved = call.layer("mul", {}, mean, factor)
    addend = call.layer("sub", {}, _of_channels(call, 2, x.shape[0]), moved)
    return call.layer("add", {}, call.layer("mul", {}, x, factor), addend)


def _batch_norm_in_training(call: Call) -> list[Value]:
    """By the statistics of what enters; the running ones are moved towards them."""
    x, back = _channels_first(call)
    own = _all_constant(call, 1, 2)
    arrays = [call.constant(index) for index in (1, 2)] if own else []
    affine = own and _learned(arrays)
    fields = {"eps": _eps(call), "affine": affine, "track_running_stats": False}
    y = call.layer("batch_norm", fields, x, arrays=_named(arrays, affine))
    outputs = [back(y if own else _scaled(call, y))]
    if not any(call.node.outputs[1:]):
        return outputs
    flat = call.builder.reshaped(x, (x.shape[0], prod(x.shape[1:])))
    mean, variance = _moments(call, flat, (1,), keepdim=False)
    momentum = tidy(call.attributes.real("momentum", 0.9))
    for place, measured in ((3, mean), (4, variance)):
        kept = call.layer("affine", {"factor": momentum}, _of_channels(call, place, x.shape[0]))
        moved = call.layer("affine", {"factor": tidy(1 - momentum)}, measured)
        outputs.append(call.out(call.layer("add", {}, kept, moved), None))
    return [*outputs, call.out(mean, None), call.out(variance, None)]


def _moments(call: Call, x: Draft, axes: tuple[int, ...], *, keepdim: bool) -> tuple[Draft, Draft]:
    """Mean and variance along axes, where they are needed by themselves."""
    measure = {"axes": axes, "keepdim": True}
    mean = call.layer("reduce", measure, x)
    squares = call.layer("pow", {"exponent": 2.0}, call.layer("sub", {}, x, mean))
    variance = call.layer("reduce", measure, squares)
    if keepdim:
        return mean, variance
    kept = tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
    return call.builder.reshaped(mean, kept), call.builder.reshaped(variance, kept)


def _within_samples(call: Call, kind: str) -> Value:
    """A norm of each sample by itself, of all its channels or of groups of them."""
    value = call.value(0)
    if len(value.shape) < 2:
        raise Inexpressible(f"a tensor of shape {list(value.shape)}, where batch and channels are expected")
    if value.shape[0] != 1:
        return _within_each(call, kind)
    x = viewed(call.builder, value, 0)
    fields: dict[str, Any] = {"eps": _eps(call)}
    if kind == "group_norm":
        fields["num_groups"] = call.attributes.integer("num_groups", 1)
    if not _all_constant(call, 1, 2):
        bare = call.layer(kind, {**fields, "affine": False}, x)
        return call.out(_in_groups(call, bare, _scaled))
    arrays = [call.constant(index) for index in (1, 2)]
    affine = _learned(arrays)
    if affine and arrays[0].shape != (x.shape[0],):
        bare = call.layer(kind, {**fields, "affine": False}, x)
        named = _named(arrays, affine=True)
        return call.out(_in_groups(call, bare, lambda call, y: _learned_scale(call, y, named)))
    return call.out(call.layer(kind, {**fields, "affine": affine}, x, arrays=_named(arrays, affine)))


def _learned_scale(call: Call, y: Draft, arrays: dict[str, Constant]) -> Draft:
    """The scale and the shift of a norm as a layer of their own."""
    draft = call.layer("scale", {"bias": True}, y, arrays=arrays)
    draft.is_stated = True
    return draft


def _in_groups(call: Call, x: Draft, work: Callable[[Call, Draft], Draft]) -> Draft:
    """What is done with a scale and a shift of one number a channel, or in opset 18 a group of channels."""
    count = prod(call.value(1).shape)
    if count == x.shape[0]:
        return work(call, x)
    if not count or x.shape[0] % count:
        raise Inexpressible(f"a scale of shape {list(call.value(1).shape)} for {x.shape[0]} channels")
    together = call.builder.reshaped(x, (count, x.shape[0] // count, *x.shape[1:]))
    return call.builder.reshaped(work(call, together), x.shape)


def _within_each(call: Call, kind: str) -> Value:
    """As `_within_samples`, where axis 0 is no batch: over the positions of each channel, or of each group of them."""
    value = call.value(0)
    x = viewed(call.builder, value, None)
    count, channels = x.shape[:2]
    parts = call.attributes.integer("num_groups", 1) if kind == "group_norm" else channels
    if parts < 1 or channels % parts:
        raise Inexpressible(f"{parts} groups of {channels} channels")
    flat = call.builder.reshaped(x, (count, parts, channels // parts * prod(x.shape[2:])))
    normalised = call.layer("layer_norm", {"axes": (-1,), "eps": _eps(call), "elementwise_affine": False}, flat)
    places = prod(call.value(1).shape)
    apart = call.builder.reshaped(normalised, (count, places, channels // places, *x.shape[2:]))
    factor, addend = (call.builder.reshaped(_of_channels(call, index, places), (1, places)) for index in (1, 2))
    y = call.layer("add", {}, call.layer("mul", {}, apart, factor), addend)
    return call.out(call.builder.reshaped(y, x.shape), None)


def _layer_norm(call: Call, kind: str = "layer_norm") -> list[Value]:
    """A norm of all axes from one on. Its mean and inverse deviation, where they are used, are worked out beside it."""
    value = call.value(0)
    rank = len(value.shape)
    first = call.axis("axis", -1, rank)
    batch = value.batch if value.batch is not None and value.batch < first else None
    if batch is None and value.shape[0] == 1 and first > 0:
        batch = 0
    x = viewed(call.builder, value, batch)
    axes = tuple(own_axis(axis, batch) - len(x.shape) for axis in range(first, rank))
    fields: dict[str, Any] = {"axes": axes, "eps": _eps(call)}
    there = [call.value(index) for index in (1, 2) if call.has(index)]
    arrays = [array.constant for array in there if array.constant is not None]
    own = len(arrays) == len(there) and all(_fits(array.shape, value.shape[first:]) for array in arrays)
    affine = own and _learned(arrays)
    fields["elementwise_affine"] = affine == "scale" or affine
    if kind == "layer_norm":
        fields["bias"] = affine != "scale" and (len(arrays) > 1 or affine is not True)
    y = call.layer(kind, fields, x, arrays=_named(arrays, affine))
    if not own:
        for work, array in zip(("mul", "add"), there, strict=False):
            y = call.layer(work, {}, y, viewed(call.builder, array, batch, rank))
    return [call.out(y, batch), *_statistics(call, x, axes, batch)]


def _statistics(call: Call, x: Draft, axes: tuple[int, ...], batch: int | None) -> list[Value]:
    """The mean and the inverse of the deviation of a layer norm, where the file has them."""
    if not any(call.node.outputs[1:]):
        return []
    mean, variance = _moments(call, x, axes, keepdim=True)
    deviation = call.layer("affine", {"addend": _eps(call)}, variance)
    return [call.out(mean, batch), call.out(call.layer("pow", {"exponent": -0.5}, deviation), batch)]


def _fits(shape: Sequence[int], sizes: Sequence[int]) -> bool:
    """Whether a scale has a number for each place along the axes, and no other axes than these."""
    lacking = len(shape) - len(sizes)
    return lacking >= 0 and tuple(shape[lacking:]) == tuple(sizes) and all(size == 1 for size in shape[:lacking])


def _lrn(call: Call) -> Value:
    fields = {
        "size": call.attributes.integer("size", 1),
        "alpha": tidy(call.attributes.real("alpha", 1e-4)),
        "beta": tidy(call.attributes.real("beta", 0.75)),
        "k": tidy(call.attributes.real("bias", 1.0)),
    }
    x, back = _channels_first(call)
    return back(call.layer("local_response_norm", fields, x))


def _without_batch(call: Call, axes: Sequence[int]) -> tuple[Draft, tuple[int, ...], int | None]:
    """The input, axes of it as ours, and which axis is left out: none where the batch is among these and has size."""
    value = call.value(0)
    own = [axis for axis in axes if value.shape[axis] > 1]
    batch = 0 if len(value.shape) > 1 and value.shape[0] == 1 and own else None
    x = viewed(call.builder, value, batch)
    return x, tuple(own_axis(axis, batch) for axis in own or axes), batch


def _lp_norm(call: Call) -> Value:
    axis = call.axis("axis", -1, len(call.value(0).shape))
    x, axes, batch = _without_batch(call, [axis])
    return call.out(call.layer("normalize", {"axis": axes[0], "p": call.attributes.integer("p", 2)}, x), batch)


_ADDED_TO_DEVIATION = 1e-9


def _mean_variance(call: Call) -> Value:
    """ONNX adds a billionth to the deviation, which as good as its square added to the variance is."""
    rank = len(call.value(0).shape)
    axes = sorted({from_front(axis, rank) for axis in call.attributes.integers("axes") or [0, 2, 3]})
    x, own, batch = _without_batch(call, axes)
    fields = {"axes": own, "eps": _ADDED_TO_DEVIATION**2, "elementwise_affine": False}
    return call.out(call.layer("layer_norm", fields, x), batch)


OPERATORS = {
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": partial(_within_samples, kind="instance_norm"),
    "GroupNormalization": partial(_within_samples, kind="group_norm"),
    "LayerNormalization": _layer_norm,
    "RMSNormalization": partial(_layer_norm, kind="rms_norm"),
    "LpNormalization": _lp_norm,
    "MeanVarianceNormalization": _mean_variance,
    "LRN": _lrn,
    "com.microsoft.LayerNormalization": _layer_norm,
}
