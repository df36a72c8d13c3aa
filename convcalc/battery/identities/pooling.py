"""Identities of pooling: windows one by one, one axis after the other, and pools that come to the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from convcalc.arithmetic.window import ROUNDING_WORDS
from convcalc.battery.identities import EXACT, Arrays, Bench, Sides, identity, layer_is
from convcalc.battery.identities.convolutions import along, convolved
from convcalc.layers import Shape
from convcalc.tensors.engine import Array


def _around(config: Any, x: Shape) -> tuple[list[tuple[int, int]], list[int]]:
    """The padding of each axis, and how far the last window reaches beyond it."""
    windows = config.windows(x)
    reached = [window.span(size) for window, size in zip(windows, config.shape(x)[1:], strict=True)]
    padded = [size + window.before + window.after for window, size in zip(windows, x[1:], strict=True)]
    pads = [(window.before, window.after) for window in windows]
    return pads, [max(end - size, 0) for end, size in zip(reached, padded, strict=True)]


def _padded(a: Array, pads: list[tuple[int, int]], beyond: list[int], fill: float, fill_beyond: float) -> Array:
    padded = np.pad(a, [(0, 0), (0, 0), *pads], constant_values=fill)
    return np.pad(padded, [(0, 0), (0, 0), *((0, more) for more in beyond)], constant_values=fill_beyond)


@identity("max_pool", tolerance=EXACT)
def the_largest_is_minus_the_least(bench: Bench, config: Any, x: Shape) -> Sides:
    """Max pooling of -x is minus the least of x under each window, taken tap by tap."""
    (a,) = bench.entering([x])
    most = np.finfo(a.dtype).max if config.ceil_mode in ROUNDING_WORDS else np.inf  # of a window of nothing
    padded = _padded(a, *_around(config, x), most, most)
    least = np.full((2, *config.shape(x)), most)
    for tap in np.ndindex(*config.kernel_size):
        axes = zip(tap, config.dilation, config.steps(), least.shape[2:], strict=True)
        seen = padded[(..., *(slice(t * d, t * d + s * (n - 1) + 1, s) for t, d, s, n in axes))]
        least = np.minimum(least, seen)
    return bench.layer(config, {}, -a), -least


@layer_is("max_pool", tolerance=EXACT)
def the_largest_one_axis_after_the_other(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """Max pooling on all axes is max pooling on each in turn."""
    steps, y, rounding = config.steps(), a, config.ceil_mode
    if rounding == "caffe" and any(window.before or window.after for window in config.windows(a.shape[1:])):
        rounding = True  # by Caffe's rule padding on one axis counts on all
    for axis in range(a.ndim - 2):
        padding = config.padding if isinstance(config.padding, str) else along(axis, config.padding, (0, 0))
        y = bench.layer(
            config, {}, y, kernel_size=along(axis, config.kernel_size, 1), stride=along(axis, steps, 1),
            dilation=along(axis, config.dilation, 1), padding=padding, ceil_mode=rounding,
        )  # fmt: skip
    return np.maximum(y, np.finfo(a.dtype).min) if config.ceil_mode in ROUNDING_WORDS else y


@layer_is("avg_pool")
def average_pooling_is_a_depthwise_convolution(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array | None:
    """Average pooling is a depthwise convolution with 1/k, k the positions under the window that count."""
    if config.starts_behind(a.shape[1:]):  # where none may count
        return None
    pads, beyond = _around(config, a.shape[1:])
    counted = _padded(np.ones_like(a), pads, beyond, float(config.count_include_pad), 0.0)
    ones = np.ones((a.shape[1], 1, *config.kernel_size))
    sums, counts = (
        convolved(bench, padded, ones, groups=a.shape[1], stride=config.steps(), dilation=config.dilation)
        for padded in (_padded(a, pads, beyond, 0.0, 0.0), counted)
    )
    return sums / counts


@identity("adaptive_avg_pool", "adaptive_max_pool", "global_avg_pool", "global_max_pool")
def one_cell_is_global(bench: Bench, config: Any, x: Shape) -> Sides:
    """Adaptive pooling to one cell is global pooling."""
    (a,) = bench.entering([x])
    word = "max" if "Max" in type(config).__name__ else "avg"
    one_cell = bench.run(f"adaptive_{word}_pool", a, output_size=(1,) * (len(x) - 1))
    return one_cell, bench.run(f"global_{word}_pool", a, keepdim=True)


@identity("adaptive_avg_pool", "adaptive_max_pool")
def equal_cells_are_windows(bench: Bench, config: Any, x: Shape) -> Sides:
    """Adaptive pooling to a divisor of the size is pooling by windows side by side."""
    (a,) = bench.entering([x])
    divisors = [[d for d in range(1, size + 1) if size % d == 0] for size in x[1:]]
    cells = tuple(int(bench.generator.choice(choices)) for choices in divisors)
    kernel = tuple(size // n for size, n in zip(x[1:], cells, strict=True))
    word = "max" if "Max" in type(config).__name__ else "avg"
    return bench.layer(config, {}, a, output_size=cells), bench.run(f"{word}_pool", a, kernel_size=kernel)


@layer_is("adaptive_avg_pool", "adaptive_max_pool")
def each_cell_is_pooled_alone(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """A cell holds the positions whose share of the axis overlaps with its own."""
    y = a
    pool = np.max if "Max" in type(config).__name__ else np.mean
    for axis, (size, cells) in enumerate(zip(a.shape[2:], config.output_size, strict=True), start=2):
        if cells is not None:
            shares = [[i for i in range(size) if i * cells < (t + 1) * size and (i + 1) * cells > t * size]
                      for t in range(cells)]  # fmt: skip
            y = np.stack([pool(y.take(share, axis), axis=axis) for share in shares], axis=axis)
    return y


@layer_is("global_avg_pool", "global_max_pool")
def global_is_one_window(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """Global pooling is pooling by a window as large as the input."""
    word = "max" if "Max" in type(config).__name__ else "avg"
    window = bench.run(f"{word}_pool", a, kernel_size=a.shape[2:])
    return window if config.keepdim else window.reshape(2, a.shape[1])
