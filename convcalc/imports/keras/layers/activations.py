"""Activations: as layers, by the name that another layer gives, or as a layer within it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible, plain
from convcalc.imports.keras.calls import LayerCall
from convcalc.imports.layouts import OrderedTensor

_PLAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("relu", {}),
    "relu6": ("relu6", {}),
    "sigmoid": ("sigmoid", {}),
    "tanh": ("tanh", {}),
    "elu": ("elu", {}),
    "selu": ("selu", {}),
    "celu": ("celu", {}),
    "softplus": ("softplus", {}),
    "softsign": ("softsign", {}),
    "soft_sign": ("softsign", {}),
    "swish": ("silu", {}),
    "silu": ("silu", {}),
    "gelu": ("gelu", {}),
    "mish": ("mish", {}),
    "exponential": ("elementwise", {"operation": "exp"}),
    "hard_silu": ("hard_swish", {}),
    "hard_swish": ("hard_swish", {}),
    "hard_tanh": ("hard_tanh", {}),
    "hard_shrink": ("shrink", {"lambd": 0.5}),
    "soft_shrink": ("shrink", {"lambd": 0.5, "bias": 0.5}),
    "log_sigmoid": ("log_sigmoid", {}),
    "leaky_relu": ("leaky_relu", {"negative_slope": 0.2}),
}
"""What the functions become, by the names that a config has for them."""

_NOTHING = {"linear", ""}


def named(call: LayerCall, tensor: OrderedTensor, name: str) -> OrderedTensor:
    """A tensor behind the function of that name."""
    if name in _NOTHING:
        return tensor
    if name in _PLAIN:
        kind, fields = _PLAIN[name]
        return OrderedTensor(call.layer(kind, fields, tensor.draft), tensor.order)
    if name in ("softmax", "log_softmax"):
        return OrderedTensor(call.layer(name, {"axis": tensor.order[-1]}, tensor.draft), tensor.order)
    if name == "hard_sigmoid":
        return OrderedTensor(_hard_sigmoid(call, tensor.draft), tensor.order)
    if name == "tanh_shrink":
        return OrderedTensor(call.layer("sub", {}, tensor.draft, call.layer("tanh", {}, tensor.draft)), tensor.order)
    return call.unknown(tensor, f"no kind expresses the activation {plain(name) or 'it has'}")


def _hard_sigmoid(call: LayerCall, x: Draft) -> Draft:
    """Up to version 2 its slope is 1/5, since then 1/6."""
    if call.version >= 3:
        return call.layer("hard_sigmoid", {}, x)
    moved = call.layer("affine", {"factor": 0.2, "addend": 0.5}, x)
    return call.layer("hard_tanh", {"min_val": 0.0, "max_val": 1.0}, moved)


def activated(call: LayerCall, tensor: OrderedTensor, entry: str = "activation") -> OrderedTensor:
    """A tensor behind the activation that a config has under a name."""
    stated = call.config.get(entry)
    if stated is None or isinstance(stated, str):
        return named(call, tensor, _lower(stated or ""))
    if not isinstance(stated, Mapping):
        raise call.config.wrong(entry, "the name of a function", stated)
    class_name, config = stated.get("class_name"), stated.get("config")
    if class_name in _LAYERS and isinstance(config, Mapping):
        return _LAYERS[class_name](call.inner(config), tensor)
    name = config if isinstance(config, str) else class_name if class_name != "function" else ""
    package = stated.get("registered_name") or ""
    if isinstance(package, str) and ">" in package and not package.startswith("keras"):
        name = package
    return named(call, tensor, _lower(name if isinstance(name, str) else ""))


def _lower(name: str) -> str:
    """A name as a config has it, of a class that an activation may be as well: `ReLU`."""
    return {"ReLU": "relu", "LeakyReLU": "leaky_relu", "Softmax": "softmax"}.get(name, name)


# ---- activations that are layers -------------------------------------------------------------------------------------


def _relu(call: LayerCall, tensor: OrderedTensor) -> OrderedTensor:
    config = call.config
    most = None if config.get("max_value") is None else config.number("max_value", default=6.0)
    slope, threshold = config.number("negative_slope", default=0.0), config.number("threshold", default=0.0)
    if threshold:
        if slope or most is not None:
            raise Inexpressible("a threshold beside a slope or a largest value")
        kind, fields = "threshold", {"threshold": threshold}
    elif slope:
        kind, fields = "leaky_relu", {"negative_slope": slope}
    elif most is None or most == 6:
        kind, fields = ("relu" if most is None else "relu6"), {}
    else:
        kind, fields = "hard_tanh", {"min_val": 0.0, "max_val": most}
    y = call.layer(kind, fields, tensor.draft)
    if slope and most is not None:
        y = call.layer("min", {}, y, call.constant((1,) * len(y.shape)))
    return OrderedTensor(y, tensor.order)


def _leaky_relu(call: LayerCall, tensor: OrderedTensor) -> OrderedTensor:
    fields = {"negative_slope": call.config.number("negative_slope", "alpha", default=0.3)}
    return OrderedTensor(call.layer("leaky_relu", fields, tensor.draft), tensor.order)


def _elu(call: LayerCall, tensor: OrderedTensor) -> OrderedTensor:
    return OrderedTensor(
        call.layer("elu", {"alpha": call.config.number("alpha", default=1.0)}, tensor.draft), tensor.order
    )


def _thresholded(call: LayerCall, tensor: OrderedTensor) -> OrderedTensor:
    fields = {"threshold": call.config.number("theta", default=1.0)}
    return OrderedTensor(call.layer("threshold", fields, tensor.draft), tensor.order)


def _softmax(call: LayerCall, tensor: OrderedTensor) -> OrderedTensor:
    stated = call.config.get("axis")
    axes = call.axes(-1 if stated is None else stated, len(tensor.order))
    if len(axes) > 1:
        return call.unknown(tensor, "a softmax over several axes")
    return OrderedTensor(call.layer("softmax", {"axis": tensor.order[axes[0]]}, tensor.draft), tensor.order)


def _prelu(call: LayerCall, tensor: OrderedTensor) -> OrderedTensor:
    """A slope for every element of a sample, but for axes along which it is shared."""
    rank = len(tensor.order)
    stated = call.config.get("shared_axes")
    shared = set(call.axes(stated, rank, "shared_axes")) if stated else set()
    own = [axis for axis in range(call.lead, rank) if axis not in shared and tensor.shape[axis] > 1]
    names = {"weight": "alpha"}
    if not own:
        y = call.layer("prelu", {"num_parameters": 1}, tensor.draft, names=names)
    elif len(own) == 1 and tensor.order[own[0]] == 0:
        y = call.layer("prelu", {"num_parameters": tensor.draft.shape[0]}, tensor.draft, names=names)
    else:
        sizes = [1] * rank
        for axis in own:
            sizes[tensor.order[axis]] = tensor.shape[axis]
        slopes = call.parameter("alpha", sizes)
        y = call.layer("elementwise", {"operation": "prelu"}, tensor.draft, slopes)
    return OrderedTensor(y, tensor.order)


_LAYERS: dict[str, Callable[[LayerCall, OrderedTensor], OrderedTensor]] = {
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "ELU": _elu,
    "ThresholdedReLU": _thresholded,
    "Softmax": _softmax,
    "PReLU": _prelu,
}


def _layer_rule(name: str) -> Callable[[LayerCall], OrderedTensor]:
    return lambda call: _LAYERS[name](call, call.x)


RULES = {
    **{name: _layer_rule(name) for name in _LAYERS},
    "Activation": lambda call: activated(call, call.x),
}
