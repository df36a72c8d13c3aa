"""Batches of more than one: where samples stay apart and where they meet, as ONNX Runtime shows by moving one."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from convcalc.imports.errors import CannotImport
from convcalc.imports.onnx.batches import RULES
from convcalc.imports.onnx.reading import parse
from convcalc.imports.onnx.samples import SamplesMeet
from convcalc.imports.onnx.walk import Walk, of_model

SAMPLES = 3
SHAPE = (SAMPLES, 4, 5, 2)
ORDERS = [(0, 1, 2, 3), (1, 0, 2, 3), (2, 1, 0, 3), (1, 2, 3, 0)]

generator = np.random.default_rng(0)


def ints(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def op(kind: str, *inputs: str, **attributes: Any) -> NodeProto:
    return helper.make_node(kind, inputs, ["y"], name=kind.lower(), **attributes)


def floats(*shape: int) -> np.ndarray:
    return generator.normal(size=shape).astype(np.float32)


def model(
    nodes: Sequence[NodeProto], arrays: Mapping[str, np.ndarray], shape: Sequence[int | str] = SHAPE, opset: int = 17
) -> ModelProto:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def turned(order: Sequence[int], *nodes: NodeProto) -> list[NodeProto]:
    return [helper.make_node("Transpose", ["x"], ["t"], name="turn", perm=order), *nodes]


def cases(shape: Sequence[int]) -> dict[str, tuple[list[NodeProto], dict[str, np.ndarray]]]:
    """Operators on a tensor `t` of a shape, on every axis."""
    square = [
        helper.make_node("Transpose", ["t"], ["u"], perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["t", "u"], ["y"], name="square"),
    ]
    mean = [
        helper.make_node("GlobalAveragePool", ["t"], ["m"]),
        helper.make_node("Mul", ["t", "m"], ["y"]),
    ]
    wanted: dict[str, tuple[list[NodeProto], dict[str, np.ndarray]]] = {
        "relu": ([op("Relu", "t")], {}),
        "add": ([op("Add", "t", "t")], {}),
        "clip": ([op("Clip", "t", "a", "b")], {"a": np.array(-1, np.float32), "b": np.array(1, np.float32)}),
        "flat": ([op("Reshape", "t", "s")], {"s": ints(-1)}),
        "matrix": ([op("Reshape", "t", "s")], {"s": ints(0, -1)}),
        "row": ([op("Reshape", "t", "s")], {"s": ints(1, -1)}),
        "joined": ([op("Reshape", "t", "s")], {"s": ints(0, shape[1] * shape[2], -1)}),
        "joined_in_front": ([op("Reshape", "t", "s")], {"s": ints(-1, shape[2], shape[3])}),
        "spread": ([op("Reshape", "t", "s")], {"s": ints(1, *shape)}),
        "rows_mean": (
            [
                helper.make_node("Reshape", ["t", "s"], ["r"]),
                helper.make_node("ReduceMean", ["r"], ["y"], axes=[1]),
            ],
            {"s": ints(-1, shape[3])},
        ),
        "unsqueeze": ([op("Unsqueeze", "t", "a")], {"a": ints(1)}),
        "matmul": ([op("MatMul", "t", "w")], {"w": floats(shape[3], 6)}),
        "matmul_behind": ([op("MatMul", "w", "t")], {"w": floats(6, shape[2])}),
        "square": (square, {}),
        "gate": (mean, {}),
        "expand": ([op("Expand", "t", "s")], {"s": ints(2, *shape)}),
        "tile": ([op("Tile", "t", "s")], {"s": ints(1, 1, 1, 2)}),
        "conv": ([op("Conv", "t", "w")], {"w": floats(6, shape[1], 1, 1)}),
        "pool": ([op("MaxPool", "t", kernel_shape=[2, 2], pads=[1, 1, 1, 1])], {}),
        "norm": ([op("BatchNormalization", "t", *["n"] * 4)], {"n": np.abs(floats(shape[1]))}),
        "instance": ([op("InstanceNormalization", "t", "n", "n")], {"n": floats(shape[1])}),
    }
    for axis, size in enumerate(shape):
        along = [size if place == axis else 1 for place in range(4)]
        pads = [1 if place == axis else 0 for place in range(8)]
        wanted |= {
            f"softmax{axis}": ([op("Softmax", "t", axis=axis)], {}),
            f"mean{axis}": ([op("ReduceMean", "t", axes=[axis], keepdims=0)], {}),
            f"max{axis}": ([op("ReduceMax", "t", axes=[axis, 3])], {}),
            f"flatten{axis}": ([op("Flatten", "t", axis=axis)], {}),
            f"twice{axis}": ([op("Concat", "t", "t", axis=axis)], {}),
            f"more{axis}": ([op("Concat", "t", "c", axis=axis)], {"c": floats(*shape)}),
            f"cut{axis}": ([op("Slice", "t", "a", "b", "d")], {"a": ints(1), "b": ints(99), "d": ints(axis)}),
            f"all{axis}": ([op("Slice", "t", "a", "b", "d")], {"a": ints(0), "b": ints(99), "d": ints(axis)}),
            f"gather{axis}": ([op("Gather", "t", "i", axis=axis)], {"i": np.array(1, np.int64)}),
            f"gather_two{axis}": ([op("Gather", "t", "i", axis=axis)], {"i": ints(1, 0)}),
            f"pad{axis}": ([op("Pad", "t", "p")], {"p": ints(*pads)}),
            f"addend{axis}": ([op("Add", "t", "c")], {"c": floats(*along)}),
            f"level{axis}": ([op("Mul", "t", "c")], {"c": np.full(along, 2, np.float32)}),
            f"normed{axis}": ([op("LayerNormalization", "t", "n", axis=axis)], {"n": floats(*shape[axis:])}),
            f"einsum{axis}": (
                [op("Einsum", "t", "w", equation=f"abcd,{'abcd'[axis]}e->{'abcd'.replace('abcd'[axis], '')}e")],
                {"w": floats(size, 2)},
            ),
        }
        if size > 1:
            split = helper.make_node("Split", ["t", "s"], ["y", "z"], name="split", axis=axis)
            wanted[f"split{axis}"] = ([split], {"s": ints(1, size - 1)})
    return wanted


CASES = [
    pytest.param(order, name, id=f"{name}-{''.join(map(str, order))}")
    for order in ORDERS
    for name in cases([SHAPE[axis] for axis in order])
]


def changed(net: ModelProto) -> list[np.ndarray]:
    """Which elements of the output change when a sample of the input does, sample by sample."""
    session = onnxruntime.InferenceSession(net.SerializeToString(), providers=["CPUExecutionProvider"])
    x = floats(*SHAPE)
    (before,) = session.run(["y"], {"x": x})
    masks = []
    for sample in range(SAMPLES):
        moved = x.copy()
        moved[sample] += floats(*SHAPE[1:])
        masks.append(session.run(["y"], {"x": moved})[0] != before)
    return masks


def apart(masks: Sequence[np.ndarray], axis: int) -> bool:
    """Whether each sample changes nothing but its own part of an axis of the output."""
    size = masks[0].shape[axis]
    if size % SAMPLES:
        return False
    owners = np.arange(size) // (size // SAMPLES)
    return not any(np.moveaxis(mask, axis, 0)[owners != sample].any() for sample, mask in enumerate(masks))


@pytest.mark.parametrize(("order", "name"), CASES)
def test_samples_stay_apart_where_they_are_said_to(order: tuple[int, ...], name: str) -> None:
    """And a model is refused only where they do not, or where every sample has numbers of its own."""
    nodes, arrays = cases([SHAPE[axis] for axis in order])[name]
    net = model(turned(order, *nodes), arrays)
    masks = changed(net)
    walk = Walk(parse(net.SerializeToString()), {})
    refusal = ""
    try:
        walk.go()
    except SamplesMeet as error:
        refusal = str(error)
    if refusal:
        assert "batch of 3" in refusal
        maps = name in ("conv", "pool", "norm", "instance", "gate") and order[0] != 0
        if "other numbers for each sample" not in refusal and not maps:
            assert not any(apart(masks, axis) for axis in range(masks[0].ndim)), refusal
        return
    value = walk.values["y"]
    assert value.samples is not None
    assert apart(masks, value.samples)
    assert walk.batch.full(value) == masks[0].shape


def test_an_operator_without_a_rule_keeps_the_batch_as_an_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that one that is read as of today cannot let samples meet unseen."""
    net = model([helper.make_node("Conv", ["x", "w"], ["c"]), op("Relu", "c")], {"w": floats(6, 4, 1, 1)})
    assert of_model(parse(net.SerializeToString()), "net").inputs == {"x": SHAPE[1:]}
    monkeypatch.delitem(RULES, "Relu")
    network = of_model(parse(net.SerializeToString()), "net")
    assert network.inputs == {"x": SHAPE}
    assert "Relu at relu does something with the batch that is not followed" in network.warnings[0]


