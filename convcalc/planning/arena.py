"""Where the pieces of memory lie in one arena, as TensorFlow Lite Micro's greedy planner lays them.

The largest come first, and each goes to the first gap between those that are in use at the same time which is large
enough. Sizes are rounded up to the alignment. Of equal ones the later written comes first.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

from convcalc import steps

ALIGNMENT = 16
"""Bytes of which every offset and size is a multiple."""


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
    laid: list[tuple[int, int]] = []  # offset and piece, by offset
    places = [0] * len(wanted)
    for index in by_size:
        steps.spend(1 + len(laid) // 8)
        first, last = spans[index]
        end = 0
        for offset, other in laid:
            if spans[other][0] > last or first > spans[other][1]:
                continue
            if offset - end >= wanted[index]:
                break
            end = max(end, offset + wanted[other])
        places[index] = end
        insort(laid, (end, index))
    return places
