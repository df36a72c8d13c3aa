"""Figures for one sample times the batch that is stated are what ONNX Runtime's shapes say, whatever axis 0 is.

CONVCALC_EXAMPLES=1000 draws so many graphs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import MANY
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from convcalc.imports.onnx.walk import of_bytes
from convcalc.imports.record import Imported
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.network import Network
from convcalc.readable.text import text

Shape = tuple[int, ...]


class Graph:
    """Nodes one behind the other, on a tensor of which the shape is known."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.shape: Shape = tuple(draw(st.lists(st.sampled_from([1, 2, 4, 4, 6]), min_size=2, max_size=4)))
        self.entering, self.name = {"x": self.shape}, "x"
        self.nodes: list[NodeProto] = []
        self.arrays: dict[str, np.ndarray] = {}

    @property
    def rank(self) -> int:
        return len(self.shape)

    def axis(self) -> int:
        return self.draw(st.integers(0, self.rank - 1))

    def array(self, *shape: int) -> str:
        name = f"w{len(self.arrays)}"
        self.arrays[name] = np.random.default_rng(len(self.arrays)).uniform(0.5, 1, size=shape).astype(np.float32)
        return name

    def whole(self, *numbers: int) -> str:
        name = f"w{len(self.arrays)}"
        self.arrays[name] = np.array(numbers, np.int64)
        return name

    def add(self, op: str, *inputs: str, shape: Shape | None = None, **attributes: Any) -> str:
        before, self.name = self.name, f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [before, *inputs], [self.name], name=self.name, **attributes))
        self.shape = self.shape if shape is None else shape
        return before


def relu(graph: Graph) -> None:
    graph.add("Relu")


def add_vector(graph: Graph) -> None:
    graph.add("Add", graph.array(graph.shape[-1]))


def transpose(graph: Graph) -> None:
    order = graph.draw(st.permutations(range(graph.rank)))
    graph.add("Transpose", shape=tuple(graph.shape[axis] for axis in order), perm=order)


def merge(graph: Graph) -> None:
    """Two axes side by side become one."""
    if graph.rank > 2:
        axis = graph.draw(st.integers(0, graph.rank - 2))
        before, (first, second), behind = graph.shape[:axis], graph.shape[axis : axis + 2], graph.shape[axis + 2 :]
        shape = (*before, first * second, *behind)
        graph.add("Reshape", graph.whole(*shape), shape=shape)


