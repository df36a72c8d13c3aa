"""Identities: two ways to the same tensor, run through the kinds' references, that must come out equal.

Each is a function of a generated configuration, found by being in a file of this folder, or one that the file of a kind
brings along (`Kind.identities`). It returns what the two ways yield, or None where it says nothing of that
configuration. Its first line is what it claims.

All runs in float64, on values of order 1. Where both ways move values, or do the same operations on them in the same
order, they are equal bit for bit: tolerance EXACT. Where sums are taken in another order, or a function is reached by
another formula, REORDERED holds: a sum of n terms is off by at most n·2^-53 of the sum of their sizes. In generated
configurations n is below 1,000 and a few such sums follow each other, which makes 10^-12 of the largest value; ten
times that is allowed. What these must find, a wrong tap or a wrong scale, is off by a share of 1.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np

from convcalc import layers
from convcalc.layers import Kind, Shape
from convcalc.network import Network
from convcalc.reference.execution import execute, written
from convcalc.reference.weights import drawn
from convcalc.tensors.engine import Array, Engine

EXACT = 0.0
REORDERED = 1e-11


class Bench:
    """Where the two ways are run: an engine, and random arrays that depend on a seed alone."""

    def __init__(self, seed: int) -> None:
        self.engine = Engine()
        self.generator = np.random.default_rng(seed)

    def random(self, *shape: int) -> Array:
        """An array of standard normal values."""
        return self.generator.standard_normal(shape)

    def entering(self, shapes: Sequence[Shape]) -> list[Array]:
        """A random array for each shape, a batch of two."""
        return [self.random(2, *shape) for shape in shapes]

    def arrays(self, config: Kind, shapes: Sequence[Shape]) -> dict[str, Array]:
        """Random arrays for a layer, as many and as large as it claims."""
        dtype: Any = np.dtype("float64")
        return {name: drawn(self.generator, name, shape, dtype) for name, shape in config.arrays(*shapes).items()}

    def layer(self, config: Kind, arrays: Mapping[str, Array], *inputs: Array, **changed: Any) -> Array:
        """What a layer makes of its inputs, with some of its fields changed."""
        fields = SimpleNamespace(**{**vars(written(config)), **changed})
        return type(config).reference(self.engine, fields, arrays, *inputs)

    def run(self, kind: str, *inputs: Array, arrays: Mapping[str, Array] | None = None, **fields: Any) -> Array:
        """What a layer of that kind makes of its inputs; fields that are not told are as they would be unwritten."""
        of = layers.kind_of(kind)
        unwritten = layers.defaults_on(of, inputs[0].ndim - 2)
        return of.reference(self.engine, SimpleNamespace(**{**unwritten, **fields}), arrays or {}, *inputs)

    def network(self, network: Network, inputs: Mapping[str, Array], weights: Given) -> Array:
        """The output of a network that has one."""
        (last,) = network.outputs
        step = next(
            step for step in execute(network, inputs, weights, self.engine) if step.place == last or step.problem
        )
        if step.output is None:
            raise ValueError(f"{network.nodes[step.place].name}: {step.problem}")
        return step.output

    def given(self, network: Network) -> Given:
        """Random arrays for all layers of a network."""
        return Given(
            network, {node.name: self.arrays(node.config, network.shapes_into(node)) for node in network.layers}
        )


class Given:
    """Arrays for the layers of a network, by their names."""

    def __init__(self, network: Network, arrays: dict[str, dict[str, Array]]) -> None:
        self.network = network
        self.arrays = arrays

    def of(self, index: int, inputs: Sequence[Array] = ()) -> Mapping[str, Array]:
        """The arrays of a node by name; see `Weights`."""
        return self.arrays[self.network.nodes[index].name]

    def done(self, index: int) -> None:
        """Keep the arrays: the other way needs them too."""

    def inner(self, name: str) -> dict[str, Array]:
        """The arrays of the layer whose full name it is, or ends so."""
        return next(arrays for full, arrays in self.arrays.items() if name in (full, full.rpartition(".")[2]))

    def silence(self, name: str, *arrays: str) -> None:
        """Put zeros into these arrays of a layer, or all of them; it need not have them."""
        inner = self.inner(name)
        inner |= {array: np.zeros_like(inner[array]) for array in inner if array in (arrays or inner)}


Sides = tuple[Array, Array] | None
Compare = Callable[..., Sides]
Way = Callable[..., Array | None]
Arrays = Mapping[str, Array]


class Equation(msgspec.Struct, frozen=True):
    """`compare` gets a bench and, for a kind, a configuration and the shapes that enter; for a block a network."""

    name: str
    claim: str
    subjects: tuple[str, ...]
    tolerance: float
    compare: Compare


_REGISTERED: list[Equation] = []


def identity(*subjects: str, tolerance: float = REORDERED) -> Callable[[Compare], Compare]:
    """Register a function as an identity of kinds or blocks."""

    def register(compare: Compare) -> Compare:
        _REGISTERED.append(_equation(compare, subjects, tolerance))
        return compare

    return register


def _equation(compare: Compare, subjects: tuple[str, ...], tolerance: float) -> Equation:
    claim = (compare.__doc__ or "").strip().partition("\n")[0].rstrip(".")
    return Equation(getattr(compare, "__name__", ""), claim, subjects, tolerance, compare)


def layer_is(*kinds: str, tolerance: float = REORDERED) -> Callable[[Way], Way]:
    """Register a function as another way to what a layer of these kinds makes of random inputs.

    It gets a bench, the configuration, the arrays of the layer and what enters; it may return None as identities do.
    """

    def register(way: Way) -> Way:
        @wraps(way)
        def compare(bench: Bench, config: Kind, *shapes: Shape) -> Sides:
            inputs, arrays = bench.entering(shapes), bench.arrays(config, shapes)
            left, right = bench.layer(config, arrays, *inputs), way(bench, config, arrays, *inputs)
            return None if right is None else (left, right)

        identity(*kinds, tolerance=tolerance)(compare)
        return way

    return register


@cache
def identities() -> dict[str, tuple[Equation, ...]]:
    """Those that are about each kind and each block."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        importlib.import_module(f"{__name__}.{module.name}")
    kinds = {name: kind for name in layers.names() if (kind := layers.load(name)) is not None}
    brought = [_equation(compare, (name,), REORDERED) for name, kind in kinds.items() for compare in kind.identities]
    equations = [*_REGISTERED, *brought]
    subjects = sorted({subject for equation in equations for subject in equation.subjects})
    return {subject: tuple(equation for equation in equations if subject in equation.subjects) for subject in subjects}


def disagreement(equation: Equation, seed: int, *subject: Any) -> str | None:
    """What is wrong with an identity on one configuration: empty, nothing; None: it says nothing of it."""
    with np.errstate(all="ignore"):
        sides = equation.compare(Bench(seed), *subject)
    if sides is None:
        return None
    left, right = (np.asarray(side, np.float64) for side in sides)
    if left.shape != right.shape:
        return f"{equation.claim}: shapes {_sizes(left.shape)} and {_sizes(right.shape)}"
    largest = max(1.0, *(float(np.abs(side).max(initial=0.0)) for side in (left, right)))
    off = float(np.abs(left - right).max(initial=0.0))
    if off <= equation.tolerance * largest:  # so that NaN is a disagreement
        return ""
    return f"{equation.claim}: off by {off:.3g} of {largest:.3g}, allowed {equation.tolerance * largest:.1g}"


def _sizes(shape: Shape) -> str:
    return "x".join(map(str, shape))
