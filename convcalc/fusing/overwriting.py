"""What works element by element writes over what it reads, where nothing else reads that: `add` sums up in place.

The tensor has the shape and the format of the output, and is none that the caller of the network has given.
"""

from __future__ import annotations

from convcalc.network import Network


def place_overwritten(network: Network, index: int, sources: list[int], users: dict[int, list[int]]) -> int | None:
    """The first tensor that a layer can write over, by its place among those that enter; None if there is none."""
    node = network.nodes[index]
    if not node.config.is_elementwise and not node.config.scales_channels:
        return None
    for place, source in enumerate(sources[source] for source in node.inputs):
        entering = network.nodes[source]
        own = not entering.is_input and not entering.config.holds_output
        if own and users[source] == [index] and entering.shape == node.shape and entering.precision == node.precision:
            return place
    return None
