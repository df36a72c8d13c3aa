"""NumPy's functions that take the elements along axes together, with their way back.

None of them is counted here: an engine's `taken_in` counts, and hands them the array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from convcalc.tensors.tape import Array, Pull, Pulls, adjoint_of, called, mover

Axes = Sequence[int]


@mover
def _added(x: Array, axes: Axes, mean: bool) -> Array:
    return (np.mean if mean else np.sum)(x, axes, keepdims=True)


@adjoint_of(_added)
def _added_back(y: Array, x: Array, axes: Axes, mean: bool) -> Pulls:
    shape, count = x.shape, x.size // max(y.size, 1) if mean else 1
    return [Pull(lambda gradient: np.broadcast_to(gradient / count if mean else gradient, shape))]


@called("sum", np.sum)
def total(x: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    """The sum along axes."""
    return _left(_added(x, _axes(x, axis), False), _axes(x, axis), keepdims=keepdims)


@called("mean", np.mean)
def mean(x: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    """The mean along axes."""
    return _left(_added(x, _axes(x, axis), True), _axes(x, axis), keepdims=keepdims)


@mover
def _furthest(x: Array, axes: Axes, function: Callable[..., Array]) -> Array:
    return function(x, axes, keepdims=True)


@adjoint_of(_furthest)
def _furthest_back(y: Array, x: Array, axes: Axes, function: Callable[..., Array]) -> Pulls:
    """The gradient goes to the first element that is the largest, or smallest, in the order in which they lie."""
    return [furthest_back(y, x, axes)]


def furthest_back(y: Array, x: Array, axes: Axes) -> Pull:
    """The pull of x of which y, of one position on some axes, has an element of each line along these.

    The gradient may be without these axes. The place is kept, the first where there are several.
    """
    shape, reduced, is_it = x.shape, y.shape, _last(x == y, axes)
    laid = is_it.shape

    def back(gradient: Array, place: Array) -> Array:
        spread = np.zeros(laid, gradient.dtype)
        np.put_along_axis(spread, place, _last(gradient.reshape(reduced), axes), -1)
        return _unlast(spread, shape, axes)

    return Pull(back, np.argmax(is_it, -1)[..., None])


@called("max", np.max)
def largest(x: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    """The largest along axes."""
    return _left(_furthest(x, _axes(x, axis), np.max), _axes(x, axis), keepdims=keepdims)


@called("min", np.min)
def smallest(x: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    """The smallest along axes."""
    return _left(_furthest(x, _axes(x, axis), np.min), _axes(x, axis), keepdims=keepdims)


@mover
def _multiplied(x: Array, axes: Axes) -> Array:
    return np.prod(x, axes, keepdims=True)


@adjoint_of(_multiplied)
def _multiplied_back(y: Array, x: Array, axes: Axes) -> Pulls:
    """The product of the others comes to each element, also where it or another is zero."""

    def back(gradient: Array, x: Array) -> Array:
        is_zero = x == 0
        divisor = np.where(is_zero, 1, x)
        rest, zeros = np.prod(divisor, axes, keepdims=True), is_zero.sum(axes, keepdims=True)
        return gradient * np.where(zeros - is_zero == 0, rest / divisor, 0).astype(x.dtype)

    return [Pull(back, x)]


@called("prod", np.prod)
def product(x: Array, axis: Any = None, *, keepdims: bool = False) -> Array:
    """The product along axes."""
    return _left(_multiplied(x, _axes(x, axis)), _axes(x, axis), keepdims=keepdims)


@mover
def _cumulated(x: Array, axis: int) -> Array:
    return np.cumsum(x, axis, dtype=x.dtype)


@adjoint_of(_cumulated)
def _cumulated_back(y: Array, x: Array, axis: int) -> Pulls:
    return [Pull(lambda gradient: np.flip(np.cumsum(np.flip(gradient, axis), axis), axis))]


@called(np.cumsum)
def cumsum(x: Array, axis: int, dtype: Any = None) -> Array:
    """Every element and those before it on an axis, added up."""
    return _cumulated(x, axis)


@mover
def _accumulated(x: Array, axis: int) -> Array:
    return np.cumprod(x, axis, dtype=x.dtype)


@adjoint_of(_accumulated)
def _accumulated_back(y: Array, x: Array, axis: int) -> Pulls:
    """An element is a factor of its own place and all behind: there it is left out, one place after the other."""

    def back(gradient: Array, x: Array) -> Array:
        moved, arriving = np.moveaxis(x, axis, 0), np.moveaxis(gradient, axis, 0)
        result = np.zeros_like(moved)
        for place in range(len(moved)):
            before = np.prod(moved[:place], 0)
            behind = np.cumprod(np.concatenate([np.ones_like(moved[:1]), moved[place + 1 :]]), 0)
            result[place] = (before * behind * arriving[place:]).sum(0)
        return np.moveaxis(result, 0, axis)

    return [Pull(back, x)]


@called(np.cumprod)
def cumprod(x: Array, axis: int, dtype: Any = None) -> Array:
    """Every element and those before it on an axis, multiplied."""
    return _accumulated(x, axis)


def _axes(x: Array, axis: Any) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(x.ndim))
    return tuple(number % x.ndim for number in ((axis,) if isinstance(axis, int) else axis))


def _left(y: Array, axes: Axes, *, keepdims: bool) -> Array:
    return y if keepdims else y.reshape([size for axis, size in enumerate(y.shape) if axis not in axes])


def _last(x: Array, axes: Axes) -> Array:
    """Those axes laid together behind the others, in their order."""
    others = [axis for axis in range(x.ndim) if axis not in axes]
    return x.transpose(*others, *sorted(axes)).reshape(*(x.shape[axis] for axis in others), -1)


def _unlast(x: Array, shape: Sequence[int], axes: Axes) -> Array:
    """An array of that shape, of which `_last` gave x."""
    order = [*(axis for axis in range(len(shape)) if axis not in axes), *sorted(axes)]
    return x.reshape([shape[axis] for axis in order]).transpose(np.argsort(order))
