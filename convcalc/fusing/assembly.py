"""A fused network put together from its kernels: nodes, edges, blocks, and whose memory each output is in."""

from __future__ import annotations

from bisect import bisect_left

import msgspec
from msgspec.structs import replace

from convcalc.fusing.kernels import Merged, kernel
from convcalc.fusing.overwriting import place_overwritten
from convcalc.fusing.wiring import Wiring, has_arrays
from convcalc.layers import Kind
from convcalc.network import Group, Network, Node


class KernelDraft(msgspec.Struct):
    """A kernel in the making; `last` is the node whose output it gives so far."""

    first: int
    last: int
    config: Kind
    folded: list[int]
    then: list[int]


def assembled(
    wiring: Wiring, drafts: list[KernelDraft], places: tuple[int, ...], sources: list[int], readers: list[list[int]]
) -> Network:
    """The network of the kernels; `places` has the kernel that gives what each node gave."""
    network = wiring.network
    kept = {index for index in range(len(network.nodes)) if wiring.is_kept_by_others(index)}
    nodes: list[Node] = []
    for draft in drafts:
        entering = tuple(sources[source] for source in network.nodes[draft.first].inputs)
        in_place = place_overwritten(wiring, draft.first, entering, readers, kept)
        nodes.append(_node(network, draft, places, in_place))
    return replace(
        network,
        nodes=tuple(nodes),
        outputs=tuple(places[index] for index in network.outputs),
        groups=_groups(network, drafts),
        expect={},
        imported=None,
    )


def _node(network: Network, draft: KernelDraft, places: tuple[int, ...], in_place: int | None) -> Node:
    node, merged = network.nodes[draft.first], _names(network, draft)
    return Node(
        node.name,
        node.kind,
        kernel(draft.config, _parts(network, draft.then)) if draft.then else draft.config,
        tuple([places[source] for source in node.inputs]),
        node.shape,
        node.line,
        shared=None if node.shared is None or not has_arrays(node.config) else places[node.shared],
        borrowed=tuple([replace(array, owner=places[array.owner]) for array in node.borrowed]),
        precision=node.precision,
        in_place=in_place,
        merged=(*node.merged, *merged),
    )


def _names(network: Network, draft: KernelDraft) -> list[str]:
    return [network.nodes[index].name for index in sorted(draft.folded + draft.then)]


def _parts(network: Network, then: list[int]) -> tuple[Merged, ...]:
    """The layers behind the first; two of one kind are told apart by their places."""
    kinds = [network.nodes[index].kind for index in then]
    return tuple(
        Merged(kind if kinds.count(kind) == 1 else f"{kind}{place}", kind, network.nodes[index].config)
        for place, (kind, index) in enumerate(zip(kinds, then, strict=True))
    )


def _groups(network: Network, drafts: list[KernelDraft]) -> tuple[Group, ...]:
    """The blocks, as the kernels whose first layer stands in them; what has none is left out."""
    firsts = [draft.first for draft in drafts]
    moved = [
        replace(group, first=bisect_left(firsts, group.first), last=bisect_left(firsts, group.last))
        for group in network.groups
    ]
    return tuple(group for group in moved if group.first < group.last)
