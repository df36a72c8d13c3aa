"""Infinite numbers, numbers that are none, tensors without axes, attributes of another type: read as ONNX Runtime does,
or refused by the node's name.
"""

from __future__ import annotations

from itertools import pairwise
from math import inf, nan
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from test_onnx_bad_input import array, graph, info, node

from convcalc import steps
from convcalc.imports.errors import CannotImport, OverLimit
from convcalc.imports.onnx.reading import parse
from convcalc.imports.onnx.walk import of_model
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.layers import Kind
from convcalc.network import Network
from convcalc.readable.text import flat_text, text


def network(data: bytes, *, strict: bool = True) -> Network:
    """The network of the spec that a model is imported as."""
    return loads(Source("net.yaml", text(of_model(parse(data), "net.onnx", strict=strict))))


def clip(least: float | None, most: float | None) -> bytes:
    bounds = {name: np.float32(bound) for name, bound in (("min", least), ("max", most)) if bound is not None}
    names = ["min" if least is not None else "", "max" if most is not None else ""]
    arrays = tuple(array(name, bound) for name, bound in bounds.items())
    return graph([node("Clip", ["x", *names], ["y"])], arrays)


def old_clip(least: float, most: float) -> bytes:
    return graph([node("Clip", ["x"], ["y"], min=float(least), max=float(most))], opset=10)


def extreme(op: str, bound: float) -> bytes:
    return graph([node(op, ["x", "b"], ["y"])], (array("b", np.float32(bound)),))


BOUNDED = {
    "no bound": clip(-inf, inf),
    "no bound below": clip(-inf, 6),
    "none below and none above said": clip(-inf, None),
    "relu": clip(0, inf),
    "relu6": clip(0, 6),
    "above alone": clip(None, 2),
    "none above": clip(-2, inf),
    "attributes": old_clip(-inf, 6),
    "attributes, relu": old_clip(0, inf),
    "attributes, none": old_clip(-inf, inf),
    "max": extreme("Max", -inf),
    "min": extreme("Min", inf),
    "max of 0": extreme("Max", 0),
    "min of 2": extreme("Min", 2),
}


