"""Random arrays for the layers of a network, scaled so that values neither die out nor overflow on the way down."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from convcalc.layers import Shape
from convcalc.network import Network
from convcalc.tensors.engine import Array


class RandomWeights:
    """The arrays of every layer, drawn when it runs and kept until the last layer that shares them has run.

    Each layer has a generator of its own, so that what is drawn does not depend on which layers run.
    """

    def __init__(self, network: Network, seed: int = 0, dtype: str = "float32") -> None:
        self.network = network
        self.seed = seed
        self.dtype = np.dtype(dtype)
        self._kept: dict[int, dict[str, Array]] = {}
        self._last_use = {self._owner(index): index for index in range(network.input_count, len(network.nodes))}

    def _owner(self, index: int) -> int:
        shared = self.network.nodes[index].shared
        return index if shared is None else shared

    def of(self, index: int) -> Mapping[str, Array]:
        """The arrays of a node, or of the node whose weights it shares."""
        owner = self._owner(index)
        if owner not in self._kept:
            node = self.network.nodes[owner]
            assert node.config is not None  # noqa: S101  # for the type checker: only inputs have none
            shapes = [self.network.nodes[source].shape for source in node.inputs]
            arrays = {**node.config.weights(*shapes), **node.config.buffers(*shapes)}
            generator = np.random.default_rng([self.seed, owner])
            self._kept[owner] = {name: drawn(generator, name, shape, self.dtype) for name, shape in arrays.items()}
        return self._kept[owner]

    def done(self, index: int) -> None:
        """Let go of arrays that no later layer uses."""
        if self._last_use[self._owner(index)] == index:
            self._kept.pop(self._owner(index), None)


def drawn(generator: np.random.Generator, name: str, shape: Shape, dtype: np.dtype[np.generic]) -> Array:
    """One array: matrices of variance 1 / fan-in, scales and variances about 1, all else small."""
    array = generator.standard_normal(shape, np.float64 if dtype == np.float64 else np.float32)
    if name == "running_var" or (name.endswith("weight") and len(shape) == 1):
        return (1 + 0.1 * np.abs(array)).astype(dtype, copy=False)
    scale = 0.1 if len(shape) == 1 else math.prod(shape[1:]) ** -0.5
    array *= scale
    return array.astype(dtype, copy=False)
