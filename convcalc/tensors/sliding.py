"""Primitives of positions: windows that slide over them, what is read between them, what is put around them.

Arrays are laid out as [batch, channels, *positions]. As in `convcalc.tensors.elements` each call adds what it did.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convcalc.tensors.blocks import CACHED, Block
from convcalc.tensors.duals import NotDifferentiable
from convcalc.tensors.elements import Array, ElementArithmetic, Misfit, Tap, shown
from convcalc.tensors.tape import Pull, Pulls, adjoint_of, cheap_primitive, primitive

Sizes = Sequence[int]
Pairs = Sequence[tuple[int, int]]

_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
"""PyTorch's words for what padding repeats, and NumPy's."""


class SlidingArithmetic(ElementArithmetic):
    """The part of an engine that knows positions."""

    @primitive
    def windows(self, x: Array, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Array:
        """A view [batch, channels, *positions, *kernel] of every window that fits."""
        extents, (batch, channels, *places) = _fit(x, kernel, dilation), x.strides
        axes = zip(x.shape[2:], extents, stride, strict=True)
        positions = [len(range(0, size - extent + 1, s)) for size, extent, s in axes]
        steps = [s * place for s, place in zip(stride, places, strict=True)]
        taps = [d * place for d, place in zip(dilation, places, strict=True)]
        shape = (*x.shape[:2], *positions, *kernel)
        return as_strided(x, shape, (batch, channels, *steps, *taps), writeable=False)

    @adjoint_of(windows)
    def _windows_back(self, y: Array, x: Array, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Pulls:
        rank, sizes = len(kernel), x.shape[2:]

        def back(gradient: Array) -> Array:
            taps = gradient.transpose(0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank))
            return _laid_over(taps, sizes, stride, dilation)

        return [Pull(back)]

    @primitive
    def assembled(self, shape: Sizes, places: Sequence[tuple[Any, ...]], *parts: Array) -> Array:
        """An array of that shape made of parts, each at a place of its own."""
        y = np.empty(shape, parts[0].dtype)
        for place, part in zip(places, parts, strict=True):
            y[place] = part
        return y

    @adjoint_of(assembled)
    def _assembled_back(self, y: Array, shape: Sizes, places: Sequence[tuple[Any, ...]], *parts: Array) -> Pulls:
        def back(place: tuple[Any, ...]) -> Pull:
            return Pull(lambda gradient: gradient[place])

        return [None, None, *map(back, places)]

    @primitive
    def overlaid(self, columns: Array, sizes: Sizes, stride: Sizes, dilation: Sizes) -> Array:
        """Windows [batch, channels, *kernel, *positions] put where they are taken from, in an array of those sizes.

        Where they overlap they are added up: one operation for each element of a window.
        """
        self._element_operations += columns.size
        return _laid_over(columns, sizes, stride, dilation)

    @adjoint_of(overlaid)
    def _overlaid_back(self, y: Array, columns: Array, sizes: Sizes, stride: Sizes, dilation: Sizes) -> Pulls:
        rank, kernel = len(sizes), columns.shape[2 : 2 + len(sizes)]

        def back(gradient: Array) -> Array:
            windows = self.windows(gradient, kernel, stride, dilation)
            return windows.transpose(0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank))

        return [Pull(back)]

    @primitive
    def reduced(
        self,
        function: Callable[..., Array],
        x: Array,
        kernel: Sizes,
        stride: Sizes,
        dilation: Sizes,
    ) -> Array:
        """Every window that fits x, its elements taken together two by two: `numpy.maximum`, `numpy.add`.

        Counted are the elements of every window by itself, less one a window. It goes axis by axis, as the order is
        free, so that a window takes the sum of its sides and not their product.
        """
        windows = self.windows(x, kernel, stride, dilation)
        for axis, along in enumerate(zip(kernel, stride, dilation, strict=True), start=2):
            x = self._reduced_along(axis, function, x, *along)
        self._element_operations += windows.size - x.size
        return x

    @adjoint_of(reduced)
    def _reduced_back(
        self,
        y: Array,
        function: Callable[..., Array],
        x: Array,
        kernel: Sizes,
        stride: Sizes,
        dilation: Sizes,
    ) -> Pulls:
        """Of the largest of a window its tap is kept, the first where there are several; of a sum nothing."""
        shape = x.shape
        if function is np.add:
            return [None, Pull(lambda gradient: _spread_over(gradient, shape, kernel, stride, dilation))]
        if function is not np.maximum:
            raise NotDifferentiable(f"windows taken together by {function.__name__}")

        def back(gradient: Array, which: Array) -> Array:
            spread = np.zeros(shape, gradient.dtype)
            for number, tap in enumerate(_taps(kernel, gradient.shape[2:], stride, dilation)):
                spread[tap] += gradient * (which == number)
            return spread

        which = np.zeros(y.shape, np.min_scalar_type(math.prod(kernel) - 1))
        for number, tap in reversed(list(enumerate(_taps(kernel, y.shape[2:], stride, dilation)))):
            np.copyto(which, number, where=x[tap] == y)
        return [None, Pull(back, which)]

    def _reduced_along(
        self, axis: int, function: Callable[..., Array], x: Array, kernel: int, stride: int, dilation: int
    ) -> Array:
        if kernel == stride == 1:
            return x
        before = (slice(None),) * axis
        last = x.shape[axis] - dilation * (kernel - 1)

        def tap(number: int) -> Array:
            """Made when it is read: a view is more than the number that a narrow axis has for it."""
            return x[(*before, slice(dilation * number, dilation * number + last, stride))]

        if kernel == 1:
            return tap(0)
        output = self._memory.empty(tap(0).shape, x.dtype)

        def work(block: Block) -> None:
            function(tap(0)[block], tap(1)[block], out=output[block])
            for number in range(2, kernel):
                function(output[block], tap(number)[block], out=output[block])

        self._crew(output).share(work, output.shape, most=CACHED)
        return output

    @primitive
    def resampled(self, x: Array, reads: Sequence[Sequence[Tap]]) -> Array:
        """Every position made of those read on each axis behind the channels, by the product of their weights.

        Counted are, for each element that leaves, all that it reads: on all axes together, so many times so many. It
        goes axis by axis, as the order is free.
        """
        for axis, taps in enumerate(reads, start=2):
            along, parts = (-1, *(1,) * (x.ndim - 1 - axis)), []
            for place, weight in taps:
                part = x.take(place, axis)
                parts.append(part if weight is None else part * weight.astype(x.dtype).reshape(along))
            x = sum(parts[1:], parts[0])
        self._element_operations += x.size * math.prod(map(len, reads))
        return x

    @adjoint_of(resampled)
    def _resampled_back(self, y: Array, x: Array, reads: Sequence[Sequence[Tap]]) -> Pulls:
        sizes, rank = x.shape[2:], x.ndim

        def back(gradient: Array) -> Array:
            for axis, taps in reversed(list(enumerate(reads, start=2))):
                along, parts = (-1, *(1,) * (rank - 1 - axis)), []
                for place, weight in taps:
                    part = gradient if weight is None else gradient * weight.astype(gradient.dtype).reshape(along)
                    parts.append(_added_at(part, place, axis, sizes[axis - 2]))
                gradient = sum(parts[1:], parts[0])
            return gradient

        return [Pull(back)]

    @cheap_primitive
    def pad(self, x: Array, pads: Pairs, mode: str = "zeros", fill: float = 0.0) -> Array:
        """The array with positions added around it, [before, after] an axis; `mode` is PyTorch's padding_mode."""
        if not any(before or after for before, after in pads):
            return x
        if mode != "zeros":
            around = [(0, 0), (0, 0), *pads]
            return np.pad(x, around, mode=_MODES[mode])  # type: ignore[call-overload]  # one of numpy's modes
        sizes = [before + size + after for size, (before, after) in zip(x.shape[2:], pads, strict=True)]
        padded = self._memory.empty((*x.shape[:2], *sizes), x.dtype)
        inside = [slice(before, size - after) for size, (before, after) in zip(sizes, pads, strict=True)]
        for axis, part in enumerate(inside):
            within = (slice(None), slice(None), *inside[:axis])
            padded[(*within, slice(part.start))] = fill
            padded[(*within, slice(part.stop, None))] = fill
        self._crew(padded).copy(padded[(slice(None), slice(None), *inside)], x)
        return padded

    @adjoint_of(pad)
    def _pad_back(self, y: Array, x: Array, pads: Pairs, mode: str = "zeros", fill: float = 0.0) -> Pulls:
        sizes = x.shape[2:]
        inside = tuple(slice(before, before + size) for size, (before, _) in zip(sizes, pads, strict=True))

        def back(gradient: Array) -> Array:
            for axis, (size, pair) in enumerate(zip(sizes, pads, strict=True), start=2):
                places = np.pad(np.arange(size), pair, mode=_MODES[mode])  # type: ignore[call-overload]  # as above
                gradient = _added_at(gradient, places, axis, size)
            return gradient

        return [Pull(back if mode != "zeros" else lambda gradient: gradient[(..., *inside)])]