def part(graph: Graph) -> None:
    """An axis becomes two."""
    axis = graph.axis()
    size = graph.shape[axis]
    if graph.rank < 4 and size % 2 == 0:
        outer, inner = graph.draw(st.sampled_from([(2, size // 2), (size // 2, 2), (1, size)]))
        shape = (*graph.shape[:axis], outer, inner, *graph.shape[axis + 1 :])
        graph.add("Reshape", graph.whole(*shape), shape=shape)


def dense(graph: Graph) -> None:
    graph.add("MatMul", graph.array(graph.shape[-1], 3), shape=(*graph.shape[:-1], 3))


def gemm(graph: Graph) -> None:
    if graph.rank == 2:
        graph.add("Gemm", graph.array(5, graph.shape[1]), shape=(graph.shape[0], 5), transB=1)


def attention(graph: Graph) -> None:
    """Every row with every other."""
    order = [*range(graph.rank - 2), graph.rank - 1, graph.rank - 2]
    turned = (*graph.shape[:-2], graph.shape[-1], graph.shape[-2])
    before = graph.add("Transpose", perm=order, shape=turned)
    graph.add("MatMul", before, shape=(*turned[:-1], turned[-2]))  # columns by rows of the same


def softmax(graph: Graph) -> None:
    graph.add("Softmax", axis=graph.axis())


def mean(graph: Graph) -> None:
    axis, keepdims = graph.axis(), graph.draw(st.booleans()) or graph.rank == 2
    left = (1,) if keepdims else ()
    graph.add(
        "ReduceMean", axes=[axis], keepdims=int(keepdims), shape=(*graph.shape[:axis], *left, *graph.shape[axis + 1 :])
    )


def conv(graph: Graph) -> None:
    if graph.rank in (3, 4):
        spatial = graph.rank - 2
        kernel = graph.draw(st.sampled_from([1, 3]))
        filters = graph.array(5, graph.shape[1], *(kernel,) * spatial)
        pads = [kernel // 2] * 2 * spatial
        graph.add("Conv", filters, shape=(graph.shape[0], 5, *graph.shape[2:]), pads=pads)


def batch_norm(graph: Graph) -> None:
    graph.add("BatchNormalization", *[graph.array(graph.shape[1])] * 4)


def instance_norm(graph: Graph) -> None:
    if graph.rank > 2:
        graph.add("InstanceNormalization", *[graph.array(graph.shape[1])] * 2)


def pool(graph: Graph) -> None:
    if graph.rank in (3, 4):
        graph.add("GlobalAveragePool", shape=(*graph.shape[:2], *(1,) * (graph.rank - 2)))


def twice(graph: Graph) -> None:
    axis = graph.axis()
    if math.prod(graph.shape) < 2000:
        shape = (*graph.shape[:axis], 2 * graph.shape[axis], *graph.shape[axis + 1 :])
        graph.add("Concat", graph.name, axis=axis, shape=shape)


def cut(graph: Graph) -> None:
    axis = graph.axis()
    if graph.shape[axis] > 1:
        shape = (*graph.shape[:axis], graph.shape[axis] - 1, *graph.shape[axis + 1 :])
        graph.add("Slice", graph.whole(1), graph.whole(99), graph.whole(axis), shape=shape)


def another(graph: Graph) -> None:
    """Another input of that shape, or with one position in front, meets the first."""
    name = f"x{len(graph.entering)}"
    graph.entering[name] = graph.draw(st.sampled_from([graph.shape, (1, *graph.shape[1:])]))
    graph.add("Add", name)


def rows_of_another(graph: Graph) -> None:
    name = f"x{len(graph.entering)}"
    graph.entering[name] = (*graph.shape[:-2], graph.shape[-1], 4)
    graph.add("MatMul", name, shape=(*graph.shape[:-1], 4))


STEPS: list[Callable[[Graph], None]] = [
    relu, add_vector, transpose, merge, part, dense, gemm, attention, softmax, mean, conv, batch_norm, instance_norm,
    pool, twice, cut, another, rows_of_another,
]  # fmt: skip


def model(graph: Graph) -> ModelProto:
    made = helper.make_graph(
        graph.nodes,
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in graph.entering.items()],
        [helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None) for node in graph.nodes[-1:]],
        [numpy_helper.from_array(array, name) for name, array in graph.arrays.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def measured(proto: ModelProto, entering: dict[str, Shape]) -> tuple[int, int]:
    """MACs by the shapes that ONNX Runtime measures, and the elements that leave."""
    every = onnx.ModelProto.FromString(proto.SerializeToString())
    del every.graph.output[:]
    names = [node.output[0] for node in proto.graph.node]
    every.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(every.SerializeToString(), options, providers=["CPUExecutionProvider"])
    fed = {name: np.zeros(shape, np.float32) for name, shape in entering.items()}
    shapes = dict(zip(names, (array.shape for array in session.run(names, fed)), strict=True))
    shapes |= entering | {tensor.name: tuple(tensor.dims) for tensor in proto.graph.initializer}
    macs = 0
    for node in proto.graph.node:
        outputs = math.prod(shapes[node.output[0]])
        if node.op_type in ("MatMul", "Gemm"):
            macs += outputs * shapes[node.input[0]][-1]
        elif node.op_type == "Conv":
            macs += outputs * math.prod(shapes[node.input[1]][1:])
    return macs, math.prod(shapes[names[-1]])


def macs_of(network: Network) -> int:
    return sum(node.config.macs(*network.shapes_into(node)) for node in network.layers)


def batch_of(record: Imported) -> int:
    """The batch that is said not to be counted."""
    stated = [warning for warning in record.warnings if "has a batch of" in warning]
    return int(stated[0].split("has a batch of ")[1].split(";")[0]) if stated else 1


@settings(max_examples=MANY or 150)
@given(data=st.data())
def test_costs_times_the_stated_batch_are_those_that_onnx_runtime_s_shapes_have(data: st.DataObject) -> None:
    graph = data.draw(st.composite(Graph)())
    for step in data.draw(st.lists(st.sampled_from(STEPS), min_size=2, max_size=7)):
        step(graph)
    if not graph.nodes:
        reject()
    proto = model(graph)
    macs, elements = measured(proto, graph.entering)
    record = of_bytes(proto.SerializeToString(), "net.onnx")
    network, batch = loads(Source("net.yaml", text(record))), batch_of(record)
    assert macs_of(network) * batch == macs, record.warnings
    shapes = record.inputs | {layer.name: layer.shape for layer in record.layers}
    assert math.prod(shapes[record.outputs[0]]) * batch == elements


def test_an_axis_in_front_of_more_than_one_is_kept_and_said_where_nothing_calls_it_a_batch() -> None:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (8, 5))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ones((5, 3), np.float32), "w")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    record = of_bytes(proto.SerializeToString(), "net.onnx")
    assert record.inputs == {"x": (8, 5)}
    assert "axis 0 of the inputs, of 8, is kept" in record.warnings[0]


@pytest.mark.parametrize(("axis", "batch"), [("batch", 8), ("N", 8), ("tokens", 1), (None, 8)])
def test_the_name_of_an_axis_tells_whether_it_is_a_batch(axis: str | None, batch: int) -> None:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (axis, 5))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    record = of_bytes(proto.SerializeToString(), "net.onnx", {"x": (8, 5)})
    assert batch_of(record) == batch
    assert math.prod(record.layers[-1].shape) * batch == 40
