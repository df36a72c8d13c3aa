"""What is in memory at every moment of a step of training, worked out from shapes alone.

A tensor is there from the layer that gives it to the last that reads it, and longer where a layer keeps it. What only
gets another shape lies in the memory of what it is made of, as its gradient lies in that of the gradient it is made of.
Of a weight that several layers use, the gradients are added up: the later layer's is there when the earlier's is made.
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.analysis.analyze import last_uses
from convcalc.analysis.learning.records import STATES, Alive, Optimizer, Phase, StepMoment
from convcalc.analysis.learning.segments import Segment
from convcalc.analysis.learning.wanted import ArrayKey, AskedGradients, learned_arrays
from convcalc.arithmetic.number import product
from convcalc.arithmetic.precision import Precision, array_bytes
from convcalc.layers import Kind
from convcalc.network import Network


def shares_memory(config: Kind) -> bool:
    """Whether what leaves lies in the memory of what enters: only the shape is another, or nothing is."""
    return config.is_view or (config.is_inert and not config.dropped)


class Sizes:
    """Bytes of the tensors and arrays of a network, for a batch and formats by role."""

    def __init__(self, network: Network, batch: int, precision: Precision) -> None:
        self.network, self.batch, self.precision = network, batch, precision

    def tensor(self, index: int) -> int:
        """Bytes of what the node at `index` gives, be it an array of its own."""
        return self.numbers(product(self.network.nodes[index].shape)) * self.batch

    def numbers(self, count: int) -> int:
        """Bytes of so many numbers in the format of tensors."""
        return self.precision.activations.bytes_of(count)

    def array(self, name: str, shape: tuple[int, ...]) -> int:
        """Bytes of an array of a layer, in the format of biases where its name is one's."""
        return array_bytes(shape, self.precision.of_array(name))

    def arrays(self, index: int, *, learned: bool) -> int:
        """Bytes of the arrays whose elements are the node's own: those that are learned, or those that are not."""
        node, shapes = self.network.nodes[index], self.network.shapes_into(self.network.nodes[index])
        if node.shared is not None or node.is_input:
            return 0
        arrays = node.config.weights(*shapes) if learned else node.config.buffers(*shapes)
        return sum(self.array(name, shape) for name, shape in arrays.items() if name not in node.borrowed_names)


class _Pieces:
    """Memory of tensors, each by the node that it was made for: in use by layers to come, and kept for the way back."""

    def __init__(self, network: Network, sizes: Sizes) -> None:
        self.home: list[int | None] = []
        for index, node in enumerate(network.nodes):
            own = None if node.config.holds_output else index
            self.home.append(self.home[node.inputs[0]] if shares_memory(node.config) else own)
        self._bytes = {home: sizes.tensor(home) for home in self.home if home is not None}
        self._read: dict[int, int] = {}
        self._kept: dict[int, int] = {}
        self.tensors = self.kept = 0

    def read(self, index: int, by: int = 1) -> None:
        """Count a tensor among those that layers will read, or no longer."""
        self._change(self.home[index], by, 0)

    def keep(self, index: int, by: int = 1) -> None:
        """Count a tensor once more among those that are kept, or once less."""
        self._change(self.home[index], 0, by)

    def _change(self, home: int | None, read: int, kept: int) -> None:
        if home is None:  # in an array of a layer's own
            return
        self._count(home, -1)
        self._read[home] = self._read.get(home, 0) + read
        self._kept[home] = self._kept.get(home, 0) + kept
        self._count(home, 1)

    def _count(self, home: int, sign: int) -> None:
        if self._kept.get(home):
            self.kept += sign * self._bytes[home]
        elif self._read.get(home):
            self.tensors += sign * self._bytes[home]


