"""Whether layers that were read from a text are those that stand somewhere in a network."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.language.written import COMMUTATIVE
from convcalc.network import Node
from convcalc.readable.parts import Module
from convcalc.readable.regions import LayerGraph


def is_there(graph: LayerGraph, layers: Sequence[Node], occurrence: Module, nodes: Sequence[Node]) -> bool:
    """Whether nodes behind one input are what an occurrence is; `layers` are those of the network."""
    if len(nodes) != occurrence.exit - occurrence.first + 1:
        return False
    for place, node in enumerate(nodes, start=occurrence.first):
        own, entering = layers[place], graph.inputs[place]
        here = [0 if tensor == occurrence.entry else tensor - occurrence.first + 1 for tensor in entering]
        there = list(node.inputs)
        if own.kind in COMMUTATIVE:
            here, there = sorted(here), sorted(there)
        if (own.kind, own.config, own.shape, here) != (node.kind, node.config, node.shape, there):
            return False
        if own.precision != node.precision:
            return False
    return True
