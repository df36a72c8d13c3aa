"""What works element by element writes over what it reads, where nothing reads that later: `add` sums up in place.

The tensor has the shape of the output, numbers of the same size, and is none that the caller of the network has given
or that is an array of a layer. Batch norm with known statistics is one of these. `flatten` and `reshape` leave the
elements as they lie, and so take the memory of what they read where nothing reads that later; that of an input too, as
nothing is written.
"""

from __future__ import annotations

from convcalc.fusing.wiring import LEAVES, Wiring
from convcalc.layers import Kind


def place_overwritten(
    wiring: Wiring, index: int, entering: tuple[int, ...], readers: list[list[int]], kept: set[int]
) -> int | None:
    """The first tensor whose memory the output of a layer is in, by its place among those that enter; None: no one's.

    `kept` are the nodes whose output is in memory that nobody may write to; a view of such a one is added to them.
    """
    node = wiring.network.nodes[index]
    is_view = node.config.is_view
    if not (is_view or _writes_as_it_reads(node.config)):
        return None
    for place, source in enumerate(entering):
        before = wiring.network.nodes[source]
        if not _dies(readers[source], index) or before.config.holds_output or (source in kept and not is_view):
            continue
        if wiring.formats(source).activations.bits != wiring.formats(index).activations.bits:
            continue
        if is_view or len(entering) == 1 or before.shape == node.shape:
            if source in kept:
                kept.add(index)
            return place
    return None


def _dies(readers: list[int], index: int) -> bool:
    """Whether a layer is the last that reads a tensor."""
    return LEAVES not in readers and max(readers) == index


def _writes_as_it_reads(config: Kind) -> bool:
    """Whether an element of the output needs of what enters the elements at its place alone."""
    return config.is_elementwise or (config.scales_channels and bool(getattr(config, "track_running_stats", True)))
