"""Identities of resampling: upsampling, pixel shuffle and its inverse."""

from __future__ import annotations

from typing import Any

import numpy as np

from convcalc.battery.identities import EXACT, Arrays, Bench, Sides, identity, layer_is
from convcalc.layers import Shape
from convcalc.tensors.engine import Array


@identity("upsample", "conv_transpose", tolerance=EXACT)
def nearest_is_transposed_with_ones(bench: Bench, config: Any, x: Shape) -> Sides:
    """Nearest upsampling by a whole factor is a transposed depthwise convolution with a kernel of ones."""
    if len(x) == 1:
        return None
    (a,) = bench.entering([x])
    factors = tuple(int(factor) for factor in bench.generator.integers(1, 4, len(x) - 1))
    nearest = bench.run("upsample", a, scale_factor=tuple((factor, 1) for factor in factors))
    ones = {"weight": np.ones((x[0], 1, *factors))}
    fields = {"kernel_size": factors, "stride": factors, "groups": x[0], "out_channels": x[0], "bias": False}
    return nearest, bench.run("conv_transpose", a, arrays=ones, **fields)


@identity("upsample")
def a_level_stays(bench: Bench, config: Any, x: Shape) -> Sides:
    """Upsampling keeps what is the same everywhere."""
    level = bench.random(2, x[0], *(1,) * (len(x) - 1))
    left = bench.layer(config, {}, np.broadcast_to(level, (2, *x)))
    return left, np.broadcast_to(level, (2, *config.shape(x)))


@layer_is("upsample")
def resampling_one_axis_after_the_other(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array | None:
    """Upsampling on all axes is upsampling on each in turn, by the mode's form for one axis where it has one."""
    if config.mode == "bicubic":
        return None
    fields = {name: getattr(config, name) for name in config.__struct_fields__ if name not in ("scale_factor", "size")}
    fields["mode"] = "nearest" if config.mode == "nearest" else "linear"
    y = a
    for axis in range(2, a.ndim):
        moved = np.moveaxis(y, axis, -1)
        line = moved.reshape(1, -1, moved.shape[-1])
        by = {name: getattr(config, name) for name in ("size", "scale_factor")}
        by = {name: value[axis - 2 : axis - 1] for name, value in by.items() if value is not None}
        along_axis = bench.run("upsample", line, **fields, **by)
        y = np.moveaxis(along_axis.reshape(*moved.shape[:-1], -1), -1, axis)
    return y


@identity("upsample")
def a_ramp_stays_a_ramp(bench: Bench, config: Any, x: Shape) -> Sides:
    """With aligned corners a ramp between them stays one."""
    if not config.align_corners or config.mode == "bicubic":
        return None
    outputs = config.shape(x)[1:]
    ramps = [
        [np.linspace(0.0, size - 1.0, n) if n > 1 else np.zeros(1) for size, n in zip(x[1:], sizes, strict=True)]
        for sizes in (x[1:], outputs)
    ]
    before, after = (sum(np.meshgrid(*axes, indexing="ij")) for axes in ramps)
    entering = np.broadcast_to(before, (1, x[0], *x[1:]))
    return bench.layer(config, {}, entering), np.broadcast_to(after, (1, x[0], *outputs))


@identity("pixel_shuffle", "pixel_unshuffle", tolerance=EXACT)
def shuffling_is_undone(bench: Bench, config: Any, x: Shape) -> Sides:
    """pixel_shuffle undoes pixel_unshuffle, and the other way round."""
    (a,) = bench.entering([x])
    if hasattr(config, "upscale_factor"):
        return bench.run("pixel_unshuffle", bench.layer(config, {}, a), downscale_factor=config.upscale_factor), a
    return bench.run("pixel_shuffle", bench.layer(config, {}, a), upscale_factor=config.downscale_factor), a


@identity("pixel_unshuffle")
def a_block_in_the_channels(bench: Bench, config: Any, x: Shape) -> Sides:
    """The mean of the channels that a block of positions became is average pooling of the block."""
    (a,), rank = bench.entering([x]), len(x) - 1
    left = bench.layer(config, {}, a)
    means = left.reshape(2, x[0], -1, *left.shape[2:]).mean(axis=2)
    return means, bench.run("avg_pool", a, kernel_size=(config.downscale_factor,) * rank)


@layer_is("pixel_shuffle", tolerance=EXACT)
def shuffling_is_transposed_with_one_tap(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """pixel_shuffle is a transposed convolution whose taps each pick a channel."""
    rank, factor = a.ndim - 2, config.upscale_factor
    taps, channels = factor**rank, a.shape[1]
    kernel = np.tile(np.eye(taps), (channels // taps, 1)).reshape(channels, 1, *(factor,) * rank)
    fields = {"kernel_size": (factor,) * rank, "stride": (factor,) * rank, "groups": channels // taps, "bias": False}
    return bench.run("conv_transpose", a, arrays={"weight": kernel}, out_channels=channels // taps, **fields)


@layer_is("channel_shuffle", tolerance=EXACT)
def dealing_is_a_permutation(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """Dealing is a reshape to [groups, members], the two exchanged, and a reshape back."""
    members = a.shape[1] // config.groups
    apart = bench.run("reshape", a, sizes=(config.groups, members, *a.shape[2:]))
    dealt = bench.run("permute", apart, axes=(1, 0, *range(2, a.ndim)))
    return bench.run("reshape", dealt, sizes=a.shape[1:])
