"""Cost a layer, from 100 to 100,000 layers: written one by one, and from a repeat.

    python benchmarks/scaling.py [RUNS]

Every measurement is a process of its own that loads and analyses one generated spec. Prints microseconds and bytes a
layer (median, min, max over the runs) and the ratio between the largest and the smallest median. A small spec is
loaded several times and the median taken. Memory is what the process grows by.
"""

import gc
import json
import resource
import subprocess
import sys
import time
from statistics import median

from convcalc.analysis.analyze import analyze
from convcalc.language import Source, loads

WRITTEN = "  - conv: {{name: layer_{}, out_channels: 64, kernel_size: 3, padding: 1, bias: false}}\n"
REPEATED = "  - conv: {{out_channels: 64, kernel_size: 3, padding: 1, bias: false, repeat: {}}}\n"
BLOCK = """blocks:
  unit:
    parameters: {{channels: required}}
    layers:
      - conv: {{out_channels: channels, kernel_size: 3, padding: 1, bias: false}}
      - batch_norm
      - relu
      - conv: {{out_channels: channels, kernel_size: 3, padding: 1, bias: false}}
      - add: {{from: [input, previous]}}
layers:
  - unit: {{channels: in_channels, repeat: {}}}
"""
LIMITS = {"written": 150, "repeat": 40, "block": 40}
"""Microseconds a layer, at most."""
MOST_BYTES = 2048
FLAT = 1.3
COUNTS = (100, 1_000, 10_000, 100_000)


def spec(shape: str, layers: int) -> str:
    """A spec of that many layers."""
    head = "input: [64, 56, 56]\n"
    if shape == "written":
        return head + "layers:\n" + "".join(WRITTEN.format(index) for index in range(layers))
    return head + (BLOCK.format(layers // 5) if shape == "block" else "layers:\n" + REPEATED.format(layers))


def measure(shape: str, layers: int) -> None:
    """In a process of its own: load and analyse, print seconds and bytes."""
    gc.disable()  # as the command line does
    analyze(loads(Source("warm up", spec(shape, 100))))
    source = Source("benchmark", spec(shape, layers))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = median(timed(source) for _ in range(max(1, 2_000 // layers)))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(json.dumps([seconds / layers, grown / layers if layers >= 2_000 else None]))


def timed(source: Source) -> float:
    """Seconds to load and analyse."""
    start = time.perf_counter()
    analyze(loads(source))
    return time.perf_counter() - start


def main(runs: int) -> None:
    """Measure every shape at every size."""
    for shape, limit in LIMITS.items():
        medians = []
        for count in COUNTS:
            command = [sys.executable, __file__, "one", shape, str(count)]
            document = [json.loads(subprocess.check_output(command)) for _ in range(runs)]
            times = [1e6 * seconds for seconds, _ in document]
            medians.append(median(times))
            print(
                f"{shape:8} {count:7,} layers: {medians[-1]:6.1f} us a layer ({min(times):.1f} to {max(times):.1f}), "
                f"at most {limit}{memory([size for _, size in document])}"
            )
        print(f"{shape:8} most over least: {max(medians) / min(medians):.2f}, at most {FLAT}")


def memory(sizes: list[float | None]) -> str:
    """Bytes a layer, where there are enough layers to show."""
    known = [size for size in sizes if size is not None]
    return f"; {median(known):.0f} bytes, at most {MOST_BYTES}" if known else ""


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        measure(sys.argv[2], int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
