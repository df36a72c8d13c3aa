"""Graphs that round to few bits: the same layers as the graph of real numbers that they were made of."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from convcalc.imports.onnx.walk import of_bytes
from convcalc.imports.record import Imported
from convcalc.layers import load

RNG = np.random.default_rng(14)
MICROSOFT = "com.microsoft"
SCALE, ZERO = np.float32(0.02), np.uint8(128)


def node(op: str, inputs: str, outputs: str, domain: str = "", **attributes: Any) -> NodeProto:
    """A node; `_` is an input that is left out."""
    names = ["" if name == "_" else name for name in inputs.split()]
    return helper.make_node(op, names, outputs.split(), domain=domain, **attributes)


def graph(
    nodes: Sequence[NodeProto], arrays: dict[str, Any], shape: Sequence[int], leaving: int = TensorProto.FLOAT
) -> ModelProto:
    """A graph from x, of real numbers, to y."""
    shaped = helper.make_tensor_value_info
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    entering, left = [shaped("x", TensorProto.FLOAT, shape)], [shaped("y", leaving, None)]
    made = helper.make_graph(list(nodes), "g", entering, left, tensors)
    domains = {"": 21} | {own.domain: 1 for own in nodes if own.domain}
    opsets = [helper.make_opsetid(*opset) for opset in domains.items()]
    return helper.make_model(made, opset_imports=opsets, ir_version=10)


def read(model: ModelProto) -> Imported:
    return of_bytes(model.SerializeToString(), "a test")


def run(model: ModelProto, shape: Sequence[int]) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": RNG.standard_normal(shape).astype(np.float32)})[0]


def layers(network: Imported) -> list[tuple[str, dict[str, Any], tuple[int, ...]]]:
    return [(layer.kind, layer.fields, layer.shape) for layer in network.layers]


def params(network: Imported) -> int:
    shapes: dict[str, tuple[int, ...]] = dict(network.inputs)
    total = 0
    for layer in network.layers:
        entering = [shapes[name] for name in layer.inputs]
        assert load(layer.kind) is not None
        total += layer.config(entering).params(*entering) if layer.share is None else 0
        shapes[layer.name] = layer.shape
    return total


def eight(*shape: int, signed: bool = True) -> Any:
    return RNG.integers(-100, 100, shape).astype(np.int8) if signed else RNG.integers(0, 200, shape).astype(np.uint8)


ENTERS, LEAVES = node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "r s z", "y")
POINTS = {"s": SCALE, "z": ZERO}
CHANNELS = {"ws": np.full(6, 0.01, np.float32), "wz": np.zeros(6, np.int8), "s": SCALE, "z": ZERO}
WINDOW: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}

FIXED: dict[str, Any] = {
    "a convolution": (
        [node("QLinearConv", "q s z w ws wz s z b", "r", **WINDOW)],
        {**CHANNELS, "w": eight(6, 4, 3, 3), "b": np.arange(6, dtype=np.int32)},
        [1, 4, 6, 6],
        [("conv", (6, 6, 6))],
        6 * 4 * 9 + 6,
    ),
    "a product of a matrix": (
        [node("QLinearMatMul", "q s z w s1 z1 s z", "r")],
        {**POINTS, "w": eight(4, 6), "s1": SCALE, "z1": np.int8(0)},
        [1, 5, 4],
        [("linear", (5, 6))],
        24,
    ),
    "a dense layer": (
        [node("QGemm", "q s z w s1 z1 b s z", "r", MICROSOFT, transB=1, alpha=1.0)],
        {**POINTS, "w": eight(6, 4), "s1": SCALE, "z1": np.int8(0), "b": np.arange(6, dtype=np.int32)},
        [1, 4],
        [("linear", (6,))],
        30,
    ),
    "a sum": (
        [node("QLinearAdd", "q s z q s z s z", "r", MICROSOFT)], POINTS, [1, 4, 6, 6], [("add", (4, 6, 6))], 0,
    ),
    "a product": (
        [node("QLinearMul", "q s z q s z s z", "r", MICROSOFT)], POINTS, [1, 4, 6, 6], [("mul", (4, 6, 6))], 0,
    ),
    "end to end": (
        [node("QLinearConcat", "s z q s z q s z", "r", MICROSOFT, axis=1)],
        POINTS,
        [1, 4, 6, 6],
        [("concat", (8, 6, 6))],
        0,
    ),
    "a sigmoid": ([node("QLinearSigmoid", "q s z s z", "r", MICROSOFT)], POINTS, [1, 4, 6], [("sigmoid", (4, 6))], 0),
    "a leaky relu": (
        [node("QLinearLeakyRelu", "q s z s z", "r", MICROSOFT, alpha=0.25)],
        POINTS,
        [1, 4, 6],
        [("leaky_relu", (4, 6))],
        0,
    ),
    "a pool": (
        [node("QLinearAveragePool", "q s z s z", "r", MICROSOFT, kernel_shape=[2, 2], strides=[2, 2])],
        POINTS,
        [1, 4, 6, 6],
        [("avg_pool", (4, 3, 3))],
        0,
    ),
    "a pool over all positions": (
        [node("QLinearGlobalAveragePool", "q s z s z", "r", MICROSOFT)],
        POINTS,
        [1, 4, 6, 6],
        [("global_avg_pool", (4, 1, 1))],
        0,
    ),
    "a pool with the channels behind": (
        [node("QLinearGlobalAveragePool", "q s z s z", "r", MICROSOFT, channels_last=1)],
        POINTS,
        [1, 6, 6, 4],
        [("permute", (4, 6, 6)), ("global_avg_pool", (4, 1, 1)), ("reshape", (1, 1, 4))],
        0,
    ),
    "a softmax": (
        [node("QLinearSoftmax", "q s z s z", "r", MICROSOFT, axis=-1, opset=13)],
        POINTS,
        [1, 4, 6],
        [("softmax", (4, 6))],
        0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FIXED)
def test_operators_with_fixed_scales(case: str) -> None:
    nodes, arrays, shape, expected, count = FIXED[case]
    model = graph([ENTERS, *nodes, LEAVES], arrays, shape)
    network = read(model)
    assert [(layer.kind, layer.shape) for layer in network.layers] == expected
    assert params(network) == count
    assert run(model, shape).shape[1:] == network.layers[-1].shape
    assert "activations 8" in network.notes[0]


def test_rounding_that_cuts_off_what_is_below_0_is_the_relu_it_took_the_place_of() -> None:
    arrays = {**CHANNELS, "w": eight(6, 4, 3, 3), "z0": np.uint8(0)}
    nodes = [ENTERS, node("QLinearConv", "q s z w ws wz s z0", "r"), node("DequantizeLinear", "r s z0", "y")]
    model = graph(nodes, arrays, [1, 4, 6, 6])
    assert [layer.kind for layer in read(model).layers] == ["conv", "relu"]
    assert run(model, [1, 4, 6, 6]).min() >= 0


def dynamic(product: str, weight: Any, bias: Any, *, per_channel: bool, **attributes: Any) -> ModelProto:
    """What ONNX Runtime's quantiser makes of a product with a bias behind it."""
    features = weight.shape[0] if product == "ConvInteger" else weight.shape[-1]
    scales = (features,) if product == "MatMulInteger" else (1, features, 1, 1)
    arrays = {"w": weight, "ws": np.full(scales if per_channel else (), 0.01, np.float32), "b": bias}
    nodes = [
        node("DynamicQuantizeLinear", "x", "q s z"),
        node(product, "q w z", "i", **attributes),
        node("Cast", "i", "f", to=TensorProto.FLOAT),
        node("Mul", "s ws", "ss"),
        node("Mul", random.Random(features).choice(["f ss", "ss f"]), "p"),
        node("Add", "p b", "a"),
        node("Relu", "a", "y"),
    ]
    shape = [1, weight.shape[1], 6, 6] if product == "ConvInteger" else [1, 5, weight.shape[0]]
    return graph(nodes, arrays, shape)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("features", [2, 6, 7])
