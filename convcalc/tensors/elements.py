"""Element-wise primitives, which count what they do to elements, by the convention of the manual.

Each call adds what it did, by the sizes of the arrays that it got or made. A function of elements is one operation for
each element that leaves, whatever its formula. What is worked out of a layer's own arrays alone, such as two factors
folded into one, needs no primitive and is not counted; nothing may be done to what entered a layer but by these (see
`tests/test_reference_operations.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convcalc.tensors.blocks import CACHED, Block, Crew, blocks
from convcalc.tensors.memory import Memory

Array = Any
"""A NumPy array of any dtype. NumPy's own type promises what arrays of Python objects do not keep."""

Tap = tuple[Array, Array | None]
"""For every position of an axis that leaves the place that is read, and its weight; None: it is taken as it is."""

LONG = 128
"""Elements in a row from which NumPy is faster when it does not spread a number for each row in a buffer of its own."""


class Misfit(ValueError):
    """Arrays that do not fit each other; the message gives their shapes."""


class ElementArithmetic:
    """The element-wise part of an engine."""

    def __init__(self, threads: int) -> None:
        self._threads, self._alone = Crew(threads), Crew(1)
        self._memory = Memory()
        self._element_operations = 0

    @property
    def element_operations(self) -> int:
        """Element-wise operations executed so far."""
        return self._element_operations

    def _crew(self, output: Array) -> Crew:
        """Who works on an output. Python's objects are no faster with threads, and may count."""
        return self._alone if output.dtype.hasobject else self._threads

    def elementwise(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """A function of elements, of arrays that broadcast, called on blocks of them: one for each that leaves."""
        if isinstance(function, np.ufunc) and len(arrays) == 2:
            return self.chained([function], *arrays)
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        self._element_operations += math.prod(shape)
        if math.prod(shape) <= CACHED or any(array.dtype == object for array in arrays):
            return function(*arrays)
        spread = [array.reshape(*(1,) * (len(shape) - array.ndim), *array.shape) for array in arrays]
        sample = function(*(array[(slice(1),) * len(shape)] for array in spread))
        output = self._memory.empty(shape, sample.dtype)

        def work(block: Block) -> None:
            output[block] = function(*(part_of(array, block) for array in spread))

        self._crew(output).share(work, shape, most=CACHED)
        return output

    def chained(self, functions: Sequence[Callable[..., Array]], x: Array, *others: Array | float) -> Array:
        """One array or number after another, each by a function of its own (`numpy.add`): (x f a) g b.

        They broadcast, and each function is an operation an element. Quicker than one function of them all, which makes
        an array at every step.
        """
        output = self._chained(functions, x, others)
        self._element_operations += len(functions) * output.size
        return output

    def bounded(self, x: Array, *bounds: float) -> Array:
        """Elements held between bounds, the least and perhaps the most: one operation for each."""
        output = self._chained((np.maximum, np.minimum)[: len(bounds)], x, bounds)
        self._element_operations += output.size
        return output

    def _chained(self, functions: Sequence[Callable[..., Array]], x: Array, others: Sequence[Array | float]) -> Array:
        shape = np.broadcast_shapes(x.shape, *(np.shape(other) for other in others))
        output = self._memory.empty(shape, np.result_type(x, *others))
        if output.size <= CACHED:
            _chain(functions, x, others, output)
            return output
        spread = [array if np.ndim(array) == 0 else np.broadcast_to(array, shape) for array in (x, *others)]
        for block in blocks(shape, CACHED):  # one thread: more would wait for the same memory
            first, *operands = (array if np.ndim(array) == 0 else array[block] for array in spread)
            _chain(functions, first, operands, output[block])
        return output

    def taken_in(self, function: Callable[..., Array], x: Array, axes: Sequence[int], **how: bool) -> Array:
        """A function of x and axes, as NumPy has them (`numpy.sum`), that takes one element in after the other.

        One operation for each that enters: added to what there is so far, or looked at; a mean of n is n - 1 additions
        and a division.
        """
        self._element_operations += x.size
        return function(x, tuple(axes), keepdims=how.get("keepdims", True))

    def largest(self, x: Array, axes: Sequence[int], *, keepdims: bool = True) -> Array:
        """The largest along axes: each element but the first is compared with the largest so far."""
        y = np.max(x, tuple(axes), keepdims=keepdims)
        self._element_operations += x.size - y.size
        return y

    def reduced(
        self,
        function: Callable[..., Array],
        x: Array,
        kernel: Sequence[int],
        stride: Sequence[int],
        dilation: Sequence[int],
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

    def least(self, x: Array) -> float:
        """The least finite number of the type of x."""
        return float(np.finfo(np.float64 if x.dtype.hasobject else x.dtype).min)

    def windows(self, x: Array, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Array:
        """A view [batch, channels, *positions, *kernel] of every window that fits."""
        extents, (batch, channels, *places) = _fit(x, kernel, dilation), x.strides
        axes = zip(x.shape[2:], extents, stride, strict=True)
        positions = [len(range(0, size - extent + 1, s)) for size, extent, s in axes]
        steps = [s * place for s, place in zip(stride, places, strict=True)]
        taps = [d * place for d, place in zip(dilation, places, strict=True)]
        shape = (*x.shape[:2], *positions, *kernel)
        return as_strided(x, shape, (batch, channels, *steps, *taps), writeable=False)

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

    def written(self, function: Any, x: Array, at: tuple[Array | slice, ...], update: Array) -> None:
        """Elements of x at places each changed by an update (`numpy.add`), in place: an operation for each update."""
        function.at(x, at, update)
        self._element_operations += np.size(update)

    def aside(self, function: Callable[..., Any], *arrays: Array) -> Any:
        """What is worked out beside the arithmetic, and not counted.

        That is where to read, with what weight, and what is taken out of numbers so that they stay in range.
        """
        return function(*arrays)


def part_of(array: Array, block: Block) -> Array:
    """A view of a block of an array that broadcasts and has all axes: every position of those along which it is 1."""
    return array[tuple(slice(None) if size == 1 else cut for size, cut in zip(array.shape, block, strict=True))]


def _chain(functions: Sequence[Callable[..., Array]], x: Array, others: Sequence[Array | float], output: Array) -> None:
    buffered = np.setbufsize(16) if math.prod(output.shape[2:]) >= LONG else np.getbufsize()
    for function, other in zip(functions, others, strict=True):
        x = function(x, other, out=output)
    np.setbufsize(buffered)


def _fit(x: Array, kernel: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """From a window's first tap to its last on each axis, if that fits x."""
    extents = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if any(extent > size for extent, size in zip(extents, x.shape[2:], strict=True)):
        raise Misfit(f"a window of {extents} does not fit {shown(x)}")
    return extents


def shown(array: Array) -> str:
    """Its sizes, for a message."""
    return "x".join(map(str, array.shape)) or "a number"
