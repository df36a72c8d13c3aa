"""How much memory a run needs and how much there is, worked out before anything is allocated."""

from __future__ import annotations

import os
from pathlib import Path

from convcalc.analysis.analyze import as_written
from convcalc.arithmetic.number import product
from convcalc.arithmetic.precision import format_of
from convcalc.fusing import Fusion
from convcalc.network import Network, Node
from convcalc.reference.workspace import workspace

WORKSPACE_BYTES = 256 * 2**20
"""What the interpreter, NumPy and the engine's buffers take beside the tensors, rounded up."""

MOST_BYTES = 500 * 10**6 + WORKSPACE_BYTES
"""What a run may take where no other limit is asked for."""


class TooLarge(ValueError):
    """The network needs more memory than it may take: `needed` and `allowed` are in bytes."""

    def __init__(self, needed: int, allowed: int) -> None:
        super().__init__(f"running it needs about {needed} bytes of memory, and {allowed} are allowed")
        self.needed = needed
        self.allowed = allowed


def bytes_needed(network: Network, dtype: str, *, all_arrays_twice: bool = False, fusion: Fusion | None = None) -> int:
    """Memory for the run: the peak of the activations, and what a layer holds on the way, with its arrays.

    Arrays that several layers share are kept from the first to the last of them. `all_arrays_twice` is for another
    runtime, which is handed them all at the end and makes its own of them. With `fusion` the fused network runs beside
    this one: tensors of both live, and those of this one that wait to be compared.
    """
    element = format_of(dtype).bits // 8
    peak = as_written(network, dtype=dtype).peak
    owners = {node.shared for node in network.layers if node.shared is not None} | {owner for owner, _ in network.lent}
    kept = sum(_elements(network, network.nodes[owner]) for owner in owners)
    if all_arrays_twice:
        kept = 2 * sum(_elements(network, node) for node in network.layers if node.shared is None)
    kept += sum(product(node.shape) for node in network.layers if node.config.holds_output)
    held = max((_elements(network, node) + _on_the_way(network, node) for node in network.layers), default=0)
    needed = (peak.bytes if peak else 0) + (kept + held) * element + WORKSPACE_BYTES
    return needed if fusion is None else needed + _beside(fusion, dtype, element)


def _beside(fusion: Fusion, dtype: str, element: int) -> int:
    """What a fused network takes beside the network as it is written."""
    peak = as_written(fusion.network, dtype=dtype).peak
    arrays = max((_elements(fusion.network, node) for node in fusion.network.layers), default=0)
    return (peak.bytes if peak else 0) + (_waiting(fusion) + arrays) * element


def _waiting(fusion: Fusion) -> int:
    """The most elements of layers as written, and of their arrays, that kernels behind others wait for."""
    waiting, reached, most = dict[int, int](), -1, 0
    network = fusion.original
    for part in fusion.parts:
        last = part.nodes[-1]
        for place in range(reached + 1, last + 1):
            node = network.nodes[place]
            waiting[place] = product(node.shape) + _elements(network, node)
        reached = max(reached, last)
        most = max(most, sum(waiting.values()))
        for place in part.nodes:
            waiting.pop(place, None)
    return most


def _on_the_way(network: Network, node: Node) -> int:
    return workspace(node.config, node.kind, network.shapes_into(node), node.shape) if node.config.costed else 0


def _elements(network: Network, node: Node) -> int:
    arrays = network.arrays_of(node).items()
    return sum(product(shape) for name, shape in arrays if name not in node.borrowed_names)


def free_bytes() -> int | None:
    """Memory that can be taken now, None where the system does not say.

    What the system calls available, or less where a control group allows this process less.
    """
    amounts = [_available(), _left_in_group()]
    known = [amount for amount in amounts if amount is not None]
    return min(known) if known else None


def _available() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _left_in_group() -> int | None:
    folder = Path("/sys/fs/cgroup")
    try:
        limit, used = (int((folder / f"memory.{name}").read_text("ascii")) for name in ("max", "current"))
        counts = dict(line.split() for line in (folder / "memory.stat").read_text("ascii").splitlines())
        given_back = int(counts["inactive_file"])  # of files that were read, at once when memory is wanted
    except (OSError, KeyError, ValueError):  # there is no group, or its limit is "max"
        return None
    return max(limit - used + given_back, 0)
