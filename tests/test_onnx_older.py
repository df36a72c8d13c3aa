"""Operators as they were before opset 7, against the same graphs in newer words.

Those are ONNX's version converter's, but where tensors meet at an axis: there version 1.23 puts the second at axis 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, version_converter

from convcalc.imports.onnx.walk import of_bytes
from convcalc.imports.record import Imported
from convcalc.layers import load

RNG = np.random.default_rng(14)


def graph(
    nodes: Sequence[NodeProto],
    shape: Sequence[int],
    opset: int,
    arrays: dict[str, Any] | None = None,
    leaves: Sequence[int] | None = None,
) -> ModelProto:
    """A graph from x to y; arrays are inputs as well as initialisers, as they had to be once."""
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in (arrays or {}).items()]
    entering = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    entering += [helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in tensors]
    leaving = [helper.make_tensor_value_info("y", TensorProto.FLOAT, leaves)]
    opsets = [helper.make_opsetid("", opset)]
    made = helper.make_graph(nodes, "g", entering, leaving, tensors)
    return helper.make_model(made, opset_imports=opsets, ir_version=3)


def read(model: ModelProto) -> Imported:
    return of_bytes(model.SerializeToString(), "a test")


def floats(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def kinds(network: Imported) -> list[tuple[str, tuple[int, ...]]]:
    return [(layer.kind, layer.shape) for layer in network.layers]


def cost(network: Imported) -> tuple[int, int, int]:
    """Parameters, MACs and element-wise operations by the kinds' own formulas."""
    shapes: dict[str, tuple[int, ...]] = dict(network.inputs)
    figures = [0, 0, 0]
    for layer in network.layers:
        kind, entering = load(layer.kind), [shapes[name] for name in layer.inputs]
        assert kind is not None
        config = layer.config(entering)
        shapes[layer.name] = layer.shape
        counted = config.params(*entering), config.macs(*entering), config.elementwise_ops(*entering)
        figures = [total + int(own) for total, own in zip(figures, counted, strict=True)]
    return figures[0], figures[1], figures[2]


MEETING: dict[str, Any] = {
    "channels at axis 1": ([2, 3, 4, 5], (3,), 1),
    "channels and rows": ([2, 3, 4, 5], (3, 4), 1),
    "the last axes": ([2, 3, 4, 5], (4, 5), None),
    "one position": ([2, 3, 4, 5], (1,), 1),
    "all of it": ([2, 3, 4, 5], (2, 3, 4, 5), 0),
    "a matrix and its rows": ([4, 4], (4,), 0),
    "a matrix and its columns": ([4, 4], (4,), 1),
}


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("case", MEETING)
def test_tensors_meet_at_the_axis_that_is_named(op: str, case: str) -> None:
    shape, other, axis = MEETING[case]
    shape = [1, *shape[1:]] if len(shape) == 4 else shape
    other = (1, *other[1:]) if case == "all of it" else other
    attributes: dict[str, Any] = {} if axis is None else {"axis": axis}
    node = helper.make_node(op, ["x", "w"], ["y"], broadcast=1, **attributes)
    old = graph([node], shape, 6, {"w": floats(*other) + 3})
    behind = 0 if axis is None else len(shape) - axis - len(other)
    new = graph([helper.make_node(op, ["x", "w"], ["y"])], shape, 9, {"w": floats(*other, *[1] * behind) + 3})
    assert cost(read(old)) == cost(read(new))
    assert kinds(read(old))[-1] == kinds(read(new))[-1]


def test_a_tensor_that_does_not_fit_behind_its_axis_is_refused() -> None:
    node = helper.make_node("Add", ["x", "w"], ["y"], "here", broadcast=1, axis=3)
    model = graph([node], [1, 3, 4, 5], 6, {"w": floats(4, 5)}, [1, 3, 4, 5])
    network = of_bytes(model.SerializeToString(), "t", strict=False)
    assert [layer.kind for layer in network.layers] == ["opaque"]


OLD: dict[str, Any] = {
    "gemm": (helper.make_node("Gemm", ["x", "w", "b"], ["y"], broadcast=1), [1, 6], {"w": (6, 4), "b": (4,)}),
    "norm": (
        helper.make_node("BatchNormalization", ["x", "w", "b", "m", "v"], ["y"], is_test=1),
        [1, 3, 4, 4],
        dict.fromkeys("wbmv", (3,)),
    ),
    "dropout": (helper.make_node("Dropout", ["x"], ["y"], is_test=1), [1, 3, 4, 4], {}),
    "average": (
        helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        [1, 3, 8, 8],
        {},
    ),
    "concat": (helper.make_node("Concat", ["x", "w"], ["y"], axis=1), [1, 3, 4, 4], {"w": (1, 2, 4, 4)}),
    "softmax": (helper.make_node("Softmax", ["x"], ["y"]), [1, 3, 4, 4], {}),
}


@pytest.mark.parametrize("case", OLD)
def test_older_forms_cost_what_the_newer_ones_do(case: str) -> None:
    node, shape, arrays = OLD[case]
    old = graph([node], shape, 6, {name: abs(floats(*own)) for name, own in arrays.items()})
    new = version_converter.convert_version(old, 7)
    assert (kinds(read(old)), cost(read(old))) == (kinds(read(new)), cost(read(new)))


