"""Layers that exporters write out as functions of elements: one kind again, and the same numbers as ONNX Runtime's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, shape_inference
from test_onnx_elementwise import OPSET, by_layers, by_runtime
from test_onnx_import import ints, number, op

from convcalc.imports.drafts import Draft
from convcalc.imports.onnx.reading import parse
from convcalc.imports.onnx.walk import of_model

Array = Any


def model_of(nodes: list[NodeProto], arrays: dict[str, Array], shape: tuple[int, ...]) -> ModelProto:
    """Nodes from x to y, and constants."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)


def layers_of(nodes: list[NodeProto], arrays: dict[str, Array], x: Array) -> list[Draft]:
    """The layers that are read, if they make what ONNX Runtime makes."""
    model = model_of(nodes, arrays, x.shape)
    theirs, (ours, layers) = by_runtime(model, {"x": x}), by_layers(model, {"x": x})
    np.testing.assert_allclose(ours, theirs, 1e-4, 1e-5)
    return layers


POINTS = [-30.0, -20.0, -2.0, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 2.0, 19.99, 20.0, 20.01, 30.0]
"""Numbers on both sides of those that activations bend at, and these themselves."""

COMPARISONS = {
    "above": [op("Greater", "x", "t", to="c"), op("Where", "c", "x", "low")],
    "from": [op("GreaterOrEqual", "x", "t", to="c"), op("Where", "c", "x", "low")],
    "not below": [op("Less", "x", "t", to="c"), op("Where", "c", "low", "x")],
    "the number first": [op("Less", "t", "x", to="c"), op("Where", "c", "x", "low")],
    "denied": [op("LessOrEqual", "x", "t", to="d"), op("Not", "d", to="c"), op("Where", "c", "x", "low")],
    "cast in between": [
        helper.make_node("Cast", ["x"], ["cast"], to=TensorProto.FLOAT),
        op("Greater", "cast", "t", to="c"),
        op("Where", "c", "x", "low"),
    ],
}

BELOW: dict[str, tuple[list[NodeProto], dict[str, Array], dict[str, Any]]] = {
    "softplus": ([op("Softplus", "x", to="low")], {"t": number(20)}, {"kind": "softplus"}),
    "softplus written out": (
        [op("Exp", "x", to="e"), op("Add", "one", "e", to="a"), op("Log", "a", to="low")],
        {"t": number(20), "one": number(1)},
        {"kind": "softplus"},
    ),
    "leaky relu": (
        [op("Mul", "n", "x", to="low")],
        {"t": number(0), "n": number(0.2)},
        {"kind": "leaky_relu", "negative_slope": 0.2},
    ),
    "elu": (
        [op("Exp", "x", to="e"), op("Sub", "e", "one", to="m"), op("Mul", "m", "n", to="low")],
        {"t": number(0), "one": number(1), "n": number(0.5)},
        {"kind": "elu", "alpha": 0.5},
    ),
    "relu": ([], {"t": number(0), "low": number(0)}, {"kind": "relu"}),
}


@pytest.mark.parametrize("comparison", COMPARISONS)
@pytest.mark.parametrize("name", BELOW)
def test_choices_by_a_comparison_are_activations(name: str, comparison: str) -> None:
    nodes, arrays, expected = BELOW[name]
    x = np.array([POINTS], np.float32)
    (layer,) = layers_of([*nodes, *COMPARISONS[comparison]], arrays, x)
    assert {"kind": layer.kind, **layer.fields} == expected


@pytest.mark.parametrize("comparison", COMPARISONS)
@pytest.mark.parametrize("number_", [0.5, 2.0])
def test_thresholds(comparison: str, number_: float) -> None:
    """What is as large as the threshold is below it; where it is not, no kind says so in one."""
    arrays = {"t": number(0.5), "low": number(number_)}
    layers = layers_of(COMPARISONS[comparison], arrays, np.array([POINTS], np.float32))
    if comparison in ("from", "not below") and number_ != 0.5:
        assert [layer.kind for layer in layers] == ["parameter", "elementwise", "parameter", "elementwise"]
    else:
        assert [layer.kind for layer in layers] == ["threshold"]
        assert layers[0].fields == {"threshold": 0.5, "value": number_}


