"""A network as a graph: names, edges and shapes, in the order the layers run. No YAML and no arithmetic."""

from __future__ import annotations

import msgspec

from convcalc.layers import Kind, Shape


class Node(msgspec.Struct, frozen=True):
    """One layer, or one input of the network.

    `inputs` are indices into `Network.nodes`, always of earlier nodes. `shared` is the index of the layer whose
    weights this one uses. `line` is where it stands in the spec.
    """

    name: str
    kind: str
    config: Kind | None
    inputs: tuple[int, ...]
    shape: Shape
    line: int
    shared: int | None = None


class Group(msgspec.Struct, frozen=True):
    """The layers of one block or one repeat: nodes from `first` up to `last`, the latter not included.

    `times` is how often it is repeated, repetitions that are left out not counted; None for a block that is not
    repeated. `kind` is the block's name, or that of the repeated kind. `about` is what the block's definition says of
    it, empty for a repeat.
    """

    name: str
    kind: str
    first: int
    last: int
    times: int | None
    line: int
    about: str = ""


class Network(msgspec.Struct, frozen=True):
    """A network in document order. The first `input_count` nodes are its inputs.

    `outputs` are indices of nodes. `groups` are in the order they end, so that inner ones come first.
    `variables` are the values used; `overridden` says whether any of them, or an input size, is not the spec's own.
    `computed` are the full names of layers that were worked out, with what is written in place of their last part.
    """

    name: str
    source: str
    nodes: tuple[Node, ...]
    input_count: int
    outputs: tuple[int, ...]
    groups: tuple[Group, ...]
    variables: dict[str, object]
    expect: dict[str, object]
    budget: dict[str, int]
    overridden: bool = False
    computed: dict[str, str] = {}

    @property
    def layers(self) -> tuple[Node, ...]:
        """The nodes that are layers."""
        return self.nodes[self.input_count :]

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The nodes that are inputs."""
        return self.nodes[: self.input_count]

    @property
    def uncosted(self) -> tuple[str, ...]:
        """The layers of which it is not known what they cost, by name."""
        return tuple(node.name for node in self.layers if node.config is not None and not node.config.costed)