FIRST: dict[str, Any] = {
    "pad": ([helper.make_node("Pad", ["x"], ["y"], paddings=[0, 0, 1, 2, 3, 4][:4] * 2)], [1, 3, 4, 5], {},
            ("pad", (3, 6, 9))),
    "reshape": ([helper.make_node("Reshape", ["x"], ["y"], shape=[0, 12, -1])], [1, 3, 4, 5], {},
                ("reshape", (12, 5))),
    "tile": ([helper.make_node("Tile", ["x", "times", "axis"], ["y"])], [1, 3, 4, 5],
             {"times": np.array([2], np.int64), "axis": np.array([3], np.int64)}, ("concat", (3, 4, 10))),
    "upsample": ([helper.make_node("Upsample", ["x"], ["y"], height_scale=2.0, width_scale=3.0)], [1, 3, 4, 5], {},
                 ("upsample", (3, 8, 15))),
    "concat without an axis": ([helper.make_node("Concat", ["x", "x"], ["y"])], [1, 3, 4, 5], {},
                               ("concat", (6, 4, 5))),
    "a cast by word": ([helper.make_node("Cast", ["x"], ["z"], to="INT32"), helper.make_node("Relu", ["z"], ["y"])],
                       [1, 3], {}, ("relu", (3,))),
}  # fmt: skip


@pytest.mark.parametrize("case", FIRST)
def test_forms_of_opset_1(case: str) -> None:
    nodes, shape, arrays, expected = FIRST[case]
    assert kinds(read(graph(nodes, shape, 1, arrays)))[-1] == expected


def test_statistics_of_each_position_are_refused_and_a_file_without_opset_is_read() -> None:
    node = helper.make_node("BatchNormalization", ["x", "w", "b", "m", "v"], ["y"], is_test=1, spatial=0)
    model = graph([node], [1, 3, 4, 4], 6, dict.fromkeys("wbmv", floats(3, 4, 4)), [1, 3, 4, 4])
    assert [layer.kind for layer in of_bytes(model.SerializeToString(), "t", strict=False).layers] == ["opaque"]
    model = graph([helper.make_node("Relu", ["x"], ["y"])], [1, 3], 1)
    del model.opset_import[:]
    assert "read as opset 1" in read(model).notes[0]


DROPPED: dict[str, Any] = {
    "ImageScaler": ({"scale": 0.5, "bias": [1.0, 2.0, 3.0]}, (3, 6, 7), "affine parameter add"),
    "Crop": ({"border": [1, 2, 2, 1]}, (3, 3, 4), "slice slice"),
    "Affine": ({"alpha": 2.0, "beta": 3.0}, (3, 6, 7), "affine"),
    "ParametricSoftplus": ({"alpha": 2.0, "beta": 3.0}, (3, 6, 7), "affine softplus affine"),
    "ScaledTanh": ({"alpha": 2.0, "beta": 3.0}, (3, 6, 7), "affine tanh affine"),
}


@pytest.mark.parametrize("op", DROPPED)
def test_dropped_operators(op: str) -> None:
    """ONNX Runtime still runs them: its output has the shape that was read."""
    attributes, shape, expected = DROPPED[op]
    model = graph([helper.make_node(op, ["x"], ["y"], **attributes)], [1, 3, 6, 7], 7)
    network = read(model)
    assert [layer.kind for layer in network.layers] == expected.split()
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": floats(1, 3, 6, 7)})
    assert network.layers[-1].shape == y.shape[1:] == shape


def test_crop_of_a_stated_size_begins_behind_its_borders() -> None:
    model = graph([helper.make_node("Crop", ["x"], ["y"], border=[1, 2, 0, 0], scale=[3, 4])], [1, 3, 6, 7], 7)
    first, second = read(model).layers
    assert (first.fields["start"], second.fields["start"], second.shape) == (2, 1, (3, 3, 4))


def test_a_batch_of_several_stays_beside_one_another() -> None:
    nodes = [
        helper.make_node("ImageScaler", ["x"], ["a"], scale=0.5, bias=[1.0, 2.0, 3.0]),
        helper.make_node("Crop", ["a"], ["b"], border=[1, 1, 1, 1]),
        helper.make_node("Add", ["b", "w"], ["y"], broadcast=1, axis=1),
    ]
    network = read(graph(nodes, [4, 3, 6, 6], 6, {"w": floats(3)}))
    assert network.inputs == {"x": (3, 6, 6)}
    assert network.layers[-1].shape == (3, 4, 4)


def test_the_packages_own_old_models_are_read() -> None:
    """All that PyTorch's first exporter wrote into the suite of the ONNX package: opset 6."""
    from onnx.backend.test.loader import load_model_tests

    refused = []
    for case in [*load_model_tests(kind="pytorch-converted"), *load_model_tests(kind="pytorch-operator")]:
        model = onnx.load(f"{case.model_dir}/model.onnx")
        network = of_bytes(model.SerializeToString(), case.name, strict=False)
        if network.uncosted and not {"Gather", "Pow"} & {node.op_type for node in model.graph.node}:
            refused.append(case.name)
    assert refused == []
