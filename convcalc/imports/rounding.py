"""Pools that keep their last window wherever it starts, as several formats have them."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.arithmetic.number import ceil_div


def rounding_of_kept_windows(
    sizes: Sequence[int], extents: Sequence[int], strides: Sequence[int], padding: Sequence[tuple[int, int]]
) -> bool | str:
    """What `ceil_mode` is of a pool that never drops a window, in the plainest word that holds at these sizes.

    It is false where the windows end with the axis, and true where no window starts behind it. `extents` are the
    kernels with their dilation.
    """
    rounds_up = False
    for size, extent, stride, (before, after) in zip(sizes, extents, strides, padding, strict=True):
        reach = size + before + after - extent
        rounds_up |= reach % stride != 0
        if reach % stride and ceil_div(reach, stride) * stride >= size + before:
            return "full"
    return rounds_up
