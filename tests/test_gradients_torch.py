"""Small networks of PyTorch, with the weights of their files: values as ONNX Runtime's, gradients as PyTorch's.

`data/gradients` has each as both exporters write it, and what PyTorch and ONNX Runtime said of it in a run (see
`torch_gradients.py`). What is asked of a network that ends in a softmax is the score before it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import convcalc
from convcalc.layers import Kind
from convcalc.network import Network
from convcalc.reference.execution import execute
from convcalc.reference.gradients import NetworkGradients, gradients
from convcalc.reference.loaded.load import LoadedWeights
from convcalc.tensors.engine import Array, Engine

DATA = Path(__file__).parent / "data/gradients"
FILES = sorted(DATA.glob("*.onnx"))
SINGLE, DOUBLE = 1e-4, 1e-8
"""How far apart numbers may be, by the largest of them: those of float32, and of float64 with the numbers of a file."""


class Case(NamedTuple):
    """A network with its weights and what was seen of it; `end` is the node whose output has the scores."""

    network: Network
    weights: LoadedWeights
    seen: dict[str, Array]
    end: int


@functools.lru_cache(maxsize=4)
def case(path: Path, dtype: str) -> Case:
    """The network of a file, with what its run in PyTorch gave."""
    network = convcalc.load(path)
    end = network.outputs[0]
    name = path.name.split(".")[0]
    if name == "softmax":
        (end,) = network.nodes[end].inputs
    seen = dict(np.load(DATA / f"{name}.npz"))
    return Case(network, convcalc.load_weights(network, dtype=dtype), seen, end)


def differentiated(given: Case, dtype: str, *, wanted_arrays: bool = False) -> NetworkGradients:
    """The gradients of the score that was asked for in the run."""

    def seed(scores: Array) -> Array:
        gradient = np.zeros_like(scores)
        gradient[(0, *given.seen["asked"])] = 1
        return gradient

    (entering,) = given.network.inputs
    inputs = {entering.name: given.seen["input"].astype(dtype)}
    return gradients(
        given.network, inputs, given.weights, Engine(), of=given.end, seed=seed, wanted_arrays=wanted_arrays
    )


def assert_near(actual: Array, wanted: Array, tolerance: float) -> None:
    """Numbers are as near as `tolerance` times the largest of those that are wanted."""
    assert actual.shape == wanted.shape
    assert np.abs(wanted).max() > 0
    assert np.abs(actual - wanted).max() <= tolerance * np.abs(wanted).max()


def named(path: Path) -> str:
    return path.name.removesuffix(".onnx")


@pytest.mark.parametrize("path", FILES, ids=named)
def test_values_are_those_of_onnx_runtime_and_of_pytorch(path: Path) -> None:
    given = case(path, "float32")
    (entering,) = given.network.inputs
    steps = execute(given.network, {entering.name: given.seen["input"]}, given.weights, Engine())
    output = {step.place: step.output for step in steps}[given.network.outputs[0]]
    assert_near(output, given.seen["runtime_dynamo" if ".dynamo" in path.name else "runtime"], SINGLE)
    assert_near(output, given.seen["output"], SINGLE)


@pytest.mark.parametrize("path", FILES, ids=named)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_of_the_picture_are_those_of_pytorch(path: Path, dtype: str) -> None:
    given = case(path, dtype)
    result = differentiated(given, dtype)
    (gradient,) = result.inputs.values()
    assert gradient.dtype == dtype
    tolerance = SINGLE if dtype == "float32" else exactness(path)
    assert_near(gradient, given.seen["input_gradient64"], tolerance)
    assert_near(gradient, given.seen["input_gradient"], SINGLE)
    score = result.output[(0, *given.seen["asked"])]
    assert score == pytest.approx(float(given.seen["score64"]), rel=tolerance)


def exactness(path: Path) -> float:
    """How exact float64 can be: where an exporter folds norms into weights, it rounds these to float32."""
    folded = named(path).startswith(("separable", "residual", "dense"))
    return 1e-5 if folded else DOUBLE


def matching(given: Case, wanted: Array) -> Iterator[tuple[int, str]]:
    """The arrays of the network with the numbers of one of PyTorch's, by their node and name."""
    for index, arrays in given.weights.arrays.items():
        for name, array in arrays.items():
            if array.shape == wanted.shape and np.array_equal(array, wanted.astype(array.dtype)):
                yield index, name


@pytest.mark.parametrize("path", FILES, ids=named)
def test_gradients_of_weights_are_those_of_pytorch(path: Path) -> None:
    given = case(path, "float64")
    arrays = differentiated(given, "float64", wanted_arrays=True).arrays
    compared = 0
    for key, wanted in given.seen.items():
        if not key.startswith("weight:"):
            continue
        for index, name in matching(given, wanted):
            assert_near(arrays[index][name], given.seen[key.replace("weight:", "gradient64:")], exactness(path))
            compared += 1
    assert compared > 0


def test_the_networks_have_most_of_what_networks_are_made_of() -> None:
    """What the files are there for is not lost in reading them."""
    kinds: set[type[Kind]] = {type(node.config) for path in FILES for node in case(path, "float32").network.layers}
    wanted = {"Conv", "ConvTranspose", "BatchNorm", "Attention", "Lstm", "Gru", "GroupNorm", "LayerNorm", "MaxPool"}
    assert {kind.__name__ for kind in kinds} >= wanted
    assert len(FILES) == 34
