"""What stands in the nodes and at the edges of a graph that others lay out, a text a line."""

from __future__ import annotations

from convcalc.views import words
from convcalc.views.formats.json import Record
from convcalc.views.pictures.visible import SeenEdge, SeenNode
from convcalc.visible import short

MOST_SHAPES = 3
"""Shapes that an edge names."""


def item_of(network: Record, id: str) -> Record:  # noqa: A002  # the scripts' word
    """The node or part of an id, in the record of a network."""
    item: Record = network["nodes" if id[0] == "n" else "parts"][int(id[1:])]
    return item


def node_label(network: Record, node: SeenNode) -> list[str]:
    """The name, the kind unless that is the name, the shape of what leaves the network or enters it, and the costs."""
    item = item_of(network, node.id)
    shape = item["shape"] if node.is_output or node.is_input else ""
    says_more = not node.is_input and item["name"].rpartition(".")[2].rstrip("0123456789") != kind(item)
    texts = [short(item["name"]), kind(item) if says_more else "", shape]
    return [text for text in (*texts, *_costs(network, item)) if text]


def kind(item: Record) -> str:
    """Conv 7x7 /2; bottleneck ×3."""
    times = f" ×{item['times']}" if item.get("times") else ""
    return short(f"{item['kind']} {item.get('summary', '')}".rstrip()) + times


def cluster_label(network: Record, id: str) -> str:  # noqa: A002  # the scripts' word
    """The name of an open part, and its kind where that says more."""
    item = item_of(network, id)
    return f"{short(item['name'])} ({kind(item)})"


def edge_label(edge: SeenEdge) -> str:
    """The shapes of the tensors that flow there, as many as can be read."""
    more = len(edge.shapes) - MOST_SHAPES
    return ", ".join(edge.shapes[:MOST_SHAPES]) + (f" and {more} more" if more > 0 else "")


def _costs(network: Record, item: Record) -> list[str]:
    """118.0 M MACs; 9,408 params. What is nothing is left out."""
    if "costs" not in item:
        return []
    costs = dict(zip(network["columns"], item["costs"], strict=True))
    if item.get("uncosted", 0) >= item.get("last", 1) - item.get("first", 0):
        return ["cost not known"]
    least = "≥ " if item.get("uncosted") else ""
    return [f"{least}{words.scaled(costs[name])} {label}" for name, label in COSTS if costs[name]]


COSTS = (("macs", "MACs"), ("params", "params"))
"""The costs that a node names, by their column."""
