"""Layers that belong together although no name says so: sequences of like layers, again and again in a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convcalc.readable.parts import Module, Part
from convcalc.readable.regions import LayerGraph

LONGEST_PERIOD = 40
"""Parts of a sequence that may be one unit."""

MOST_PARTS = 2000
"""Parts of a sequence up to which units are looked for, and how many in all are compared."""

LEAST = 3
"""Layers that a unit has."""

Key = tuple[object, ...]
Run = tuple[int, int, int]
"""Where the first unit starts, how many parts a unit has, how many units there are."""


def keys(graph: LayerGraph, parts: Sequence[Part]) -> list[Key]:
    """What makes parts alike at first sight: the kinds of their layers, of a merge those beside the shortcut."""
    return [_key(graph, part) for part in parts]


def _key(graph: LayerGraph, part: Part) -> Key:
    if isinstance(part, Module):
        indices = [*part.indices()]
        kinds = [_kind(graph, index) for index in indices]
        return ("module", *(kinds[:-1] if graph.layers[indices[-1]].kind == "add" else kinds))
    kind = _kind(graph, part.index)
    if part.branches is None:
        return (kind,)
    longest = max(part.branches, key=lambda branch: sum(1 for inner in branch for _ in inner.indices()))
    return kind, len(part.branches), *(_kind(graph, index) for inner in longest for index in inner.indices())


def _kind(graph: LayerGraph, index: int) -> str:
    """The kind of a layer, and the formats that it has of its own."""
    return f"{graph.layers[index].kind}{graph.held.text(index)}"


def runs(graph: LayerGraph, parts: Sequence[Part]) -> Iterator[Run]:
    """Runs of like units that do not overlap, in any order."""
    if len(parts) > MOST_PARTS:
        return
    own = keys(graph, parts)
    weights = [sum(1 for _ in part.indices()) for part in parts]
    starting = [begins(graph, part) for part in parts]
    waiting = [(0, len(parts))]
    while waiting:
        first, last = waiting.pop()
        best = _best(own, weights, starting, first, last)
        if best is not None:
            yield best
            start, period, times = best
            waiting += [(first, start), (start + period * times, last)]


def begins(graph: LayerGraph, part: Part) -> bool:
    """Whether a unit may begin with a part: what makes something new, and does not go with what is before it."""
    if isinstance(part, Module) or part.branches is not None:
        return True
    return bool({"out_channels", "kernel_size"} & {*graph.layers[part.index].fields})


def _best(own: list[Key], weights: list[int], starting: list[bool], first: int, last: int) -> Run | None:
    """The run of an interval that saves most layers."""
    best: Run | None = None
    most = 0
    for period in range(1, min(LONGEST_PERIOD, (last - first) // 2) + 1):
        place = first
        while place + period < last:
            end = place
            while end + period < last and own[end] == own[end + period]:
                end += 1
            starts = range(place, max(place + 1, end - period + 1))
            start = next((index for index in starts if starting[index]), place)
            times = 1 + (end - start) // period
            weight = sum(weights[start : start + period])
            if times > 1 and weight >= LEAST and starting[start] and weight * (times - 1) > most:
                best, most = (start, period, times), weight * (times - 1)
            place = end + 1
    return best
