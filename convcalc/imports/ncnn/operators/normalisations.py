"""Norms and scales, and what takes axes together."""

from __future__ import annotations

from math import prod
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import CannotImport, Inexpressible
from convcalc.imports.ncnn.operators import NcnnCall

_REDUCTIONS = {
    0: "sum", 1: "l1", 2: "sum_square", 3: "mean", 4: "max", 5: "min", 6: "prod",
    7: "l1", 8: "l2", 9: "log_sum", 10: "log_sum_exp",
}  # fmt: skip

_EPS = 0.001


def _channels(call: NcnnCall, number: int) -> int:
    channels = call.node.integer(number)
    if channels != call.x.shape[0]:
        raise CannotImport(f"{call.x.shape[0]} channels enter, and {number}={channels}")
    return channels


def _batch_norm(call: NcnnCall) -> Draft:
    channels = _channels(call, 0)
    arrays = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (channels,))
    return call.layer("batch_norm", {"eps": call.node.real(1)}, call.x, arrays=arrays)


def _scale(call: NcnnCall) -> Draft:
    if call.node.integer(0) == -233 or len(call.inputs) > 1:  # another blob scales
        scaled = call.layer("mul", {}, call.x, call.input(1))
        if not call.node.integer(1):
            return scaled
        return _shifted(call, scaled, call.x.shape[0])
    size, bias = call.node.integer(0), bool(call.node.integer(1))
    if size != call.x.shape[0]:
        if size != 1:
            raise CannotImport(f"{call.x.shape[0]} channels enter, and 0={size}")
        return _by_one(call, bias=bias)
    arrays = {"weight": (size,)} | ({"bias": (size,)} if bias else {})
    draft = call.layer("scale", {"bias": bias}, call.x, arrays=arrays)
    draft.is_stated = True
    return draft


def _by_one(call: NcnnCall, *, bias: bool) -> Draft:
    """The whole times one learned number."""
    number = call.layer("parameter", {"sizes": (1,)}, *call.builder.entering(), arrays={"weight": (1,)})
    scaled = call.layer("mul", {}, call.x, number)
    return _shifted(call, scaled, 1) if bias else scaled


def _shifted(call: NcnnCall, x: Draft, size: int) -> Draft:
    shift = call.layer("parameter", {"sizes": (size,)}, *call.builder.entering(), arrays={"bias": (size,)})
    return call.layer("add", {}, x, shift)


def _bias(call: NcnnCall) -> Draft:
    size = call.node.integer(0)
    if size not in (1, call.x.shape[0]):
        raise CannotImport(f"{call.x.shape[0]} channels enter, and 0={size}")
    return _shifted(call, call.x, size)


def _last_axes(call: NcnnCall, size: int) -> tuple[int, ...]:
    """The innermost axes which together have so many elements: the last, or the positions of every channel."""
    shape = call.x.shape
    for count in range(1, len(shape) + 1):
        if prod(shape[-count:]) == size:
            return tuple(range(-count, 0))
    raise CannotImport(f"a norm over {size} elements of a blob of shape {list(shape)}")


def _layer_norm(call: NcnnCall) -> Draft:
    return _normed(call, "layer_norm", {"weight", "bias"})


def _rms_norm(call: NcnnCall) -> Draft:
    return _normed(call, "rms_norm", {"weight"})


def _normed(call: NcnnCall, kind: str, names: set[str]) -> Draft:
    axes, affine = _last_axes(call, call.node.integer(0)), bool(call.node.integer(2, 1))
    fields: dict[str, Any] = {"axes": axes, "eps": call.node.real(1, _EPS), "elementwise_affine": affine}
    shape = call.x.shape[-len(axes) :]
    return call.layer(kind, fields, call.x, arrays=dict.fromkeys(sorted(names), shape) if affine else {})


def _group_norm(call: NcnnCall) -> Draft:
    channels, affine = call.node.integer(1), bool(call.node.integer(3, 1))
    if channels != call.x.shape[0]:
        raise CannotImport(f"{call.x.shape[0]} channels enter, and 1={channels}")
    fields = {"num_groups": call.node.integer(0, 1), "eps": call.node.real(2, _EPS), "affine": affine}
    return call.layer("group_norm", fields, call.x, arrays=_of_channels(affine, channels))


def _instance_norm(call: NcnnCall) -> Draft:
    affine = bool(call.node.integer(2, 1))
    fields = {"eps": call.node.real(1, _EPS), "affine": affine}
    return call.layer("instance_norm", fields, call.x, arrays=_of_channels(affine, call.x.shape[0]))


