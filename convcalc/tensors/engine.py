"""The primitives of the executor: what a kind's `reference` is made of.

Arrays are laid out as [batch, channels, *positions], of any dtype, Python objects among them. Sizes are read off the
arrays: an output is as large as windows fit. What multiplies and adds up is made of matrix products, which are counted
where they are made (`convcalc.tensors.products`); nothing else may multiply and add up (see `tests/test_reference.py`).
What works on elements counts too, and stands apart (`convcalc.tensors.elements`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcalc.tensors.elements import Array as Array
from convcalc.tensors.elements import ElementArithmetic, shown
from convcalc.tensors.elements import Misfit as Misfit
from convcalc.tensors.products import Products

Pairs = Sequence[tuple[int, int]]


class Engine(ElementArithmetic):
    """Runs the primitives and counts. `threads` is how many blocks are worked on at a time.

    A library that NumPy multiplies with is best left one thread: its own wait for each other, and for these.
    """

    def __init__(self, threads: int = 1) -> None:
        super().__init__(threads)
        self._products = Products(self._memory)
        self.numpy = np

    @property
    def multiplications(self) -> int:
        """Multiplications executed so far whose products were added up."""
        return self._products.multiplications

    def matmul(self, a: Array, b: Array) -> Array:
        """The matrix product of the last two axes, those before broadcast; m x k by k x n is m·k·n multiplications."""
        if a.shape[-1] != b.shape[-2]:
            raise Misfit(f"a matrix product of {shown(a)} and {shown(b)}")
        stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        product = self._memory.empty((*stack, a.shape[-2], b.shape[-1]), np.result_type(a, b))
        self._products.multiplied(self._crew(product), a, b, product)
        return product

    def convolve(self, x: Array, weight: Array, stride: Sequence[int], dilation: Sequence[int], groups: int) -> Array:
        """Every window that fits x (already padded), times weight [out_channels, in_channels / groups, *kernel]."""
        windows = self.windows(x, weight.shape[2:], stride, dilation)
        rank = weight.ndim - 2
        columns = windows.transpose(0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank))
        return self.contract(columns, weight, groups)

    def contract(self, columns: Array, weight: Array, groups: int) -> Array:
        """Columns [batch, in_channels, *kernel, *positions], each times the weights of its group, as in `convolve`.

        Columns that are a view, such as one of windows, are never copied as a whole.
        """
        rank = weight.ndim - 2
        batch, in_channels = columns.shape[:2]
        kernel, positions = columns.shape[2 : 2 + rank], columns.shape[2 + rank :]
        if weight.shape[2:] != kernel or weight.shape[1] * groups != in_channels or weight.shape[0] % groups:
            raise Misfit(f"weight {shown(weight)} in {groups} groups on {in_channels} channels of kernel {kernel}")
        rows = weight.reshape(groups, weight.shape[0] // groups, -1)
        columns = columns.reshape(batch, groups, weight.shape[1], *kernel, *positions)
        product = self._memory.empty((batch, *rows.shape[:2], *positions), np.result_type(columns, weight))
        if columns.flags.c_contiguous:
            flat = columns.reshape(batch, groups, rows.shape[2], -1)
            self._products.multiplied(self._crew(product), rows, flat, product.reshape(*product.shape[:3], -1))
        else:
            self._products.gathered(self._crew(product), rows, columns, product)
        return product.reshape(batch, weight.shape[0], *positions)

    def convolve_transposed(
        self, x: Array, weight: Array, stride: Sequence[int], dilation: Sequence[int], groups: int
    ) -> Array:
        """Every position of x written through every tap of weight [in_channels, out_channels / groups, *kernel].

        The output reaches from the first position written to the last; nothing is cropped.
        """
        batch, in_channels, *sizes = x.shape
        if weight.shape[0] != in_channels or in_channels % groups:
            raise Misfit(f"weight {shown(weight)} in {groups} groups on {in_channels} channels")
        rows = np.moveaxis(weight.reshape(groups, -1, *weight.shape[1:]), 1, -1)
        axes = zip(weight.shape[2:], stride, dilation, sizes, strict=True)
        extents = [d * (k - 1) + s * (i - 1) + 1 for k, s, d, i in axes]
        output = self._memory.empty((batch, *rows.shape[:2], *extents), np.result_type(x, weight))
        grouped = x.reshape(batch, groups, rows.shape[-1], *sizes)
        self._products.scattered(self._crew(output), rows, grouped, output, stride, dilation)
        return output.reshape(batch, -1, *extents)

    def pads(
        self,
        padding: Pairs | str,
        sizes: Sequence[int],
        kernel: Sequence[int],
        stride: Sequence[int],
        dilation: Sequence[int],
    ) -> list[tuple[int, int]]:
        """What `padding` adds before and after each axis, worked out by placing windows where it is a word."""
        if not isinstance(padding, str):
            return [(before, after) for before, after in padding]
        return [_placed(padding, *axis) for axis in zip(sizes, kernel, stride, dilation, strict=True)]

    def pad(self, x: Array, pads: Pairs, mode: str = "zeros", fill: float = 0.0) -> Array:
        """The array with positions added around it, [before, after] an axis; `mode` is PyTorch's padding_mode."""
        if not any(before or after for before, after in pads):
            return x
        if mode != "zeros":
            around = [(0, 0), (0, 0), *pads]
            return np.pad(x, around, mode={"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode])  # type: ignore[call-overload]  # one of numpy's modes
        sizes = [before + size + after for size, (before, after) in zip(x.shape[2:], pads, strict=True)]
        padded = self._memory.empty((*x.shape[:2], *sizes), x.dtype)
        inside = [slice(before, size - after) for size, (before, after) in zip(sizes, pads, strict=True)]
        for axis, part in enumerate(inside):
            within = (slice(None), slice(None), *inside[:axis])
            padded[(*within, slice(part.start))] = fill
            padded[(*within, slice(part.stop, None))] = fill
        self._crew(padded).copy(padded[(slice(None), slice(None), *inside)], x)
        return padded

    def per_channel(self, array: Array, x: Array) -> Array:
        """An array of one number a channel, laid along the channels of x."""
        if array.shape != x.shape[1:2]:
            raise Misfit(f"{shown(array)} for {x.shape[1]} channels")
        return array.reshape(-1, *(1,) * (x.ndim - 2))

    def fitting(self, array: Array, shape: Sequence[int]) -> Array:
        """The array, if it has that shape."""
        if array.shape != tuple(shape):
            raise Misfit(f"{shown(array)}, where {'x'.join(map(str, shape))} is needed")
        return array

    def aligned(self, *arrays: Array) -> list[Array]:
        """Arrays of fewer axes than others, lengthened by axes of 1 at their end, so that all meet at the channels."""
        rank = max(array.ndim for array in arrays)
        return [array.reshape(*array.shape, *(1,) * (rank - array.ndim)) for array in arrays]

    def pads_for_last_windows(
        self,
        pads: Pairs,
        sizes: Sequence[int],
        kernel: Sequence[int],
        stride: Sequence[int],
        dilation: Sequence[int],
        rounding: bool | str = True,
    ) -> list[tuple[int, int]]:
        """`pads`, with as much more at each end as the last window of ceil_mode reaches beyond it.

        There is less of it where that leaves out windows for which padding has room.

        A window more stands where positions are left over; whether it may start behind the input is what the words of
        `rounding` say: "full" that it may, "caffe" that it may where no axis is padded.
        """
        behind = rounding == "full" or (rounding == "caffe" and not any(map(any, pads)))
        axes = zip(pads, sizes, kernel, stride, dilation, strict=True)
        return [(pair[0], pair[1] + _overhang(pair, behind, *axis)) for pair, *axis in axes]


def _overhang(pair: tuple[int, int], behind: bool, size: int, kernel: int, stride: int, dilation: int) -> int:
    extent, end = dilation * (kernel - 1) + 1, pair[0] + size
    left_over = (sum(pair) + size - extent) % stride
    start = size + sum(pair) - left_over - extent + stride  # of the next window, on the padded axis
    if left_over and (behind or start < end):
        return stride - left_over
    too_many = 0 if behind else max((start - end) // stride, 0)  # windows that start behind the input, on padding
    return max(-too_many * stride - left_over, -pair[1]) if too_many else 0


def _placed(word: str, size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Padding by a word: a window for every stride begun (same), no window beyond the axis, or none that looks on."""
    beyond = dilation * (kernel - 1)
    if word == "valid":
        return 0, 0
    if word == "causal":
        return beyond, 0
    last = range(0, size, stride)[-1]
    missing = max(last + beyond + 1 - size, 0)
    smaller = missing // 2
    return (smaller, missing - smaller) if word == "same" else (missing - smaller, smaller)
