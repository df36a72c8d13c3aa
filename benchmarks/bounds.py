"""The bounds of a device against times that were measured on it: no layer may be faster than its bound.

    python benchmarks/bounds.py --device DEVICE [--provider NAME] [--threads N] [--batch N] [--dtype FORMAT]
        [--repeats N] [--table FILE.csv] NET...

Each distinct kernel of the fused network that has MACs is exported alone and run by ONNX Runtime, on random numbers;
of its times the least and the median are kept. Printed is, for each network, how much longer than the bounds the
layers took (median, min, max), the sum of both, and every layer that was faster than its bound; then the exit code
is 1. `--table` writes the times by signature, as `convcalc analyze --latency` takes them. Times of a GPU hold a copy of
the input and the output to and from it: they are longer than those of the kernel, and still no shorter than its bound.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

import convcalc
from convcalc.analysis.report import Row
from convcalc.analysis.signatures import signature
from convcalc.exports.onnx.write import with_arrays
from convcalc.network import Network
from convcalc.reference.weights import RandomWeights

PICOSECONDS_IN_MS = 10**9


class Measured(NamedTuple):
    """A layer's times in milliseconds, with its bound."""

    row: Row
    signature: str
    least_ms: float
    median_ms: float
    bound_ms: float


def main() -> int:
    """Measure, print and compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("networks", nargs="+", metavar="NET")
    parser.add_argument("--device", required=True)
    parser.add_argument("--provider", default="CPUExecutionProvider")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--table", type=Path)
    asked = parser.parse_args()
    known: dict[str, Measured] = {}
    faster = 0
    for name in asked.networks:
        layers = list(measured(name, asked, known))
        ratios = sorted(layer.least_ms / layer.bound_ms for layer in layers if layer.bound_ms)
        sums = sum(layer.least_ms for layer in layers), sum(layer.bound_ms for layer in layers)
        print(
            f"{name}: {len(layers)} layers, measured / bound {median(ratios):.2f} ({ratios[0]:.2f}, {ratios[-1]:.2f}); "
            f"together {sums[0]:.3f} ms, at least {sums[1]:.3f} ms, {sums[0] / sums[1]:.2f}"
        )
        for layer in layers:
            if layer.least_ms < layer.bound_ms:
                faster += 1
                print(f"  {layer.row.name}: {layer.least_ms:.4f} ms, where it takes at least {layer.bound_ms:.4f}")
    if asked.table is not None:
        with asked.table.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("signature", "ms"))
            table.writerows((layer.signature, f"{layer.median_ms:.6f}") for layer in known.values())
    return int(faster > 0)


def measured(name: str, asked: argparse.Namespace, known: dict[str, Measured]) -> Iterator[Measured]:
    """The kernels of a network that have MACs, each distinct one run once."""
    report = convcalc.analyze(
        convcalc.load(name), batch=asked.batch, dtype=asked.dtype, fused=True, device=asked.device
    )
    for index, row in enumerate(report.layers, report.network.input_count):
        if row.macs and row.bound is not None:
            key = signature(report.network, report.network.nodes[index], report.terms)
            if key not in known:
                times = run(report.network.alone(index), asked)
                known[key] = Measured(row, key, min(times), median(times), row.bound.ps / PICOSECONDS_IN_MS)
            yield known[key]._replace(row=row)


def run(network: Network, asked: argparse.Namespace) -> list[float]:
    """Milliseconds that each run of the one layer took, the first ones left out."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = asked.threads
    options.log_severity_level = 3
    weights = RandomWeights(network, 0, asked.dtype).in_order
    content = b"".join(with_arrays(network, weights, dtype=asked.dtype, batch=asked.batch))
    session = onnxruntime.InferenceSession(content, options, providers=[asked.provider])
    generator = np.random.default_rng(0)
    inputs = {
        entering.name: generator.standard_normal([asked.batch, *entering.shape[1:]]).astype(asked.dtype)
        for entering in session.get_inputs()
    }
    for _ in range(3):
        session.run(None, inputs)
    return [_ms(session, inputs) for _ in range(asked.repeats)]


def _ms(session: Any, inputs: dict[str, Any]) -> float:
    started = time.perf_counter()
    session.run(None, inputs)
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    sys.exit(main())
