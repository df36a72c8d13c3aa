"""Arenas against those of TensorFlow Lite Micro's own interpreter, where that is installed: tflite-micro.

Its planner takes the largest tensor first, and of equal ones the last, each padded to 16 bytes; what its interpreter
calls the head of the arena is what the plan needs. Measured with tflite-micro 0.dev20261023182759.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import MANY
from tflite_files import File

import convcalc
from convcalc.planning import arena, plan

pytestmark = pytest.mark.skipif(find_spec("tflite_micro") is None, reason="tflite-micro is not installed")

OPTIONS = {"ADD": 11, "CONCATENATION": 10, "MAX_POOL_2D": 5, "TANH": 0}
"""Operators, with the number of what says their options."""

REAL = """
import sys
from tflite_micro.python.tflite_micro import runtime
for path in sys.argv[1:]:
    runtime.Interpreter.from_file(path, arena_size=1_000_000).print_allocations()
"""


def drawn(seed: int) -> bytes:
    """A graph of sums, joins, pools and activations between any tensors."""
    choose = random.Random(seed)
    file = File()
    graph = file.graph
    shapes = [(1, choose.choice([2, 4]), 4, choose.randint(20, 60)) for _ in range(choose.randint(1, 2))]
    tensors = [graph.input(shape, f"in{number}") for number, shape in enumerate(shapes)]
    for number in range(choose.randint(2, 14)):
        source = tensors[number] if number < len(shapes) else choose.choice(tensors[-4:])
        operator = choose.choice(list(OPTIONS))
        tensors.append(added(choose, graph, operator, source, tensors))
    read = {tensor for table in graph.operators for tensor in table[1][1]}
    graph.outputs = [tensor for tensor in tensors if tensor not in read]
    return file.bytes()


def added(choose: random.Random, graph: Any, operator: str, source: int, tensors: Sequence[int]) -> int:
    """An operator more, on a tensor and perhaps others; an activation where the one that was drawn does not fit."""
    shape = graph.shapes[source]
    alike = [tensor for tensor in tensors if graph.shapes[tensor] == shape]
    joined = [tensor for tensor in tensors if graph.shapes[tensor][:3] == shape[:3]]
    if operator == "MAX_POOL_2D" and shape[1] > 1:
        half = (1, shape[1] // 2, shape[2] // 2 or 1, shape[3])
        window = {"stride_h": 2, "kernel_h": 2, "stride_w": min(2, shape[2]), "kernel_w": min(2, shape[2])}
        made = graph.add(operator, [source], half, padding=1, **window)
    elif operator == "ADD":
        made = graph.add(operator, [source, choose.choice(alike)], shape)
    elif operator == "CONCATENATION" and shape[3] < 200:
        others = [source, *choose.choices(joined, k=choose.randint(1, 2))]
        made = graph.add(operator, others, (*shape[:3], sum(graph.shapes[other][3] for other in others)), axis=3)
    else:
        operator = "TANH"
        made = graph.add(operator, [source], shape)
    table = graph.operators[-1]
    table[3] = ("B", OPTIONS[operator])
    if operator == "TANH":
        del table[3], table[4]
    return int(made)


def test_arenas_are_those_of_the_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(tmp_path / f"{seed}.tflite") for seed in range(MANY or 100)]
    for seed, path in enumerate(paths):
        Path(path).write_bytes(drawn(seed))
    done = subprocess.run([sys.executable, "-c", REAL, *paths], capture_output=True, text=True, check=True)
    real = [int(number) for number in re.findall(r"head (\d+) bytes", done.stdout + done.stderr)]

    def planned() -> list[int]:
        networks = (convcalc.load(path) for path in paths)
        return [convcalc.memory(network, fused=False).arena.bytes for network in networks]

    assert planned() == real
    original = arena.offsets
    monkeypatch.setattr(plan, "offsets", lambda sizes, spans, *of: original(sizes[::-1], spans[::-1], *of)[::-1])
    assert planned() != real, "the graphs tell which of equal tensors comes first"
