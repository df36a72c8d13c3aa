"""Functions of a model written out where they are called, and nodes in an order in which they can run."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from msgspec.structs import replace

from convcalc import steps
from convcalc.imports.errors import CannotImport, plain
from convcalc.imports.onnx.nodes import AttributeReference, Attributes, GraphNode
from convcalc.imports.onnx.reading import Graph, Model, Subgraph

MOST_CALLS = 16
"""Functions that call one another, and graphs within graphs."""


def written_out(model: Model, called: Sequence[GraphNode], first: int = 0) -> list[GraphNode]:
    """Some nodes with every call of a function replaced by what the function does; `first` calls were there before."""
    if not model.functions:
        return list(called)
    nodes: list[GraphNode] = []
    waiting = [(node, 0) for node in reversed(called)]
    calls = first
    while waiting:
        node, depth = waiting.pop()
        overload = node.attributes.get("__overload__", "")
        function = model.functions.get((node.domain, node.op, str(overload)))
        if function is None:
            nodes.append(node)
        elif depth >= MOST_CALLS:
            raise CannotImport(f"functions that call one another {MOST_CALLS} times over, at {node.title}")
        else:
            calls += 1
            steps.spend(len(function.inputs) + len(node.outputs) + len(function.defaults) + len(node.attributes))
            attributes = Attributes({**function.defaults, **node.attributes})
            names = dict(zip(function.inputs, [*node.inputs, *[""] * len(function.inputs)], strict=False))
            names |= dict(zip(function.outputs, node.outputs, strict=False))
            inner: list[GraphNode] = []
            for template in function.nodes:
                inner.append(_renamed(template, names, f"{node.title}/", calls, attributes))
                renamed = (inner[-1].name, *inner[-1].inputs, *inner[-1].outputs)
                steps.spend(5 + len(renamed) + len(template.attributes) + sum(map(len, renamed)) // 50)
            waiting += [(called, depth + 1) for called in reversed(inner)]
    return nodes


def _renamed(node: GraphNode, names: dict[str, str], before: str, call: int, attributes: Attributes) -> GraphNode:
    def named(name: str) -> str:
        return names.get(name, f"{before}{name}#{call}") if name else name

    def within(graph: Graph) -> None:
        """What a graph within the node is called, which may read what is around it."""
        graph.nodes = [_renamed(inner, names, before, call, attributes) for inner in graph.nodes]
        graph.initialisers = {named(name): tensor for name, tensor in graph.initialisers.items()}
        for info in (*graph.inputs, *graph.outputs):
            info.name = named(info.name)

    own = Attributes()
    for key, value in node.attributes.items():
        if isinstance(value, Subgraph):
            own[key] = replace(value, changes=(*value.changes, within))
        elif not isinstance(value, AttributeReference):
            own[key] = value
        elif value.name in attributes:
            own[key] = attributes[value.name]
    inputs, outputs = list(map(named, node.inputs)), list(map(named, node.outputs))
    return replace(node, name=before + (node.name or node.op), inputs=inputs, outputs=outputs, attributes=own)


def read_names(node: GraphNode, depth: int = 0) -> list[str]:
    """The tensors a node reads, those that the graphs in its attributes read among them."""
    names = list(node.inputs)
    for value in node.attributes.values():
        if isinstance(value, Subgraph):
            if depth >= MOST_CALLS:
                raise CannotImport(f"graphs within graphs, {MOST_CALLS} deep, at {node.title}")
            graph: Graph = value.read()
            own = {*graph.initialisers, *(info.name for info in graph.inputs)}
            own.update(name for inner in graph.nodes for name in inner.outputs)
            within = [name for inner in graph.nodes for name in read_names(inner, depth + 1)]
            within += [output.name for output in graph.outputs]
            names += [name for name in within if name not in own]
    return names


def without_unread(nodes: list[GraphNode], outputs: list[str]) -> list[GraphNode]:
    """The nodes, with no name for those of several outputs of one that nothing reads: exporters name all there are."""
    if not any(len(node.outputs) > 1 for node in nodes):
        return nodes
    read = {*outputs, *(name for node in nodes for name in read_names(node))}
    return [
        node
        if len(node.outputs) < 2 or read.issuperset(node.outputs)
        else replace(node, outputs=[name if name in read else "" for name in node.outputs])
        for node in nodes
    ]


def ordered(nodes: list[GraphNode], there: set[str], outputs: list[str]) -> list[GraphNode]:
    """The nodes that the outputs need, each after those it reads; `CannotImport` where they go in a circle."""
    reads = [[name for name in read_names(node) if name] for node in nodes]
    makers: dict[str, int] = {}
    for place, node in enumerate(nodes):
        for name in node.outputs:
            if name and makers.setdefault(name, place) != place:
                makes = f"{nodes[makers[name]].title} and {node.title}"
                raise CannotImport(f"two nodes make the tensor {plain(name)}: {makes}")
    needed = _needed(reads, makers, outputs)
    if all(makers.get(name, -1) < place for place in needed for name in reads[place]):
        return [nodes[place] for place in needed]
    waits = dict.fromkeys(needed, 0)
    readers: dict[int, list[int]] = {}
    for place in needed:
        for maker in {makers[name] for name in reads[place] if name in makers and name not in there}:
            waits[place] += 1
            readers.setdefault(maker, []).append(place)
    ready, placed = deque(place for place in needed if not waits[place]), list[GraphNode]()
    while ready:
        place = ready.popleft()
        placed.append(nodes[place])
        for reader in readers.get(place, ()):
            waits[reader] -= 1
            if not waits[reader]:
                ready.append(reader)
    if len(placed) < len(needed):
        stuck = [nodes[place].title for place in needed if waits[place]]
        more = f" and {len(stuck) - 5} more" if len(stuck) > 5 else ""
        raise CannotImport(f"the graph goes in a circle, through {', '.join(stuck[:5])}{more}")
    return placed


def _needed(reads: list[list[str]], makers: dict[str, int], outputs: list[str]) -> list[int]:
    waiting = [makers[name] for name in outputs if name in makers]
    seen = set(waiting)
    while waiting:
        for name in reads[waiting.pop()]:
            maker = makers.get(name)
            if maker is not None and maker not in seen:
                seen.add(maker)
                waiting.append(maker)
    return sorted(seen)
