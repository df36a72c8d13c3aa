"""A number that counts multiplications: it proves, on small cases, what the engine reports of itself.

The same `reference` runs on arrays of it. What is multiplied outside of the primitives that multiply and add up (a
scaling, an interpolation) is no MAC, and is not counted here either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial, total_ordering
from typing import Any, NamedTuple

import numpy as np

from convcalc.layers import Kind
from convcalc.reference.execution import run_layer
from convcalc.tensors.engine import Array, Engine


class Counted(NamedTuple):
    """A layer run on counting numbers: its output, the products they saw, and those the engine reported."""

    output: Array
    products: int
    reported: int


def counted(config: Kind, arrays: Mapping[str, Array], inputs: list[Array]) -> Counted:
    """The layer on the same arrays, each number of them a counting one."""
    engine = CountingEngine()
    numbers = {name: engine.numbers(array) for name, array in arrays.items()}
    output, _ = run_layer(engine, config, numbers, [engine.numbers(x) for x in inputs])
    return Counted(output.astype(np.float64), engine.products, engine.multiplications)


class CountingEngine(Engine):
    """An engine whose numbers count, while one of its multiply primitives runs."""

    def __init__(self) -> None:
        super().__init__()
        self.products = 0
        self._running = 0
        for primitive in ("matmul", "convolve", "contract", "convolve_transposed"):
            setattr(self, primitive, partial(self._within, getattr(self, primitive)))

    def numbers(self, array: Array) -> Array:
        """The same values, as numbers that notice when they are multiplied."""
        return np.frompyfunc(lambda value: _CountedNumber(float(value), self), 1, 1)(array)

    def multiplied(self) -> None:
        """One number was multiplied by another."""
        self.products += self._running > 0

    def _within(self, primitive: Callable[..., Array], *operands: Any, **named: Any) -> Array:
        self._running += 1
        try:
            return primitive(*operands, **named)
        finally:
            self._running -= 1


@total_ordering
class _CountedNumber:
    """A number of a `CountingEngine`; what is computed of it, together with plain numbers, is one as well."""

    __slots__ = ("engine", "value")

    def __init__(self, value: float, engine: CountingEngine) -> None:
        self.value = value
        self.engine = engine

    def __mul__(self, other: Any) -> _CountedNumber:
        self.engine.multiplied()
        return _CountedNumber(self.value * float(other), self.engine)

    __rmul__ = __mul__

    def __add__(self, other: Any) -> _CountedNumber:
        return _CountedNumber(self.value + float(other), self.engine)

    __radd__ = __add__

    def __sub__(self, other: Any) -> _CountedNumber:
        return _CountedNumber(self.value - float(other), self.engine)

    def __rsub__(self, other: Any) -> _CountedNumber:
        return _CountedNumber(float(other) - self.value, self.engine)

    def __truediv__(self, other: Any) -> _CountedNumber:
        return _CountedNumber(self.value / float(other), self.engine)

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
        return self.value < float(other)

    def exp(self) -> _CountedNumber:
        """What NumPy's exp calls on an object."""
        return _CountedNumber(math.exp(self.value), self.engine)

    def tanh(self) -> _CountedNumber:
        """What NumPy's tanh calls on an object."""
        return _CountedNumber(math.tanh(self.value), self.engine)

    def floor(self) -> _CountedNumber:
        """What NumPy's floor calls on an object."""
        return _CountedNumber(float(math.floor(self.value)), self.engine)