FRAMES = [
    helper.make_node("Conv", ["x", "w"], ["a"], name="conv", pads=[1, 1, 1, 1]),
    helper.make_node("GlobalAveragePool", ["a"], ["b"], name="pool"),
    helper.make_node("Reshape", ["b", "s"], ["c"], name="frames"),
    helper.make_node("ReduceMean", ["c"], ["y"], name="consensus", axes=[1], keepdims=0),
]


def test_a_batch_of_frames_that_are_taken_together_is_an_axis() -> None:
    """Temporal segment networks: frames are the batch of a 2-D network, and their mean is what leaves."""
    net = model(FRAMES, {"w": floats(8, 3, 3, 3), "s": ints(1, 8, 8)}, (8, 3, 32, 32))
    network = of_model(parse(net.SerializeToString()), "net")
    assert network.inputs == {"x": (8, 3, 32, 32)}
    assert [layer.shape for layer in network.layers if layer.kind == "conv"] == [(8, 8, 32, 32)]
    assert network.layers[-1].shape == (8,)
    assert re.search(r"ReduceMean at consensus .* \(axis 1 of c \[1, 8, 8\]\)", network.warnings[0])


def test_an_open_batch_of_frames_says_that_it_is_read_as_one() -> None:
    net = model(FRAMES, {"w": floats(8, 3, 3, 3), "s": ints(-1, 8, 8)}, ("frames", 3, 32, 32))
    with pytest.raises(CannotImport, match=r"Reshape at frames .* the open batch of x is read as 1"):
        of_model(parse(net.SerializeToString()), "net")
    network = of_model(parse(net.SerializeToString()), "net", {"x": (8, 3, 32, 32)})
    assert network.inputs == {"x": (8, 3, 32, 32)}


