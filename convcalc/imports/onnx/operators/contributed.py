"""What ONNX Runtime's optimiser puts in the place of several operators, as these.

Its operators are of the domain `com.microsoft`, those on channels in blocks of `com.microsoft.nchwc`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from convcalc.imports.errors import Inexpressible
from convcalc.imports.makings import unmade
from convcalc.imports.onnx import constants, moving
from convcalc.imports.onnx.operators.activations import held
from convcalc.imports.onnx.reading import INT64
from convcalc.imports.onnx.restating import channels_first, channels_last, optional, restated
from convcalc.imports.onnx.values import Call, Value, constant_value
from convcalc.imports.written_numbers import tidy

_ACTIVATIONS = {"LeakyRelu": (0.01,), "HardSigmoid": (0.2, 0.5), "Elu": (1.0,), "Relu": (), "Sigmoid": (), "Tanh": ()}
"""Activations that are fused into a product, with alpha and beta where they are not stated."""


def _activated(call: Call, y: Value) -> Value:
    """What leaves a product that an activation was fused into, whose numbers are a list or have names of their own."""
    name, listed = call.attributes.text("activation"), call.attributes.get("activation_params")
    named = [key for key in ("activation_alpha", "activation_beta") if key in call.attributes]
    numbers = [*map(float, listed)] if isinstance(listed, list) else [*map(call.attributes.real, named)]
    if not name:
        return y
    if name == "Clip" and len(numbers) == 2:
        return held(call, y, *numbers)
    if name not in _ACTIVATIONS:
        raise Inexpressible(f"activation {name}")
    usual = _ACTIVATIONS[name]
    own = (*numbers, *usual[len(numbers) :])[: len(usual)]
    return restated(call, name, y, **dict(zip(("alpha", "beta"), own, strict=False)))


def _conv(call: Call) -> Value:
    """A convolution with a sum and an activation behind it."""
    y = restated(call, "Conv", *call.inputs[:3])
    return _activated(call, restated(call, "Add", y, call.value(3)) if call.has(3) else y)


def _gemm(call: Call) -> Value:
    return _activated(call, restated(call, "Gemm", *call.inputs))


def _matmul(call: Call) -> Value:
    """Rows by columns, each matrix turned first where it says so, and all of the product times `alpha`."""
    operands = []
    for place, side in enumerate("AB"):
        value = call.value(place)
        *beside, rows, columns = range(len(value.shape)) if len(value.shape) > 1 else (0, 0)
        if call.flag(f"transBatch{side}") and beside:  # what lies beside the matrices is behind their rows
            rows, *beside = *beside, rows
        order = [*beside, columns, rows] if call.flag(f"trans{side}") else [*beside, rows, columns]
        is_moved = len(value.shape) > 1 and order != sorted(order)
        operands.append(_transposed(call, value, order) if is_moved else value)
    y, alpha = restated(call, "MatMul", *operands), tidy(call.attributes.real("alpha", 1.0))
    return _activated(call, y if alpha == 1 else call.out(call.layer("affine", {"factor": alpha}, y.draft), y.batch))


def _transposed(call: Call, value: Value, order: list[int]) -> Value:
    return moving.rearranged(call, value, order)


def _fast_gelu(call: Call) -> Value:
    x = restated(call, "Add", *call.inputs[:2]) if call.has(1) else call.value(0)
    return restated(call, "Gelu", x, approximate="tanh")


def _skip_norm(call: Call, norm: str, bias: int, epsilon: float) -> list[Value]:
    """The sum of two tensors, and perhaps a bias, normalised; the sum leaves as well."""
    if any(call.node.outputs[1:3]):
        raise Inexpressible("its mean or deviation is used")
    first, second = call.value(0), call.value(1)
    if call.has(bias):
        if _ends_without_bias(second) and not _ends_without_bias(first):
            first, second = second, first
        first = restated(call, "Add", first, call.value(bias))
    together = restated(call, "Add", first, second)
    own = {"axis": -1, "epsilon": call.attributes.real("epsilon", epsilon)}
    y = restated(call, norm, together, *call.inputs[2:bias], **own)
    return [y, y, y, together]


def _ends_without_bias(value: Value) -> bool:
    """Whether a dense layer makes the tensor that a bias may have been taken from."""
    return value.source is not None and value.source.kind == "linear" and value.source.fields.get("bias") is False


def _simplified_norm(call: Call) -> Value:
    if any(call.node.outputs[1:]):
        raise Inexpressible("its deviation is used")
    return restated(call, "RMSNormalization", *call.inputs)


def _embedded(call: Call) -> list[Value]:
    """Words, their places and perhaps their segments looked up, added and normalised."""
    words = call.value(0)
    together = restated(call, "Gather", call.value(2), words, axis=0)
    places = call.value(3)
    if call.has(8):
        places = restated(call, "Gather", places, call.value(8), axis=0)
    else:
        places = moving.cut(call, places, {0: range(words.shape[-1])})
    together = restated(call, "Add", together, places)
    if call.has(1) and call.has(4):
        segments = restated(call, "Gather", call.value(4), call.value(1), axis=0)
        together = restated(call, "Add", together, segments)
    y = restated(call, "LayerNormalization", together, call.value(5), call.value(6), axis=-1)
    lengths = constant_value(constants.Constant((1,), INT64))
    return [y, lengths, together]


def _attention(call: Call) -> Value:
    """Self-attention from one tensor, which a single matrix projects to query, key and value."""
    if call.has(4) or any(call.node.outputs[1:]):
        raise Inexpressible("attention with a past")
    if call.flag("do_rotary"):
        raise Inexpressible("angles that are turned within it")
    projected = restated(call, "MatMul", call.value(0), call.value(1))
    if call.has(2):
        projected = restated(call, "Add", projected, call.value(2))
    width, rest = divmod(projected.shape[-1], 3)
    sizes = call.attributes.integers("qkv_hidden_sizes") or [width] * 3
    if len(sizes) != 3 or sum(sizes) != 3 * width + rest or len(projected.shape) != 3:
        raise Inexpressible(f"query, key and value of {sizes} out of a tensor of shape {list(projected.shape)}")
    return _attended(call, moving.parted(call, projected, 2, sizes), _mask(call, 3, 5))


def _attention_of_three(call: Call) -> Value:
    """Query, key and value that were projected before, all but for a bias."""
    if any(call.has(place) for place in (6, 7)) or any(call.node.outputs[1:]):
        raise Inexpressible("attention with a past")
    three = [call.value(place) for place in range(3)]
    if len(three[0].shape) != 3 or any(len(value.shape) not in (3, 4) for value in three):
        raise Inexpressible("query, key and value laid into one tensor")
    if call.has(3):
        bias, start = call.constant(3, "a bias"), 0
        for place, value in enumerate(three):
            width = value.shape[-1]
            own = constant_value(constants.sliced(bias, [range(start, start + width)]))
            three[place], start = restated(call, "Add", value, own), start + width
    return _attended(call, three, _mask(call, 4, 5))


def _attended(call: Call, three: list[Value], mask: Value | None) -> Value:
    """Scores of query and key, and what they weigh: `three` are query, key and value."""
    heads = call.attributes.integer("num_heads")
    numbers: dict[str, object] = {"q_num_heads": heads, "kv_num_heads": heads}
    if not call.attributes.real("scale"):  # which is how the root of the features is asked for
        numbers["scale"] = (three[0].shape[-1] // max(heads, 1) or 1) ** -0.5
    numbers["is_causal"] = call.attributes.integer("unidirectional")
    return restated(call, "Attention", *three, *[mask] * (mask is not None), **numbers)


def _mask(call: Call, place: int, addend: int) -> Value | None:
    """What is added to the scores: a mask of tokens or of pairs; lengths alone cut off within it."""
    terms = []
    if call.has(place) and len(call.value(place).shape) > 1:
        mask = call.value(place)
        front, rank = mask.shape[0], len(mask.shape)
        shape = {2: (front, 1, 1, *mask.shape[1:]), 3: (front, 1, *mask.shape[1:])}.get(rank, mask.shape)
        terms.append(moving.reshaped(call, mask, shape))
    if call.has(addend):
        terms.append(call.value(addend))
    return terms[0] if len(terms) == 1 else restated(call, "Add", *terms) if terms else None


def _bias_softmax(call: Call) -> Value:
    together = restated(call, "Add", call.value(0), call.value(1))
    return restated(call, "Softmax", together, axis=call.attributes.integer("axis", 1))


def _bias_split_gelu(call: Call) -> Value:
    """One half of the features times the GELU of the other, both with a bias."""
    together = restated(call, "Add", call.value(0), call.value(1))
    half, rest = divmod(together.shape[-1], 2)
    if rest:
        raise Inexpressible(f"two halves of {together.shape[-1]} features")
    axis = len(together.shape) - 1
    left, right = moving.parted(call, together, axis, [half, half])
    return restated(call, "Mul", left, restated(call, "Gelu", right))


def _bias_add(call: Call) -> Value:
    return restated(call, "Add", restated(call, "Add", call.value(0), call.value(1)), call.value(2))


def _group_norm(call: Call) -> list[Value]:
    """A norm of groups of the channels, which are behind the positions, and perhaps SiLU; the sum it is of leaves too.

    `skip` and a bias at places 3 and 4 are added before.
    """
    together = call.value(0)
    for place in (3, 4):
        if call.has(place):
            addend = call.value(place)
            if len(addend.shape) == 2:  # one number for each channel of a sample
                addend = moving.reshaped(call, addend, (addend.shape[0], 1, 1, addend.shape[1]))
            together = restated(call, "Add", together, addend)
    is_last = call.flag("channels_last", 1)
    x = channels_first(call, together) if is_last else together
    groups = call.attributes.integer("groups")
    y = restated(call, "GroupNormalization", x, call.value(1), call.value(2), num_groups=groups)
    if call.flag("activation"):
        y = restated(call, "Swish", y, alpha=1.0)
    return [channels_last(call, y) if is_last else y, together]


def _nhwc_conv(call: Call) -> Value:
    """A convolution with the channels behind the positions, in the filters too where these say so."""
    x, weight = channels_first(call, call.value(0)), call.value(1)
    entering, own = call.attributes.integer("group", 1), list(weight.shape)
    kernel = call.attributes.integers("kernel_shape") or own[1:-1]
    if own[1:-1] == kernel and own[-1] * entering == x.shape[1]:
        rank = len(own)
        weight = _transposed(call, weight, [0, rank - 1, *range(1, rank - 1)])
    addend = optional(call, 3)
    addends = [channels_first(call, addend)] if addend is not None else []
    return channels_last(call, restated(call, "com.microsoft.FusedConv", x, weight, optional(call, 2), *addends))


def _channels_behind(call: Call, op: str) -> Value:
    return channels_last(call, restated(call, op, channels_first(call, call.value(0))))


def _blocked_conv(call: Call) -> Value:
    """A convolution whose channels were filled up to whole blocks, in filters and tensors alike."""
    x = _filled_up(call, call.value(0), call.value(1).shape[1] * call.attributes.integer("group", 1))
    own = [value and _laid_in_blocks(value) for value in call.inputs[1:3]]
    return restated(call, "com.microsoft.FusedConv", x, *own, *call.inputs[3:])


def _laid_in_blocks(value: Value) -> Value:
    """A filter or bias whose numbers lie as a processor's registers want them, which no file says."""
    if value.constant is None:
        return value
    return constant_value(replace(value.constant, derived=unmade("laid out in blocks for one processor", value.shape)))


