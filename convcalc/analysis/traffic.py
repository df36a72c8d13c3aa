"""Bytes that a layer reads and writes, and its MACs by the formats of their factors."""

from __future__ import annotations

from convcalc.analysis.terms import Terms
from convcalc.arithmetic.number import product
from convcalc.arithmetic.precision import array_bytes
from convcalc.network import Network, Node

Traffic = tuple[int, int, int, int]
"""Bytes that enter a layer, of its weights and of its output, and its bit operations: MACs times the bits of both."""


def traffic_of(network: Network, node: Node, terms: Terms, macs: int) -> Traffic:
    """What a layer moves, for the whole batch but for its weights; `macs` are those of one sample.

    A tensor that enters twice is read once; so are weights, by the layer whose own they are.
    """
    entering = sum(tensor_bytes(network.nodes[source], terms) for source in dict.fromkeys(node.inputs))
    weights = weight_bytes(network, node, terms)
    return entering, weights, output_bytes(node, terms), bit_operations(network, node, terms, macs)


def tensor_bytes(node: Node, terms: Terms) -> int:
    """Bytes of what a node gives, be it an array of its own."""
    return terms.formats(node).activations.bytes_of(product(node.shape)) * terms.batch


def output_bytes(node: Node, terms: Terms) -> int:
    """As `tensor_bytes`, none where the output is an array of the layer's own, which is counted with those."""
    return 0 if node.config.holds_output else tensor_bytes(node, terms)


def weight_bytes(network: Network, node: Node, terms: Terms) -> int:
    """Bytes of what a layer has learned, but for what another layer has already."""
    if node.shared is not None:
        return 0
    formats, arrays = terms.formats(node), node.config.weights(*network.shapes_into(node))
    borrowed = node.borrowed_names
    return sum(array_bytes(shape, formats.of_array(name)) for name, shape in arrays.items() if name not in borrowed)


def buffer_bytes(network: Network, node: Node, terms: Terms) -> int:
    """Bytes of the arrays that a layer keeps and has not learned, in the format of its weights."""
    if node.shared is not None:
        return 0
    formats, arrays = terms.formats(node), node.config.buffers(*network.shapes_into(node))
    borrowed = node.borrowed_names
    return sum(array_bytes(shape, formats.weights) for name, shape in arrays.items() if name not in borrowed)


def bit_operations(network: Network, node: Node, terms: Terms, macs: int) -> int:
    """MACs times the bits of both factors, for the whole batch."""
    if not macs:
        return 0
    formats = terms.formats(node)
    between = node.config.activation_macs(*network.shapes_into(node))
    bits = formats.activations.bits
    return (between * bits + (macs - between) * formats.weights.bits) * bits * terms.batch


def macs_by_format(network: Network, terms: Terms) -> dict[str, int]:
    """The MACs of a network by the formats of their factors, that of the weight first."""
    counted: dict[str, int] = {}
    for node in network.layers:
        shapes, formats = network.shapes_into(node), terms.formats(node)
        macs = node.config.macs(*shapes)
        if not macs:
            continue
        between = node.config.activation_macs(*shapes)
        for first, part in ((formats.weights, macs - between), (formats.activations, between)):
            if part:
                factors = f"{first} x {formats.activations}"
                counted[factors] = counted.get(factors, 0) + part * terms.batch
    return counted
