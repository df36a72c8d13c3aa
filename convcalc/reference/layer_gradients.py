"""Gradients of layers held against differences, in float64: see `convcalc.reference.differences`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from convcalc import steps
from convcalc.layers import Wanted
from convcalc.network import Network, Node
from convcalc.reference.differences import (
    NO_NUMBERS,
    RUNS_AT_A_STEP,
    DirectedPoint,
    compared,
    directions,
    mean_size,
    unchecked,
    weighing_of,
)
from convcalc.reference.execution import FAILURES, failure, run_layer, running_steps
from convcalc.reference.gradients import LayerGradients, run_traced
from convcalc.reference.measured import BUFFERS
from convcalc.reference.verified import Figure, GradientCheck
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.duals import NotDifferentiable
from convcalc.tensors.engine import Array, Engine

_SINGLE, _FEW_SINGLE = 6, 2
"""Elements of each operand that are moved alone: of a layer, and of one that takes long."""

_MOVED = 0.01
"""Of its mean size, by how much an element that enters is moved."""

_LONG = 20_000
"""Steps of a layer from which it takes long."""


def check_layer(node: Node, arrays: Mapping[str, Array], inputs: Sequence[Array], seed: int) -> GradientCheck:
    """Hold the gradients of one layer, of all that enters and of its arrays, against differences.

    `arrays` and `inputs`, batch in front, are in float64. Which directions are taken depends on `seed`.
    """
    config, shapes = node.config, [x.shape[1:] for x in inputs]
    learned = [name for name in arrays if name not in BUFFERS]
    wanted = Wanted((True,) * len(inputs), bool(learned))
    generator = np.random.default_rng([seed, node.line, len(node.name)])
    engine = Engine()
    try:
        with np.errstate(all="ignore"):
            run = run_traced(engine, config, arrays, inputs, wanted)
            weighing = weighing_of(generator, run.output)
            result = run.pull(weighing)
    except NotDifferentiable as error:
        return unchecked(str(error))
    except FAILURES as error:
        return replace(unchecked(""), wrong=f"could not be followed back: {failure(error)}")
    claimed = config.gradient_macs(wanted, *shapes)
    executed = Figure(claimed[0], result.macs_of_inputs), Figure(claimed[1], result.macs_of_arrays)
    check = GradientCheck(*executed, without="; ".join(filter(None, map(config.no_gradient, range(len(inputs))))))
    operands = {f"input {place}" if len(inputs) > 1 else "the input": x for place, x in enumerate(inputs)}
    names = list(operands)
    operands |= {name: arrays[name] for name in learned}

    def function(moved: Mapping[str, Array]) -> Array:
        own = {name: moved.get(name, array) for name, array in arrays.items()}
        with np.errstate(all="ignore"):
            return run_layer(engine, config, own, [moved[name] for name in names])[0]

    point = DirectedPoint(operands, function, weighing, run.output)
    arrived = _arrived(node, names, learned, result)
    wrong = _misshapen(arrived, operands)
    if wrong:
        return replace(check, wrong=wrong)
    if not weighing.any():
        return replace(check, reason=NO_NUMBERS)
    macs, elements = config.macs(*shapes), config.elementwise_ops(*shapes)
    is_long = running_steps(config, node.shape, macs, elements, 0) > _LONG
    single = _FEW_SINGLE if is_long else _SINGLE
    return compared(check, point, arrived, directions(point, arrived, generator, single))


def _arrived(
    node: Node, names: Sequence[str], learned: Sequence[str], result: LayerGradients
) -> dict[str, Array | None]:
    """The gradients by the names of the operands, without those that the kind says it does not give."""
    of_inputs = {
        name: gradient
        for place, (name, gradient) in enumerate(zip(names, result.inputs, strict=True))
        if not node.config.no_gradient(place)
    }
    return {**of_inputs, **{name: result.arrays.get(name) for name in learned}}


def _misshapen(arrived: Mapping[str, Array | None], operands: Mapping[str, Array]) -> str:
    for name, gradient in arrived.items():
        if gradient is not None and gradient.shape != operands[name].shape:
            sizes = ["x".join(map(str, array.shape)) for array in (gradient, operands[name])]
            return f"{name}: a gradient of {sizes[0]} came back to an array of {sizes[1]}"
    return ""


Progress = Callable[[str, int, int], None]


def check_layers(
    network: Network, seed: int, threads: int, progress: Progress | None = None
) -> list[GradientCheck | None]:
    """Hold the gradients of every layer against differences, on the tensors that enter it; see `check_layer`.

    None stands for a layer that the steps of the run do not last for, and for all behind it.
    """
    checks: list[GradientCheck | None] = [None] * len(network.layers)
    weights, engine = RandomWeights(network, seed, "float64"), Engine(threads)
    tensors = dict(enumerate(random_inputs(network, seed).values()))
    last_use = {source: index for index, node in enumerate(network.nodes) for source in node.inputs}
    for done, node in enumerate(network.layers):
        index = network.input_count + done
        if progress is not None:
            progress(f"gradients of {node.name}", done, len(network.layers))
        entering = [tensors[source] for source in node.inputs]
        if not steps.afford(_needed(network, node)):
            return checks
        arrays = weights.of(index, entering)
        with np.errstate(all="ignore"):
            checks[done] = _costed(node, arrays, entering, seed)
            try:
                output = run_layer(engine, node.config, arrays, entering)[0]
            except FAILURES:  # which the run itself says
                output = np.zeros((1, *node.shape))
        weights.done(index)
        tensors[index] = output
        tensors = {place: tensor for place, tensor in tensors.items() if last_use.get(place, -1) > index}
    return checks


def _costed(node: Node, arrays: Mapping[str, Array], entering: Sequence[Array], seed: int) -> GradientCheck:
    if not node.config.costed:
        return unchecked("nothing says what is computed there")
    return check_layer(node, arrays, [_off_kinks(x, seed, place) for place, x in enumerate(entering)], seed)


def _off_kinks(x: Array, seed: int, place: int) -> Array:
    """A tensor moved a little at random, so that zeros which a layer left, for one, are no longer equal.

    One that enters at several places is moved otherwise at each, as the largest of equal tensors is a kink everywhere.
    """
    return x + _MOVED * mean_size(x) * np.random.default_rng([seed, x.size, place]).standard_normal(x.shape)


def _needed(network: Network, node: Node) -> int:
    """Steps that the checks of a layer take, as there are so many runs of it at the first step."""
    shapes, once = network.shapes_into(node), steps_of_one_run(network, node)
    operands = len(shapes) + len(node.config.weights(*shapes))
    single = _FEW_SINGLE if once > _LONG else _SINGLE
    return once * (3 + RUNS_AT_A_STEP * (1 + operands * (1 + single)))


def steps_of_one_run(network: Network, node: Node) -> int:
    """Steps that one run of a layer takes."""
    shapes = network.shapes_into(node)
    macs, elements = node.config.macs(*shapes), node.config.elementwise_ops(*shapes)
    return running_steps(node.config, node.shape, macs, elements, node.config.params(*shapes))


def random_inputs(network: Network, seed: int) -> dict[str, Array]:
    """The tensors that enter, by name, normally distributed, with a batch of 1 in front."""
    generator = np.random.default_rng(seed)
    return {node.name: generator.standard_normal((1, *node.shape)) for node in network.inputs}
