"""Regions that are resized, steps that are turned around: the numbers of ONNX Runtime, for generated files."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from backend_suite import BackendCase
from backend_values import differences, reading_of
from onnx import helper, numpy_helper

SEEDS = pytest.mark.parametrize("seed", range(6))


def case_of(op: str, inputs: dict[str, Any], constants: dict[str, Any], **attributes: Any) -> BackendCase:
    """A file of one operator with what ONNX Runtime makes of its inputs; a name that is empty is no input."""
    names = [name if name.strip() else "" for name in (*inputs, *constants)]
    entering = {name: array for name, array in inputs.items() if name.strip()}
    stored = [numpy_helper.from_array(array, name) for name, array in constants.items() if name.strip()]
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in entering.items()
    ]
    leaving = helper.make_tensor_value_info("y", 1, None)
    graph = helper.make_graph([helper.make_node(op, names, ["y"], **attributes)], "g", infos, [leaving], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return BackendCase(op, model, list(entering.values()), session.run(None, entering))


def agrees(case: BackendCase, path: Path) -> None:
    reading = reading_of(case, path)
    assert reading is not None
    assert differences(case, reading) == []


@SEEDS
@pytest.mark.parametrize("is_stored", [True, False])
def test_a_region_is_resized(seed: int, is_stored: bool, tmp_path: Path) -> None:
    draw, numbers = random.Random(seed), np.random.default_rng(seed)
    x = numbers.standard_normal((1, draw.randint(1, 3), draw.randint(2, 7), draw.randint(2, 7))).astype(np.float32)
    ends = [(draw.uniform(-0.3, 0.9), draw.uniform(0.1, 1.3)) for _ in range(2)]
    roi = np.array([0, 0, ends[0][0], ends[1][0], 1, 1, ends[0][1], ends[1][1]], np.float32)
    to = np.array([*x.shape[:2], draw.randint(1, 6), draw.randint(1, 6)], np.int64)
    own = {"x": x} if is_stored else {"x": x, "roi": roi}
    constants = {**({"roi": roi} if is_stored else {}), " ": None, "to": to}
    attributes = {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize"}
    agrees(case_of("Resize", own, constants, extrapolation_value=2.5, **attributes), tmp_path / "model.onnx")


@SEEDS
def test_steps_are_turned_around(seed: int, tmp_path: Path) -> None:
    draw, numbers = random.Random(seed), np.random.default_rng(seed)
    shape = tuple(draw.randint(1, 4) for _ in range(draw.randint(2, 4)))
    axes = draw.sample([0, 1], 2)
    x = numbers.standard_normal(shape).astype(np.float32)
    lengths = numbers.integers(1, shape[axes[1]] + 1, shape[axes[0]])
    attributes = {"batch_axis": axes[0], "time_axis": axes[1]}
    for inputs, constants in (({"x": x, "n": lengths}, {}), ({"x": x}, {"n": lengths})):
        agrees(case_of("ReverseSequence", inputs, constants, **attributes), tmp_path / "model.onnx")


@SEEDS
def test_a_selu_of_other_numbers(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    x = np.random.default_rng(seed).standard_normal((1, 3, 4)).astype(np.float32)
    attributes = {"alpha": draw.uniform(0.5, 3), "gamma": draw.uniform(0.5, 3)}
    agrees(case_of("Selu", {"x": x}, {}, **attributes), tmp_path / "model.onnx")
