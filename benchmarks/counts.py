"""`convcalc counts` against an analysis, and all tools' numbers against what a tool takes for its own.

    python benchmarks/counts.py [RUNS]

Prints the wall time of `counts` and of `analyze` of ResNet-50 as whole processes (median, min, max), and the ratio of
the pairs, which take turns. Then the CPU time in which all tools' numbers are worked out of a network that is loaded,
the first time, when the rules are read, and again; and beside it, where the variable COUNTER_PYTHON names an
interpreter which has the package onnx-tool (`pip install onnx-tool`), the CPU time in which onnx-tool works out its own
of the same network as a file, both without their imports. Ends with 1 if a figure is not kept.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from startup import CONVCALC, ROOT, SPEC, run, spread

MOST_RATIO = 2.0
MOST_OF_A_TOOL = 1 / 30
OTHER = os.environ.get("COUNTER_PYTHON")

OURS = """
import sys
from time import process_time
import convcalc
convcalc.analyze(convcalc.load("specs/seeds/standard_12x12.yaml"))
from convcalc.analysis import tools
network = convcalc.load(sys.argv[1])
for _ in range(int(sys.argv[2])):
    start = process_time()
    convcalc.counts(network)
    print(process_time() - start)
"""
THEIRS = """
import contextlib, io, sys
from time import process_time
import onnx_tool
for _ in range(int(sys.argv[2])):
    start = process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        onnx_tool.model_profile(sys.argv[1])
    print(process_time() - start)
"""


def against_analyze(runs: int) -> bool:
    """Whole processes, in pairs; whether the ratio is kept."""
    counts, analyze = [*CONVCALC, "counts", SPEC], [*CONVCALC, "analyze", SPEC]
    run(counts), run(analyze)  # compiles what is not compiled yet
    pairs = [(run(counts), run(analyze)) for _ in range(runs)]
    ratios = [a[0] / b[0] for a, b in pairs]
    print(f"counts {SPEC}: {spread(ratios, 1, 2)} of analyze, at most {MOST_RATIO}")
    for place, (unit, factor, digits) in enumerate((("wall ms", 1000, 0), ("peak MiB", 1, 1))):
        a, b = (spread([pair[side][place] for pair in pairs], factor, digits) for side in (0, 1))
        print(f"    {unit} {a} against {b}")
    return median(ratios) <= MOST_RATIO


def seconds(python: str, script: str, path: str, runs: int) -> list[float]:
    """CPU seconds of each count that a script makes."""
    command = [python, "-c", script, path, str(runs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def against_a_tool(runs: int, folder: Path) -> bool:
    """All numbers against one tool's; whether the ratio is kept, which it is where there is none to compare with."""
    first, *again = seconds(sys.executable, OURS, SPEC, runs + 1)
    print(f"all tools' numbers: CPU ms {1000 * first:.0f} with the rules read, then {spread(again, 1000, 1)}")
    if OTHER is None:
        print("    COUNTER_PYTHON names no interpreter with onnx-tool, so nothing is compared with it")
        return True
    path = folder / "net.onnx"
    run([*CONVCALC, "export", SPEC, "-o", str(path)])
    theirs = seconds(OTHER, THEIRS, str(path), runs + 1)[1:]
    ratio = median(again) / median(theirs)
    print(f"    1/{1 / ratio:.0f} of onnx-tool's own {spread(theirs, 1000, 0)}, at most 1/{1 / MOST_OF_A_TOOL:.0f}")
    return ratio <= MOST_OF_A_TOOL


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    kept = against_analyze(asked)
    with tempfile.TemporaryDirectory() as name:
        kept = against_a_tool(max(3, asked // 3), Path(name)) and kept
    raise SystemExit(0 if kept else 1)
