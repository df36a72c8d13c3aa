"""Identities of the activations: what each is at -x, and by another."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from convcalc.battery.identities import Bench, Sides, identity
from convcalc.layers import Shape
from convcalc.tensors.engine import Array

Both = tuple[Array, Array]
Run = Callable[..., Array]

CLAIMS: dict[str, tuple[tuple[str, ...], Callable[[Run, Any, Array], Both]]] = {
    "relu(x) - relu(-x) = x": (("relu",), lambda run, c, x: (run("relu", x) - run("relu", -x), x)),
    "relu6 is hard_tanh from 0 to 6": (
        ("relu6", "hard_tanh"),
        lambda run, c, x: (run("relu6", 4 * x), run("hard_tanh", 4 * x, min_val=0.0, max_val=6.0)),
    ),
    "hard_tanh is made of two relus": (
        ("hard_tanh",),
        lambda run, c, x: (
            run("hard_tanh", x, min_val=c.min_val, max_val=c.max_val),
            c.min_val + run("relu", x - c.min_val) - run("relu", x - c.max_val),
        ),
    ),
    "relu6(x) = relu(x) - relu(x - 6)": (
        ("relu6",),
        lambda run, c, x: (run("relu6", 4 * x), run("relu", 4 * x) - run("relu", 4 * x - 6)),
    ),
    "sigmoid(x) + sigmoid(-x) = 1": (
        ("sigmoid",),
        lambda run, c, x: (run("sigmoid", x) + run("sigmoid", -x), np.ones_like(x)),
    ),
    "tanh(x) = 2·sigmoid(2·x) - 1": (
        ("tanh", "sigmoid"),
        lambda run, c, x: (run("tanh", x), 2 * run("sigmoid", 2 * x) - 1),
    ),
    "silu(x) = x·sigmoid(x)": (("silu",), lambda run, c, x: (run("silu", x), x * run("sigmoid", x))),
    "hard_sigmoid(x) = relu6(x + 3) / 6": (
        ("hard_sigmoid",),
        lambda run, c, x: (run("hard_sigmoid", 3 * x), run("relu6", 3 * x + 3) / 6),
    ),
    "hard_swish(x) = x·hard_sigmoid(x)": (
        ("hard_swish",),
        lambda run, c, x: (run("hard_swish", 3 * x), 3 * x * run("hard_sigmoid", 3 * x)),
    ),
    "log_sigmoid(x) - log_sigmoid(-x) = x": (
        ("log_sigmoid",),
        lambda run, c, x: (run("log_sigmoid", x) - run("log_sigmoid", -x), x),
    ),
    "exp(log_sigmoid(x)) = sigmoid(x)": (
        ("log_sigmoid",),
        lambda run, c, x: (np.exp(run("log_sigmoid", x)), run("sigmoid", x)),
    ),
    "softplus(x) - softplus(-x) = x": (
        ("softplus",),
        lambda run, c, x: (_softplus(run, c, x) - _softplus(run, c, -x), x),
    ),
    "softplus(x) = -log_sigmoid(-beta·x) / beta": (
        ("softplus",),
        lambda run, c, x: (_softplus(run, c, x), -run("log_sigmoid", -c.beta * x) / c.beta),
    ),
    "softplus is x itself above its threshold": (
        ("softplus",),
        lambda run, c, x: (run("softplus", abs(x) + c.threshold / c.beta, **_fields(c)), abs(x) + c.threshold / c.beta),
    ),
    "mish(x) = x·tanh(softplus(x))": (
        ("mish",),
        lambda run, c, x: (run("mish", x), x * run("tanh", run("softplus", x))),
    ),
    "softsign(x)·(1 + abs(x)) = x": (("softsign",), lambda run, c, x: (run("softsign", x) * (1 + abs(x)), x)),
    "leaky_relu(x) = relu(x) - slope·relu(-x)": (
        ("leaky_relu",),
        lambda run, c, x: (
            run("leaky_relu", x, negative_slope=c.negative_slope),
            run("relu", x) - c.negative_slope * run("relu", -x),
        ),
    ),
    "elu(x) is x above zero and alpha·(exp(x) - 1) below": (
        ("elu",),
        lambda run, c, x: (
            run("elu", x, alpha=c.alpha),
            run("relu", x) + c.alpha * np.expm1(-run("relu", -x)),
        ),
    ),
    "celu(x) = alpha·elu(x / alpha)": (
        ("celu",),
        lambda run, c, x: (run("celu", x, alpha=c.alpha), c.alpha * run("elu", x / c.alpha)),
    ),
    "selu is elu with fixed numbers": (
        ("selu",),
        lambda run, c, x: (run("selu", x), 1.0507009873554805 * run("elu", x, alpha=1.6732632423543772)),
    ),
    "gelu(x) - gelu(-x) = x": (
        ("gelu",),
        lambda run, c, x: (run("gelu", x, approximate=c.approximate) - run("gelu", -x, approximate=c.approximate), x),
    ),
    "gelu is x times the normal distribution, or its tanh": (
        ("gelu",),
        lambda run, c, x: (run("gelu", x, approximate=c.approximate), x * _normal(x, c.approximate == "tanh")),
    ),
    "abs(x) = relu(x) + relu(-x)": (("abs",), lambda run, c, x: (run("abs", x), run("relu", x) + run("relu", -x))),
    "exp(x) = sigmoid(x) / sigmoid(-x)": (
        ("exp",),
        lambda run, c, x: (run("exp", x), run("sigmoid", x) / run("sigmoid", -x)),
    ),
    "log(exp(x)) = x": (("exp", "log"), lambda run, c, x: (run("log", run("exp", x)), x)),
    "sqrt(x·x) = abs(x)": (("sqrt",), lambda run, c, x: (run("sqrt", x * x), run("abs", x))),
    "a power of exp(x) is exp(exponent·x)": (
        ("pow",),
        lambda run, c, x: (run("pow", run("exp", x), exponent=c.exponent), run("exp", c.exponent * x)),
    ),
    "tanh(x) = -tanh(-x)": (("tanh",), lambda run, c, x: (run("tanh", x), -run("tanh", -x))),
}
"""What each says, the kinds it is about, and its two sides."""


def _fields(config: Any) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__struct_fields__}


def _softplus(run: Run, config: Any, x: Array) -> Array:
    """Without the threshold, above which it is cut short."""
    return run("softplus", x, beta=config.beta, threshold=1000.0)


def _normal(x: Array, with_tanh: bool) -> Array:
    """The normal distribution's share below x."""
    if with_tanh:
        return (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    return (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def _register(claim: str, kinds: tuple[str, ...], sides: Callable[[Run, Any, Array], Both]) -> None:
    def compare(bench: Bench, config: Any, x: Shape) -> Sides:
        return sides(bench.run, config, bench.random(2, *x))

    compare.__name__ = compare.__doc__ = claim
    identity(*kinds)(compare)


for _claim, (_kinds, _sides) in CLAIMS.items():
    _register(_claim, _kinds, _sides)


@identity("prelu")
def prelu_is_leaky_a_channel(bench: Bench, config: Any, x: Shape) -> Sides:
    """prelu(x) = relu(x) - slope·relu(-x), each channel with its slope."""
    (a,), slopes = bench.entering([x]), bench.random(config.num_parameters)
    along = slopes.reshape(-1, *(1,) * (len(x) - 1))
    return bench.layer(config, {"weight": slopes}, a), bench.run("relu", a) - along * bench.run("relu", -a)


@identity("softmax", "log_softmax")
def shares_add_up_to_one(bench: Bench, config: Any, x: Shape) -> Sides:
    """The shares along the axis add up to 1."""
    (a,), axis = bench.entering([x]), config.axis % len(x) + 1
    softened = bench.layer(config, {}, a)
    shares = np.exp(softened) if "Log" in type(config).__name__ else softened
    return shares.sum(axis=axis), np.ones((2, *x))[:, 0] if axis == 1 else np.ones((2, *x)).take(0, axis)


@identity("softmax", "log_softmax")
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
