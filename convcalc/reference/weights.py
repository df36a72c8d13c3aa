"""Random arrays for the layers of a network, scaled so that values neither die out nor overflow on the way down."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from convcalc.layers import Shape
from convcalc.network import Network, order_of_axes
from convcalc.tensors.engine import Array


class RandomWeights:
    """The arrays of every layer, drawn when it runs and kept until the last layer that shares them has run.

    Each layer has a generator of its own, so that what is drawn does not depend on which layers run. `keep` holds on
    to all of them.
    """

    def __init__(self, network: Network, seed: int = 0, dtype: str = "float32", *, keep: bool = False) -> None:
        self.keep = keep
        self.network = network
        self.seed = seed
        self.dtype = np.dtype(dtype)
        self._kept: dict[int, dict[str, Array]] = {}
        self._last_use: dict[int, int] = {}
        for index in range(network.input_count, len(network.nodes)):
            self._last_use |= dict.fromkeys(self._read_by(index), index)

    def _owner(self, index: int) -> int:
        shared = self.network.nodes[index].shared
        return index if shared is None else shared

    def _read_by(self, index: int) -> Iterator[int]:
        """The nodes whose arrays a layer reads: its own or its owner's, and those that single arrays are from."""
        owner = self._owner(index)
        yield owner
        for array in self.network.nodes[owner].borrowed:
            yield from self._read_by(array.owner)

    def of(self, index: int, inputs: Sequence[Array] = ()) -> Mapping[str, Array]:
        """The arrays of a node, or of the node whose weights it shares, drawn for values of the size of `inputs`."""
        owner = self._owner(index)
        if owner not in self._kept:
            node = self.network.nodes[owner]
            arrays = self.network.arrays_of(node)
            generator = np.random.default_rng([self.seed, owner])
            size = _size_of(inputs[0]) if inputs and inputs[0].size else 1.0
            self._kept[owner] = {
                name: drawn(generator, name, shape, self.dtype, size)
                for name, shape in arrays.items()
                if name not in node.borrowed_names
            } | {array.name: laid_out(self.of(array.owner)[array.array], arrays[array.name]) for array in node.borrowed}
        return self._kept[owner]

    def in_order(self, index: int) -> Mapping[str, Array]:
        """The arrays of a node, of nodes that are asked for in order: what neither it nor a later one uses is gone."""
        self._kept = {owner: arrays for owner, arrays in self._kept.items() if self._last_use[owner] >= index}
        return self.of(index)

    def done(self, index: int) -> None:
        """Drop the arrays that no later layer uses."""
        for owner in () if self.keep else self._read_by(index):
            if self._last_use[owner] == index:
                self._kept.pop(owner, None)


def laid_out(array: Array, shape: Shape) -> Array:
    """The elements of an array in another shape, none copied unless they must be; see `Borrowed`."""
    order = order_of_axes(array.shape, shape)
    if order is not None:
        return array.transpose(order)
    size = math.prod(shape)
    return np.resize(array, shape) if size > array.size else array.reshape(-1)[:size].reshape(shape)


def drawn(
    generator: np.random.Generator, name: str, shape: Shape, dtype: np.dtype[np.generic], size: float = 1.0
) -> Array:
    """One array: scales and variances about 1, other numbers small, matrices that make of `size` about 1."""
    array = generator.standard_normal(shape, np.float64 if dtype == np.float64 else np.float32)
    if name == "running_var" or (name.endswith("weight") and len(shape) == 1):
        return (1 + 0.1 * np.abs(array)).astype(dtype, copy=False)
    array *= 0.1 if len(shape) == 1 else math.prod(shape[1:]) ** -0.5 / size
    return array.astype(dtype, copy=False)


def _size_of(x: Array) -> float:
    """The root of the mean square of a sample of x, 1 where that is no help."""
    sample = x.reshape(-1)[:: max(1, x.size // _SAMPLED)].astype(np.float64)
    size = math.sqrt(float(np.mean(sample * sample)))
    return size if math.isfinite(size) and size > 0 else 1.0


_SAMPLED = 4096
"""Elements of a tensor that are looked at to scale the weights behind it."""
