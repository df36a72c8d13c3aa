"""Losses of classifiers read from ONNX make what ONNX Runtime makes, whatever is weighed, ignored or added up."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper
from test_onnx_elementwise import by_layers, by_runtime

from convcalc.imports.onnx.reading import parse
from convcalc.imports.onnx.walk import of_model

CLASSES = 5


def model_of(op: str, shape: tuple[int, ...], *, weighed: bool, **attributes: Any) -> ModelProto:
    labels = (shape[0], *shape[2:])
    infos = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, shape),
        helper.make_tensor_value_info("labels", TensorProto.INT64, labels),
    ]
    if weighed:
        infos.append(helper.make_tensor_value_info("weights", TensorProto.FLOAT, [CLASSES]))
    node = helper.make_node(op, [info.name for info in infos], ["y"], **attributes)
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "net", infos, [output])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


CASES = [*product(["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"], [(), (4,), (3, 2)], [False, True])]


@pytest.mark.parametrize(("op", "places", "weighed"), CASES)
@pytest.mark.parametrize("ignored", [None, 1])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_losses(reduction: str, ignored: int | None, op: str, places: tuple[int, ...], weighed: bool) -> None:
    attributes = {"reduction": reduction} | ({} if ignored is None else {"ignore_index": ignored})
    shape, draw = (1, CLASSES, *places), np.random.default_rng(0)
    model = model_of(op, shape, weighed=weighed, **attributes)
    labels = np.arange(2, 2 + int(np.prod(places))).reshape(1, *places) % CLASSES
    inputs = {"x": draw.standard_normal(shape).astype(np.float32), "labels": labels.astype(np.int64)}
    if weighed:
        inputs["weights"] = draw.uniform(1, 2, CLASSES).astype(np.float32)
    ours, read = by_layers(model, inputs)
    np.testing.assert_allclose(ours, by_runtime(model, inputs), 1e-4, 1e-5)
    assert "opaque" not in {layer.kind for layer in read}


@pytest.mark.parametrize("weighed", [False, True])
def test_a_loss_of_several_samples_takes_them_together(weighed: bool) -> None:
    """Then the samples are an axis like others."""
    model = model_of("SoftmaxCrossEntropyLoss", (3, CLASSES, 4), weighed=weighed)
    network = of_model(parse(model.SerializeToString()), "net.onnx", {})
    assert network.inputs["x"] == (3, CLASSES, 4)
    assert [network.layers[-1].shape, network.uncosted] == [(1,), ()]


def test_labels_of_another_shape_are_not_understood() -> None:
    model = model_of("NegativeLogLikelihoodLoss", (1, CLASSES, 4), weighed=False, reduction="none")
    model.graph.input[1].type.tensor_type.shape.dim[1].dim_value = 3
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3]))
    network = of_model(parse(model.SerializeToString()), "net.onnx", {}, strict=False)
    assert [layer.kind for layer in network.layers] == ["opaque"]
