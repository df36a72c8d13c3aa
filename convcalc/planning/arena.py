"""Where the pieces of memory lie in one arena, as TensorFlow Lite Micro's greedy planner lays them.

The largest come first, and each goes to the first gap between those that are in use at the same time which is large
enough. Sizes are rounded up to the alignment. Of equal ones the later written comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from convcalc import steps

ALIGNMENT = 16
"""Bytes of which every offset and size is a multiple."""

_SHORT = 32
"""Layers for which a piece is in use at the most that is in use for a short time."""


def aligned(size: int, alignment: int = ALIGNMENT) -> int:
    """The next multiple of the alignment."""
    return -(-size // alignment) * alignment


def offsets(sizes: Sequence[int], spans: Sequence[tuple[int, int]], alignment: int = ALIGNMENT) -> list[int]:
    """The offset of each piece.

    Raises:
        OutOfSteps: there are so many pieces that they cannot be laid.
    """
    wanted = [aligned(size, alignment) for size in sizes]
    by_size = sorted(range(len(wanted)), key=lambda index: (-wanted[index], -index))
    laid = _Laid()
    places = [0] * len(wanted)
    for index in by_size:
        end = 0
        for offset, other in laid.beside(spans[index], spans):
            if offset - end >= wanted[index]:
                break
            end = max(end, offset + wanted[other])
        places[index] = end
        laid.add(end, index, spans[index])
    return places


class _Laid:
    """Pieces with their offsets; those that are in use for a short time can be asked for by place."""

    def __init__(self) -> None:
        self.all: list[tuple[int, int]] = []
        self.long: list[tuple[int, int]] = []
        self.short: dict[int, list[tuple[int, int]]] = {}

    def add(self, offset: int, index: int, span: tuple[int, int]) -> None:
        first, last = span
        self.all.append((offset, index))
        if last - first > _SHORT:
            self.long.append((offset, index))
            return
        for place in range(first, last + 1):
            self.short.setdefault(place, []).append((offset, index))

    def beside(self, span: tuple[int, int], spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """What is in use at the same time, by offset."""
        first, last = span
        likely: Iterable[tuple[int, int]] = self.all
        if last - first <= _SHORT:
            likely = {*self.long, *(piece for place in range(first, last + 1) for piece in self.short.get(place, ()))}
        near = sorted(piece for piece in likely if spans[piece[1]][0] <= last and first <= spans[piece[1]][1])
        steps.spend(1 + (len(self.all if last - first > _SHORT else self.long) + len(near)) // 8)
        return near
