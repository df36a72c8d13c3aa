"""Identities of deformable convolutions: offsets and masks for which they are something plainer."""

from __future__ import annotations

from typing import Any

import numpy as np

from convcalc.battery.identities import Bench, Sides, identity
from convcalc.layers import Shape
from convcalc.tensors.engine import Array


def _mask(bench: Bench, shapes: tuple[Shape, ...]) -> list[Array]:
    """A mask of ones, where the layer has one."""
    return [np.ones((2, *shape)) for shape in shapes[2:]]


@identity("deform_conv")
def undeformed_is_a_convolution(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """With offsets of zero, and a mask of ones, it is the standard convolution."""
    (a,), arrays = bench.entering(shapes[:1]), bench.arrays(config, shapes)
    deformed = bench.layer(config, arrays, a, np.zeros((2, *shapes[1])), *_mask(bench, shapes))
    same = ("out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias")
    return deformed, bench.run("conv", a, arrays=arrays, **{name: getattr(config, name) for name in same})


@identity("deform_conv")
def whole_offsets_shift_the_samples(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """With whole-number offsets every tap reads the position that it is moved to, zero outside."""
    x, offset = shapes[:2]
    (a,), arrays = bench.entering([x]), bench.arrays(config, shapes)
    moves = bench.generator.integers(-2, 3, (2, *offset))
    deformed = bench.layer(config, arrays, a, moves.astype(np.float64), *_mask(bench, shapes))
    return deformed, _gathered(bench, config, arrays, a, moves)


def _gathered(bench: Bench, config: Any, arrays: dict[str, Array], a: Array, moves: Array) -> Array:
    """The convolution over samples that are picked one by one, each axis by its own index."""
    x, rank, outputs = a.shape[1:], a.ndim - 2, moves.shape[2:]
    grids = np.indices((2, x[0], *config.kernel_size, *outputs))
    taps, places = grids[2 : 2 + rank], grids[2 + rank :]
    parts = (2, config.offset_groups, *config.kernel_size, rank, *outputs)
    by_channel = np.repeat(moves.reshape(parts), x[0] // config.offset_groups, axis=1)
    befores = [window.before for window in config.windows(x)]
    inside = np.ones(grids.shape[1:], bool)
    indices = []
    for axis in range(rank):
        moved = by_channel[(slice(None), slice(None), *(slice(None),) * rank, axis)]
        place = places[axis] * config.stride[axis] - befores[axis] + taps[axis] * config.dilation[axis] + moved
        inside &= (place >= 0) & (place < x[1 + axis])
        indices.append(np.clip(place, 0, x[1 + axis] - 1))
    samples = np.where(inside, a[(grids[0], grids[1], *indices)], 0.0)
    taps_of_group = samples.reshape(2, config.groups, -1, *outputs)
    kernel = arrays["weight"].reshape(config.groups, config.out_channels // config.groups, -1)
    y = np.einsum("bgt...,gft->bgf...", taps_of_group, kernel).reshape(2, config.out_channels, *outputs)
    return y + arrays["bias"].reshape(-1, *(1,) * rank) if config.bias else y


@identity("deform_conv")
def half_an_offset_is_the_mean(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """Offsets halfway between two whole numbers of one axis yield the mean of what these do."""
    (a,), arrays = bench.entering(shapes[:1]), bench.arrays(config, shapes)
    rank = len(config.kernel_size)
    moves = bench.generator.integers(-2, 2, (2, *shapes[1])).astype(np.float64)
    step = np.zeros(shapes[1][0])
    step[int(bench.generator.integers(rank)) :: rank] = 1.0
    step = step.reshape(-1, *(1,) * rank)
    low, high, between = (
        bench.layer(config, arrays, a, moves + part * step, *_mask(bench, shapes)) for part in (0.0, 1.0, 0.5)
    )
    return between, (low + high) / 2


@identity("deform_conv")
def a_mask_scales(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """Version 2 with the same mask everywhere is version 1, scaled by it."""
    if len(shapes) < 3:
        return None
    (a, offset), arrays = bench.entering(shapes[:2]), bench.arrays(config, shapes)
    mask = 0.25
    masked = bench.layer(config, arrays, a, offset, np.full((2, *shapes[2]), mask), bias=False)
    return masked, mask * bench.layer(config, arrays, a, offset, bias=False)