class StepMemory:
    """Goes through a step of training, moment by moment: `moments` are those that have been, in order.

    `kept_by` is what each layer keeps that no layer before it does, by place, and `kept` what is kept in all when the
    way forward ends.
    """

    def __init__(
        self,
        network: Network,
        sizes: Sizes,
        asked: AskedGradients,
        segments: tuple[Segment, ...] = (),
        optimizer: Optimizer = "sgd",
    ) -> None:
        self.network, self.sizes, self.asked = network, sizes, asked
        self._segment_of = {index: segment for segment in segments for index in range(segment.first, segment.last)}
        self._pieces = _Pieces(network, sizes)
        self._own_kept = self._gradient_bytes = 0
        self._flowing: dict[int, int] = {}
        self._flowing_bytes = 0
        self._gradients: set[ArrayKey] = set()
        places = range(network.input_count, len(network.nodes))
        trained = sum(sizes.array(key[1], shape) for key, shape in asked.trained.items())
        self._always = Alive(
            weights=sum(sizes.arrays(index, learned=True) for index in places),
            buffers=sum(sizes.arrays(index, learned=False) for index in places),
            state=STATES[optimizer] * trained,
        )
        self.kept_by: dict[int, int] = {}
        self.moments = tuple(self._step())

    @property
    def kept(self) -> int:
        return sum(self.kept_by.values())

    def _step(self) -> Iterator[StepMoment]:
        network = self.network
        yield from self._forward()
        for index in dict.fromkeys(network.outputs):
            if self.asked.of_output[index]:
                self._flow(index)
        yield self._moment("loss", None)
        for index in dict.fromkeys(network.outputs):
            self._pieces.read(index, -1)
        for index in reversed(range(network.input_count, len(network.nodes))):
            segment = self._segment_of.get(index)
            if segment is not None and index == segment.last - 1:
                yield from self._once_more(segment)
            if self.asked.wanted[index].anything:
                yield self._backward(index)
        yield self._moment("step", None)

    def _moment(self, phase: Phase, index: int | None, gradients: int = 0, flowing: int = 0) -> StepMoment:
        """What is alive now, with so many bytes more of gradients of weights and of tensors."""
        alive = Alive(
            weights=self._always.weights,
            buffers=self._always.buffers,
            state=self._always.state,
            gradients=self._gradient_bytes + gradients,
            kept=self._pieces.kept + self._own_kept,
            tensors=self._pieces.tensors,
            tensor_gradients=self._flowing_bytes + flowing,
        )
        return StepMoment(phase, "" if index is None else self.network.nodes[index].name, alive)

    def _forward(self) -> Iterator[StepMoment]:
        network, last_use = self.network, last_uses(self.network)
        for index in range(network.input_count):
            if last_use[index] > index:
                self._pieces.read(index)
        for index in range(network.input_count, len(network.nodes)):
            before = self._pieces.kept + self._own_kept
            segment = self._segment_of.get(index)
            self._pieces.read(index)
            if segment is None:
                self._keep(index)
            else:
                for source in segment.entering_at.get(index, ()):
                    self._pieces.keep(source)
            self.kept_by[index] = self._pieces.kept + self._own_kept - before
            yield self._moment("forward", index)
            for source in {*network.nodes[index].inputs, index}:
                if last_use[source] == index:
                    self._pieces.read(source, -1)

    def _once_more(self, segment: Segment) -> Iterator[StepMoment]:
        """The layers of a segment once more, each of which now keeps what it needs."""
        last_use = {source: index for index in segment.again for source in self.network.nodes[index].inputs}
        outside = {source for sources in segment.entering_at.values() for source in sources}
        for index in segment.again:
            self._pieces.read(index)
            self._keep(index)
            yield self._moment("recompute", index)
            for source in dict.fromkeys(self.network.nodes[index].inputs):
                if last_use[source] == index:
                    (self._pieces.keep if source in outside else self._pieces.read)(source, -1)
            if index not in last_use:
                self._pieces.read(index, -1)

    def _keep(self, index: int, by: int = 1) -> None:
        """Count what a layer keeps for the way back, or count it no longer."""
        wanted, node = self.asked.wanted[index], self.network.nodes[index]
        if not wanted.anything:
            return
        kept = node.config.kept(wanted, *self.network.shapes_into(node))
        for place in kept.inputs:
            self._pieces.keep(node.inputs[place], by)
        if kept.output:
            self._pieces.keep(index, by)
        each_sample = self.sizes.numbers(kept.numbers) + kept.bytes
        shared = self.sizes.numbers(kept.shared_numbers) + kept.shared_bytes
        self._own_kept += by * (each_sample * self.sizes.batch + shared)

    def _backward(self, index: int) -> StepMoment:
        node, wanted = self.network.nodes[index], self.asked.wanted[index]
        sources = [source for source, is_wanted in zip(node.inputs, wanted.inputs, strict=True) if is_wanted]
        is_moved = shares_memory(node.config)
        made = 0 if is_moved else sum(self.sizes.tensor(source) for source in sources)
        moment = self._moment("backward", index, self._array_gradients(index) if wanted.weights else 0, made)
        self._flowing_bytes -= self._flowing.pop(index)
        for source in sources:
            self._flow(source)
        self._keep(index, -1)
        return moment

    def _flow(self, index: int) -> None:
        """The gradient of what a node gives has come, or is added to what had."""
        self._flowing_bytes += self.sizes.tensor(index) - self._flowing.get(index, 0)
        self._flowing[index] = self.sizes.tensor(index)

    def _array_gradients(self, index: int) -> int:
        """Bytes that the gradients of a layer's arrays take beside those that there are, which they are added to."""
        beside = 0
        for name, array in learned_arrays(self.network, index):
            if array.key in self._gradients or array.is_borrowed:
                beside += self.sizes.array(name, array.read_as)
            if array.key not in self._gradients:
                self._gradients.add(array.key)
                self._gradient_bytes += self.sizes.array(array.key[1], array.shape)
        return beside
