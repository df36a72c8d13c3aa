"""One step of training on real arrays, which is looked into at every moment: what is in memory, and what was executed.

The loss is the sum of the outputs, each element times a number that was drawn. What is alive is measured and not worked
out: the addresses of all arrays that are held are put together, each byte counted once, by what the array is held for.
Memory that a layer takes on the way and gives back before it is done is not among them.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from convcalc.analysis.learning.records import Alive, Phase, StepMoment
from convcalc.analysis.learning.segments import Segment
from convcalc.analysis.learning.wanted import ArrayKey, AskedGradients, owner_of
from convcalc.layers import Wanted
from convcalc.network import Network
from convcalc.reference.execution import Weights
from convcalc.reference.gradients import LayerGradients, LayerRun, laid_back, run_traced
from convcalc.reference.measured import BUFFERS
from convcalc.tensors.engine import Array, Engine

Key = TypeVar("Key", bound=Hashable)

_PRIORITY = ("tensor_gradients", "gradients", "tensors", "kept", "state", "buffers", "weights", "")
"""For what a byte counts that is held for several things: the last of these. The last are copies of weights."""


class StepEngine(Engine):
    """An engine in training whose dropout drops the same elements whenever a layer runs: `layer` says which it is."""

    layer: int = 0

    def kept_at_random(self, shape: Sequence[int], dropped: float) -> Array:
        """A mask of that shape: each element is dropped with that probability."""
        return np.random.default_rng(self.layer).random(shape) >= dropped


class TrainingStep:
    """Goes through a step of training, layer by layer: `run` does all of it.

    Afterwards `moments` are those that were looked at, in order, `macs` those that were executed by layer and part of
    the step, and `gradients` those of the arrays that are trained. `inputs` are by name, batch in front; `weights` keep
    all arrays. `states` is how many numbers the optimiser keeps of each parameter.
    """

    def __init__(
        self,
        network: Network,
        inputs: Mapping[str, Array],
        weights: Weights,
        asked: AskedGradients,
        segments: Sequence[Segment] = (),
        states: int = 0,
        engine: StepEngine | None = None,
    ) -> None:
        self.network, self.asked, self.engine = network, asked, engine or StepEngine(training=True)
        self.moments: list[StepMoment] = []
        self.macs: dict[tuple[int, Phase | str], int] = {}
        self.gradients: dict[ArrayKey, Array] = {}
        self._segment_of = {index: segment for segment in segments for index in range(segment.first, segment.last)}
        self._arrays = {index: weights.of(index, ()) for index in range(network.input_count, len(network.nodes))}
        self._tensors: dict[int, Array] = {index: inputs[node.name].copy() for index, node in enumerate(network.inputs)}
        self._runs: dict[int, LayerRun] = {}
        self._entering: dict[int, dict[int, Array]] = {}
        self._flowing: dict[int, Array] = {}
        self._owned = {
            (index, name): array
            for index, arrays in self._arrays.items()
            for name, array in arrays.items()
            if owner_of(network, index, name) == (index, name)
        }
        self._state = [np.zeros_like(self._owned[key]) for key in asked.trained for _ in range(states)]

    def run(self, seed: int = 0) -> None:
        """All of the step; `seed` is what the numbers of the loss are drawn by."""
        self._forward()
        self._lose(seed)
        for index in reversed(range(self.network.input_count, len(self.network.nodes))):
            segment = self._segment_of.get(index)
            if segment is not None and index == segment.last - 1:
                self._once_more(segment)
            if index in self._runs:
                self._backward(index)
        self._look("step")

    def _forward(self) -> None:
        network = self.network
        last_use = {source: index for index, node in enumerate(network.nodes) for source in node.inputs}
        last_use |= dict.fromkeys(network.outputs, len(network.nodes))
        self._tensors = {index: tensor for index, tensor in self._tensors.items() if index in last_use}
        for index in range(network.input_count, len(network.nodes)):
            segment = self._segment_of.get(index)
            if segment is not None and index in segment.again:
                outside = [source for source in network.nodes[index].inputs if source < segment.first]
                held = self._entering.setdefault(segment.first, {})
                held |= {source: self._tensors[source] for source in outside}
            self._layer(index, "forward", keeps=segment is None)
            kept = {source: tensor for source, tensor in self._tensors.items() if last_use.get(source, -1) > index}
            self._tensors = kept

    def _layer(self, index: int, phase: Phase, *, keeps: bool) -> None:
        """Run a layer on the tensors that there are, and look."""
        node, wanted = self.network.nodes[index], self.asked.wanted[index]
        if not keeps:
            wanted = Wanted((False,) * len(node.inputs), weights=False)
        self.engine.layer, before = index, self.engine.multiplications
        entering = [self._tensors[source] for source in node.inputs]
        run = run_traced(self.engine, node.config, self._arrays[index], entering, wanted)
        self.macs[index, phase] = self.engine.multiplications - before
        self._tensors[index] = run.output if node.config.holds_output else _solid(run.output)
        if wanted.anything:
            self._runs[index] = run
        self._look(phase, index)

    def _lose(self, seed: int) -> None:
        """The gradients of the outputs, of which a gradient is asked: the numbers that they are multiplied with."""
        for index in dict.fromkeys(self.network.outputs):
            if self.asked.of_output[index]:
                output = self._tensors[index]
                drawn = np.random.default_rng([seed, index]).standard_normal(output.shape)
                self._flowing[index] = drawn.astype(output.dtype)
        self._look("loss")
        self._tensors = {}

    def _once_more(self, segment: Segment) -> None:
        """The layers of a segment again, from what enters it; what each needs for the way back is kept this time."""
        last_use = {source: index for index in segment.again for source in self.network.nodes[index].inputs}
        entering = self._entering[segment.first]
        for index in segment.again:
            outside = (source for source in self.network.nodes[index].inputs if source < segment.first)
            self._tensors |= {source: entering[source] for source in outside}
            self._layer(index, "recompute", keeps=True)
            for source in {*self.network.nodes[index].inputs, index}:
                if last_use.get(source, -1) <= index:
                    self._tensors.pop(source, None)
                    entering.pop(source, None)

    def _backward(self, index: int) -> None:
        node, wanted, run = self.network.nodes[index], self.asked.wanted[index], self._runs[index]
        held = {place: _arrays(kept) for place, kept in self._runs.items()}
        gradient = self._flowing[index]
        result = run.pull(gradient)
        self.macs[index, "inputs"], self.macs[index, "arrays"] = result.macs_of_inputs, result.macs_of_arrays
        arrived = _own(node.name, result, gradient, wanted, shares=node.config.is_view or node.config.is_inert)
        keys = {name: owner_of(self.network, index, name) for name in arrived.arrays}
        owner = index if node.shared is None else node.shared
        for name, key in keys.items():
            if key in self.asked.trained and key not in self.gradients and key != (owner, name):
                self.gradients[key] = np.zeros_like(self._owned[key])
        made = [array for array in arrived.inputs if array is not None]
        self._look("backward", index, held=held, made=made, made_arrays=list(arrived.arrays.values()))
        del self._runs[index], self._flowing[index]
        for source, array in zip(node.inputs, arrived.inputs, strict=True):
            if array is not None:
                _add(self._flowing, source, array)
        for name, key in keys.items():
            if key in self.asked.trained:
                _add(self.gradients, key, laid_back(arrived.arrays[name], self.asked.trained[key]))

    def _look(
        self,
        phase: Phase,
        index: int | None = None,
        *,
        held: Mapping[int, Sequence[Array]] | None = None,
        made: Sequence[Array] = (),
        made_arrays: Sequence[Array] = (),
    ) -> None:
        """Note what is in memory now, and what a layer has just made on its way back."""
        kept = held if held is not None else {place: _arrays(run) for place, run in self._runs.items()}
        everything = [array for arrays in self._arrays.values() for array in arrays.values()]
        owned = {id(array) for array in self._owned.values()}
        entering = [tensor for tensors in self._entering.values() for tensor in tensors.values()]
        groups: dict[str, Iterable[Array]] = {
            "tensor_gradients": [*self._flowing.values(), *made],
            "gradients": [*self.gradients.values(), *made_arrays],
            "tensors": self._tensors.values(),
            "kept": [*entering, *(array for arrays in kept.values() for array in arrays)],
            "state": self._state,
            "buffers": [array for (_, name), array in self._owned.items() if name in BUFFERS],
            "weights": [array for (_, name), array in self._owned.items() if name not in BUFFERS],
            "": [array for array in everything if id(array) not in owned and not _stands_on(array, owned)],
        }
        counted = distinct_bytes([groups[name] for name in _PRIORITY])
        alive = Alive(**{name: size for name, size in zip(_PRIORITY, counted, strict=True) if name})
        layer = "" if index is None else self.network.nodes[index].name
        self.moments.append(StepMoment(phase, layer, alive))


def _arrays(run: LayerRun) -> list[Array]:
    """What a layer keeps, without single numbers."""
    return [array for array in run.kept if isinstance(array, np.ndarray)]


def _stands_on(array: Array, owned: Collection[int]) -> bool:
    """Whether an array is a view of one of these, and no copy."""
    return id(array) in owned or (isinstance(array.base, np.ndarray) and _stands_on(array.base, owned))


def _solid(array: Array) -> Array:
    """The array with its elements laid end to end and nothing beside them: what is reshaped then needs no copy."""
    return array if array.flags.c_contiguous and _extent(array)[1] == array.nbytes else array.copy(order="C")


def _own(name: str, result: LayerGradients, gradient: Array, wanted: Wanted, *, shares: bool) -> LayerGradients:
    """What came back, each gradient in memory of its own, but for that of a tensor that only got another shape.

    Raises:
        ValueError: none came back to a tensor that it is wanted of.
    """
    present = [gradient]

    def alone(array: Array) -> Array:
        is_shared = not array.flags.writeable or any(np.may_share_memory(array, other) for other in present)
        present.append(array.copy(order="C") if is_shared else _solid(array))
        return present[-1]

    missing = [at for at, wish in enumerate(wanted.inputs) if wish and result.inputs[at] is None]
    if missing:
        raise ValueError(f"{name}: no gradient came back to the tensor that enters at place {missing[0]}")
    inputs = result.inputs if shares else tuple(None if array is None else alone(array) for array in result.inputs)
    return result._replace(inputs=inputs, arrays={name: alone(array) for name, array in result.arrays.items()})


def _add(sums: dict[Key, Array], key: Key, array: Array) -> None:
    """Add to the gradient that has come before, in its memory."""
    if key in sums:
        sums[key] += array
    else:
        sums[key] = array


def distinct_bytes(groups: Sequence[Iterable[Array]]) -> list[int]:
    """How many bytes the arrays of each group lie on, each byte counted for the last group that has it alone."""
    spans = [[extent for array in group if (extent := _extent(array))[1]] for group in groups]
    points = np.unique([edge for group in spans for start, size in group for edge in (start, start + size)])
    owner = np.full(max(len(points) - 1, 0), -1)
    for place, group in enumerate(spans):
        for start, size in group:
            first, last = np.searchsorted(points, [start, start + size])
            owner[first:last] = place
    lengths = np.diff(points)
    return [int(lengths[owner == place].sum()) for place in range(len(groups))]


def _extent(array: Array) -> tuple[int, int]:
    """Where the memory begins that an array holds on to, and its bytes: all of what it is a view of.

    Of memory that the engine has lent, which may be larger than what was asked for, as far as the elements reach.
    """
    while isinstance(array.base, np.ndarray) and array.base.flags.owndata:
        array = array.base
    if not array.size:
        return 0, 0
    steps = [stride * (size - 1) for size, stride in zip(array.shape, array.strides, strict=True)]
    before, behind = sum(step for step in steps if step < 0), sum(step for step in steps if step > 0)
    return array.__array_interface__["data"][0] + before, behind - before + array.itemsize
