"""A network run on arrays, layer by layer, and what was measured on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

from convcalc.layers import Kind, Shape
from convcalc.network import Network
from convcalc.tensors.engine import Array, Engine


class Weights(Protocol):
    """Where a layer's arrays come from."""

    def of(self, index: int) -> Mapping[str, Array]:
        """The arrays, by name, of the node at `index`: learned ones and buffers."""

    def done(self, index: int) -> None:
        """The node at `index` has run."""


class Handed(dict[str, Array]):
    """A layer's arrays, which remembers those that were read."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        super().__init__(arrays)
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> Array:
        self.used.add(name)
        return super().__getitem__(name)


class Step(NamedTuple):
    """What the node at `place` did: its output, batch in front, the arrays it read, the multiplications."""

    place: int
    output: Array
    used: dict[str, Shape]
    multiplications: int


def written(config: Kind) -> SimpleNamespace:
    """The fields of a layer as a person could have written them, and nothing else of it."""
    return SimpleNamespace(**{name: getattr(config, name) for name in config.__struct_fields__})


def run_layer(engine: Engine, config: Kind, arrays: Mapping[str, Array], inputs: list[Array]) -> tuple[Array, set[str]]:
    """One layer's output, and the names of the arrays that it read."""
    handed = Handed(arrays)
    output = type(config).reference(engine, written(config), handed, *inputs)
    return output, handed.used


def execute(network: Network, inputs: Mapping[str, Array], weights: Weights, engine: Engine) -> Iterator[Step]:
    """Run every layer in order; a tensor is let go of after its last use.

    `inputs` are by name and have the batch in front. Whoever iterates must not keep an output longer than it needs.
    """
    nodes = network.nodes
    last_use = {source: index for index, node in enumerate(nodes) for source in node.inputs}
    tensors: dict[int, Any] = {index: inputs[node.name] for index, node in enumerate(network.inputs)}
    for index in range(network.input_count, len(nodes)):
        node = nodes[index]
        assert node.config is not None  # noqa: S101  # for the type checker: only inputs have none
        arrays = weights.of(index)
        before = engine.multiplications
        entering = [tensors[source] for source in node.inputs]
        tensors = {kept: tensor for kept, tensor in tensors.items() if last_use.get(kept, -1) > index}
        output, used = run_layer(engine, node.config, arrays, entering)
        del entering
        weights.done(index)
        if index in last_use:
            tensors[index] = output
        shapes = {name: arrays[name].shape for name in arrays if name in used}
        del arrays
        yield Step(index, output, shapes, engine.multiplications - before)
        del output
