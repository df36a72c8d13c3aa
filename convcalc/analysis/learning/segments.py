"""Layers that run again on the way back, in segments: of each only what enters it is kept.

A segment is all that stands in one block, the outermost that a pattern names, or layers that follow each other and are
named by themselves. Of its layers those run again of which a gradient is asked, and whatever these need of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

import msgspec

from convcalc.analysis.learning.naming import NamedBy
from convcalc.analysis.learning.wanted import AskedGradients
from convcalc.network import Network


class Segment(msgspec.Struct, frozen=True):
    """Nodes from `first` up to `last`, the latter not included, by place; `again` are those that run again, in order.

    `entering_at` are the tensors from outside that they read, by the first of them that does.
    """

    name: str
    first: int
    last: int
    again: tuple[int, ...]
    entering_at: dict[int, tuple[int, ...]]


def segments(network: Network, chosen: Mapping[int, NamedBy], asked: AskedGradients) -> tuple[Segment, ...]:
    """The segments of the layers that are named, in order; one that nothing is asked of is none."""
    made = []
    places = sorted(chosen)
    runs = groupby(enumerate(places), lambda pair: (pair[1] - pair[0], chosen[pair[1]]))
    for (_, named), pairs in runs:
        inside = [index for _, index in pairs]
        again = _again(network, inside, asked)
        if again:
            name = named[1] or network.nodes[inside[0]].name
            made.append(Segment(name, inside[0], inside[-1] + 1, again, _entering(network, inside[0], again)))
    return tuple(made)


def _again(network: Network, inside: list[int], asked: AskedGradients) -> tuple[int, ...]:
    needed: set[int] = set()
    for index in reversed(inside):
        if index in needed or asked.wanted[index].anything:
            needed |= {index, *network.nodes[index].inputs}
    return tuple(index for index in inside if index in needed)


def _entering(network: Network, first: int, again: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    known: set[int] = set()
    entering: dict[int, tuple[int, ...]] = {}
    for index in again:
        sources = tuple(dict.fromkeys(source for source in network.nodes[index].inputs if source < first))
        entering[index] = tuple(source for source in sources if source not in known)
        known.update(sources)
    return entering
