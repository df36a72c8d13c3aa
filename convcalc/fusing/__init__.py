"""A network as a runtime runs it: layers merged into kernels, and what runs in the memory of what feeds it.

`fuse` goes through the layers once, in order. What each rule asks for is in its file: `vanishing` takes layers out that
give what they get, `folding` takes a norm's arrays into the layer before, `activating` runs an activation in the kernel
before, and `overwriting` lets what is left write over what it reads.
"""

from __future__ import annotations

import msgspec

from convcalc.arithmetic.precision import Precision
from convcalc.fusing.activating import joins
from convcalc.fusing.assembly import KernelDraft, assembled
from convcalc.fusing.folding import folded
from convcalc.fusing.vanishing import sources_without_inert
from convcalc.fusing.wiring import Wiring, readers
from convcalc.network import Network


class KernelParts(msgspec.Struct, frozen=True):
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
    parts: tuple[KernelParts, ...]
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


def fuse(network: Network, precision: Precision = Precision()) -> Fusion:  # noqa: B008  # frozen
    """The network as a runtime runs it; `precision` are the formats of layers that say none."""
    wiring = Wiring(network, precision)
    sources, vanished = sources_without_inert(wiring)
    read_by = readers(network, sources, vanished)
    drafts: list[KernelDraft] = []
    maker: dict[int, int] = {}
    for index, node in enumerate(network.nodes):
        if index in vanished:
            continue
        source = sources[node.inputs[0]] if len(node.inputs) == 1 else index
        if read_by[source] == [index] and _taken(wiring, drafts[maker[source]], index):
            maker[index] = maker[source]
        else:
            maker[index] = len(drafts)
            drafts.append(KernelDraft(index, index, node.config, [], []))
    places = tuple(maker[source] for source in sources)
    parts = tuple(KernelParts(draft.first, tuple(draft.folded), tuple(draft.then)) for draft in drafts)
    return Fusion(network, assembled(wiring, drafts, places, sources, read_by), parts, tuple(sorted(vanished)), places)


def _taken(wiring: Wiring, draft: KernelDraft, index: int) -> bool:
    """Take a layer into the kernel whose output it alone reads, if it can be."""
    if not draft.then:
        config = folded(wiring, draft.first, draft.config, index)
        if config is not None:
            draft.config, draft.last = config, index
            draft.folded.append(index)
            return True
    if joins(wiring, draft.first, index):
        draft.then.append(index)
        draft.last = index
        return True
    return False
