"""The way back of elements that were written to places of an array: see `ElementArithmetic.written`."""

from __future__ import annotations

from typing import Any

import numpy as np

from convcalc.tensors.tape import Array, Pull, Pulls, summed_to

Places = tuple[Any, ...]


def pulls(function: Any, y: Array, x: Array, at: Places, update: Array) -> Pulls:
    """Those of x, of the places, which has none, and of the update, where `function` made y of them."""
    if function is np.add:
        return [Pull(lambda gradient: gradient), None, _taken(at, update)]
    if function is None:
        return [Pull(lambda gradient: _without(gradient, at)), None, _last(at, update)]
    if function is np.multiply:
        return _factors(x, at, update)
    return _furthest(y, x, at, update)


def _taken(at: Places, update: Array) -> Pull:
    shape = update.shape
    return Pull(lambda gradient: summed_to(gradient[at], shape))


def _without(gradient: Array, at: Places) -> Array:
    left = gradient.copy()
    left[at] = 0
    return left


def _last(at: Places, update: Array) -> Pull:
    """Of several updates of a place the one that was written last."""
    shape = update.shape

    def back(gradient: Array) -> Array:
        numbers = np.arange(gradient[at].size).reshape(gradient[at].shape)
        writer = np.zeros(gradient.shape, int)
        writer[at] = numbers
        return summed_to(np.where(writer[at] == numbers, gradient[at], 0), shape)

    return Pull(back)


def _factors(x: Array, at: Places, update: Array) -> Pulls:
    """To each factor of a place comes the product of the others there."""

    def others(update: Array, x: Array) -> tuple[Array, Array]:
        is_zero = update == 0
        product, zeros = np.ones_like(x), np.zeros(x.shape, int)
        np.multiply.at(product, at, np.where(is_zero, 1, update))
        np.add.at(zeros, at, is_zero)
        alone = np.where(zeros[at] - is_zero == 0, product[at] / np.where(is_zero, 1, update), 0)
        return np.where(zeros == 0, product, 0), alone

    def of_update(gradient: Array, x: Array, update: Array) -> Array:
        return summed_to(gradient[at] * x[at] * others(update, x)[1], update.shape)

    of_x = Pull(lambda gradient, x, update: gradient * others(update, x)[0], x, update)
    return [of_x, None, Pull(of_update, x, update)]


def _furthest(y: Array, x: Array, at: Places, update: Array) -> Pulls:
    """What is the largest, or smallest, of a place gets the gradient; those that are equal share it."""

    def share(x: Array, update: Array, y: Array) -> Array:
        count = (x == y).astype(x.dtype)
        np.add.at(count, at, update == y[at])
        return 1 / count

    def of_update(gradient: Array, x: Array, update: Array, y: Array) -> Array:
        return summed_to((gradient * share(x, update, y))[at] * (update == y[at]), update.shape)

    of_x = Pull(lambda gradient, x, update, y: gradient * (x == y) * share(x, update, y), x, update, y)
    return [of_x, None, Pull(of_update, x, update, y)]
