"""An activation runs in the kernel of the layer before, in its memory, where nothing else reads what that gives."""

from __future__ import annotations

from convcalc.network import Network, Node


def joins(network: Network, first: int, node: Node) -> bool:
    """Whether a layer runs in the kernel that `first` begins, whose output it alone reads."""
    head, config = network.nodes[first], node.config
    runs = not head.is_input and not head.config.holds_output and head.config.costed
    return runs and config.is_activation and config.is_elementwise and node.shared is None and not node.borrowed
