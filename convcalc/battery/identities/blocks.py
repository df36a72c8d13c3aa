"""Identities of the shipped blocks: weights for which a block is one convolution, or nothing at all."""

from __future__ import annotations

from typing import Any

import numpy as np

from convcalc.battery.identities import EXACT, Bench, Given, Sides, identity
from convcalc.battery.identities.convolutions import block_diagonal, convolved, every
from convcalc.network import Network
from convcalc.tensors.engine import Array

SATURATED = 1000.0
"""The sigmoid of it is 1, to the last bit."""


def _inner(network: Network, name: str) -> Any:
    """The fields of the layer whose full name ends so; None where it is left out."""
    return next((node.config for node in network.layers if node.name.rpartition(".")[2] == name), None)


def _moved(bench: Bench, window: Any, kernel: Array, a: Array, bias: Array | None = None) -> Array:
    """A convolution with that kernel, moved as another is."""
    same = {name: getattr(window, name) for name in ("stride", "padding", "dilation")}
    return convolved(bench, a, kernel, bias, **same)


def _entering(bench: Bench, network: Network) -> Array:
    return bench.random(2, *network.inputs[0].shape)


def _run(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    return bench.network(network, {network.inputs[0].name: a}, given)


@identity("squeeze_excite", tolerance=EXACT)
def an_open_gate_is_no_gate(bench: Bench, network: Network) -> Sides:
    """Squeeze-and-excitation with its gate saturated leaves the input as it is."""
    a, given = _entering(bench, network), bench.given(network)
    given.inner("expand")["bias"] = np.full(a.shape[1], SATURATED)
    return _run(bench, network, given, a), a


@identity("squeeze_excite_conv", tolerance=EXACT)
def an_open_gate_leaves_the_convolution(bench: Bench, network: Network) -> Sides:
    """With its gate saturated it is the convolution alone."""
    a, given, conv = _entering(bench, network), bench.given(network), _inner(network, "conv")
    given.inner("expand")["bias"] = np.full(conv.out_channels, SATURATED)
    return _run(bench, network, given, a), bench.layer(conv, given.inner("conv"), a)


@identity("separable_conv")
def separable_block_is_the_product_kernel(bench: Bench, network: Network) -> Sides:
    """A depthwise and a pointwise convolution make the standard one of the product kernel."""
    a, given, depthwise = _entering(bench, network), bench.given(network), _inner(network, "depthwise")
    first, last = given.inner("depthwise")["weight"], given.inner("pointwise")
    mixing = last["weight"].reshape(last["weight"].shape[:2])
    kernel = np.einsum("om,mc...->oc...", mixing, block_diagonal(first, depthwise.groups))
    return _run(bench, network, given, a), _moved(bench, depthwise, kernel, a, last.get("bias"))


@identity("depthwise_conv")
def depthwise_block_is_block_diagonal(bench: Bench, network: Network) -> Sides:
    """A depthwise convolution is the standard one of the block-diagonal kernel."""
    a, given, depthwise = _entering(bench, network), bench.given(network), _inner(network, "depthwise")
    arrays = given.inner("depthwise")
    kernel = block_diagonal(arrays["weight"], a.shape[1])
    return _run(bench, network, given, a), _moved(bench, depthwise, kernel, a, arrays.get("bias"))


@identity("pointwise_conv")
def pointwise_block_is_linear(bench: Bench, network: Network) -> Sides:
    """A pointwise convolution is a linear layer at every stride-th position."""
    a, given, conv = _entering(bench, network), bench.given(network), _inner(network, "pointwise")
    arrays = given.inner("pointwise")
    weight = block_diagonal(arrays["weight"], conv.groups).reshape(conv.out_channels, a.shape[1])
    seen = np.moveaxis(a[every(conv.stride)], 1, -1)
    linear = {"out_features": conv.out_channels, "bias": conv.bias}
    of_rows = bench.run("linear", seen, arrays={**arrays, "weight": weight}, **linear)
    return _run(bench, network, given, a), np.moveaxis(of_rows, -1, 1)


@identity("spatial_separable_conv")
def one_convolution_an_axis_is_the_outer_product(bench: Bench, network: Network) -> Sides:
    """Kx1 and then 1xK convolutions make the one of the outer product of their kernels."""
    a, given, rank = _entering(bench, network), bench.given(network), len(network.inputs[0].shape) - 1
    nodes = network.layers
    product = np.eye(a.shape[1]).reshape(a.shape[1], a.shape[1], *(1,) * rank)
    configs: list[Any] = [node.config for node in nodes]
    for node, config in zip(nodes, configs, strict=True):
        if config.bias:  # a bias before padding is none behind it
            given.arrays[node.name]["bias"] = np.zeros(config.out_channels)
        kernel = block_diagonal(given.arrays[node.name]["weight"], config.groups)
        product = np.einsum("om...,mc...->oc...", kernel, product)
    in_one = {
        field: tuple(getattr(config, field)[axis] for axis, config in enumerate(configs))
        for field in ("stride", "dilation")
    }
    padding = configs[0].padding
    padding = padding if isinstance(padding, str) else tuple(c.padding[axis] for axis, c in enumerate(configs))
    return _run(bench, network, given, a), convolved(bench, a, product, padding=padding, **in_one)


@identity("bottleneck_conv")
def through_a_bottleneck_is_the_product_kernel(bench: Bench, network: Network) -> Sides:
    """1x1, the kernel and 1x1 make the standard convolution of the product of all three."""
    a, given = _entering(bench, network), bench.given(network)
    for name in ("reduce", "conv", "expand"):
        arrays = given.inner(name)
        if "bias" in arrays:
            arrays["bias"] = np.zeros_like(arrays["bias"])
    reduce, kernel, expand = (given.inner(name)["weight"] for name in ("reduce", "conv", "expand"))
    product = np.einsum("om,mn...,nc->oc...", _matrix(expand), kernel, _matrix(reduce))
    return _run(bench, network, given, a), _moved(bench, _inner(network, "conv"), product, a)


def _matrix(pointwise: Array) -> Array:
    return pointwise.reshape(pointwise.shape[:2])


@identity("deform_conv_v1")
def without_offsets_a_convolution(bench: Bench, network: Network) -> Sides:
    """With weights of zero for the offsets it is the standard convolution."""
    return _undeformed(bench, network, "offset", 1.0)


@identity("deform_conv_v2")
def without_offsets_half_a_convolution(bench: Bench, network: Network) -> Sides:
    """With weights of zero for offsets and mask, whose gate is then a half, it is half the standard convolution."""
    return _undeformed(bench, network, "offset_and_mask", 0.5)


def _undeformed(bench: Bench, network: Network, name: str, weighed: float) -> Sides:
    a, given, sample = _entering(bench, network), bench.given(network), _inner(network, "sample")
    for array, values in given.inner(name).items():
        given.inner(name)[array] = np.zeros_like(values)
    arrays = given.inner("sample")
    kernel = weighed * block_diagonal(arrays["weight"], sample.groups)
    return _run(bench, network, given, a), _moved(bench, sample, kernel, a, arrays.get("bias"))


@identity("conv_bn_relu")
def the_norm_folds(bench: Bench, network: Network) -> Sides:
    """Convolution and norm fold into one convolution, with ReLU behind it."""
    a, given, conv = _entering(bench, network), bench.given(network), _inner(network, "conv")
    norm = given.inner("norm")
    scale = norm["weight"] / np.sqrt(norm["running_var"] + _inner(network, "norm").eps)
    kernel = block_diagonal(given.inner("conv")["weight"], conv.groups)
    kernel = kernel * scale.reshape(-1, *(1,) * (kernel.ndim - 1))
    folded = _moved(bench, conv, kernel, a, norm["bias"] - norm["running_mean"] * scale)
    return _run(bench, network, given, a), bench.run("relu", folded)


@identity("basic_block", "bottleneck")
def a_silent_branch_leaves_the_shortcut(bench: Bench, network: Network) -> Sides:
    """With a last norm that yields zero, the shortcut alone is left, behind ReLU."""
    a, given = _entering(bench, network), bench.given(network)
    norms = [node.name for node in network.layers if node.kind == "batch_norm"]
    shortcut = _inner(network, "shortcut")
    silent = given.arrays[norms[-1 if shortcut is None else -2]]
    silent |= {name: np.zeros_like(silent[name]) for name in ("weight", "bias")}
    left = a
    if shortcut is not None:
        norm = next(node for node in network.layers if node.name == norms[-1])
        left = bench.layer(norm.config, given.arrays[norm.name], bench.layer(shortcut, given.inner("shortcut"), a))
    return _run(bench, network, given, a), bench.run("relu", left)


@identity("inverted_residual", "inverted_residual_v3")
def a_silent_projection_leaves_the_input(bench: Bench, network: Network) -> Sides:
    """With a last norm that yields zero, the input alone is left, or nothing where there is no shortcut."""
    a, given = _entering(bench, network), bench.given(network)
    silent = given.arrays[[node.name for node in network.layers if node.kind == "batch_norm"][-1]]
    silent |= {name: np.zeros_like(silent[name]) for name in ("weight", "bias")}
    left = _run(bench, network, given, a)
    return left, a if _inner(network, "add") is not None else np.zeros_like(left)


@identity("ghost_conv")
def a_cheap_copy_of_the_primary(bench: Bench, network: Network) -> Sides:
    """Where the cheap kernels have one tap of 1, in the middle, the channels made are copies of the convolved."""
    a, given, cheap = _entering(bench, network), bench.given(network), _inner(network, "cheap")
    primary = bench.layer(_inner(network, "primary"), given.inner("primary"), a)
    left = _run(bench, network, given, a)
    if cheap is None:
        return left, primary
    arrays = given.inner("cheap")
    middle = tuple((k - 1) // 2 for k in cheap.kernel_size)
    arrays["weight"] = np.zeros_like(arrays["weight"])
    arrays["weight"][(..., *middle)] = 1.0
    if cheap.bias:
        arrays["bias"] = np.zeros_like(arrays["bias"])
    copies = np.repeat(primary, cheap.out_channels // primary.shape[1], axis=1)
    return _run(bench, network, given, a), np.concatenate([primary, copies], axis=1)[:, : left.shape[1]]
