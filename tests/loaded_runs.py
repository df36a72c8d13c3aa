"""A model file run in ONNX Runtime, and by the executor with the weights that were read from the same file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

import convcalc
from convcalc.layers import Array
from convcalc.network import Network
from convcalc.reference.execution import Weights, execute
from convcalc.tensors.engine import Engine


def drawn_inputs(path: Path, seed: int = 0) -> dict[str, Array]:
    """Random numbers for every input of a model, by its name there; where they are whole, 0 or 1."""
    generator = np.random.default_rng(seed)
    feeds = {}
    for value in session(path).get_inputs():
        sizes = [size if isinstance(size, int) else 1 for size in value.shape]
        drawn = generator.standard_normal(sizes) if "float" in value.type else generator.integers(0, 2, sizes)
        types = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
        feeds[value.name] = drawn.astype(types.get(value.type, np.int64))
    return feeds


def session(path: Path) -> Any:
    """A session that runs a file operator by operator, as it is written."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def outputs_of(network: Network, weights: Weights, feeds: dict[str, Array]) -> list[Array]:
    """What leaves a network that was read from a model: the inputs are by their names in the file, batch in front."""
    tensors = network.imported.entering.values()
    inputs = {
        node.name: feeds[tensor.name].reshape(-1, *node.shape).astype(np.float32)
        for node, tensor in zip(network.inputs, tensors, strict=True)
    }
    made: dict[int, Array] = {}
    for step in execute(network, inputs, weights, Engine(1)):
        assert not step.problem, f"{network.nodes[step.place].name}: {step.problem}"
        if step.place in network.outputs and step.output is not None:
            made[step.place] = step.output
    return [made[place] for place in network.outputs]


def apart(path: Path, seed: int = 0) -> float:
    """The largest difference of an output, as a share of the largest number that ONNX Runtime has in it."""
    network = convcalc.load(path)
    feeds = drawn_inputs(path, seed)
    ours = outputs_of(network, convcalc.load_weights(network), feeds)
    theirs = session(path).run(None, feeds)
    assert len(ours) == len(theirs)
    worst = 0.0
    for own, other in zip(ours, theirs, strict=True):
        assert own.size == other.size
        difference = np.abs(own.reshape(-1).astype(np.float64) - np.asarray(other, np.float64).reshape(-1))
        assert np.isfinite(difference).all()
        worst = max(worst, float(difference.max() / max(np.abs(other).max(), 1e-30)))
    return worst
