"""Graphs as the scripts of a page read them, and what of them is seen, worked out without these scripts."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from convcalc.views.pictures.engine import ScriptEngine
from convcalc.views.report.svg import SCRIPTS

Graph = dict[str, Any]
"""What `convcalc.views.pictures.record` gives, or as much of it as a graph takes."""


@cache
def engine() -> ScriptEngine:
    """The scripts of a picture, loaded once for all tests of a process."""
    return ScriptEngine(SCRIPTS)


def drawn(draw: random.Random, most: int = 16) -> Graph:
    """A graph with edges from any earlier node to any later, cut into parts within parts at random."""
    count = draw.randint(1, most)
    nodes: list[Graph] = []
    for place in range(count):
        before = list(range(place))
        sources = draw.sample(before, min(place, draw.choice([1, 1, 1, 2, 3]))) if place else []
        costs = {"costs": [draw.choice([0, 3, 10**9])] * 8} if sources else {}
        shape = "x".join(str(draw.choice([1, 16, 2048])) for _ in range(draw.randint(1, 3)))
        nodes.append({"name": f"n{place}", "kind": "conv", "shape": shape, "inputs": sources, **costs})
    parts: list[Graph] = []
    _divide(draw, parts, 0, count, None)
    outputs = [place for place in range(count) if not any(place in node["inputs"] for node in nodes)]
    columns = ["params", "macs", "elementwise_ops", "flops", "input_bytes", "weight_bytes", "output_bytes"]
    return {"name": "g", "columns": [*columns, "bytes_moved"], "nodes": nodes, "parts": parts, "outputs": outputs}


def _divide(draw: random.Random, parts: list[Graph], first: int, last: int, parent: int | None) -> None:
    at = first
    while at < last:
        end = min(last, at + draw.randint(1, 5))
        if draw.random() < 0.5 and (at, end) != (first, last):
            own = len(parts)
            shape, costs = "1x2x3", [0] * 8
            part = {"name": f"p{own}", "kind": "block", "first": at, "last": end, "parent": parent}
            parts.append({**part, "shape": shape, "costs": costs})
            _divide(draw, parts, at, end, own)
        at = end


def stand_in(graph: Graph, opened: set[int], node: int) -> str:
    """What is seen of a node: the outermost part around it that is closed, or itself."""
    around = [place for place, part in enumerate(graph["parts"]) if part["first"] <= node < part["last"]]
    outer_first = sorted(around, key=lambda place: graph["parts"][place]["first"] - graph["parts"][place]["last"])
    return next((f"p{place}" for place in _nested(graph, outer_first) if place not in opened), f"n{node}")


def _nested(graph: Graph, places: list[int]) -> list[int]:
    """The same parts by how many are around them, since two may hold the same nodes."""

    def depth(place: int) -> int:
        parent = graph["parts"][place]["parent"]
        return 0 if parent is None else 1 + depth(parent)

    return sorted(places, key=depth)


def seen_edges(graph: Graph, opened: set[int]) -> dict[tuple[str, str], set[str]]:
    """The edges between what is seen, each with the shapes that flow along it."""
    edges: dict[tuple[str, str], set[str]] = {}
    for place, node in enumerate(graph["nodes"]):
        for source in node["inputs"]:
            ends = stand_in(graph, opened, source), stand_in(graph, opened, place)
            if ends[0] != ends[1]:
                edges.setdefault(ends, set()).add(graph["nodes"][source]["shape"])
    return edges
