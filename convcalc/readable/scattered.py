"""Layers that belong together although nothing says so: like sequences that stand in several places."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from convcalc import steps
from convcalc.readable.modules import Modules
from convcalc.readable.parts import Module, Part, Path, SingleLayer
from convcalc.readable.regions import LayerGraph
from convcalc.readable.repeats import begins, keys

LONGEST = 16
"""Parts of a sequence that may be one unit."""

_UNIT = 3
"""Steps that taking down where a unit stands takes."""

_MOST_ROUNDS = 8
"""Units that are looked for behind each other: those found are parts of the next."""

_MOST_TRIED = 40
"""Candidates of one round that are tried before there is held to be none."""

_LEAST_GAIN = 2
"""Lines that a unit must save at least."""

_OVERHEAD = 3
"""Lines of a block beside its layers."""

Sequences = list[list[Part]]
Places = list[tuple[int, int]]
"""By sequence and place in it."""


class Scattered:
    """Groups like units of parts, wherever they stand, as modules."""

    def __init__(self, graph: LayerGraph, modules: Modules) -> None:
        self.graph, self.modules = graph, modules
        self.scopes: list[Path] = []

    def grouped(self, parts: Sequence[Part]) -> list[Part]:
        """The parts with those that are there again and again in one; as they are where the steps do not last."""
        root = [*parts]
        sequences = [*self._sequences(root, ())]
        for _ in range(_MOST_ROUNDS):
            if not steps.afford(_UNIT * LONGEST * sum(map(len, sequences))):
                break
            own = [self._keys(sequence) for sequence in sequences]
            units = next(self._units(sequences, own), None)
            if units is None:
                break
            for (number, start), unit in reversed(units.items()):  # from the end, so that places stay
                sequences[number][start : start + len(unit.items)] = [unit]
        return root

    def _sequences(self, parts: list[Part], scope: Path) -> Iterator[list[Part]]:
        """A sequence and all those within it, each a list that may be changed."""
        self.scopes.append(scope)
        yield parts
        for part in parts:
            if isinstance(part, Module):
                part.items = [*part.items]
                yield from self._sequences(part.items, part.path or scope)
            elif part.branches is not None:
                part.branches = branches = [[*branch] for branch in part.branches]
                for branch in branches:
                    yield from self._sequences(branch, scope)

    def _keys(self, sequence: Sequence[Part]) -> list[object]:
        """What is alike; of layers that make channels also whether they take each by itself."""
        alike = keys(self.graph, sequence)
        return [(key, *self._width(part)) for key, part in zip(alike, sequence, strict=True)]

    def _width(self, part: Part) -> tuple[object, ...]:
        fields = self.graph.layers[part.index].fields if isinstance(part, SingleLayer) else {}
        return ("groups" in fields, fields.get("mode"))

    def _units(self, sequences: Sequences, own: list[list[object]]) -> Iterator[dict[tuple[int, int], Module]]:
        """Units by place, the best first, of candidates that are worth it once those that cannot be are left out."""
        places: dict[tuple[object, ...], Places] = defaultdict(list)
        for number, sequence in enumerate(own):
            for start, part in enumerate(sequences[number]):
                if begins(self.graph, part):
                    for size in range(2, min(LONGEST, len(sequence) - start) + 1):
                        places[tuple(sequence[start : start + size])].append((number, start))
        candidates: list[tuple[int, int, int, int, Places]] = []
        for unit, where in places.items():
            number, start = where[0]
            lines = sum(1 for part in sequences[number][start : start + len(unit)] for _ in part.indices())
            gain = _gain(lines, len(where))
            if len(where) > 1 and gain >= _LEAST_GAIN:
                candidates.append((gain, len(candidates), lines, len(unit), where))
        for _, _, lines, size, where in sorted(candidates, reverse=True)[:_MOST_TRIED]:
            units = self._modules(sequences, where, size)
            if len(units) > 1 and _gain(lines, len(units)) >= _LEAST_GAIN:
                yield units

    def _modules(self, sequences: Sequences, where: Places, size: int) -> dict[tuple[int, int], Module]:
        """The modules that stand at these places, without those that overlap one before."""
        units: dict[tuple[int, int], Module] = {}
        ends: dict[int, int] = {}
        for number, start in where:
            if start >= ends.get(number, 0) and size < len(sequences[number]):
                path = self._path(sequences[number], start, size, self.scopes[number])
                unit = self.modules.as_module(path, sequences[number][start : start + size])
                if unit is not None:
                    units[number, start] = unit
                    ends[number] = start + size
        named = Counter(unit.path for unit in units.values())
        for unit in units.values():
            unit.path = unit.path if named[unit.path] == 1 else ()
        return units

    def _path(self, sequence: Sequence[Part], start: int, size: int, scope: Path) -> Path:
        """The module that a unit begins with, if nothing behind it belongs to that."""
        path = self.modules.around[next(sequence[start].indices())] or ()
        if len(path) <= len(scope) or path[: len(scope)] != scope:
            return ()
        behind = sequence[start + size : start + size + 1]
        return () if any(self.modules.around[next(part.indices())] == path for part in behind) else path


def _gain(lines: int, times: int) -> int:
    """The lines that a unit saves as a block."""
    return times * (lines - 1) - lines - _OVERHEAD
