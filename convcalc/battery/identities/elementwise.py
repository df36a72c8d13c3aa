"""Identities of the functions of elements: what undoes each, and what it is at -x or of operands turned round."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from convcalc.battery.identities import Bench, Sides, identity
from convcalc.layers import Shape
from convcalc.tensors.engine import Array

Function = Callable[..., Array]

LEAST = 0.1
"""How far from where a function has no value."""

ODD = "asin asinh atan atanh erf round sign sin sinh tan"
EVEN = "abs cos cosh isinf isnan logical_not"
TURNED = "equal logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor"

CLAIMS: dict[str, tuple[str, Callable[..., Sides]]] = {
    "abs": ("abs(x) = relu(x) + relu(-x)", lambda f, y, x: (y(x), f.relu(x) + f.relu(-x))),
    "acos": ("acos(x) + asin(x) = π / 2", lambda f, y, x: (y(inner(x)) + f.asin(inner(x)), 0 * x + math.pi / 2)),
    "acosh": ("cosh(acosh(x)) = x", lambda f, y, x: (f.cosh(y(1 + x * x)), 1 + x * x)),
    "asin": ("sin(asin(x)) = x", lambda f, y, x: (f.sin(y(inner(x))), inner(x))),
    "asinh": ("sinh(asinh(x)) = x", lambda f, y, x: (f.sinh(y(x)), x)),
    "atan": ("tan(atan(x)) = x", lambda f, y, x: (f.tan(y(x)), x)),
    "atanh": ("tanh(atanh(x)) = x", lambda f, y, x: (f.tanh(y(inner(x))), inner(x))),
    "bitwise_not": ("bitwise_not(x) = -1 - x", lambda f, y, x: (y(whole(x)), -1 - whole(x))),
    "ceil": ("ceil(x) = -floor(-x)", lambda f, y, x: (y(x), -f.floor(-x))),
    "cos": ("cos(x) = sin(x + π / 2)", lambda f, y, x: (y(x), f.sin(x + math.pi / 2))),
    "cosh": ("2·cosh(x) = exp(x) + exp(-x)", lambda f, y, x: (2 * y(x), f.exp(x) + f.exp(-x))),
    "erf": ("x·(1 + erf(x)) = √2·gelu(√2·x)", lambda f, y, x: (x * (1 + y(x)), 2**0.5 * f.gelu(2**0.5 * x))),
    "exp": ("exp(x) = sigmoid(x) / sigmoid(-x)", lambda f, y, x: (y(x), f.sigmoid(x) / f.sigmoid(-x))),
    "floor": ("floor(x) is x less its remainder by 1", lambda f, y, x: (y(x), x - f.remainder(x, 0 * x + 1))),
    "isinf": ("what is divided by zero is infinite", lambda f, y, x: (y(infinite(x)), f.greater(x, 0 * x))),
    "isnan": ("an infinity less itself is no number", lambda f, y, x: (y(unlike(x)), f.greater(x, 0 * x))),
    "log": ("log(exp(x)) = x", lambda f, y, x: (y(f.exp(x)), x)),
    "logical_not": ("no number is 0 but 0", lambda f, y, x: (y(f.relu(x)), f.less_equal(x, 0 * x))),
    "round": (
        "of whole numbers and a little the whole is left",
        lambda f, y, x: (y(whole(x) + inner(x) / 3), whole(x)),
    ),
    "sign": ("sign(x)·abs(x) = x", lambda f, y, x: (y(x) * f.abs(x), x)),
    "sin": ("sin(2·x) = 2·sin(x)·cos(x)", lambda f, y, x: (y(2 * x), 2 * y(x) * f.cos(x))),
    "sinh": ("2·sinh(x) = exp(x) - exp(-x)", lambda f, y, x: (2 * y(x), f.exp(x) - f.exp(-x))),
    "sqrt": ("sqrt(x·x) = abs(x)", lambda f, y, x: (y(x * x), abs(x))),
    "tan": ("tan(x)·cos(x) = sin(x)", lambda f, y, x: (y(x) * f.cos(x), f.sin(x))),
    "equal": ("equal is neither less nor greater", lambda f, y, a, b: (y(a, b), 1 - f.less(a, b) - f.greater(a, b))),
    "greater": ("greater(a, b) = less(b, a)", lambda f, y, a, b: (y(a, b), f.less(b, a))),
    "greater_equal": ("greater_equal is not less", lambda f, y, a, b: (y(a, b), 1 - f.less(a, b))),
    "less": ("less(a, b) = greater(b - a, 0)", lambda f, y, a, b: (y(a, b), f.greater(b - a, 0 * (b - a)))),
    "less_equal": ("less_equal is not greater", lambda f, y, a, b: (y(a, b), 1 - f.greater(a, b))),
    "logical_and": (
        "truth in both is a product",
        lambda f, y, a, b: (y(a, b), f.abs(f.sign(a) * f.sign(b))),
    ),
    "logical_or": (
        "not (a or b) = not a and not b",
        lambda f, y, a, b: (1 - y(a, b), f.logical_and(f.logical_not(a), f.logical_not(b))),
    ),
    "logical_xor": (
        "what is true in one alone is true in one and not in both",
        lambda f, y, a, b: (y(a, b), f.logical_or(a, b) - f.logical_and(a, b)),
    ),
    "bitwise_and": (
        "bits of both count twice in a sum",
        lambda f, y, a, b: (y(a, b) + f.bitwise_or(a, b), a + b),
    ),
    "bitwise_or": (
        "not (a or b) = not a and not b, bit by bit",
        lambda f, y, a, b: (-1 - y(a, b), f.bitwise_and(-1 - a, -1 - b)),
    ),
    "bitwise_xor": (
        "bits of one alone are those of one less those of both",
        lambda f, y, a, b: (y(a, b), f.bitwise_or(a, b) - f.bitwise_and(a, b)),
    ),
    "bitwise_left_shift": (
        "a shift to the right undoes one to the left",
        lambda f, y, a, b: (f.bitwise_right_shift(y(a, abs(b)), abs(b)), a + 0 * b),
    ),
    "bitwise_right_shift": (
        "a shift to the left brings back all but what was shifted out",
        lambda f, y, a, b: (
            f.bitwise_left_shift(y(a, abs(b)), abs(b)) + f.remainder(a, f.bitwise_left_shift(1 + 0 * b, abs(b))),
            a + 0 * b,
        ),
    ),
    "fmod": (
        "fmod has the sign of the first, remainder that of the second",
        lambda f, y, a, b: (y(a, apart(b)), f.sign(a) * f.remainder(f.abs(a), f.abs(apart(b)))),
    ),
    "remainder": (
        "a remainder is what whole multiples leave",
        lambda f, y, a, b: (y(a, apart(b)), a - apart(b) * f.floor(a / apart(b))),
    ),
    "pow": ("a power of exp(a) is exp(a·b)", lambda f, y, a, b: (y(f.exp(a), b), f.exp(a * b))),
    "prelu": ("prelu(a, b) = relu(a) - b·relu(-a)", lambda f, y, a, b: (y(a, b), f.relu(a) - b * f.relu(-a))),
    "where": (
        "where chooses the one or the other",
        lambda f, y, a, b, c: (y(f.greater(a, 0 * a), b, c), f.greater(a, 0 * a) * (b - c) + c),
    ),
}
"""Of each operation what it says, and its two sides.

