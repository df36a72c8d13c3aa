"""The executor against ONNX Runtime, two threads each, in pairs within one run.

    python benchmarks/executor.py [ROUNDS]

Prints, for whole networks and for single operators, the time of one float32 forward of both (median, min, max), the
ratio of the pairs (median, min, max) and the figure it is held to. The two sides of a pair take turns, so that what
slows the machine slows both, each after a pause in which the other's threads fall asleep and a call that wakes its own.
Both have their weights in memory; their outputs are compared first. Then the memory of the executor: the peak of a
process that runs the network, less that of one with the same modules that runs nothing, against the weights and the
peak activations.
"""

import os
import sys

THREADS = 2
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = str(THREADS)  # as the command line does

import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from startup import spread

import convcalc
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.network import Network
from convcalc.reference.execution import execute
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Engine

ROOT = Path(__file__).resolve().parent.parent
ZOO = ROOT / "specs" / "zoo"
PAUSE_SECONDS, LEAST_SECONDS = 0.05, 0.05

NETWORKS = {"resnet50": 3.0, "mobilenet_v2": 8.0}
"""Networks of the zoo, with the most that the ratio may be."""

OPERATORS = {
    "3x3, 64 to 64 at 56x56": ("[64, 56, 56]", "conv: {out_channels: 64, kernel_size: 3, padding: 1}"),
    "3x3 /2, 128 to 128 at 56x56": (
        "[128, 56, 56]",
        "conv: {out_channels: 128, kernel_size: 3, stride: 2, padding: 1}",
    ),
    "1x1, 256 to 64 at 56x56": ("[256, 56, 56]", "conv: {out_channels: 64, kernel_size: 1}"),
    "depthwise 3x3, 144 at 56x56": (
        "[144, 56, 56]",
        "conv: {out_channels: 144, kernel_size: 3, padding: 1, groups: 144}",
    ),
    "depthwise 3x3, 960 at 7x7": ("[960, 7, 7]", "conv: {out_channels: 960, kernel_size: 3, padding: 1, groups: 960}"),
    "transposed 4x4 /2, 64 to 64 at 28x28": (
        "[64, 28, 28]",
        "conv_transpose: {out_channels: 64, kernel_size: 4, stride: 2, padding: 1}",
    ),
    "max-pool 3x3 /2, 64 at 112x112": ("[64, 112, 112]", "max_pool: {kernel_size: 3, stride: 2, padding: 1}"),
}
"""Networks of one layer: what enters, and the layer."""


class Held:
    """Weights that are in memory before the run, as a runtime's are."""

    def __init__(self, arrays: Mapping[int, Mapping[str, Any]]) -> None:
        self.arrays = arrays

    def of(self, index: int, inputs: object) -> Mapping[str, Any]:
        """The arrays of a node."""
        return self.arrays[index]

    def done(self, index: int) -> None:
        """Nothing is let go."""


def drawn(network: Network) -> dict[int, Mapping[str, Any]]:
    """Weights for every node, drawn in a first run, which scales them."""
    source = RandomWeights(network, keep=True)
    forward(network, source, Engine(), image(network))
    return {index: source.of(index) for index in range(network.input_count, len(network.nodes))}


def image(network: Network) -> np.ndarray:
    """Noise of the shape of the network's input."""
    return np.random.default_rng(0).standard_normal((1, *network.nodes[0].shape)).astype(np.float32)


def forward(network: Network, weights: Any, engine: Engine, x: np.ndarray) -> Any:
    """The last output."""
    for step in execute(network, {network.nodes[0].name: x}, weights, engine):
        if step.problem:
            raise SystemExit(f"{network.nodes[step.place].name}: {step.problem}")
        output = step.output
    return output


def sides(network: Network) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """One forward of the executor, and one of ONNX Runtime."""
    import onnxruntime

    from convcalc.exports.onnx.write import with_arrays

    arrays, x, engine = drawn(network), image(network), Engine()
    written = b"".join(with_arrays(network, arrays.__getitem__))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    session = onnxruntime.InferenceSession(written, options, providers=["CPUExecutionProvider"])
    entering = {network.nodes[0].name: x}
    return lambda: forward(network, Held(arrays), engine, x), lambda: session.run(None, entering)[0]


def seconds(side: Callable[[], Any]) -> float:
    """Mean wall time of one call, once the other side's threads are asleep and its own awake."""
    time.sleep(PAUSE_SECONDS)
    side()
    calls, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < LEAST_SECONDS:
        side()
        calls += 1
    return passed / calls


def against_onnxruntime(name: str, network: Network, rounds: int, limit: float | None = None) -> None:
    """Compare the outputs, then measure pairs."""
    ours, theirs = sides(network)
    expected = theirs()
    difference = np.abs(ours() - expected).max() / np.abs(expected).max()
    if not difference < 1e-3:
        raise SystemExit(f"{name}: outputs differ by {difference:.1e} of the largest")
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    held = f", at most {limit:g}" if limit else ""
    print(f"{name}: {spread([a / b for a, b in pairs], 1, 2)} of ONNX Runtime{held}")
    executor, runtime = (spread([pair[side] for pair in pairs], 1000, 2) for side in (0, 1))
    print(f"    ms {executor} against {runtime}")


def memory(name: str) -> None:
    """The executor's peak against what it has to hold."""
    totals = convcalc.analyze(convcalc.load(ZOO / f"{name}.yaml")).totals
    weights, activations = totals.weight_bytes, totals.peak_activation_bytes
    idle = peak_bytes("idle", name)
    print(f"{name}: weights {mebibytes(weights)}, peak activations {mebibytes(activations)}, idle {mebibytes(idle)}")
    for what in ("held", "drawn"):
        taken = peak_bytes(what, name) - idle
        ratio = taken / (weights + activations)
        print(f"    weights {what}: peak {mebibytes(taken)} more, {ratio:.2f} of both together, at most 1.5")


def mebibytes(size: int) -> str:
    """For a person."""
    return f"{size / 2**20:.1f} MiB"


def peak_bytes(what: str, name: str) -> int:
    """Peak resident bytes of a process of its own, which runs `alone`."""
    done = subprocess.run([sys.executable, __file__, what, name], stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout)


def alone(what: str, name: str) -> None:
    """One forward with the weights held or drawn layer by layer, or none (idle); prints the peak, as Linux knows it."""
    network = convcalc.load(ZOO / f"{name}.yaml")
    engine, x = Engine(), image(network)
    if what != "idle":
        forward(network, RandomWeights(network, keep=what == "held"), engine, x)
    status = Path("/proc/self/status").read_text("ascii")
    print(int(status.partition("VmHWM:")[2].split()[0]) * 1024)


def main(rounds: int) -> None:
    """Measure everything."""
    for name, limit in NETWORKS.items():
        against_onnxruntime(name, convcalc.load(ZOO / f"{name}.yaml"), rounds, limit)
    for name, (shape, layer) in OPERATORS.items():
        text = f"input: {shape}\nlayers:\n  - {layer}\n"
        against_onnxruntime(name, loads(Source("operator", text)), 3 * rounds)
    memory("resnet50")


if __name__ == "__main__":
    if sys.argv[1:2] and not sys.argv[1].isdigit():
        alone(*sys.argv[1:])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
