"""The executor run backwards: a layer with its tape, and a network from one of its tensors to what it was made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

import convcalc.tensors.moving  # noqa: F401  # which traced arrays find their movers by
from convcalc.layers import Kind, Wanted
from convcalc.network import Network, order_of_axes
from convcalc.reference.execution import Weights, written
from convcalc.reference.measured import BUFFERS
from convcalc.tensors.engine import Array, Engine
from convcalc.tensors.tape import Tape, Traced, plain


class LayerGradients(NamedTuple):
    """What came back through a layer.

    `inputs` has None for a tensor of which no gradient was wanted, or that none comes to; `arrays` are by name. The
    MACs are those that were executed, for what entered or was made on the way, and for arrays of the layer's own.
    """

    inputs: tuple[Array | None, ...]
    arrays: dict[str, Array]
    macs_of_inputs: int
    macs_of_arrays: int


class _TracedArrays(dict[str, Traced]):
    """A layer's arrays as traced ones, which remembers those that were read."""

    def __init__(self, arrays: Mapping[str, Traced]) -> None:
        super().__init__(arrays)
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> Traced:
        self.used.add(name)
        return super().__getitem__(name)


class LayerRun:
    """A layer that has run, ready for the way back: `pull` may be called once.

    `output` is what left; its memory is its own, unless the layer only gives its input another shape, or gives an
    array that it has. `used` are the names of the arrays that it read. Of what entered nothing is held but what the way
    back needs (`kept`).
    """

    def __init__(
        self, engine: Engine, tape: Tape, entered: Sequence[Traced], arrays: _TracedArrays, made: Array
    ) -> None:
        self.used = arrays.used
        self._engine, self._tape = engine, tape
        self._inputs = [x.place for x in entered]
        self._arrays = {name: x.place for name, x in arrays.items() if x.place is not None}
        self._last = made.place if isinstance(made, Traced) else None
        self._tape.keep_for(self._last)
        self.output: Array = plain(made)

    @property
    def kept(self) -> list[Array]:
        """The arrays that it holds for the way back, the layer's own among them, each once."""
        return list({id(array): array for array in self._tape.kept}.values())

    def hand_over(self) -> Array:
        """The output, which from here on lives only where it is needed."""
        output, self.output = self.output, np.empty(0)
        return output

    def pull(self, gradient: Array) -> LayerGradients:
        """The gradients of what entered, by that of what left, which has the same shape."""
        flown = self._tape.back(self._last, gradient, lambda: self._engine.multiplications)
        arrived = flown.gradients
        inputs = tuple(None if place is None else arrived.get(place) for place in self._inputs)
        arrays = {name: arrived[place] for name, place in self._arrays.items() if place in arrived}
        return LayerGradients(inputs, arrays, flown.macs_of_inputs, flown.macs_of_arrays)


def run_traced(
    engine: Engine, config: Kind, arrays: Mapping[str, Array], inputs: Sequence[Array], wanted: Wanted
) -> LayerRun:
    """Run one layer and write down what it does, as far as `wanted` gradients depend on it.

    Raises:
        NotDifferentiable: something on the way has no adjoint; the message names it.
    """
    tape = Tape()
    entered = [tape.enter(x, wanted=is_wanted) for x, is_wanted in zip(inputs, wanted.inputs, strict=True)]
    own = {
        name: tape.enter(array, wanted=wanted.weights and name not in BUFFERS, own=True)
        for name, array in arrays.items()
    }
    handed = _TracedArrays(own)
    run = LayerRun(engine, tape, entered, handed, type(config).reference(engine, written(config), handed, *entered))
    shares = config.is_view or config.is_inert or config.holds_output
    if not shares and any(np.may_share_memory(run.output, array) for array in (*inputs, *arrays.values())):
        run.output = run.output.copy()
    return run


class NetworkGradients(NamedTuple):
    """What came back through a network: `output` is the tensor that it started from.

    `inputs` are by name, batch in front; `arrays` by the node that has them and their names, those that several layers
    use added up.
    """

    output: Array
    inputs: dict[str, Array]
    arrays: dict[int, dict[str, Array]]


Progress = Callable[[int, int], None]
"""Called with how many layers are done, on the way there or back, and how many there are on both."""


def gradients(
    network: Network,
    inputs: Mapping[str, Array],
    weights: Weights,
    engine: Engine,
    *,
    of: int,
    seed: Callable[[Array], Array],
    wanted_inputs: bool = True,
    wanted_arrays: bool | Callable[[int], bool] = False,
    progress: Progress | None = None,
) -> NetworkGradients:
    """Run a network up to the node `of` and back: gradients of what `seed` says the gradient there is.

    `inputs` are by name, batch in front; `seed` gets the tensor of the node and gives a gradient of its shape.
    `wanted_arrays` says of a node that has arrays whether their gradients are wanted. Layers that the node does not
    depend on are not run. A tensor is freed after its last use, and a tape once it was followed back.

    Raises:
        NotDifferentiable: a layer on the way has no adjoint; the message names it.
    """
    way_back = _WayBack(network, inputs, weights, engine, of, progress or (lambda done, count: None))
    is_wanted = wanted_arrays if callable(wanted_arrays) else lambda index: bool(wanted_arrays)
    output = way_back.forward(is_wanted, wanted_inputs=wanted_inputs)
    way_back.backward(seed(output))
    return NetworkGradients(output, way_back.of_inputs, way_back.of_arrays)