def _of_channels(affine: bool, channels: int) -> dict[str, tuple[int, ...]]:
    return {"weight": (channels,), "bias": (channels,)} if affine else {}


def _response_norm(call: NcnnCall) -> Draft:
    """Over neighbouring channels, or in steps over the positions around each one of a channel."""
    size, alpha = call.node.integer(1, 5), call.node.real(2, 1.0)
    beta, k = call.node.real(3, 0.75), call.node.real(4, 1.0)
    if not call.node.integer(0):
        return call.layer("local_response_norm", {"size": size, "alpha": alpha, "beta": beta, "k": k}, call.x)
    if len(call.x.shape) != 3 or size < 1:
        raise Inexpressible(f"response normalisation over {size} positions of a blob of shape {list(call.x.shape)}")
    windows = {"kernel_size": size, "stride": 1, "padding": ((size // 2, size - size // 2 - 1),) * 2}
    means = call.layer("avg_pool", windows, call.layer("pow", {"exponent": 2.0}, call.x))
    energy = call.layer("affine", {"factor": alpha, "addend": k}, means)
    return call.layer("mul", {}, call.x, call.layer("pow", {"exponent": -beta}, energy))


def _normalize(call: NcnnCall) -> Draft:
    """The channels of each position over their length, and times a learned number each: as SSD has it."""
    size, channels = call.node.integer(3), call.x.shape[0]
    if call.node.integer(0) or not call.node.integer(4, 1):
        raise Inexpressible("a norm over positions")
    if size == channels and not call.node.integer(1):
        return call.layer("l2_norm", {"eps": call.node.real(2, 0.0001)}, call.x, arrays={"weight": (channels,)})
    normalised = call.layer("normalize", {}, call.x)
    if size not in (0, 1):
        raise CannotImport(f"{channels} channels enter, and 3={size}")
    if not size:
        return normalised
    number = call.layer("parameter", {"sizes": (1,)}, *call.builder.entering(), arrays={"weight": (1,)})
    return call.layer("mul", {}, normalised, number)


def _mvn(call: NcnnCall) -> Draft:
    """Means taken away and deviations divided by, of the whole or of every channel."""
    if not call.node.integer(0):
        raise Inexpressible("means that are taken away alone")
    fields: dict[str, Any] = {"eps": call.node.real(2, 0.0001)}
    if call.node.integer(1):
        return call.layer("group_norm", fields | {"num_groups": 1, "affine": False}, call.x)
    return call.layer("instance_norm", fields | {"affine": False}, call.x)


def _reduction(call: NcnnCall) -> Draft:
    operation = _REDUCTIONS.get(call.node.integer(0))
    if operation is None:
        raise CannotImport(f"reduction {call.node.integer(0)}, where 0 to {max(_REDUCTIONS)} are known")
    rank = len(call.x.shape)
    listed = call.node.integers(3)
    axes = tuple(range(rank))
    if not call.node.integer(1, 1):
        axes = tuple(sorted({call.axis_of(axis, call.x) for axis in listed})) or axes
    factor = call.node.real(2, 1.0)
    keepdim = bool(call.node.integer(4))
    y = call.layer("reduce", {"axes": axes, "operation": operation, "keepdim": keepdim}, call.x)
    return call.scaled(y, factor)


def _arg_max(call: NcnnCall) -> Draft:
    """Where the largest of all elements are, and with them how large."""
    if call.node.integer(0):
        raise Inexpressible("the largest elements together with their places")
    flat = call.reshaped(call.x, (prod(call.x.shape),))
    top = call.layer("top_k", {"k": call.node.integer(1, 1)}, flat)
    return call.reshaped(top, (1, *top.shape))


def _cumulative_sum(call: NcnnCall) -> Draft:
    return call.layer("cumulate", {"axis": call.axis(0)}, call.x)


OPERATORS = {
    "BatchNorm": _batch_norm,
    "Scale": _scale,
    "Bias": _bias,
    "LayerNorm": _layer_norm,
    "RMSNorm": _rms_norm,
    "GroupNorm": _group_norm,
    "InstanceNorm": _instance_norm,
    "LRN": _response_norm,
    "Normalize": _normalize,
    "MVN": _mvn,
    "Reduction": _reduction,
    "ArgMax": _arg_max,
    "CumulativeSum": _cumulative_sum,
}
