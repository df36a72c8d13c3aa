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
from convcalc.layers import Kind
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


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """How many layers have become what.

    `norms_folded` and `scalings_folded` are in the arrays of other layers, `activations_merged` in their kernels.
    `sums_in_place` and `others_in_place` write over what they read, `views` give it another shape where it is.
    `left_out` are not run.
    """

    norms_folded: int = 0
    scalings_folded: int = 0
    activations_merged: int = 0
    sums_in_place: int = 0
    others_in_place: int = 0
    views: int = 0
    left_out: int = 0

    def __str__(self) -> str:
        counts = ((getattr(self, field), words) for field, words in _WORDS.items())
        texts = [f"{count:,} {(single, plural)[count > 1]}" for count, (single, plural) in counts if count]
        return ", ".join(texts) or "nothing folds, merges or runs in place: every layer is a kernel, as written"


_WORDS = {
    "norms_folded": ("norm folded", "norms folded"),
    "scalings_folded": ("scaling folded", "scalings folded"),
    "activations_merged": ("activation merged", "activations merged"),
    "sums_in_place": ("sum in place", "sums in place"),
    "others_in_place": ("other layer in place", "other layers in place"),
    "views": ("view without memory", "views without memory"),
    "left_out": ("layer left out", "layers left out"),
}


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
    def account(self) -> Account:
        """What has become of how many layers."""
        norms = sum(self.original.nodes[index].config.is_normalisation for index in self.folded)
        nodes = [self.network.nodes[index] for index in self.overwriting]
        sums, views = (sum(is_so(node.config) for node in nodes) for is_so in (_is_sum, _is_view))
        return Account(
            norms_folded=norms,
            scalings_folded=len(self.folded) - norms,
            activations_merged=len(self.merged),
            sums_in_place=sums,
            others_in_place=len(nodes) - sums - views,
            views=views,
            left_out=len(self.vanished),
        )

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


def _is_sum(config: Kind) -> bool:
    return config.merges == "sum"


def _is_view(config: Kind) -> bool:
    return config.is_view
