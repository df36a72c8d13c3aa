"""Identities of layers that only move elements, and of those that merge tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from convcalc.battery.identities import EXACT, Arrays, Bench, Sides, identity, layer_is
from convcalc.layers import Shape
from convcalc.tensors.engine import Array


@layer_is("identity", "dropout", tolerance=EXACT)
def nothing_happens(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """At inference the input leaves as it is."""
    return a


@identity("flatten", "reshape", tolerance=EXACT)
def the_order_stays(bench: Bench, config: Any, x: Shape) -> Sides:
    """The elements are laid out in another shape, in the order they are in."""
    (a,) = bench.entering([x])
    return bench.layer(config, {}, a).reshape(2, -1), a.reshape(2, -1)


@layer_is("flatten", tolerance=EXACT)
def flattening_is_reshaping(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """Flatten is a reshape to the shape that leaves."""
    return bench.run("reshape", a, sizes=config.shape(a.shape[1:]))


@identity("permute", tolerance=EXACT)
def axes_go_back(bench: Bench, config: Any, x: Shape) -> Sides:
    """Permuted by the inverse order, the axes are where they were."""
    (a,), order = bench.entering([x]), [axis % len(x) for axis in config.axes]
    return bench.run("permute", bench.layer(config, {}, a), axes=tuple(map(int, np.argsort(order)))), a


@identity("permute", tolerance=EXACT)
def an_axis_takes_its_positions_along(bench: Bench, config: Any, x: Shape) -> Sides:
    """What varies along one axis alone varies along where that axis went."""
    place = int(bench.generator.integers(len(x)))
    order = [axis % len(x) for axis in config.axes]
    values = bench.random(x[order[place]])
    before = values.reshape([size if axis == order[place] else 1 for axis, size in enumerate(x)])
    after = values.reshape([-1 if axis == place else 1 for axis in range(len(x))])
    left = bench.layer(config, {}, np.broadcast_to(before, (1, *x)))
    return left, np.broadcast_to(after, (1, *config.shape(x)))


@identity("crop", tolerance=EXACT)
def cropping_undoes_padding(bench: Bench, config: Any, x: Shape) -> Sides:
    """Padded by what is cut off, and cropped, a map is as it was."""
    crops = config.crops(x)
    smaller = bench.random(2, *config.shape(x))
    return bench.layer(config, {}, bench.run("pad", smaller, padding=crops)), smaller


@identity("pad", tolerance=EXACT)
def cropping_the_padding(bench: Bench, config: Any, x: Shape) -> Sides:
    """Cropped by its padding, a map is as it was."""
    (a,) = bench.entering([x])
    return bench.run("crop", bench.layer(config, {}, a), cropping=config.padding), a


@layer_is("pad", tolerance=EXACT)
def padding_one_axis_after_the_other(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """Padding all axes is padding each in turn."""
    y = a
    for axis, pair in enumerate(config.padding):
        y = bench.layer(config, {}, y, padding=tuple(pair if place == axis else (0, 0) for place in range(a.ndim - 2)))
    return y


@layer_is("slice", tolerance=EXACT)
def every_step_th_place(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """A slice takes its places one by one."""
    start, end = config.ends(a.shape[1:])
    places = [place for place in range(start, end) if (place - start) % config.step == 0]
    return a.take(places, axis=config.axis % (a.ndim - 1) + 1)


@identity("split", tolerance=EXACT)
def the_parts_make_the_whole(bench: Bench, config: Any, x: Shape) -> Sides:
    """All parts laid end to end are the input."""
    (a,) = bench.entering([x])
    parts = [bench.layer(config, {}, a, part=part) for part in range(config.sections)]
    return (bench.run("concat", *parts, axis=config.axis) if len(parts) > 1 else parts[0]), a


@layer_is("split", tolerance=EXACT)
def a_part_is_a_slice(bench: Bench, config: Any, arrays: Arrays, a: Array) -> Array:
    """A part is the slice of as many places as a section has."""
    size = a.shape[1:][config.axis] // config.sections
    start = config.part * size
    return bench.run("slice", a, axis=config.axis, start=start, end=start + size, step=1)


@identity("concat", tolerance=EXACT)
def slices_take_the_parts_back(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """Slices of what is laid end to end are the tensors that went in."""
    arrays = bench.entering(shapes)
    joined, ends = bench.layer(config, {}, *arrays), np.cumsum([shape[config.axis] for shape in shapes])
    chosen = int(bench.generator.integers(len(shapes)))
    start, end = int(ends[chosen]) - shapes[chosen][config.axis], int(ends[chosen])
    return bench.run("slice", joined, axis=config.axis, start=start, end=end, step=1), arrays[chosen]


@layer_is("add", "mul")
def the_order_of_tensors_does_not_matter(bench: Bench, config: Any, arrays: Arrays, *inputs: Array) -> Array:
    """The tensors in another order yield the same."""
    return bench.layer(config, {}, *reversed(inputs))


@identity("add", "mul")
def products_of_sums(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """A product with a sum is the sum of the products."""
    a, b = (bench.random(2, *shape) for shape in shapes[:2])
    c = bench.random(2, *shapes[0])
    together = bench.run("mul", bench.run("add", a, b), c)
    return together, bench.run("add", bench.run("mul", a, c), bench.run("mul", b, c))


@identity("add", "mul", tolerance=EXACT)
def what_changes_nothing(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """A sum with zeros is the tensor, and so is a product with ones."""
    (a,) = bench.entering(shapes[:1])
    neutral = np.ones_like(a) if "Mul" in type(config).__name__ else np.zeros_like(a)
    return bench.layer(config, {}, neutral, a, neutral), a


@layer_is("add", "mul", tolerance=EXACT)
def small_tensors_are_repeated(bench: Bench, config: Any, arrays: Arrays, *inputs: Array) -> Array:
    """A tensor of size 1 on an axis, or without it, counts as repeated along it."""
    largest = (2, *config.shape(*(a.shape[1:] for a in inputs)))
    longer = [a.reshape(*a.shape, *(1,) * (len(largest) - a.ndim)) for a in inputs]
    return bench.layer(config, {}, *(np.array(np.broadcast_to(a, largest)) for a in longer))
