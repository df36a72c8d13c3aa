"""The graph of a network in the language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.views import words
from convcalc.views.formats.dot import quoted
from convcalc.views.formats.json import Record
from convcalc.views.output import Output
from convcalc.views.pictures.labels import cluster_label, edge_label, node_label
from convcalc.views.pictures.record import record
from convcalc.views.pictures.visible import Cluster, VisibleGraph, nested, seen
from convcalc.views.report.shared import Depicted


def write(depicted: Depicted, out: Output) -> None:
    """A digraph, from top to bottom: open parts are clusters, closed parts have double sides, inputs are round."""
    network = record(depicted.report, depicted.path)
    graph = seen(network, depicted.open)
    title, shapes, _ = words.title(depicted.report, depicted.path)
    lines = [
        f"digraph {quoted(title)} {{",
        f"  label={quoted(f'{title}   {shapes}', *words.total_parts(depicted.report))} labelloc=t",
        '  charset="UTF-8" fontname="Helvetica" fontsize=12',
        '  node [shape=box style=rounded fontname="Helvetica" fontsize=11]',
        '  edge [fontname="Helvetica" fontsize=9 arrowsize=0.7]',
        *_nodes(network, graph),
        *(f"  {edge.source} -> {edge.target} [label={quoted(edge_label(edge))}]" for edge in graph.edges),
        "}",
    ]
    out.utf8("\n".join(lines) + "\n")


def _nodes(network: Record, graph: VisibleGraph) -> Iterator[str]:
    """The nodes in the clusters around them."""
    for depth, item in nested(network, graph):
        indent = "  " * (depth + 1)
        if item is None:
            yield f"{indent}}}"
        elif isinstance(item, Cluster):
            yield f"{indent}subgraph cluster_{item.id} {{ label={quoted(cluster_label(network, item.id))} style=rounded"
        else:
            looks = " shape=ellipse" if item.is_input else " style=solid peripheries=2" if item.id[0] == "p" else ""
            yield f"{indent}{item.id} [label={quoted(*node_label(network, item))}{looks}]"
