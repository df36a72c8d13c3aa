"""The primitives of the executor: what a kind's `reference` is made of.

Arrays are laid out as [batch, channels, *positions], of any dtype, Python objects among them. Sizes are read off the
arrays: an output is as large as windows fit. What multiplies and adds up is made of matrix products, which are counted
where they are made (`convcalc.tensors.products`); nothing else may multiply and add up (see `tests/test_reference.py`).
What works on elements counts too, and stands apart (`convcalc.tensors.elements`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcalc.tensors.convolutions import gradient_of_filters, gradient_of_input
from convcalc.tensors.elements import Array as Array
from convcalc.tensors.elements import Misfit as Misfit
from convcalc.tensors.elements import shown
from convcalc.tensors.norming import NormArithmetic
from convcalc.tensors.products import Products
from convcalc.tensors.sliding import Pairs
from convcalc.tensors.tape import Pull, Pulls, adjoint_of, primitive, summed_to


class Engine(NormArithmetic):
    """Runs the primitives and counts. `threads` is how many blocks are worked on at a time.

    A library that NumPy multiplies with is best left one thread: its own wait for each other, and for these. In
    `training`, what has statistics of its own takes those of the batch, and dropout drops.
    """

    training = False
    """Whether norms take the batch's statistics, and dropout drops."""

    def __init__(self, threads: int = 1, *, training: bool = False, seed: int = 0) -> None:
        super().__init__(threads)
        self.training = training
        self._drawing = np.random.default_rng(seed)
        self._products = Products(self._memory)
        self.numpy = np

    @property
    def multiplications(self) -> int:
        """Multiplications executed so far whose products were added up."""
        return self._products.multiplications

    def kept_at_random(self, shape: Sequence[int], dropped: float) -> Array:
        """A mask of that shape: each element is dropped with that probability."""
        return self._drawing.random(shape) >= dropped

    @primitive
    def matmul(self, a: Array, b: Array) -> Array:
        """The matrix product of the last two axes, those before broadcast; m x k by k x n is m·k·n multiplications."""
        if a.shape[-1] != b.shape[-2]:
            raise Misfit(f"a matrix product of {shown(a)} and {shown(b)}")
        stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        product = self._memory.empty((*stack, a.shape[-2], b.shape[-1]), np.result_type(a, b))
        self._products.multiplied(self._crew(product), a, b, product)
        return product

    @adjoint_of(matmul)
    def _matmul_back(self, y: Array, a: Array, b: Array) -> Pulls:
        """Each factor is kept for the other."""
        left, right = a.shape, b.shape
        return [
            Pull(lambda gradient, b: summed_to(self.matmul(gradient, b.swapaxes(-1, -2)), left), b),
            Pull(lambda gradient, a: summed_to(self.matmul(a.swapaxes(-1, -2), gradient), right), a),
        ]

    @primitive
    def convolve(self, x: Array, weight: Array, stride: Sequence[int], dilation: Sequence[int], groups: int) -> Array:
        """Every window that fits x (already padded), times weight [out_channels, in_channels / groups, *kernel]."""
        return self.contract(self._columns(x, weight.shape[2:], stride, dilation), weight, groups)

    def _columns(self, x: Array, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Array:
        """A view [batch, channels, *kernel, *positions] of every window."""
        rank, windows = len(kernel), self.windows(x, kernel, stride, dilation)
        return windows.transpose(0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank))

    @adjoint_of(convolve)
    def _convolve_back(
        self, y: Array, x: Array, weight: Array, stride: Sequence[int], dilation: Sequence[int], groups: int
    ) -> Pulls:
        """The weight is kept for x, and x for the weight: as it was before it was padded, if it was."""
        sizes, kernel = x.shape[2:], weight.shape[2:]

        def of_x(gradient: Array, weight: Array) -> Array:
            geometry = (sizes, stride, dilation, groups)
            return gradient_of_input(self._products, self._crew(gradient), gradient, weight, *geometry)

        def of_weight(gradient: Array, x: Array) -> Array:
            return self._of_filters(gradient, self._columns(x, kernel, stride, dilation), groups)

        return [Pull(of_x, weight), Pull(of_weight, x)]

    @primitive
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

    @adjoint_of(contract)
    def _contract_back(self, y: Array, columns: Array, weight: Array, groups: int) -> Pulls:
        shape = columns.shape

        def of_columns(gradient: Array, weight: Array) -> Array:
            rows = weight.reshape(groups, weight.shape[0] // groups, -1).swapaxes(1, 2)
            flat = gradient.reshape(len(gradient), groups, rows.shape[2], -1)
            return self.matmul(rows, flat).reshape(shape)

        return [
            Pull(of_columns, weight),
            Pull(lambda gradient, columns: self._of_filters(gradient, columns, groups), columns),
        ]

    def _of_filters(self, gradient: Array, columns: Array, groups: int) -> Array:
        """The gradient of filters from that of what they made of columns."""
        return gradient_of_filters(self._products, self._crew(gradient), gradient, columns, groups)

    @primitive
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

    @adjoint_of(convolve_transposed)
    def _convolve_transposed_back(
        self, y: Array, x: Array, weight: Array, stride: Sequence[int], dilation: Sequence[int], groups: int
    ) -> Pulls:
        """The weight is kept for x, and x for the weight."""
        kernel = weight.shape[2:]

        def of_x(gradient: Array, weight: Array) -> Array:
            return self.convolve(gradient, weight, stride, dilation, groups)

        def of_weight(gradient: Array, x: Array) -> Array:
            return self._of_filters(x, self._columns(gradient, kernel, stride, dilation), groups)

        return [Pull(of_x, weight), Pull(of_weight, x)]

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
