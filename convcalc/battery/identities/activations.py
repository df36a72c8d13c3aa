"""Identities of the activations: what each is at -x, and by another."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from convcalc.battery.identities import Bench, Sides, identity
from convcalc.layers import Shape
from convcalc.tensors.engine import Array

Function = Callable[..., Array]
Claim = tuple[str, str, Callable[[Any, Function, Any, Array], Sides]]

CLAIMS: list[Claim] = [
    ("relu(x) - relu(-x) = x", "relu", lambda f, y, c, x: (y(x) - y(-x), x)),
    (
        "relu6 is hard_tanh from 0 to 6",
        "relu6 hard_tanh",
        lambda f, y, c, x: (f.relu6(4 * x), f.hard_tanh(4 * x, min_val=0.0, max_val=6.0)),
    ),
    (
        "hard_tanh is made of two relus",
        "hard_tanh",
        lambda f, y, c, x: (y(x), c.min_val + f.relu(x - c.min_val) - f.relu(x - c.max_val)),
    ),
    (
        "relu6(x) = relu(x) - relu(x - 6)",
        "relu6",
        lambda f, y, c, x: (y(4 * x), f.relu(4 * x) - f.relu(4 * x - 6)),
    ),
    ("sigmoid(x) + sigmoid(-x) = 1", "sigmoid", lambda f, y, c, x: (y(x) + y(-x), np.ones_like(x))),
    ("tanh(x) = 2·sigmoid(2·x) - 1", "tanh sigmoid", lambda f, y, c, x: (f.tanh(x), 2 * f.sigmoid(2 * x) - 1)),
    ("silu(x) = x·sigmoid(x)", "silu", lambda f, y, c, x: (y(x), x * f.sigmoid(x))),
    ("hard_sigmoid(x) = relu6(x + 3) / 6", "hard_sigmoid", lambda f, y, c, x: (y(3 * x), f.relu6(3 * x + 3) / 6)),
    ("hard_swish(x) = x·hard_sigmoid(x)", "hard_swish", lambda f, y, c, x: (y(3 * x), 3 * x * f.hard_sigmoid(3 * x))),
    ("log_sigmoid(x) - log_sigmoid(-x) = x", "log_sigmoid", lambda f, y, c, x: (y(x) - y(-x), x)),
    ("exp(log_sigmoid(x)) = sigmoid(x)", "log_sigmoid", lambda f, y, c, x: (np.exp(y(x)), f.sigmoid(x))),
    # Above its threshold softplus is cut short.
    (
        "softplus(x) - softplus(-x) = x",
        "softplus",
        lambda f, y, c, x: (y(x, threshold=1000.0) - y(-x, threshold=1000.0), x),
    ),
    (
        "softplus(x) = -log_sigmoid(-beta·x) / beta",
        "softplus",
        lambda f, y, c, x: (y(x, threshold=1000.0), -f.log_sigmoid(-c.beta * x) / c.beta),
    ),
    (
        "softplus is x itself above its threshold",
        "softplus",
        lambda f, y, c, x: (y(abs(x) + c.threshold / c.beta), abs(x) + c.threshold / c.beta),
    ),
    ("mish(x) = x·tanh(softplus(x))", "mish", lambda f, y, c, x: (y(x), x * f.tanh(f.softplus(x)))),
    ("softsign(x)·(1 + abs(x)) = x", "softsign", lambda f, y, c, x: (y(x) * (1 + abs(x)), x)),
    (
        "leaky_relu(x) = relu(x) - slope·relu(-x)",
        "leaky_relu",
        lambda f, y, c, x: (y(x), f.relu(x) - c.negative_slope * f.relu(-x)),
    ),
    (
        "elu(x) is x above zero and alpha·(exp(x) - 1) below",
        "elu",
        lambda f, y, c, x: (y(x), f.relu(x) + c.alpha * np.expm1(-f.relu(-x))),
    ),
    ("celu(x) = alpha·elu(x / alpha)", "celu", lambda f, y, c, x: (y(x), c.alpha * f.elu(x / c.alpha))),
    (
        "selu is elu with fixed numbers",
        "selu",
        lambda f, y, c, x: (y(x), 1.0507009873554805 * f.elu(x, alpha=1.6732632423543772)),
    ),
    ("gelu(x) - gelu(-x) = x", "gelu", lambda f, y, c, x: (y(x) - y(-x), x)),
    (
        "gelu is x times the normal distribution, or its tanh",
        "gelu",
        lambda f, y, c, x: (y(x), x * _normal(x, c.approximate == "tanh")),
    ),
    (
        "shrink leaves what is beyond lambd, closer to zero",
        "shrink",
        lambda f, y, c, x: (y(x), np.sign(f.relu(abs(x) - c.lambd)) * (x - np.sign(x) * c.bias)),
    ),
    (
        "threshold leaves what is above it",
        "threshold",
        lambda f, y, c, x: (y(x) - c.value, np.sign(f.relu(x - c.threshold)) * (x - c.value)),
    ),
    ("a power of exp(x) is exp(exponent·x)", "pow", lambda f, y, c, x: (y(np.exp(x)), np.exp(c.exponent * x))),
    ("tanh(x) = -tanh(-x)", "tanh", lambda f, y, c, x: (y(x), -y(-x))),
]
"""What each says, the kinds it is about, and its two sides.

