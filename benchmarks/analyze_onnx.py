"""`convcalc analyze` of an ONNX file against onnx-tool on the same file, in pairs within one run.

    python benchmarks/analyze_onnx.py [RUNS [FILE...]]

needs the package onnx-tool (`pip install onnx-tool`) in the environment that runs it, or in that of the interpreter
which the variable ONNX_TOOL_PYTHON names, and onnx. Measured are whole
processes: ResNet-50 with its weights (100 MB, made by `convcalc export`), and stripped of them, which onnx-tool takes
only if a file of zeros is where the weights would be. Prints the wall time of
both (median, min, max), the ratio of the pairs, the figure it is held to, and the peak memory. Then graphs of rising
length, to see that time rises as they do. Ends with 1 if a figure is not kept.

Where files are named, these are measured in place of all that, by the CPU time of both processes, which a busy machine
does not change much: the ratio for each file that both read, and the spread of the medians.
"""

import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONVCALC = [sys.executable, "-m", "convcalc"]
SPEC = "specs/zoo/resnet50.yaml"
PYTHON = os.environ.get("ONNX_TOOL_PYTHON", sys.executable)
OTHER = [PYTHON, "-c", "import sys, onnx_tool; onnx_tool.model_profile(sys.argv[1])"]

FILES = {"with weights": ([], 0.9), "stripped": (["--no-weights"], 0.7)}
"""How the file is exported, and how much of onnx-tool's time may be taken."""
MOST_MIB = 60
"""Memory beyond the size of the file."""
WEIGHT_BYTES = 4 * 26_000_000
"""More than the weights of ResNet-50 take."""
MOST_OF_A_FILE = 0.5
"""How much of onnx-tool's CPU time may be taken, on each file that is named."""
LENGTHS = (2_500, 5_000, 10_000)
MOST_GROWTH = 2.6
"""How much longer twice as many nodes may take."""


def run(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak MiB of one process."""
    start = time.perf_counter()
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return seconds, usage.ru_maxrss / 1024


def against_onnx_tool(folder: Path, runs: int) -> bool:
    """Both files; whether all figures are kept."""
    kept = True
    for name, (options, limit) in FILES.items():
        path = folder / f"{name.replace(' ', '_')}.onnx"
        run([*CONVCALC, "export", SPEC, "-o", str(path), *options])
        size = path.stat().st_size / 2**20
        if options:
            (folder / "weights.bin").touch()
            os.truncate(folder / "weights.bin", WEIGHT_BYTES)
        ours, theirs = [*CONVCALC, "analyze", str(path)], [*OTHER, str(path)]
        run(ours), run(theirs)  # compiles what is not compiled yet, and reads the file
        pairs = [(run(ours), run(theirs)) for _ in range(runs)]
        ratios = [a[0] / b[0] for a, b in pairs]
        peak = max(a[1] for a, _ in pairs)
        kept = kept and median(ratios) <= limit and peak <= size + MOST_MIB
        print(f"{name}, {size:.1f} MiB: {spread(ratios, 1, 2)} of onnx-tool, at most {limit}")
        for place, (unit, factor, digits) in enumerate((("wall ms", 1000, 0), ("peak MiB", 1, 1))):
            a, b = (spread([pair[side][place] for pair in pairs], factor, digits) for side in (0, 1))
            bound = f", at most {size + MOST_MIB:.1f}" if unit == "peak MiB" else ""
            print(f"    {unit} {a} against {b}{bound}")
    return kept


def has_onnx_tool() -> bool:
    """Whether there is something to compare with."""
    find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('onnx_tool') is None)"
    return subprocess.run([PYTHON, "-c", find], check=False).returncode == 0


def cpu(command: list[str]) -> float | None:
    """CPU seconds of one process; None where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return None if done.returncode else seconds


def of_files(files: list[str], runs: int) -> bool:
    """The ratio for each file; whether the figure is kept by all that both read."""
    ratios = []
    for file in files:
        path = str(Path(file).resolve())
        ours, theirs = [*CONVCALC, "analyze", path], [*OTHER, path]
        if cpu(ours) is None or cpu(theirs) is None:  # compiles what is not compiled yet, and reads the file
            print(f"not read by both: {Path(file).name}")
            continue
        pairs = [(cpu(ours) or 0, cpu(theirs) or 0) for _ in range(runs)]
        ratios.append(median(a / b for a, b in pairs))
        times = " against ".join(spread([pair[side] for pair in pairs], 1000, 0) for side in (0, 1))
        print(f"{spread([a / b for a, b in pairs], 1, 2)} of onnx-tool, CPU ms {times}: {Path(file).name}")
    if ratios:
        print(f"{len(ratios)} files: {spread(ratios, 1, 2)} of onnx-tool, at most {MOST_OF_A_FILE} on each")
    return bool(ratios) and max(ratios) <= MOST_OF_A_FILE


def in_linear_time(folder: Path, runs: int) -> bool:
    """Chains of convolutions and of residual additions; whether twice as many nodes take twice the time."""
    times = []
    for length in LENGTHS:
        path = folder / f"{length}.onnx"
        path.write_bytes(chain(length))
        command = [*CONVCALC, "analyze", str(path), "--format", "csv"]
        run(command)
        times.append(median(run(command)[0] for _ in range(runs)))
        print(f"{length:,} nodes: {times[-1]:.2f} s, {1e6 * times[-1] / length:.0f} us a node")
    return all(after <= MOST_GROWTH * before for before, after in pairwise(times))


def chain(length: int) -> bytes:
    """A model of so many nodes: convolution, activation, addition of what came before."""
    from onnx import TensorProto, helper

    sizes = [1, 8, 16, 16]
    nodes: list[Any] = []
    weights: list[Any] = []
    last = "x"
    while len(nodes) < length:
        name = f"n{len(nodes)}"
        weights.append(helper.make_tensor(f"{name}.weight", TensorProto.FLOAT, [8, 8, 3, 3], bytes(2304), raw=True))
        nodes.append(helper.make_node("Conv", [last, f"{name}.weight"], [name], name, pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [name], [f"{name}.relu"], f"{name}.relu"))
        nodes.append(helper.make_node("Add", [last, f"{name}.relu"], [f"{name}.add"], f"{name}.add"))
        last = f"{name}.add"
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes) for name in ("x", last)]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], weights)
    written: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    return written


def spread(values: list[float], factor: int, digits: int) -> str:
    """Median, min and max."""
    middle, low, high = (f"{factor * value:.{digits}f}" for value in (median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})"


def main(runs: int, files: list[str]) -> None:
    """Measure everything there is to measure with."""
    if files and not has_onnx_tool():
        raise SystemExit("needs the package onnx-tool: pip install onnx-tool")
    if files:
        raise SystemExit(0 if of_files(files, runs) else 1)
    if importlib.util.find_spec("onnx") is None:
        raise SystemExit("needs the package onnx, which makes the files: pip install 'convcalc[onnx]'")
    kept = True
    with tempfile.TemporaryDirectory() as name:
        if not has_onnx_tool():
            print("onnx-tool is not installed, so nothing is compared with it: pip install onnx-tool")
            kept = False
        else:
            kept = against_onnx_tool(Path(name), runs)
        kept = in_linear_time(Path(name), max(1, runs // 3)) and kept
    if not kept:
        raise SystemExit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11, sys.argv[2:])
