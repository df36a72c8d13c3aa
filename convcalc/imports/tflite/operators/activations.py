"""Activations, alone and as the last part of another operator."""

from __future__ import annotations

from functools import partial
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.layouts import OrderedTensor
from convcalc.imports.tflite import moving
from convcalc.imports.tflite.origins import LiteOrigin, path_of
from convcalc.imports.tflite.values import LiteCall, LiteValue, drawn, laid
from convcalc.imports.written_numbers import tidy

_MOST = 3.4e38
"""The largest number that is a bound and no infinity."""

_KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("relu", {}),
    "relu_n1_to_1": ("hard_tanh", {}),
    "relu6": ("relu6", {}),
    "tanh": ("tanh", {}),
    "sign_bit": ("elementwise", {"operation": "sign"}),
}


def activated(call: LiteCall, draft: Draft) -> Draft:
    """What an operator does with its result at once, as a layer of its own."""
    word = call.node.activation
    if not word:
        return draft
    if word not in _KINDS:
        raise Inexpressible(word)
    kind, fields = _KINDS[word]
    names = call.outputs[0].name if call.outputs else ""
    path = path_of(names, "activation")
    if path == call.origin.path or not path:
        path = (*call.origin.path, kind) if call.origin.path else ()
    origin = LiteOrigin(call.origin.title, call.origin.operator, path)
    return call.builder.layer(kind, fields, [draft], (origin,))


def activated_value(call: LiteCall, value: LiteValue) -> LiteValue:
    """As `activated`, of a tensor however its axes lie."""
    draft = activated(call, value.made.draft)
    return laid(OrderedTensor(draft, value.made.order), value.batch)


def onto_itself(call: LiteCall, kind: str, fields: dict[str, Any] | None = None) -> LiteValue:
    """A layer whose output has its input's shape, however that lies."""
    value = drawn(call, call.value())
    draft = moving.on_elements(call, kind, fields or {}, value.made.draft)
    return laid(OrderedTensor(draft, value.made.order), value.batch)


def held(call: LiteCall, value: LiteValue, least: float, most: float) -> LiteValue:
    """A tensor held between two numbers; one beyond what float32 holds is no bound."""
    low, high = max(tidy(least), -_MOST), min(tidy(most), _MOST)
    if (low, high) == (-_MOST, _MOST):
        return value
    kind = {(0.0, 6.0): "relu6", (0.0, _MOST): "relu"}.get((low, high), "hard_tanh")
    fields = {"min_val": low, "max_val": high} if kind == "hard_tanh" else {}
    draft = moving.on_elements(call, kind, fields, value.made.draft)
    return laid(OrderedTensor(draft, value.made.order), value.batch)


def _same(call: LiteCall) -> LiteValue:
    return call.value()


def _leaky_relu(call: LiteCall) -> LiteValue:
    return onto_itself(call, "leaky_relu", {"negative_slope": tidy(call.option("alpha"))})


def _gelu(call: LiteCall) -> LiteValue:
    return onto_itself(call, "gelu", {"approximate": "tanh"} if call.option("approximate") else {})


def _softmax(call: LiteCall, kind: str) -> LiteValue:
    value = drawn(call, call.value())
    if not value.shape:
        raise Inexpressible("a number alone")
    value = moving.kept(call, value) if value.batch == len(value.shape) - 1 else value
    draft, beta = value.made.draft, call.option("beta") if kind == "softmax" else 1
    if beta not in (0, 1):
        draft = call.layer("affine", {"factor": tidy(beta)}, draft)
    draft = call.layer(kind, {"axis": value.drawn(-1)}, draft)
    return laid(OrderedTensor(draft, value.made.order), value.batch)


def _prelu(call: LiteCall) -> LiteValue:
    """Slopes one a channel, one for all, or as they lie."""
    from convcalc.imports.tflite.operators.elementwise import met_with

    slopes = call.value(1)
    value = drawn(call, call.value())
    constant = slopes.constant
    if constant is not None and value.shape and value.batch != len(value.shape) - 1:
        own = [size for size in constant.shape if size > 1]
        along = constant.shape[-1:] == value.shape[-1:] and len(own) <= 1 and (not own or constant.shape[-1] == own[0])
        if (along and value.drawn(-1) == 0) or not own:
            count = own[0] if own else 1
            arrays = {"weight": ("alpha", constant.reshaped((count,)))}
            draft = call.layer("prelu", {"num_parameters": count}, value.made.draft, arrays=arrays)
            return laid(OrderedTensor(draft, value.made.order), value.batch)
    drafts, order, batch = met_with(call, [value, slopes])
    draft = call.layer("elementwise", {"operation": "prelu"}, *drafts)
    return laid(OrderedTensor(draft, order), batch)


def _normalised(call: LiteCall) -> LiteValue:
    """Each position's elements over their length."""
    value = drawn(call, call.value())
    draft = call.layer("normalize", {"axis": value.drawn(-1)}, value.made.draft)
    return laid(OrderedTensor(activated(call, draft), value.made.order), value.batch)


def _response_norm(call: LiteCall) -> LiteValue:
    draft, batch = moving.as_channels(call, call.value())
    size = 2 * call.option("radius") + 1
    fields = {
        "size": size,
        "alpha": tidy(call.option("alpha") * size),
        "beta": tidy(call.option("beta")),
        "k": tidy(call.option("bias")),
    }
    return moving.as_made(call, call.layer("local_response_norm", fields, draft), batch)


OPERATORS = {
    "RELU": partial(onto_itself, kind="relu"),
    "RELU6": partial(onto_itself, kind="relu6"),
    "RELU_N1_TO_1": partial(onto_itself, kind="hard_tanh"),
    "RELU_0_TO_1": partial(onto_itself, kind="hard_tanh", fields={"min_val": 0.0, "max_val": 1.0}),
    "LOGISTIC": partial(onto_itself, kind="sigmoid"),
    "TANH": partial(onto_itself, kind="tanh"),
    "HARD_SWISH": partial(onto_itself, kind="hard_swish"),
    "ELU": partial(onto_itself, kind="elu"),
    "LEAKY_RELU": _leaky_relu,
    "GELU": _gelu,
    "PRELU": _prelu,
    "SOFTMAX": partial(_softmax, kind="softmax"),
    "LOG_SOFTMAX": partial(_softmax, kind="log_softmax"),
    "L2_NORMALIZATION": _normalised,
    "LOCAL_RESPONSE_NORMALIZATION": _response_norm,
    "QUANTIZE": _same,
    "DEQUANTIZE": _same,
    "FAKE_QUANT": _same,
    "CAST": _same,
    "DENSIFY": _same,
}