`f` has each activation as its fields are unless written; `y` is the layer itself, of configuration `c`.
"""


class _Functions:
    """The activations by name."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def __getattr__(self, kind: str) -> Function:
        return partial(self._bench.run, kind)


def _normal(x: Array, with_tanh: bool) -> Array:
    """The normal distribution's share below x."""
    if with_tanh:
        return (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    return (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def _register(claim: str, kinds: str, sides: Callable[[Any, Function, Any, Array], Sides]) -> None:
    def compare(bench: Bench, config: Any, x: Shape) -> Sides:
        return sides(_Functions(bench), partial(bench.layer, config, {}), config, bench.random(2, *x))

    compare.__name__ = compare.__doc__ = claim
    identity(*kinds.split())(compare)


for _claim in CLAIMS:
    _register(*_claim)


@identity("prelu")
def prelu_is_leaky_a_channel(bench: Bench, config: Any, x: Shape) -> Sides:
    """prelu(x) = relu(x) - slope·relu(-x), each channel with its slope."""
    (a,), slopes = bench.entering([x]), bench.random(config.num_parameters)
    along = slopes.reshape(-1, *(1,) * (len(x) - 1))
    return bench.layer(config, {"weight": slopes}, a), bench.run("relu", a) - along * bench.run("relu", -a)


@identity("softmax", "log_softmax", "hardmax")
def shares_add_up_to_one(bench: Bench, config: Any, x: Shape) -> Sides:
    """The shares along the axis add up to 1."""
    (a,), axis = bench.entering([x]), config.axis % len(x) + 1
    softened = bench.layer(config, {}, a)
    shares = np.exp(softened) if "Log" in type(config).__name__ else softened
    return shares.sum(axis=axis), np.ones((2, *x))[:, 0] if axis == 1 else np.ones((2, *x)).take(0, axis)


@identity("softmax", "log_softmax", "hardmax")
def a_level_does_not_matter(bench: Bench, config: Any, x: Shape) -> Sides:
    """A number added to all changes no share."""
    (a,) = bench.entering([x])
    return bench.layer(config, {}, a), bench.layer(config, {}, a + 3.0)


@identity("softmax", "log_softmax")
def the_logarithm_of_softmax(bench: Bench, config: Any, x: Shape) -> Sides:
    """log_softmax is the logarithm of softmax."""
    (a,) = bench.entering([x])
    return np.exp(bench.run("log_softmax", a, axis=config.axis)), bench.run("softmax", a, axis=config.axis)


@identity("softmax")
def shares_are_as_exponentials(bench: Bench, config: Any, x: Shape) -> Sides:
    """A share is to another as its exponential."""
    (a,), axis = bench.entering([x]), config.axis % len(x) + 1
    shares = bench.layer(config, {}, a)
    first, last = (np.take(array, [0, -1], axis) for array in (shares, np.exp(a)))
    return first[:1] * np.flip(last, axis)[:1], np.flip(first, axis)[:1] * last[:1]


@identity("hardmax")
def the_largest_is_chosen(bench: Bench, config: Any, x: Shape) -> Sides:
    """The elements where it is 1 are the largest along the axis."""
    (a,), axis = bench.entering([x]), config.axis % len(x) + 1
    return (a * bench.layer(config, {}, a)).sum(axis), a.max(axis)
