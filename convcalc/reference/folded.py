"""The arrays of kernels, made of the arrays of the layers that they are made of: norms folded into what is before them.

With y = W x + b, a·y + c is (a·W) x + (a·b + c). Factors and addends of all layers that are folded are worked out in
float64, so that each number of the kernel is rounded but once or twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from convcalc.fusing import Fusion
from convcalc.layers.affine import Affine
from convcalc.layers.batch_norm import BatchNorm
from convcalc.layers.scale import Scale
from convcalc.network import Node
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Array

Arrays = Mapping[str, Array]


def kernel_arrays(fusion: Fusion, index: int, arrays_of: Callable[[int], Arrays]) -> Arrays:
    """The arrays of the node at `index` of a fused network, of those that the layers have as they are written."""
    part, node = fusion.parts[index], fusion.network.nodes[index]
    arrays = arrays_of(part.first)
    if part.folded:
        layers = [(fusion.original.nodes[place].config, arrays_of(place)) for place in part.folded]
        arrays = _with_folded(arrays, node, layers)
    if not part.then:
        return arrays
    merged = cast("Any", node.config).then
    behind = {
        f"{prefix}.{name}": array
        for prefix, place in zip((layer.prefix for layer in merged), part.then, strict=True)
        for name, array in arrays_of(place).items()
    }
    return {**arrays, **behind}


def _with_folded(arrays: Arrays, node: Node, behind: Sequence[tuple[Any, Arrays]]) -> Arrays:
    """The weight and bias of a layer with the layers behind it in them."""
    config: Any = node.config
    weight, channels = arrays["weight"], config.out_features if config.is_linear else config.out_channels
    factor = np.ones(channels)
    addend = np.asarray(arrays.get("bias", 0), np.float64) + np.zeros(channels)
    for layer, held in behind:
        times, plus = factor_and_addend(layer, held)
        factor, addend = factor * times, addend * times + plus
    made = {**arrays, "weight": weight * _along_outputs(config, factor.astype(weight.dtype), weight)}
    return {**made, "bias": addend.astype(weight.dtype)} if config.bias else made


def factor_and_addend(layer: Any, held: Arrays) -> tuple[Any, Any]:
    """What a layer multiplies each channel by, and what it then adds."""
    arrays = {name: np.asarray(array, np.float64) for name, array in held.items()}
    if isinstance(layer, Affine):
        return layer.factor, layer.addend
    if isinstance(layer, Scale):
        return arrays["weight"], arrays.get("bias", 0.0)
    if isinstance(layer, BatchNorm):
        factor = (arrays["running_var"] + layer.eps) ** -0.5 * arrays.get("weight", 1.0)
        return factor, arrays.get("bias", 0.0) - arrays["running_mean"] * factor
    raise NotImplementedError(f"the arrays of {type(layer).__name__} are not folded")


def _along_outputs(config: Any, factor: Array, weight: Array) -> Array:
    """A number for each channel that leaves, laid along the weights of that channel.

    A transposed convolution has them on the second axis, those of a group beside each other, and the groups one after
    the other on the first.
    """
    if not config.is_transposed:
        return factor.reshape(-1, *(1,) * (weight.ndim - 1))
    of_group = factor.reshape(config.groups, 1, -1)
    spread = np.broadcast_to(of_group, (config.groups, weight.shape[0] // config.groups, of_group.shape[-1]))
    return spread.reshape(*weight.shape[:2], *(1,) * (weight.ndim - 2))


class KernelWeights:
    """The arrays of every kernel of a fused network; see `convcalc.reference.execution.Weights`.

    They are made of random ones of the network as it is written, so that both networks are the same function. Where
    both run side by side, each layer first as it is written, `as_written` is for that one, which draws them.
    """

    def __init__(self, fusion: Fusion, weights: RandomWeights) -> None:
        self.fusion = fusion
        self.weights = weights
        self.as_written = Lasting(weights)
        self._made: tuple[int, Arrays] | None = None

    def of(self, index: int, inputs: Sequence[Array] = ()) -> Arrays:
        """The arrays of the node at `index`; the last that were made are kept."""
        if self._made is None or self._made[0] != index:
            first = self.fusion.parts[index].first
            self.weights.of(first, inputs)
            self._made = index, kernel_arrays(self.fusion, index, self.weights.of)
        return self._made[1]

    def in_order(self, index: int) -> Arrays:
        """As `RandomWeights.in_order`: nodes are asked for in order, and what no later one uses is gone."""
        if self._made is None or self._made[0] != index:
            self.weights.in_order(self.fusion.parts[index].first)
        return self.of(index)

    def done(self, index: int) -> None:
        """The kernel has run, and so have the layers that it is made of."""
        self._made = None
        for place in self.fusion.parts[index].nodes:
            self.weights.done(place)


class Lasting:
    """Arrays that are not dropped when a layer has run, as another network takes them after it."""

    def __init__(self, weights: RandomWeights) -> None:
        self._weights = weights

    def of(self, index: int, inputs: Sequence[Array] = ()) -> Arrays:
        """The arrays of a node."""
        return self._weights.of(index, inputs)

    def done(self, index: int) -> None:
        """Nothing is dropped."""
