"""Norms, activations, and what several tensors become element by element."""

from __future__ import annotations

from functools import partial
from typing import Any

from convcalc.exports.keras_json.graph import CannotSay, KerasTensor
from convcalc.exports.keras_json.site import KerasWriter, LayerSite, Layout
from convcalc.layers import Shape


def batch_norm(site: LayerSite) -> KerasTensor:
    """Keras' momentum is the weight of what was there."""
    config = site.config
    if not config.track_running_stats:
        raise CannotSay("Keras keeps a mean and a variance in every BatchNormalization")
    momentum = round(1 - config.momentum, 12)
    return site.layer("BatchNormalization", axis=-1, momentum=momentum, epsilon=config.eps, **_learned(config.affine))


def _learned(affine: bool | str) -> dict[str, Any]:
    """What of a scale and a shift is learned."""
    return {"center": affine in (True, "shift"), "scale": affine in (True, "scale")}


def _grouped(groups: int, site: LayerSite) -> KerasTensor:
    config = site.config
    return site.layer("GroupNormalization", groups=groups, axis=-1, epsilon=config.eps, **_learned(config.affine))


def group_norm(site: LayerSite) -> KerasTensor:
    """The same in Keras."""
    return _grouped(site.config.num_groups, site)


def instance_norm(site: LayerSite) -> KerasTensor:
    """Groups of one channel."""
    if site.config.track_running_stats:
        raise CannotSay("Keras keeps no statistics of instances")
    return _grouped(-1, site)


def layer_norm(site: LayerSite) -> KerasTensor:
    """Along any axes, wherever they are."""
    config = site.config
    axes = [site.x.axis(axis) for axis in config.axes]
    is_scaled = config.elementwise_affine is True
    learned = _learned("scale" if is_scaled and not config.bias else config.elementwise_affine)
    return site.layer("LayerNormalization", axis=axes, epsilon=config.eps, **learned)


def normalize(site: LayerSite) -> KerasTensor:
    """The root of the sum of squares alone."""
    if site.config.p != 2:
        raise CannotSay("Keras has the norm of squares alone")
    return site.layer("UnitNormalization", axis=site.x.axis(site.config.axis))


def affine(site: LayerSite) -> KerasTensor:
    """By numbers that are not learned."""
    return site.layer("Rescaling", scale=site.config.factor, offset=site.config.addend)


def dropout(site: LayerSite) -> KerasTensor:
    """Of elements, as in a spec."""
    return site.layer("Dropout", rate=site.config.p)


def softmax(site: LayerSite) -> KerasTensor:
    """Along any axis."""
    return site.layer("Softmax", axis=site.x.axis(site.config.axis))


def _activation(name: str, site: LayerSite) -> KerasTensor:
    return site.layer("Activation", activation=name)


def _with_usual(name: str, usual: dict[str, Any], site: LayerSite) -> KerasTensor:
    """A function that Keras has with these numbers alone."""
    for field, value in usual.items():
        if getattr(site.config, field) != value:
            raise CannotSay(f"Keras has {name} with {field} {value} alone, not with {getattr(site.config, field)}")
    return _activation(name, site)


def relu(site: LayerSite) -> KerasTensor:
    """A layer of its own in Keras too."""
    return site.layer("ReLU")


def relu6(site: LayerSite) -> KerasTensor:
    """The same, held below 6."""
    return site.layer("ReLU", max_value=6.0)


def leaky_relu(site: LayerSite) -> KerasTensor:
    """A layer of its own in Keras too."""
    return site.layer("LeakyReLU", negative_slope=site.config.negative_slope)


def elu(site: LayerSite) -> KerasTensor:
    """A layer of its own in Keras too."""
    return site.layer("ELU", alpha=site.config.alpha)


def prelu(site: LayerSite) -> KerasTensor:
    """A slope for each place of the axes that do not share one."""
    axes = range(1, len(site.x.shape) + 1)
    own = {site.x.axis(0)} if site.config.num_parameters > 1 else set[int]()
    return site.layer("PReLU", shared_axes=[axis for axis in axes if axis not in own])


def _merged(class_name: str, site: LayerSite) -> KerasTensor:
    tensors = met(site)
    return site.graph.call(class_name, site.name, tensors, site.shape, as_list=True)


def met(site: LayerSite) -> list[KerasTensor]:
    """The tensors with as many axes, in one layout, which is that of the first with the most axes."""
    longest = max(site.entering, key=lambda tensor: len(tensor.shape))
    rank = len(longest.shape)
    return [_aligned(site, tensor, rank, is_last=longest.is_last) for tensor in site.entering]


def _aligned(site: LayerSite, tensor: KerasTensor, rank: int, *, is_last: bool) -> KerasTensor:
    lacking = rank - len(tensor.shape)
    if lacking and len(tensor.shape) > 1:
        tensor = site.graph.turned(tensor, is_last=False, name=site.own_name)
    if not lacking:
        return site.graph.turned(tensor, is_last=is_last, name=site.own_name)
    shape: Shape = (*tensor.shape, *[1] * lacking)
    if len(tensor.shape) == 1 and is_last:
        target = [*[1] * lacking, tensor.shape[0]]
        return site.beside("Reshape", "reshape", tensor, shape, is_last=True, target_shape=target)
    longer = site.beside("Reshape", "reshape", tensor, shape, is_last=False, target_shape=list(shape))
    return site.graph.turned(longer, is_last=is_last, name=site.own_name)


def concat(site: LayerSite) -> KerasTensor:
    """Along an axis wherever it is."""
    tensors = met(site)
    axis = tensors[0].axis(site.config.axis)
    return site.graph.call("Concatenate", site.name, tensors, site.shape, as_list=True, axis=axis)


_SAME = ("hard_sigmoid", "log_sigmoid", "mish", "selu", "sigmoid", "silu", "softsign", "tanh")

KINDS: dict[str, tuple[Layout, KerasWriter]] = {
    **{kind: ("any", partial(_activation, kind)) for kind in _SAME},
    **{kind: ("any", partial(_merged, name)) for kind, name in (("add", "Add"), ("mul", "Multiply"))},
    **{kind: ("any", partial(_merged, name)) for kind, name in (("max", "Maximum"), ("min", "Minimum"))},
    "affine": ("any", affine),
    "batch_norm": ("last", batch_norm),
    "celu": ("any", partial(_with_usual, "celu", {"alpha": 1.0})),
    "concat": ("any", concat),
    "dropout": ("any", dropout),
    "elu": ("any", elu),
    "gelu": ("any", partial(_with_usual, "gelu", {"approximate": "none"})),
    "group_norm": ("last", group_norm),
    "hard_swish": ("any", partial(_activation, "hard_silu")),
    "hard_tanh": ("any", partial(_with_usual, "hard_tanh", {"min_val": -1.0, "max_val": 1.0})),
    "instance_norm": ("last", instance_norm),
    "layer_norm": ("any", layer_norm),
    "leaky_relu": ("any", leaky_relu),
    "normalize": ("any", normalize),
    "prelu": ("any", prelu),
    "relu": ("any", relu),
    "relu6": ("any", relu6),
    "softmax": ("any", softmax),
    "softplus": ("any", partial(_with_usual, "softplus", {"beta": 1.0})),
    "sub": ("any", partial(_merged, "Subtract")),
}
