"""A norm with known statistics, a scale, or an affine layer goes into the arrays of the layer before.

With y = W x + b, a·y + c is (a·W) x + (a·b + c): the layer keeps its shape and its MACs, and has a bias from then on.
It must be a convolution, transposed or not, or a linear layer; nothing else may read what it gives, and no other layer
its arrays; what enters as its weights cannot be folded into. Along channels a linear layer can only be folded into
where it gives one axis, as its features are the last.

Source: Jacob et al. 2018, "Quantization and Training of Neural Networks", 3.2.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from convcalc.layers import Kind
from convcalc.layers.affine import Affine
from convcalc.layers.batch_norm import BatchNorm
from convcalc.layers.scale import Scale
from convcalc.network import Network


class Folded(msgspec.Struct, frozen=True):
    """The layer that another one has been folded into."""

    config: Kind


def fold(network: Network, first: int, config: Any, index: int) -> Folded | None:
    """The layer `first`, as it is so far, with the layer behind it folded in; None where that cannot be."""
    head, node = network.nodes[first], network.nodes[index]
    if not (config.is_convolution or config.is_linear) or not hasattr(config, "bias"):
        return None
    if _is_shared(network, first) or _is_shared(network, index):
        return None
    if "weight" not in config.weights(*network.shapes_into(head)):
        return None
    if not _scales(node.config) or (config.is_linear and len(head.shape) > 1 and not isinstance(node.config, Affine)):
        return None
    return Folded(replace(config, bias=True) if config.bias or _shifts(node.config) else config)


def _scales(config: Any) -> bool:
    """Whether it multiplies each channel by a known number and adds another."""
    if isinstance(config, BatchNorm):
        return bool(config.track_running_stats)
    return isinstance(config, Scale | Affine)


def _shifts(config: Any) -> bool:
    return isinstance(config, BatchNorm) or (config.bias if isinstance(config, Scale) else config.addend != 0)


def _is_shared(network: Network, index: int) -> bool:
    """Whether arrays of a layer are another's too, or another's are its own."""
    node = network.nodes[index]
    if node.shared is not None or node.borrowed:
        return True
    return any(other.shared == index for other in network.layers) or any(owner == index for owner, _ in network.lent)
