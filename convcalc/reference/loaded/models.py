"""The weights of a network that was read from a model file, as that file has them."""

from __future__ import annotations

from math import prod
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from convcalc.imports import Buffer
from convcalc.imports.errors import plain
from convcalc.imports.onnx.stored import NoNumbers, TensorFile
from convcalc.layers import Array
from convcalc.network import Network, Node
from convcalc.reference.loaded.evaluating import Evaluation
from convcalc.reference.loaded.matching import as_weight
from convcalc.reference.loaded.problems import WeightProblems

if TYPE_CHECKING:
    from convcalc.imports.record import Imported, Layer

_SPARE, _TIMES = 2**22, 8
"""Numbers that an array on the way to a weight may have: some, and so many times those of the largest."""

_MOST_ALIKE = 3
"""Arrays that are named for a reason that all of them have."""

READ = "onnxruntime"
"""The runtime of those model files whose weights are read."""


def arrays_of_model(network: Network, dtype: np.dtype[np.generic]) -> list[dict[str, Array]]:
    """The arrays of every layer of a network that was read from an ONNX file, in its order.

    Raises:
        SpecError: the file has changed, or arrays are not in it or cannot be worked out, each by name.
    """
    imported: Imported = network.imported
    problems = WeightProblems(imported.source)
    with problems.of_file():
        file = file_of(imported)
    evaluation = Evaluation(file, _SPARE + _TIMES * _most_numbers(network))
    arrays = []
    lacking: dict[str, list[str]] = {}
    for node, layer in zip(network.layers, imported.layers, strict=True):
        arrays.append(_arrays(network, node, layer, evaluation, lacking, dtype))
    for reason, labels in lacking.items():
        for label in labels[:_MOST_ALIKE]:
            problems.add(f"{label}: {reason}")
        if len(labels) > _MOST_ALIKE:
            problems.add(f"{len(labels) - _MOST_ALIKE:,} more arrays likewise: {reason}")
    problems.raise_any()
    return arrays


def _most_numbers(network: Network) -> int:
    """Numbers of the largest array that a layer has."""
    sizes = (prod(shape) for node in network.layers for shape in network.arrays_of(node).values())
    return max(sizes, default=0)


def has_own_layers(network: Network) -> bool:
    """Whether a network is still that of its model file, layer by layer: none fused, replaced or left out."""
    layers = network.imported.layers
    return len(layers) == len(network.layers) and all(
        (node.kind, node.shape) == (layer.kind, layer.shape) for node, layer in zip(network.layers, layers, strict=True)
    )


def file_of(imported: Imported) -> TensorFile:
    """The file that a model was read from; nothing lies beside what came from a stream.

    Raises:
        OSError, ValueError: it is not there any more, or empty.
    """
    return TensorFile(_content(imported), "" if imported.content is not None else imported.path)


def _content(imported: Imported) -> Buffer:
    if imported.content is not None:
        return imported.content
    with Path(imported.path).open("rb") as file:
        return mmap(file.fileno(), 0, access=ACCESS_READ)


def _arrays(
    network: Network,
    node: Node,
    layer: Layer,
    evaluation: Evaluation,
    lacking: dict[str, list[str]],
    dtype: np.dtype[np.generic],
) -> dict[str, Array]:
    """The arrays of a layer; of those that are not to be had the label is put into `lacking`, by the reason."""
    arrays = {}
    for name, shape in network.arrays_of(node).items():
        making = layer.makings.get(name)
        try:
            if making is None:
                raise NoNumbers("the file holds no numbers for it, or it is worked out of them in too many steps")
            arrays[name] = as_weight(evaluation.array(making), shape, dtype, is_constant=name == "constant")
        except NoNumbers as error:
            where = f" ({', '.join(map(plain, layer.operators[:2]))})" if layer.operators else ""
            lacking.setdefault(str(error), []).append(f"{node.name}.{name}{where}")
    return arrays
