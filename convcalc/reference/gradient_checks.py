"""Gradients held against differences: what comes back through a layer, and through a network, in float64.

For a random u the gradient of <u, y> is J'u. Along a direction v the derivative of <u, y> is <J v, u>, which two runs
beside the point give without any adjoint; the adjoint identity <J v, u> = <v, J'u> then holds every element of the
gradient at once, and a direction of one element holds that one. A function with kinks has none at the point itself, but
a step may reach one: it must agree at some step, and does not at any where an adjoint is wrong.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from convcalc import steps
from convcalc.analysis.learning.wanted import ArrayKey, learned_arrays
from convcalc.layers import Wanted
from convcalc.network import Network, Node
from convcalc.reference.execution import FAILURES, Weights, failure, run_layer, running_steps
from convcalc.reference.gradients import LayerGradients, ancestors, gradients, run_traced
from convcalc.reference.measured import BUFFERS
from convcalc.reference.verified import Figure, GradientCheck
from convcalc.reference.weights import RandomWeights, laid_out
from convcalc.tensors.duals import NotDifferentiable
from convcalc.tensors.engine import Array, Engine

STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
"""How far from the point a function is run, one after the other, until the derivative is as it comes back."""

_FINER_STEPS = (*STEPS, 1e-8, 1e-9)
"""Those of a whole network, where among so many elements some stand at a kink within any larger step."""

_RELATIVE = 1e-6
"""Of the size of what is added up: a difference of fourth order is a hundred times as exact at the first step."""

_ROUNDED = 64 * float(np.finfo(np.float64).eps)
"""Of the size of the two runs, which their difference loses: each element by itself, whatever it is weighed by."""

_SINGLE, _FEW_SINGLE = 6, 2
"""Elements of each operand that are moved alone: of a layer, and of one that takes long."""

_LARGEST = 1e100
"""More is no number that anything was computed to."""

_MOVED = 0.01
"""Of its mean size, by how much an element that enters is moved."""

_NO_NUMBERS = "nothing that leaves is a number"

_OVERFLOWN = "values overflow on the way, and what comes back there is no number"

_LONG = 20_000
"""Steps of a layer from which it takes long."""

_EXTRAPOLATED = 4
"""Runs at one step: two at the step, two at half of it."""


class _Point(NamedTuple):
    """Where a function stands: the tensors that enter and the arrays, by what they are called."""

    operands: Mapping[str, Array]
    run: Callable[[Mapping[str, Array]], Array]
    weighing: Array
    output: Array
    steps: Sequence[float] = STEPS

    def along(self, direction: Mapping[str, Array], step: float) -> tuple[float, float]:
        """The derivative of the weighed sum of what leaves along a direction, and what rounding makes of it."""
        first, second = self._difference(direction, step), self._difference(direction, step / 2)
        size = float(np.linalg.norm(self.weighing * np.where(_is_number(self.output), self.output, 0)))
        return (4 * second - first) / 3, _ROUNDED * size / step

    def _difference(self, direction: Mapping[str, Array], step: float) -> float:
        above, below = (
            self.run({**self.operands, **{name: self.operands[name] + way * v for name, v in direction.items()}})
            for way in (step, -step)
        )
        counts = _is_number(above) & _is_number(below)
        apart = np.where(counts, above, 0) - np.where(counts, below, 0)
        return float((apart * self.weighing).sum()) / (2 * step)


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
            weighing = _weighing(generator, run.output)
            result = run.pull(weighing)
    except NotDifferentiable as error:
        return _unchecked(str(error))
    except FAILURES as error:
        return replace(_unchecked(""), wrong=f"could not be followed back: {failure(error)}")
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

    point = _Point(operands, function, weighing, run.output)
    arrived = _arrived(node, names, learned, result)
    wrong = _misshapen(arrived, operands)
    if wrong:
        return replace(check, wrong=wrong)
    if not weighing.any():
        return replace(check, reason=_NO_NUMBERS)
    macs, elements = config.macs(*shapes), config.elementwise_ops(*shapes)
    is_long = running_steps(config, node.shape, macs, elements, 0) > _LONG
    single = _FEW_SINGLE if is_long else _SINGLE
    return _compared(check, point, arrived, _directions(point, arrived, generator, single))


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


def _weighing(generator: np.random.Generator, output: Array) -> Array:
    """Random numbers for what leaves, none where it is no number, which has no derivative."""
    return np.where(_is_number(output), generator.standard_normal(output.shape), 0.0)


def _is_number(array: Array) -> Array:
    """Which elements are numbers: none that stands for the least there is, as in a window on padding alone."""
    return np.abs(array) < _LARGEST  # NaN is not


def _unchecked(reason: str) -> GradientCheck:
    nothing = Figure(None, None, is_tried=False)
    return GradientCheck(nothing, nothing, reason=reason)


def _misshapen(arrived: Mapping[str, Array | None], operands: Mapping[str, Array]) -> str:
    for name, gradient in arrived.items():
        if gradient is not None and gradient.shape != operands[name].shape:
            sizes = ["x".join(map(str, array.shape)) for array in (gradient, operands[name])]
            return f"{name}: a gradient of {sizes[0]} came back to an array of {sizes[1]}"
    return ""


def _compared(
    check: GradientCheck,
    point: _Point,
    arrived: Mapping[str, Array | None],
    directions: Iterable[tuple[str, dict[str, Array]]],
) -> GradientCheck:
    """The check with the derivatives along all directions compared, up to the first that is wrong.

    Where what leaves is no number there is no derivative, and whatever comes back of it is none either.
    """
    if not _is_number(point.output).all():
        arrived = {name: None if gradient is None else _numbers(gradient) for name, gradient in arrived.items()}
    count = 0
    for what, direction in directions:
        count += 1
        expected = sum(
            float((gradient * direction[name]).sum()) for name in direction if (gradient := arrived[name]) is not None
        )
        size = sum(
            float(np.abs(gradient * direction[name]).sum())
            for name in direction
            if (gradient := arrived[name]) is not None
        )
        measured = _agreeing(point, direction, expected, size)
        if measured is not None:
            wrong = f"{what}: the derivative is {measured:.6g}, what came back says {expected:.6g}"
            return replace(check, compared=count, wrong=wrong)
    return replace(check, compared=count)


def _numbers(gradient: Array) -> Array:
    return np.where(_is_number(gradient), gradient, 0.0)


def _agreeing(point: _Point, direction: Mapping[str, Array], expected: float, size: float) -> float | None:
    """None where the derivative is as expected at some step, else the one that comes nearest."""
    if not np.isfinite(expected):
        return float("nan")
    nearest, least = float("nan"), float("inf")
    for step in point.steps:
        derivative, rounded = point.along(direction, step)
        apart = abs(derivative - expected)
        if apart <= _RELATIVE * size + rounded:
            return None
        if apart < least:
            nearest, least = derivative, apart
    return nearest


def _directions(
    point: _Point, arrived: Mapping[str, Array | None], generator: np.random.Generator, single: int
) -> Iterator[tuple[str, dict[str, Array]]]:
    """All operands together, each alone, and single elements of each; with what they are called."""
    if not arrived:
        return
    drawn = {name: generator.standard_normal(point.operands[name].shape) for name in arrived}
    yield "along a random direction", drawn
    for name in arrived if len(arrived) > 1 else ():
        yield f"{name}, along a random direction", {name: drawn[name]}
    for name, gradient in arrived.items():
        operand = point.operands[name]
        for place in _places(operand, gradient, generator, single):
            alone = np.zeros(operand.size)
            alone[place] = 1.0
            index = ", ".join(map(str, np.unravel_index(place, operand.shape)))
            yield f"{name}[{index}]", {name: alone.reshape(operand.shape)}


def _places(operand: Array, gradient: Array | None, generator: np.random.Generator, count: int) -> list[int]:
    """The first element, the last, that with the largest gradient, and others at random."""
    if not operand.size:
        return []
    largest = [] if gradient is None else [int(np.nanargmax(np.abs(np.nan_to_num(gradient))))]
    drawn = generator.integers(operand.size, size=count).tolist()
    return list(dict.fromkeys([*largest, 0, operand.size - 1, *drawn]))[:count]


Progress = Callable[[str, int, int], None]


def check_layers(
    network: Network, seed: int, threads: int, progress: Progress | None = None
) -> list[GradientCheck | None]:
    """Hold the gradients of every layer against differences, on the tensors that enter it; see `check_layer`.

    None stands for a layer that the steps of the run do not last for, and for all behind it.
    """
    checks: list[GradientCheck | None] = [None] * len(network.layers)
    weights, engine = RandomWeights(network, seed, "float64"), Engine(threads)
    tensors = dict(enumerate(_inputs(network, seed).values()))
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
        return _unchecked("nothing says what is computed there")
    return check_layer(node, arrays, [_off_kinks(x, seed, place) for place, x in enumerate(entering)], seed)


def _off_kinks(x: Array, seed: int, place: int) -> Array:
    """A tensor moved a little at random, so that zeros which a layer left, for one, are no longer equal.

    One that enters at several places is moved otherwise at each, as the largest of equal tensors is a kink everywhere.
    """
    return x + _MOVED * _mean_size(x) * np.random.default_rng([seed, x.size, place]).standard_normal(x.shape)


def _needed(network: Network, node: Node) -> int:
    """Steps that the checks of a layer take, as there are so many runs of it at the first step."""
    shapes, once = network.shapes_into(node), _once(network, node)
    operands = len(shapes) + len(node.config.weights(*shapes))
    single = _FEW_SINGLE if once > _LONG else _SINGLE
    return once * (3 + _EXTRAPOLATED * (1 + operands * (1 + single)))


def _once(network: Network, node: Node) -> int:
    """Steps that one run of a layer takes."""
    shapes = network.shapes_into(node)
    macs, elements = node.config.macs(*shapes), node.config.elementwise_ops(*shapes)
    return running_steps(node.config, node.shape, macs, elements, node.config.params(*shapes))


def check_network(network: Network, seed: int, threads: int) -> GradientCheck | None:
    """Hold the gradients of all inputs and arrays of a network against the derivative along a random direction.

    What leaves is the first output of a layer. Each operand is moved by as much as its elements are large. None where
    the steps of the run do not last.
    """
    of = next((index for index in network.outputs if index >= network.input_count), None)
    if of is None:
        return _unchecked("no layer gives an output")
    if not steps.afford(sum(_once(network, node) for node in network.layers) * (3 + _EXTRAPOLATED)):
        return None
    inputs, weights = _inputs(network, seed), RandomWeights(network, seed, "float64", keep=True)
    engine, generator = Engine(threads), np.random.default_rng([seed, 1])
    weighing: list[Array] = []

    def started(output: Array) -> Array:
        weighing.append(_weighing(generator, output))
        return weighing[0]

    try:
        with np.errstate(all="ignore"):
            result = gradients(network, inputs, weights, engine, of=of, seed=started, wanted_arrays=True)
    except NotDifferentiable as error:
        return _unchecked(str(error))
    except FAILURES as error:
        return replace(_unchecked(""), wrong=f"could not be followed back: {failure(error)}")
    arrived: dict[str, Array | None] = {}
    operands: dict[str, Array] = {}
    names: dict[str, ArrayKey] = {}
    for owner, name in _reached(network, of):
        called = f"{network.nodes[owner].name}.{name}" if name else _input(network.nodes[owner].name)
        if name:
            names[called], operands[called] = (owner, name), weights.of(owner, ())[name]
            arrived[called] = result.arrays.get(owner, {}).get(name)
        else:
            operands[called] = inputs[network.nodes[owner].name]
            arrived[called] = result.inputs.get(network.nodes[owner].name)

    def function(moved: Mapping[str, Array]) -> Array:
        entering = {name: moved.get(_input(name), x) for name, x in inputs.items()}
        moved_weights = _Moved(weights, {place: moved[key] for key, place in names.items()})
        return _output(network, entering, moved_weights, engine, of)

    if not operands:
        return _unchecked("no gradient comes to an input or an array")
    if not weighing[0].any():
        return _unchecked(_NO_NUMBERS)
    is_finite = all(np.isfinite(gradient).all() for gradient in arrived.values() if gradient is not None)
    if not is_finite and not all(_is_number(tensor).all() for tensor in _tensors(network, inputs, weights, engine, of)):
        return _unchecked(_OVERFLOWN)
    point = _Point(operands, function, weighing[0], result.output, _FINER_STEPS)
    directions = (
        (what, {name: v * _mean_size(operands[name]) for name, v in direction.items()})
        for what, direction in islice(_directions(point, arrived, generator, 0), 1)
    )
    return _compared(_unchecked(""), point, arrived, directions)


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


def _mean_size(array: Array) -> float:
    """How large elements are; 1 where there are none, or all are 0."""
    return float(np.abs(array).mean() if array.size else 0.0) or 1.0


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


def _output(network: Network, inputs: Mapping[str, Array], weights: Weights, engine: Engine, of: int) -> Array:
    """The tensor of a node, run with these arrays."""
    return deque(_tensors(network, inputs, weights, engine, of), maxlen=1)[0]


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


def _inputs(network: Network, seed: int) -> dict[str, Array]:
    generator = np.random.default_rng(seed)
    return {node.name: generator.standard_normal((1, *node.shape)) for node in network.inputs}
