"""verify of a model file in ONNX Runtime where the file is odd: no false alarm, and what is left out is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import convcalc
from convcalc import steps
from convcalc.imports import read_file
from convcalc.reference.model_file import FileCheck, check_file

FLOAT, DOUBLE, HALF, INT32, INT64 = (
    TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.INT32, TensorProto.INT64,
)  # fmt: skip
ROUNDS = "the file rounds on the way there, to whole numbers or as it is quantised"


def checked(
    folder: Path, nodes: list[Any], inputs: dict[str, Any], arrays: dict[str, Any], *, most_bytes: int | None = None
) -> FileCheck:
    """The check of a model whose last node makes its output `y`; inputs are element types with shapes."""
    given = [
        helper.make_tensor_value_info(name, of[0], of[1]) if isinstance(of, tuple) else of
        for name, of in inputs.items()
    ]
    of_output = helper.make_empty_tensor_value_info("y")
    held = [x if isinstance(x, TensorProto) else numpy_helper.from_array(x, name) for name, x in arrays.items()]
    graph = helper.make_graph(nodes, "g", given, [of_output], held)
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    path = folder / "odd.onnx"
    onnx.save(helper.make_model(graph, opset_imports=sets, ir_version=8), path)
    return check_file(read_file(str(path)), most_bytes=most_bytes)


def compared(check: FileCheck) -> dict[str, tuple[bool | None, str]]:
    return {tensor.tensor: (tensor.agrees, tensor.reason) for tensor in check.tensors}


@pytest.mark.parametrize("dtype", [FLOAT, DOUBLE, HALF])
def test_values_are_compared_in_single_precision_at_best(tmp_path: Path, dtype: int) -> None:
    numpy_type = helper.tensor_dtype_to_np_dtype(dtype)
    weight = np.random.default_rng(0).standard_normal((40, 30)).astype(numpy_type)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    check = checked(tmp_path, nodes, {"x": (dtype, [1, 40])}, {"w": weight})
    assert compared(check) == {"a": (True, ""), "y": (True, "")}


def test_a_number_without_axes_is_one_with_an_axis_of_one(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["a"], keepdims=0),
        helper.make_node("Add", ["a", "s"], ["b"]),
        helper.make_node("Mul", ["x", "b"], ["y"]),
    ]
    check = checked(tmp_path, nodes, {"x": (FLOAT, [1, 4]), "s": (FLOAT, [])}, {})
    assert compared(check) == dict.fromkeys("aby", (True, ""))


@pytest.mark.parametrize("dtype", [INT32, INT64])
def test_whole_numbers_are_not_held_against_ours(tmp_path: Path, dtype: int) -> None:
    two = np.array([2], helper.tensor_dtype_to_np_dtype(dtype))
    check = checked(tmp_path, [helper.make_node("Div", ["x", "two"], ["y"])], {"x": (dtype, [1, 9])}, {"two": two})
    assert compared(check) == {"y": (True, "the file computes in whole numbers")}


def test_only_what_lies_behind_a_rounding_is_left_out(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Exp", ["x"], ["a"]),
        helper.make_node("QuantizeLinear", ["a", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        helper.make_node("Sigmoid", ["d"], ["b"]),
        helper.make_node("Cast", ["b"], ["i"], to=INT32),
        helper.make_node("Cast", ["i"], ["f"], to=FLOAT),
        helper.make_node("Tanh", ["f"], ["c"]),
        helper.make_node("Neg", ["c"], ["y"]),
    ]
    arrays = {"scale": np.float32(0.25), "zero": np.uint8(3)}
    check = checked(tmp_path, nodes, {"x": (FLOAT, [1, 9])}, {name: np.array(x) for name, x in arrays.items()})
    assert compared(check) == {"a": (True, ""), "b": (True, ROUNDS), "c": (True, ROUNDS), "y": (True, "")}


def test_a_quantised_relu_is_none_of_the_numbers_behind_it(tmp_path: Path) -> None:
    """What cuts off all below 0 is read as relu, and its tensor has quantised numbers: zero point and scale in them."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("QuantizeLinear", ["a", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        helper.make_node("MaxPool", ["d"], ["y"], kernel_shape=[2, 2]),
    ]
    arrays = {
        "w": np.ones((3, 2, 1, 1), np.float32),
        "scale": np.array(np.float32(0.1)),
        "zero": np.array(np.int8(-128)),
    }
    check = checked(tmp_path, nodes, {"x": (FLOAT, [1, 2, 6, 6])}, arrays)
    assert check.agrees
    assert compared(check)["y"] == (True, ROUNDS)


