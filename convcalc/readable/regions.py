"""The layers of an import as nested sequences: what runs side by side and meets again becomes branches of the merge.

Tensors are numbers: that of the layer they come from, in the order of the record, and -1, -2, ... for the inputs of the
network. Nesting never changes that order, so that the layers run as they are said to, and memory is what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import takewhile
from math import prod

from convcalc.imports.record import Imported, Layer
from convcalc.language.written import COMMUTATIVE, MERGES
from convcalc.layers import Shape
from convcalc.readable.formats import held
from convcalc.readable.names import legal, unlike
from convcalc.readable.parts import SingleLayer

_LONGEST = 160
"""Layers under one merge; what reaches further is read more easily with a name."""

_DEEPEST = 3
"""Merges within merges."""


class LayerGraph:
    """The record by numbers: what enters each layer, what is read last where, and what formats numbers have."""

    def __init__(self, imported: Imported) -> None:
        self.layers: tuple[Layer, ...] = imported.layers
        self.input_shapes = list(imported.inputs.values())
        names: dict[str, None] = {}  # such as a spec may have
        for name in imported.inputs:
            names[unlike(legal([name], "input"), names)] = None
        self.input_names = list(names)
        self.root = -1 if len(names) == 1 else -1 - len(names)  # above several inputs stands one that is no tensor
        self.numbers = {name: -1 - place for place, name in enumerate(imported.inputs)}
        self.inputs: list[tuple[int, ...]] = []
        for index, layer in enumerate(self.layers):
            self.inputs.append(tuple(self.numbers[name] for name in layer.inputs))
            self.numbers[layer.name] = index
        self._untie_parameters()
        self.held = held(self.layers, self.numbers)
        self.entries: dict[int, int] = {}  # of merges with branches: the tensor that all of them start from
        self.outputs = [self.numbers[name] for name in imported.outputs]
        self.last_read = dict.fromkeys(range(len(self.layers)), -1)
        self.last_read |= {source: index for index, sources in enumerate(self.inputs) for source in sources}
        self.last_read |= dict.fromkeys(self.outputs, len(self.layers))

    def shape(self, tensor: int) -> Shape:
        return self.layers[tensor].shape if tensor >= 0 else self.input_shapes[-1 - tensor]

    def _untie_parameters(self) -> None:
        """Have a parameter, which sees nothing of what enters it, enter beside what it meets, to keep nothing alive."""
        beside = {index: index - 1 for index, layer in enumerate(self.layers) if layer.kind == "parameter"}
        if not beside:
            return
        for sources in self.inputs:
            for source in sources:
                if beside.get(source) == source - 1:
                    others = [other for other in sources if other < source and other not in beside]
                    beside[source] = max(others, default=source - 1)
        for index, source in beside.items():
            self.inputs[index] = (max(source, -1),)


def sequence(graph: LayerGraph) -> list[SingleLayer]:
    """All layers, those that run side by side as branches."""
    return _RegionFinder(graph).items(0, len(graph.layers))


class _RegionFinder:
    """Finds for each merge the layers that lie between the one tensor that enters and the merge itself."""

    def __init__(self, graph: LayerGraph) -> None:
        self.graph = graph
        self.starts: dict[int, list[tuple[int, int]]] = {}  # of a merge: its branches
        self.depths: dict[int, int] = {}  # of the merges so far, in order
        dominators = _Dominators(graph)
        for index, sources in enumerate(graph.inputs):
            entry = dominators.add(index, sources)
            if graph.layers[index].kind in MERGES and entry >= -len(graph.input_names):
                self._find(index, entry)

    def _find(self, merge: int, entry: int) -> None:
        graph, sources = self.graph, self.graph.inputs[merge]
        if graph.held.text(merge):  # the bits of a merge are those of its branches too
            return
        ends = sorted({source for source in sources if source != entry})
        branches: list[tuple[int, int]] = []
        place = merge
        for end in reversed(ends):
            first = self._first(end, entry, merge)
            if end != place - 1 or first is None or sources.count(end) > 1:
                return
            branches.append((first, place))
            place = first
        if any(graph.last_read[index] > merge for index in range(place, merge)):
            return
        branches.reverse()
        if graph.layers[merge].kind not in COMMUTATIVE and [source for source in sources if source in ends] != ends:
            return
        inside = takewhile(lambda inner: inner >= place, reversed(self.depths))
        depth = 1 + max(map(self.depths.__getitem__, inside), default=0)
        if depth > _DEEPEST or (len(sources) == 2 and len(branches) == 1 and self._narrows(*branches[0])):
            return
        those = iter(branches)
        self.starts[merge] = [(place, place) if source == entry else next(those) for source in sources]
        self.graph.entries[merge] = entry
        self.depths[merge] = depth

    def _first(self, end: int, entry: int, merge: int) -> int | None:
        """The first layer of the branch that ends there, if it reads nothing from outside but what enters."""
        first = index = end
        while index >= first:
            for source in self.graph.inputs[index]:
                if source != entry:
                    first = min(first, source)
            if first < 0 or merge - first > _LONGEST:
                return None
            index -= 1
        return first

    def _narrows(self, first: int, last: int) -> bool:
        """Whether a branch goes to fewer positions and back to more: a skip over it reaches far, as a U-Net's."""
        positions = [prod(self.graph.shape(index)[1:]) for index in range(first, last)]
        return min(positions) < positions[-1]

    def items(self, first: int, last: int) -> list[SingleLayer]:
        """The layers of an interval in order, merges with what is theirs."""
        items: list[SingleLayer] = []
        while last > first:
            index = last - 1
            branches = self.starts.get(index)
            items.append(SingleLayer(index, None if branches is None else [self.items(*branch) for branch in branches]))
            last = index if branches is None else min(start for start, _ in branches)
        return items[::-1]


class _Dominators:
    """For each tensor the last one that everything it is made of goes through; a tree that grows, with shortcuts up."""

    def __init__(self, graph: LayerGraph) -> None:
        root = graph.root
        self.depth = {root: 0}
        self.parent = {root: root}
        self.jump = {root: root}
        for tensor in {*range(-len(graph.input_names), 0)} - {root}:
            self._hang(tensor, root)

    def add(self, tensor: int, sources: Sequence[int]) -> int:
        """Take in the next layer; the tensor that dominates it, the graph's root if there is none."""
        dominator = reduce(self._common, sources)
        self._hang(tensor, dominator)
        return dominator

    def _hang(self, tensor: int, parent: int) -> None:
        self.parent[tensor], self.depth[tensor] = parent, self.depth[parent] + 1
        jump = self.jump[parent]
        far = self.depth[parent] - self.depth[jump] == self.depth[jump] - self.depth[self.jump[jump]]
        self.jump[tensor] = self.jump[jump] if far else parent

    def _common(self, low: int, high: int) -> int:
        if self.depth[low] < self.depth[high]:
            low, high = high, low
        while self.depth[low] > self.depth[high]:
            low = self.jump[low] if self.depth[self.jump[low]] >= self.depth[high] else self.parent[low]
        while low != high:
            up = self.jump if self.jump[low] != self.jump[high] else self.parent
            low, high = up[low], up[high]
        return low
