"""`convcalc analyze` of model files against that of the specs they import to, and against who owns the format.

    python benchmarks/formats.py [--runs N] [--input SIZES] [--owner SUFFIX=PYTHON]... FILE...

Whole processes, their output thrown away, in pairs one after the other so that a busy machine slows both: the time of
each (median, min, max), and the ratio of the pairs. Against the spec that is CPU time, which a busy machine does not
change much, and against the owner, which may use several cores, wall time. With `--owner .h5=~/keras/bin/python`, the
framework that the format belongs to reads files of that suffix in its own interpreter and counts their parameters; then
the size of what is installed, with all that it requires, is compared as well. Files that are not read are named and
left out. Ends with 1 if a figure is not kept.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CONVCALC = [sys.executable, "-m", "convcalc"]

MOST_OF_SPEC = 2.0
"""How often the time of the spec a file may take."""
LEAST_FASTER, LEAST_SMALLER = 20, 10
"""How often the time and the size of convcalc the owner of the format takes."""


class Owner(NamedTuple):
    """What reads files of a format: packages, and a program that counts the parameters of the file in `sys.argv[1]`."""

    packages: tuple[str, ...]
    program: str


KERAS = Owner(
    ("tf_keras", "keras", "tensorflow"),
    """
import json, zipfile
path = sys.argv[1]
if path.endswith(".json"):
    config = json.load(open(path))
    config = config.get("modelTopology", config)
    config = config.get("model_config", config)
elif path.endswith(".keras"):
    config = json.loads(zipfile.ZipFile(path).read("config.json"))
else:
    import h5py
    config = json.loads(h5py.File(path).attrs["model_config"])
if "module" in config:
    import keras
else:
    import tf_keras as keras
print(keras.models.model_from_json(json.dumps(config)).count_params())
""",
)
"""It builds the model without its weights, which files may have been stripped of."""

OWNERS = {
    ".h5": KERAS,
    ".hdf5": KERAS,
    ".keras": KERAS,
    ".json": KERAS,
    ".tflite": Owner(
        ("ai_edge_litert", "tensorflow"),
        "try:\n    from ai_edge_litert.interpreter import Interpreter\nexcept ImportError:\n"
        "    from tensorflow.lite import Interpreter\n"
        "model = Interpreter(sys.argv[1])\nmodel.allocate_tensors()\nprint(len(model.get_tensor_details()))",
    ),
    ".yaml": Owner(("ultralytics",), "import ultralytics\nprint(ultralytics.YOLO(sys.argv[1]).info())"),
    ".pt2": Owner(
        ("torch",),
        "import torch\nstate = torch.export.load(sys.argv[1]).state_dict\n"
        "print(sum(value.numel() for value in state.values()))",
    ),
    ".param": Owner(("ncnn",), "import ncnn\nnet = ncnn.Net()\nprint(net.load_param(sys.argv[1]))"),
    ".xml": Owner(("openvino",), "import openvino\nprint(openvino.Core().read_model(sys.argv[1]))"),
}

SIZE = """
import re, sys
from importlib.metadata import PackageNotFoundError, distribution
left, seen, size = sys.argv[1:], set(), 0
while left:
    name = re.sub("[-_.]+", "-", left.pop()).lower()
    if name in seen:
        continue
    seen.add(name)
    try:
        package = distribution(name)
    except PackageNotFoundError:
        continue
    size += sum(path.stat().st_size for file in package.files or () if (path := file.locate()).is_file())
    left += [re.match(r"[\\w.-]+", line)[0] for line in package.requires or () if "extra ==" not in line]
print(size)
"""
"""The bytes of some packages that are installed, and of all that they require."""


def wall_seconds(command: list[str]) -> float:
    """Wall time of a process; one that fails ends the benchmark."""
    start = time.perf_counter()
    cpu_seconds(command)
    return time.perf_counter() - start


def cpu_seconds(command: list[str]) -> float:
    """CPU time of a process; one that fails ends the benchmark."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)[:200]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def ratios(
    ours: list[str], theirs: list[str], runs: int, seconds: Callable[[list[str]], float]
) -> tuple[list[float], list[float], list[float]]:
    """The times of two processes that run in turn, and how they compare pair by pair."""
    seconds(ours), seconds(theirs)  # compiles what is not compiled yet, and reads the files
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(runs)]
    return [a / b for a, b in pairs], [a for a, _ in pairs], [b for _, b in pairs]


