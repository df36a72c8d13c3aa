"""What ONNX Runtime's optimiser writes: the layers, parameters and MACs of the graph that it was given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from convcalc.imports.onnx.walk import of_bytes
from convcalc.imports.record import Imported

RNG = np.random.default_rng(14)
LEVELS = onnxruntime.GraphOptimizationLevel
PROVIDERS = ["CPUExecutionProvider"]


def node(op: str, inputs: str, outputs: str, domain: str = "", **attributes: Any) -> NodeProto:
    """A node; `_` is an input or output that is left out."""
    entering, leaving = (["" if name == "_" else name for name in names.split()] for names in (inputs, outputs))
    return helper.make_node(op, entering, leaving, domain=domain, **attributes)


def contributed(op: str, inputs: str, outputs: str = "y", **attributes: Any) -> NodeProto:
    return node(op, inputs, outputs, "com.microsoft", **attributes)


def floats(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def graph(nodes: Sequence[NodeProto], arrays: dict[str, Any], shapes: dict[str, Sequence[int]]) -> ModelProto:
    """A graph from inputs of these shapes to y."""
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    entering = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    made = helper.make_graph(
        list(nodes), "g", entering, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], tensors
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=8)


def read(model: ModelProto) -> Imported:
    return of_bytes(model.SerializeToString(), "a test")


def session(model: ModelProto, level: Any, written: Path | None = None) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = level
    if written is not None:
        options.optimized_model_filepath = str(written)
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=PROVIDERS)


def cost(network: Imported) -> tuple[int, int]:
    """Parameters and MACs by the kinds' own formulas."""
    shapes: dict[str, tuple[int, ...]] = dict(network.inputs)
    params = macs = 0
    for layer in network.layers:
        entering = [shapes[name] for name in layer.inputs]
        config = layer.config(entering)
        shapes[layer.name] = layer.shape
        params += config.params(*entering) if layer.share is None else 0
        macs += int(config.macs(*entering))
    return params, macs


def kinds(network: Imported) -> list[str]:
    return [layer.kind for layer in network.layers]