def _taps(kernel: Sizes, counts: Sizes, stride: Sizes, dilation: Sizes) -> Iterator[tuple[slice, ...]]:
    """For every tap of a window, the last axis first to move, where it lies of so many windows."""
    for tap in product(*map(range, kernel)):
        axes = zip(tap, counts, stride, dilation, strict=True)
        yield (slice(None), slice(None), *(slice(t * d, t * d + s * (n - 1) + 1, s) for t, n, s, d in axes))


def _laid_over(columns: Array, sizes: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    """Windows [batch, channels, *kernel, *positions] added up where they are taken from."""
    rank = len(sizes)
    kernel, counts = columns.shape[2 : 2 + rank], columns.shape[2 + rank :]
    y = np.zeros((*columns.shape[:2], *sizes), columns.dtype)
    for place, there in zip(np.ndindex(*kernel), _taps(kernel, counts, stride, dilation), strict=True):
        y[there] += columns[(slice(None), slice(None), *place)]
    return y


def _spread_over(gradient: Array, shape: Sizes, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    """To every place under a window what comes to the window, axis by axis."""
    for axis, (k, s, d) in enumerate(zip(kernel, stride, dilation, strict=True), start=2):
        before, count = (slice(None),) * axis, gradient.shape[axis]
        spread = np.zeros((*gradient.shape[:axis], shape[axis], *gradient.shape[axis + 1 :]), gradient.dtype)
        for tap in range(k):
            spread[(*before, slice(d * tap, d * tap + s * (count - 1) + 1, s))] += gradient
        gradient = spread
    return gradient


def _added_at(gradient: Array, places: Array, axis: int, size: int) -> Array:
    """An axis of that size, with what comes to places of it added up at each."""
    order = np.argsort(places, kind="stable")
    reached, starts = np.unique(places[order], return_index=True)
    spread = np.zeros((*gradient.shape[:axis], size, *gradient.shape[axis + 1 :]), gradient.dtype)
    at: tuple[Any, ...] = (*(slice(None),) * axis, reached)
    spread[at] = np.add.reduceat(gradient.take(order, axis), starts, axis)
    return spread


def _fit(x: Array, kernel: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """From a window's first tap to its last on each axis, if that fits x."""
    extents = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if any(extent > size for extent, size in zip(extents, x.shape[2:], strict=True)):
        raise Misfit(f"a window of {extents} does not fit {shown(x)}")
    return extents
