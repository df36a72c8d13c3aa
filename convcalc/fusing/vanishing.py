"""Layers that give what they get, dropout and identity among them, are not run.

They stay where they change the format of the numbers, and where they are an output of the network that would be left
without a tensor of its own: behind an input or a `parameter`, or beside another output.
"""

from __future__ import annotations

from convcalc.fusing.wiring import Wiring


def sources_without_inert(wiring: Wiring) -> tuple[list[int], set[int]]:
    """For each node the one whose output stands in its place, and the nodes that are not run."""
    sources: list[int] = []
    vanished = set()
    leaving: set[int] = set()
    for index, node in enumerate(wiring.network.nodes):
        leaves = index in wiring.outputs
        source = index
        if node.config.is_inert and len(node.inputs) == 1 and wiring.is_stored_alike(index, node.inputs[0]):
            source = sources[node.inputs[0]]
            if leaves and (source in leaving or wiring.is_kept_by_others(source)):
                source = index
            else:
                vanished.add(index)
        if leaves:
            leaving.add(source)
        sources.append(source)
    return sources, vanished
