"""Layers that belong together, as their names say: the modules of the program that the graph was exported from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from convcalc import layers
from convcalc.imports.naming import beginning
from convcalc.readable.names import is_generic, parts
from convcalc.readable.parts import Module, Part, Path, SingleLayer
from convcalc.readable.regions import LayerGraph
from convcalc.readable.repeats import LEAST, Key, keys, runs
from convcalc.readable.ties import Ties


class Modules:
    """Finds the modules of a network."""

    def __init__(self, graph: LayerGraph) -> None:
        self.graph = graph
        self.around: list[Path | None] = []  # the modules around each layer, None where its name says nothing of them
        for layer in graph.layers:
            path, kind = parts(layer.name), layers.load(layer.kind)
            bare = kind is None or kind.weights is layers.Kind.weights
            self.around.append(None if bare and len(path) == 1 and is_generic(path[0]) else path[:-1])
        self.sizes = Counter(
            path[:depth] for path in self.around if path is not None for depth in range(1, len(path) + 1)
        )
        self.ties = Ties(graph)

    def grouped(self, items: Sequence[Part]) -> list[Part]:
        """The sequence of all layers, with those of each module in one."""
        return self._repeated(self._grouped(items, ()))

    def _grouped(self, items: Sequence[Part], around: Path) -> list[Part]:
        paths = self._paths(items, around)
        depth = len(around)
        grouped: list[Part] = []
        place = 0
        while place < len(items):
            path = paths[place]
            if path[:depth] != around or len(path) == depth:
                item = items[place]
                if isinstance(item, SingleLayer) and item.branches is not None:
                    item.branches = [self._grouped(branch, around) for branch in item.branches]
                grouped.append(item)
                place += 1
                continue
            end = place + 1
            while end < len(items) and paths[end][: depth + 1] == path[: depth + 1]:
                end += 1
            grouped += self._module(path[: depth + 1], items[place:end])
            place = end
        return grouped

    def _module(self, path: Path, items: Sequence[Part]) -> list[Part]:
        inner = self._repeated(self._grouped(items, path))
        if len(inner) == 1 and isinstance(inner[0], SingleLayer) and inner[0].branches is None:
            return inner
        if len(inner) == 1 and self._is_elsewhere(path, inner[0]):
            return inner
        module = self.as_module(path, inner)
        if module is not None:
            return [module]
        rest = self.as_module(path, inner[1:]) if len(inner) > 2 else None  # without a merge of what is from far
        return inner if rest is None else [inner[0], rest]

    def _is_elsewhere(self, path: Path, part: Part) -> bool:
        """Whether a module has layers outside of a part: it is then more than the one module that the part is."""
        return self.sizes[path] > sum(1 for index in part.indices() if (self.around[index] or ())[: len(path)] == path)

    def as_module(self, path: Path, inner: list[Part]) -> Module | None:
        """These layers as a module, if one tensor enters and one leaves, and all weights or none are another's."""
        indices = [index for part in inner for index in part.indices()]
        first, last = indices[0], indices[-1]
        entering = {source for index in indices for source in self.graph.inputs[index] if not first <= source <= last}
        leaves = any(self.graph.last_read[index] > last for index in indices[:-1])
        if len(entering) != 1 or leaves or last - first + 1 != len(indices) or not self.ties.allow(indices):
            return None
        return Module(path, inner, entering.pop(), first, last, shares=self.ties.owner(indices))

    def _repeated(self, parts: list[Part]) -> list[Part]:
        """A sequence with like layers that stand again and again in a row as modules without a name."""
        parts = self._beside_plain(parts)
        units: dict[int, Module] = {}
        for start, period, times in runs(self.graph, parts):
            for place in range(start, start + period * times, period):
                unit = parts[place : place + period]
                named = any(isinstance(part, Module) and (part.path or period == 1) for part in unit)
                module = None if named else self.as_module((), unit)
                if module is not None:
                    units[place] = module
        repeated: list[Part] = []
        place = 0
        while place < len(parts):
            repeated.append(units.get(place, parts[place]))
            place += len(units[place].items) if place in units else 1
        return repeated

    def _beside_plain(self, parts: list[Part]) -> list[Part]:
        """Where the layers of a residual also stand without one, both are modules, of which some have a shortcut."""
        kinds = keys(self.graph, parts)
        residuals = dict.fromkeys(inner for part in parts if len(inner := self._beside_shortcut(part)) >= LEAST)
        grouped: list[Part] = []
        place = 0
        while place < len(parts):
            size = next((len(inner) for inner in residuals if kinds[place : place + len(inner)] == [*inner]), 0)
            module = self.as_module((), parts[place : place + size]) if size else None
            grouped.append(parts[place] if module is None else module)
            place += 1 if module is None else size
        if len(grouped) == len(parts):
            return parts
        return [
            (self.as_module((), [part]) or part) if self._beside_shortcut(part) in residuals else part
            for part in grouped
        ]

    def _beside_shortcut(self, part: Part) -> tuple[Key, ...]:
        """The keys of what stands in the one branch of a merge that is not empty; none of anything else."""
        branches = part.branches or () if isinstance(part, SingleLayer) else ()
        full = [branch for branch in branches if branch]
        return tuple(keys(self.graph, full[0])) if len(full) == 1 else ()

    def _paths(self, items: Sequence[Part], around: Path) -> list[Path]:
        """The modules around each of a sequence.

        What has no name of its own belongs to the layer before it, as an activation does; a pool is as often between
        two modules, and belongs to both of its neighbours.
        """
        own = [self._around(item) for item in items]
        paths: list[Path] = []
        following = [around]
        for path in reversed(own):
            following.append(following[-1] if path is None else path)
        before, *behind = reversed(following)
        for item, path, after in zip(items, own, behind, strict=True):
            pools = isinstance(item, SingleLayer) and "pool" in self.graph.layers[item.index].kind
            neighbours = beginning([before, after]) if pools else before
            before = neighbours if path is None else path
            paths.append(before)
        return paths

    def _around(self, item: Part) -> Path | None:
        """The modules around a layer and all that is written with it."""
        paths = [path for index in item.indices() if (path := self.around[index]) is not None]
        return beginning(paths) if paths else None
