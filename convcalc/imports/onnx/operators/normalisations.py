"""Normalisations: batch, instance, group, layer, and local response."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from convcalc.imports.errors import Inexpressible
from convcalc.imports.naming import is_dotted
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.values import Call, Value, own_axis, viewed


def _is_learned(constants: Sequence[Constant]) -> bool:
    """Whether a scale and shift are learned ones, not ones and zeros that an operator could not do without."""
    names = [name for constant in constants for name in constant.made_of]
    return any(map(is_dotted, names)) or not all(
        constant.only_number == neutral or (not names and constant.numbers is None)
        for constant, neutral in zip(constants, (1.0, 0.0), strict=False)
    )


def _named(constants: Sequence[Constant]) -> dict[str, Constant]:
    """A scale and a shift, and running statistics behind them, by the names that all norms have for these."""
    return dict(zip(("weight", "bias", "running_mean", "running_var"), constants, strict=False))


def _eps(call: Call, default: float = 1e-5) -> float:
    return tidy(call.attributes.real("epsilon", default))


def _batch_norm(call: Call) -> list[Value]:
    if call.attributes.integer("training_mode") or any(call.node.outputs[1:]):
        raise Inexpressible("batch normalisation as in training; export the model for inference")
    x = call.map()
    arrays = [call.constant(index, "statistics or a scale") for index in range(1, 5)]
    affine = _is_learned(arrays[:2])
    named = {name: array for name, array in _named(arrays).items() if affine or name.startswith("running")}
    return [call.out(call.layer("batch_norm", {"eps": _eps(call), "affine": affine}, x, arrays=named))]


def tidy(number: float) -> float:
    """A number of 32 bits as it was written: 1e-5, not 9.999999747378752e-06."""
    return float(f"{number:.7g}")


def _within_samples(call: Call, kind: str) -> Value:
    """A norm of each sample by itself, of all its channels or of groups of them."""
    x = call.map()
    arrays = [call.constant(index, "a scale or a shift") for index in (1, 2)]
    affine = _is_learned(arrays)
    fields: dict[str, Any] = {"eps": _eps(call), "affine": affine}
    if kind == "group_norm":
        if affine and arrays[0].shape != (x.shape[0],):
            raise Inexpressible("a scale for each group instead of each channel; convert the model to opset 21")
        fields["num_groups"] = call.attributes.integer("num_groups", 1)
    return call.out(call.layer(kind, fields, x, arrays=_named(arrays) if affine else None))


def _layer_norm(call: Call) -> list[Value]:
    if any(call.node.outputs[1:]):
        raise Inexpressible("its mean or deviation is used")
    value = call.value(0)
    rank = len(value.shape)
    first = call.axis("axis", -1, rank)
    arrays = [call.constant(index, "a scale or a shift") for index in (1, 2) if call.has(index)]
    affine = _is_learned(arrays)
    batch = value.batch if value.batch is not None and value.batch < first else None
    if batch is None and value.shape[0] == 1 and first > 0:
        batch = 0
    x = viewed(call.builder, value, batch)
    axes = tuple(own_axis(axis, batch) - len(x.shape) for axis in range(first, rank))
    sizes = tuple(x.shape[axis] for axis in axes)
    if affine and any(constant.shape[-len(axes) :] != sizes for constant in arrays):
        raise Inexpressible(f"a scale of shape {list(arrays[0].shape)} for axes of {list(sizes)}")
    fields = {
        "axes": axes,
        "eps": _eps(call),
        "elementwise_affine": affine,
        "bias": len(arrays) > 1 or not affine,
    }
    return [call.out(call.layer("layer_norm", fields, x, arrays=_named(arrays) if affine else None), batch)]


def _lrn(call: Call) -> Value:
    fields = {
        "size": call.attributes.integer("size", 1),
        "alpha": tidy(call.attributes.real("alpha", 1e-4)),
        "beta": tidy(call.attributes.real("beta", 0.75)),
        "k": tidy(call.attributes.real("bias", 1.0)),
    }
    return call.out(call.layer("local_response_norm", fields, call.map()))


OPERATORS = {
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": partial(_within_samples, kind="instance_norm"),
    "GroupNormalization": partial(_within_samples, kind="group_norm"),
    "LayerNormalization": _layer_norm,
    "LRN": _lrn,
    "com.microsoft.LayerNormalization": _layer_norm,
}
