"""Functions of elements read from ONNX: what was read, run, makes what ONNX Runtime makes of the same operators."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest
from conftest import MANY, draws, load
from hypothesis import given, settings
from onnx import ModelProto, TensorProto, helper, numpy_helper

from convcalc.imports.drafts import INPUT, Draft
from convcalc.imports.onnx.reading import parse
from convcalc.imports.onnx.walk import Walk, of_model
from convcalc.imports.record import Imported
from convcalc.imports.tidy import tidied
from convcalc.layers import defaults_on, field_types
from convcalc.reference.execution import run_layer
from convcalc.tensors.engine import Engine

Array = Any
OPSET = 20


class Operand(NamedTuple):
    """A tensor that enters an operator: an input of the model, or a constant of it."""

    array: Array
    is_constant: bool = False


def model_of(op: str, operands: Sequence[Operand], opset: int = OPSET, **attributes: Any) -> ModelProto:
    """One operator; what leaves is a float."""
    names = [f"x{place}" for place in range(len(operands))]
    types = {
        name: helper.np_dtype_to_tensor_dtype(item.array.dtype) for name, item in zip(names, operands, strict=True)
    }
    entering = [(name, item) for name, item in zip(names, operands, strict=True) if not item.is_constant]
    nodes = [
        helper.make_node(op, names, ["result"], **attributes),
        helper.make_node("Cast", ["result"], ["y"], to=TensorProto.FLOAT),
    ]
    held = [numpy_helper.from_array(item.array, name) for name, item in zip(names, operands, strict=True)]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(name, types[name], item.array.shape) for name, item in entering],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [tensor for tensor, item in zip(held, operands, strict=True) if item.is_constant],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def by_runtime(model: ModelProto, inputs: dict[str, Array]) -> Array:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


def by_layers(model: ModelProto, inputs: dict[str, Array]) -> tuple[Array, list[Draft]]:
    """What the layers that were read make of the same numbers, and the layers, patterns put together."""
    walk = Walk(parse(model.SerializeToString()), {})
    walk.go()
    value = walk.values[model.graph.output[0].name]
    drafts, (leaving,) = tidied(walk.builder, [value.draft])
    entering = iter(array.astype(np.float64) for array in inputs.values())
    made: dict[Draft, Array] = {}
    for draft in drafts:
        if draft.kind == INPUT:
            made[draft] = next(entering).reshape(1, *draft.shape)
            continue
        kind, before = load(draft.kind), [made[source] for source in draft.inputs]
        config = kind(**{**defaults_on(kind, before[0].ndim - 2), **draft.fields})
        arrays = {
            name: np.array(array.numbers, np.float64).reshape(draft.array_shapes[name])
            for name, array in draft.arrays.items()
        }
        made[draft] = run_layer(Engine(), config, arrays, before)[0]
    return made[leaving].reshape(value.shape), [draft for draft in drafts if draft.kind != INPUT]


def same(model: ModelProto, operands: Sequence[Operand]) -> list[Draft]:
    """The layers, if they make what ONNX Runtime makes."""
    inputs = {f"x{place}": item.array for place, item in enumerate(operands) if not item.is_constant}
    with np.errstate(all="ignore"):
        theirs, (ours, layers) = by_runtime(model, inputs), by_layers(model, inputs)
    np.testing.assert_allclose(ours, theirs, 1e-4, 1e-5)
    return layers


def read(model: ModelProto) -> Imported:
    return of_model(parse(model.SerializeToString()), "net.onnx", {})


OF_ONE = [
    *("Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Erf", "Exp", "Floor", "IsInf"),
    *("IsNaN", "Log", "Neg", "Reciprocal", "Round", "Sign", "Sin", "Sinh", "Sqrt", "Tan", "Shrink", "ThresholdedRelu"),
]
OF_NUMBERS = ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Pow", "PRelu", "Max", "Min", "Mean", "Sum"]
OF_TRUTH = ["And", "Or", "Xor"]
OF_WHOLE = ["BitwiseAnd", "BitwiseOr", "BitwiseXor", "Mod"]


def operands_of(draw: random.Random, count: int, dtype: str) -> list[Operand]:
    """Tensors that meet as ONNX has them meet, at the last axis; an input has a batch of one in front, or one axis."""
    generator = np.random.default_rng(draw.randint(0, 999))
    largest = (1, *(draw.randint(1, 4) for _ in range(draw.randint(1, 3))))
    operands = [Operand(generator.standard_normal(largest))]
    for _ in range(count - 1):
        is_constant = draw.random() < 0.5
        sizes = [draw.choice([size, size, 1]) for size in largest]
        start = draw.choice(range(len(sizes) + 1) if is_constant else [0, len(sizes) - 1])
        operands.append(Operand(generator.standard_normal(sizes[start:]), is_constant))
    spread = [3 * operand.array for operand in operands]
    if dtype != "float32":
        spread = [np.round(x) for x in spread]
    return [
        Operand(np.asarray(x).astype(dtype), operand.is_constant) for x, operand in zip(spread, operands, strict=True)
    ]


@pytest.mark.parametrize("op", OF_ONE)
def test_functions_of_one_tensor(op: str) -> None:
    x = np.random.default_rng(0).standard_normal((1, 4, 5)).astype(np.float32)
    if op not in {"Shrink", "ThresholdedRelu"}:  # of which PyTorch has NaN leave, and ONNX Runtime 0
        x[0, 0, :3] = np.inf, -np.inf, np.nan
    (layer,) = same(model_of(op, [Operand(x)]), [Operand(x)])
    assert layer.kind in {"elementwise", "pow", "affine", "shrink", "threshold"}


@pytest.mark.parametrize("op", [*OF_NUMBERS, *OF_TRUTH, *OF_WHOLE])
@settings(max_examples=MANY or 15)
@given(draw=draws)
def test_functions_of_several_tensors_however_they_are_repeated(op: str, draw: random.Random) -> None:
    dtype = "bool" if op in OF_TRUTH else "int64" if op in OF_WHOLE else "float32"
    count = draw.randint(1, 4) if op in {"Max", "Min", "Mean", "Sum"} else 2
    operands = operands_of(draw, count, dtype)
    if op == "Mod":
        operands = [Operand(np.where(item.array == 0, 3, item.array), item.is_constant) for item in operands]
    if op != "PRelu" and draw.random() < 0.5:
        operands.reverse()
    model = model_of(op, operands)
    layers = same(model, operands)
    assert {layer.kind for layer in layers} <= {
        *("parameter", "elementwise", "pow", "prelu", "max", "min", "add", "affine", "hard_tanh", "relu", "reshape"),
        *("flatten", "scale"),
    }


@settings(max_examples=MANY or 30)
@given(draw=draws)
def test_where_chooses_as_runtime_does(draw: random.Random) -> None:
    items = operands_of(draw, 3, "float32")
    draw.shuffle(items)
    operands = [Operand(items[0].array > 0, items[0].is_constant), *items[1:]]
    same(model_of("Where", operands), operands)


@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
@settings(max_examples=MANY or 10)
@given(draw=draws)
def test_bits_are_shifted(direction: str, draw: random.Random) -> None:
    operands = [Operand(np.abs(item.array), item.is_constant) for item in operands_of(draw, 2, "int64")]
    unsigned = [Operand(item.array.astype(np.uint64), item.is_constant) for item in operands]
    same(model_of("BitShift", unsigned, direction=direction), unsigned)


def test_a_remainder_has_the_sign_that_the_attribute_says() -> None:
    first, second = (np.array(numbers, np.float32) for numbers in ([[5.5, -5.5, 5.5]], [[2.0, 2.0, -2.0]]))
    operands = [Operand(first), Operand(second)]
    assert [layer.fields for layer in same(model_of("Mod", operands, fmod=1), operands)] == [{"operation": "fmod"}]


@pytest.mark.parametrize("flags", [{"detect_negative": 0}, {"detect_positive": 0}, {}])
def test_infinities_of_one_sign(flags: dict[str, int]) -> None:
    x = np.array([[1.0, np.inf, -np.inf, np.nan]], np.float32)
    same(model_of("IsInf", [Operand(x)], **flags), [Operand(x)])


BOUNDS = {
    "numbers": ((-1.0, True), (1.5, True), ["hard_tanh"]),
    "numbers the wrong way round": ((1.5, True), (-1.0, True), ["hard_tanh", "hard_tanh"]),
    "equal numbers": ((0.5, True), (0.5, True), ["hard_tanh", "hard_tanh"]),
    "one computed": ((-0.5, False), (1.0, True), ["max", "hard_tanh"]),
    "both computed": ((-0.5, False), (0.5, False), ["max", "min"]),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_that_are_numbers_or_computed(name: str) -> None:
    (low, is_low), (high, is_high), kinds = BOUNDS[name]
    x = np.random.default_rng(0).standard_normal((1, 3, 4)).astype(np.float32)
    bounds = [Operand(np.array(low, np.float32), is_low), Operand(np.array(high, np.float32), is_high)]
    layers = same(model_of("Clip", [Operand(x), *bounds]), [Operand(x), *bounds])
    assert [layer.kind for layer in layers if layer.kind not in {"reshape", "flatten"}] == kinds


@pytest.mark.parametrize(
    ("slope", "kinds"),
    [
        ((8, 1, 1), ["prelu"]),
        ((1,), ["prelu"]),
        ((1, 1, 7), ["parameter", "elementwise"]),
        ((8, 5, 7), ["parameter", "elementwise"]),
    ],
)
def test_slopes_lie_along_any_axes(slope: tuple[int, ...], kinds: list[str]) -> None:
    x = np.random.default_rng(0).standard_normal((1, 8, 5, 7)).astype(np.float32)
    slopes = np.arange(prod(slope), dtype=np.float32).reshape(slope)
    operands = [Operand(x), Operand(slopes, is_constant=True)]
    layers = same(model_of("PRelu", operands), operands)
    assert [layer.kind for layer in layers] == kinds
    assert [prod(shape) for layer in layers for shape in layer.array_shapes.values()] == [prod(slope)]


def test_slopes_of_one_axis_that_do_not_fit_the_last_are_of_channels() -> None:
    """As they were before ONNX repeated them along the last axis."""
    x, slopes = np.ones((1, 8, 5, 7), np.float32), np.ones(8, np.float32)
    (layer,) = read(model_of("PRelu", [Operand(x), Operand(slopes, is_constant=True)])).layers
    assert (layer.kind, layer.fields) == ("prelu", {"num_parameters": 8})


def test_slopes_may_be_computed_and_as_many_as_columns() -> None:
    """Where there are as many channels as columns, slopes of one axis are of the columns."""
    x = np.random.default_rng(0).standard_normal((1, 3, 2, 3)).astype(np.float32)
    for slope in (np.arange(3, dtype=np.float32), np.full((3, 1, 1), 0.5, np.float32)):
        for is_constant in (True, False):
            operands = [Operand(x), Operand(slope, is_constant)]
            same(model_of("PRelu", operands), operands)


@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_the_largest_of_an_axis_is_marked(axis: int) -> None:
    x = np.random.default_rng(0).integers(-2, 2, (1, 4, 5)).astype(np.float32)  # of which many are the largest
    (layer,) = same(model_of("Hardmax", [Operand(x)], axis=axis), [Operand(x)])
    assert layer.kind == "hardmax"


def test_a_type_alone_is_no_input() -> None:
    """What CastLike reads a type of needs no sizes."""
    nodes = [
        helper.make_node("CastLike", ["x", "like"], ["number"]),
        helper.make_node("Exp", ["number"], ["y"]),
    ]
    infos = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4]),
        helper.make_tensor_value_info("like", TensorProto.DOUBLE, [0]),
    ]
    graph = helper.make_graph(nodes, "net", infos, [helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)])
    network = read(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]))
    assert [*network.inputs] == ["x"]
    assert [(layer.kind, layer.shape) for layer in network.layers] == [("elementwise", (4,))]


def test_every_operation_is_read() -> None:
    """And every one by an operator of its own."""
    x, y = Operand(np.ones((1, 2, 3), np.float32)), Operand(np.full((1, 2, 3), 2, np.float32))
    truth, whole_number = Operand(x.array > 0), Operand(x.array.astype(np.uint64))
    models = [model_of(op, [x]) for op in OF_ONE]
    models += [model_of(op, [x, y]) for op in OF_NUMBERS]
    models += [model_of("Not", [truth]), *(model_of(op, [truth, truth]) for op in OF_TRUTH)]
    models += [
        model_of("BitwiseNot", [whole_number]),
        model_of("Where", [truth, x, y]),
        model_of("Mod", [x, y], fmod=1),
    ]
    models += [model_of(op, [whole_number, whole_number]) for op in OF_WHOLE]
    models += [model_of("BitShift", [whole_number] * 2, direction=direction) for direction in ("LEFT", "RIGHT")]
    layers = [layer for model in models for layer in read(model).layers if layer.kind == "elementwise"]
    options = field_types(load("elementwise"))["operation"].words
    assert sorted(str(layer.fields["operation"]) for layer in layers) == sorted(options)
