"""Activations, and what leaves a tensor as it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.nodes import Number
from convcalc.imports.onnx.values import Call, Value, own_axis, parameter, viewed
from convcalc.imports.written_numbers import tidy

_LARGEST_FLOAT = 3.4e38

_LEAST_QUANTISED = {2: 0, 3: -(2**7), 4: 0, 5: -(2**15)}
"""The least number of the element types that are quantised to: uint8, int8, uint16, int16."""
_SIGNED_OUTPUTS = frozenset({"conv", "conv_transpose", "linear", "batch_norm"})
"""Kinds behind which an activation may have been left to the quantiser."""


def onto_itself(call: Call, kind: str, fields: dict[str, Any] | None = None) -> Value:
    """A layer whose output has its input's shape, wherever the batch is."""
    value = call.value(0)
    x = viewed(call.builder, value, value.batch)
    return call.out(call.layer(kind, fields or {}, x), value.batch)


def _same(call: Call) -> list[Value]:
    if any(call.node.outputs[2:]):
        raise Inexpressible("more outputs than are known")
    return [call.value(0)] * max(len(call.node.outputs), 1)


def _bits(call: Call) -> Value:
    call.note("takes the bits of its elements for another type: shapes and costs hold behind it, numbers do not")
    return call.value(0)


def _quantised(call: Call) -> Value:
    """What is rounded; one that has nothing below its zero is the relu that quantisers take out before it."""
    value = call.value(0)
    zero: Number | None = 0
    element_type = call.attributes.integer("output_dtype") or 2
    if call.has(2):  # where it is worked out it says nothing
        point = call.value(2).constant
        zero, element_type = (point.only_number, point.element_type) if point is not None else (None, element_type)
    is_relu = zero is not None and zero == _LEAST_QUANTISED.get(element_type)
    follows = value.source is not None and value.source.kind in _SIGNED_OUTPUTS
    return onto_itself(call, "relu") if is_relu and follows else value


def _with_alpha(call: Call, kind: str, field: str, default: float) -> Value:
    return onto_itself(call, kind, {field: tidy(call.attributes.real("alpha", default))})


_SELU = 1.67326319217681884765625, 1.05070102214813232421875
"""The alpha and gamma that a SELU has."""


def _selu(call: Call) -> Value:
    """One with numbers of its own is an elu, scaled."""
    alpha, gamma = call.attributes.real("alpha", _SELU[0]), call.attributes.real("gamma", _SELU[1])
    if math.isclose(alpha, _SELU[0], rel_tol=1e-4) and math.isclose(gamma, _SELU[1], rel_tol=1e-4):
        return onto_itself(call, "selu")
    bent = onto_itself(call, "elu", {"alpha": tidy(alpha)})
    return call.out(call.layer("affine", {"factor": tidy(gamma)}, bent.draft), bent.batch)


def _hard_sigmoid(call: Call) -> Value:
    alpha, beta = call.attributes.real("alpha", 0.2), call.attributes.real("beta", 0.5)
    if math.isclose(alpha, 1 / 6, rel_tol=1e-4) and beta == 0.5:
        return onto_itself(call, "hard_sigmoid")
    value = onto_itself(call, "affine", {"factor": tidy(alpha), "addend": tidy(beta)})
    return call.out(call.layer("hard_tanh", {"min_val": 0.0, "max_val": 1.0}, value.draft), value.batch)


def held(call: Call, value: Value, least: float, most: float) -> Value:
    """A tensor held between two numbers; one at the end of what float32 holds, or beyond, is no bound."""
    low = -_LARGEST_FLOAT if least <= -_LARGEST_FLOAT else tidy(least)
    high = _LARGEST_FLOAT if most >= _LARGEST_FLOAT else tidy(most)
    if (low, high) == (-_LARGEST_FLOAT, _LARGEST_FLOAT):
        return value
    kind = {(0.0, 6.0): "relu6", (0.0, _LARGEST_FLOAT): "relu"}.get((low, high), "hard_tanh")
    bounds = {"min_val": low, "max_val": high} if kind == "hard_tanh" else {}
    return call.out(call.layer(kind, bounds, viewed(call.builder, value, value.batch)), value.batch)


def _gelu(call: Call) -> Value:
    approximate = call.attributes.text("approximate", "none")
    return onto_itself(call, "gelu", {"approximate": approximate} if approximate != "none" else {})


def _bias_gelu(call: Call) -> Value:
    bias = call.constant(1, "a bias")
    x = call.map()
    added = call.layer("add", {}, x, parameter(call.builder, bias, (*(1,) * (len(x.shape) - 1), *bias.shape)))
    return call.out(call.layer("gelu", {}, added))


def _swish(call: Call, slope: float) -> Value:
    alpha = tidy(call.attributes.real("alpha", slope))
    if alpha == 1:
        return onto_itself(call, "silu")
    value = call.value(0)
    x = viewed(call.builder, value, value.batch)
    gate = call.layer("sigmoid", {}, call.layer("affine", {"factor": alpha}, x))
    return call.out(call.layer("mul", {}, x, gate), value.batch)


def _softmax(call: Call, kind: str) -> Value:
    value = call.value(0)
    rank = len(value.shape)
    axis = call.axis("axis", -1 if call.opset >= 13 else 1, rank)
    batch = value.batch
    if axis == batch or (batch is None and value.shape[0] == 1 and axis > 0):
        batch = 0 if axis > 0 and value.shape[0] == 1 else None
    x = viewed(call.builder, value, batch)
    together = range(axis, rank) if call.opset < 13 else range(axis, axis + 1)
    large = [place for place in together if value.shape[place] > 1]
    if len(large) <= 1:
        return call.out(call.layer(kind, {"axis": own_axis((large or [axis])[0], batch)}, x), batch)
    # Before opset 13 the axis and all behind it are one.
    flat = call.layer("flatten", {"start_axis": own_axis(axis, batch)}, x)
    done = call.layer(kind, {"axis": len(flat.shape) - 1}, flat)
    return call.out(call.builder.reshaped(done, x.shape, (call.node,)), batch)


PLAIN = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "HardSwish": "hard_swish",
    "Mish": "mish",
    "Softsign": "softsign",
    "Softplus": "softplus",
}

OPERATORS: dict[str, Callable[[Call], Value | list[Value]]] = {
    **{op: partial(onto_itself, kind=kind) for op, kind in PLAIN.items()},
    "Identity": _same,
    "Dropout": _same,
    "Cast": _same,
    "CastLike": _same,
    "BitCast": _bits,
    "QuantizeLinear": _quantised,
    "DequantizeLinear": _same,
    "LeakyRelu": partial(_with_alpha, kind="leaky_relu", field="negative_slope", default=0.01),
    "Elu": partial(_with_alpha, kind="elu", field="alpha", default=1.0),
    "Celu": partial(_with_alpha, kind="celu", field="alpha", default=1.0),
    "Selu": _selu,
    "HardSigmoid": _hard_sigmoid,
    "Reciprocal": partial(onto_itself, kind="pow", fields={"exponent": -1.0}),
    "Gelu": _gelu,
    "com.microsoft.Gelu": _gelu,
    "com.microsoft.BiasGelu": _bias_gelu,
    "com.microsoft.QuickGelu": partial(_swish, slope=1.702),
    "Swish": partial(_swish, slope=1.0),
    "Softmax": partial(_softmax, kind="softmax"),
    "LogSoftmax": partial(_softmax, kind="log_softmax"),
    "Hardmax": partial(_softmax, kind="hardmax"),
}
