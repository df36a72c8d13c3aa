"""Normalisations, by statistics that were kept or that are measured, and scalings of what enters."""

from __future__ import annotations

from typing import Any

from convcalc.imports.errors import Inexpressible
from convcalc.imports.keras.calls import LayerCall
from convcalc.imports.layouts import OrderedTensor

_NAMES = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def _eps(call: LayerCall, default: float) -> float:
    return call.config.number("epsilon", default=default)


def _channels(call: LayerCall) -> OrderedTensor:
    """What enters with the axis that is normalised as the channels."""
    stated = call.config.get("axis")
    return call.with_first(call.x, call.axis(-1 if stated is None else stated, len(call.x.order)))


def _learned(call: LayerCall) -> bool | str:
    """Which of a scale and a shift are learned, in the words of `affine`."""
    scale, center = call.config.flag("scale", True), call.config.flag("center", True)
    if scale == center:
        return scale
    return "scale" if scale else "shift"


def _batch_norm(call: LayerCall) -> OrderedTensor:
    """At inference, by the statistics that were kept; `renorm` keeps more, which training alone uses."""
    config = call.config
    if config.get("mode") not in (None, 0, 2):
        raise Inexpressible(f"mode {config.get('mode')} of Keras 1")
    x = _channels(call)
    fields = {"eps": _eps(call, 1e-3), "affine": _learned(call)}
    y = call.layer("batch_norm", fields, x.draft, names=_NAMES)
    if config.flag("renorm", False):
        for name in ("renorm_mean", "renorm_stddev", "renorm_count"):
            call.unused(name, (1,) if name.endswith("count") else (x.draft.shape[0],))
    return OrderedTensor(y, x.order)


def _layer_norm(call: LayerCall) -> OrderedTensor:
    config, x = call.config, call.x
    stated = config.get("axis")
    axes = call.axes(-1 if stated is None else stated, len(x.order))
    ours = [x.order[axis] for axis in axes]
    if len(ours) == 1 and ours[0] == len(x.order) - 1:
        ours = [-1]
    learned = _learned(call)
    kind, fields = "layer_norm", dict[str, Any](elementwise_affine=learned)
    if learned == "scale":
        fields = {"elementwise_affine": True, "bias": False}
    if config.flag("rms_scaling", False):
        kind, fields = "rms_norm", {"elementwise_affine": True}
    fields |= {"axes": ours, "eps": _eps(call, 1e-3)}
    return OrderedTensor(call.layer(kind, fields, x.draft, names=_NAMES), x.order)


def _rms_norm(call: LayerCall) -> OrderedTensor:
    x, stated = call.x, call.config.get("axis")
    axes = call.axes(-1 if stated is None else stated, len(x.order))
    ours = [x.order[axis] for axis in axes]
    fields = {"axes": [-1] if ours == [len(x.order) - 1] else ours, "eps": _eps(call, 1e-6)}
    return OrderedTensor(call.layer("rms_norm", fields, x.draft, names={"weight": "scale"}), x.order)


def _group_norm(call: LayerCall) -> OrderedTensor:
    """Groups of -1 are as many as channels."""
    if call.lead:
        raise Inexpressible("groups of channels, at each of several places")
    config, x = call.config, _channels(call)
    channels = x.draft.shape[0]
    groups = config.get("groups")
    groups = channels if groups == -1 else config.whole("groups", default=min(32, channels))
    fields = {"num_groups": groups, "eps": _eps(call, 1e-3), "affine": _learned(call)}
    return OrderedTensor(call.layer("group_norm", fields, x.draft, names=_NAMES), x.order)


def _unit_norm(call: LayerCall) -> OrderedTensor:
    x, stated = call.x, call.config.get("axis")
    axes = call.axes(-1 if stated is None else stated, len(x.order))
    if len(axes) > 1:
        return call.unknown(x, "a length over several axes")
    return OrderedTensor(call.layer("normalize", {"axis": x.order[axes[0]]}, x.draft), x.order)


def _rescaling(call: LayerCall) -> OrderedTensor:
    scale, offset = call.config.get("scale"), call.config.get("offset")
    x = call.x
    if all(not isinstance(value, list) or len({*map(repr, value)}) == 1 for value in (scale, offset)):
        first = {name: value[0] if isinstance(value, list) else value for name, value in _both(scale, offset)}
        config = call.inner(first).config
        fields = {"factor": config.number("scale", default=1.0), "addend": config.number("offset", default=0.0)}
        return OrderedTensor(call.layer("affine", fields, x.draft), x.order)
    y = x
    for kind, value in (("mul", scale), ("add", offset)):
        if isinstance(value, list):
            y = _by_constants(call, y, kind, len(value))
        elif value is not None and value != (1 if kind == "mul" else 0):
            field = "factor" if kind == "mul" else "addend"
            y = OrderedTensor(call.layer("affine", {field: float(value)}, y.draft), y.order)
    return y


def _both(scale: Any, offset: Any) -> list[tuple[str, Any]]:
    return [("scale", scale), ("offset", offset)]


def _by_constants(call: LayerCall, x: OrderedTensor, kind: str, count: int) -> OrderedTensor:
    """Numbers of the config along the last axis of the file's."""
    sizes = [1] * len(x.order)
    sizes[x.order[-1]] = count
    return OrderedTensor(call.layer(kind, {}, x.draft, call.constant(sizes)), x.order)


def _normalization(call: LayerCall) -> OrderedTensor:
    """By a mean and a variance that were measured before training, or that the config has.

    Those that were measured are kept with the weights, and with them how many samples were looked at.
    """
    x, entries = call.x, call.config.entries
    stated = entries.get("axis", -1)
    axes = [] if stated is None else call.axes(stated, len(x.order))
    is_measured = call.config.get("mean") is None
    if is_measured:
        call.unused("count", ())
    if is_measured and axes and [x.order[axis] for axis in axes] == [0]:
        names = {"running_mean": "mean", "running_var": "variance"}
        return OrderedTensor(call.layer("batch_norm", {"affine": False}, x.draft, names=names), x.order)
    sizes = [1] * len(x.order)
    for axis in axes:
        sizes[x.order[axis]] = x.shape[axis]
    y = x.draft
    for kind, name in (("sub", "mean"), ("div", "variance")):
        y = call.layer(kind, {}, y, call.constant(sizes, name if is_measured else ""))
    return OrderedTensor(y, x.order)


def _layer_scale(call: LayerCall) -> OrderedTensor:
    x = call.with_first(call.x, len(call.x.order) - 1)
    return OrderedTensor(call.layer("scale", {}, x.draft, names={"weight": "gamma"}), x.order)


RULES = {
    "BatchNormalization": _batch_norm,
    "BatchNormalizationV1": _batch_norm,
    "BatchNormalizationV2": _batch_norm,
    "SyncBatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "GroupNormalization": _group_norm,
    "UnitNormalization": _unit_norm,
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "LayerScale": _layer_scale,
}
