"""Bytes that a layer reads and writes, and its MACs by the formats of their factors."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from convcalc.analysis.terms import Terms
from convcalc.arithmetic.number import product
from convcalc.arithmetic.precision import Precision, array_bytes
from convcalc.layers import Kind, Shape
from convcalc.network import Network, Node

Traffic = tuple[int, int, int, int]
"""Bytes that enter a layer, of its weights and of its output, and its bit operations: MACs times the bits of both."""


def traffic_of(network: Network, node: Node, terms: Terms, weights: int, bit_operations: int) -> Traffic:
    """What a layer moves, for the whole batch but for its weights; `bit_operations` are those of one sample.

    A tensor that enters twice is read once; so are weights, by the layer whose own they are.
    """
    nodes, inputs = network.nodes, node.inputs
    sources = inputs if len(inputs) < 2 else dict.fromkeys(inputs)
    entering = sum([tensor_bytes(nodes[source], terms) for source in sources])
    owned = weights if node.shared is None else 0
    return entering, owned, output_bytes(node, terms), bit_operations * terms.batch


def tensor_bytes(node: Node, terms: Terms) -> int:
    """Bytes of what a node gives, be it an array of its own."""
    return terms.formats(node).activations.bytes_of(product(node.shape)) * terms.batch


def output_bytes(node: Node, terms: Terms) -> int:
    """As `tensor_bytes`, none where the output is an array of the layer's own, which is counted with those."""
    return 0 if node.config.holds_output else tensor_bytes(node, terms)


def weight_bytes(config: Kind, shapes: tuple[Shape, ...], borrowed: Collection[str], formats: Precision) -> int:
    """Bytes of what a layer has learned; `borrowed` arrays are another's."""
    arrays = config.weights(*shapes).items()
    return sum([array_bytes(shape, formats.of_array(name)) for name, shape in arrays if name not in borrowed])


def buffer_bytes(network: Network, node: Node, terms: Terms) -> int:
    """Bytes of the arrays that a layer keeps and has not learned, in the format of its weights."""
    if node.shared is not None:
        return 0
    arrays = node.config.buffers(*network.shapes_into(node))
    if not arrays:
        return 0
    formats, borrowed = terms.formats(node), node.borrowed_names
    return sum([array_bytes(shape, formats.weights) for name, shape in arrays.items() if name not in borrowed])


def bit_operations(config: Kind, shapes: tuple[Shape, ...], formats: Precision, macs: int) -> int:
    """MACs times the bits of both factors; all `macs` are of one sample."""
    between, bits = config.activation_macs(*shapes), formats.activations.bits
    return (between * bits + (macs - between) * formats.weights.bits) * bits


def macs_by_format(network: Network, terms: Terms, macs: Iterable[int]) -> dict[str, int]:
    """The MACs of a network by the formats of their factors, that of the weight first; `macs` are those of its layers.

    They are for the whole batch.
    """
    counted: dict[str, int] = {}
    for node, of_layer in zip(network.layers, macs, strict=True):
        if not of_layer:
            continue
        formats = terms.formats(node)
        between = node.config.activation_macs(*network.shapes_into(node)) * terms.batch
        for first, part in ((formats.weights, of_layer - between), (formats.activations, between)):
            if part:
                factors = f"{first} x {formats.activations}"
                counted[factors] = counted.get(factors, 0) + part
    return counted
