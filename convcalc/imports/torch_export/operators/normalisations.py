"""Norms: batch, layer, group, instance, root mean square, response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcalc.imports.errors import Inexpressible

if TYPE_CHECKING:
    from convcalc.imports.torch_export.translation import TorchCall


def _affine(given: TorchCall, channels: int) -> list[str]:
    """The scale and the shift, ones and zeros where none is learned."""
    return [given.tensor("weight") or given.filled(channels, 1.0), given.tensor("bias") or given.filled(channels, 0.0)]


def _batch_norm(given: TorchCall) -> None:
    mean, variance = given.tensor("running_mean"), given.tensor("running_var")
    if not mean or not variance or given.flag("training"):
        raise Inexpressible("statistics of the batch")
    (channels,) = given.shape(mean)
    inputs = [given.x, *_affine(given, channels), mean, variance]
    given.leaves("BatchNormalization", *inputs, epsilon=given.real("eps", 1e-5))


def _channels(given: TorchCall) -> int:
    return given.shape_on(given.x, 1)


def _instance_norm(given: TorchCall) -> None:
    if given.tensor("running_mean") and not given.flag("use_input_stats", True):
        _batch_norm(given)
        return
    given.leaves("InstanceNormalization", given.x, *_affine(given, _channels(given)), epsilon=given.real("eps", 1e-5))


def _of_each_map(given: TorchCall) -> None:
    """A norm by the statistics of what enters: with one map in the batch, that of every channel by itself."""
    count, channels = given.shape_on(given.x, 0), given.shape_on(given.x, 1)
    if count != 1:
        raise Inexpressible("statistics of the batch")
    given.leaves("InstanceNormalization", given.x, *_affine(given, channels), epsilon=given.real("eps", 1e-5))


def _group_norm(given: TorchCall) -> None:
    groups = given.integer("num_groups") or given.integer("group", 1)
    inputs = [given.x, *_affine(given, _channels(given))]
    given.leaves("GroupNormalization", *inputs, num_groups=groups, epsilon=given.real("eps", 1e-5))


def _layer_norm(given: TorchCall) -> None:
    shape = given.integers("normalized_shape") or [1]
    weight, bias = given.tensor("weight"), given.tensor("bias")
    inputs = [given.x, weight or given.node("Expand", given.node("Identity", _one(given)), given.constant(shape))]
    inputs += [bias] if bias else []
    given.leaves("LayerNormalization", *inputs, axis=-len(shape), epsilon=given.real("eps", 1e-5))


def _one(given: TorchCall) -> str:
    return given.constant([1.0], (1,), 1)


def _rms_norm(given: TorchCall) -> None:
    shape = given.integers("normalized_shape") or [1]
    weight = given.tensor("weight") or given.node("Expand", given.node("Identity", _one(given)), given.constant(shape))
    given.leaves("RMSNormalization", given.x, weight, axis=-len(shape), epsilon=given.real("eps", 1.1920929e-07))


RULES = {
    **dict.fromkeys(
        (
            "batch_norm", "cudnn_batch_norm", "native_batch_norm", "_native_batch_norm_legit_no_training",
            "_batch_norm_no_update", "miopen_batch_norm", "_native_batch_norm_legit",
        ),
        _batch_norm,
    ),
    "_native_batch_norm_legit.no_stats": _of_each_map,
    "instance_norm": _instance_norm,
    **dict.fromkeys(("group_norm", "native_group_norm"), _group_norm),
    **dict.fromkeys(("layer_norm", "native_layer_norm"), _layer_norm),
    **dict.fromkeys(("rms_norm", "_fused_rms_norm"), _rms_norm),
}  # fmt: skip
