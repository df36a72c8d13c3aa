"""verify of a model file in ONNX Runtime: the file itself runs, and faults of reading show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from test_cli import run

import convcalc
from convcalc.imports.onnx.operators import convolutions, operators, products
from convcalc.imports.onnx.values import Call, Value

CHANNELS, FEATURES = 6, 6


def written(folder: Path, *, stripped: bool = False, beside: bool = False) -> str:
    """A small classifier with weights of its own; its dense layer is square: no size tells which way it lies."""
    draw = np.random.default_rng(3)
    arrays = {
        "filter": draw.standard_normal((CHANNELS, 3, 3, 3)) * 0.3,
        "bias": draw.standard_normal(CHANNELS),
        **{name: draw.standard_normal(CHANNELS) for name in ("scale", "shift", "mean")},
        "variance": draw.uniform(0.5, 2, CHANNELS),
        "matrix": draw.standard_normal((CHANNELS, FEATURES)),
    }
    nodes = [
        helper.make_node("Conv", ["x", "filter", "bias"], ["a"], strides=[2, 1], pads=[1, 0, 1, 2]),
        helper.make_node("BatchNormalization", ["a", "scale", "shift", "mean", "variance"], ["b"]),
        helper.make_node("Sigmoid", ["b"], ["gate"]),
        helper.make_node("Mul", ["b", "gate"], ["c"]),
        helper.make_node("MaxPool", ["c"], ["d"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        helper.make_node("GlobalAveragePool", ["d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["f"]),
        helper.make_node("MatMul", ["f", "matrix"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 11, 9])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", FEATURES])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if stripped:
        for tensor in model.graph.initializer:
            tensor.ClearField("raw_data")
    path = folder / "classifier.onnx"
    onnx.save(model, path, save_as_external_data=beside, location="weights.bin", size_threshold=0)
    return str(path)


def checked(path: str) -> Any:
    verification = convcalc.verify(convcalc.load(path), against="onnxruntime")
    assert verification.file is not None
    return verification


@pytest.mark.parametrize("beside", [False, True])
def test_every_tensor_of_the_file_is_as_onnxruntime_has_it(tmp_path: Path, beside: bool) -> None:
    verification = checked(written(tmp_path, beside=beside))
    tensors = {tensor.tensor: tensor for tensor in verification.file.tensors}
    assert verification.agrees
    assert list(tensors) == ["a", "b", "c", "d", "f", "y"]
    assert all(tensor.same_shape and not tensor.reason and tensor.tolerance >= 0 for tensor in tensors.values())
    assert tensors["a"].read == (1, CHANNELS, 6, 9)


def test_a_fault_of_shapes_in_the_reading_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_conv = operators()["Conv"]

    def without_strides(call: Call) -> Value | list[Value]:
        call.attributes["strides"] = [1, 1]
        return of_conv(call)

    monkeypatch.setitem(operators(), "Conv", without_strides)
    verification = checked(written(tmp_path))
    wrong = [tensor.tensor for tensor in verification.file.tensors if tensor.agrees is False]
    assert not verification.agrees
    assert wrong == ["a", "b", "c", "d"]
    assert all(layer.agrees for layer in verification.layers), "an export of what was read would show nothing"


def test_a_fault_of_values_in_the_reading_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_by_columns", lambda weight: weight)
    verification = checked(written(tmp_path))
    wrong = [tensor for tensor in verification.file.tensors if tensor.agrees is False]
    assert [tensor.tensor for tensor in wrong] == ["y"]
    assert wrong[0].same_shape
    result = run("verify", written(tmp_path), "--against", "onnxruntime")
    assert result.code == 1
    assert "tensor y of the file: values" in result.out


def test_a_pad_taken_for_the_end_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes are the same, so only values tell."""
    of_conv = operators()["Conv"]

    def shifted(call: Call) -> Value | list[Value]:
        call.attributes["pads"] = [1, 2, 1, 0]
        return of_conv(call)

    assert convolutions.OPERATORS["Conv"] is of_conv
    monkeypatch.setitem(operators(), "Conv", shifted)
    wrong = [tensor.tensor for tensor in checked(written(tmp_path)).file.tensors if tensor.agrees is False]
    assert wrong == ["a"]


def test_a_file_without_its_weights_is_run_with_random_ones(tmp_path: Path) -> None:
    result = run("verify", written(tmp_path, stripped=True), "--against", "onnxruntime")
    assert result.code == 0
    assert "the file holds no numbers for 7 arrays, filter the first: random ones stand for them" in result.out
    assert "every tensor of the file is as onnxruntime has it" in result.out


def test_a_file_that_onnxruntime_refuses_is_said_to_be(tmp_path: Path) -> None:
    path = written(tmp_path)
    model = onnx.load(path)
    model.ir_version = 200
    onnx.save(model, path)
    result = run("verify", path, "--against", "onnxruntime")
    assert "the file was not compared, onnxruntime does not run it: " in result.out
    assert result.code == 0


def test_json_has_every_tensor(tmp_path: Path) -> None:
    document = json.loads(run("verify", written(tmp_path), "--against", "onnxruntime", "--format", "json").out)
    assert document["file"]["agrees"] is True
    assert [tensor["tensor"] for tensor in document["file"]["tensors"]] == ["a", "b", "c", "d", "f", "y"]
    assert document["file"]["tensors"][0]["shape"] == [1, CHANNELS, 6, 9]


def test_one_layer_is_run_as_an_export(tmp_path: Path) -> None:
    path = written(tmp_path)
    (name,) = [node.name for node in convcalc.load(path).layers if node.kind == "conv"]
    verification = convcalc.verify(convcalc.load(path), layer=name, against="onnxruntime")
    assert verification.file is None
    assert verification.layers[0].against is not None
