"""Identities of what chooses elements by their places: gathered, scattered, sorted, cumulated."""

from __future__ import annotations

from typing import Any

import numpy as np

from convcalc.battery.identities import EXACT, Arrays, Bench, Sides, identity, layer_is
from convcalc.layers import Shape
from convcalc.tensors.engine import Array


def _places(bench: Bench, config: Any, x: Shape, indices: Shape) -> Array:
    """Random indices that are legal, some of them counted from the end."""
    start = config.axes[0] % len(x)
    sizes = np.array(x[start : start + len(config.axes)])
    return np.floor(bench.generator.uniform(-1, 1, (2, *indices)) * (sizes if len(sizes) > 1 else sizes[0]))


@identity("gather", tolerance=EXACT)
def what_counts_up_is_its_own_index(bench: Bench, config: Any, x: Shape, indices: Shape) -> Sides:
    """Of a tensor that holds its places along an axis an index takes itself, counted from the beginning."""
    start, size = config.axes[0] % len(x), x[config.axes[0]]
    laid = np.arange(size, dtype=float).reshape([-1 if axis == start else 1 for axis in range(len(x))])
    index = _places(bench, config, x, indices)
    taken = bench.layer(config, {}, np.broadcast_to(laid, (2, *x)), index)
    first = (index[..., 0] if config.indices == "points" else index) % size
    before = 0 if config.indices in ("points", "elements") else start
    shape = [2, *[1] * before, *first.shape[1:]]
    lined = first.reshape(*shape, *[1] * (taken.ndim - len(shape)))
    return taken, np.broadcast_to(lined, taken.shape)


@identity("gather", tolerance=EXACT)
def all_places_in_order_are_the_tensor(bench: Bench, config: Any, x: Shape, indices: Shape) -> Sides:
    """Every place of an axis, taken in order, leaves the tensor as it is."""
    (a,) = bench.entering([x])
    axis = config.axes[0] % len(x)
    every = np.broadcast_to(np.arange(x[axis]), (2, x[axis]))
    return bench.layer(config, {}, a, every, axes=(axis,), indices="slices"), a


@identity("scatter", tolerance=EXACT)
def what_is_written_is_read(bench: Bench, config: Any, x: Shape, indices: Shape, updates: Shape) -> Sides:
    """A number written to some places is what gather reads there."""
    (a,), index = bench.entering([x]), _places(bench, config, x, indices)
    written = bench.layer(config, {}, a, index, np.full((2, *updates), 7.0), reduction="none")
    fields = {"axes": config.axes, "indices": config.indices}
    return bench.run("gather", written, index, **fields), np.full((2, *updates), 7.0)


@identity("scatter")
def added_and_taken_away(bench: Bench, config: Any, x: Shape, indices: Shape, updates: Shape) -> Sides:
    """What is added to some places and taken from them again leaves what was there."""
    a, update = bench.entering([x, updates])
    index = _places(bench, config, x, indices)
    there = bench.layer(config, {}, a, index, update, reduction="add")
    return bench.layer(config, {}, there, index, -update, reduction="add"), a


@layer_is("embedding")
def a_vector_is_a_product_with_one_hot(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """The vectors are the products of one-hot indices with the table."""
    count = config.num_embeddings
    index = np.clip(np.trunc(a), -count, count - 1)
    return bench.run("one_hot", index, num_classes=count) @ arrays["weight"]


@identity("one_hot", tolerance=EXACT)
def the_largest_is_at_the_index(bench: Bench, config: Any, x: Shape, *values: Shape) -> Sides:
    """The place of the 1 among the classes is the index."""
    index = np.floor(bench.generator.uniform(0, config.num_classes, (2, *x)))
    axis = config.axis % (len(x) + 1)
    named = bench.layer(config, {}, index)
    return bench.run("reduce", named, axes=(axis,), operation="argmax"), index


@identity("top_k", tolerance=EXACT)
def the_first_is_the_largest(bench: Bench, config: Any, x: Shape) -> Sides:
    """The first index is where the largest or the smallest element is."""
    (a,) = bench.entering([x])
    axis = config.axis % len(x)
    operation = "argmax" if config.largest else "argmin"
    first = bench.run("slice", bench.layer(config, {}, a), axis=axis, start=0, end=1, step=1)
    return first, bench.run("reduce", a, axes=(axis,), operation=operation, keepdim=True)


@identity("top_k", tolerance=EXACT)
def all_of_them_are_in_order(bench: Bench, config: Any, x: Shape) -> Sides:
    """As many as there are, gathered, are the elements in order."""
    (a,) = bench.entering([x])
    axis = config.axis % len(x)
    order = bench.layer(config, {}, a, k=x[axis])
    ordered = np.sort(a, axis + 1)
    taken = bench.run("gather", a, order, axes=(axis,), indices="elements")
    return taken, np.flip(ordered, axis + 1) if config.largest else ordered


@identity("cumulate")
def the_last_is_all_of_them(bench: Bench, config: Any, x: Shape) -> Sides:
    """The last running sum is the sum, and the last running product the product."""
    (a,) = bench.entering([x])
    axis = config.axis % len(x)
    running = bench.layer(config, {}, a, exclusive=False, reverse=False)
    last = bench.run("slice", running, axis=axis, start=x[axis] - 1, end=x[axis], step=1)
    return last, bench.run("reduce", a, axes=(axis,), operation=config.operation, keepdim=True)


@layer_is("cumulate")
def from_the_end_is_turned_round(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """From the end it is what it is from the beginning of the tensor turned round."""
    axis = config.axis % (a.ndim - 1) + 1
    return np.flip(bench.layer(config, {}, np.flip(a, axis), reverse=not config.reverse), axis)


@identity("trilu", tolerance=EXACT)
def both_sides_are_all(bench: Bench, config: Any, x: Shape, *diagonal: Shape) -> Sides:
    """What is above the diagonal, and what is below the next one, add up to the tensor."""
    (a,) = bench.entering([x])
    upper = bench.layer(config, {}, a, upper=True)
    return upper + bench.layer(config, {}, a, upper=False, diagonal=config.diagonal - 1), a


@identity("reduce")
def the_place_is_that_of_the_largest(bench: Bench, config: Any, x: Shape) -> Sides:
    """What gather takes at the place of the largest is the largest."""
    (a,), axis = bench.entering([x]), config.axes[0] % len(x)
    place = bench.layer(config, {}, a, axes=(axis,), operation="argmax", keepdim=True)
    largest = bench.layer(config, {}, a, axes=(axis,), operation="max", keepdim=True, select_last_index=False)
    return bench.run("gather", a, place, axes=(axis,), indices="elements"), largest


@identity("reduce")
def lengths_squared_are_sums_of_squares(bench: Bench, config: Any, x: Shape) -> Sides:
    """The square of l2 is sum_square."""
    (a,) = bench.entering([x])
    length = bench.layer(config, {}, a, operation="l2", select_last_index=False)
    return length * length, bench.layer(config, {}, a, operation="sum_square")


@identity("reduce")
def logarithms_of_sums(bench: Bench, config: Any, x: Shape) -> Sides:
    """log_sum of exponentials is log_sum_exp, and l1 of them their sum."""
    (a,) = bench.entering([x])
    powers = np.exp(a)
    left = bench.layer(config, {}, powers, operation="log_sum"), bench.layer(config, {}, powers, operation="l1")
    right = bench.layer(config, {}, a, operation="log_sum_exp"), bench.layer(config, {}, powers, operation="sum")
    return np.stack(left), np.stack(right)
