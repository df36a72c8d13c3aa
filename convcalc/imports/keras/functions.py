"""Functions of tensors, of the two APIs that have layers of their own for each call: TFOpLambda and `keras.ops`.

Both are read as a name, what it is called with in order, and options by name; the names of TensorFlow are Keras 3's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from convcalc.imports.keras.calls import LayerCall
from convcalc.imports.keras.graphs import KerasLayer
from convcalc.imports.keras.layers import Leaves

_OF_TENSORFLOW = {"TFOpLambda", "TensorFlowOpLayer", "SlicingOpLambda"}

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_SYNONYMS = {
    "matmul": "matmul", "__operators__.add": "add", "__operators__.getitem": "get_item", "math.reduce_mean": "mean",
    "math.reduce_sum": "sum", "math.reduce_max": "max", "math.reduce_min": "min", "reduce_mean": "mean",
    "reduce_sum": "sum", "reduce_max": "max", "reduce_min": "min", "math.reduce_prod": "prod", "concat": "concatenate",
    "truediv": "divide", "true_divide": "divide", "math.truediv": "divide", "math.divide": "divide", "pow": "power",
    "math.pow": "power", "nn.swish": "silu", "nn.silu": "silu", "compat.v1.transpose": "transpose",
    "compat.v1.nn.depth_to_space": "depth_to_space", "compat.v1.nn.space_to_depth": "space_to_depth",
    "compat.v1.nn.conv2d": "", "nn.max_pool2d": "max_pool", "nn.avg_pool2d": "average_pool", "nn.max_pool": "max_pool",
    "nn.avg_pool": "average_pool", "image.resize_v2": "resize", "image.resize": "resize", "clip_by_value": "clip",
    "math.l2_normalize": "normalize", "linalg.l2_normalize": "normalize", "nn.l2_normalize": "normalize",
    "math.rsqrt": "rsqrt", "compat.v1.pad": "pad", "compat.v1.squeeze": "squeeze", "compat.v1.concat": "concatenate",
    "compat.v1.gather": "take", "gather": "take", "linalg.matmul": "matmul", "math.multiply": "multiply",
    "neg": "negative", "math.negative": "negative", "math.argmax": "argmax", "math.argmin": "argmin",
    "compat.v1.math.argmax": "argmax", "image.resize_nearest_neighbor": "resize", "numpy.transpose": "transpose",
    "amax": "max", "amin": "min", "arccos": "acos", "arcsin": "asin", "arctan": "atan", "copy": "identity",
    "softmax_v2": "softmax", "nn.softmax_v2": "softmax", "where_v2": "where",
}  # fmt: skip
"""Names of TensorFlow whose last word is not that of Keras 3."""


class FunctionCall:
    """A function that is called: its options are those of the call and of the layer that stands for it."""

    def __init__(self, call: LayerCall) -> None:
        self.call = call
        own = call.config.entries
        self.options: dict[str, Any] = {**own, **call.keywords}
        self.arguments = list(call.arguments)

    def given(self, place: int, *names: str, default: Any = None) -> Any:
        """What is given at a place or by one of some names."""
        for name in names:
            if self.options.get(name) is not None:
                return self.options[name]
        return self.arguments[place] if place < len(self.arguments) and self.arguments[place] is not None else default


def function_name(layer: KerasLayer) -> str:
    """The function that a layer stands for, empty where it is a layer like others."""
    if layer.class_name in _OF_TENSORFLOW:
        stated = layer.config.get("function")
        full = stated if isinstance(stated, str) else ""
        return _SYNONYMS.get(full, _SYNONYMS.get(full.rpartition(".")[2], full.rpartition(".")[2]))
    if ".ops." in layer.module or layer.module.endswith(".ops"):
        name = _WORDS.sub("_", layer.class_name.rpartition(">")[2]).lower()
        return _SYNONYMS.get(name, name)
    return ""


def function_rule(layer: KerasLayer) -> Callable[[LayerCall], Leaves] | None:
    """What makes our layers of a function; None for what is a layer like others, or a function without a rule."""
    name = function_name(layer)
    rule = _rules().get(name) if name else None
    return None if rule is None else lambda call: rule(FunctionCall(call))


@cache
def _rules() -> dict[str, Callable[[FunctionCall], Leaves]]:
    from convcalc.imports.keras import arithmetic, moving

    return {**arithmetic.RULES, **moving.RULES}
