"""Norms and attention whose arrays arrive as tensors, read and run: what leaves is what ONNX's own evaluator makes."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import MANY, draws
from hypothesis import given, settings
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import convcalc
from convcalc.imports.onnx.walk import of_bytes
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.network import Network
from convcalc.readable.text import text
from convcalc.reference.execution import execute
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Engine

Inputs = dict[str, Any]

BY_RUNTIME = {"LpNormalization", "LRN"}
"""What onnx 1.23's evaluator has otherwise than its text: an L1 norm without magnitudes, windows of channels."""


def built(op: str, inputs: Inputs, outputs: int = 1, opset: int = 25, domain: str = "", **attributes: Any) -> Any:
    """A model of one operator, of which every input that is not empty enters the graph."""
    names = [f"y{place}" for place in range(outputs)]
    node = helper.make_node(op, list(inputs), names, domain=domain, **attributes)
    entering = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
        if name
    ]
    leaving = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    graph = helper.make_graph([node], "graph", entering, leaving)
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=opsets)


def read(model: onnx.ModelProto) -> Network:
    return loads(Source("model.yaml", text(of_bytes(model.SerializeToString(), "model.onnx"), flat=True)))


def run(network: Network, inputs: Inputs) -> list[Any]:
    """What leaves the network, on the inputs of the file: with the batch in front where the network has none."""
    given_ = [array for name, array in inputs.items() if name]
    entering, batch = {}, 1
    for node, array in zip(network.inputs, given_, strict=True):
        values = np.where(array, 0.0, -np.inf) if array.dtype == bool else array.astype(np.float64)
        has_batch = values.ndim > 1 and values.shape[1:] == node.shape
        entering[node.name] = values if has_batch else values.reshape(1, *node.shape)
        batch = max(batch, len(entering[node.name]))
    entering = {
        name: values if len(values) == batch else np.repeat(values, batch, 0) for name, values in entering.items()
    }
    with np.errstate(all="ignore"):
        steps = {step.place: step for step in execute(network, entering, RandomWeights(network), Engine())}
    assert not [step.problem for step in steps.values() if step.problem]
    return [steps[place].output for place in network.outputs]


def agrees(inputs: Inputs, model: onnx.ModelProto) -> Network:
    """The network that is read, which makes of these inputs what ONNX's evaluator does."""
    network = read(model)
    entering: Inputs = {name: array for name, array in inputs.items() if name}
    if model.graph.node[0].op_type in BY_RUNTIME:
        expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, entering)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = ReferenceEvaluator(model).run(None, entering)
    outputs = run(network, inputs)
    assert len(outputs) == len(expected)
    for output, wanted in zip(outputs, expected, strict=True):
        assert output.size % wanted.size == 0
        same = output.reshape(-1)[: wanted.size].reshape(wanted.shape)
        np.testing.assert_allclose(same, wanted, rtol=2e-3, atol=2e-4)
    return network


