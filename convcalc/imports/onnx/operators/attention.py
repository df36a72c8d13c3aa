"""Attention of query, key and value that are projected elsewhere, and what goes with it: rotated embeddings, states."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from convcalc import layers
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import constant_folding, constants
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.declared import operator_of
from convcalc.imports.onnx.reading import FLOAT, Subgraph
from convcalc.imports.onnx.values import Call, Value, constant_value, parameter, viewed
from convcalc.imports.written_numbers import tidy

_HIDDEN = -1e30
"""What is added to a score so that nothing is left of it, where minus infinity cannot be written."""


def _batch(call: Call) -> int | None:
    """The axis that is left out: the first, unless it holds more than one position."""
    return 0 if call.value(0).shape[0] == 1 else None


def _along(call: Call, kind: str, axis: int, *drafts: Draft, **fields: Any) -> Draft:
    """A layer that works along an axis which is counted from the last."""
    return call.layer(kind, {"axis": len(drafts[0].shape) + axis, **fields}, *drafts)


def _turned(call: Call, x: Draft, first: int, second: int) -> Draft:
    """Two axes, counted from the last, in each other's place."""
    axes = [*range(len(x.shape))]
    axes[first], axes[second] = axes[second], axes[first]
    return call.layer("permute", {"axes": tuple(axes)}, x)


def _attention(call: Call) -> list[Value]:
    """Query, key and value [batch, heads, tokens, features], or [batch, tokens, heads of features]."""
    batch = _batch(call)
    query, key, value = (_heads(call, index, "q_num_heads" if index == 0 else "kv_num_heads") for index in range(3))
    past = 0
    if call.has(4) or call.has(5):
        before = [viewed(call.builder, call.value(index), batch) for index in (4, 5)]
        past = before[0].shape[-2]
        key, value = _along(call, "concat", -2, before[0], key), _along(call, "concat", -2, before[1], value)
    fields = _fields(call, past)
    masks = _masks(call, query, key, fields)
    if call.node.outputs[3:]:
        y, scores = _attention_in_parts(call, query, key, value, masks, fields)
    else:
        scores = query
        y = call.layer("scaled_dot_product_attention", fields, query, key, value, *masks)
    return [_out(call, y, batch), call.out(key, batch), call.out(value, batch), call.out(scores, batch)]


