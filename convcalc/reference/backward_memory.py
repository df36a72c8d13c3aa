"""How much memory a network takes on the way there and back, worked out before anything is allocated."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.arithmetic.number import product
from convcalc.layers import Kept, Kind, Wanted
from convcalc.network import Network, Node
from convcalc.reference.gradients import ancestors
from convcalc.reference.memory import WORKSPACE_BYTES
from convcalc.reference.workspace import workspace

_AT_ONCE = 3
"""Tensors of the size of the largest that a layer has on the way back: what comes, what goes, and one between them."""
_ELEMENT = 8
"""Bytes of a number where gradients are held against differences."""
_OPERANDS = 5
"""Of each tensor that is moved: itself, its gradient, a direction, a step along it, and where that leads."""
_OUTPUTS = 6
"""Tensors of what leaves, while two runs are compared: itself, its weights, both runs, and two of their differences."""


def bytes_to_differentiate(
    network: Network, of: int, *, batch: int = 1, element: int = 4, with_arrays: bool = False
) -> int:
    """Memory for the gradients of what enters a network by what leaves the node `of`, of `batch` samples at once.

    What its layers keep for the way back, each tensor once, the gradients that wait, and what one layer takes while it
    runs; the arrays of all layers; an element has so many bytes. `with_arrays`: the gradients of all arrays too.
    """
    order = _layers_before(network, of)
    kept, beside = _kept(network, order, batch, element, with_arrays=with_arrays)
    tensors = sum(product(network.nodes[index].shape) for index in kept)
    passing = _alive(network, order) + _at_once(network, order)
    arrays = _arrays(network)
    if with_arrays:
        arrays += sum(_own(network, index) for index in order) + max(
            (_own(network, index) for index in order), default=0
        )
    return (batch * (tensors + passing) + arrays) * element + beside + WORKSPACE_BYTES


def bytes_to_check_gradients(network: Network) -> int:
    """Memory for holding the gradients of a network, and of each of its layers, against differences, in float64.

    That is the way there and back for the gradients of all there is, or what comes behind it, where that is more: the
    arrays with their gradients, a direction and where they are moved to, while the network runs; or for each layer as
    much of what enters it, with several of what leaves, while others wait.
    """
    of = next((index for index in network.outputs if index >= network.input_count), None)
    order = range(network.input_count, len(network.nodes))
    waiting = _alive(network, order)
    alone = max((_of_layer(network, index) for index in order), default=0)
    steps = [waiting * _ELEMENT + alone + WORKSPACE_BYTES]
    if of is not None:
        entering = sum(product(node.shape) for node in network.inputs)
        moved = _OPERANDS * (_arrays(network) + entering) + waiting + _at_once(network, order)
        steps.append(moved * _ELEMENT + WORKSPACE_BYTES)
        steps.append(bytes_to_differentiate(network, of, element=_ELEMENT, with_arrays=True))
    return max(steps)


def _of_layer(network: Network, index: int) -> int:
    """What the check of one layer takes beside the tensors that wait, in bytes."""
    node = network.nodes[index]
    entering = network.shapes_into(node)
    operands = sum(map(product, entering)) + _elements(network, node)
    keeps = node.config.kept(Wanted((True,) * len(entering), bool(network.arrays_of(node))), *entering)
    passing = _OPERANDS * operands + _OUTPUTS * product(node.shape) + 2 * _workspace(node, entering)
    return passing * _ELEMENT + keeps.beside(_ELEMENT)


def _layers_before(network: Network, of: int) -> list[int]:
    return [index for index in ancestors(network, of) if index >= network.input_count]


def _kept(
    network: Network, order: Sequence[int], batch: int, element: int, *, with_arrays: bool
) -> tuple[set[int], int]:
    """The nodes whose tensors are kept for the way back, and the bytes that are kept beside them."""
    flows = [True] * network.input_count + [False] * len(network.layers)
    kept, beside = set[int](), 0
    for index in order:
        node = network.nodes[index]
        wanted = Wanted(
            tuple(flows[source] for source in node.inputs), weights=with_arrays and bool(network.arrays_of(node))
        )
        flows[index] = wanted.anything
        if not wanted.anything:
            continue
        keeps = _keeps(node, wanted, network.shapes_into(node))
        kept |= {_holder(network, node.inputs[place]) for place in keeps.inputs}
        kept |= {_holder(network, index)} if keeps.output else set()
        beside += keeps.beside(element, batch)
    return kept, beside


def _keeps(node: Node, wanted: Wanted, entering: tuple[tuple[int, ...], ...]) -> Kept:
    """What a layer keeps in a run, in which statistics are those that were learned and nothing is dropped."""
    is_scale = node.config.scales_channels and not wanted.weights
    return Kept() if is_scale or node.config.is_inert else node.config.kept(wanted, *entering)


def _at_once(network: Network, order: Sequence[int]) -> int:
    """The elements that a layer has while it runs, there or back, of the layers the most."""
    most = 0
    for index in order:
        node = network.nodes[index]
        entering = network.shapes_into(node)
        largest = max(product(node.shape), *map(product, entering), 0)
        most = max(most, _AT_ONCE * largest + 2 * _workspace(node, entering))
    return most


def _arrays(network: Network) -> int:
    return sum(_own(network, index) for index in range(network.input_count, len(network.nodes)))


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


def _own(network: Network, index: int) -> int:
    """The elements of a layer's arrays, where it shares none of another."""
    node = network.nodes[index]
    return 0 if node.shared is not None else _elements(network, node)


def _elements(network: Network, node: Node) -> int:
    arrays = network.arrays_of(node).items()
    return sum(product(shape) for name, shape in arrays if name not in node.borrowed_names)
