"""What kinds share that make each element from one: the activations, and the functions of mathematics."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from convcalc.arithmetic.number import product
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, Kind, Shape, Wanted
from convcalc.layers.identity import Identity


class Pointwise(Kind, frozen=True, kw_only=True):
    """One operation on each element, whatever the formula."""

    is_elementwise = True

    def elementwise_ops(self, x: Shape) -> int:
        return product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The input, of which the slope is worked out again."""
        return Kept(inputs=(0,)).if_(wanted.of_inputs)


class Activation(Pointwise, frozen=True, kw_only=True):
    """The base of activations that look at nothing but the element."""

    is_activation = True


class Clamp(Activation, frozen=True, kw_only=True):
    """The base of what holds each element between bounds, and hands the rest on as it is."""

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """A mask: which elements lay within the bounds."""
        return Kept(bytes=product(x)).if_(wanted.of_inputs)


class NotEverywhere(Pointwise, frozen=True, kw_only=True):
    """The base of what has no value, or none that is finite, for some numbers."""

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return Identity()  # which sees the same places, and has a value everywhere


def of_elements(function: Callable[[Any, Array, Fields], Array]) -> Callable[..., Array]:
    """The reference of a kind that is a function of elements: of NumPy, x and the fields."""

    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return engine.elementwise(lambda x: function(engine.numpy, x, fields), x)

    return staticmethod(reference)


def within(*bounds: float) -> Callable[..., Array]:
    """The reference of a kind that holds elements between bounds: the least and perhaps the most."""

    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return engine.bounded(x, *bounds)

    return staticmethod(reference)


def knowing(x: Array, function: Callable[[Array], Array], slope: Callable[[Array, Array], Array]) -> Array:
    """A function of elements that states its own derivative, `slope` of its result and of x.

    It is for what NumPy lacks, and for kinks of which one side is to count. Elsewhere a function's derivative comes of
    the function, run on dual numbers (`convcalc.tensors.duals`), which is what x may be.
    """
    return x.through(function, slope) if hasattr(x, "through") else function(x)


def weighed(np: Any, values: Array, weight: Array, *before: Array) -> Array:
    """Values times a weight, and added to what is before; a value without weight that is no number is not read.

    With regard to a weight of 0 the derivative is the value all the same, if it is a number.
    """
    read = np.where((weight == 0) & ~np.isfinite(values), np.zeros((), values.dtype), values)
    return before[0] + read * weight if before else read * weight


def sigmoid(np: Any, x: Array) -> Array:
    """Share exp(x) has in 1 + exp(x), with the larger of both taken out, so that neither overflows."""
    return knowing(x, lambda x: np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x))), lambda y, x: y * (1 - y))


def softplus(np: Any, x: Array) -> Array:
    """Logarithm of 1 + exp(x), again with the larger taken out."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def bent(np: Any, x: Array, below: Callable[[Array], Array], slope: float = 1) -> Array:
    """A slope times x above zero, `below` of it below; either takes zero to zero, and NaN passes both.

    At zero the derivative is that of `below`, as PyTorch has it for all that are bent.
    """
    over = knowing(x, lambda x: np.maximum(x, 0), lambda y, x: (x > 0).astype(x.dtype))
    under = knowing(x, lambda x: np.minimum(x, 0), lambda y, x: (x <= 0).astype(x.dtype))
    return slope * over + below(under)


def held(np: Any, x: Array, least: float, most: float) -> Array:
    """Elements held between two numbers; the derivative on either is 0, as that of PyTorch's activations."""
    return knowing(
        x, lambda x: np.minimum(np.maximum(x, least), most), lambda y, x: ((x > least) & (x < most)).astype(x.dtype)
    )


def root(np: Any, x: Array, of: float) -> Array:
    """The power 1 / `of` of x; the derivative at 0 is taken to be 0, as that of PyTorch's norms of nothing."""
    return knowing(x, lambda x: x ** (1 / of), lambda y, x: np.where(x == 0, np.zeros((), x.dtype), y / (of * x)))


def error_function(np: Any, x: Array) -> Array:
    """The error function, element by element as Python has it: NumPy has none."""
    return knowing(x, partial(_error_function, np), lambda y, x: 2 / math.sqrt(math.pi) * np.exp(-x * x))


def _error_function(np: Any, x: Array) -> Array:
    return np.fromiter(map(math.erf, memoryview(x.ravel())), x.dtype, x.size).reshape(x.shape)
