"""Gradients of a whole network held against a difference, in float64: see `convcalc.reference.differences`."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from msgspec.structs import replace

from convcalc import steps
from convcalc.analysis.learning.wanted import ArrayKey, learned_arrays
from convcalc.network import Network
from convcalc.reference.differences import (
    FINER_STEPS,
    NO_NUMBERS,
    RUNS_AT_A_STEP,
    DirectedPoint,
    compared,
    directions,
    is_number,
    mean_size,
    unchecked,
    weighing_of,
)
from convcalc.reference.execution import FAILURES, Weights, failure, run_layer
from convcalc.reference.gradients import NetworkGradients, ancestors, gradients
from convcalc.reference.layer_gradients import random_inputs, steps_of_one_run
from convcalc.reference.verified import GradientCheck
from convcalc.reference.weights import RandomWeights, laid_out
from convcalc.tensors.duals import NotDifferentiable
from convcalc.tensors.engine import Array, Engine

_OVERFLOWN = "values overflow on the way, and what comes back there is no number"


def check_network(network: Network, seed: int, threads: int) -> GradientCheck | None:
    """Hold the gradients of all inputs and arrays of a network against the derivative along a random direction.

    What leaves is the first output of a layer. Each operand is moved by as much as its elements are large. None where
    the steps of the run do not last.
    """
    of = next((index for index in network.outputs if index >= network.input_count), None)
    if of is None:
        return unchecked("no layer gives an output")
    if not steps.afford(sum(steps_of_one_run(network, node) for node in network.layers) * (3 + RUNS_AT_A_STEP)):
        return None
    trial = _Trial(network, of, seed, threads)
    try:
        with np.errstate(all="ignore"):
            result = trial.there_and_back()
    except NotDifferentiable as error:
        return unchecked(str(error))
    except FAILURES as error:
        return replace(unchecked(""), wrong=f"could not be followed back: {failure(error)}")
    operands, arrived = trial.operands(result)
    if reason := _incomparable(trial, operands, arrived):
        return unchecked(reason)
    point = DirectedPoint(operands, trial.moved, trial.weighing, result.output, FINER_STEPS)
    scaled = (
        (what, {name: v * mean_size(operands[name]) for name, v in direction.items()})
        for what, direction in islice(directions(point, arrived, trial.generator, 0), 1)
    )
    return compared(unchecked(""), point, arrived, scaled)


class _Trial:
    """A network with random tensors and arrays, of one of its nodes; `weighing` is the gradient that starts there."""

    def __init__(self, network: Network, of: int, seed: int, threads: int) -> None:
        self.network, self.node, self.engine = network, of, Engine(threads)
        self.inputs, self.weights = random_inputs(network, seed), RandomWeights(network, seed, "float64", keep=True)
        self.generator = np.random.default_rng([seed, 1])
        self.weighing: Array = np.zeros(())
        self.keys: dict[str, ArrayKey] = {}

    def there_and_back(self) -> NetworkGradients:
        """Gradients of all inputs and arrays."""
        way = self.network, self.inputs, self.weights, self.engine
        return gradients(*way, of=self.node, seed=self._started, wanted_arrays=True)

    def _started(self, output: Array) -> Array:
        self.weighing = weighing_of(self.generator, output)
        return self.weighing

    def operands(self, result: NetworkGradients) -> tuple[dict[str, Array], dict[str, Array | None]]:
        """All that a gradient comes to, by what it is called, and what came back to it."""
        operands: dict[str, Array] = {}
        arrived: dict[str, Array | None] = {}
        for owner, name in _reached(self.network, self.node):
            node = self.network.nodes[owner]
            called = f"{node.name}.{name}" if name else _input(node.name)
            if name:
                self.keys[called] = owner, name
                operands[called] = self.weights.of(owner, ())[name]
                arrived[called] = result.arrays.get(owner, {}).get(name)
            else:
                operands[called], arrived[called] = self.inputs[node.name], result.inputs.get(node.name)
        return operands, arrived

    def moved(self, operands: Mapping[str, Array]) -> Array:
        """What leaves where the operands are these."""
        entering = {name: operands.get(_input(name), x) for name, x in self.inputs.items()}
        weights = _Moved(self.weights, {key: operands[called] for called, key in self.keys.items()})
        return deque(_tensors(self.network, entering, weights, self.engine, self.node), maxlen=1)[0]

    def overflows(self) -> bool:
        """Whether a tensor on the way holds what is no number."""
        tensors = _tensors(self.network, self.inputs, self.weights, self.engine, self.node)
        return not all(is_number(tensor).all() for tensor in tensors)


def _incomparable(trial: _Trial, operands: Mapping[str, Array], arrived: Mapping[str, Array | None]) -> str:
    """Why nothing can be held against a difference; empty where it can."""
    if not operands:
        return "no gradient comes to an input or an array"
    if not trial.weighing.any():
        return NO_NUMBERS
    is_finite = all(np.isfinite(gradient).all() for gradient in arrived.values() if gradient is not None)
    return "" if is_finite or not trial.overflows() else _OVERFLOWN


def _input(name: str) -> str:
    return f"input {name}"


def _reached(network: Network, of: int) -> list[ArrayKey]:
    """The arrays that a gradient of a node comes to, as no kind on the way passes none; an input has no name.

    One that did not come back is so taken for one of zeros.
    """
    arriving, reached = {of}, []
    for index in range(of, -1, -1):
        node = network.nodes[index]
        if index not in arriving:
            continue
        if node.is_input:
            reached.append((index, ""))
            continue
        reached += [array.key for _, array in learned_arrays(network, index)]
        arriving.update(source for at, source in enumerate(node.inputs) if not node.config.no_gradient(at))
    return sorted(set(reached))


class _Moved:
    """Arrays of which some are elsewhere: by the node that has them, and their names."""

    def __init__(self, weights: RandomWeights, moved: Mapping[tuple[int, str], Array]) -> None:
        self.weights, self.moved = weights, moved

    def of(self, index: int, inputs: Sequence[Array]) -> Mapping[str, Array]:
        """The arrays of a node, those that are another's laid out from where that has them now."""
        network = self.weights.network
        shared = network.nodes[index].shared
        owner = index if shared is None else shared
        arrays = {name: self.moved.get((owner, name), array) for name, array in self.weights.of(index, inputs).items()}
        for borrowed in network.nodes[owner].borrowed:
            lent = self.of(borrowed.owner, ())[borrowed.array]
            arrays[borrowed.name] = laid_out(lent, arrays[borrowed.name].shape)
        return arrays

    def done(self, index: int) -> None:
        """All are kept: there are more runs."""


def _tensors(
    network: Network, inputs: Mapping[str, Array], weights: Weights, engine: Engine, of: int
) -> Iterator[Array]:
    """The tensors of the layers that a node depends on, in order, and last its own."""
    needed = ancestors(network, of)
    tensors = {place: inputs[node.name] for place, node in enumerate(network.inputs)}
    last_use = {source: index for index in needed for source in network.nodes[index].inputs}
    for index in needed[bisect_left(needed, network.input_count) :]:
        node = network.nodes[index]
        entering = [tensors[source] for source in node.inputs]
        with np.errstate(all="ignore"):
            tensors[index] = run_layer(engine, node.config, weights.of(index, entering), entering)[0]
        yield tensors[index]
        tensors = {place: tensor for place, tensor in tensors.items() if last_use.get(place, index) >= index}
