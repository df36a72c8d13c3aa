"""Layers that belong together, as their names say: the modules of the program that the graph was exported from."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.onnx.text.names import is_generic, parts
from convcalc.onnx.text.parts import Item, Module, Part, Path
from convcalc.onnx.text.regions import Graph


class Modules:
    """Finds the modules of a network."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.paths = [parts(layer.name) for layer in graph.layers]
        self.around: list[Path] = []  # the modules around each layer
        for path in self.paths:
            before = self.around[-1] if self.around else ()
            self.around.append(before if len(path) == 1 and is_generic(path[0]) else path[:-1])
        self.tied = {graph.numbers[layer.share] for layer in graph.layers if layer.share is not None}
        self.tied |= {index for index, layer in enumerate(graph.layers) if layer.share is not None}

    def grouped(self, items: Sequence[Part], around: Path = ()) -> list[Part]:
        """A sequence with the layers of each module in one."""
        paths = [self._around(item) for item in items]
        depth = len(around)
        found: list[Part] = []
        place = 0
        while place < len(items):
            path = paths[place]
            if path[:depth] != around or len(path) == depth:
                found.append(self._with_branches(items[place], around))
                place += 1
                continue
            end = place + 1
            while end < len(items) and paths[end][: depth + 1] == path[: depth + 1]:
                end += 1
            found += self._module(path[: depth + 1], items[place:end])
            place = end
        return found

    def _with_branches(self, item: Part, around: Path) -> Part:
        if isinstance(item, Item) and item.branches is not None:
            item.branches = [self.grouped(branch, around) for branch in item.branches]
        return item

    def _module(self, path: Path, items: Sequence[Part]) -> list[Part]:
        inner = self.grouped(items, path)
        if len(inner) == 1 and isinstance(inner[0], Item) and inner[0].branches is None:
            return inner
        module = self.made(path, inner)
        return inner if module is None else [module]

    def made(self, path: Path, inner: list[Part]) -> Module | None:
        """These layers as a module, if one tensor enters and one leaves, and weights are their own."""
        indices = [index for part in inner for index in part.indices()]
        first, last = indices[0], indices[-1]
        entering = {source for index in indices for source in self.graph.inputs[index] if not first <= source <= last}
        leaves = any(self.graph.last_read[index] > last for index in indices[:-1])
        if len(entering) != 1 or leaves or last - first + 1 != len(indices) or not self.tied.isdisjoint(indices):
            return None
        return Module(path, inner, entering.pop(), first, last)

    def _around(self, item: Part) -> Path:
        """The modules around a layer and all that is written with it."""
        found = self.around[next(item.indices())]
        for index in item.indices():
            path = self.around[index]
            same = 0
            while same < min(len(path), len(found)) and path[same] == found[same]:
                same += 1
            found = found[:same]
        return found
