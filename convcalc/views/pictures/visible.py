"""What can be seen of a network while some of its parts are open, and how that is joined: `visible.js` in Python."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from convcalc.views.formats.json import Record


class SeenNode(msgspec.Struct, frozen=True):
    """An input, a layer or a closed part, by its id; `parent` is the id of the open part directly around it.

    `is_output`: an output of the network is in it.
    """

    id: str
    parent: str | None
    is_output: bool
    is_input: bool = False


class Cluster(msgspec.Struct, frozen=True):
    """An open part, by its id, and the one around it."""

    id: str
    parent: str | None


class SeenEdge(msgspec.Struct, frozen=True):
    """Tensors that flow from one node to another, with their different shapes as texts."""

    source: str
    target: str
    shapes: tuple[str, ...]


class VisibleGraph(msgspec.Struct, frozen=True):
    """Nodes in the order they run, clusters with the outer ones first, edges in the order of what they lead to."""

    nodes: tuple[SeenNode, ...]
    clusters: tuple[Cluster, ...]
    edges: tuple[SeenEdge, ...]


def seen(network: Record, open_parts: Collection[int] = ()) -> VisibleGraph:
    """What is seen of a network, given as its record, while the parts of these places are open.

    Ids are those of the scripts: "n12" is nodes[12], "p3" is parts[3]. A part in one that is closed is not seen.
    """
    parts = network["parts"]
    stands, parents = _stand_ins(parts, frozenset(open_parts)), _innermost(network)
    of_node = [(stands[parent] if parent is not None else None) or f"n{index}" for index, parent in enumerate(parents)]
    inputs = {f"n{index}" for index, node in enumerate(network["nodes"]) if "costs" not in node}
    outputs = {of_node[index] for index in network["outputs"]}
    around = {f"n{index}": parent for index, parent in enumerate(parents)}
    around |= {f"p{index}": part["parent"] for index, part in enumerate(parts)}
    return VisibleGraph(
        tuple(SeenNode(own, _id(around[own]), own in outputs, own in inputs) for own in dict.fromkeys(of_node)),
        tuple(Cluster(f"p{place}", _id(parts[place]["parent"])) for place, shown in enumerate(stands) if shown is None),
        _edges(network["nodes"], of_node),
    )


def nested(network: Record, graph: VisibleGraph) -> Iterator[tuple[int, SeenNode | Cluster | None]]:
    """Nodes and clusters in the order they run, with how many clusters are around; None where a cluster ends."""

    def first(item: SeenNode | Cluster) -> tuple[int, bool]:
        index = int(item.id[1:])
        return index if item.id[0] == "n" else network["parts"][index]["first"], isinstance(item, SeenNode)

    around: list[str] = []
    items: list[SeenNode | Cluster] = [*graph.clusters, *graph.nodes]
    for item in sorted(items, key=first):
        while around and around[-1] != item.parent:
            around.pop()
            yield len(around), None
        yield len(around), item
        if isinstance(item, Cluster):
            around.append(item.id)
    while around:
        around.pop()
        yield len(around), None


def _id(part: int | None) -> str | None:
    return None if part is None else f"p{part}"


def _stand_ins(parts: list[Record], open_parts: frozenset[int]) -> list[str | None]:
    """For each part the id of the closed one that is seen in its place, its own or one around; None: it is open."""
    ids: list[str | None] = []
    for place, part in enumerate(parts):  # parts come before those inside of them
        around = None if part["parent"] is None else ids[part["parent"]]
        ids.append(around or (None if place in open_parts else f"p{place}"))
    return ids


def _innermost(network: Record) -> list[int | None]:
    """The part directly around each node."""
    parents: list[int | None] = [None] * len(network["nodes"])
    for place, part in enumerate(network["parts"]):
        parents[part["first"] : part["last"]] = [place] * (part["last"] - part["first"])
    return parents


def _edges(nodes: list[Record], of_node: list[str]) -> tuple[SeenEdge, ...]:
    """Those between different nodes, without repetition."""
    shapes: dict[tuple[str, str], dict[str, None]] = {}
    for index, node in enumerate(nodes):
        for source in node["inputs"]:
            ends = of_node[source], of_node[index]
            if ends[0] != ends[1]:
                shapes.setdefault(ends, {})[nodes[source]["shape"]] = None
    return tuple(SeenEdge(*ends, tuple(texts)) for ends, texts in shapes.items())