def against_spec(path: Path, spec: Path, sizes: list[str], runs: int) -> float:
    """How much longer the file takes than the spec it imports to; prints it."""
    analyses = [*CONVCALC, "analyze", str(path), *sizes], [*CONVCALC, "analyze", str(spec)]
    ratio, ours, theirs = ratios(*analyses, runs, cpu_seconds)
    print(
        f"{spread(ratio, 1, 2)} of its spec, "
        f"CPU ms {spread(ours, 1000, 0)} against {spread(theirs, 1000, 0)}: {path.name}"
    )
    return median(ratio)


def against_owner(path: Path, python: str, sizes: list[str], runs: int) -> tuple[float, float]:
    """How much faster and smaller convcalc is than who owns the format; prints it."""
    owner = OWNERS[path.suffix]
    program = [python, "-c", f"import sys\n{owner.program}", str(path)]
    ratio, theirs, ours = ratios(program, [*CONVCALC, "analyze", str(path), *sizes], runs, wall_seconds)
    size = installed(sys.executable, ("typer", "rich", "pyyaml", "msgspec", "numpy")) + own_size()
    their_size = installed(python, owner.packages)
    print(
        f"    {spread(ratio, 1, 1)} times as fast as its owner, ms {spread(theirs, 1000, 0)} against "
        f"{spread(ours, 1000, 0)}; {their_size / size:.1f} times smaller, MiB {their_size / 2**20:.0f} against "
        f"{size / 2**20:.0f}"
    )
    return median(ratio), their_size / size


def installed(python: str, packages: tuple[str, ...]) -> int:
    """The bytes that packages take where an interpreter finds them, with all that they require."""
    return int(subprocess.run([python, "-c", SIZE, *packages], capture_output=True, check=True).stdout)


def own_size() -> int:
    """The bytes of convcalc itself."""
    files = (ROOT / "convcalc").rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file() and "__pycache__" not in file.parts)


def imported(path: Path, spec: Path, sizes: list[str]) -> str:
    """Writes the spec of a file; why it cannot be, if so."""
    command = [*CONVCALC, "import", str(path), "-o", str(spec), *sizes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


def spread(values: list[float], factor: int, digits: int) -> str:
    """Median, min and max."""
    middle, low, high = (f"{factor * value:.{digits}f}" for value in (median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})"


def main() -> None:
    """Measure all that is named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--input", default="", help="sizes of the input for files that leave them open")
    parser.add_argument("--owner", action="append", default=[], metavar="SUFFIX=PYTHON")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    owners = dict(item.split("=", 1) for item in options.owner)
    kept, count = True, 0
    with tempfile.TemporaryDirectory() as folder:
        for number, file in enumerate(options.files):
            path, spec = file.resolve(), Path(folder) / f"{number}.yaml"
            sizes: list[str] = []
            problem = imported(path, spec, sizes)
            if problem and options.input:
                sizes = ["--input", options.input]
                problem = imported(path, spec, sizes)
            if problem:
                print(f"not read: {path.name}: {problem.splitlines()[0][-200:]}")
                continue
            count += 1
            kept = against_spec(path, spec, sizes, options.runs) <= MOST_OF_SPEC and kept
            if path.suffix in owners:
                faster, smaller = against_owner(path, owners[path.suffix], sizes, max(3, options.runs // 3))
                kept = faster >= LEAST_FASTER and smaller >= LEAST_SMALLER and kept
    print(f"{count} files; at most {MOST_OF_SPEC} of the spec, {LEAST_FASTER} times as fast, {LEAST_SMALLER} as small")
    raise SystemExit(0 if kept and count else 1)


if __name__ == "__main__":
    main()