def test_scales_worked_out_in_rounding_vanish_and_the_bias_is_the_layers(features: int, per_channel: bool) -> None:
    bias = RNG.standard_normal(features).astype(np.float32)
    model = dynamic("MatMulInteger", eight(4, features), bias, per_channel=per_channel)
    network = read(model)
    assert [layer.kind for layer in network.layers] == ["linear", "relu"]
    assert params(network) == 4 * features + features
    assert run(model, [1, 5, 4]).shape == (1, *network.layers[-1].shape)
    filters = eight(features, 3, 3, 3)
    model = dynamic("ConvInteger", filters, bias.reshape(1, -1, 1, 1), per_channel=per_channel, pads=[1, 1, 1, 1])
    network = read(model)
    assert [layer.kind for layer in network.layers] == ["conv", "relu"]
    assert params(network) == 27 * features + features
    assert run(model, [1, 3, 6, 6]).shape == (1, *network.layers[-1].shape)


def test_a_product_with_a_tensor_that_is_no_scale_stays() -> None:
    model = dynamic("MatMulInteger", eight(4, 6), np.ones(6, np.float32) * 3, per_channel=False)
    gate = node("Mul", "a x2", "y")
    del model.graph.node[-1]
    model.graph.node.extend([node("Tanh", "a", "x2"), gate])
    assert [layer.kind for layer in read(model).layers] == ["linear", "tanh", "mul"]