def _heads(call: Call, index: int, attribute: str) -> Draft:
    """One of query, key and value with the heads before the tokens."""
    value = call.value(index)
    x = viewed(call.builder, value, _batch(call))
    if len(value.shape) == 4:
        return x
    count = call.attributes.integer(attribute)
    if len(value.shape) != 3 or count < 1 or x.shape[-1] % count:
        raise Inexpressible(f"{count} heads of a tensor of shape {list(value.shape)}")
    return _turned(call, call.builder.reshaped(x, (*x.shape[:-1], count, x.shape[-1] // count)), -3, -2)


def _out(call: Call, y: Draft, batch: int | None) -> Value:
    """What leaves, with the heads where they were in what entered."""
    if len(call.value(0).shape) == 4:
        return call.out(y, batch)
    beside = _turned(call, y, -3, -2)
    shape = (*beside.shape[:-2], beside.shape[-2] * beside.shape[-1])
    return call.out(call.builder.reshaped(beside, shape), batch)


def _fields(call: Call, past: int) -> dict[str, Any]:
    fields: dict[str, Any] = {"scale": tidy(call.attributes.real("scale", 0.0))}
    if fields["scale"] == 0 and "scale" in call.attributes:
        raise Inexpressible("a scale of 0, of which no score is left")
    windows = {name: call.attributes.integer(f"{name}_size", -1) for name in ("left_window", "right_window")}
    fields |= {name: size for name, size in windows.items() if size >= 0}
    fields["is_causal"] = call.flag("is_causal")
    fields["softcap"] = tidy(call.attributes.real("softcap", 0.0))
    is_placed = fields["is_causal"] or any(size >= 0 for size in windows.values())
    return fields | ({"offset": past} if past and is_placed else {})


def _masks(call: Call, query: Draft, key: Draft, fields: dict[str, Any]) -> list[Draft]:
    """What is added to the scores, as one tensor, if anything is."""
    masks, keys = [], key.shape[-2]
    if call.has(3):
        mask = viewed(call.builder, call.value(3), _batch(call), 4)
        if 1 < mask.shape[-1] < keys:
            lacking = ((0, 0),) * (len(mask.shape) - 2) + ((0, keys - mask.shape[-1]),)
            mask = call.layer("pad", {"padding": lacking, "value": _HIDDEN}, mask)
        masks.append(mask)
    if call.has(6):
        masks += _of_lengths(call, query.shape[-2], keys, len(query.shape), fields)
    return [reduce(lambda first, second: call.layer("add", {}, first, second), masks)] if masks else []


def _of_lengths(call: Call, queries: int, keys: int, rank: int, fields: dict[str, Any]) -> list[Draft]:
    """The masks of how many of the keys there are, by which the places of the queries count; `fields` leave them out.

    A pair is hidden where a number is below 0, which made very large and cut off at 0 is what is added.
    """
    value = call.value(6)
    apart = (*value.shape, *(1,) * (rank - 1)) if rank > 3 else (1,) * rank
    lengths = call.builder.reshaped(viewed(call.builder, value, value.batch), apart)
    places = _positions(call, (*(1,) * (rank - 1), keys))
    masks = [_hidden_below(call, call.layer("sub", {}, lengths, places), 1.0, -0.5)]
    bounds = {"right": fields.pop("right_window", None), "left": fields.pop("left_window", None)}
    if fields.pop("is_causal", False):
        bounds["right"] = 0
    if bounds["right"] is None and bounds["left"] is None:
        return masks
    between = call.layer("add", {}, lengths, _positions(call, (*(1,) * (rank - 2), queries, keys)))
    if bounds["right"] is not None:
        masks.append(_hidden_below(call, between, 1.0, bounds["right"] - queries + 0.5))
    if bounds["left"] is not None:
        masks.append(_hidden_below(call, between, -1.0, bounds["left"] + queries + 0.5))
    return masks


def _positions(call: Call, shape: tuple[int, ...]) -> Draft:
    """A constant of places, or of how far places are apart."""
    return parameter(call.builder, Constant(shape, FLOAT), shape)


def _hidden_below(call: Call, x: Draft, factor: float, addend: float) -> Draft:
    large = call.layer("affine", {"factor": -_HIDDEN * factor, "addend": -_HIDDEN * addend}, x)
    return call.layer("hard_tanh", {"min_val": _HIDDEN, "max_val": 0.0}, large)


def _attention_in_parts(
    call: Call, query: Draft, key: Draft, value: Draft, masks: Sequence[Draft], fields: dict[str, Any]
) -> tuple[Draft, Draft]:
    """Attention whose scores leave as well: what leaves, and the scores as far as `qk_matmul_output_mode` says."""
    products = _met(call, query, _turned(call, key, -2, -1))
    raw = call.layer("affine", {"factor": fields["scale"] or query.shape[-1] ** -0.5}, products)
    capped = raw
    if fields["softcap"]:
        tanh = call.layer("tanh", {}, call.layer("affine", {"factor": 1 / fields["softcap"]}, capped))
        capped = call.layer("affine", {"factor": fields["softcap"]}, tanh)
    masked = capped
    if fields.get("is_causal") or "left_window" in fields or "right_window" in fields:
        shape = (*(1,) * (len(query.shape) - 2), query.shape[-2], key.shape[-2])
        masks = [call.layer("add", {}, *masks, _positions(call, shape)) if masks else _positions(call, shape)]
    for mask in masks:
        masked = call.layer("add", {}, masked, mask)
    shares = _along(call, "softmax", -1, masked)
    mode = call.attributes.integer("qk_matmul_output_mode")
    if not 0 <= mode <= 3:
        raise Inexpressible(f"qk_matmul_output_mode {mode}")
    return _met(call, shares, value), (raw, capped, masked, shares)[mode]


def _met(call: Call, x: Draft, y: Draft) -> Draft:
    """A product of matrices, of which several heads of the first share those of the second."""
    heads, shared = x.shape[-3], y.shape[-3]
    if shared in (1, heads):
        return call.layer("matmul", {}, x, y)
    if heads % shared:
        raise Inexpressible(f"{heads} heads of query for {shared} of key and value")
    apart = call.builder.reshaped(x, (*x.shape[:-3], shared, heads // shared, *x.shape[-2:]))
    beside = call.builder.reshaped(y, (*y.shape[:-2], 1, *y.shape[-2:]))
    z = call.layer("matmul", {}, apart, beside)
    return call.builder.reshaped(z, (*x.shape[:-1], y.shape[-1]))


def _flex_attention(call: Call) -> Value:
    """Attention whose scores, or the shares that softmax makes of them, graphs of the file's own may change."""
    batch, scale = _batch(call), tidy(call.attributes.real("scale", 0.0))
    query, key, value = (viewed(call.builder, call.value(index), batch) for index in range(3))
    if not any(name in call.attributes for name in ("score_mod", "prob_mod")):
        fields = {"scale": scale}
        return call.out(call.layer("scaled_dot_product_attention", fields, query, key, value), batch)
    scores = _met(call, query, _turned(call, key, -2, -1))
    scores = call.layer("affine", {"factor": scale or query.shape[-1] ** -0.5}, scores)
    scores = _changed(call, "score_mod", scores, batch)
    shares = _changed(call, "prob_mod", _along(call, "softmax", -1, scores), batch)
    return call.out(_met(call, shares, value), batch)


def _changed(call: Call, attribute: str, x: Draft, batch: int | None) -> Draft:
    """What a graph of one input makes of a tensor, if there is such a graph."""
    subgraph = call.attributes.get(attribute)
    if subgraph is None:
        return x
    if not isinstance(subgraph, Subgraph):
        raise Inexpressible(f"{attribute} is no graph")
    graph = subgraph.read()
    values = {name: constant_value(constants.of_tensor(tensor, name)) for name, tensor in graph.initialisers.items()}
    values[graph.inputs[0].name] = call.out(x, batch)
    for node in graph.nodes:
        entering = [values[name] if name else None for name in node.inputs]
        outputs = _stepped(Call(call.builder, node, entering, call.opset))
        values |= zip(node.outputs, outputs, strict=False)
    result = values[graph.outputs[0].name]
    if result.source is None or result.shape != call.out(x, batch).shape:
        raise Inexpressible(f"{attribute} makes a tensor of another shape")
    return viewed(call.builder, result, batch)


def _stepped(call: Call) -> Sequence[Value]:
    """The outputs of a node of a graph within an operator."""
    there = call.values()
    if call.node.op == "Shape" and there:
        return [constant_value(constant_folding.shape_of(there[0].shape, call.attributes))]
    folded = constant_folding.folded(call) if all(value.constant is not None for value in there) else None
    if folded is not None:
        return [constant_value(constant) for constant in folded]
    operator = operator_of(call.node.operator)
    if operator is None or all(value.source is None for value in there):
        raise Inexpressible(f"a graph of its own in which {call.node.operator} is not expressed")
    outputs = operator(call)
    return outputs if isinstance(outputs, list) else [outputs]


def _rotary_embedding(call: Call) -> Value:
    """Features in pairs, turned by an angle that their token's place decides: products, a difference and a sum."""
    value, batch = call.value(0), _batch(call)
    x = _heads(call, 0, "num_heads")
    turning = call.attributes.integer("rotary_embedding_dim") or x.shape[-1]
    if not 0 < turning <= x.shape[-1] or turning % 2:
        raise Inexpressible(f"{turning} of {x.shape[-1]} features that are turned")
    half, interleaved = turning // 2, call.flag("interleaved")
    angles = [_angles(call, index, x, half, batch) for index in (1, 2)]
    ranges = [(0, turning, 2), (1, turning, 2)] if interleaved else [(0, half, 1), (half, turning, 1)]
    pair = [_along(call, "slice", -1, x, start=start, end=end, step=step) for start, end, step in ranges]
    (cos_first, sin_second), (sin_first, cos_second) = (
        [call.layer("mul", {}, part, angle) for part, angle in zip(pair, order, strict=True)]
        for order in (angles, angles[::-1])
    )
    turned = [call.layer("sub", {}, cos_first, sin_second), call.layer("add", {}, sin_first, cos_second)]
    if interleaved:
        apart = [call.builder.reshaped(part, (*part.shape, 1)) for part in turned]
        y = call.builder.reshaped(_along(call, "concat", -1, *apart), (*x.shape[:-1], turning))
    else:
        y = _along(call, "concat", -1, *turned)
    if turning < x.shape[-1]:
        y = _along(call, "concat", -1, y, _along(call, "slice", -1, x, start=turning))
    return call.out(y, batch) if len(value.shape) == 4 else _out(call, y, batch)


def _angles(call: Call, index: int, x: Draft, half: int, batch: int | None) -> Draft:
    """Cosines or sines for every token, the same for all heads."""
    value = call.value(index)
    if call.has(3):
        value = _at_places(call, value, call.value(3))
    if len(value.shape) != 3 or value.shape[-1] != half:
        raise Inexpressible(f"angles of shape {list(value.shape)} for {half} pairs of features")
    laid = viewed(call.builder, value, batch if value.shape[0] == 1 else None)
    return call.builder.reshaped(laid, (*laid.shape[:-2], 1, *laid.shape[-2:]))


def _at_places(call: Call, cache: Value, places: Value) -> Value:
    """The rows of a table, one for each place that is named."""
    if cache.constant is not None and places.constant is not None:
        return constant_value(constants.gathered(cache.constant, places.constant, 0))
    if layers.load("gather") is None:
        raise Inexpressible("positions that another layer computes")
    table, indices = viewed(call.builder, cache, None), viewed(call.builder, places, None)
    return call.out(call.layer("gather", {}, table, indices), None)


def _swiglu(call: Call) -> Value:
    value, alpha = call.value(0), tidy(call.attributes.real("alpha", 1.0))
    gate, x = (viewed(call.builder, call.value(index), value.batch) for index in (0, 1))
    if alpha == 1:
        gated = call.layer("silu", {}, gate)
    else:
        gated = call.layer("mul", {}, gate, call.layer("sigmoid", {}, call.layer("affine", {"factor": alpha}, gate)))
    return call.out(call.layer("mul", {}, gated, x), value.batch)


def _causal_conv(call: Call) -> list[Value]:
    """A convolution of each channel, over what was there before and what comes; the last of it leaves as the state."""
    batch, weight = _batch(call), call.value(1)
    x = viewed(call.builder, call.value(0), batch)
    if len(x.shape) < 2 or len(weight.shape) != 3 or weight.shape[:2] != (x.shape[-2], 1):
        raise Inexpressible(f"filters of shape {list(weight.shape)} for a tensor of shape {list(call.value(0).shape)}")
    kernel, length = weight.shape[2], x.shape[-1]
    if call.has(3):
        x = _along(call, "concat", -1, viewed(call.builder, call.value(3), batch), x)
    elif kernel > 1:
        none = ((0, 0),) * (len(x.shape) - 2)
        x = call.layer("pad", {"padding": (*none, (kernel - 1, 0))}, x)
    y = _of_channels(call, x, weight, length)
    activation = call.attributes.text("activation", "none")
    if activation in ("silu", "swish"):
        y = call.layer("silu", {}, y)
    elif activation != "none":
        raise Inexpressible(f"activation {activation}")
    if not call.node.outputs[1:] or kernel == 1:  # a state of no positions holds nothing
        return [call.out(y, batch), constant_value(Constant((*call.value(0).shape[:-1], 0), call.element_type, ()))]
    state = _along(call, "slice", -1, x, start=x.shape[-1] - (kernel - 1))
    return [call.out(y, batch), call.out(state, batch)]


def _of_channels(call: Call, x: Draft, weight: Value, length: int) -> Draft:
    """Every window of every channel times its filter, which is a layer's own or comes as a tensor."""
    channels, kernel = x.shape[-2], weight.shape[2]
    bias = call.value(2) if call.has(2) else None
    is_bias_own = bias is None or bias.constant is not None
    if weight.constant is not None and is_bias_own and len(x.shape) == 2:
        arrays = {"weight": weight.constant}
        if bias is not None and bias.constant is not None:
            arrays["bias"] = bias.constant
        fields = {"out_channels": channels, "kernel_size": (kernel,), "groups": channels, "bias": bias is not None}
        return call.layer("conv", fields, x, arrays=arrays)
    parts = [_along(call, "slice", -1, x, start=place, end=place + length) for place in range(kernel)]
    apart = [call.builder.reshaped(part, (*part.shape, 1)) for part in parts]
    windows = _along(call, "concat", -1, *apart) if len(apart) > 1 else apart[0]
    before = (1,) * (len(x.shape) - 2)
    filters = viewed(call.builder, weight, None)
    products = call.layer("matmul", {}, windows, call.builder.reshaped(filters, (*before, channels, kernel, 1)))
    y = call.builder.reshaped(products, (*x.shape[:-1], length))
    if bias is None:
        return y
    added = viewed(call.builder, bias, bias.batch)
    return call.layer("add", {}, y, call.builder.reshaped(added, (*before, channels, 1)))


OPERATORS = {
    "Attention": _attention,
    "CausalConvWithState": _causal_conv,
    "RotaryEmbedding": _rotary_embedding,
    "SwiGLU": _swiglu,
    "ai.onnx.preview.FlexAttention": _flex_attention,
}
