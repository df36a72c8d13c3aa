"""The way back of elements that were written to places of an array: see `ElementArithmetic.written`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from convcalc.tensors.tape import Array, Pull, Pulls, summed_to


def pulls(function: Any, y: Array, x: Array, at: tuple[Any, ...], update: Array) -> Pulls:
    """Those of x, of the places, which has none, and of the update, where `function` made y of them.

    Places are kept as numbers that count through all elements.
    """
    places, shape = np.arange(x.size).reshape(x.shape)[at].copy(), update.shape
    if function is np.add:
        return [Pull(lambda gradient: gradient), None, Pull(lambda g, at: summed_to(_read(g, at), shape), places)]
    if function is None:
        return [Pull(_without, places), None, _last(places, update)]
    if function is np.multiply:
        return _factors(x, places, update)
    return _furthest(y, x, places, update)


def _read(array: Array, places: Array) -> Array:
    """The elements at places."""
    return array.reshape(-1)[places]


def _without(gradient: Array, places: Array) -> Array:
    left = gradient.reshape(-1).copy()
    left[places] = 0
    return left.reshape(gradient.shape)


def _last(places: Array, update: Array) -> Pull:
    """Of several updates of a place the one that was written last."""
    shape = update.shape

    def back(gradient: Array, places: Array) -> Array:
        numbers = np.arange(places.size).reshape(places.shape)
        writer = np.zeros(gradient.size, int)
        writer[places] = numbers
        return summed_to(np.where(writer[places] == numbers, _read(gradient, places), 0), shape)

    return Pull(back, places)


def _factors(x: Array, places: Array, update: Array) -> Pulls:
    """To each factor of a place comes the product of the others there."""
    shape = x.shape

    def others(update: Array, places: Array) -> tuple[Array, Array]:
        is_zero = update == 0
        product, zeros = np.ones(math.prod(shape), update.dtype), np.zeros(math.prod(shape), int)
        np.multiply.at(product, places, np.where(is_zero, 1, update))
        np.add.at(zeros, places, is_zero)
        alone = np.where(zeros[places] - is_zero == 0, product[places] / np.where(is_zero, 1, update), 0)
        return np.where(zeros == 0, product, 0).reshape(shape), alone

    def of_update(gradient: Array, update: Array, places: Array, x: Array) -> Array:
        factor = others(update, places)[1] * _read(x, places)
        return summed_to(_read(gradient, places) * factor, update.shape)

    return [
        Pull(lambda gradient, update, places: gradient * others(update, places)[0], update, places),
        None,
        Pull(of_update, update, places, x),
    ]


def _furthest(y: Array, x: Array, places: Array, update: Array) -> Pulls:
    """What is the largest, or smallest, of a place gets the gradient; those that are equal share it."""

    def share(x: Array, update: Array, y: Array, places: Array) -> Array:
        count = (x == y).astype(x.dtype).reshape(-1)
        np.add.at(count, places, update == _read(y, places))
        return 1 / count.reshape(x.shape)

    def of_update(gradient: Array, x: Array, update: Array, y: Array, places: Array) -> Array:
        arrived = _read(gradient * share(x, update, y, places), places)
        return summed_to(arrived * (update == _read(y, places)), update.shape)

    kept = (x, update, y, places)
    return [
        Pull(lambda gradient, x, update, y, places: gradient * (x == y) * share(x, update, y, places), *kept),
        None,
        Pull(of_update, *kept),
    ]