def test_softplus_of_another_steepness() -> None:
    nodes = [
        op("Mul", "x", "beta", to="s"),
        op("Softplus", "s", to="p"),
        op("Div", "p", "beta", to="low"),
        op("Greater", "s", "t", to="c"),
        op("Where", "c", "x", "low"),
    ]
    (layer,) = layers_of(nodes, {"beta": number(2), "t": number(10)}, np.array([POINTS], np.float32))
    assert (layer.kind, layer.fields) == ("softplus", {"beta": 2.0, "threshold": 10.0})


WRITTEN_OUT: dict[str, tuple[list[NodeProto], dict[str, Array], str]] = {
    "softplus": (
        [op("Exp", "x", to="e"), op("Add", "e", "one", to="a"), op("Log", "a")],
        {"one": number(1)},
        "softplus",
    ),
    "log sigmoid": ([op("Sigmoid", "x", to="s"), op("Log", "s")], {}, "log_sigmoid"),
    "log sigmoid by softplus": (
        [op("Neg", "x", to="n"), op("Softplus", "n", to="p"), op("Neg", "p")],
        {},
        "log_sigmoid",
    ),
    "softsign": (
        [op("Abs", "x", to="a"), op("Add", "one", "a", to="d"), op("Div", "x", "d")],
        {"one": number(1)},
        "softsign",
    ),
    "softsign by an inverse": (
        [op("Abs", "x", to="a"), op("Add", "a", "one", to="d"), op("Reciprocal", "d", to="r"), op("Mul", "r", "x")],
        {"one": number(1)},
        "softsign",
    ),
    "gelu": (
        [
            *(op("Mul", "root", "x", to="s"), op("Erf", "s", to="e"), op("Add", "one", "e", to="a")),
            *(op("Mul", "half", "x", to="h"), op("Mul", "a", "h")),
        ],
        {"root": number(0.5**0.5), "one": number(1), "half": number(0.5)},
        "gelu",
    ),
    "mish": (
        [
            *(op("Exp", "x", to="e"), op("Add", "e", "one", to="a"), op("Log", "a", to="l")),
            *(op("Tanh", "l", to="t"), op("Mul", "x", "t")),
        ],
        {"one": number(1)},
        "mish",
    ),
    "the larger of two": (
        [op("Tanh", "x", to="h"), op("Less", "x", "h", to="c"), op("Where", "c", "h", "x")],
        {},
        "max",
    ),
    "the smaller of two": (
        [op("Tanh", "x", to="h"), op("Less", "h", "x", to="c"), op("Where", "c", "h", "x")],
        {},
        "min",
    ),
}


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_activations_that_are_written_out(name: str) -> None:
    nodes, arrays, kind = WRITTEN_OUT[name]
    x = np.clip(np.array([POINTS], np.float32), -10, 10)
    assert [layer.kind for layer in layers_of(nodes, arrays, x) if layer.kind != "tanh"] == [kind]


def test_what_is_read_elsewhere_too_stays() -> None:
    """The sigmoid is there all the same, so its logarithm is one operation and no other activation."""
    nodes = [op("Sigmoid", "x", to="s"), op("Log", "s", to="l"), op("Add", "l", "s")]
    layers = layers_of(nodes, {}, np.array([POINTS[4:-4]], np.float32))
    assert [layer.kind for layer in layers] == ["sigmoid", "elementwise", "add"]


