"""A network as a question of order: which layer must run before which, and what each of them brings and frees.

What runs in place must wait for all others that read what it writes over. A layer that only gives an array of its own
takes no memory and may as well run first: it is no part of the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from convcalc.network import Network
from convcalc.planning.lifetimes import Piece

NEVER = -1


class Phase(msgspec.Struct, frozen=True):
    """Layers that run one after the other in any order, between two that all others come before or after.

    All are by their place among `layers`, and sets are the bits of a number. `before` are the layers that a layer must
    wait for, `after` those that wait for it. `brings` is what its output takes; `ends` are the pieces of memory that it
    uses, each with all layers here that do and its size, but for those that are used later. `alive` is in use when the
    first begins, `left` when all have run. In any order, some layer needs `least`: what is left, or what it reads and
    gives and what is there from before the first until behind the last.
    """

    layers: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[tuple[int, ...], ...]
    brings: tuple[int, ...]
    ends: tuple[tuple[tuple[int, int], ...], ...]
    alive: int
    left: int
    least: int


def waits(network: Network) -> tuple[list[int], list[set[int]]]:
    """The layers whose order is asked for, and for each node those of them that must run before."""
    nodes = network.nodes
    is_free: list[bool] = []
    for node in nodes:
        is_free.append(node.is_input or (node.config.holds_output and all(is_free[source] for source in node.inputs)))
    before: list[set[int]] = [{source for source in node.inputs if not is_free[source]} for node in nodes]
    readers: dict[int, list[int]] = {}
    for index, node in enumerate(nodes):
        for source in node.inputs:
            readers.setdefault(source, []).append(index)
    for index, node in enumerate(nodes):
        if node.overwritten is not None:
            before[index].update(reader for reader in readers[node.overwritten] if reader < index)
    return [index for index in range(len(nodes)) if not is_free[index]], before


def fixed(layers: Sequence[int], before: Sequence[set[int]]) -> list[int]:
    """The places of the layers that all earlier ones come before in any order, and all later ones after.

    That is so where every earlier layer has one that waits for it up to there, and every later one waits for one from
    there on.
    """
    place = {index: here for here, index in enumerate(layers)}
    count = len(layers)
    next_use, last_wait = [count] * count, [NEVER] * count
    for here, index in enumerate(layers):
        for source in before[index]:
            next_use[place[source]] = min(next_use[place[source]], here)
            last_wait[here] = max(last_wait[here], place[source])
    later = [count] * (count + 1)  # the least that any layer behind waits for
    for here in reversed(range(count)):
        later[here] = min(later[here + 1], last_wait[here])
    latest, places = 0, []
    for here in range(count):
        if latest <= here <= later[here + 1]:
            places.append(here)
        latest = max(latest, next_use[here])
    return places


def phases(network: Network, pieces: Sequence[Piece]) -> list[Phase]:
    """The network in parts that can be ordered each by itself, since the same has run before it in any order."""
    layers, before = waits(network)
    place = {index: here for here, index in enumerate(layers)}
    using: list[list[tuple[Piece, int]]] = [[] for _ in network.nodes]
    for piece in pieces:
        end = len(layers) if piece.kept else max(place.get(user, NEVER) for user in piece.users)
        for user in piece.users:
            using[user].append((piece, end))
    alive = sum(
        piece.size
        for piece in pieces
        if network.nodes[piece.tensors[0]].is_input and (piece.kept or any(user in place for user in piece.users))
    )
    parts: list[Phase] = []
    start = 0
    for stop in sorted({*(here + 1 for here in fixed(layers, before)), len(layers)} - {0}):
        parts.append(_phase(layers[start:stop], before, using, stop - 1, alive))
        alive, start = parts[-1].left, stop
    return parts


def _phase(
    layers: Sequence[int],
    before: Sequence[set[int]],
    using: Sequence[Sequence[tuple[Piece, int]]],
    last: int,
    alive: int,
) -> Phase:
    """The phase of these layers, of which the last is at that place."""
    local = {index: here for here, index in enumerate(layers)}
    waiting = [[local[source] for source in before[index] if source in local] for index in layers]
    after: list[list[int]] = [[] for _ in layers]
    for here, sources in enumerate(waiting):
        for source in sources:
            after[source].append(here)
    brings = [sum(piece.size for piece, _ in using[index] if piece.tensors[0] == index) for index in layers]
    ended = {id(piece): piece for index in layers for piece, end in using[index] if end <= last}.values()
    passing = alive - sum(piece.size for piece in ended if piece.tensors[0] not in local)
    left = alive + sum(brings) - sum(piece.size for piece in ended)
    needed = max(
        sum(piece.size for piece, end in using[index] if end <= last or piece.tensors[0] in local) for index in layers
    )
    return Phase(
        tuple(layers),
        tuple(map(_bits, waiting)),
        tuple(map(tuple, after)),
        tuple(brings),
        tuple(
            tuple(
                (_bits(local[user] for user in piece.users if user in local), piece.size)
                for piece, end in using[index]
                if end <= last
            )
            for index in layers
        ),
        alive,
        left,
        max(left, passing + needed),
    )


def _bits(places: Iterable[int]) -> int:
    return sum(1 << here for here in set(places))
