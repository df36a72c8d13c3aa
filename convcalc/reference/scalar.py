"""A number that counts what is done to it: it proves, on small cases, what the engine reports of itself.

The same `reference` runs on arrays of it. While a primitive that multiplies and adds up runs, products are counted;
while one that works on elements does, every addition, multiplication, division and comparison. A function of elements
is one operation for each number that it makes, whatever its formula: so those are counted. What is done outside of
primitives, or aside, is not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, reduce, total_ordering
from typing import Any, Literal, NamedTuple

import numpy as np

from convcalc.layers import Kind
from convcalc.reference.execution import run_layer
from convcalc.tensors.elements import Tap
from convcalc.tensors.engine import Array, Engine


class Counted(NamedTuple):
    """A layer run on counting numbers: its output, and what they saw of each cost beside what the engine reported."""

    output: Array
    products: int
    reported: int
    operations: int
    reported_operations: int


def counted(config: Kind, arrays: Mapping[str, Array], inputs: list[Array]) -> Counted:
    """The layer on the same arrays, each number of them a counting one."""
    engine = CountingEngine()
    numbers = {name: engine.numbers(array) for name, array in arrays.items()}
    output, _ = run_layer(engine, config, numbers, [engine.numbers(x) for x in inputs])
    seen = engine.products, engine.multiplications, engine.operations, engine.element_operations
    return Counted(output.astype(np.float64), *seen)


class CountingEngine(Engine):
    """An engine whose numbers count, while one of its primitives runs."""

    def __init__(self) -> None:
        super().__init__()
        self.products = self.operations = 0
        self._counting: Literal["", "products", "operations"] = ""

    def numbers(self, array: Array) -> Array:
        """The same values, as numbers that notice what is done to them."""
        return np.frompyfunc(lambda value: _CountedNumber(float(value), self), 1, 1)(array)

    def done(self, *, is_product: bool) -> None:
        """Something was done to a number."""
        self.products += self._counting == "products" and is_product
        self.operations += self._counting == "operations"

    @contextmanager
    def _counts(self, what: Literal["", "products", "operations"]) -> Iterator[None]:
        before, self._counting = self._counting, what
        try:
            yield
        finally:
            self._counting = before

    def matmul(self, a: Array, b: Array) -> Array:
        with self._counts("products"):
            return super().matmul(a, b)

    def convolve(self, *operands: Any) -> Array:
        with self._counts("products"):
            return super().convolve(*operands)

    def contract(self, *operands: Any) -> Array:
        with self._counts("products"):
            return super().contract(*operands)

    def convolve_transposed(self, *operands: Any) -> Array:
        with self._counts("products"):
            return super().convolve_transposed(*operands)

    def elementwise(self, function: Callable[..., Array], *arrays: Array) -> Array:
        if isinstance(function, np.ufunc) and len(arrays) == 2:
            return self.chained([function], *arrays)
        return self._made(super().elementwise(function, *map(_plain, arrays)))

    def chained(self, functions: Sequence[Callable[..., Array]], x: Array, *others: Array | float) -> Array:
        with self._counts("operations"):
            return super().chained(functions, self.numbers(x), *others)

    def bounded(self, x: Array, *bounds: float) -> Array:
        return self._made(super().bounded(_plain(x), *bounds))

    def largest(self, x: Array, axes: Sequence[int], *, keepdims: bool = True) -> Array:
        with self._counts("operations"):
            return super().largest(x, axes, keepdims=keepdims)

    def written(self, function: Any, x: Array, at: tuple[Array | slice, ...], update: Array) -> Array:
        with self._counts("operations"):
            return super().written(function, x, at, update)

    def overlaid(self, columns: Array, *geometry: Sequence[int]) -> Array:
        with self._counts("operations"):
            return super().overlaid(columns, *geometry)

    def taken_in(self, function: Callable[..., Array], x: Array, axes: Sequence[int], **how: bool) -> Array:
        """A sum begins with nothing, to which each number is added; else the numbers that enter are counted."""
        if function is np.mean:
            with self._counts("operations"):
                return super().taken_in(function, x, axes, **how)
        if function is np.sum:
            nothing: Any = _CountedNumber(0.0, self)
            with self._counts("operations"):
                return super().taken_in(partial(np.sum, initial=nothing), x, axes, **how)
        made = super().taken_in(function, _plain(self._made(x)), axes, **how)
        return self.numbers(made) if made.dtype.kind == "f" else made

    def reduced(self, function: Any, x: Array, kernel: Sequence[int], *steps: Sequence[int]) -> Array:
        """Every window by itself, number by number."""
        y = super().reduced(function, x, kernel, *steps)
        windows = self.numbers(self.windows(x, kernel, *steps))
        with self._counts("operations"):
            for place in np.ndindex(y.shape):
                y[place] = reduce(function, windows[place].ravel())
        return y

    def resampled(self, x: Array, reads: Sequence[Sequence[Tap]]) -> Array:
        """Every position by itself: a product for each of all that it reads."""
        y = self.numbers(0.0 * super().resampled(x, reads))
        for taps in itertools.product(*reads):
            weight = np.ones(())
            for place, share in taps:
                weight = weight[..., None] * (np.ones(place.shape) if share is None else share)
            seen = x[(slice(None), slice(None), *np.ix_(*(place for place, _ in taps)))]
            with self._counts("operations"):
                seen = seen * weight
            y = y + seen
        return y

    def aside(self, function: Callable[..., Any], *arrays: Array) -> Any:
        return super().aside(function, *map(_plain, arrays))

    def weighing(self, function: Callable[..., Array], *arrays: Array) -> Array:
        return super().weighing(function, *map(_plain, arrays))

    def _made(self, array: Array) -> Array:
        """Numbers that a function made, or takes, each an operation."""
        numbers = self.numbers(array)
        self.operations += sum(isinstance(number, _CountedNumber) for number in numbers.flat)
        return numbers


def _plain(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype == object else array


@total_ordering
class _CountedNumber:
    """A number of a `CountingEngine`; what is computed of it, together with plain numbers, is one as well."""

    __slots__ = ("engine", "value")

    def __init__(self, value: float, engine: CountingEngine) -> None:
        self.value = value
        self.engine = engine

    def __mul__(self, other: Any) -> _CountedNumber:
        self.engine.done(is_product=True)
        return _CountedNumber(self.value * float(other), self.engine)

    __rmul__ = __mul__

    def __add__(self, other: Any) -> _CountedNumber:
        self.engine.done(is_product=False)
        return _CountedNumber(self.value + float(other), self.engine)

    __radd__ = __add__

    def __sub__(self, other: Any) -> _CountedNumber:
        self.engine.done(is_product=False)
        return _CountedNumber(self.value - float(other), self.engine)

    def __rsub__(self, other: Any) -> _CountedNumber:
        self.engine.done(is_product=False)
        return _CountedNumber(float(other) - self.value, self.engine)

    def __truediv__(self, other: Any) -> _CountedNumber:
        self.engine.done(is_product=False)
        divisor = float(other)
        return _CountedNumber(self.value / divisor if divisor else math.nan, self.engine)

    def __pow__(self, other: Any) -> _CountedNumber:
        self.engine.done(is_product=False)
        return _CountedNumber(self.value ** float(other), self.engine)

    def __abs__(self) -> _CountedNumber:
        return _CountedNumber(abs(self.value), self.engine)

    def __float__(self) -> float:
        return self.value

    def __int__(self) -> int:
        return int(self.value)

    def __eq__(self, other: object) -> bool:
        return self.value == float(other)  # type: ignore[arg-type]  # arrays hold numbers alone

    def __hash__(self) -> int:
        return hash(self.value)

    def __lt__(self, other: Any) -> bool:
        self.engine.done(is_product=False)
        return self.value < float(other)
