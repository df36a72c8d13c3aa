"""A network as a graph: names, edges and shapes, in the order the layers run. No YAML and no arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import msgspec
from msgspec.structs import replace

from convcalc.arithmetic.precision import PartialPrecision, Precision
from convcalc.layers import Input, Kind, Shape, Weights
from convcalc.presenting import Presented


class Borrowed(msgspec.Struct, frozen=True):
    """An array of a layer that has no elements of its own: it reads those of `array` of the earlier node `owner`.

    Arrays of equal shapes are the same. Otherwise the owner's axes are taken in another order where that makes the
    shape (see `order_of_axes`), and else its elements as they lie, from the first on, as many as are needed. Those of a
    `parameter` begin again where they are too few, as a table of relative positions is read again and again.
    """

    name: str
    owner: int
    array: str


def order_of_axes(source: Shape, wanted: Shape) -> tuple[int, ...] | None:
    """The order in which the axes of an array make another shape, the first that fits; None if there is none."""
    left = dict(enumerate(source))
    order = []
    for size in wanted:
        axis = next((axis for axis, length in left.items() if length == size), None)
        if axis is None:
            return None
        del left[axis]
        order.append(axis)
    return None if left else tuple(order)


class Node(msgspec.Struct, frozen=True):
    """One layer, or one input of the network.

    `inputs` are indices into `Network.nodes`, always of earlier nodes. `shared` is the index of the layer whose
    weights this one uses, all of them; `borrowed` are the single arrays that it has from others. `line` is where it
    stands in the spec. `precision` are the formats that it has of its own. `in_place` is the one of its `inputs`, by
    its place among them, whose memory the output is written to; None: it has memory of its own. `merged` are the layers
    that run in it, by name, where it is a kernel (see `convcalc.fusing`).
    """

    name: str
    kind: str
    config: Kind
    inputs: tuple[int, ...]
    shape: Shape
    line: int
    shared: int | None = None
    borrowed: tuple[Borrowed, ...] = ()
    precision: PartialPrecision | None = None
    in_place: int | None = None
    merged: tuple[str, ...] = ()

    @property
    def overwritten(self) -> int | None:
        """The node whose memory the output is written to, None if there is none."""
        return None if self.in_place is None else self.inputs[self.in_place]

    @property
    def is_input(self) -> bool:
        """Whether it is an input of the network, and no layer."""
        return isinstance(self.config, Input)

    @property
    def borrowed_names(self) -> frozenset[str]:
        """The arrays whose elements are another layer's."""
        return frozenset(array.name for array in self.borrowed)


def input_node(name: str, shape: Shape, line: int) -> Node:
    """A node for what enters the network from outside."""
    return Node(name, "input", Input(sizes=shape), (), shape, line)


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


class Deployment(msgspec.Struct, frozen=True):
    """How a network runs, as far as its spec says so; None for what it does not say.

    `fused`: with the layers merged that a runtime merges. `precision`: the formats of its numbers. `device`: what it
    runs on, by name.
    """

    fused: bool | None = None
    precision: Precision | None = None
    batch: int | None = None
    device: str | None = None


class TextOrigin(msgspec.Struct, frozen=True, dict=True, eq=False):
    """The text that a network was read from, with the input shapes and variables that replaced its own.

    `read` gives it: that of a model file is written only where somebody asks for it. `named` is how it was named, with
    sizes of its own, and `path` its name as a text. An origin is no part of what the network is: networks that differ
    in it alone are equal.
    """

    read: Callable[[], Any]
    inputs: Mapping[str, Shape]
    variables: Mapping[str, object]
    named: Any = None
    path: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextOrigin) or NotImplemented

    def __hash__(self) -> int:
        return hash(TextOrigin)

    @cached_property
    def source(self) -> Any:
        """The text and its name (`convcalc.language.Source`)."""
        return self.read()


class Network(Presented, msgspec.Struct, frozen=True):
    """A network in document order. The first `input_count` nodes are its inputs.

    `outputs` are indices of nodes. `groups` are in the order they end, so that inner ones come first.
    `variables` are the values used; `overridden` says whether any of them, or an input size, is not the spec's own.
    `warnings` are what a reader of the figures must know of the file that they come from, where it is a model.
    `computed` are the full names of layers that were worked out, with what is written in place of their last part.
    `origin` is the spec that the network was read from, None where it was put together otherwise. `imported` is the
    record of the model file that it comes from (`convcalc.imports.record.Imported`), for those who run that file.
    `deployment` is how its spec says that it runs, `code` what PyTorch code calls for layers of a kind or some names,
    the last that fits (see `convcalc.counters.calls`). `assumptions` are sentences on what is taken of that code and
    is not in the model file that the network comes from. `published` are numbers as its paper prints them, by the
    paper's word (see `convcalc.language.publishing`).
    """

    name: str
    source: str
    nodes: tuple[Node, ...]
    input_count: int
    outputs: tuple[int, ...]
    groups: tuple[Group, ...]
    variables: dict[str, object]
    expect: dict[str, object]
    budget: dict[str, Any]
    overridden: bool = False
    warnings: tuple[str, ...] = ()
    computed: dict[str, str] = {}
    deployment: Deployment = Deployment()
    code: dict[str, str] = {}
    assumptions: tuple[str, ...] = ()
    published: dict[str, str] = {}
    origin: TextOrigin | None = None
    imported: Any = None

    @property
    def layers(self) -> tuple[Node, ...]:
        """The nodes that are layers."""
        return self.nodes[self.input_count :]

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The nodes that are inputs."""
        return self.nodes[: self.input_count]

    @property
    def lent(self) -> frozenset[tuple[int, str]]:
        """The single arrays whose elements other layers read too: the node that has them, and the array's name."""
        return frozenset((array.owner, array.array) for node in self.layers for array in node.borrowed)

    @property
    def uncosted(self) -> tuple[str, ...]:
        """The layers of which it is not known what they cost, by name."""
        return tuple(node.name for node in self.layers if not node.config.costed)

    def shapes_into(self, node: Node) -> tuple[Shape, ...]:
        """The shapes that enter a node."""
        return tuple(self.nodes[source].shape for source in node.inputs)

    def arrays_of(self, node: Node) -> Weights:
        """Shapes of the arrays of a layer, learned or not, by name."""
        return node.config.arrays(*self.shapes_into(node))

    def alone(self, index: int) -> Network:
        """The network of one layer, with arrays of its own, between the tensors that enter it."""
        node = self.nodes[index]
        places = {source: place for place, source in enumerate(dict.fromkeys(node.inputs))}
        inputs = [input_node(before.name, before.shape, before.line) for before in map(self.nodes.__getitem__, places)]
        layer = replace(node, inputs=tuple(places[source] for source in node.inputs), shared=None, borrowed=())
        count = len(inputs)
        return replace(self, nodes=(*inputs, layer), input_count=count, outputs=(count,), groups=(), imported=None)
