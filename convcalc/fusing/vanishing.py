"""Layers that give what they get, dropout and identity among them, are not run.

What leaves the network keeps its name: an input that only passes through is still a layer.
"""

from __future__ import annotations

from convcalc.network import Network


def sources_without_inert(network: Network) -> tuple[list[int], set[int]]:
    """For each node the one whose output stands in its place, and the nodes that are not run."""
    sources: list[int] = []
    vanished = set()
    outputs = set(network.outputs)
    for index, node in enumerate(network.nodes):
        source = sources[node.inputs[0]] if len(node.inputs) == 1 else index
        inert = node.config.is_inert and len(node.inputs) == 1
        if inert and not (index in outputs and network.nodes[source].is_input):
            vanished.add(index)
            sources.append(source)
        else:
            sources.append(index)
    return sources, vanished
