"""Whole processes against the least such a command can cost, in pairs within one run.

    python benchmarks/startup.py [RUNS]

Prints, for each pair, the wall time of both (median, min, max), the ratio of the pairs (median, min, max), the figure
it is held to, and the peak memory. The two commands of a pair take turns, so that a machine which slows down slows
both.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
BASELINE = [sys.executable, str(ROOT / "benchmarks" / "baseline.py")]
CONVCALC = [sys.executable, "-m", "convcalc"]
SPEC = "specs/zoo/resnet50.yaml"

PAIRS = {
    "analyze, table": ([*CONVCALC, "analyze", SPEC], [*BASELINE, "table"], 1.4),
    "analyze, json": ([*CONVCALC, "analyze", SPEC, "--format", "json"], [*BASELINE, "empty"], 1.4),
    "--help": ([*CONVCALC, "--help"], [*BASELINE, "--help"], 1.1),
}


def run(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak MiB of one process."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return seconds, usage.ru_maxrss / 1024


def main(runs: int) -> None:
    """Measure every pair."""
    for name, (ours, least, limit) in PAIRS.items():
        run(ours), run(least)  # compiles what is not compiled yet
        pairs = [(run(ours), run(least)) for _ in range(runs)]
        print(f"{name}: {spread([a[0] / b[0] for a, b in pairs], 1, 2)} of the least, at most {limit}")
        for place, (unit, factor, digits) in enumerate((("wall ms", 1000, 0), ("peak MiB", 1, 1))):
            a, b = (spread([pair[side][place] for pair in pairs], factor, digits) for side in (0, 1))
            print(f"    {unit} {a} against {b}")


def spread(values: list[float], factor: int, digits: int) -> str:
    """Median, min and max."""
    middle, low, high = (f"{factor * value:.{digits}f}" for value in (median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
