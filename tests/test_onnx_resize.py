"""Resize and Upsample as files have them: sizes and positions that are read, against ONNX Runtime's own kernels."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from convcalc.analysis.analyze import analyze, receptive_fields
from convcalc.arithmetic.axes import intervals
from convcalc.imports.onnx.reading import parse
from convcalc.imports.onnx.walk import of_model
from convcalc.imports.record import Imported
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.readable.text import flat_text, text
from convcalc.reference.execution import execute
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Engine

READ = 1e-5
"""A weight that is more than rounding."""


def resizing(
    size: int,
    *,
    scale: float | None = None,
    outputs: int | None = None,
    opset: int = 19,
    batch: int = 1,
    declared: int | None = None,
    **attributes: Any,
) -> ModelProto:
    """A map of one channel, resized along its last axis by a factor or to a size."""
    arrays, kind = [], "Upsample" if opset < 10 else "Resize"
    entering = ["x", "s"] if opset < 11 else ["x", "", "s"] if scale else ["x", "", "", "s"]
    if scale and opset < 9:
        entering, attributes = ["x"], {**attributes, "scales": [1.0, 1.0, 1.0, scale]}
    elif scale:
        arrays = [numpy_helper.from_array(np.array([1, 1, 1, scale], np.float32), "s")]
    else:
        arrays = [numpy_helper.from_array(np.array([batch, 1, 1, outputs], np.int64), "s")]
    graph = helper.make_graph(
        [helper.make_node(kind, entering, ["y"], name="resize", **attributes)],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (batch, 1, 1, size))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (batch, 1, 1, declared) if declared else None)],
        arrays,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def run(model: ModelProto, x: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x})
    assert isinstance(y, np.ndarray)
    return y


def read(model: ModelProto) -> Imported:
    return of_model(parse(model.SerializeToString()), "net.onnx")


def drawn_scale(draw: random.Random) -> float:
    """A factor such as people write: of a few digits, or a quotient of small numbers."""
    written = round(draw.uniform(0.05, 3), draw.randint(1, 3)) or 0.5
    return float(np.float32(draw.choice([written, draw.randint(1, 20) / draw.randint(1, 20)])))


@pytest.mark.parametrize("seed", range(6))
def test_sizes_are_the_products_that_the_runtime_rounds_to_float32(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(40):
        size, scale = draw.randint(1, 400), drawn_scale(draw)
        opset = draw.choice([7, 9, 10, 13, 19]) if scale >= 1 else draw.choice([10, 13, 19])
        if int(np.float32(size) * np.float32(scale)) < 1:
            continue
        model = resizing(size, scale=scale, opset=opset, mode=draw.choice(["nearest", "linear"]))
        made = run(model, np.zeros((1, 1, 1, size), np.float32)).shape
        imported = read(model)
        assert (1, *(imported.layers[-1].shape if imported.layers else (1, 1, size))) == made, (size, scale, opset)
        network = loads(Source("net", flat_text(imported)))  # and what is written says as much
        assert (1, *network.nodes[-1].shape) == made, (size, scale)


def test_seven_tenths_of_ten_are_seven() -> None:
    assert "size: [1, 7]" in text(read(resizing(10, scale=0.7, mode="linear")))
    assert "scale_factor: [1, 0.7]" in text(read(resizing(13, scale=0.7, mode="linear")))  # 9, and no 9/13


def drawn_attributes(draw: random.Random) -> dict[str, Any]:
    mode = draw.choice(["nearest", "linear", "cubic"])
    words = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"]
    attributes: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": draw.choice(words)}
    if mode == "nearest":
        roundings = ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"]
        return {**attributes, "nearest_mode": draw.choice(roundings)}
    if draw.random() < 0.5:
        attributes["antialias"] = 1
    if "antialias" in attributes and draw.random() < 0.5:
        attributes["exclude_outside"] = 1
    return attributes


EXACT = [1 / 4, 3 / 8, 1 / 2, 3 / 4, 7 / 8, 5 / 4, 3 / 2, 7 / 4, 2.0, 3.0, 4.0]
"""Factors that float32 holds, so that places which fall on a position do so in the runtime as well."""


@pytest.mark.parametrize("seed", range(6))
def test_fields_are_the_positions_that_move_the_runtimes_output(seed: int) -> None:
    """Every position of the output, away from the ends: its first and last position of the input that count."""
    draw = random.Random(seed)
    compared = 0
    for _ in range(40):
        size, scale, attributes = draw.choice([24, 40, 41]), draw.choice(EXACT), drawn_attributes(draw)
        if scale != 2.0 and attributes["coordinate_transformation_mode"] in ("half_pixel_symmetric", "align_corners"):
            size = 40
        weights = run(
            resizing(size, scale=scale, batch=size, **attributes), np.eye(size, dtype=np.float32)[:, None, None]
        )[:, 0, 0].T
        network = loads(Source("net", flat_text(read(resizing(size, scale=scale, **attributes)))))
        field = receptive_fields(network)[0][-1]
        assert field.axes[1] is not None
        spans = intervals(field.axes[1], len(weights))
        for position, (row, span) in enumerate(zip(weights, spans, strict=True)):
            places = np.flatnonzero(np.abs(row) > READ)
            assert span is not None
            if span[0] < 0 or span[1] >= size:  # where the runtime reads the ends instead
                continue
            assert span == (places[0], places[-1]), (size, scale, attributes, position)
            compared += 1
    assert compared > 400


@pytest.mark.parametrize(
    ("size", "scale", "attributes", "field", "first"),
    [
        (16, 0.5, {"mode": "linear", "antialias": 1}, 4, -1),
        (16, 0.25, {"mode": "linear", "antialias": 1}, 8, -2),
        (16, 0.5, {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}, 1, 0),
        (16, 0.25, {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}, 1, 0),
        (24, 0.5, {"mode": "cubic", "coordinate_transformation_mode": "asymmetric"}, 1, 0),
        (27, 1 / 3, {"mode": "nearest"}, 1, 1),
        (30, 0.2, {"mode": "nearest"}, 1, 2),
    ],
)
def test_fields_of_resizing(size: int, scale: float, attributes: dict[str, Any], field: int, first: int) -> None:
    """Found by moving one position of the input after the other."""
    report = analyze(loads(Source("net", flat_text(read(resizing(size, scale=scale, **attributes))))))
    measured = report.receptive_field
    assert measured is not None
    assert measured.size is not None
    assert measured.start is not None
    assert (measured.size[1], measured.start[1]) == (field, first)


def test_operations_follow_the_filter() -> None:
    """A stretched triangle holds 2 / scale positions on an axis."""
    plain, stretched = (
        analyze(loads(Source("net", flat_text(read(resizing(16, scale=0.25, mode="linear", antialias=flag))))))
        for flag in (0, 1)
    )
    assert plain.totals.elementwise_ops == 4 * 2 * 2
    assert stretched.totals.elementwise_ops == 4 * 2 * 8


def test_what_the_defaults_read_alike_is_written_without_words() -> None:
    """By a whole factor, half pixels rounded to the nearest are each position repeated."""
    assert read(resizing(8, scale=3.0)).layers[-1].fields == {"scale_factor": ((1, 1), (3, 1))}
    message = text(read(resizing(8, scale=2.0, nearest_mode="ceil")))
    assert "coordinate_transformation_mode: half_pixel" in message
    assert "nearest_mode: ceil" in message


def test_a_shape_that_the_file_declares_and_is_not_so_is_said() -> None:
    """As torch.export has it: 29 of 100 positions are 28 in its arithmetic of doubles, and 29 in the runtime's."""
    assert read(resizing(100, scale=0.29, mode="linear", declared=29)).warnings == ()
    (warning,) = read(resizing(100, scale=0.29, mode="linear", declared=28)).warnings
    assert "of y, which Resize at resize makes: declared [1, 1, 1, 28], worked out [1, 1, 1, 29]" in warning


