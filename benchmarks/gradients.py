"""The executor run backwards: against its own way forward, ONNX Runtime's, and the memory that analyze states.

    python benchmarks/gradients.py [ROUNDS]

ResNet-50 at 224, batch 1, two threads, float32. Three figures, each with what it is held to:

- the way back, to the gradients of all weights and of all tensors but the image, against the executor's own forward, in
  pairs that take turns within one run; the same with norms that take the batch's statistics is printed beside it, and
  the whole step, which runs forward first;
- the saliency of an image, from the image to the map, against ONNX Runtime's forward of the same model file, whose
  weights both have in memory; the whole command, which starts Python and reads the file, is printed beside it;
- the peak memory of a process that makes a step of training, less that of one with the same modules that makes none,
  against the peak that `analyze --training` states.
"""

import os
import sys

THREADS = 2
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = str(THREADS)  # as the command line does

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from executor import Held, drawn, forward, image, mebibytes, seconds
from startup import spread

import convcalc
from convcalc.network import Network
from convcalc.reference.gradients import gradients
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Engine

NETWORK = Path(__file__).resolve().parent.parent / "specs" / "zoo" / "resnet50.yaml"
MOST_FORWARDS, MOST_RUNTIMES, MOST_MEMORY = 3.0, 10.0, 1.3
CLASS, PARAMETERS = 281, 25_557_032


def back_and_forth(
    network: Network, weights: Any, engine: Engine, x: np.ndarray, marks: list[float] | None = None
) -> Any:
    """Gradients of all weights, of the sum of the outputs; `marks` gets the moment at which the way back begins."""

    def of_sum(output: np.ndarray) -> np.ndarray:
        if marks is not None:
            marks.append(time.perf_counter())
        return np.ones_like(output)

    entering, last = {network.nodes[0].name: x}, len(network.nodes) - 1
    return gradients(network, entering, weights, engine, of=last, seed=of_sum, wanted_inputs=False, wanted_arrays=True)


def step_seconds(step: Callable[[list[float]], Any]) -> tuple[float, float]:
    """Wall time of one whole step, and of its way back; what it made is let go after the clock has stopped."""
    marks: list[float] = []
    start = time.perf_counter()
    result = step(marks)
    end = time.perf_counter()
    del result
    return end - start, end - marks[0]


def against_forward(network: Network, arrays: Mapping[int, Mapping[str, Any]], rounds: int) -> None:
    """The way back against the way forward, in pairs; with the batch's statistics and without."""
    x, held = image(network), Held(arrays)
    plain = Engine()
    for what, engine, limit in (("", plain, MOST_FORWARDS), (" in training", Engine(training=True), None)):

        def step(marks: list[float], engine: Engine = engine) -> Any:
            return back_and_forth(network, held, engine, x, marks)

        step([])
        pairs = []
        for _ in range(rounds):
            before = seconds(lambda: forward(network, held, plain, x))
            pairs.append((before, *step_seconds(step)))
        print(f"backward{what}: {ratios(pairs, 2)} of the executor's forward{held_to(limit)}")
        print(f"    ms {milliseconds(pairs, 2)} against {milliseconds(pairs, 0)}; the whole step {ratios(pairs, 1)}")


def ratios(pairs: Sequence[Sequence[float]], place: int) -> str:
    """Median, least and most of the times at a place against those at the first."""
    return spread([pair[place] / pair[0] for pair in pairs], 1, 2)


def milliseconds(pairs: Sequence[Sequence[float]], place: int) -> str:
    """Median, least and most of the times at a place."""
    return spread([pair[place] for pair in pairs], 1000, 1)


def held_to(limit: float | None) -> str:
    """What a figure is held to, for a person."""
    return "" if limit is None else f", at most {limit:g}"


def against_onnxruntime(network: Network, arrays: Mapping[int, Mapping[str, Any]], rounds: int) -> None:
    """The saliency of an image by a model file against ONNX Runtime's forward of that file."""
    import onnxruntime

    from convcalc.exports.onnx.write import with_arrays

    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        file.write_bytes(b"".join(with_arrays(network, arrays.__getitem__)))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        entering = {session.get_inputs()[0].name: image(network)}
        read = convcalc.load(file)
        held = convcalc.load_weights(read)

        def theirs() -> Any:
            return session.run(None, entering)[0]

        def ours() -> Any:
            return convcalc.saliency(read, image(network)[0], class_index=CLASS, weights=held)

        expected = theirs()[0, CLASS]
        if not abs(ours().score - expected) <= 1e-3 * np.abs(theirs()).max():
            raise SystemExit(f"the score is {ours().score}, and {expected} by ONNX Runtime")
        pairs = [(seconds(theirs), seconds(ours)) for _ in range(rounds)]
        print(f"saliency: {ratios(pairs, 1)} of ONNX Runtime's forward{held_to(MOST_RUNTIMES)}")
        print(f"    ms {milliseconds(pairs, 1)} against {milliseconds(pairs, 0)}")
        if find_spec("PIL") is None:
            print("    the whole command is not measured: it reads an image, and Pillow is not installed")
            return
        times = [command_seconds(file, Path(folder)) for _ in range(min(rounds, 5))]
        print(f"    the whole command: ms {spread(times, 1000, 0)}")


def command_seconds(file: Path, folder: Path) -> float:
    """Wall time of `convcalc saliency` from an image file to a map, in a process of its own."""
    picture, drawing = folder / "picture.ppm", folder / "map.png"
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    picture.write_bytes(b"P6 224 224 255\n" + pixels.tobytes())
    command = [sys.executable, "-m", "convcalc", "saliency", str(file), "--image", str(picture)]
    start = time.perf_counter()
    subprocess.run(
        [*command, "--class", str(CLASS), "-o", str(drawing), "--force"], stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - start


def memory(network: Network) -> None:
    """The peak of a step of training against what is stated."""
    stated = convcalc.training(network, optimizer="sgd").totals.peak_bytes
    taken = peak_bytes("step") - peak_bytes("idle")
    print(f"memory of a step: {taken / stated:.2f} of what analyze --training states{held_to(MOST_MEMORY)}")
    print(f"    {mebibytes(taken)} against {mebibytes(stated)}")


def peak_bytes(what: str) -> int:
    """Peak resident bytes of a process of its own, which runs `alone`."""
    done = subprocess.run([sys.executable, __file__, what], stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout)


def alone(what: str) -> None:
    """Draw weights and make one step of training with them, or (idle) nothing; prints the peak, as Linux knows it."""
    network = convcalc.load(NETWORK)
    x, weights = image(network), RandomWeights(network, keep=True)
    if what == "step":
        result = back_and_forth(network, weights, Engine(training=True), x)
        if sum(array.size for arrays in result.arrays.values() for array in arrays.values()) != PARAMETERS:
            raise SystemExit("not every parameter has a gradient")
    status = Path("/proc/self/status").read_text("ascii")
    print(int(status.partition("VmHWM:")[2].split()[0]) * 1024)


def main(rounds: int) -> None:
    """Measure everything."""
    network = convcalc.load(NETWORK)
    arrays = drawn(network)
    against_forward(network, arrays, rounds)
    against_onnxruntime(network, arrays, rounds)
    memory(network)


if __name__ == "__main__":
    if sys.argv[1:2] and not sys.argv[1].isdigit():
        alone(sys.argv[1])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
