"""A norm with known statistics, a scale, or an affine layer goes into the arrays of the layer before.

With y = W x + b, a·y + c is (a·W) x + (a·b + c): the layer keeps its shape and its MACs, and has a bias from then on.
It must be a convolution, transposed, deformable or neither, or a linear layer; nothing else may read what it gives, and
no other layer its arrays or those of the norm; what enters as its weights cannot be folded into. Along channels a
linear layer can only be folded into where it gives one axis, as its features are the last. Both give numbers of one
format; the arrays of the layer stay in its own.

Source: Jacob et al. 2018, "Quantization and Training of Neural Networks", 3.2.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from convcalc.fusing.kernels import Kernel
from convcalc.fusing.wiring import Wiring
from convcalc.layers import Kind
from convcalc.layers.affine import Affine
from convcalc.layers.batch_norm import BatchNorm
from convcalc.layers.scale import Scale


def folded(wiring: Wiring, first: int, config: Any, index: int) -> Kind | None:
    """The layer `first`, as `config` is so far, with the layer behind it folded in; None where that cannot be."""
    head, node = wiring.network.nodes[first], wiring.network.nodes[index]
    if not _scales(node.config) or not (config.is_convolution or config.is_linear) or isinstance(config, Kernel):
        return None
    if config.is_linear and len(head.shape) > 1 and not isinstance(node.config, Affine):
        return None
    if not (wiring.has_own_arrays(first) and wiring.has_own_arrays(index) and wiring.is_stored_alike(first, index)):
        return None
    if len(head.inputs) > 1 and "weight" not in config.weights(*wiring.network.shapes_into(head)):
        return None
    folded: Kind = replace(config, bias=True) if _shifts(node.config) else config
    return folded


def _scales(config: Any) -> bool:
    """Whether it multiplies each channel by a known number and adds another."""
    if isinstance(config, BatchNorm):
        return bool(config.track_running_stats)
    return isinstance(config, Scale | Affine)


def _shifts(config: Any) -> bool:
    """Whether there is a bias behind it where there was none."""
    if isinstance(config, Scale):
        return bool(config.bias)
    return isinstance(config, BatchNorm) or bool(config.addend != 0)