`f` has the operations and the activations by name; `y` is the layer itself. What works on bits is given whole numbers.
"""


def inner(x: Array) -> Array:
    """Numbers between -1 and 1."""
    return x / (LEAST + 1 + np.abs(x))


def whole(x: Array) -> Array:
    """Whole numbers."""
    return np.round(4 * x)


def apart(x: Array) -> Array:
    """Numbers of the same sign that are not near 0."""
    return x + np.copysign(LEAST, x)


def infinite(x: Array) -> Array:
    """Infinities where x is above 0."""
    return np.where(x > 0, np.inf, x)


def unlike(x: Array) -> Array:
    """No numbers where x is above 0."""
    return infinite(x) - infinite(x)


def _functions(bench: Bench) -> Any:
    """The operations and some activations by name."""

    def operation(name: str) -> Function:
        return lambda *x: bench.run("elementwise", *x, operation=name)

    activations = {name: lambda x, name=name: bench.run(name, x) for name in ("gelu", "relu", "sigmoid", "tanh")}
    return SimpleNamespace(**{name: operation(name) for name in CLAIMS}, **activations)


def _entering(bench: Bench, operation: str, shapes: Sequence[Shape]) -> list[Array]:
    """Tensors of as many axes each, which NumPy then repeats as the layer does."""
    inputs = bench.engine.aligned(*bench.entering(shapes))
    return [whole(x) for x in inputs] if operation.startswith(("bitwise", "logical", "equal")) else inputs


def _register(operation: str, claim: str, sides: Callable[..., Sides]) -> None:
    def compare(bench: Bench, config: Any, *shapes: Shape) -> Sides:
        if config.operation != operation:
            return None
        own = lambda *x: bench.layer(config, {}, *x)  # noqa: E731  # as the others are
        left_right = sides(_functions(bench), own, *_entering(bench, operation, shapes))
        return None if left_right is None else tuple(np.broadcast_arrays(*left_right))  # type: ignore[return-value]  # two of them

    compare.__name__ = compare.__doc__ = claim
    identity("elementwise")(compare)


for _operation, _claim in CLAIMS.items():
    _register(_operation, *_claim)


@identity("elementwise")
def what_turns_over_or_does_not(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """Of -x an odd function is the opposite, and an even one the same."""
    (x, *_), sign = bench.entering(shapes), 1 if config.operation in EVEN.split() else -1
    if sign < 0 and config.operation not in ODD.split():
        return None
    return bench.layer(config, {}, inner(x)), sign * bench.layer(config, {}, -inner(x))


@identity("elementwise")
def what_may_be_turned_round(bench: Bench, config: Any, *shapes: Shape) -> Sides:
    """What is equal, and what is true or set in both, in either or in one alone, is so the other way round."""
    if config.operation not in TURNED.split():
        return None
    first, second = _entering(bench, config.operation, shapes)
    return bench.layer(config, {}, first, second), bench.layer(config, {}, second, first)
