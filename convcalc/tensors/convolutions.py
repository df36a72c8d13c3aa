"""The ways back through a convolution: what its filters and what its input get of a gradient of its output.

Both are products of the same pairs as on the way forth, each pair once: output positions x taps x channels. Through a
transposed convolution they are the same two with input and output exchanged: its input gets a convolution of the
gradient, and its filters are correlated with the gradient as the larger map.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcalc.tensors.blocks import Crew
from convcalc.tensors.products import Array, Products


def gradient_of_filters(products: Products, crew: Crew, gradient: Array, windows: Array, groups: int) -> Array:
    """What the filters [out_channels, in_channels / groups, *kernel] of a convolution get.

    `gradient` is [batch, out_channels, *positions]; `windows`, mostly a view, are what was multiplied on the way forth:
    [batch, in_channels, *kernel, *positions].
    """
    batch, out_channels, *positions = gradient.shape
    rank = len(positions)
    kernel = windows.shape[2 : windows.ndim - rank]
    members = windows.shape[1] // groups
    output = np.empty((groups, out_channels // groups, members, *kernel), np.result_type(gradient, windows))
    rows = gradient.reshape(batch, groups, -1, *positions)
    products.correlated(crew, rows, windows.reshape(batch, groups, members, *windows.shape[2:]), output)
    return output.reshape(out_channels, members, *kernel)


def gradient_of_input(
    products: Products,
    crew: Crew,
    gradient: Array,
    filters: Array,
    sizes: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Array:
    """What the input [batch, in_channels, *sizes] of a convolution, padded as it entered, gets.

    `gradient` is [batch, out_channels, *positions], `filters` [out_channels, in_channels / groups, *kernel]. Positions
    of the input that no window reaches get zero.
    """
    batch, out_channels, *positions = gradient.shape
    rows = np.moveaxis(filters.reshape(groups, -1, *filters.shape[1:]), 1, -1)
    output = np.empty((batch, *rows.shape[:2], *sizes), np.result_type(gradient, filters))
    grouped = gradient.reshape(batch, groups, out_channels // groups, *positions)
    products.scattered(crew, rows, grouped, output, stride, dilation)
    return output.reshape(batch, -1, *sizes)
