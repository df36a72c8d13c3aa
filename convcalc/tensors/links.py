"""A chain of functions of elements, (x f a) g b, and its way back where each adds, subtracts, multiplies or divides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from convcalc.tensors.tape import Array, Pull, summed_to

Functions = Sequence[Callable[..., Array]]

_SCALING: dict[Any, Any] = {np.add: None, np.subtract: None, np.multiply: np.multiply, np.divide: np.divide}
"""What is done to a gradient that comes back to the left side, with the right; None: it stays as it is."""


def are_known(functions: Functions) -> bool:
    """Whether all of them are such."""
    return all(function in _SCALING for function in functions)


def run(functions: Functions, x: Array, *others: Array | float) -> Array:
    """The whole chain, as one function of elements."""
    for function, other in zip(functions, others, strict=True):
        x = function(x, other)
    return x


def pulls(functions: Functions, x: Array, others: Sequence[Array | float]) -> list[Pull | None]:
    """The pull of x and of each of the others; a number has none."""
    made: list[Pull | None] = [_through(functions, others, x.shape)]
    for place, other in enumerate(others):
        made.append(_of_other(functions, place, x, others) if isinstance(other, np.ndarray) else None)
    return made


def _through(functions: Functions, others: Sequence[Array | float], shape: Sequence[int]) -> Pull:
    """The gradient that comes to the left side of these functions, of that shape."""
    scaling = [
        (_SCALING[function], other) for function, other in zip(functions, others, strict=True) if _SCALING[function]
    ]

    def back(gradient: Array, *factors: Array | float) -> Array:
        for (scale, _), factor in zip(reversed(scaling), reversed(factors), strict=True):
            gradient = scale(gradient, factor)
        return summed_to(gradient, shape)

    return Pull(back, *(other for _, other in scaling))


def _of_other(functions: Functions, place: int, x: Array, others: Sequence[Any]) -> Pull:
    """The gradient of one of the others: what comes to its function, times its slope there."""
    function, shape = functions[place], others[place].shape
    behind = _through(functions[place + 1 :], others[place + 1 :], np.broadcast_shapes(*map(np.shape, [x, *others])))
    if function is np.add or function is np.subtract:
        sign = 1 if function is np.add else -1
        return Pull(lambda gradient, *kept: summed_to(sign * behind.function(gradient, *kept), shape), *behind.kept)
    count = len(behind.kept)

    def back(gradient: Array, *kept: Array) -> Array:
        x, *before = kept[count:]
        left = run(functions[:place], x, *before[:place])
        arrived = behind.function(gradient, *kept[:count])
        return summed_to(arrived * left if function is np.multiply else -arrived * left / before[-1] ** 2, shape)

    kept = others[:place] if function is np.multiply else others[: place + 1]
    return Pull(back, *behind.kept, x, *kept)
