"""Identities of the shipped blocks: weights for which a block is one convolution, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from convcalc.battery.identities import EXACT, REORDERED, Bench, Given, Sides, Way, identity
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


def _block_is(*blocks: str, tolerance: float = REORDERED) -> Callable[[Way], Way]:
    """Register a function as another way to what a block makes of a random input.

    It gets a bench, the network of the block, its arrays, which it may change before that is run, and the input.
    """

    def register(way: Way) -> Way:
        @wraps(way)
        def compare(bench: Bench, network: Network) -> Sides:
            (entering,) = network.inputs
            a, given = bench.random(2, *entering.shape), bench.given(network)
            right = way(bench, network, given, a)
            return bench.network(network, {entering.name: a}, given), right

        identity(*blocks, tolerance=tolerance)(compare)
        return way

    return register


@_block_is("squeeze_excite", tolerance=EXACT)
def an_open_gate_is_no_gate(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    """Squeeze-and-excitation with its gate saturated leaves the input as it is."""
    given.inner("expand")["bias"] = np.full(a.shape[1], SATURATED)
    return a


@_block_is("squeeze_excite_conv", tolerance=EXACT)
def an_open_gate_leaves_the_convolution(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    """With its gate saturated it is the convolution alone."""
    conv = _inner(network, "conv")
    given.inner("expand")["bias"] = np.full(conv.out_channels, SATURATED)
    return bench.layer(conv, given.inner("conv"), a)


@_block_is("separable_conv")
def separable_block_is_the_product_kernel(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    """A depthwise and a pointwise convolution make the standard one of the product kernel."""
    depthwise = _inner(network, "depthwise")
    first, last = given.inner("depthwise")["weight"], given.inner("pointwise")
    mixing = last["weight"].reshape(last["weight"].shape[:2])
    kernel = np.einsum("om,mc...->oc...", mixing, block_diagonal(first, depthwise.groups))
    return _moved(bench, depthwise, kernel, a, last.get("bias"))


@_block_is("depthwise_conv")
def depthwise_block_is_block_diagonal(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    """A depthwise convolution is the standard one of the block-diagonal kernel."""
    depthwise = _inner(network, "depthwise")
    arrays = given.inner("depthwise")
    kernel = block_diagonal(arrays["weight"], a.shape[1])
    return _moved(bench, depthwise, kernel, a, arrays.get("bias"))


@_block_is("pointwise_conv")
def pointwise_block_is_linear(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    """A pointwise convolution is a linear layer at every stride-th position."""
    conv = _inner(network, "pointwise")
    arrays = given.inner("pointwise")
    weight = block_diagonal(arrays["weight"], conv.groups).reshape(conv.out_channels, a.shape[1])
    seen = np.moveaxis(a[every(conv.stride)], 1, -1)
    linear = {"out_features": conv.out_channels, "bias": conv.bias}
    of_rows = bench.run("linear", seen, arrays={**arrays, "weight": weight}, **linear)
    return np.moveaxis(of_rows, -1, 1)


@_block_is("spatial_separable_conv")
def one_convolution_an_axis_is_the_outer_product(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    """Kx1 and then 1xK convolutions make the one of the outer product of their kernels."""
    rank = len(network.inputs[0].shape) - 1
    nodes = network.layers
    product = np.eye(a.shape[1]).reshape(a.shape[1], a.shape[1], *(1,) * rank)
    configs: list[Any] = [node.config for node in nodes]
    for node, config in zip(nodes, configs, strict=True):
        given.silence(node.name, "bias")  # before padding it is none behind it
        kernel = block_diagonal(given.arrays[node.name]["weight"], config.groups)
        product = np.einsum("om...,mc...->oc...", kernel, product)
    in_one = {
        field: tuple(getattr(config, field)[axis] for axis, config in enumerate(configs))
        for field in ("stride", "dilation")
    }
    padding = configs[0].padding
    padding = padding if isinstance(padding, str) else tuple(c.padding[axis] for axis, c in enumerate(configs))
    return convolved(bench, a, product, padding=padding, **in_one)


@_block_is("bottleneck_conv")
def through_a_bottleneck_is_the_product_kernel(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    """1x1, the kernel and 1x1 make the standard convolution of the product of all three."""
    names = ("reduce", "conv", "expand")
    for name in names:
        given.silence(name, "bias")
    reduce, kernel, expand = (given.inner(name)["weight"] for name in names)
    product = np.einsum("om,mn...,nc->oc...", _matrix(expand), kernel, _matrix(reduce))
    return _moved(bench, _inner(network, "conv"), product, a)


def _matrix(pointwise: Array) -> Array:
    return pointwise.reshape(pointwise.shape[:2])


@_block_is("deform_conv_v1")
def without_offsets_a_convolution(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    """With weights of zero for the offsets it is the standard convolution."""
    return _undeformed(bench, network, given, a, "offset", 1.0)


@_block_is("deform_conv_v2")
def without_offsets_half_a_convolution(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    """With weights of zero for offsets and mask, whose gate is then a half, it is half the standard convolution."""
    return _undeformed(bench, network, given, a, "offset_and_mask", 0.5)


def _undeformed(bench: Bench, network: Network, given: Given, a: Array, name: str, weighed: float) -> Array:
    sample = _inner(network, "sample")
    given.silence(name)
    arrays = given.inner("sample")
    kernel = weighed * block_diagonal(arrays["weight"], sample.groups)
    return _moved(bench, sample, kernel, a, arrays.get("bias"))


@_block_is("conv_bn_relu")
def the_norm_folds(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    """Convolution and norm fold into one convolution, with ReLU behind it."""
    conv = _inner(network, "conv")
    norm = given.inner("norm")
    scale = norm["weight"] / np.sqrt(norm["running_var"] + _inner(network, "norm").eps)
    kernel = block_diagonal(given.inner("conv")["weight"], conv.groups)
    kernel = kernel * scale.reshape(-1, *(1,) * (kernel.ndim - 1))
    folded = _moved(bench, conv, kernel, a, norm["bias"] - norm["running_mean"] * scale)
    return bench.run("relu", folded)


@_block_is("basic_block", "bottleneck")
def a_silent_branch_leaves_the_shortcut(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    """With a last norm that yields zero, the shortcut alone is left, behind ReLU."""
    norms = [node.name for node in network.layers if node.kind == "batch_norm"]
    shortcut = _inner(network, "shortcut")
    given.silence(norms[-1 if shortcut is None else -2], "weight", "bias")
    left = a
    if shortcut is not None:
        norm = next(node for node in network.layers if node.name == norms[-1])
        left = bench.layer(norm.config, given.arrays[norm.name], bench.layer(shortcut, given.inner("shortcut"), a))
    return bench.run("relu", left)


@_block_is("inverted_residual", "inverted_residual_v3")
def a_silent_projection_leaves_the_input(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    """With a last norm that yields zero, the input alone is left, or nothing where there is no shortcut."""
    norms = [node.name for node in network.layers if node.kind == "batch_norm"]
    given.silence(norms[-1], "weight", "bias")
    return a if _inner(network, "add") is not None else np.zeros((2, *network.nodes[-1].shape))


@_block_is("ghost_conv")
def a_cheap_copy_of_the_primary(bench: Bench, network: Network, given: Given, a: Array) -> Array:
    """Where the cheap kernels have one tap of 1, in the middle, the channels made are copies of the convolved."""
    cheap = _inner(network, "cheap")
    primary = bench.layer(_inner(network, "primary"), given.inner("primary"), a)
    if cheap is None:
        return primary
    given.silence("cheap")
    given.inner("cheap")["weight"][(..., *((k - 1) // 2 for k in cheap.kernel_size))] = 1.0
    copies = np.repeat(primary, cheap.out_channels // primary.shape[1], axis=1)
    return np.concatenate([primary, copies], axis=1)[:, : network.nodes[-1].shape[0]]
