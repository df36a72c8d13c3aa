"""Operators of places, boxes, columns and middles as files have them, against what ONNX Runtime makes of the files."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

import convcalc
from convcalc.imports.onnx.walk import of_bytes
from convcalc.imports.record import Imported
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.readable.text import flat_text
from convcalc.reference.execution import execute
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Engine

SEEDS = pytest.mark.parametrize("seed", range(4))


def file(
    op: str, inputs: dict[str, Any], constants: dict[str, Any], declared: Any = None, opset: int = 20, **attributes: Any
) -> ModelProto:
    """A file of one operator: arrays that enter, in order, and those that it holds behind them."""
    node = helper.make_node(op, [*inputs, *constants], ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
         for name, array in inputs.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, declared)],
        [numpy_helper.from_array(np.array(array), name) for name, array in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def run(model: ModelProto, inputs: dict[str, Any]) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


def read(model: ModelProto) -> Imported:
    return of_bytes(model.SerializeToString(), "model.onnx")


def computed(imported: Imported, inputs: dict[str, Any]) -> Any:
    """What the executor makes of the spec that is written of a file."""
    network = loads(Source("net", flat_text(imported)))
    nodes = zip(network.nodes[: network.input_count], inputs.values(), strict=True)
    entering = {node.name: x.reshape(1, *node.shape).astype(np.float32) for node, x in nodes}
    *_, last = execute(network, entering, RandomWeights(network, dtype="float32"), Engine())
    assert last.problem == ""
    return last.output


def agree(model: ModelProto, inputs: dict[str, Any]) -> Imported:
    imported, theirs = read(model), run(model, inputs)
    np.testing.assert_allclose(computed(imported, inputs).reshape(theirs.shape), theirs, atol=1e-4)
    return imported


def numbers(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@SEEDS
def test_maps_sampled_by_a_grid(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(8):
        axes = draw.choice([2, 2, 3])
        x = numbers(seed, 1, draw.randint(1, 3), *(draw.randint(1, 6) for _ in range(axes)))
        grid = numbers(seed + 1, 1, *(draw.randint(1, 5) for _ in range(axes)), axes)
        mode = draw.choice(["linear", "nearest", *["cubic"] * (axes == 2)])
        padding, corners = draw.choice(["zeros", "border", "reflection"]), draw.randint(0, 1)
        model = file("GridSample", {"x": x, "grid": grid}, {}, mode=mode, padding_mode=padding, align_corners=corners)
        (layer,) = agree(model, {"x": x, "grid": grid}).layers
        assert layer.kind == "grid_sample"


def test_a_grid_that_the_file_holds_is_not_learned() -> None:
    x, grid = numbers(0, 1, 2, 5, 5), numbers(1, 1, 4, 4, 2)
    imported = read(file("GridSample", {"x": x}, {"grid": grid}))
    report = convcalc.analyze(loads(Source("net", flat_text(imported))))
    assert (report.totals.params, report.layers[-1].elementwise_ops) == (0, 4 * 2 * 4 * 4)


@SEEDS
def test_affine_grids(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(6):
        axes, corners = draw.choice([2, 3]), draw.randint(0, 1)
        theta, size = numbers(seed, 1, axes, axes + 1), [1, 3, *(draw.randint(2, 6) for _ in range(axes))]
        model = file("AffineGrid", {"theta": theta}, {"size": np.array(size)}, align_corners=corners)
        (layer,) = agree(model, {"theta": theta}).layers
        assert convcalc.analyze(loads(Source("net", flat_text(read(model))))).totals.macs == np.prod(
            size[2:]
        ) * axes * (axes + 1)
        assert layer.shape == (*size[2:], axes)


@SEEDS
@pytest.mark.parametrize("mode", ["avg", "max"])
def test_boxes_of_a_map(seed: int, mode: str) -> None:
    draw = random.Random(seed)
    for _ in range(8):
        x, corners = (
            numbers(seed, 1, 2, draw.randint(2, 9), draw.randint(2, 9)),
            numbers(seed + 1, draw.randint(1, 4), 2),
        )
        boxes = np.concatenate([corners, corners + abs(numbers(seed + 2, len(corners), 2)) * 4], 1)
        model = file(
            "RoiAlign", {"x": x, "boxes": boxes}, {"images": np.zeros(len(boxes), np.int64)}, opset=16, mode=mode,
            output_height=draw.randint(1, 4), output_width=draw.randint(1, 4), spatial_scale=draw.choice([0.5, 1.0]),
            sampling_ratio=draw.randint(0, 3),
            coordinate_transformation_mode=draw.choice(["half_pixel", "output_half_pixel"]),
        )  # fmt: skip
        (*_, layer) = agree(model, {"x": x, "boxes": boxes}).layers
        assert layer.kind == "roi_align"


@SEEDS
def test_columns_laid_back(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(12):
        kernel, strides = [draw.randint(1, 3), draw.randint(1, 3)], [draw.randint(1, 3), draw.randint(1, 3)]
        dilations, pads = [draw.randint(1, 2), draw.randint(1, 2)], [draw.randint(0, 2) for _ in range(4)]
        sizes = [draw.randint(5, 8), draw.randint(5, 8)]
        counts = [
            (size + pads[axis] + pads[axis + 2] - dilations[axis] * (kernel[axis] - 1) - 1) // strides[axis] + 1
            for axis, size in enumerate(sizes)
        ]
        x = numbers(seed, 1, 2 * kernel[0] * kernel[1], counts[0] * counts[1])
        constants = {"sizes": np.array(sizes), "kernel": np.array(kernel)}
        model = file("Col2Im", {"x": x}, constants, strides=strides, pads=pads, dilations=dilations)
        agree(model, {"x": x})


def test_a_window_that_is_fed_is_the_only_one_that_fits() -> None:
    sizes = {"sizes": np.array([5, 5]), "kernel": np.array([2, 3])}
    either = file("Col2Im", {"x": numbers(0, 1, 12, 12), **sizes}, {}, declared=(1, 2, 5, 5))
    result = of_bytes(either.SerializeToString(), "model.onnx", strict=False)  # 2 by 3, or 3 by 2
    assert [layer.kind for layer in result.layers] == ["opaque"]
    square = {"sizes": np.array([5, 5]), "kernel": np.array([2, 2])}
    (layer,) = read(file("Col2Im", {"x": numbers(0, 1, 8, 16), **square}, {}, declared=(1, 2, 5, 5))).layers
    assert (layer.kind, layer.fields["kernel_size"], layer.shape) == ("fold", (2,), (2, 5, 5))


@SEEDS
def test_the_middle_of_any_axes_and_zeros_around_it(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(12):
        shape = (1, *(draw.randint(1, 7) for _ in range(draw.randint(1, 4))))
        axes = draw.sample(range(1, len(shape)), draw.randint(1, len(shape) - 1))
        sizes = np.array([draw.randint(1, 9) for _ in axes])
        x = numbers(seed, *shape)
        model = file("CenterCropPad", {"x": x}, {"sizes": sizes}, axes=axes)
        if all(shape[axis] == size for axis, size in zip(axes, sizes, strict=True)):
            continue
        agree(model, {"x": x})


@SEEDS
def test_global_pools_of_any_power(seed: int) -> None:
    x = numbers(seed, 1, 3, 4, 5)
    model = file("GlobalLpPool", {"x": x}, {}, p=1 + seed)
    (layer,) = agree(model, {"x": x}).layers
    assert (layer.kind, layer.shape) == ("global_lp_pool", (3, 1, 1))


@SEEDS
@pytest.mark.parametrize("order", [0, 1])
def test_places_of_the_largest_elements_and_elements_put_back(seed: int, order: int) -> None:
    draw = random.Random(seed)
    for _ in range(8):
        kernel = [draw.randint(1, 3), draw.randint(1, 3)]
        window: dict[str, Any] = {"kernel_shape": kernel, "strides": [draw.randint(1, 3), draw.randint(1, 3)]}
        x = numbers(seed, 1, 2, draw.randint(3, 8), draw.randint(3, 8))
        model = file("MaxPool", {"x": x}, {}, **window, storage_order=order)
        model.graph.node[0].output.append("places")
        model.graph.output[0].CopyFrom(helper.make_tensor_value_info("places", TensorProto.INT64, None))
        agree(model, {"x": x})
        elements = numbers(seed, 1, 2, 3, 2)
        size = [(count - 1) * s + k for count, s, k in zip((3, 2), window["strides"], kernel, strict=True)]
        places = np.random.default_rng(seed).permutation(2 * size[0] * size[1])[:12].reshape(1, 2, 3, 2)
        inputs = {"x": elements, "places": places}
        (layer,) = agree(file("MaxUnpool", inputs, {}, **window), inputs).layers
        assert layer.shape == (2, *size)
