"""What only moves elements, and its way back; a reference reaches it by the names that NumPy has for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from convcalc.tensors.tape import Array, Pull, Pulls, adjoint_of, called, mover, plain, summed_to

Axes = int | Sequence[int] | None


@mover
def _reshaped(x: Array, shape: Sequence[int]) -> Array:
    return x.reshape(shape)


@adjoint_of(_reshaped)
def _reshaped_back(y: Array, x: Array, shape: Sequence[int]) -> Pulls:
    size = x.shape
    return [Pull(lambda gradient: gradient.reshape(size))]


@called("reshape", np.reshape)
def reshape(x: Array, *shape: Any) -> Array:
    """The elements as they lie, in another shape."""
    return _reshaped(x, _flat(shape))


@called("ravel", np.ravel)
def ravel(x: Array) -> Array:
    """All elements along one axis."""
    return _reshaped(x, (-1,))


@called("squeeze", np.squeeze)
def squeeze(x: Array, axis: Axes = None) -> Array:
    """Without axes of one position: all of them, or those that are named."""
    return _reshaped(x, np.squeeze(np.empty(x.shape, bool), axis).shape)


@called(np.expand_dims)
def expand_dims(x: Array, axis: int) -> Array:
    """With one more axis, of one position."""
    return _reshaped(x, np.expand_dims(np.empty(x.shape, bool), axis).shape)


@mover
def _transposed(x: Array, axes: Sequence[int]) -> Array:
    return x.transpose(axes)


@adjoint_of(_transposed)
def _transposed_back(y: Array, x: Array, axes: Sequence[int]) -> Pulls:
    order = np.argsort([axis % x.ndim for axis in axes])
    return [Pull(lambda gradient: gradient.transpose(order))]


@called("transpose", np.transpose)
def transpose(x: Array, *axes: Any) -> Array:
    """The axes in another order: reversed where none is given."""
    return _transposed(x, _flat(axes) or tuple(reversed(range(x.ndim))))


@called("swapaxes", np.swapaxes)
def swapaxes(x: Array, axis: int, other: int) -> Array:
    """Two axes exchanged."""
    order = list(range(x.ndim))
    order[axis], order[other] = order[other], order[axis]
    return _transposed(x, order)


@called(np.moveaxis)
def moveaxis(x: Array, source: int, destination: int) -> Array:
    """One axis elsewhere among the others."""
    order = [axis for axis in range(x.ndim) if axis != source % x.ndim]
    order.insert(destination % x.ndim, source % x.ndim)
    return _transposed(x, order)


@mover
def _taken_at(x: Array, at: Any) -> Array:
    return x[at]


@adjoint_of(_taken_at)
def _taken_at_back(y: Array, x: Array, at: Any) -> Pulls:
    """Lists of places are kept; where every axis has one, all of a shape, the place among all elements alone."""
    shape, dtype = x.shape, x.dtype
    parts = at if isinstance(at, tuple) else (at,)
    indices = [part for part in parts if isinstance(part, np.ndarray | list)]
    if indices and len(parts) == x.ndim and all(_is_place(part, y.shape) for part in parts):
        return [Pull(partial(_added_at, shape), np.ravel_multi_index(parts, shape, mode="wrap"))]

    def back(gradient: Array, *indices: Array) -> Array:
        spread = np.zeros(shape, dtype)
        if indices:
            np.add.at(spread, at, gradient)
        else:
            spread[at] = gradient
        return spread

    return [Pull(back, *(index for index in indices if isinstance(index, np.ndarray)))]


def _is_place(part: Any, shape: Sequence[int]) -> bool:
    """Whether it is one place of an axis for each of so many elements, or one for all."""
    return np.asarray(part).dtype.kind in "iu" and np.shape(part) in ((), shape)


def _added_at(shape: Sequence[int], gradient: Array, places: Array) -> Array:
    """An array of that shape, with what comes to places, counted through all its elements, added up at each."""
    spread = np.zeros(math.prod(shape), gradient.dtype)
    np.add.at(spread, places, gradient)
    return spread.reshape(shape)


@called("__getitem__")
def taken_at(x: Array, at: Any) -> Array:
    """Elements at places; those that are taken several times are, on the way back, added up."""
    return _taken_at(x, plain(at))


@called("take", np.take)
def take(x: Array, places: Any, axis: int) -> Array:
    """The places of an axis, in that order."""
    return _taken_at(x, (*(slice(None),) * (axis % x.ndim), np.asarray(places, int)))


@called(np.split)
def split(x: Array, sections: Any, axis: int = 0) -> list[Array]:
    """An axis cut into parts: so many, or of so many positions."""
    before = (slice(None),) * (axis % x.ndim)
    parts = [part.tolist() for part in np.split(np.arange(x.shape[axis]), sections)]
    return [_taken_at(x, (*before, slice(part[0], part[-1] + 1) if part else slice(0))) for part in parts]


@called(np.flip)
def flip(x: Array, axis: int) -> Array:
    """An axis in the opposite order."""
    return _taken_at(x, (*(slice(None),) * (axis % x.ndim), slice(None, None, -1)))


@called("repeat", np.repeat)
def repeat(x: Array, repeats: Any, axis: int) -> Array:
    """Every position of an axis so many times."""
    return take(x, np.repeat(np.arange(x.shape[axis]), repeats), axis)


@called(np.take_along_axis)
def take_along_axis(x: Array, places: Any, axis: int) -> Array:
    """For every line along an axis the elements at places of its own; the two have the same other sizes, or one."""
    places, axis = plain(places), axis % x.ndim
    sizes = [max(size, place) for size, place in zip(x.shape, places.shape, strict=True)]
    sizes[axis] = places.shape[axis]
    spread = np.broadcast_to(places, sizes)
    at = [np.arange(size).reshape(-1, *(1,) * (x.ndim - 1 - number)) for number, size in enumerate(sizes)]
    at = [index if x.shape[number] > 1 else index * 0 for number, index in enumerate(at)]
    at[axis] = spread
    return _taken_at(x, tuple(at))


@mover
def _joined(axis: int, *parts: Array) -> Array:
    return np.concatenate(parts, axis)


@adjoint_of(_joined)
def _joined_back(y: Array, axis: int, *parts: Array) -> Pulls:
    ends = np.cumsum([part.shape[axis] for part in parts])
    before = (slice(None),) * (axis % y.ndim)

    def cut(start: int, end: int) -> Pull:
        return Pull(lambda gradient: gradient[(*before, slice(start, end))])

    return [None, *(cut(end - part.shape[axis], end) for part, end in zip(parts, ends.tolist(), strict=True))]


@called(np.concatenate)
def concatenate(parts: Sequence[Array], axis: int = 0) -> Array:
    """Arrays laid end to end along an axis."""
    return _joined(axis, *parts)


@called(np.stack)
def stack(parts: Sequence[Array], axis: int = 0) -> Array:
    """Arrays of one shape side by side, along an axis of their own."""
    place = axis % (parts[0].ndim + 1)
    shape = (*parts[0].shape[:place], 1, *parts[0].shape[place:])
    return _joined(place, *(_reshaped(part, shape) for part in parts))


@mover
def _spread(x: Array, shape: Sequence[int]) -> Array:
    return np.broadcast_to(x, shape)


@adjoint_of(_spread)
def _spread_back(y: Array, x: Array, shape: Sequence[int]) -> Pulls:
    size = x.shape
    return [Pull(lambda gradient: summed_to(gradient, size))]


@called(np.broadcast_to)
def broadcast_to(x: Array, shape: Any) -> Array:
    """An array at all places of a larger shape."""
    return _spread(x, shape)


@mover
def _chosen(condition: Array, x: Array, y: Array) -> Array:
    return np.where(condition, x, y)


@adjoint_of(_chosen)
def _chosen_back(output: Array, condition: Array, x: Array, y: Array) -> Pulls:
    def where_it_is(shape: Sequence[int], *, so: bool) -> Pull:
        return Pull(lambda gradient, condition: summed_to(np.where(condition == so, gradient, 0), shape), condition)

    return [None, where_it_is(np.shape(x), so=True), where_it_is(np.shape(y), so=False)]


@called(np.where)
def where(condition: Any, x: Any, y: Any) -> Array:
    """Elements of one array where a condition holds, of another elsewhere."""
    return _chosen(plain(condition), x, y)


@mover
def _triangle(x: Array, half: Callable[[Array, int], Array], diagonal: int) -> Array:
    return half(x, diagonal)


@adjoint_of(_triangle)
def _triangle_back(y: Array, x: Array, half: Callable[[Array, int], Array], diagonal: int) -> Pulls:
    return [Pull(lambda gradient: half(gradient, diagonal))]


@called(np.triu)
def triu(x: Array, k: int = 0) -> Array:
    """What lies on a diagonal of matrices or above it, zero below."""
    return _triangle(x, np.triu, k)


@called(np.tril)
def tril(x: Array, k: int = 0) -> Array:
    """What lies on a diagonal of matrices or below it, zero above."""
    return _triangle(x, np.tril, k)


@mover
def _cast(x: Array, dtype: Any) -> Array:
    return x.astype(dtype)


@adjoint_of(_cast)
def _cast_back(y: Array, x: Array, dtype: Any) -> Pulls:
    before = x.dtype
    return [Pull(lambda gradient: gradient.astype(before))]


@called("astype")
def astype(x: Array, dtype: Any) -> Array:
    """The same numbers in another format; whole ones are places, which no gradient comes through."""
    return x if np.dtype(dtype) == x.dtype else _cast(x, dtype)


@called("copy", np.copy)
def copy(x: Array) -> Array:
    """The array itself: what is written to is made anew, see `written`."""
    return x


@called("argmax")
def argmax(x: Array, axis: int, *, keepdims: bool = False) -> Array:
    """Places of the largest along an axis, which no gradient comes through."""
    return np.argmax(plain(x), axis, keepdims=keepdims)


def _flat(sizes: Sequence[Any]) -> tuple[int, ...]:
    return tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int | np.integer) else tuple(sizes)
