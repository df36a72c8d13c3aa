"""The pieces of memory that a network needs, and from which to which layer each is in use.

Tensors of which the next is written over the one before lie in one piece. What is an array of a layer's own, and an
input that nothing uses, need none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from convcalc.analysis.terms import Terms
from convcalc.analysis.traffic import output_bytes
from convcalc.network import Network


class Piece(msgspec.Struct, frozen=True):
    """Memory of one or more tensors, in the order in which they are written to it; all are indices of nodes.

    `readers` are the layers that read any of the tensors. `kept`: one of them leaves the network.
    """

    tensors: tuple[int, ...]
    size: int
    readers: tuple[int, ...]
    kept: bool

    @property
    def users(self) -> tuple[int, ...]:
        """Whatever writes or reads it."""
        return tuple(dict.fromkeys((*self.tensors, *self.readers)))


def pieces(network: Network, terms: Terms) -> list[Piece]:
    """The memory of all tensors, in the order in which it is first written to."""
    nodes, outputs = network.nodes, set(network.outputs)
    tensors: list[list[int]] = []
    home: list[int] = []
    readers: dict[int, list[int]] = {}
    for index, node in enumerate(nodes):
        if node.overwritten is None:
            tensors.append([])
        home.append(len(tensors) - 1 if node.overwritten is None else home[node.overwritten])
        tensors[home[index]].append(index)
        for source in dict.fromkeys(node.inputs):
            readers.setdefault(home[source], []).append(index)
    made = (
        Piece(
            tuple(inside),
            max(output_bytes(nodes[index], terms) for index in inside),
            tuple(dict.fromkeys(readers.get(place, ()))),
            not outputs.isdisjoint(inside),
        )
        for place, inside in enumerate(tensors)
    )
    return [piece for piece in made if piece.size and not (nodes[piece.tensors[0]].is_input and _is_unused(piece))]


def _is_unused(piece: Piece) -> bool:
    return not piece.readers and not piece.kept


def span(piece: Piece, places: Sequence[int], last: int) -> tuple[int, int]:
    """From which to which layer a piece is in use, by place; `places` has that of every node, -1 for an input."""
    first = max(0, places[piece.tensors[0]])
    return first, last if piece.kept else max(first, *(places[user] for user in piece.users))


def in_places(network: Network, order: Iterable[int]) -> list[int]:
    """The place of each node when layers run in that order; all inputs are there before the first."""
    places = [-1] * len(network.nodes)
    for place, index in enumerate(order):
        places[index] = place
    return places


def alive(spans: Iterable[tuple[int, int]], sizes: Iterable[int], count: int) -> list[int]:
    """How many bytes are in use while each of so many layers runs."""
    changes = [0] * (count + 1)
    for (first, last), size in zip(spans, sizes, strict=True):
        changes[first] += size
        changes[last + 1] -= size
    total, sums = 0, []
    for change in changes[:count]:
        total += change
        sums.append(total)
    return sums
