"""Element-wise primitives, which count what they do to elements, by the convention of the manual.

Each call adds what it did, by the sizes of the arrays that it got or made. A function of elements is one operation for
each element that leaves, whatever its formula. What is worked out of a layer's own arrays alone, such as two factors
folded into one, needs no primitive and is not counted; nothing may be done to what entered a layer but by these (see
`tests/test_reference_operations.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from convcalc.tensors import links, updating
from convcalc.tensors.blocks import CACHED, Block, Crew, blocks, part_of
from convcalc.tensors.memory import Memory
from convcalc.tensors.reducing import furthest_back
from convcalc.tensors.tape import Pull, Pulls, adjoint_of, plain, primitive, through_function

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

    @primitive
    def elementwise(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """A function of elements, of arrays that broadcast, called on blocks of them: one for each that leaves."""
        if isinstance(function, np.ufunc) and len(arrays) == 2:
            return self.chained([function], *arrays)
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        self._element_operations += math.prod(shape)
        return self._of_elements(function, *arrays)

    def _of_elements(self, function: Callable[..., Array], *arrays: Array) -> Array:
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        if math.prod(shape) <= CACHED or any(array.dtype == object for array in arrays):
            return function(*arrays)
        spread = [array.reshape(*(1,) * (len(shape) - array.ndim), *array.shape) for array in arrays]
        sample = function(*(array[(slice(1),) * len(shape)] for array in spread))
        output = self._memory.empty(shape, sample.dtype)

        def work(block: Block) -> None:
            output[block] = function(*(part_of(array, block) for array in spread))

        self._crew(output).share(work, shape, most=CACHED)
        return output

    @adjoint_of(elementwise)
    def _elementwise_back(self, y: Array, function: Callable[..., Array], *arrays: Array) -> Pulls:
        """What is kept are the arrays that entered; slopes are worked out again."""
        if isinstance(function, np.ufunc) and len(arrays) == 2:
            return self._chained_back(y, [function], *arrays)
        return [None, *(through_function(function, place, arrays, self._of_elements) for place in range(len(arrays)))]

    @primitive
    def chained(self, functions: Sequence[Callable[..., Array]], x: Array, *others: Array | float) -> Array:
        """One array or number after another, each by a function of its own (`numpy.add`): (x f a) g b.

        They broadcast, and each function is an operation an element. Quicker than one function of them all, which makes
        an array at every step.
        """
        output = self._chained(functions, x, others)
        self._element_operations += len(functions) * output.size
        return output

    @adjoint_of(chained)
    def _chained_back(
        self, y: Array, functions: Sequence[Callable[..., Array]], x: Array, *others: Array | float
    ) -> Pulls:
        """Factors and divisors are kept for what they multiply, and for a factor what it multiplies."""
        if links.are_known(functions):
            return [None, *links.pulls(functions, x, others)]
        return [
            None,
            *(
                through_function(partial(links.run, functions), place, (x, *others), self._of_elements)
                for place in range(1 + len(others))
            ),
        ]

    @primitive
    def bounded(self, x: Array, *bounds: float) -> Array:
        """Elements held between bounds, the least and perhaps the most: one operation for each."""
        output = self._chained((np.maximum, np.minimum)[: len(bounds)], x, bounds)
        self._element_operations += output.size
        return output

    @adjoint_of(bounded)
    def _bounded_back(self, y: Array, x: Array, *bounds: float) -> Pulls:
        """A mask is kept, of those that lie within; one at a bound is held there, as in PyTorch's activations."""
        within = y > bounds[0]
        if len(bounds) > 1:
            within &= y < bounds[1]
        return [Pull(lambda gradient, within: self._chained((np.multiply,), gradient, (within,)), within)]

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
        and a division. Gradients come back through the function itself (`convcalc.tensors.reducing`).
        """
        self._element_operations += x.size
        return function(x, tuple(axes), keepdims=how.get("keepdims", True))

    @primitive
    def largest(self, x: Array, axes: Sequence[int], *, keepdims: bool = True) -> Array:
        """The largest along axes: each element but the first is compared with the largest so far."""
        y = np.max(x, tuple(axes), keepdims=keepdims)
        self._element_operations += x.size - y.size
        return y

    @adjoint_of(largest)
    def _largest_back(self, y: Array, x: Array, axes: Sequence[int], *, keepdims: bool = True) -> Pulls:
        """The place of the first that is the largest is kept, and the gradient goes there."""
        return [furthest_back(y if keepdims else np.expand_dims(y, tuple(axes)), x, tuple(axes))]

    def least(self, x: Array) -> float:
        """The least finite number of the type of x."""
        return float(np.finfo(np.float64 if x.dtype.hasobject else x.dtype).min)

    @primitive
    def written(self, function: Any, x: Array, at: tuple[Array | slice, ...], update: Array) -> Array:
        """A copy of x with elements at places each changed by an update (`numpy.add`): an operation for each update.

        Without a function the update takes their place, the last where several do, and nothing is counted.
        """
        y = x.copy()
        if function is None:
            y[at] = update
            return y
        function.at(y, at, update)
        self._element_operations += np.size(update)
        return y

    @adjoint_of(written)
    def _written_back(self, y: Array, function: Any, x: Array, at: tuple[Array | slice, ...], update: Array) -> Pulls:
        return [None, *updating.pulls(function, y, x, at, update)]

    def aside(self, function: Callable[..., Any], *arrays: Array) -> Any:
        """What is worked out beside the arithmetic, and not counted.

        That is where to read, and what is taken out of numbers so that they stay in range. No gradient comes through.
        """
        return function(*map(plain, arrays))

    @primitive
    def weighing(self, function: Callable[..., Array], *arrays: Array) -> Array:
        """A function of elements by which weights are worked out beside the arithmetic, such as those between places.

        It is not counted, as what is done `aside`, but gradients come through it.
        """
        return self._of_elements(function, *arrays)

    @adjoint_of(weighing)
    def _weighing_back(self, y: Array, function: Callable[..., Array], *arrays: Array) -> Pulls:
        return [None, *(through_function(function, place, arrays, self._of_elements) for place in range(len(arrays)))]


def _chain(functions: Sequence[Callable[..., Array]], x: Array, others: Sequence[Array | float], output: Array) -> None:
    is_of_one_type = all(getattr(other, "dtype", output.dtype) == output.dtype for other in others)
    is_long = is_of_one_type and math.prod(output.shape[2:]) >= LONG  # others are brought to one type in the buffer
    buffered = np.setbufsize(16) if is_long else np.getbufsize()
    for function, other in zip(functions, others, strict=True):
        x = function(x, other, out=output)
    np.setbufsize(buffered)


def shown(array: Array) -> str:
    """Its sizes, for a message."""
    return "x".join(map(str, array.shape)) or "a number"