def _filled_up(call: Call, x: Value, channels: int) -> Value:
    lacking = channels - x.shape[1]
    if lacking <= 0:
        return x
    pads = constant_value(constants.whole([0, 0, *[0] * (len(x.shape) - 2), 0, lacking, *[0] * (len(x.shape) - 2)]))
    return restated(call, "Pad", x, pads)


def _into_blocks(call: Call) -> Value:
    return channels_first(call, call.value(0)) if call.flag("channels_last") else call.value(0)


def _out_of_blocks(call: Call) -> Value:
    x, channels = call.value(0), call.attributes.integer("channels")
    own = moving.cut(call, x, {1: range(channels)}) if 0 < channels < x.shape[1] else x
    return channels_last(call, own) if call.flag("channels_last") else own


def _alone(op: str) -> Callable[[Call], Value]:
    return lambda call: restated(call, op, *call.inputs)


_OF_MICROSOFT: dict[str, Callable[[Call], Value | list[Value]]] = {
    "FusedConv": _conv,
    "FusedGemm": _gemm,
    "FusedMatMul": _matmul,
    "FusedMatMulActivation": _matmul,
    "TransposeMatMul": _matmul,
    "FastGelu": _fast_gelu,
    "SkipLayerNormalization": partial(_skip_norm, norm="LayerNormalization", bias=4, epsilon=1e-12),
    "SkipSimplifiedLayerNormalization": partial(_skip_norm, norm="RMSNormalization", bias=3, epsilon=1e-5),
    "SimplifiedLayerNormalization": _simplified_norm,
    "EmbedLayerNormalization": _embedded,
    "Attention": _attention,
    "MultiHeadAttention": _attention_of_three,
    "BiasSoftmax": _bias_softmax,
    "BiasSplitGelu": _bias_split_gelu,
    "BiasAdd": _bias_add,
    "GroupNorm": _group_norm,
    "SkipGroupNorm": _group_norm,
    "NhwcConv": _nhwc_conv,
    "NhwcFusedConv": _nhwc_conv,
    "NhwcMaxPool": partial(_channels_behind, op="MaxPool"),
}

_OF_BLOCKS: dict[str, Callable[[Call], Value | list[Value]]] = {
    "Conv": _blocked_conv,
    "ReorderInput": _into_blocks,
    "ReorderOutput": _out_of_blocks,
    **{op: _alone(op) for op in ("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")},
    "Upsample": _alone("Resize"),
}

OPERATORS = {
    "SimplifiedLayerNormalization": _simplified_norm,
    **{f"com.microsoft.{op}": read for op, read in _OF_MICROSOFT.items()},
    **{f"com.microsoft.nchwc.{op}": read for op, read in _OF_BLOCKS.items()},
}
