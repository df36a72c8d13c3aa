"""What is worked out from constants alone: numbers as ONNX Runtime has them, and shapes of whatever makes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper

from convcalc.imports.onnx.reading import parse
from convcalc.imports.onnx.walk import Walk, of_bytes

Array = np.ndarray[Any, Any]

F, I64, I32, B, U8 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL, TensorProto.UINT8


def model(op: str, arrays: Sequence[Array], outputs: int = 1, opset: int = 21, **attributes: Any) -> ModelProto:
    """An operator on initialisers; an input beside it, which a model cannot be without."""
    names = [f"c{place}" for place in range(len(arrays))]
    results = [f"y{place}" for place in range(outputs)]
    float_ = helper.make_tensor_value_info("x", F, [1, 2])
    leaving = [helper.make_empty_tensor_value_info(name) for name in results]
    graph = helper.make_graph(
        [helper.make_node(op, names, results, **attributes), helper.make_node("Relu", ["x"], ["z"])],
        "net",
        [float_],
        [helper.make_tensor_value_info("z", F, [1, 2]), *leaving],
        [numpy_helper.from_array(array, name) for name, array in zip(names, arrays, strict=True)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def run(of: ModelProto) -> list[Array]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(of.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, {"x": np.zeros((1, 2), np.float32)}))[1:]


def worked_out(of: ModelProto) -> list[Any]:
    """The constants that leave."""
    walk = Walk(parse(of.SerializeToString()), {})
    walk.go()
    values = [walk.value(output.name) for output in of.graph.output[1:]]
    return [value.constant if value is not None else None for value in values]


def agrees(op: str, arrays: Sequence[Array], outputs: int = 1, *, exact: bool = True, **attributes: Any) -> None:
    of = model(op, arrays, outputs, **attributes)
    for constant, expected in zip(worked_out(of), run(of), strict=True):
        assert constant.shape == expected.shape
        if not np.isfinite(expected).all():
            continue  # what a number is divided by zero is not reckoned with
        assert constant.numbers is not None
        held = np.array(constant.numbers, expected.dtype).reshape(expected.shape)
        if exact:
            assert np.array_equal(held, expected), (arrays, held, expected)
        else:
            assert np.allclose(held, expected, rtol=3e-5, atol=1e-6), (arrays, held, expected)


def floats(shape: tuple[int, ...], least: float = -50, most: float = 50) -> st.SearchStrategy[Array]:
    number = st.one_of(st.integers(math.ceil(least), math.floor(most)).map(float), st.floats(least, most, width=32))
    return st.lists(number, min_size=math.prod(shape), max_size=math.prod(shape)).map(
        lambda numbers: np.array(numbers, np.float32).reshape(shape)
    )


def integers(shape: tuple[int, ...], least: int = -(2**63), most: int = 2**63 - 1, dtype: Any = np.int64) -> Any:
    number = st.one_of(st.integers(max(least, -9), min(most, 9)), st.integers(least, most))
    return st.lists(number, min_size=math.prod(shape), max_size=math.prod(shape)).map(
        lambda numbers: np.array(numbers, dtype).reshape(shape)
    )


SHAPES = st.sampled_from([((), ()), ((3,), ()), ((2, 3), (3,)), ((2, 1), (1, 3)), ((1,), (2, 2))])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whole_numbers_that_meet_are_what_a_runtime_makes_of_them(data: st.DataObject) -> None:
    """Divided towards zero, with what is left of 64 bits, the remainder with the sign of either."""
    first, second = data.draw(SHAPES)
    op = data.draw(st.sampled_from(["Add", "Sub", "Mul", "Div", "Mod", "Min", "Max", "Equal", "Greater", "LessOrEqual",
                                    "BitwiseAnd", "BitwiseOr", "BitwiseXor"]))  # fmt: skip
    dtype, least, most = data.draw(st.sampled_from([(np.int64, -(2**63), 2**63 - 1), (np.int32, -(2**31), 2**31 - 1)]))
    a, b = (data.draw(integers(shape, least, most, dtype)) for shape in (first, second))
    attributes: dict[str, Any] = {"fmod": data.draw(st.integers(0, 1))} if op == "Mod" else {}
    if op in ("Div", "Mod"):
        b = np.where((b == 0) | (b == -1), np.array(3, dtype), b)
    if attributes.get("fmod"):  # by way of a double
        a, b = (a % 2**20 - 2**19).astype(dtype), (b % 2**20 + 1).astype(dtype)
    agrees(op, [a, b], **attributes)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_fractions_that_meet_are_rounded_to_their_type(data: st.DataObject) -> None:
    shapes = data.draw(SHAPES)
    op = data.draw(st.sampled_from(["Add", "Sub", "Mul", "Div", "Min", "Max", "Sum", "Mean", "Equal", "Less", "Greater",
                                    "Mod", "Pow"]))  # fmt: skip
    a, b = (data.draw(floats(shape)) for shape in shapes)
    if op == "Pow":
        a, b = abs(a), np.round(b / 20)
    attributes: dict[str, Any] = {"fmod": 1} if op == "Mod" else {}
    agrees(op, [a, b], exact=op != "Pow", **attributes)


UNARY = {
    "Neg": (-50, 50), "Abs": (-50, 50), "Floor": (-50, 50), "Ceil": (-50, 50), "Round": (-50, 50), "Sign": (-50, 50),
    "Relu": (-50, 50), "Sqrt": (0, 50), "Reciprocal": (0.1, 50),
}  # fmt: skip
CURVES = {
    "Exp": (-20, 20), "Log": (0.1, 50), "Sigmoid": (-20, 20), "Tanh": (-5, 5), "Erf": (-3, 3), "Sin": (-6, 6),
    "Cos": (-6, 6), "Tan": (-1, 1), "Asin": (-0.9, 0.9), "Acos": (-0.9, 0.9), "Atan": (-9, 9), "Sinh": (-3, 3),
    "Cosh": (-3, 3), "Asinh": (-9, 9), "Acosh": (1.1, 9), "Atanh": (-0.9, 0.9), "Softplus": (-9, 9),
    "Softsign": (-9, 9), "HardSwish": (-9, 9), "Mish": (-9, 9), "Elu": (-9, 9), "Selu": (-9, 9), "Celu": (-9, 9),
    "LeakyRelu": (-9, 9), "ThresholdedRelu": (-9, 9), "HardSigmoid": (-9, 9), "Shrink": (-9, 9), "Gelu": (-4, 4),
}  # fmt: skip


@pytest.mark.parametrize("op", UNARY)
def test_a_function_that_is_exact_gives_the_very_number(op: str) -> None:
    halves = (np.arange(-10, 11) / 2).astype(np.float32)
    least, most = UNARY[op]
    drawn = np.random.default_rng(0).uniform(least, most, 200).astype(np.float32)
    agrees(op, [np.concatenate([halves[halves >= least] if op != "Reciprocal" else halves[halves > 0], drawn])])


@pytest.mark.parametrize("op", CURVES)
def test_a_function_that_is_a_curve_is_near(op: str) -> None:
    agrees(op, [np.random.default_rng(1).uniform(*CURVES[op], 200).astype(np.float32)], exact=False)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_numbers_are_cast_with_their_fraction_cut_off(data: st.DataObject) -> None:
    to = data.draw(st.sampled_from([F, I64, I32, B, U8, TensorProto.FLOAT16, TensorProto.DOUBLE]))
    is_whole = data.draw(st.booleans())
    a = data.draw(integers((4,), -(2**40), 2**40) if is_whole and to != TensorProto.FLOAT16 else floats((4,), 0, 200))
    agrees("Cast", [a], to=to)


@pytest.mark.parametrize("op", ["Sum", "Prod", "Max", "Min", "Mean", "L1", "L2", "SumSquare", "LogSum", "LogSumExp"])
@pytest.mark.parametrize("axes", [[0], [1, 2], [-1], [0, 1, 2]])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_a_reduction_takes_the_numbers_along_its_axes(op: str, axes: list[int], keepdims: int) -> None:
    a = np.random.default_rng(2).uniform(0.5, 2, (2, 3, 4)).astype(np.float32)
    agrees(f"Reduce{op}", [a, np.array(axes, np.int64)], exact=False, keepdims=keepdims)
    if op in ("Sum", "Prod", "Max", "Min", "Mean"):
        agrees(f"Reduce{op}", [(a * 9 - 9).astype(np.int32), np.array(axes, np.int64)], keepdims=keepdims)


def ints(*numbers: int) -> Array:
    return np.array(numbers, np.int64)


X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
MIXED = np.array([[3, 1, 2, 3], [0, 5, 5, -1]], np.float32)

ARRAYS: dict[str, tuple[str, list[Array], int, dict[str, Any]]] = {
    "gather_elements": ("GatherElements", [X, np.array([[[0, -1, 2, 1]]] * 2, np.int64)], 1, {"axis": 1}),
    "gather_nd": ("GatherND", [X, np.array([[0, 1], [1, -1]], np.int64)], 1, {}),
    "gather_nd_all_axes": ("GatherND", [X, np.array([[0, 1, 2], [1, 0, 3]], np.int64)], 1, {}),
    "gather_nd_beside": ("GatherND", [X, np.array([[1], [2]], np.int64)], 1, {"batch_dims": 1}),
    "scatter_nd": ("ScatterND", [X, ints(1).reshape(1, 1), np.ones((1, 3, 4), np.float32)], 1, {}),
    "scatter_nd_sum": ("ScatterND", [X, np.array([[0, 1]] * 2), np.ones((2, 4), np.float32)], 1, {"reduction": "add"}),
    "scatter_elements": ("ScatterElements", [MIXED, np.array([[1, 0]]), np.ones((1, 2), np.float32)], 1, {"axis": 1}),
    "one_hot": ("OneHot", [ints(0, 2, -1, 7), ints(3), np.array([0, 1], np.float32)], 1, {}),
    "one_hot_first": ("OneHot", [ints(0, 2), ints(3), np.array([5, 6], np.float32)], 1, {"axis": 0}),
    "cumsum": ("CumSum", [MIXED, np.array(1)], 1, {}),
    "cumsum_backwards": ("CumSum", [MIXED, np.array(-1)], 1, {"reverse": 1, "exclusive": 1}),
    "triangle": ("Trilu", [X, np.array(1)], 1, {}),
    "lower_triangle": ("Trilu", [X, np.array(-1)], 1, {"upper": 0}),
    "argmax": ("ArgMax", [MIXED], 1, {"axis": 1, "keepdims": 0}),
    "argmax_last": ("ArgMax", [MIXED], 1, {"axis": 1, "select_last_index": 1}),
    "argmin": ("ArgMin", [MIXED], 1, {"axis": 0}),
    "top": ("TopK", [MIXED, ints(2)], 2, {}),
    "least": ("TopK", [MIXED, ints(1)], 2, {"largest": 0, "axis": 0}),
    "eye": ("EyeLike", [MIXED], 1, {"k": 1}),
    "compress": ("Compress", [MIXED, np.array([False, True, True, False])], 1, {"axis": 1}),
    "compress_flat": ("Compress", [MIXED, np.array([False, True, True, False, True])], 1, {}),
    "pad": ("Pad", [MIXED, ints(1, 0, 0, 2), np.array(7, np.float32)], 1, {}),
    "pad_reflect": ("Pad", [MIXED, ints(0, 2, 1, 1)], 1, {"mode": "reflect"}),
    "pad_edge": ("Pad", [MIXED, ints(1, 2, 0, 3)], 1, {"mode": "edge"}),
    "nonzero": ("NonZero", [MIXED], 1, {}),
    "where": ("Where", [MIXED > 1, MIXED, np.array(-1, np.float32)], 1, {}),
    "clip": ("Clip", [MIXED, np.array(0, np.float32), np.array(2, np.float32)], 1, {}),
    "matmul": ("MatMul", [MIXED, MIXED.T.copy()], 1, {}),
    "matmul_vector": ("MatMul", [MIXED, MIXED[0]], 1, {}),
    "tile": ("Tile", [MIXED, ints(2, 1)], 1, {}),
    "not": ("Not", [MIXED > 1], 1, {}),
    "xor": ("Xor", [MIXED > 1, MIXED > 2], 1, {}),
    "shift": ("BitShift", [np.array([1, 255], np.uint8), np.array([3, 1], np.uint8)], 1, {"direction": "LEFT"}),
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
def test_elements_go_where_a_runtime_puts_them(name: str) -> None:
    op, arrays, outputs, attributes = ARRAYS[name]
    agrees(op, arrays, outputs, **attributes)


IMAGE, FILTERS = np.ones((3, 4, 9, 9), np.float32), np.ones((5, 4, 3, 3), np.float32)
SHAPED: dict[str, tuple[str, list[Array], dict[str, Any]]] = {
    "conv": ("Conv", [IMAGE, FILTERS], {"strides": [2, 2]}),
    "conv_transpose": ("ConvTranspose", [IMAGE, np.ones((4, 2, 3, 3), np.float32)], {"group": 2}),
    "gemm": ("Gemm", [np.ones((3, 4), np.float32), np.ones((4, 5), np.float32)], {}),
    "matmul_stack": ("MatMul", [np.ones((2, 3, 4), np.float32), np.ones((4, 5), np.float32)], {}),
    "max_pool": ("MaxPool", [IMAGE], {"kernel_shape": [3, 3]}),
    "average_of_all": ("GlobalAveragePool", [IMAGE], {}),
    "resize": ("Resize", [IMAGE, np.zeros(0, np.float32), np.array([1, 1, 2, 3], np.float32)], {}),
    "softmax": ("Softmax", [IMAGE], {"axis": 1}),
    "batch_norm": ("BatchNormalization", [IMAGE, *[np.ones(4, np.float32)] * 4], {}),
    "instance_norm": ("InstanceNormalization", [IMAGE, *[np.ones(4, np.float32)] * 2], {}),
    "depth_to_space": ("DepthToSpace", [IMAGE], {"blocksize": 2}),
    "einsum": ("Einsum", [X, np.ones((2, 4, 5), np.float32)], {"equation": "bij,bjk->bik"}),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPED)
def test_whatever_makes_a_constant_gives_it_its_shape(name: str) -> None:
    op, arrays, attributes = SHAPED[name]
    of = model(op, arrays, **attributes)
    assert [constant.shape for constant in worked_out(of)] == [result.shape for result in run(of)]


def padded(size: int) -> ModelProto:
    """A convolution padded as TensorFlow does it, by sizes that the graph works out."""
    steps: list[tuple[str, str, str, dict[str, Any]]] = [
        ("Shape", "x", "s", {}), ("Slice", "s two four", "sizes", {}), ("Cast", "sizes", "f", {"to": F}),
        ("Div", "f stride", "d", {}), ("Ceil", "d", "c", {}), ("Sub", "c one", "b", {}), ("Mul", "b stride", "m", {}),
        ("Add", "m kernel", "k", {}), ("Sub", "k f", "p", {}), ("Max", "p zero", "q", {}),
        ("Cast", "q", "i", {"to": I64}),
        ("Div", "i half_of", "before", {}), ("Sub", "i before", "behind", {}),
        ("Concat", "nothing before nothing behind", "pads", {"axis": 0}), ("Pad", "x pads", "wide", {}),
        ("Conv", "wide w", "y", {"strides": [2, 2]}),
    ]  # fmt: skip
    arrays: dict[str, Array] = {
        "two": ints(2), "four": ints(4), "half_of": ints(2), "nothing": ints(0, 0),
        "stride": np.array([2, 2], np.float32), "one": np.array(1, np.float32), "kernel": np.array([3, 3], np.float32),
        "zero": np.array(0, np.float32), "w": np.ones((8, 3, 3, 3), np.float32),
    }  # fmt: skip
    graph = helper.make_graph(
        [helper.make_node(op, entering.split(), [made], **attributes) for op, entering, made, attributes in steps],
        "net",
        [helper.make_tensor_value_info("x", F, [1, 3, size, size])],
        [helper.make_tensor_value_info("y", F, None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("size", [9, 10, 15, 224])
def test_sizes_worked_out_from_the_shape_of_the_input_are_plain_numbers(size: int) -> None:
    of = padded(size)
    session = onnxruntime.InferenceSession(of.SerializeToString(), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"x": np.zeros((1, 3, size, size), np.float32)})
    imported = of_bytes(of.SerializeToString(), "net.onnx")
    assert [layer.kind for layer in imported.layers] == ["pad", "conv"]
    assert imported.layers[-1].shape == expected.shape[1:]


def test_a_constant_that_leaves_costs_nothing() -> None:
    of = model("Gemm", [np.ones((3, 4), np.float32), np.ones((4, 5), np.float32)])
    imported = of_bytes(of.SerializeToString(), "net.onnx")
    assert [layer.kind for layer in imported.layers] == ["relu"]
    assert imported.notes == ("output y0 is a constant, and is left out",)