def ran(data: bytes, x: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    written = onnx.load_model_from_string(data)
    written.ir_version = 8
    session = onnxruntime.InferenceSession(written.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def held(config: Kind | None, x: Any) -> Any:
    """What a layer of these kinds does, by its name and bounds."""
    if config is None:
        return x
    least, most = {"Relu": (0.0, inf), "Relu6": (0.0, 6.0)}.get(type(config).__name__, (None, None))
    return np.clip(x, getattr(config, "min_val", least), getattr(config, "max_val", most))


@pytest.mark.parametrize("name", BOUNDED)
def test_a_bound_at_infinity_is_none(name: str) -> None:
    """What is read holds numbers as ONNX Runtime does, the largest of float32 among them."""
    data = BOUNDED[name]
    x = np.linspace(-9, 9, 3 * 8 * 8, dtype=np.float32).reshape(1, 3, 8, 8)
    x.flat[:2] = 3e38, -3e38
    read = network(data)
    config = read.layers[0].config if read.layers else None
    assert np.array_equal(ran(data, x), held(config, x).astype(np.float32))


NUMBERS: dict[str, tuple[list[Any], tuple[TensorProto, ...], str]] = {
    "elu": ([node("Elu", ["x"], ["y"], "n1", alpha=inf)], (), "Elu at n1 (elu with alpha: expected a finite number"),
    "celu": ([node("Celu", ["x"], ["y"], "n1", alpha=nan)], (), "Celu at n1"),
    "leaky": ([node("LeakyRelu", ["x"], ["y"], "n1", alpha=nan)], (), "LeakyRelu at n1"),
    "lrn": ([node("LRN", ["x"], ["y"], "n1", size=3, beta=nan)], (), "LRN at n1"),
    "sigmoid": ([node("HardSigmoid", ["x"], ["y"], "n1", beta=-inf)], (), "HardSigmoid at n1"),
    "tiny": ([node("Elu", ["x"], ["y"], "n1", alpha=1e-45)], (), "Elu at n1"),
    "add": ([node("Add", ["x", "b"], ["y"], "n1")], (array("b", np.float32(inf)),), "Add at n1 (affine with addend"),
    "large": ([node("Mul", ["x", "b"], ["y"], "n1")], (array("b", np.float64(1e300)),), "Mul at n1 (affine with"),
    "all below": ([node("Min", ["x", "b"], ["y"], "n1")], (array("b", np.float32(-inf)),), "Min at n1"),
    "pad": ([node("Pad", ["x", "p", "b"], ["y"], "n1")], (array("p", [0, 0, 1, 1] * 2), array("b", np.float32(nan))),
            "Pad at n1"),
    "four": ([node("Div", ["x", "x", "x", "x"], ["y"], "n1")], (), "Div at n1 (div takes 2 inputs, found 4)"),
    "type": ([node("Softmax", ["x"], ["y"], "n1", axis=1.0)], (), "Softmax at n1 (attribute axis is"),
    "list": ([node("Elu", ["x"], ["y"], "n1", alpha=[1.0])], (), "Elu at n1 (attribute alpha is not a number)"),
    "text": ([node("MaxPool", ["x"], ["y"], "n1", kernel_shape="2")], (), "MaxPool at n1"),
    "floats": ([node("MaxPool", ["x"], ["y"], "n1", kernel_shape=[2.0, 2.0])], (),
               "attribute kernel_shape is not a list of whole numbers"),
    "scalar": ([node("Ceil", [], ["y"], "n1")], (), "Ceil at n1"),
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_what_no_spec_says_is_refused_by_its_node(name: str) -> None:
    nodes, arrays, message = NUMBERS[name]
    with pytest.raises(CannotImport) as raised:
        of_model(parse(graph(nodes, arrays)), "odd.onnx")
    assert message in str(raised.value)


@pytest.mark.parametrize("name", NUMBERS)
def test_what_no_spec_says_becomes_a_layer_of_unknown_cost_where_its_shape_is_known(name: str) -> None:
    nodes, arrays, _ = NUMBERS[name]
    full = onnx.load_model_from_string(graph(nodes, arrays))
    full.graph.output[0].CopyFrom(info("y", TensorProto.FLOAT, (1, 3, 8, 8)))
    read = network(full.SerializeToString(), strict=False)
    assert [layer.kind for layer in read.layers] == ["opaque"]
    assert read.layers[0].shape == ((3, 10, 10) if name == "pad" else (3, 8, 8))


def test_a_number_without_an_axis_is_one_position() -> None:
    """Of constants alone, and of unknown cost: what leaves has no axis, and a tensor of ours has one at least."""
    data = graph([node("Hardmax", ["c"], ["n"]), node("Where", ["n", "x", "x"], ["y"])], (weightless("c"),))
    assert [layer.shape for layer in network(data, strict=False).layers] == [(1,), (3, 8, 8)]


def weightless(name: str) -> TensorProto:
    return TensorProto(name=name, data_type=TensorProto.FLOAT)


def test_a_graph_of_constants_alone_costs_nothing() -> None:
    full = helper.make_graph([node("Relu", ["w"], ["y"])], "g", [], [info("y", TensorProto.FLOAT, (2,))],
                              [array("w", np.ones(2, "f"))])  # fmt: skip
    data = helper.make_model(full, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    read = of_model(parse(data), "odd.onnx")
    assert (read.layers, read.inputs) == ((), {"nothing": (1,)})
    assert "output y is a constant" in " ".join(read.notes)
    assert network(data).nodes[0].shape == (1,)


def test_constants_that_hold_nothing_take_no_time() -> None:
    """Axes of 2^31 - 1 places beside one of none."""
    arrays = (TensorProto(name="s", data_type=TensorProto.FLOAT, dims=[2**31 - 1, 1, 0]), array("i", [0] * 60_000),
              array("sizes", [2**31 - 1, 5, 0]))  # fmt: skip
    nodes = [
        node("Concat", ["s", "s"], ["a"], axis=1),
        node("Transpose", ["a"], ["b"]),
        node("Gather", ["s", "i"], ["c"], axis=1),
        node("Expand", ["s", "sizes"], ["d"]),
        node("Concat", ["b", "c", "d"], ["e"], axis=0),
    ]
    for last in "abcd":
        data = graph([*nodes[:4], node("Add", ["x", last], ["y"], "n1")], arrays)
        with pytest.raises(CannotImport, match="Add at n1"):
            of_model(parse(data), "odd.onnx")


def test_a_quantised_number_is_worked_out() -> None:
    arrays = (array("q", np.int8(7)), array("s", np.float32(0.5)), array("z", np.int8(1)))
    data = graph([node("DequantizeLinear", ["q", "s", "z"], ["f"]), node("Mul", ["x", "f"], ["y"])], arrays)
    assert "affine: {factor: 3}" in flat_text(of_model(parse(data), "net.onnx"))
    x = np.ones((1, 3, 8, 8), np.float32)
    assert np.array_equal(ran(data, x), 3 * x)


def test_the_shape_of_a_batch_is_read() -> None:
    """A batch of two whose size the graph asks for: one sample is read, as of a batch of one."""
    arrays = (array("i", np.int64(0)), array("rest", [-1]), array("zero", [0]))
    nodes = [
        node("LRN", ["x"], ["m"], size=1),
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "i"], ["b"]),
        node("Unsqueeze", ["b", "zero"], ["b1"]),
        node("Concat", ["b1", "rest"], ["to"], axis=0),
        node("Reshape", ["m", "to"], ["y"]),
    ]
    data = graph(nodes, arrays, x=(2, 3, 8, 8))
    assert [layer.shape for layer in of_model(parse(data), "net.onnx").layers] == [(3, 8, 8), (192,)]
    assert ran(data, np.ones((2, 3, 8, 8), np.float32)).shape == (2, 192)


# ---- what takes too long --------------------------------------------------------------------------------------------


def chained(op: str, second: str, count: int, arrays: tuple[TensorProto, ...]) -> bytes:
    names = ["x", *(f"t{place}" for place in range(count - 1)), "y"]
    return graph([node(op, [names[place], second], [names[place + 1]]) for place in range(count)], arrays)


def with_inputs(count: int) -> bytes:
    full = onnx.load_model_from_string(graph([node("Relu", ["x"], ["y"])]))
    full.graph.input.extend([info(f"x{place}", TensorProto.FLOAT, (1, 3, 8, 8)) for place in range(count)])
    written: bytes = full.SerializeToString()
    return written


def sums_of_weights(count: int) -> bytes:
    """Each is made of all arrays before it."""
    arrays = tuple(TensorProto(name=f"w{place}.b", data_type=TensorProto.FLOAT, dims=[3, 1, 1])
                   for place in range(count))  # fmt: skip
    sums = ["w0.b", *(f"s{place}" for place in range(1, count))]
    nodes = [node("Add", [sums[place - 1], f"w{place}.b"], [sums[place]]) for place in range(1, count)]
    return graph([*nodes, node("Add", ["x", sums[-1]], ["y"])], arrays)


def packed(field: bytes, count: int) -> bytes:
    """A graph that is nothing but fields of no bytes."""
    inner = field * count
    length, size = len(inner), bytearray()
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return b"\x08\x08\x3a" + bytes([*size, length]) + inner


LONG = {
    "tensors": lambda: packed(b"\x2a\x00", 30_000),
    "one number, often": lambda: chained("Mul", "c", 2_500, (array("c", np.float32(1.5)),)),
    "indices": lambda: graph([node("Gather", [before, "i"], [after], axis=1) for before, after in pairwise("xabcdy")],
                             (array("i", np.arange(65_536)),), x=(1, 65_536)),
    "arrays of arrays": lambda: sums_of_weights(2_000),
    "parts": lambda: graph([node("Split", ["x"], ["y", *(f"o{place}" for place in range(999))], axis=1)],
                           x=(1, 1_000, 8, 8)),
    "inputs": lambda: with_inputs(4_000),
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_what_takes_too_long_is_refused_by_the_limit(name: str) -> None:
    data = LONG[name]()
    with steps.run(100_000), pytest.raises(CannotImport) as raised:
        of_model(parse(data), "long.onnx")
    assert isinstance(raised.value, OverLimit)
    assert raised.value.code == "CC008"


def test_twenty_thousand_layers_are_within_the_budget() -> None:
    """Counted on a tenth of them and a tenth of the steps."""
    with steps.run(steps.MOST_STEPS // 10):
        flat_text(of_model(parse(chained("Add", "x", 2_000, ())), "long.onnx"))


def test_repetitions_are_looked_for_as_long_as_steps_are_left() -> None:
    nodes, names = [], ["x", *(f"t{place}" for place in range(149)), "y"]
    for place in range(0, 150, 3):
        first, second, third, last = names[place : place + 4]
        nodes += [node("Sigmoid", [first], [second]), node("Tanh", [second], [third])]
        nodes.append(node("Add", [third, second], [last]))
    imported = of_model(parse(graph(nodes)), "net.onnx")
    with steps.run():
        assert text(imported).count("\n  - ") < 10
    with steps.run(50_000):
        assert text(imported).count("\n  - ") >= 50
    with pytest.raises(OverLimit), steps.run(1_000):
        text(imported)
