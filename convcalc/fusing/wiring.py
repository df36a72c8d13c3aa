"""Who reads what in a network that is being fused, whose arrays are whose, and what its numbers are held in.

All of it is worked out once, so that fusing takes as long as the network is, however long that is.
"""

from __future__ import annotations

from typing import Any

from convcalc.arithmetic.precision import Precision
from convcalc.layers import Kind
from convcalc.network import Network

LEAVES = -1
"""Stands among the readers of what is an output of the network."""


class Wiring:
    """A network, the formats of those of its layers that say none, and what is to be known of its edges."""

    def __init__(self, network: Network, precision: Precision) -> None:
        self.network = network
        self.precision = precision
        self.outputs = frozenset(network.outputs)
        lending = {node.shared for node in network.layers if node.shared is not None}
        self._lending = lending | {array.owner for node in network.layers for array in node.borrowed}

    def formats(self, index: int) -> Precision:
        """The formats of a node's numbers: its own, or else those of the network."""
        own = self.network.nodes[index].precision
        return self.precision if own is None else own.over(self.precision)

    def is_stored_alike(self, first: int, second: int) -> bool:
        """Whether what two nodes give is in the same format, so that nothing is converted between them."""
        before, after = self.formats(first), self.formats(second)
        return before is after or before.activations == after.activations

    def has_own_arrays(self, index: int) -> bool:
        """Whether no other layer reads the arrays of this one, and it reads none of another's."""
        node = self.network.nodes[index]
        return node.shared is None and not node.borrowed and index not in self._lending

    def is_kept_by_others(self, index: int) -> bool:
        """Whether the caller of the network, or a layer's arrays, hold what a node gives: nobody may write there."""
        node = self.network.nodes[index]
        return node.is_input or node.config.holds_output


def readers(network: Network, sources: list[int], vanished: set[int]) -> list[list[int]]:
    """The nodes that read what each gives, in order and as often as they do; `LEAVES` where the network gives it."""
    readers: list[list[int]] = [[] for _ in network.nodes]
    for index, node in enumerate(network.nodes):
        if index not in vanished:
            for source in node.inputs:
                readers[sources[source]].append(index)
    for index in network.outputs:
        readers[sources[index]].append(LEAVES)
    return readers


def has_arrays(config: Kind) -> bool:
    """Whether a layer of this kind may have arrays."""
    kind: Any = type(config)
    return kind.weights is not Kind.weights or kind.buffers is not Kind.buffers


def works_on_numbers(config: Kind) -> bool:
    """Whether a layer of this kind does arithmetic; what only moves numbers does not."""
    kind: Any = type(config)
    return kind.macs is not Kind.macs or kind.elementwise_ops is not Kind.elementwise_ops
