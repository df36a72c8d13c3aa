"""A sum or a maximum over many points, arranged so that little of it is worked out for each.

What rests on few of the swept things is worked out for their values alone. So the terms of a sum that have a factor in
common are taken together under it, ``Σ a·s + Σ b·s`` as ``(Σ a + Σ b)·s``, and of what is left the terms that rest on
the same things are added up first. A maximum is arranged in the same way: a factor that is never below 0 is taken out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from convcalc.arithmetic.graph import LEAF, MAXIMUM, PRODUCT, SUM, OperationGraph

Factors = tuple[int, ...]


class Factoring:
    """Arranges nodes of a graph. `is_small` says which are tables already, `extent` how large what rests on axes is."""

    def __init__(self, graph: OperationGraph, is_small: Callable[[int], bool], extent: Callable[[int], int]) -> None:
        self.graph = graph
        self.is_small = is_small
        self.extent = extent
        self._arranged: dict[int, int] = {}

    def arranged(self, node: int) -> int:
        """The node of the same number that takes less work."""
        known = self._arranged.get(node)
        if known is None:
            known = self._arranged[node] = node if self.is_small(node) else self._arrange(node)
            self._arranged[known] = known
        return known

    def _arrange(self, node: int) -> int:
        operation = self.graph.operations[node]
        if operation.kind == SUM:
            return self._sum(list(zip(operation.nodes, operation.factors, strict=True)), operation.constant)
        if operation.kind == MAXIMUM:
            return self._maximum([self.arranged(operand) for operand in operation.nodes])
        if operation.kind == PRODUCT:
            return self._product(operation.nodes)
        if operation.kind == LEAF:
            return node
        return self.graph.rebuilt(node, tuple(self.arranged(operand) for operand in operation.nodes))

    def _by_axes(self, factors: Factors) -> dict[int, Factors]:
        """The factors of a term, those together that rest on the same axes."""
        together: dict[int, Factors] = {}
        for factor in factors:
            axes = self.graph.axes[factor]
            together[axes] = (*together.get(axes, ()), factor)
        return together

    def _factors(self, node: int) -> Factors:
        operation = self.graph.operations[node]
        return operation.nodes if operation.kind == PRODUCT else (node,)

    def _product(self, factors: Factors) -> int:
        """A product, the factors first that rest on the same axes."""
        return self._beside(*[self._parts(nodes) for nodes in self._by_axes(factors).values()])

    def _parts(self, factors: Factors) -> Factors:
        """Factors that rest on the same axes: their product where that is a table."""
        together = self.graph.product(factors)
        return (together,) if self.is_small(together) else tuple(map(self.arranged, factors))

    def _beside(self, *parts: Factors | int) -> int:
        """The product of what has been worked out, which stays so."""
        nodes = [node for part in parts for node in (part if isinstance(part, tuple) else (part,))]
        return nodes[0] if len(nodes) == 1 else self.graph.node(PRODUCT, tuple(sorted(nodes)))

    def _sum(self, terms: Sequence[tuple[int, int]], constant: int) -> int:
        graph = self.graph
        apart: list[tuple[int, int]] = []  # terms that rest on the same axes in all their factors
        mixed: dict[tuple[int, ...], list[tuple[dict[int, Factors], int]]] = {}
        for node, factor in terms:
            parts = self._by_axes(self._factors(node))
            if len(parts) < 2:
                apart.append((node if self.is_small(node) else self.arranged(node), factor))
            else:
                mixed.setdefault(tuple(sorted(parts)), []).append((parts, factor))
        for masks, members in mixed.items():
            common = min(masks, key=lambda axes: len({parts[axes] for parts, _ in members}))
            under: dict[Factors, list[tuple[int, int]]] = {}
            for parts, factor in members:
                rest = [node for axes, nodes in parts.items() if axes != common for node in nodes]
                under.setdefault(parts[common], []).append((graph.product(rest), factor))
            for key, rests in under.items():
                if len(rests) == 1:  # a product that others may have too
                    ((product, factor),) = rests
                    apart.append((self._product((*key, *self._factors(product))), factor))
                    continue
                inner = self.arranged(graph.sum(rests, 0))
                apart.append((self._beside(self._parts(key), inner), 1))
        return self._together(SUM, apart, constant)

    def _maximum(self, nodes: Sequence[int]) -> int:
        graph = self.graph
        under: dict[Factors, list[int]] = {}
        apart: list[int] = []
        candidates: list[tuple[int, dict[int, Factors], int]] = []
        for node in nodes:
            operation, factor = graph.operations[node], 1
            if operation.kind == SUM and len(operation.nodes) == 1 and not operation.constant:
                node_inside, factor = operation.nodes[0], operation.factors[0]
            else:
                node_inside = node
            parts = self._by_axes(self._factors(node_inside))
            if len(parts) == 2 and factor > 0:
                candidates.append((node, parts, factor))
            else:
                apart.append(node)
        for node, parts, factor in candidates:
            common = min(parts, key=lambda axes: len({other.get(axes) for _, other, _ in candidates}))
            if any(graph.low[nodes_] < 0 for nodes_ in parts[common]):
                apart.append(node)
                continue
            (rest,) = (nodes_ for axes, nodes_ in parts.items() if axes != common)
            under.setdefault(parts[common], []).append(graph.sum([(graph.product(rest), factor)], 0))
        for key, rests in under.items():
            inner = self.arranged(graph.extreme(MAXIMUM, rests)) if len(rests) > 1 else rests[0]
            apart.append(self._beside(self._parts(key), inner))
        return self._together(MAXIMUM, [(node, 1) for node in apart], 0)

    def _together(self, kind: int, terms: Sequence[tuple[int, int]], constant: int) -> int:
        """All terms in one, those that rest on the fewest points first."""
        graph = self.graph
        if not terms:
            return graph.literal(constant)
        by_axes: dict[int, list[tuple[int, int]]] = {}
        for term in terms:
            by_axes.setdefault(graph.axes[term[0]], []).append(term)
        nodes: list[int] = []
        for members in by_axes.values():
            extra, constant = (constant, 0) if kind == SUM else (0, 0)
            nodes.append(
                graph.sum(members, extra) if kind == SUM else graph.extreme(kind, [node for node, _ in members])
            )
        while len(nodes) > 2:
            first, second = min(combinations(nodes, 2), key=self._cost)
            nodes = [node for node in nodes if node not in (first, second)]
            nodes.append(graph.nested(kind, (first, second)))
        return graph.nested(kind, nodes)

    def _cost(self, pair: tuple[int, int]) -> int:
        return self.extent(self.graph.axes[pair[0]] | self.graph.axes[pair[1]])
