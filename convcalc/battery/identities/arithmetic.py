"""Identities of the small arithmetic of exported graphs: matrices, differences, quotients, sums along axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from convcalc.battery.identities import Bench, Sides, identity
from convcalc.layers import Shape


@identity("affine")
def twice_is_once(bench: Bench, config: Any, x: Shape) -> Sides:
    """A factor and an addend, applied twice, are one factor and one addend."""
    (a,) = bench.entering([x])
    once, (factor, addend) = bench.layer(config, {}, a), (config.factor, config.addend)
    together = bench.layer(config, {}, a, factor=factor * factor, addend=factor * addend + addend)
    return bench.layer(config, {}, once), together


@identity("sub")
def a_difference_undoes_a_sum(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """What is taken away and added again leaves what was there."""
    first, second = bench.entering(list(shapes))
    return bench.run("add", bench.layer(config, {}, first, second), second), bench.run(
        "add", first, np.zeros_like(second)
    )


@identity("div")
def a_quotient_undoes_a_product(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """What is divided by and multiplied with again leaves what was there."""
    first, second = bench.entering(list(shapes))
    second = 1 + np.abs(second)
    return bench.run("mul", bench.layer(config, {}, first, second), second), bench.run(
        "add", first, np.zeros_like(second)
    )


@identity("max", "min")
def the_other_is_turned_over(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """The largest of the negated tensors is the least of the tensors, negated."""
    inputs = bench.entering(list(shapes))
    return bench.run("max", *(-a for a in inputs)), -bench.run("min", *inputs)


@identity("max", "min")
def the_largest_and_the_least_are_both(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """The larger and the smaller of two tensors add up to both."""
    first, second = bench.entering(list(shapes))[:2]
    return bench.run("add", bench.run("max", first, second), bench.run("min", first, second)), bench.run(
        "add", first, second
    )


@identity("matmul")
def products_turn_round(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """The product of two matrices turned over is the product of both, turned over, in the other order."""
    first, second = bench.entering(list(shapes))
    turned = bench.layer(config, {}, second.swapaxes(-1, -2), first.swapaxes(-1, -2))
    return bench.layer(config, {}, first, second).swapaxes(-1, -2), turned


@identity("l2_norm")
def channels_have_length_one(bench: Bench, config: Any, x: Shape) -> Sides:
    """The squares of the channels of a position add up to 1, but for eps."""
    (a,) = bench.entering([x])
    squares = (a * a).sum(1)
    return (bench.layer(config, {}, a) ** 2).sum(1), squares / (squares + config.eps)


@identity("reduce")
def least_is_the_largest_turned_over(bench: Bench, config: Any, x: Shape) -> Sides:
    """The largest of the negated elements is the least of the elements, negated."""
    (a,) = bench.entering([x])
    return bench.layer(config, {}, -a, operation="max"), -bench.layer(config, {}, a, operation="min")


@identity("reduce")
def a_mean_is_a_sum_shared_out(bench: Bench, config: Any, x: Shape) -> Sides:
    """The mean times the number of elements is their sum."""
    (a,) = bench.entering([x])
    mean, total = (bench.layer(config, {}, a, operation=name) for name in ("mean", "sum"))
    return mean * (a.size / mean.size), total


@identity("parameter")
def it_does_not_depend_on_what_enters(bench: Bench, config: Any, x: Shape) -> Sides:
    """The tensor that leaves is the same whatever enters."""
    arrays = bench.arrays(config, [x])
    (a,) = bench.entering([x])
    return bench.layer(config, arrays, a), bench.layer(config, arrays, np.zeros_like(a))


@identity("opaque")
def it_stands_for_a_sum(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """Standing for a sum of all that enters, it doubles with its inputs."""
    inputs = bench.entering(list(shapes))
    return bench.layer(config, {}, *(2 * a for a in inputs)), 2 * bench.layer(config, {}, *inputs)