def neighbours(size: int, shape: tuple[int, ...], *, padded: bool, squared: str, k: float) -> list[NodeProto]:
    """Local response normalisation as PyTorch works it out."""
    before, after, places = size // 2, (size - 1) // 2, len(shape) - 2
    pads = [before, *[0] * places, after, *[0] * places]
    window: dict[str, Any] = {"kernel_shape": [size, *[1] * places], "count_include_pad": 1}
    square = op("Mul", "x", "x", to="q") if squared == "Mul" else op("Pow", "x", "two", to="q")
    nodes = [square, op("Reshape", "q", "laid", to="r")]
    if padded:
        nodes += [op("Pad", "r", "pads", to="p"), op("AveragePool", "p", to="m", **window)]
    else:
        nodes += [op("AveragePool", "r", to="m", pads=pads, **window)]
    nodes += [op("Reshape", "m", "shape", to="s"), op("Mul", "alpha", "s", to="a")]
    nodes += [op("Add", "k", "a", to="e")] if k else []
    return [*nodes, op("Pow", "e" if k else "a", "beta", to="d"), op("Div", "x", "d")]


@pytest.mark.parametrize("squared", ["Mul", "Pow"])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("shape", [(1, 6, 5), (1, 6, 4, 3), (1, 4, 3, 2, 2)])
@pytest.mark.parametrize("size", [3, 4, 5])
def test_local_response_normalisation(size: int, shape: tuple[int, ...], padded: bool, squared: str) -> None:
    laid = (1, 1, shape[1], *shape[2:4]) if len(shape) < 5 else (1, 1, shape[1], shape[2], shape[3] * shape[4])
    places = [0] * (len(laid) - 3)
    pads = [0, 0, size // 2, *places, 0, 0, (size - 1) // 2, *places]
    arrays = {
        "laid": ints(*laid),
        "shape": ints(*shape),
        "pads": ints(*pads),
        "two": number(2),
        "alpha": number(0.5),
        "k": number(2.0),
        "beta": number(0.75),
    }
    nodes = neighbours(size, laid[1:], padded=padded, squared=squared, k=2.0)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    layers = layers_of(nodes, arrays, x)
    (layer,) = [layer for layer in layers if layer.kind != "reshape"]
    assert layer.kind == "local_response_norm"
    assert layer.fields == {"size": size, "alpha": 0.5, "k": 2.0}


def test_a_mean_over_other_neighbours_is_none() -> None:
    """One channel more behind than before: another norm, left as it is written."""
    nodes = [
        op("Mul", "x", "x", to="q"),
        op("Reshape", "q", "laid", to="r"),
        op("AveragePool", "r", to="m", kernel_shape=[2, 1], pads=[0, 0, 1, 0], count_include_pad=1),
        op("Reshape", "m", "shape", to="s"),
        op("Add", "s", "k", to="e"),
        op("Div", "x", "e"),
    ]
    x = np.random.default_rng(0).standard_normal((1, 6, 5)).astype(np.float32)
    arrays = {"laid": ints(1, 1, 6, 5), "shape": ints(1, 6, 5), "k": number(1)}
    assert "local_response_norm" not in {layer.kind for layer in layers_of(nodes, arrays, x)}


def of_cells(sizes: tuple[int, ...], outputs: tuple[int, ...], *, moved: int = 0) -> ModelProto:
    """An adaptive pool as PyTorch's newer exporter writes it: the places of each cell are gathered, some moved."""
    rank = len(sizes)
    axes = list(zip(sizes, outputs, strict=True))
    shape = [number_ for size, count in axes for number_ in (count, -(-size // count))]
    places = np.zeros((*shape, rank), np.int64)
    for place in np.ndindex(*shape):
        for axis, (size, count) in enumerate(axes):
            places[(*place, axis)] = place[2 * axis] * size // count + place[2 * axis + 1]
    places.flat[0] += moved
    nodes = [
        op("Transpose", "x", to="t", perm=[*range(2, rank + 2), 0, 1]),
        op("GatherND", "t", "places", to="g"),
        op("Transpose", "g", to="c", perm=[2 * rank, 2 * rank + 1, *range(2 * rank)]),
        op("ReduceMean", "c", "axes", keepdims=0),
    ]
    arrays = {"places": places, "axes": ints(*range(1 - 2 * rank, 0, 2))}
    return shape_inference.infer_shapes(model_of(nodes, arrays, (1, 4, *sizes)))


@pytest.mark.parametrize(("sizes", "outputs"), [((7, 7), (3, 3)), ((7, 10), (3, 4)), ((9,), (4,)), ((8, 6), (4, 3))])
def test_adaptive_pools_that_gather_their_cells(sizes: tuple[int, ...], outputs: tuple[int, ...]) -> None:
    model, x = of_cells(sizes, outputs), np.random.default_rng(0).standard_normal((1, 4, *sizes)).astype(np.float32)
    ours, (layer,) = by_layers(model, {"x": x})
    assert layer.kind == "adaptive_avg_pool"
    np.testing.assert_allclose(ours, by_runtime(model, {"x": x}), 1e-4, 1e-5)


def test_cells_that_begin_elsewhere_are_no_adaptive_pool() -> None:
    model = of_cells((7, 7), (3, 3), moved=1)
    network = of_model(parse(model.SerializeToString()), "net.onnx", {}, strict=False)
    assert "adaptive_avg_pool" not in {layer.kind for layer in network.layers}


SPREAD = {
    "channels": ((1, 1, 3, 5), (1, 4, 3, 5)),
    "positions": ((1, 4, 1, 1), (1, 4, 3, 5)),
    "columns": ((1, 4, 3, 1), (1, 4, 3, 5)),
    "both ends": ((1, 1, 3, 1), (1, 4, 3, 5)),
    "of a square": ((1, 1, 4), (1, 4, 4)),
}


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("name", SPREAD)
def test_what_is_spread_out_before_it_meets_need_not_be(name: str, kind: str) -> None:
    small, shape = SPREAD[name]
    axes = [axis for axis, size in enumerate(small) if size == 1 and shape[axis] > 1]
    nodes = [
        op("ReduceMax", "x", "axes", to="m", keepdims=1),
        op("Expand", "m", "sizes", to="e"),
        op(kind, "x", "e") if kind == "Div" else op(kind, "e", "x"),
    ]
    x = np.random.default_rng(0).uniform(1, 2, shape).astype(np.float32)
    layers = layers_of(nodes, {"axes": ints(*axes), "sizes": ints(*shape)}, x)
    assert [layer.kind for layer in layers] in ([kinds, kind.lower()] for kinds in ("reduce", "global_max_pool"))


def test_what_is_turned_while_it_is_spread_out_stays() -> None:
    """A row laid along the rows of a square, and repeated along its columns."""
    nodes = [
        op("ReduceMax", "x", "axes", to="m", keepdims=1),
        op("Reshape", "m", "turned", to="t"),
        op("Expand", "t", "sizes", to="e"),
        op("Mul", "e", "x"),
    ]
    arrays = {"axes": ints(1), "turned": ints(1, 4, 1), "sizes": ints(1, 4, 4)}
    x = np.random.default_rng(0).uniform(1, 2, (1, 4, 4)).astype(np.float32)
    assert "mul" in {layer.kind for layer in layers_of(nodes, arrays, x)}


def test_what_is_divided_by_a_length_that_is_spread_out() -> None:
    """PyTorch's normalize: the length is at least a number, and as large as the tensor."""
    nodes = [
        op("ReduceL2", "x", "axes", to="l", keepdims=1),
        op("Clip", "l", "least", to="c"),
        op("Expand", "c", "sizes", to="e"),
        op("Div", "x", "e"),
    ]
    arrays = {"axes": ints(1), "least": number(1e-12), "sizes": ints(1, 4, 3, 5)}
    model = shape_inference.infer_shapes(model_of(nodes, arrays, (1, 4, 3, 5)))
    network = of_model(parse(model.SerializeToString()), "net.onnx", {}, strict=False)
    assert "upsample" not in {layer.kind for layer in network.layers}
