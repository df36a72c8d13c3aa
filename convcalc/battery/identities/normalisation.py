"""Identities of the normalisations, of scaling, and of attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from convcalc.battery.identities import Arrays, Bench, Sides, identity, layer_is
from convcalc.battery.identities.convolutions import convolved
from convcalc.layers import Shape
from convcalc.tensors.engine import Array

EPS = 1e-3
"""Where statistics are measured: generated ones may be 0, over which a single number is not brought to variance 1."""


@identity("batch_norm")
def batch_norm_folds_into_a_convolution(bench: Bench, config: Any, x: Shape) -> Sides:
    """A convolution and a batch norm with known statistics are one convolution of a scaled kernel."""
    if not config.track_running_stats:
        return None
    entering, ones = 3, (1,) * (len(x) - 1)
    a, arrays = bench.random(2, entering, *x[1:]), bench.arrays(config, [x])
    kernel, bias = bench.random(x[0], entering, *ones), bench.random(x[0])
    two = bench.layer(config, arrays, convolved(bench, a, kernel, bias))
    scale = arrays.get("weight", np.ones(x[0])) / np.sqrt(arrays["running_var"] + config.eps)
    shift = arrays.get("bias", np.zeros(x[0])) - arrays["running_mean"] * scale
    return two, convolved(bench, a, kernel * scale.reshape(-1, 1, *ones), bias * scale + shift)


@identity("batch_norm", "group_norm", "instance_norm", "layer_norm")
def units_do_not_matter(bench: Bench, config: Any, x: Shape) -> Sides:
    """Where statistics are measured, an input in other units (and eps in theirs) leaves the same."""
    if getattr(config, "track_running_stats", False):
        return None
    (a,), arrays, unit = bench.entering([x]), bench.arrays(config, [x]), 2.0
    normalised = bench.layer(config, arrays, a, eps=EPS)
    return normalised, bench.layer(config, arrays, unit * a + 5.0, eps=EPS * unit**2)


@identity("group_norm")
def one_group_is_layer_norm(bench: Bench, config: Any, x: Shape) -> Sides:
    """Group norm of one group is layer norm over all axes."""
    (a,) = bench.entering([x])
    one_group = bench.layer(config, {}, a, num_groups=1, affine=False, eps=EPS)
    return one_group, bench.run("layer_norm", a, axes=tuple(range(len(x))), elementwise_affine=False, eps=EPS)


@identity("group_norm", "instance_norm")
def a_group_a_channel_is_instance_norm(bench: Bench, config: Any, x: Shape) -> Sides:
    """Group norm of a group for each channel is instance norm."""
    if len(x) == 1:
        return None
    (a,) = bench.entering([x])
    in_groups = bench.run("group_norm", a, num_groups=x[0], affine=False, eps=EPS)
    return in_groups, bench.run("instance_norm", a, eps=EPS)


@identity("instance_norm")
def known_statistics_are_batch_norms(bench: Bench, config: Any, x: Shape) -> Sides:
    """With known statistics, instance norm is batch norm."""
    (a,) = bench.entering([x])
    names = ("weight", "bias", "running_mean", "running_var")
    arrays = {name: np.abs(bench.random(x[0])) for name in names}
    same = {"affine": True, "track_running_stats": True}
    return bench.layer(config, arrays, a, **same), bench.run("batch_norm", a, arrays=arrays, eps=config.eps)


@identity("layer_norm")
def brought_to_mean_and_variance(bench: Bench, config: Any, x: Shape) -> Sides:
    """Over its axes the mean is 0, and the variance 1 but for eps."""
    (a,), axes = bench.entering([x]), tuple(axis % len(x) + 1 for axis in config.axes)
    normalised = bench.layer(config, {}, a, elementwise_affine=False, bias=False, eps=EPS)
    variance = a.var(axis=axes)
    expected = np.stack([np.zeros_like(variance), variance / (variance + EPS)])
    return np.stack([normalised.mean(axis=axes), normalised.var(axis=axes)]), expected


@identity("rms_norm")
def brought_to_mean_square(bench: Bench, config: Any, x: Shape) -> Sides:
    """Over its axes the mean square is 1 but for eps, and directions stay: the quotients are the same everywhere."""
    (a,), axes = bench.entering([x]), tuple(axis % len(x) + 1 for axis in config.axes)
    normalised = bench.layer(config, {}, a, elementwise_affine=False, eps=EPS)
    square = (a**2).mean(axis=axes, keepdims=True)
    expected = np.stack([a, np.broadcast_to(square / (square + EPS), a.shape)])
    measured = np.broadcast_to((normalised**2).mean(axis=axes, keepdims=True), a.shape)
    return np.stack([normalised * np.sqrt(square + EPS), measured]), expected


@identity("rms_norm")
def without_a_mean_it_is_layer_norm(bench: Bench, config: Any, x: Shape) -> Sides:
    """On what has no mean along its axes, the mean square is the variance."""
    (a,), axes = bench.entering([x]), tuple(axis % len(x) + 1 for axis in config.axes)
    a = a - a.mean(axis=axes, keepdims=True)
    same: dict[str, Any] = {"elementwise_affine": False, "eps": EPS}
    return bench.layer(config, {}, a, **same), bench.run("layer_norm", a, axes=config.axes, **same)


@identity("normalize")
def brought_to_length_one(bench: Bench, config: Any, x: Shape) -> Sides:
    """Whatever its length was, it then is 1; and below eps what was divided by eps."""
    (a,), axis = bench.entering([x]), config.axis % len(x) + 1
    a = a + np.where(a < 0, -1.0, 1.0)
    normalised, small = bench.layer(config, {}, a, eps=EPS), bench.layer(config, {}, a * 1e-9, eps=1.0)
    length = (np.abs(normalised) ** config.p).sum(axis=axis)
    return np.concatenate([length.ravel(), small.ravel()]), np.concatenate([np.ones(length.size), a.ravel() * 1e-9])


@identity("batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm")
def weights_scale_and_shift(bench: Bench, config: Any, x: Shape) -> Sides:
    """Learned weights scale and shift what leaves without them."""
    arrays = bench.arrays(config, [x])
    weight, bias = arrays.get("weight"), arrays.get("bias")
    if weight is None:
        return None
    (a,) = bench.entering([x])
    axes = [axis % len(x) for axis in getattr(config, "axes", (0,))]
    shape = [size if axis in axes else 1 for axis, size in enumerate(x)]
    weight = weight.transpose(np.argsort(axes))
    without = "elementwise_affine" if hasattr(config, "elementwise_affine") else "affine"
    buffers = {name: array for name, array in arrays.items() if "running" in name}
    plain = bench.layer(config, buffers, a, eps=EPS, **{without: False})
    shifted = plain * weight.reshape(shape)
    if bias is not None:
        shifted = shifted + bias.transpose(np.argsort(axes)).reshape(shape)
    return bench.layer(config, arrays, a, eps=EPS), shifted


@identity("local_response_norm")
def all_channels_are_neighbours(bench: Bench, config: Any, x: Shape) -> Sides:
    """With every channel a neighbour of each, all are divided by the same."""
    (a,), size = bench.entering([x]), 2 * x[0] + 1
    normalised = bench.layer(config, {}, a, size=size)
    energy = (a**2).sum(axis=1, keepdims=True) / size
    return normalised, a / (config.k + config.alpha * energy) ** config.beta


@identity("local_response_norm")
def neighbours_are_shifted_channels(bench: Bench, config: Any, x: Shape) -> Sides:
    """The energy of the neighbours is that of the channels shifted, those beyond the ends being zero."""
    (a,), size = bench.entering([x]), config.size
    around = [(0, 0), (size // 2, (size - 1) // 2), *[(0, 0)] * (len(x) - 1)]
    squares = np.pad(a**2, around)
    energy = sum(squares[:, shift : shift + x[0]] for shift in range(size)) / size
    return bench.layer(config, {}, a, alpha=0.5), a / (config.k + 0.5 * energy) ** config.beta


@layer_is("scale")
def scaling_is_a_product(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """Scale is a product with one number a channel, and a sum with another."""
    product = bench.run("mul", a, np.stack([arrays["weight"]] * 2))
    return bench.run("add", product, np.stack([arrays["bias"]] * 2)) if config.bias else product


@identity("attention")
def one_token_attends_to_itself(bench: Bench, config: Any, x: Shape) -> Sides:
    """With one token attention is two linear layers: the value, and the output."""
    features, arrays = x[-1], bench.arrays(config, [x])
    a = bench.random(2, *x[:-2], 1, features)
    value = {"weight": arrays["in_proj_weight"][2 * features :]}
    output = {"weight": arrays["out_proj.weight"]}
    if config.bias:
        value["bias"], output["bias"] = arrays["in_proj_bias"][2 * features :], arrays["out_proj.bias"]
    linear = {"out_features": features, "bias": config.bias}
    two = bench.run("linear", bench.run("linear", a, arrays=value, **linear), arrays=output, **linear)
    return bench.layer(config, arrays, a), two


@identity("attention")
def tokens_have_no_order(bench: Bench, config: Any, x: Shape) -> Sides:
    """Tokens in another order leave in that order."""
    (a,), arrays = bench.entering([x]), bench.arrays(config, [x])
    order = bench.generator.permutation(x[-2])
    return bench.layer(config, arrays, a)[..., order, :], bench.layer(config, arrays, a[..., order, :])


@layer_is("attention")
def heads_attend_alone(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """Heads are attentions of fewer features: their outputs, through their part of the last weight, add up."""
    heads, features = config.num_heads, a.shape[-1]
    per_head = features // heads
    rows = np.concatenate([arrays["in_proj_weight"], arrays.get("in_proj_bias", np.zeros(3 * features))[:, None]], 1)
    query, key, value = rows.reshape(3, heads, per_head, features + 1)
    tokens = np.concatenate([a, np.ones((*a.shape[:-1], 1))], axis=-1)
    total = np.zeros_like(a)
    for head in range(heads):
        q, k, v = (tokens @ part[head].T for part in (query, key, value))
        scores = bench.run("softmax", np.moveaxis(q @ k.swapaxes(-1, -2), -1, 1) / np.sqrt(per_head), axis=0)
        output = arrays["out_proj.weight"][:, head * per_head : (head + 1) * per_head]
        total += np.moveaxis(scores, 1, -1) @ v @ output.T
    return total + arrays.get("out_proj.bias", 0.0)


@identity("scaled_dot_product_attention")
def scores_weigh_values(bench: Bench, config: Any, query: Shape, key: Shape, value: Shape, *mask: Shape) -> Sides:
    """It is a product of query and key, softmax, and a product with the value, where nothing is masked."""
    shared = len(query) > 2 and query[-3] != key[-3]
    if shared:
        return None
    q, k, v = bench.entering([query, key, value])
    bare: dict[str, Any] = {"is_causal": False, "left_window": None, "right_window": None, "softcap": 0.0}
    factor = config.scale or query[-1] ** -0.5
    scores = bench.run("affine", bench.run("matmul", q, k.swapaxes(-1, -2)), factor=factor, addend=0.0)
    shares = bench.run("softmax", scores, axis=len(query) - 1)
    return bench.layer(config, {}, q, k, v, **bare), bench.run("matmul", shares, v)


@identity("scaled_dot_product_attention")
def places_are_a_mask(bench: Bench, config: Any, query: Shape, key: Shape, value: Shape, *mask: Shape) -> Sides:
    """What places hide is what a mask hides that has minus infinity there, pair by pair."""
    q, k, v = bench.entering([query, key, value])
    hidden = np.zeros((query[-2], key[-2]))
    for place, other in np.ndindex(*hidden.shape):
        far = other - place - config.offset
        before = config.left_window is not None and -far > config.left_window
        behind = config.right_window is not None and far > config.right_window
        if before or behind or (config.is_causal and far > 0):
            hidden[place, other] = -np.inf
    bare: dict[str, Any] = {"is_causal": False, "left_window": None, "right_window": None}
    return bench.layer(config, {}, q, k, v), bench.layer(config, {}, q, k, v, hidden, **bare)


@identity("scaled_dot_product_attention")
def heads_that_are_shared_are_copies(
    bench: Bench, config: Any, query: Shape, key: Shape, value: Shape, *mask: Shape
) -> Sides:
    """Heads of key and value that several share are as good as copied for each of them."""
    if len(query) < 3:
        return None
    q, k, v = bench.entering([query, key, value])
    copies = query[-3] // key[-3]
    every = [copy for head in range(key[-3]) for copy in [head] * copies]
    return bench.layer(config, {}, q, k, v), bench.layer(config, {}, q, k[..., every, :, :], v[..., every, :, :])