class _WayBack:
    """Layers that have run, with their tapes, and the gradients that have arrived so far, by node."""

    def __init__(
        self,
        network: Network,
        inputs: Mapping[str, Array],
        weights: Weights,
        engine: Engine,
        of: int,
        progress: Progress,
    ) -> None:
        self.network, self.weights, self.engine, self.of, self.progress = network, weights, engine, of, progress
        self.inputs = inputs
        self.runs: dict[int, LayerRun] = {}
        self.arriving: dict[int, Array] = {}
        self.of_arrays: dict[int, dict[str, Array]] = {}
        self.order = [index for index in ancestors(network, of) if index >= network.input_count]

    def forward(self, is_wanted: Callable[[int], bool], *, wanted_inputs: bool) -> Array:
        """Run the layers, each with a tape where a gradient comes through it; the tensor of the last."""
        network, nodes = self.network, self.network.nodes
        tensors = {place: self.inputs[node.name] for place, node in enumerate(network.inputs)}
        flows = [wanted_inputs] * network.input_count + [False] * len(network.layers)
        last_use = {source: index for index in self.order for source in nodes[index].inputs} | {self.of: len(nodes)}
        for done, index in enumerate(self.order):
            self.progress(done, 2 * len(self.order))
            node = nodes[index]
            entering = [tensors[source] for source in node.inputs]
            arrays = self.weights.of(index, entering)
            wanted = Wanted(tuple(flows[source] for source in node.inputs), bool(arrays) and is_wanted(index))
            flows[index] = wanted.anything
            run = run_traced(self.engine, node.config, arrays, entering, wanted)
            self.weights.done(index)
            tensors[index] = run.hand_over()
            if flows[index]:
                self.runs[index] = run
            del run, entering, arrays
            tensors = {place: tensor for place, tensor in tensors.items() if last_use.get(place, -1) > index}
        return tensors[self.of]

    def backward(self, gradient: Array) -> None:
        """Follow a gradient of the last tensor to all that it was asked for."""
        count = len(self.order)
        self.arriving = {self.of: gradient}
        for done, index in enumerate(reversed(self.order), start=count):
            self.progress(done, 2 * count)
            run, gradient = self.runs.pop(index, None), self.arriving.pop(index, None)
            if run is None or gradient is None:
                continue
            result = run.pull(gradient)
            del run, gradient
            for source, arrived in zip(self.network.nodes[index].inputs, result.inputs, strict=True):
                if arrived is not None:
                    self.arriving[source] = _sum(self.arriving.get(source), arrived)
            for name, arrived in result.arrays.items():
                self._add(index, name, arrived)

    def _add(self, index: int, name: str, arrived: Array) -> None:
        """Add to the gradient of an array, at the layer whose elements it has."""
        shared = self.network.nodes[index].shared
        owner = index if shared is None else shared
        for array in self.network.nodes[owner].borrowed:
            if array.name == name:
                shape = self.network.arrays_of(self.network.nodes[array.owner])[array.array]
                self._add(array.owner, array.array, laid_back(arrived, shape))
                return
        arrays = self.of_arrays.setdefault(owner, {})
        arrays[name] = _sum(arrays.get(name), arrived)

    @property
    def of_inputs(self) -> dict[str, Array]:
        """The gradients that came to inputs of the network, by name."""
        names = [node.name for node in self.network.inputs]
        return {name: self.arriving[place] for place, name in enumerate(names) if place in self.arriving}


def ancestors(network: Network, index: int) -> list[int]:
    """The nodes that a node depends on, and it, in the order in which they run."""
    needed = {index}
    for place in range(index, -1, -1):
        if place in needed:
            needed.update(network.nodes[place].inputs)
    return sorted(needed)


def laid_back(gradient: Array, shape: Sequence[int]) -> Array:
    """The gradient of an array of that shape whose elements were laid out in another: see `weights.laid_out`."""
    order = order_of_axes(tuple(shape), gradient.shape)
    if order is not None:
        return gradient.transpose(np.argsort(order))
    flat, size = gradient.reshape(-1), int(np.prod(shape))
    if flat.size <= size:
        return np.concatenate([flat, np.zeros(size - flat.size, flat.dtype)]).reshape(shape)
    filled = np.concatenate([flat, np.zeros(-flat.size % size, flat.dtype)])
    return filled.reshape(-1, *shape).sum(0)


def _sum(present: Array | None, arrived: Array) -> Array:
    return arrived if present is None else present + arrived