class Drawn:
    """Random sizes and arrays of one seed."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.generator = np.random.default_rng(draw.randrange(2**32))

    def size(self, least: int = 2, most: int = 5) -> int:
        return self.draw.randint(least, most)

    def array(self, *shape: int) -> Any:
        return self.generator.standard_normal(shape).astype(np.float32)

    def maps(self, least_rank: int = 2) -> Any:
        rank = self.draw.randint(least_rank, 4)
        return self.array(self.draw.choice((1, 2, 3)), *(self.size() for _ in range(rank - 1)))


def batch_norm(drawn: Drawn) -> tuple[Inputs, onnx.ModelProto]:
    x = drawn.maps()
    inputs = {"x": x} | {name: drawn.array(x.shape[1]) for name in ("scale", "shift", "mean")}
    inputs["variance"] = np.abs(drawn.array(x.shape[1])) + 0.5
    is_trained = drawn.draw.random() < 0.5
    more: dict[str, Any] = {"training_mode": 1, "momentum": 0.75} if is_trained else {}
    return inputs, built("BatchNormalization", inputs, 3 if is_trained else 1, 15, epsilon=0.01, **more)


def instance_norm(drawn: Drawn) -> tuple[Inputs, onnx.ModelProto]:
    x = drawn.maps(least_rank=3)
    inputs = {"x": x, "scale": drawn.array(x.shape[1]), "shift": drawn.array(x.shape[1])}
    return inputs, built("InstanceNormalization", inputs, epsilon=0.01)


def group_norm(drawn: Drawn) -> tuple[Inputs, onnx.ModelProto]:
    groups, width = drawn.size(1, 3), drawn.size(1, 3)
    x = drawn.array(drawn.size(1, 3), groups * width, *(drawn.size() for _ in range(drawn.size(1, 2))))
    inputs = {"x": x, "scale": drawn.array(groups * width), "shift": drawn.array(groups * width)}
    return inputs, built("GroupNormalization", inputs, num_groups=groups, epsilon=0.01)


def layer_norm(drawn: Drawn) -> tuple[Inputs, onnx.ModelProto]:
    x = drawn.maps()
    axis = drawn.draw.randint(0, x.ndim - 1)
    sizes = x.shape[axis:]
    inputs = {"x": x, "scale": drawn.array(*sizes)} | ({"shift": drawn.array(*sizes)} if drawn.size(0, 1) else {})
    outputs = drawn.draw.choice((1, 2, 3))
    return inputs, built("LayerNormalization", inputs, outputs, axis=axis - drawn.draw.choice((0, x.ndim)))


def rms_norm(drawn: Drawn) -> tuple[Inputs, onnx.ModelProto]:
    x = drawn.maps()
    axis = drawn.draw.randint(0, x.ndim - 1)
    inputs = {"x": x, "scale": drawn.array(*x.shape[axis:])}
    return inputs, built("RMSNormalization", inputs, axis=axis, epsilon=0.01)


def lp_norm(drawn: Drawn) -> tuple[Inputs, onnx.ModelProto]:
    inputs = {"x": drawn.maps()}
    axis = drawn.draw.randint(-1, inputs["x"].ndim - 1)
    return inputs, built("LpNormalization", inputs, opset=21, axis=axis, p=drawn.draw.choice((1, 2)))


def mean_variance(drawn: Drawn) -> tuple[Inputs, onnx.ModelProto]:
    inputs = {"x": drawn.maps()}
    rank = inputs["x"].ndim
    axes = sorted(drawn.draw.sample(range(1, rank), drawn.draw.randint(1, rank - 1))) + [0] * drawn.draw.randint(0, 1)
    return inputs, built("MeanVarianceNormalization", inputs, axes=sorted(axes))


def local_response(drawn: Drawn) -> tuple[Inputs, onnx.ModelProto]:
    inputs = {"x": drawn.array(drawn.size(1, 2), drawn.size(), 3, 2)}
    return inputs, built("LRN", inputs, opset=21, size=drawn.draw.choice((1, 3, 5)), alpha=0.5, bias=1.5)


def attention(drawn: Drawn) -> tuple[Inputs, onnx.ModelProto]:
    draw, batch, shared = drawn.draw, drawn.size(1, 2), drawn.size(1, 3)
    heads, queries, keys, features, of_value = shared * drawn.size(1, 2), *(drawn.size() for _ in range(4))
    past = draw.choice((0, 0, 2))
    sizes = {"q": (heads, queries, features), "k": (shared, keys, features), "v": (shared, keys, of_value)}
    inputs = {name: drawn.array(batch, *shape) for name, shape in sizes.items()}
    more: dict[str, Any] = {"softcap": draw.choice((0.0, 2.0)), "is_causal": draw.randint(0, 1)}
    more |= {"scale": 0.3} if draw.random() < 0.5 else {}
    more |= {"left_window_size": draw.choice((-1, queries + past)), "right_window_size": draw.choice((-1, 1))}
    if draw.random() < 0.3:
        inputs = {name: x.swapaxes(1, 2).reshape(batch, x.shape[2], -1) for name, x in inputs.items()}
        more |= {"q_num_heads": heads, "kv_num_heads": shared}
    scores = (batch, heads, queries, keys + past)
    mask = tuple(size if draw.random() < 0.7 else 1 for size in scores[draw.randint(0, 2) :])
    if draw.random() < 0.6:
        wide = (*mask[:-2], queries, keys + past)  # of one row, onnx 1.23's evaluator hides by the place of that alone
        is_bool = draw.random() < 0.4 and not past  # a mask that hides all is the next test's
        inputs["mask"] = drawn.array(*wide) if not is_bool else drawn.array(*wide[:-1], 1).repeat(wide[-1], -1) < 9
    elif past:
        inputs[""] = np.zeros(0)
    if past:
        inputs["past_k"], inputs["past_v"] = (drawn.array(batch, shared, past, size) for size in (features, of_value))
    return inputs, built("Attention", inputs, 3 if past else 1, **more)


def flex_attention(drawn: Drawn) -> tuple[Inputs, onnx.ModelProto]:
    batch, shared, queries, keys = (drawn.size(1, 3) for _ in range(4))
    inputs = {
        "q": drawn.array(batch, 2 * shared, queries, 4), "k": drawn.array(batch, shared, keys, 4),
        "v": drawn.array(batch, shared, keys, 3),
    }  # fmt: skip
    return inputs, built("FlexAttention", inputs, opset=26, domain="ai.onnx.preview", scale=0.3)


def rotary_embedding(drawn: Drawn) -> tuple[Inputs, onnx.ModelProto]:
    draw, batch, heads, tokens = drawn.draw, *(drawn.size(1, 3) for _ in range(3))
    half, rest = drawn.size(1, 3), drawn.draw.choice((0, 2))
    x = drawn.array(batch, heads, tokens, 2 * half + rest)
    more: dict[str, Any] = {"interleaved": draw.randint(0, 1), "rotary_embedding_dim": 2 * half if rest else 0}
    if draw.random() < 0.5:
        x, more = x.swapaxes(1, 2).reshape(batch, tokens, -1), more | {"num_heads": heads}
    inputs = {"x": x, "cos": drawn.array(batch, tokens, half), "sin": drawn.array(batch, tokens, half)}
    return inputs, built("RotaryEmbedding", inputs, **more)


def swiglu(drawn: Drawn) -> tuple[Inputs, onnx.ModelProto]:
    x = drawn.maps()
    inputs = {"gate": x, "x": drawn.array(*x.shape)}
    return inputs, built("SwiGLU", inputs, opset=28, alpha=drawn.draw.choice((1.0, 1.5)))


def causal_conv(drawn: Drawn) -> tuple[Inputs, onnx.ModelProto]:
    draw, batch, channels, length, kernel = drawn.draw, *(drawn.size(1, 4) for _ in range(4))
    kernel += 1
    inputs = {"x": drawn.array(batch, channels, length), "filters": drawn.array(channels, 1, kernel)}
    has_state = draw.random() < 0.5
    if draw.random() < 0.5:
        inputs["bias"] = drawn.array(channels)
    elif has_state:
        inputs[""] = np.zeros(0)
    if has_state:
        inputs["state"] = drawn.array(batch, channels, kernel - 1)
    return inputs, built("CausalConvWithState", inputs, 2, 27, activation=draw.choice(("none", "silu")))


OPERATORS: list[Callable[[Drawn], tuple[Inputs, onnx.ModelProto]]] = [
    batch_norm, instance_norm, group_norm, layer_norm, rms_norm, lp_norm, mean_variance, local_response, attention,
    flex_attention, rotary_embedding, swiglu, causal_conv,
]  # fmt: skip


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.__name__)
@settings(max_examples=MANY or 25)
@given(draw=draws)
def test_what_is_read_does_what_the_operator_does(operator: Any, draw: random.Random) -> None:
    agrees(*operator(Drawn(draw)))


def costs(network: Network) -> tuple[int, int]:
    totals = convcalc.analyze(network).totals
    return totals.macs, totals.elementwise_ops


def test_a_scale_and_a_shift_that_arrive_cost_a_product_and_a_sum() -> None:
    x = np.ones((1, 6, 4, 5), np.float32)
    arrays = {name: np.ones(6, np.float32) for name in ("scale", "shift", "mean", "variance")}
    for op, count in (("InstanceNormalization", 4 + 2), ("GroupNormalization", 4 + 2)):
        inputs = {"x": x, "scale": arrays["scale"], "shift": arrays["shift"]}
        more: dict[str, Any] = {"num_groups": 2} if op == "GroupNormalization" else {}
        assert costs(read(built(op, inputs, **more))) == (0, count * x.size)
    # With known statistics: eps, the root, the factor, and two for the addend of each channel; then two an element.
    assert costs(read(built("BatchNormalization", {"x": x, **arrays}, opset=15))) == (0, 2 * x.size + 5 * 6)


def test_a_window_of_attention_saves_nothing_and_its_mask_costs_one_operation_a_pair() -> None:
    inputs = {name: np.ones((1, heads, 7, 8), np.float32) for name, heads in (("q", 6), ("k", 2), ("v", 2))}
    pairs = 6 * 7 * 7
    assert costs(read(built("Attention", inputs))) == (pairs * 16, pairs * 4)
    windowed = built("Attention", inputs, left_window_size=2, right_window_size=0, is_causal=1)
    assert costs(read(windowed)) == (pairs * 16, pairs * 5)


def test_keys_that_are_hidden_by_their_number_cost_a_mask() -> None:
    """How many there are enters as a tensor: the mask is worked out of it and of constants, and added."""
    inputs: Inputs = {name: np.ones((1, 2, 5, 8), np.float32) for name in ("q", "k", "v")}
    inputs |= {"": np.zeros(0), "lengths": np.array([3])}
    model = built("Attention", inputs)
    del model.graph.node[0].input[:]
    model.graph.node[0].input.extend(["q", "k", "v", "", "", "", "lengths"])
    network = read(model)
    macs, operations = costs(network)
    assert macs == 2 * 5 * 5 * 16
    assert operations == 2 * 5 * 5 * 5 + 4 * 5  # the mask: a difference, a factor, an addend and a bound for each key


def test_a_norm_taken_apart_is_the_norm_it_was() -> None:
    """As exporters write it, with the square by Pow or Mul, and the root's reciprocal or a division."""
    for squared, divided in (("Pow", "Div"), ("Mul", "Div"), ("Pow", "Reciprocal")):
        x, two = "x", helper.make_tensor("two", TensorProto.FLOAT, [], [2.0])
        nodes = [
            helper.make_node(squared, [x, "two" if squared == "Pow" else x], ["squares"]),
            helper.make_node("ReduceMean", ["squares"], ["mean"], axes=[-1], keepdims=1),
            helper.make_node("Add", ["mean", "eps"], ["shifted"]),
            helper.make_node("Sqrt", ["shifted"], ["root"]),
            *(
                [helper.make_node("Div", [x, "root"], ["quotient"])]
                if divided == "Div"
                else [
                    helper.make_node("Reciprocal", ["root"], ["inverse"]),
                    helper.make_node("Mul", ["inverse", x], ["quotient"]),
                ]
            ),
            helper.make_node("Mul", ["quotient", "weight"], ["y"]),
        ]
        arrays = [two, helper.make_tensor("eps", TensorProto.FLOAT, [], [1e-6])]
        arrays.append(helper.make_tensor("weight", TensorProto.FLOAT, [8], [0.5 + place for place in range(8)]))
        shape = helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 5, 8])
        leaving = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5, 8])
        graph = helper.make_graph(nodes, "graph", [shape], [leaving], arrays)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        (row,) = convcalc.analyze(read(model)).layers
        assert (row.kind, row.params, row.elementwise_ops) == ("rms_norm", 8, 4 * 40)


def test_a_scale_of_each_group_is_a_scale() -> None:
    """Before opset 21 group norm has one number a group."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6, 3, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 6, 3, 3])
    arrays = [helper.make_tensor(name, TensorProto.FLOAT, [2], [0.5, 2.0]) for name in ("scale", "shift")]
    node = helper.make_node("GroupNormalization", ["x", "scale", "shift"], ["y"], num_groups=2)
    graph = helper.make_graph([node], "graph", [x], [y], arrays)
    report = convcalc.analyze(read(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])))
    assert [row.kind for row in report.layers] == ["group_norm", "reshape", "scale", "reshape"]
    assert (report.totals.params, report.totals.elementwise_ops) == (4, 6 * math.prod((6, 3, 3)))
