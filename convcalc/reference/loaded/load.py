"""`convcalc.load_weights`: the arrays of a network from its own model file or from a file of arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from math import prod

import msgspec
import numpy as np

from convcalc.layers import Array
from convcalc.network import Network
from convcalc.reference.execution import Weights
from convcalc.reference.loaded import archives
from convcalc.reference.loaded.matching import matched
from convcalc.reference.loaded.models import READ, arrays_of_model, has_own_layers
from convcalc.reference.loaded.problems import refused
from convcalc.reference.memory import TooLarge
from convcalc.reference.weights import RandomWeights, laid_out


class LoadedWeights(msgspec.Struct, frozen=True, eq=False):
    """The arrays of a network as a file has them, for whoever runs it.

    `arrays` are by the index of a node in `Network.nodes`, then by the array's name, batch norm's statistics among
    them; every one has the shape that its kind says. `source` is the file. `notes` are sentences on how its names were
    read, and `unused` the arrays of it that no layer has.
    """

    network: Network
    arrays: Mapping[int, Mapping[str, Array]]
    source: str
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    def of(self, index: int, inputs: Sequence[Array] = ()) -> Mapping[str, Array]:
        """The arrays of a node by name; `inputs` is what enters it, which changes nothing here."""
        return self.arrays.get(index, {})

    def done(self, index: int) -> None:
        """All arrays are kept: the node at the index may run again."""

    @property
    def size(self) -> int:
        """Numbers in all arrays, those of several layers counted for each."""
        return sum(array.size for arrays in self.arrays.values() for array in arrays.values())


def load_weights(
    network: Network,
    path: str | os.PathLike[str] | None = None,
    *,
    dtype: str = "float32",
    most_bytes: int | None = None,
) -> LoadedWeights:
    """The arrays of a network: those of the ONNX file that it was loaded from, or of a file of arrays by name.

    >>> weights = convcalc.load_weights(convcalc.load("net.onnx"))
    >>> weights.of(1)["weight"].shape
    (64, 3, 7, 7)

    `path` names an archive of NumPy (``.npz``), a ``.safetensors`` file, or an ONNX model whose initialisers have the
    names; these are ``LAYER.ARRAY``, as in ``layer1.0.conv1.weight``. Numbers become those of `dtype`. Together they
    take no more than `most_bytes`.

    Raises:
        SpecError: the network has no weights of its own and none are named, or arrays are missing, of another shape or
            not to be had: all of them in one.
        TooLarge: they take more than `most_bytes`.
        NotInstalled: the format takes a package that is not there.
    """
    size = sum(prod(shape) for node in network.layers for shape in network.arrays_of(node).values())
    number = np.dtype(dtype)
    if most_bytes is not None and size * number.itemsize > most_bytes:
        raise TooLarge(size * number.itemsize, most_bytes)
    if path is None:
        return _own(network, number)
    label = os.fspath(path)
    with archives.opened(label) as archive:
        match = matched(network, archive, label, number)
    return LoadedWeights(network, _with_shared(network, match.arrays), label, match.notes, match.unused)


def weights_of(
    network: Network,
    path: str | None = None,
    seed: int | None = None,
    *,
    dtype: str = "float32",
    most_bytes: int | None = None,
) -> Weights:
    """What a command runs a network with: the file that is named, random numbers of a seed, or its own weights.

    Those of a file take no more than `most_bytes`.

    Raises:
        SpecError: both are named, or neither and it has none of its own: what to do is said. Otherwise as
            `load_weights`.
    """
    if path is not None and seed is not None:
        raise refused(path, "--weights and --seed are both given", "weights are those of a file, or drawn by a seed")
    if seed is not None:
        return RandomWeights(network, seed, dtype, keep=True)
    return load_weights(network, path, dtype=dtype, most_bytes=most_bytes)


def lacks_weights(network: Network) -> str:
    """Why a network has no weights of its own, as a sentence goes on behind a colon; empty where it has."""
    imported = network.imported
    if imported is None:
        return "a spec says what layers there are, and none of their numbers"
    if imported.runtime != READ:
        return f"weights are read of ONNX models, and this is {imported.format}"
    if not has_own_layers(network):
        return "its layers are no longer those of the file"
    return ""


def _own(network: Network, dtype: np.dtype[np.generic]) -> LoadedWeights:
    why = lacks_weights(network)
    label = network.name or "the network"
    if network.imported is not None:
        label = network.imported.source
    elif network.origin is not None and network.origin.path:
        label = network.origin.path
    if why:
        advice = f"--weights FILE reads them from {archives.FORMATS}; --seed N draws random ones"
        raise refused(label, f"it has no weights of its own: {why}", advice)
    arrays = dict(enumerate(arrays_of_model(network, dtype), network.input_count))
    return LoadedWeights(network, arrays, label)


def _with_shared(network: Network, arrays: Mapping[int, Mapping[str, Array]]) -> dict[int, dict[str, Array]]:
    """The arrays of every layer, those from the layer whose they are among them."""
    complete: dict[int, dict[str, Array]] = {}
    for index, node in enumerate(network.layers, network.input_count):
        own = dict(arrays.get(index, {}))
        owner = node if node.shared is None else network.nodes[node.shared]
        if node.shared is not None:
            own = {**complete[node.shared], **own}
        lent = {array.name: complete[array.owner][array.array] for array in owner.borrowed}
        shapes = network.arrays_of(node)
        own = {name: laid_out(array, shapes[name]) for name, array in lent.items() if name in shapes} | own
        complete[index] = own
    return complete