def test_a_batch_of_several_rounds_sample_by_sample() -> None:
    model = dynamic("ConvInteger", eight(6, 3, 3, 3), np.ones((1, 6, 1, 1), np.float32), per_channel=True)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4
    network = read(model)
    assert network.inputs == {"x": (3, 6, 6)}
    assert network.layers[-1].shape == (6, 4, 4)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_matrices_packed_into_few_bits_have_the_parameters_of_the_real_ones(bits: int) -> None:
    entering, features, block = 64, 24, 32
    blocks = entering // block
    arrays = {
        "w": RNG.integers(0, 255, (features, blocks, block * bits // 8)).astype(np.uint8),
        "s": np.full((features, blocks), 0.01, np.float32),
    }
    attributes = {"K": entering, "N": features, "bits": bits, "block_size": block}
    model = graph([node("MatMulNBits", "x w s", "y", MICROSOFT, **attributes)], arrays, [1, 5, entering])
    network = read(model)
    assert [(layer.kind, layer.shape) for layer in network.layers] == [("linear", (5, features))]
    assert params(network) == entering * features
    assert f"weights of 1 layer have {bits} bits" in network.notes[0]
    assert run(model, [1, 5, entering]).shape == (1, 5, features)


@pytest.mark.parametrize("domain", ["qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general"])
def test_rounding_in_training_leaves_the_layers(domain: str) -> None:
    arrays = {
        "w": RNG.standard_normal((6, 4, 3, 3)).astype(np.float32),
        "s": np.full((6, 1, 1, 1), 0.1, np.float32),
        "zero": np.float32(0),
        "four": np.float32(4),
        "six": np.float32(6),
        "one": np.float32(1),
    }
    nodes = [
        node("Quant", "x one zero six", "q", domain, signed=1, narrow=0, rounding_mode="ROUND"),
        node("Quant", "w s zero four", "r", domain, signed=1, narrow=1, rounding_mode="ROUND"),
        node("Conv", "q r", "c"),
        node("BipolarQuant", "c one", "d", domain),
        node("Trunc", "d one zero six four", "y", domain),
    ]
    network = read(graph(nodes, arrays, [1, 4, 6, 6]))
    assert [(layer.kind, layer.shape) for layer in network.layers] == [("conv", (6, 4, 4))]
    assert params(network) == 6 * 4 * 9
    assert "the weights of 1 layer have 4 bits, activations 1 or 4 or 6" in network.notes[0]


def test_what_rounds_nothing_says_nothing() -> None:
    assert read(graph([node("Relu", "x", "y")], {}, [1, 3])).notes == ()
