"""How much memory a network takes on the way there and back, worked out before anything is allocated."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.arithmetic.number import product
from convcalc.layers import Kind, Wanted
from convcalc.network import Network, Node
from convcalc.reference.gradients import ancestors
from convcalc.reference.memory import WORKSPACE_BYTES
from convcalc.reference.workspace import workspace

_AT_ONCE = 3
"""Tensors of the size of the largest that a layer has on the way back: what comes, what goes, and one between them."""


def bytes_to_differentiate(network: Network, of: int, *, batch: int = 1, element: int = 4) -> int:
    """Memory for the gradients of what enters a network by what leaves the node `of`, of `batch` samples at once.

    What its layers keep for the way back, each tensor once, the gradients that wait, and what one layer takes while it
    runs; the arrays of all layers; an element has so many bytes.
    """
    order = [index for index in ancestors(network, of) if index >= network.input_count]
    kept, beside = set[int](), 0
    largest, on_the_way = 0, 0
    for index in order:
        node = network.nodes[index]
        entering = network.shapes_into(node)
        keeps = node.config.kept(Wanted((True,) * len(entering), False), *entering)
        kept |= {_holder(network, node.inputs[place]) for place in keeps.inputs}
        kept |= {_holder(network, index)} if keeps.output else set()
        beside += keeps.beside(element, batch)
        largest = max(largest, product(node.shape), *map(product, entering), 0)
        on_the_way = max(on_the_way, _workspace(node, entering))
    tensors = sum(product(network.nodes[index].shape) for index in kept)
    passing = _alive(network, order) + _AT_ONCE * largest + 2 * on_the_way
    arrays = sum(_elements(network, network.nodes[index]) for index in range(network.input_count, len(network.nodes)))
    return (batch * (tensors + passing) + arrays) * element + beside + WORKSPACE_BYTES


def _holder(network: Network, index: int) -> int:
    """The node whose tensor is in memory where a node only gives it another shape."""
    node = network.nodes[index]
    while not node.is_input and _shares(node.config):
        index = node.inputs[0]
        node = network.nodes[index]
    return index


def _shares(config: Kind) -> bool:
    return config.is_view or config.is_inert


def _alive(network: Network, order: Sequence[int]) -> int:
    """The most elements of tensors that wait for layers to come; gradients on the way back wait as long."""
    last_use = {source: index for index in order for source in network.nodes[index].inputs}
    waiting = {index: product(network.nodes[index].shape) for index in last_use if index < network.input_count}
    most = sum(waiting.values())
    for index in order:
        waiting[index] = product(network.nodes[index].shape)
        most = max(most, sum(waiting.values()))
        for source in set(network.nodes[index].inputs):
            if last_use[source] == index:
                waiting.pop(source, None)
    return most


def _workspace(node: Node, entering: tuple[tuple[int, ...], ...]) -> int:
    return workspace(node.config, node.kind, entering, node.shape) if node.config.costed else 0


def _elements(network: Network, node: Node) -> int:
    if node.shared is not None:
        return 0
    arrays = network.arrays_of(node).items()
    return sum(product(shape) for name, shape in arrays if name not in node.borrowed_names)