def test_an_axis_in_front_that_is_no_batch_is_kept_as_one() -> None:
    """Tokens before the batch, as attention of sequences has them: what leaves has the shape of the runtime's."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["q"], perm=[1, 0, 2]),
        helper.make_node("Transpose", ["x"], ["k"], perm=[1, 2, 0]),
        helper.make_node("MatMul", ["q", "k"], ["z"], name="scores"),
        helper.make_node("Softmax", ["z"], ["y"], axis=-1),
    ]
    network = of_model(parse(model(nodes, {}, (64, 1, 32)).SerializeToString()), "net")
    assert network.inputs == {"x": (64, 1, 32)}
    assert network.layers[-1].shape == (64, 64)
    assert "is no batch: MatMul at scores brings each sample together with every other" in network.warnings[0]


def test_a_constant_that_is_repeated_for_every_sample_is_there_once() -> None:
    """A class token laid before the tokens of each sample, its repetitions written out by the exporter or not."""
    join = helper.make_node("Concat", ["t", "x"], ["y"], axis=1)
    expand = helper.make_node("Expand", ["token.weight", "s"], ["t"])
    written = model([expand, join], {"token.weight": floats(1, 1, 6), "s": ints(4, 1, 6)}, (4, 5, 6))
    repeated = model([join], {"t": np.tile(floats(1, 1, 6), (4, 1, 1))}, (4, 5, 6))
    for net in (written, repeated):
        network = of_model(parse(net.SerializeToString()), "net")
        assert network.inputs == {"x": (5, 6)}
        assert network.layers[-1].shape == (6, 6)
        parameters = [layer for layer in network.layers if layer.kind == "parameter"]
        assert [math.prod(layer.shape) for layer in parameters] == [6]


def test_rows_behind_the_samples_are_rows_of_one_sample() -> None:
    """Tokens joined with the batch for a dense layer, and parted again."""
    nodes = [
        helper.make_node("Reshape", ["x", "rows"], ["a"]),
        helper.make_node("Gemm", ["a", "w"], ["b"]),
        helper.make_node("Reshape", ["b", "tokens"], ["y"]),
    ]
    arrays = {"w": floats(6, 7), "rows": ints(20, 6), "tokens": ints(4, 5, 7)}
    net = model(nodes, arrays, ("batch", 5, 6))
    network = of_model(parse(net.SerializeToString()), "net", {"x": (4, 5, 6)})
    assert [(layer.kind, layer.shape) for layer in network.layers] == [("linear", (5, 7))]


def test_inputs_of_other_lengths_have_no_batch_in_common() -> None:
    """An image and a hundred boxes: the hundred are an axis."""
    graph = helper.make_graph(
        [helper.make_node("Relu", ["image"], ["a"]), helper.make_node("Softmax", ["boxes"], ["b"], axis=0)],
        "net",
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 8, 8)),
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, (100, 4)),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "ab"],
    )
    net = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    network = of_model(parse(net.SerializeToString()), "net")
    assert network.inputs == {"image": (3, 8, 8), "boxes": (100, 4)}
    assert network.warnings == ()


def test_sizes_without_a_batch_keep_that_of_the_file() -> None:
    nodes = [helper.make_node("Reshape", ["x", "s"], ["y"])]
    net = model(nodes, {"s": ints(4, -1)}, (4, 3, 8, 8))
    network = of_model(parse(net.SerializeToString()), "net", {"x": (3, 6, 6)})
    assert network.layers[-1].shape == (108,)
    assert re.search("batch of 4", network.warnings[0])