CONVOLVED = [node("Conv", "x w b", "c", pads=[1] * 4), node("Relu", "c", "r")]
RESIDUAL = [*CONVOLVED, node("Conv", "r v b", "d", pads=[1] * 4), node("Add", "d r", "e"), node("Relu", "e", "f")]
POOLED = [
    *RESIDUAL,
    node("MaxPool", "f", "m", kernel_shape=[2, 2], strides=[2, 2]),
    node("GlobalAveragePool", "m", "y"),
]
FILTERS = {"w": floats(16, 3, 3, 3), "v": floats(16, 16, 3, 3), "b": floats(16)}
MAP = {"x": [1, 3, 8, 8]}
GELU = [
    node("MatMul", "x w", "a"), node("Add", "a b", "c"), node("Div", "c root", "d"), node("Erf", "d", "e"),
    node("Add", "e one", "g"), node("Mul", "c g", "h"), node("Mul", "h half", "y"),
]  # fmt: skip
NUMBERS = {"root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)}
SCORES = [
    node("Transpose", "k", "t", perm=[0, 1, 3, 2]), node("MatMul", "x t", "s"), node("Mul", "s half", "m"),
    node("Softmax", "m", "y", axis=-1),
]  # fmt: skip

OPTIMISED: dict[str, Any] = {
    "channels in blocks": (POOLED, FILTERS, MAP, LEVELS.ORT_ENABLE_ALL, {"Conv", "ReorderOutput"}),
    "fused convolutions": (POOLED, FILTERS, MAP, LEVELS.ORT_ENABLE_EXTENDED, {"FusedConv"}),
    "a dense layer": (
        [node("Gemm", "x w b", "a", transB=1), node("LeakyRelu", "a", "y", alpha=0.1)],
        {"w": floats(8, 4), "b": floats(8)},
        {"x": [1, 4]},
        LEVELS.ORT_ENABLE_ALL,
        {"FusedGemm"},
    ),
    "scores": (SCORES, NUMBERS, {"x": [1, 2, 5, 8], "k": [1, 2, 5, 8]}, LEVELS.ORT_ENABLE_ALL, {"FusedMatMul"}),
    "gelu": (GELU, {**NUMBERS, "w": floats(8, 16), "b": floats(16)}, {"x": [1, 5, 8]}, LEVELS.ORT_ENABLE_ALL, {"Gelu"}),
    "gelu with a bias": (
        GELU, {**NUMBERS, "b": floats(16)}, {"x": [1, 5, 8], "w": [1, 8, 16]}, LEVELS.ORT_ENABLE_ALL, {"BiasGelu"},
    ),
    "quick gelu": (
        [node("Mul", "x by", "a"), node("Sigmoid", "a", "s"), node("Mul", "x s", "y")],
        {"by": np.float32(1.702)},
        {"x": [1, 5, 8]},
        LEVELS.ORT_ENABLE_ALL,
        {"QuickGelu"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OPTIMISED)
def test_an_optimised_file_costs_what_it_did_before(case: str, tmp_path: Path) -> None:
    nodes, arrays, shapes, level, written = OPTIMISED[case]
    used = {name for part in nodes for name in part.input}
    own = {name: array for name, array in arrays.items() if name in used - shapes.keys()}
    model = graph(nodes, own, shapes)
    session(model, level, tmp_path / "optimised.onnx")
    optimised = onnx.load(tmp_path / "optimised.onnx")
    assert written <= {own.op_type for own in optimised.graph.node}
    before, behind = read(model), read(optimised)
    assert cost(behind) == cost(before)
    assert (kinds(behind), behind.layers[-1].shape) == (kinds(before), before.layers[-1].shape)


def test_channels_that_fill_no_block_are_filled_up_as_the_runtime_does(tmp_path: Path) -> None:
    model = graph(
        [*CONVOLVED, node("Identity", "r", "y")], {"w": floats(10, 4, 3, 3), "b": floats(10)}, {"x": [1, 4, 8, 8]}
    )
    session(model, LEVELS.ORT_ENABLE_ALL, tmp_path / "optimised.onnx")
    optimised = onnx.load(tmp_path / "optimised.onnx")
    if not any(own.domain.endswith("nchwc") for own in optimised.graph.node):
        pytest.skip("no blocks of channels on this machine")
    (filters,) = (tensor.dims for tensor in optimised.graph.initializer if len(tensor.dims) == 4)
    network = read(optimised)
    assert network.layers[-1].shape == (10, 8, 8)
    assert cost(network)[1] == filters[0] * 4 * 9 * 64


TOKENS, WIDE = [1, 5, 8], {"x": [1, 5, 8]}
NORM = {"g": floats(8), "h": floats(8)}
PROJECTION = {"w": floats(8, 24), "b": floats(24)}

RUN: dict[str, Any] = {
    "attention": (
        [contributed("Attention", "x w b", num_heads=2)], PROJECTION, WIDE, 24 * 8 + 24, 5 * 24 * 8 + 2 * 25 * 8,
    ),
    "attention without a bias": (
        [contributed("Attention", "x w", num_heads=2)], {"w": floats(8, 24)}, WIDE, 24 * 8, 5 * 24 * 8 + 2 * 25 * 8,
    ),
    "attention of unequal widths": (
        [contributed("Attention", "x w b", num_heads=2, qkv_hidden_sizes=[8, 8, 4])],
        {"w": floats(8, 20), "b": floats(20)},
        WIDE,
        20 * 8 + 20,
        5 * 20 * 8 + 25 * 8 + 25 * 4,
    ),
    "attention with a mask of tokens": (
        [node("Cast", "t", "m", to=TensorProto.INT32), contributed("Attention", "x w b m", num_heads=2)],
        PROJECTION,
        {"x": TOKENS, "t": [1, 5]},
        24 * 8 + 24,
        5 * 24 * 8 + 2 * 25 * 8,
    ),
    "attention of three": (
        [node("MatMul", "x w", "q"), contributed("MultiHeadAttention", "q q q b", num_heads=2)],
        {"w": floats(8, 8), "b": floats(24)},
        WIDE,
        64 + 24,
        5 * 64 + 2 * 25 * 8,
    ),
    "attention to others": (
        [contributed("MultiHeadAttention", "x k v", num_heads=2)],
        {},
        {"x": TOKENS, "k": [1, 7, 8], "v": [1, 7, 8]},
        0,
        2 * 35 * 8,
    ),
    "attention with an addend": (
        [contributed("MultiHeadAttention", "x x x _ _ a", num_heads=2)],
        {},
        {"x": TOKENS, "a": [1, 2, 5, 5]},
        0,
        2 * 25 * 8,
    ),
    "a sum that is normalised": (
        [
            node("MatMul", "x w", "m"),
            contributed("SkipLayerNormalization", "m k g h b", "n _ _ s", epsilon=1e-5),
            node("Add", "n s", "y"),
        ],
        {**NORM, "w": floats(8, 8), "b": floats(8)},
        {"x": TOKENS, "k": TOKENS},
        64 + 24,
        5 * 64,
    ),
    "a product of turned matrices": (
        [contributed("FusedMatMul", "x k", transA=1, alpha=0.5)],
        {},
        {"x": [2, 5, 8], "k": [2, 5, 3]},
        0,
        2 * 8 * 5 * 3,
    ),
    "a product of matrices whose rows are in front": (
        [contributed("FusedMatMul", "x k", transBatchA=1, transBatchB=1, transB=1)],
        {},
        {"x": [5, 2, 8], "k": [3, 2, 8]},
        0,
        2 * 5 * 8 * 3,
    ),
    "a convolution with an activation of two numbers": (
        [contributed("FusedConv", "x w b", activation="HardSigmoid", activation_params=[0.3, 0.4])],
        {"w": floats(6, 3, 3, 3), "b": floats(6)},
        {"x": [1, 3, 8, 8]},
        6 * 27 + 6,
        6 * 27 * 36,
    ),
    "a dense layer of turned weights": (
        [contributed("FusedMatMul", "x w", transB=1)], {"w": floats(6, 8)}, WIDE, 48, 5 * 48,
    ),
    "fast gelu with a bias": (
        [node("MatMul", "x w", "m"), contributed("FastGelu", "m b")],
        {"w": floats(8, 8), "b": floats(8)},
        WIDE,
        64 + 8,
        5 * 64,
    ),
    "a dense layer held between bounds": (
        [contributed("FusedGemm", "x w b", activation="HardSigmoid", activation_alpha=0.3, activation_beta=0.4)],
        {"w": floats(8, 6), "b": floats(6)},
        {"x": [1, 8]},
        54,
        48,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RUN)
def test_operators_have_the_shape_of_the_runtime_and_the_work_of_their_parts(case: str) -> None:
    nodes, arrays, shapes, params, macs = RUN[case]
    model = graph(nodes, arrays, shapes)
    network = read(model)
    given = {name: floats(*shape) for name, shape in shapes.items()}
    (y,) = session(model, LEVELS.ORT_DISABLE_ALL).run(["y"], given)
    *_, last = network.layers
    assert last.shape in (y.shape, y.shape[1:])
    assert cost(network) == (params, macs)


ALONE: dict[str, Any] = {
    "a softmax with a bias": (
        [contributed("BiasSoftmax", "x k", axis=-1, is_inner_broadcast=0)],
        {},
        {"x": [1, 2, 5, 5], "k": [1, 1, 5, 5]},
        [node("Add", "x k", "a"), node("Softmax", "a", "y", axis=-1)],
    ),
    "halves of which one is a gate": (
        [contributed("BiasSplitGelu", "x b")],
        {"b": floats(8)},
        WIDE,
        [node("Add", "x b", "a"), node("Split", "a", "l r", axis=-1), contributed("Gelu", "r", "e"),
         node("Mul", "l e", "y")],
    ),
    "two sums": (
        [contributed("BiasAdd", "x b k")],
        {"b": floats(8)},
        {"x": TOKENS, "k": TOKENS},
        [node("Add", "x b", "a"), node("Add", "a k", "y")],
    ),
    "filters with the channels behind": (
        [contributed("NhwcConv", "x w b", kernel_shape=[3, 3], pads=[1] * 4)],
        {"w": floats(6, 3, 3, 4), "b": floats(6)},
        {"x": [1, 8, 8, 4]},
        [node("Transpose", "x", "a", perm=[0, 3, 1, 2]), node("Transpose", "w", "v", perm=[0, 3, 1, 2]),
         node("Conv", "a v b", "c", pads=[1] * 4), node("Transpose", "c", "y", perm=[0, 2, 3, 1])],
    ),
    "a pool with the channels behind": (
        [contributed("NhwcMaxPool", "x", kernel_shape=[2, 2], strides=[2, 2])],
        {},
        {"x": [1, 8, 8, 4]},
        [node("Transpose", "x", "a", perm=[0, 3, 1, 2]), node("MaxPool", "a", "c", kernel_shape=[2, 2], strides=[2, 2]),
         node("Transpose", "c", "y", perm=[0, 2, 3, 1])],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ALONE)
def test_operators_that_no_processor_here_runs_are_their_parts(case: str) -> None:
    nodes, arrays, shapes, parts = ALONE[case]
    network, expected = read(graph(nodes, arrays, shapes)), read(graph(parts, arrays, shapes))
    assert [(layer.kind, layer.fields, layer.shape) for layer in network.layers] == [
        (layer.kind, layer.fields, layer.shape) for layer in expected.layers
    ]
    assert cost(network) == cost(expected)


def test_a_norm_of_groups_with_the_channels_behind() -> None:
    arrays = {"g": floats(8), "h": floats(8)}
    nodes = [contributed("GroupNorm", "x g h", groups=4, activation=1, epsilon=1e-5)]
    network = read(graph(nodes, arrays, {"x": [1, 6, 6, 8]}))
    assert kinds(network) == ["permute", "group_norm", "silu", "permute"]
    assert cost(network)[0] == 16


def test_a_past_is_said_and_not_left_out() -> None:
    nodes = [contributed("Attention", "x w b _ p", num_heads=2)]
    model = graph(nodes, PROJECTION, {"x": TOKENS, "p": [2, 1, 2, 3, 4]})
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, TOKENS))
    network = of_bytes(model.SerializeToString(), "a test", strict=False)
    assert kinds(network) == ["opaque"]


def test_a_batch_of_several_attends_sample_by_sample() -> None:
    nodes = [contributed("Attention", "x w b", num_heads=2)]
    network = read(graph(nodes, PROJECTION, {"x": [4, 5, 8]}))
    assert network.inputs == {"x": (5, 8)}
    assert network.layers[-1].shape == (5, 8)


@pytest.mark.parametrize("case", ["a softmax with a bias", "two sums", "a pool with the channels behind"])
def test_samples_of_a_batch_stay_apart(case: str) -> None:
    nodes, arrays, shapes, _ = ALONE[case]
    single = read(graph(nodes, arrays, shapes))
    several = read(graph(nodes, arrays, {name: [4, *shape[1:]] for name, shape in shapes.items()}))
    assert several.inputs == single.inputs
    assert cost(several) == cost(single)
