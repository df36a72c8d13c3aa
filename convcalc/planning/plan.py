"""The memory of a network over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convcalc import steps
from convcalc.analysis.analyze import convention
from convcalc.analysis.report import Peak
from convcalc.analysis.terms import HowRun, Terms, merged, terms_of
from convcalc.analysis.traffic import output_bytes
from convcalc.network import Network
from convcalc.planning.arena import ALIGNMENT, aligned, offsets
from convcalc.planning.lifetimes import Piece, alive, in_places, pieces, span
from convcalc.planning.orders import search
from convcalc.planning.records import Arena, ArenaRegion, MemoryPlan, Moment, Orders, Room, Running, Timeline

if TYPE_CHECKING:
    from typing import Unpack

_PIECE_STEPS = 4
"""Steps that a tensor takes."""


def memory(network: Network, *, order: Running = "written", **terms: Unpack[HowRun]) -> MemoryPlan:
    """What lives while each layer runs, an arena for all of it, and what other orders of the layers would need.

    `order` says in which the layers run: as they are written, or as they need the least. The rest is as for `analyze`.

    Raises:
        ValueError: a batch below 1, a dtype or an order that there is not.
        SpecError: a device that there is not, or a file that cannot be read as one.
        OutOfSteps: there are so many tensors that they cannot be laid in an arena.
    """
    if order not in ("written", "best"):
        raise ValueError(f"order: expected written or best, found {order}")
    return plan(network, terms_of(network, **terms), order)


def plan(network: Network, terms: Terms, running: Running = "written") -> MemoryPlan:
    """As `memory`, on terms that are known."""
    unmerged, network = network, merged(network) if terms.fused else network
    steps.spend(_PIECE_STEPS * len(network.nodes))
    kept = pieces(network, terms)
    written = range(network.input_count, len(network.nodes))
    orders, best = _orders(network, kept, written)
    order = best if running == "best" else written
    spans = _spans(network, kept, order)
    arena = _arena(network, kept if order else [], spans, order)
    lived = _lived(network, terms, kept, spans, order, running)
    return MemoryPlan(
        network=network,
        convention=convention(terms, unmerged, network),
        terms=terms,
        running=running,
        peak=lived.peak,
        moments=lived.moments,
        arena=arena,
        orders=orders,
        room=_room(terms, arena, lived.peak),
    )


def timeline(network: Network, terms: Terms) -> Timeline:
    """What lives while each layer runs, in the written order, without an arena and without a search for other orders.

    `network` is as it runs, fused where it is to be. It takes a few microseconds a layer, whatever the branches.
    """
    steps.spend(_PIECE_STEPS * len(network.nodes))
    kept = pieces(network, terms)
    written = range(network.input_count, len(network.nodes))
    return _lived(network, terms, kept, _spans(network, kept, written), written, "written")


def _spans(network: Network, kept: Sequence[Piece], order: Sequence[int]) -> list[tuple[int, int]]:
    places = in_places(network, order)
    return [span(piece, places, len(order) - 1) for piece in kept] if order else []


def _lived(
    network: Network,
    terms: Terms,
    kept: Sequence[Piece],
    spans: Sequence[tuple[int, int]],
    order: Sequence[int],
    running: Running,
) -> Timeline:
    sums = alive(spans, (piece.size for piece in kept), len(order)) if order else []
    return Timeline(
        network=network,
        terms=terms,
        running=running,
        peak=_peak(network, kept, spans, sums, order),
        moments=tuple(_moments(network, terms, order, sums)),
    )


def _orders(network: Network, kept: Sequence[Piece], written: Sequence[int]) -> tuple[Orders, Sequence[int]]:
    """What the order can save, and the order that saves it: the written one where no better was met."""
    best, least = search(network, kept)
    needed, smallest = (_most(network, kept, order) for order in (written, best))
    if smallest >= needed:
        best, smallest = list(written), needed
    names = tuple(network.nodes[index].name for index in best)
    return Orders(written_bytes=needed, smallest_bytes=smallest, at_least_bytes=least, layers=names), best


def _most(network: Network, kept: Sequence[Piece], order: Sequence[int]) -> int:
    if not order:
        return 0
    places = in_places(network, order)
    spans = (span(piece, places, len(order) - 1) for piece in kept)
    return max(alive(spans, (piece.size for piece in kept), len(order)))


def _arena(network: Network, kept: Sequence[Piece], spans: Sequence[tuple[int, int]], order: Sequence[int]) -> Arena:
    nodes = network.nodes
    places = offsets([piece.size for piece in kept], spans)
    regions = tuple(
        ArenaRegion(
            tensors=tuple(nodes[index].name for index in piece.tensors),
            bytes=piece.size,
            offset=offset,
            first=first,
            last=last,
            since=nodes[order[first]].name,
            until=nodes[order[last]].name,
        )
        for piece, offset, (first, last) in zip(kept, places, spans, strict=True)
    )
    needed = max((region.offset + aligned(region.bytes) for region in regions), default=0)
    return Arena(bytes=needed, alignment=ALIGNMENT, regions=regions)


def _moments(network: Network, terms: Terms, order: Sequence[int], sums: Sequence[int]) -> list[Moment]:
    nodes = [network.nodes[index] for index in order]
    return [
        Moment(
            layer=node.name,
            kind=node.kind,
            line=node.line,
            output_shape=node.shape,
            output_bytes=output_bytes(node, terms),
            alive_bytes=size,
        )
        for node, size in zip(nodes, sums, strict=True)
    ]


def _peak(
    network: Network,
    kept: Sequence[Piece],
    spans: Sequence[tuple[int, int]],
    sums: Sequence[int],
    order: Sequence[int],
) -> Peak | None:
    """When the most is alive, for the first time; of tensors that share memory, that which is in it then."""
    most = max(sums, default=0)
    if not most:
        return None
    places = in_places(network, order)
    when = sums.index(most)
    living = [piece for piece, (first, last) in zip(kept, spans, strict=True) if first <= when <= last]
    tensors = sorted(max(index for index in piece.tensors if places[index] <= when) for piece in living)
    return Peak(network.nodes[order[when]].name, most, tuple(network.nodes[index].name for index in tensors))


def _room(terms: Terms, arena: Arena, peak: Peak | None) -> Room | None:
    device = terms.device
    if device is None or device.sram is None:
        return None
    needed = peak.bytes if peak is not None else 0
    fits = arena.bytes <= device.sram, needed <= device.sram
    return Room(device=device.name, sram=device.sram, arena_fits=fits[0], peak_fits=fits[1])
