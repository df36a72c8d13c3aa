"""The graph of a network as a flowchart of Mermaid, which GitHub draws in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.views import words
from convcalc.views.formats.json import Record
from convcalc.views.formats.mermaid import escaped, label
from convcalc.views.output import Output
from convcalc.views.pictures.labels import cluster_label, edge_label, node_label
from convcalc.views.pictures.record import record
from convcalc.views.pictures.visible import Cluster, VisibleGraph, nested, seen
from convcalc.views.report.shared import Depicted, TooLargeToDraw

MOST_CHARACTERS, MOST_EDGES = 50_000, 500
"""What Mermaid draws with the settings that it has of its own, which GitHub leaves as they are."""


def write(depicted: Depicted, out: Output) -> None:
    """The text of the flowchart, for a block of code whose language is ``mermaid``.

    Raises:
        TooLargeToDraw: GitHub would not draw it.
    """
    network = record(depicted.report, depicted.path)
    graph = seen(network, depicted.open)
    title, beside, _ = words.title(depicted.report, depicted.path)
    lines = [
        "flowchart TB",
        f"  accTitle: {escaped(f'{title} {beside}')}",
        f"  accDescr: {escaped(', '.join(words.total_parts(depicted.report)))}",
        *_nodes(network, graph),
        *(f"  {edge.source} -->|{label(edge_label(edge))}| {edge.target}" for edge in graph.edges),
    ]
    text = "\n".join(lines) + "\n"
    _refuse(len(text), len(graph.edges))
    out.utf8(text)


def _refuse(characters: int, edges: int) -> None:
    """Refuse what is more than Mermaid takes."""
    for count, most, what in ((edges, MOST_EDGES, "edges"), (characters, MOST_CHARACTERS, "characters")):
        if count > most:
            raise TooLargeToDraw(
                f"mermaid: GitHub draws a graph of at most {most:,} {what}, and this one has {count:,}: "
                "open fewer blocks with --open, or write --format svg"
            )


def _nodes(network: Record, graph: VisibleGraph) -> Iterator[str]:
    """The nodes in the open parts around them: inputs are round, closed parts have double sides."""
    for depth, item in nested(network, graph):
        indent = "  " * (depth + 1)
        if item is None:
            yield f"{indent}end"
        elif isinstance(item, Cluster):
            yield f"{indent}subgraph {item.id}[{label(cluster_label(network, item.id))}]"
        else:
            left, right = ("([", "])") if item.is_input else ("[[", "]]") if item.id[0] == "p" else ("[", "]")
            yield f"{indent}{item.id}{left}{label(*node_label(network, item))}{right}"
