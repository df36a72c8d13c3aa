"""Identities of convolutions: kernels that are made of others, and the adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from convcalc.battery.identities import EXACT, Arrays, Bench, Sides, identity, layer_is
from convcalc.layers import Shape
from convcalc.tensors.engine import Array

SMOOTHING, DIFFERENCE = np.array([1.0, 2.0, 1.0]), np.array([1.0, 0.0, -1.0])
"""The two factors of the Sobel kernel."""


def block_diagonal(weight: Array, groups: int) -> Array:
    """The kernel of one group [out, in, ...] that a grouped kernel [out, in / groups, ...] is."""
    out_channels, members = weight.shape[:2]
    dense = np.zeros((out_channels, members * groups, *weight.shape[2:]))
    filters = out_channels // groups
    for group in range(groups):
        rows, columns = (slice(group * size, (group + 1) * size) for size in (filters, members))
        dense[rows, columns] = weight[rows]
    return dense


def stuffed(kernel: Array, dilation: Sequence[int]) -> Array:
    """A kernel with the zeros written out that dilation puts between its taps."""
    sizes = [d * (k - 1) + 1 for k, d in zip(kernel.shape[2:], dilation, strict=True)]
    spread = np.zeros((*kernel.shape[:2], *sizes))
    spread[every(dilation)] = kernel
    return spread


def convolved(bench: Bench, x: Array, weight: Array, bias: Array | None = None, **fields: Any) -> Array:
    """A convolution with that kernel; fields that are not told are as they would be unwritten."""
    arrays = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    sizes = {"out_channels": weight.shape[0], "kernel_size": weight.shape[2:]}
    return bench.run("conv", x, arrays=arrays, bias=bias is not None, **sizes, **fields)


def moved_as(bench: Bench, config: Any, x: Array, weight: Array, **changed: Any) -> Array:
    """A convolution with that kernel, in one group unless told, moved as another is and without a bias."""
    same = {name: getattr(config, name) for name in ("stride", "padding", "dilation", "padding_mode")}
    return convolved(bench, x, weight, **{**same, **changed})


def every(steps: Sequence[int]) -> Any:
    """The index that picks every step-th position of each axis."""
    return (..., *(slice(None, None, step) for step in steps))


def along(axis: int, values: Sequence[Any], neutral: Any) -> tuple[Any, ...]:
    """The value of one axis, and the neutral one on all others."""
    return tuple(value if place == axis else neutral for place, value in enumerate(values))


@layer_is("conv")
def dilated_is_zero_stuffed(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """A dilated convolution is one of the kernel with zeros between its taps."""
    kernel = stuffed(arrays["weight"], config.dilation)
    plain = {"kernel_size": kernel.shape[2:], "dilation": (1,) * (a.ndim - 2)}
    return bench.layer(config, {**arrays, "weight": kernel}, a, **plain)


@layer_is("conv")
def grouped_is_block_diagonal(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """A grouped convolution is one of the block-diagonal kernel."""
    dense = {**arrays, "weight": block_diagonal(arrays["weight"], config.groups)}
    return bench.layer(config, dense, a, groups=1)


@identity("conv")
def depthwise_is_a_group_a_channel(bench: Bench, config: Any, x: Shape) -> Sides:
    """A depthwise convolution (groups = channels) convolves every channel alone."""
    (a,), multiplier = bench.entering([x]), 2
    weight = bench.random(multiplier * x[0], 1, *config.kernel_size)
    kernels = np.split(weight, x[0])
    parts = [moved_as(bench, config, a[:, c : c + 1], kernel) for c, kernel in enumerate(kernels)]
    return moved_as(bench, config, a, weight, groups=x[0]), np.concatenate(parts, axis=1)


@identity("conv")
def separable_is_the_product_kernel(bench: Bench, config: Any, x: Shape) -> Sides:
    """A depthwise and a pointwise convolution make the standard one of the product kernel."""
    (a,), multiplier, ones = bench.entering([x]), 2, (1,) * (len(x) - 1)
    depthwise = bench.random(multiplier * x[0], 1, *config.kernel_size)
    pointwise = bench.random(config.out_channels, multiplier * x[0], *ones)
    two = convolved(bench, moved_as(bench, config, a, depthwise, groups=x[0]), pointwise)
    mixed = pointwise.reshape(config.out_channels, x[0], multiplier)
    product = np.einsum("ocm,cm...->oc...", mixed, depthwise.reshape(x[0], multiplier, *config.kernel_size))
    return two, moved_as(bench, config, a, product)


@identity("conv")
def one_axis_after_the_other_is_the_outer_product(bench: Bench, config: Any, x: Shape) -> Sides:
    """kx1 and then 1xk convolutions make the one of the outer product of their kernels."""
    rank = len(x) - 1
    if rank < 2:
        return None
    (a,), between = bench.entering([x]), 2
    y, product = a, np.eye(x[0]).reshape(x[0], x[0], *(1,) * rank)
    for axis in range(rank):
        filters = config.out_channels if axis == rank - 1 else between
        kernel = bench.random(filters, y.shape[1], *along(axis, config.kernel_size, 1))
        y = _on_axis(bench, config, axis, y, kernel)
        product = np.einsum("om...,mc...->oc...", kernel, product)
    return y, moved_as(bench, config, a, product)


@identity("conv")
def sobel_is_smoothing_and_difference(bench: Bench, config: Any, x: Shape) -> Sides:
    """The Sobel kernel is 3x1 smoothing and then a 1x3 difference."""
    if len(x) != 3:
        return None
    a = bench.random(2, 1, *(size + 2 * d for size, d in zip(x[1:], config.dilation, strict=True)))
    rows = _on_axis(bench, config, 0, a, SMOOTHING.reshape(1, 1, 3, 1))
    two = _on_axis(bench, config, 1, rows, DIFFERENCE.reshape(1, 1, 1, 3))
    return two, moved_as(bench, config, a, np.outer(SMOOTHING, DIFFERENCE)[None, None])


def _on_axis(bench: Bench, config: Any, axis: int, x: Array, kernel: Array) -> Array:
    """A convolution that has its stride, dilation and padding on one axis alone."""
    word = isinstance(config.padding, str)
    return moved_as(
        bench, config, x, kernel, stride=along(axis, config.stride, 1), dilation=along(axis, config.dilation, 1),
        padding=config.padding if word else along(axis, config.padding, (0, 0)),
    )  # fmt: skip


@identity("conv", "linear")
def pointwise_is_linear(bench: Bench, config: Any, x: Shape) -> Sides:
    """A 1x1 convolution is a linear layer at every position."""
    (a,), filters = bench.entering([x]), 3
    ones, stride = (1,) * (len(x) - 1), getattr(config, "stride", (1,) * (len(x) - 1))
    weight, bias = bench.random(filters, x[0]), bench.random(filters)
    pointwise = convolved(bench, a, weight.reshape(filters, x[0], *ones), bias, stride=stride)
    seen = np.moveaxis(a[every(stride)], 1, -1)
    linear = bench.run("linear", seen, arrays={"weight": weight, "bias": bias}, out_features=filters)
    return pointwise, np.moveaxis(linear, -1, 1)


@layer_is("conv")
def a_stride_leaves_outputs_out(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array | None:
    """A strided convolution is every stride-th output of the one without."""
    if config.padding in ("same", "same_lower"):  # pads by the stride
        return None
    dense = bench.layer(config, arrays, a, stride=(1,) * (a.ndim - 2))
    return dense[every(config.stride)]


@layer_is("conv")
def padding_comes_first(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """A padded convolution is a pad layer of what the padding stands for, and a convolution of what fits."""
    pads = tuple((window.before, window.after) for window in config.windows(a.shape[1:]))
    mode = "constant" if config.padding_mode == "zeros" else config.padding_mode
    padded = bench.run("pad", a, padding=pads, mode=mode) if pads else a
    return bench.layer(config, arrays, padded, padding=((0, 0),) * len(pads))


@identity("conv")
def causal_is_shifted(bench: Bench, config: Any, x: Shape) -> Sides:
    """Causal padding is zeros before: a convolution shifted so that it looks back."""
    if len(x) != 2:
        return None
    (a,), arrays = bench.entering([x]), bench.arrays(config, [x])
    zeros = np.zeros((2, x[0], config.dilation[0] * (config.kernel_size[0] - 1)))
    causal = bench.layer(config, arrays, a, padding="causal", padding_mode="zeros")
    return causal, bench.layer(config, arrays, np.concatenate([zeros, a], axis=2), padding=((0, 0),))


@identity("conv", "linear", "conv_transpose")
def linear_up_to_the_bias(bench: Bench, config: Any, x: Shape) -> Sides:
    """The sum of two inputs yields the sum of what each yields, the bias added once."""
    first, second = bench.entering([x, x])
    arrays = bench.arrays(config, [x])
    both = bench.layer(config, arrays, first) + bench.layer(config, arrays, second, bias=False)
    return bench.layer(config, arrays, first + second), both


@identity("conv")
def convolution_has_its_adjoint(bench: Bench, config: Any, x: Shape) -> Sides:
    """<conv(x), y> = <x, conv_transpose(y)>."""
    if config.padding_mode != "zeros" or len(x) == 1:
        return None
    windows = config.windows(x)
    left_over = [(size + w.before + w.after - w.extent) % w.stride for w, size in zip(windows, x[1:], strict=True)]
    pads = tuple((window.before, window.after) for window in windows)
    (a,), weight = bench.entering([x]), bench.arrays(config, [x])["weight"]
    forward = bench.layer(config, {"weight": weight}, a, bias=False)
    y = bench.random(*forward.shape)
    back = bench.run(
        "conv_transpose", y, arrays={"weight": weight}, out_channels=x[0], kernel_size=config.kernel_size,
        stride=config.stride, padding=pads, output_padding=tuple(left_over), dilation=config.dilation,
        groups=config.groups, bias=False,
    )  # fmt: skip
    return np.vdot(forward, y), np.vdot(a, back)


@identity("conv_transpose")
def transposed_is_the_adjoint(bench: Bench, config: Any, x: Shape) -> Sides:
    """<conv(x), y> = <x, conv_transpose(y)>: the convolution of the same kernel, stride, padding, dilation, groups."""
    (y,), weight = bench.entering([x]), bench.arrays(config, [x])["weight"]
    back = bench.layer(config, {"weight": weight}, y, bias=False)
    a = bench.random(*back.shape)
    fields: dict[str, Any] = {name: getattr(config, name) for name in ("stride", "padding", "dilation", "groups")}
    # An output_padding of a whole stride, which a larger dilation allows, is room for a window more.
    forward = convolved(bench, a, weight, **fields)[(..., *(slice(0, size) for size in x[1:]))]
    return np.vdot(forward, y), np.vdot(a, back)


@layer_is("conv_transpose")
def transposed_convolves_a_spread_input(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array | None:
    """A transposed convolution is one of the mirrored kernel over the input with zeros between its positions."""
    rank, members = a.ndim - 2, config.out_channels // config.groups
    spread = np.zeros((2, a.shape[1], *(s * (i - 1) + 1 for s, i in zip(config.stride, a.shape[2:], strict=True))))
    spread[every(config.stride)] = a
    kernel = arrays["weight"].reshape(config.groups, a.shape[1] // config.groups, members, *config.kernel_size)
    kernel = np.flip(kernel.swapaxes(1, 2), axis=tuple(range(3, 3 + rank)))
    kernel = kernel.reshape(config.out_channels, a.shape[1] // config.groups, *config.kernel_size)
    sizes = config.shape(a.shape[1:])[1:]
    around = [(d * (k - 1), d * (k - 1) + s) for k, s, d in
              zip(config.kernel_size, config.stride, config.dilation, strict=True)]  # fmt: skip
    same = {"dilation": config.dilation, "groups": config.groups}
    uncropped = convolved(bench, spread, kernel, arrays.get("bias"), padding=tuple(around), **same)
    starts = [window.before for window in config.windows()]
    kept = uncropped[(..., *(slice(s, s + n) for s, n in zip(starts, sizes, strict=True)))]
    missing = [(0, size - n) for size, n in zip(sizes, kept.shape[2:], strict=True)]
    if any(after for _, after in missing) and config.bias:  # positions that nothing is written to hold the bias
        return None
    return np.pad(kept, [(0, 0), (0, 0), *missing])


@layer_is("conv_transpose")
def transposed_in_groups(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """A grouped, dilated transposed convolution is one of the block-diagonal kernel with zeros between its taps."""
    kernel = arrays["weight"]
    parts = np.split(kernel, config.groups)
    dense = block_diagonal(np.concatenate([part.swapaxes(0, 1) for part in parts]), config.groups).swapaxes(0, 1)
    dense = stuffed(dense, config.dilation)
    plain = {"groups": 1, "kernel_size": dense.shape[2:], "dilation": (1,) * (a.ndim - 2)}
    return bench.layer(config, {**arrays, "weight": dense}, a, **plain)


@layer_is("conv_transpose", tolerance=EXACT)
def cropping_comes_last(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """A padded transposed convolution is the whole one, cropped by what the padding stands for."""
    crops = tuple((window.before, window.after) for window in config.windows())
    sizes = config.shape(a.shape[1:])[1:]
    written = [window.span(size) for window, size in zip(config.windows(), a.shape[2:], strict=True)]
    added = tuple(
        size + before + after - span for size, (before, after), span in zip(sizes, crops, written, strict=True)
    )
    uncropped = bench.layer(config, arrays, a, padding=((0, 0),) * len(sizes), output_padding=added)
    return bench.run("crop", uncropped, cropping=crops) if sizes else uncropped
