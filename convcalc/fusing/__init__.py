"""A network as a runtime runs it: layers merged into kernels, and what runs in the memory of what feeds it.

`fuse` goes through the layers once, in order. What each rule asks for is in its file: `vanishing` takes layers out that
give what they get, `folding` takes a norm's arrays into the layer before, `activating` runs an activation in the kernel
before, and `overwriting` lets what is left write over what it reads.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from convcalc.fusing.activating import joins
from convcalc.fusing.folding import fold
from convcalc.fusing.kernels import Merged, kernel
from convcalc.fusing.overwriting import place_overwritten
from convcalc.fusing.vanishing import sources_without_inert
from convcalc.layers import Kind
from convcalc.network import Group, Network, Node


class Part(msgspec.Struct, frozen=True):
    """What a kernel is made of, as indices of the network that was fused: `first`, and what runs behind, in order.

    `folded` are layers whose arrays go into those of the first, `then` those that run on its output.
    """

    first: int
    folded: tuple[int, ...] = ()
    then: tuple[int, ...] = ()

    @property
    def nodes(self) -> tuple[int, ...]:
        """All of them, in order."""
        return tuple(sorted((self.first, *self.folded, *self.then)))


class Fusion(msgspec.Struct, frozen=True):
    """A fused network. `parts` says of each of its nodes what it is made of, `vanished` which nodes left none.

    `places` has, for each node of the network that was fused, the node that gives its output or takes its place.
    """

    original: Network
    network: Network
    parts: tuple[Part, ...]
    vanished: tuple[int, ...]
    places: tuple[int, ...]

    @property
    def folded(self) -> tuple[int, ...]:
        """The layers whose arrays went into others."""
        return tuple(index for part in self.parts for index in part.folded)

    @property
    def merged(self) -> tuple[int, ...]:
        """The layers that run in the kernel of another."""
        return tuple(index for part in self.parts for index in part.then)

    @property
    def overwriting(self) -> tuple[int, ...]:
        """The kernels that write over what they read."""
        return tuple(index for index, node in enumerate(self.network.nodes) if node.in_place is not None)

    @property
    def changes_nothing(self) -> bool:
        """Whether the network runs as it is written."""
        return not (self.folded or self.merged or self.vanished or self.overwriting)


class Draft(msgspec.Struct):
    """A kernel in the making; `last` is the node whose output it gives so far."""

    first: int
    last: int
    config: Kind
    folded: list[int]
    then: list[int]


def fuse(network: Network) -> Fusion:
    """The network as a runtime runs it."""
    sources, vanished = sources_without_inert(network)
    users = _users(network, sources, vanished)
    drafts: list[Draft] = []
    maker: dict[int, int] = {}
    for index, node in enumerate(network.nodes):
        if index in vanished:
            continue
        entering = tuple(sources[source] for source in node.inputs)
        before = drafts[maker[entering[0]]] if len(entering) == 1 and users[entering[0]] == [index] else None
        if before is not None and not _add(network, before, index):
            before = None
        if before is None:
            drafts.append(Draft(index, index, node.config, [], []))
        maker[index] = maker[entering[0]] if before is not None else len(drafts) - 1
    return _fusion(network, drafts, maker, sources, vanished, users)


def _users(network: Network, sources: list[int], vanished: set[int]) -> dict[int, list[int]]:
    """What reads the output of each node, as often as it does; -1 where it leaves the network."""
    users: dict[int, list[int]] = {index: [] for index in range(len(network.nodes))}
    for index, node in enumerate(network.nodes):
        if index not in vanished:
            for source in node.inputs:
                users[sources[source]].append(index)
    for index in network.outputs:
        users[sources[index]].append(-1)
    return users


def _add(network: Network, draft: Draft, index: int) -> bool:
    """Take a layer into the kernel whose output it alone reads, if it can be."""
    node = network.nodes[index]
    if not draft.then:
        folded = fold(network, draft.first, draft.config, index)
        if folded is not None:
            draft.config, draft.last = folded.config, index
            draft.folded.append(index)
            return True
    if joins(network, draft.first, node):
        draft.then.append(index)
        draft.last = index
        return True
    return False


def _fusion(
    network: Network,
    drafts: list[Draft],
    maker: dict[int, int],
    sources: list[int],
    vanished: set[int],
    users: dict[int, list[int]],
) -> Fusion:
    places = tuple(maker[sources[index]] for index in range(len(network.nodes)))
    nodes: list[Node] = []
    for draft in drafts:
        nodes.append(_node(network, draft, places, users, sources, nodes))
    fused = replace(
        network,
        nodes=tuple(nodes),
        outputs=tuple(places[index] for index in network.outputs),
        groups=tuple(_groups(network, drafts)),
        expect={},
        imported=None,
    )
    parts = tuple(Part(draft.first, tuple(draft.folded), tuple(draft.then)) for draft in drafts)
    return Fusion(network, fused, parts, tuple(sorted(vanished)), places)


def _node(
    network: Network,
    draft: Draft,
    places: tuple[int, ...],
    users: dict[int, list[int]],
    sources: list[int],
    before: list[Node],
) -> Node:
    node = network.nodes[draft.first]
    last = network.nodes[draft.last]
    merged = sorted((*draft.folded, *draft.then))
    return replace(
        node,
        config=kernel(draft.config, _parts(network, draft.then)),
        inputs=tuple(places[source] for source in node.inputs),
        shape=last.shape,
        shared=None if node.shared is None else places[node.shared],
        borrowed=tuple(replace(array, owner=places[array.owner]) for array in node.borrowed),
        precision=node.precision if node.precision is not None else last.precision,
        in_place=place_overwritten(network, draft.first, sources, users),
        merged=tuple(network.nodes[index].name for index in merged),
    )


def _parts(network: Network, then: list[int]) -> tuple[Merged, ...]:
    kinds = [network.nodes[index].kind for index in then]
    return tuple(
        Merged(kind if kinds.count(kind) == 1 else f"{kind}{place}", network.nodes[index].config)
        for place, (kind, index) in enumerate(zip(kinds, then, strict=True))
    )


def _groups(network: Network, drafts: list[Draft]) -> list[Group]:
    """The blocks, as the kernels whose first layer stands in them."""
    firsts = [draft.first for draft in drafts]
    groups = []
    for group in network.groups:
        inside = [place for place, first in enumerate(firsts) if group.first <= first < group.last]
        if inside:
            groups.append(replace(group, first=inside[0], last=inside[-1] + 1))
    return groups