def computed(imported: Imported, x: np.ndarray) -> np.ndarray:
    """What the executor makes of the spec that is written of a file with one input and one output."""
    if not imported.layers:
        return x
    network = loads(Source("net", flat_text(imported)))
    inputs = {network.nodes[0].name: x.reshape(-1, *network.nodes[0].shape)}
    *_, last = execute(network, inputs, RandomWeights(network, dtype="float32"), Engine())
    assert last.problem == ""
    return np.asarray(last.output)


def of_axes(shape: tuple[int, ...], sizes: list[int], axes: list[int], **attributes: Any) -> ModelProto:
    """Any tensor, with some of its axes resized."""
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "", "s"], ["y"], name="resize", axes=axes, **attributes)],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array(sizes, np.int64), "s")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=8)


@pytest.mark.parametrize("policy", ["not_smaller", "not_larger"])
@pytest.mark.parametrize("seed", range(5))
def test_one_factor_for_all_axes_is_rounded_as_the_runtime_does(policy: str, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(20):
        shape, sizes = (1, 2, draw.randint(2, 12), draw.randint(2, 12)), [draw.randint(2, 14), draw.randint(2, 14)]
        words = draw.choice(["half_pixel", "asymmetric"])
        mode = draw.choice([{"mode": "linear"}, {"mode": "nearest", "nearest_mode": "floor"}])
        factor = (max if policy == "not_smaller" else min)(b / a for a, b in zip(shape[2:], sizes, strict=True))
        if (mode["mode"] == "nearest" and float(np.float32(factor)) != factor) or factor * min(shape[2:]) < 0.6:
            continue  # float32 has no thirds: a place just below a position reads the one before
        model = of_axes(
            shape, sizes, [2, 3], keep_aspect_ratio_policy=policy, coordinate_transformation_mode=words, **mode
        )
        x = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
        theirs, ours = run(model, x), computed(read(model), x)
        np.testing.assert_allclose(ours.reshape(theirs.shape), theirs, atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_any_axes_are_resized_channels_and_batch_among_them(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(12):
        shape = tuple(draw.randint(1, 5) for _ in range(draw.randint(2, 5)))
        axes = draw.sample(range(len(shape)), draw.randint(1, len(shape)))
        sizes = [draw.randint(1, 3) * shape[axis] for axis in axes]
        model = of_axes(
            (1, *shape[1:]), [1 if axis == 0 else size for axis, size in zip(axes, sizes, strict=True)], axes,
            coordinate_transformation_mode="asymmetric", nearest_mode="floor",
        )  # fmt: skip
        x = np.random.default_rng(seed).standard_normal((1, *shape[1:])).astype(np.float32)
        theirs = run(model, x)
        np.testing.assert_array_equal(computed(read(model), x).reshape(theirs.shape), theirs)


def test_channels_that_are_resized_are_moved_behind_and_back() -> None:
    imported = read(of_axes((1, 4, 5, 6), [8], [1]))
    kinds = [layer.kind for layer in imported.layers]
    assert kinds == ["permute", "upsample", "permute"]
    assert imported.layers[-1].shape == (8, 5, 6)


def test_sizes_that_are_fed_are_those_that_the_file_declares() -> None:
    """The runtime is told them; what leaves is declared, and tells them too."""
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 4, 4)),
        helper.make_tensor_value_info("sizes", TensorProto.INT64, (4,)),
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3, 9, 7))
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="linear")
    graph = helper.make_graph([node], "net", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)])
    (layer,) = read(model).layers
    assert (layer.kind, layer.shape, layer.fields["size"]) == ("upsample", (3, 9, 7), (9, 7))
    other = of_model(parse(model.SerializeToString()), "net.onnx", {"x": (1, 3, 8, 8)}, strict=False)
    assert [layer.kind for layer in other.layers] == ["opaque"]  # of other sizes the file says nothing
