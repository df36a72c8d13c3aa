"""The layers of one kernel as a network of their own."""

from __future__ import annotations

from msgspec.structs import replace

from convcalc.fusing import Fusion, fuse
from convcalc.network import Network


def kernel_of(network: Network, name: str) -> Network | str:
    """The layers that the kernel of that name is made of, its inputs those of the first; or why it is none."""
    fusion = fuse(network)
    index = next((place for place, node in enumerate(fusion.network.nodes) if node.name == name), None)
    if index is None:
        return _where(fusion, name)
    return _part_of(fusion, index)


def _where(fusion: Fusion, name: str) -> str:
    """Why a layer is no kernel."""
    place = next(place for place, node in enumerate(fusion.original.nodes) if node.name == name)
    if place in fusion.vanished:
        return f"there is no kernel `{name}`: fused, it is not run"
    kernel = fusion.network.nodes[fusion.places[place]].name
    return (
        f"there is no kernel `{name}`: fused, it runs in `{kernel}`; --layer {kernel} runs that, --no-fused the layer"
    )


def _part_of(fusion: Fusion, index: int) -> Network:
    network, (first, *behind) = fusion.original, fusion.parts[index].nodes
    start = network.alone(first)
    nodes, before = list(start.nodes), len(start.nodes) - 1
    for place in behind:
        node = network.nodes[place]
        nodes.append(replace(node, inputs=(before,), shared=None, borrowed=()))
        before += 1
    return replace(start, nodes=tuple(nodes), outputs=(before,))