def test_a_cast_of_a_shape_rounds_nothing(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Cast", ["s"], ["f"], to=FLOAT),
        helper.make_node("Cast", ["f"], ["i"], to=INT64),
        helper.make_node("Reshape", ["x", "i"], ["r"]),
        helper.make_node("Exp", ["r"], ["y"]),
    ]
    check = checked(tmp_path, nodes, {"x": (FLOAT, [1, 9])}, {})
    assert compared(check) == {"y": (True, "")}


@pytest.mark.parametrize("decided", [True, False], ids=["known", "an input"])
def test_the_branch_that_was_read_is_the_one_that_runs(tmp_path: Path, decided: bool) -> None:
    """Whatever is drawn for the input that decides: the dearer one was read."""
    weight = numpy_helper.from_array(np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32), "w")
    out = [helper.make_tensor_value_info(name, FLOAT, [1, 4]) for name in ("t2", "e1")]
    dear = [helper.make_node("MatMul", ["x", "w"], ["t1"]), helper.make_node("Exp", ["t1"], ["t2"])]
    cheap = helper.make_graph([helper.make_node("Neg", ["x"], ["e1"])], "cheap", [], out[1:])
    branches = {"then_branch": helper.make_graph(dear, "dear", [], out[:1], [weight]), "else_branch": cheap}
    nodes = [helper.make_node("If", ["c"], ["a"], **branches), helper.make_node("Relu", ["a"], ["y"])]
    inputs: dict[str, Any] = {"x": (FLOAT, [1, 4])} | ({} if decided else {"c": (TensorProto.BOOL, [])})
    check = checked(tmp_path, nodes, inputs, {"c": np.array(True)} if decided else {})
    assert compared(check) == dict.fromkeys(("t1", "t2", "y"), (True, ""))


def test_what_has_no_random_numbers_is_said(tmp_path: Path) -> None:
    check = checked(tmp_path, [helper.make_node("Identity", ["x"], ["y"])], {"x": (TensorProto.STRING, [1, 4])}, {})
    assert check.agrees is None
    assert check.reason == "no numbers are drawn for an input of its type: x is a tensor(string)"


def test_random_weights_take_no_more_memory_than_is_allowed(tmp_path: Path) -> None:
    empty = TensorProto(name="w", data_type=FLOAT, dims=[2**20, 2**20])
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    check = checked(tmp_path, nodes, {"x": (FLOAT, [1, 2**20])}, {"w": empty}, most_bytes=2**30)
    assert check.reason == f"the file holds no numbers for w, and random ones take {2**43:,} bytes"


def test_roots_of_random_numbers_warn_nobody(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    nodes = [helper.make_node("Log", ["x"], ["a"]), helper.make_node("Sqrt", ["a"], ["y"])]
    assert compared(checked(tmp_path, nodes, {"x": (FLOAT, [1, 50])}, {})) == dict.fromkeys("ay", (True, ""))
    assert not recwarn.list


def test_values_are_compared_as_far_as_the_steps_last_and_shapes_all(tmp_path: Path) -> None:
    weight = np.ones((64, 64), np.float32)
    nodes = [helper.make_node("MatMul", [name, "w"], [after]) for name, after in zip("xabc", "abcy", strict=True)]
    checked(tmp_path, nodes, {"x": (FLOAT, [1, 64])}, {"w": weight})
    imported = read_file(str(tmp_path / "odd.onnx"))
    with steps.run(800):
        check = check_file(imported)
    assert all(tensor.same_shape for tensor in check.tensors)
    assert {tensor.reason for tensor in check.tensors} == {"", "it takes more steps than this run has left"}


def test_an_unknown_operator_leaves_the_rest_compared(tmp_path: Path) -> None:
    """One that the runtime has and no kind says; what follows has its shape and values all the same."""
    nodes = [helper.make_node("RandomNormalLike", ["x"], ["d"]), helper.make_node("Exp", ["d"], ["y"])]
    checked(tmp_path, nodes, {"x": (FLOAT, [1, 4])}, {})
    network = convcalc.load(tmp_path / "odd.onnx")
    verification = convcalc.verify(network, against="onnxruntime")
    assert network.uncosted
    assert verification.file is not None
    assert {tensor.agrees for tensor in verification.file.tensors} == {True}
    assert compared(verification.file)["y"] == (True, "")
