"""Darknet's activations by their words, in layers."""

from __future__ import annotations

from collections.abc import Callable

from convcalc.imports.darknet.tensors import CfgLayer, CfgTensor, Fields, of_map
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import brief, plain

_PLAIN: dict[str, tuple[tuple[str, Fields], ...]] = {
    "linear": (),
    "logistic": (("sigmoid", {}),),
    "loggy": (("sigmoid", {}), ("affine", {"factor": 2, "addend": -1})),
    "relu": (("relu", {}),),
    "relu6": (("relu6", {}),),
    "elu": (("elu", {}),),
    "selu": (("selu", {}),),
    "gelu": (("gelu", {"approximate": "tanh"}),),
    "leaky": (("leaky_relu", {"negative_slope": 0.1}),),
    "revleaky": (("leaky_relu", {"negative_slope": 0.1}),),
    "relie": (("leaky_relu", {}),),
    "tanh": (("tanh", {}),),
    "hardtan": (("hard_tanh", {}),),
    "swish": (("silu", {}),),
    "mish": (("mish", {}),),
    "normalize_channels_softmax": (("softmax", {}),),
    "normalize_channels_softmax_maxval": (("softmax", {}),),
}
"""Activations that are layers one behind the other."""


def activated(layer: CfgLayer, x: Draft, default: str = "logistic") -> Draft:
    """A tensor behind the activation that the section names; a word that Darknet does not know is relu."""
    word = layer.section.text("activation", default)
    if word in _COMPOSED:
        return _COMPOSED[word](layer, x)
    if word not in _PLAIN:
        layer.builder.notes.append(
            f"no activation is called {plain(brief(word, 50))}; Darknet takes relu, as is done here"
        )
    for kind, fields in _PLAIN.get(word, _PLAIN["relu"]):
        x = layer.draft(kind, fields, [x])
    return x


def activation(layer: CfgLayer) -> CfgTensor:
    """The section that is an activation alone."""
    draft = activated(layer, layer.current.draft, "linear")
    return CfgTensor(draft, layer.current.image)


def _ramp(layer: CfgLayer, x: Draft) -> Draft:
    """1.1 x above zero, 0.1 x below."""
    part = layer.draft("affine", {"factor": 0.1}, [x])
    return layer.draft("add", {}, [layer.draft("relu", {}, [x]), part])


def _bent(layer: CfgLayer, x: Draft, bound: tuple[int, int], slope: float, line: Fields) -> Draft:
    """A line between two bounds, beyond which it goes on with another slope."""
    within = layer.draft("hard_tanh", {"min_val": bound[0], "max_val": bound[1]}, [x])
    rest = layer.draft("affine", {"factor": slope}, [layer.draft("sub", {}, [x, within])])
    straight = layer.draft("affine", line, [within]) if line else within
    return layer.draft("add", {}, [straight, rest])


def _plse(layer: CfgLayer, x: Draft) -> Draft:
    return _bent(layer, x, (-4, 4), 0.01, {"factor": 0.125, "addend": 0.5})


def _lhtan(layer: CfgLayer, x: Draft) -> Draft:
    return _bent(layer, x, (0, 1), 0.001, {})


def _hard_mish(layer: CfgLayer, x: Draft) -> Draft:
    """What enters times min(max(x + 2, 0), 2) / 2."""
    gate = layer.draft("hard_tanh", {"min_val": 0, "max_val": 2}, [layer.draft("affine", {"addend": 2}, [x])])
    return layer.draft("mul", {}, [x, layer.draft("affine", {"factor": 0.5}, [gate])])


def _stair(layer: CfgLayer, x: Draft) -> Draft:
    """Half a step for every second whole number, and a slope between."""
    return layer.unknown(x.shape, "stair is an activation that no kind has", [x]).draft


def _normalised(layer: CfgLayer, x: Draft) -> Draft:
    """What is above zero over its sum along the channels."""
    kept = layer.draft("relu", {}, [x])
    total = layer.draft("reduce", {"axes": (0,), "operation": "sum", "keepdim": True}, [kept])
    return layer.draft("div", {}, [kept, layer.draft("affine", {"addend": 0.0001}, [total])])


_COMPOSED: dict[str, Callable[[CfgLayer, Draft], Draft]] = {
    "ramp": _ramp,
    "plse": _plse,
    "lhtan": _lhtan,
    "hard_mish": _hard_mish,
    "stair": _stair,
    "normalize_channels": _normalised,
}
"""Activations that read what enters more than once."""


def logistic(layer: CfgLayer) -> CfgTensor:
    """The section of that name: a sigmoid, and a loss in training."""
    return CfgTensor(layer.draft("sigmoid", {}, [layer.current.draft]), layer.current.image)


def normalised_to_one(layer: CfgLayer) -> CfgTensor:
    """Each position to length 1 along the channels."""
    return of_map(layer.draft("normalize", {}, [layer.image()]))


SECTIONS = {"activation": activation, "logistic": logistic, "l2norm": normalised_to_one}
