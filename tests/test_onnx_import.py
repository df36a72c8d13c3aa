"""ONNX files read into layers: every tensor's shape against ONNX's own inference, every cost against counting nodes."""

from __future__ import annotations

import contextlib
import csv
import gzip
import math
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, shape_inference
from work import counted

from convcalc.imports import read_file
from convcalc.imports.errors import CannotImport
from convcalc.imports.onnx.declared import declared
from convcalc.imports.onnx.reading import parse
from convcalc.imports.onnx.values import without
from convcalc.imports.onnx.walk import Walk, of_bytes, of_model
from convcalc.imports.record import Imported, Layer
from convcalc.layers import defaults, field_types, kind_of, load

DATA = Path(__file__).parent / "data"
EXPORTS = sorted((DATA / "onnx").glob("*.onnx.gz"))
ZOO = {row["model"]: row for row in csv.DictReader((DATA / "zoo.csv").read_text().splitlines())}


def named(path: Path) -> str:
    return path.name.removesuffix(".onnx.gz")


def costs(network: Imported) -> tuple[int, int]:
    """Parameters and MACs by the kinds' own formulas, each array of the file once."""
    shapes: dict[str, tuple[int, ...]] = dict(network.inputs)
    params = macs = 0
    for layer in network.layers:
        kind, entering = load(layer.kind), [shapes[name] for name in layer.inputs]
        assert kind is not None
        types, rank = field_types(kind), len(entering[0]) - 1
        values = {name: types[name].expand(value, rank) for name, value in defaults(kind).items() if name in types}
        values |= layer.fields
        config = kind(**values)
        assert config.shape(*entering) == layer.shape
        shapes[layer.name] = layer.shape
        params += config.params(*entering) if layer.share is None else 0
        macs += config.macs(*entering)
    return params, macs


def written(layer: Layer) -> dict[str, Any]:
    """The fields of a layer as a spec has them."""
    types = field_types(kind_of(layer.kind))
    return {name: in_lists(types[name].written(value)) for name, value in layer.fields.items()}


def in_lists(value: Any) -> Any:
    return [*map(in_lists, value)] if isinstance(value, tuple) else value


def dims(info: Any) -> tuple[int, ...]:
    return tuple(size.dim_value for size in info.type.tensor_type.shape.dim)


def inferred(model: ModelProto) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor, by ONNX itself."""
    graph = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    values = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for info in (*graph.input, *graph.value_info, *graph.output):
        if info.type.tensor_type.HasField("shape"):
            values[info.name] = dims(info)
    return values


def count(model: ModelProto) -> int:
    """MACs counted from the nodes and ONNX's shapes: what multiplies and adds up, output by output."""
    shapes, total = inferred(model), 0
    for node in model.graph.node:
        if node.op_type in ("Conv", "DeformConv"):
            weight = shapes[node.input[1]]
            total += math.prod(weight[1:]) * math.prod(shapes[node.output[0]])
        elif node.op_type == "ConvTranspose":
            total += math.prod(shapes[node.input[1]][1:]) * math.prod(shapes[node.input[0]])
        elif node.op_type in ("Gemm", "MatMul"):
            turned = any(item.name == "transA" and item.i for item in node.attribute)
            total += math.prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if turned else -1]
    return total


def walked(model: ModelProto) -> Walk:
    walk = Walk(parse(model.SerializeToString()), {})
    walk.go()
    return walk


def same_shapes(model: ModelProto) -> int:
    """Every tensor that the walk met has the shape ONNX infers; how many."""
    walk, wanted, met = walked(model), inferred(model), 0
    for name, value in walk.values.items():
        if name not in wanted or 0 in wanted[name]:
            continue
        assert value.shape == wanted[name], name
        met += 1
        if value.source is not None:
            assert value.source.shape == without(value.shape, value.batch), name
    return met


@pytest.mark.parametrize("path", EXPORTS, ids=named)
def test_exported_networks_cost_what_is_published(path: Path) -> None:
    """MACs to the unit, and parameters: of those whose batch norm is folded, two a channel less and a bias more."""
    data = gzip.decompress(path.read_bytes())
    network, row = of_bytes(data, path.name), ZOO[named(path).removesuffix(".dynamo")]
    params, macs = costs(network)
    assert macs == int(row["macs"])
    folded = 0
    if ".dynamo" in path.name and "convnext" not in path.name:  # a bias in place of a scale and a shift
        folded = sum(layer.shape[0] for layer in network.layers if layer.kind == "conv" and "bias" not in layer.fields)
    assert params == int(row["params"]) - folded
    assert {layer.kind for layer in network.layers if layer.kind == "batch_norm"} == set() if folded else True
    assert network.unused == ()
    assert [f"{folded:,} parameters fewer" in note for note in network.notes] == ([True] if folded else [])


@pytest.mark.parametrize("path", EXPORTS, ids=named)
def test_every_tensor_of_an_export_has_the_shape_that_onnx_infers(path: Path) -> None:
    model = onnx.load_model_from_string(gzip.decompress(path.read_bytes()))
    assert same_shapes(model) > len(model.graph.node) * 0.9


WHOLE = {"resnet50": "resnet50", "mobilenet_v2": "mobilenet_v2", "densenet121": "densenet121", "alexnet": "alexnet"}


@pytest.mark.parametrize("name", WHOLE)
def test_layers_cost_what_hooks_counted(name: str) -> None:
    """Layer by layer, in the order they run, against what was measured on the modules themselves."""
    network = of_bytes(gzip.decompress((DATA / "onnx" / f"{name}.onnx.gz").read_bytes()), name)
    rows = [
        row for row in csv.DictReader((DATA / "layers.csv").read_text().splitlines()) if row["model"] == WHOLE[name]
    ]
    counted = [
        (row["kind"], tuple(map(int, row["output"].split("x")))) for row in rows if row["kind"] in ("conv", "linear")
    ]
    items = [(layer.kind, layer.shape) for layer in network.layers if layer.kind in ("conv", "linear")]
    assert items == counted


# Graphs of one operator or a few.

Array = Any
FLOAT = TensorProto.FLOAT


def net(
    nodes: Sequence[NodeProto],
    inputs: Mapping[str, Sequence[int | str]],
    arrays: Mapping[str, Sequence[int] | Array] | None = None,
    opset: int = 17,
    outputs: Sequence[str] = ("y",),
    **more: Any,
) -> ModelProto:
    """A model of nodes; `arrays` are initialisers: sizes of weights, or numbers."""
    held = [
        numpy_helper.from_array(array if isinstance(array, np.ndarray) else np.ones(array, np.float32), name)
        for name, array in (arrays or {}).items()
    ]
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info(name, FLOAT, sizes) for name, sizes in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        held,
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, **more)


def op(kind: str, *inputs: str, to: Any = "y", **attributes: Any) -> NodeProto:
    return helper.make_node(kind, list(inputs), [to] if isinstance(to, str) else list(to), **attributes)


def ints(*numbers: int) -> Array:
    return np.array(numbers, np.int64)


def number(value: float) -> Array:
    return np.array(value, np.float32)


def read(model: ModelProto, **inputs: Sequence[int]) -> Imported:
    return of_model(parse(model.SerializeToString()), "net.onnx", inputs)


def one(model: ModelProto) -> dict[str, Any]:
    """The fields of the layer that a model is, with its kind."""
    (layer,) = read(model).layers
    return {"kind": layer.kind, **written(layer)}


def kinds(model: ModelProto) -> list[str]:
    return [layer.kind for layer in read(model).layers]


def agrees(model: ModelProto, macs: int | None = None) -> Imported:
    """Shapes as ONNX infers them, MACs as counted."""
    assert same_shapes(model)
    network = read(model)
    assert costs(network)[1] == (count(model) if macs is None else macs)
    return network


OPSETS = (9, 11, 13, 17, 21)
IMAGE = {"x": (1, 8, 13, 17)}


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("seed", range(12))
def test_convolutions_of_any_geometry(seed: int, opset: int) -> None:
    draw = random.Random(f"{seed}{opset}")
    rank = draw.randint(1, 3)
    sizes, kernel = [draw.randint(9, 15) for _ in range(rank)], [draw.randint(1, 4) for _ in range(rank)]
    groups = draw.choice([1, 2, 4])
    values: dict[str, Any] = {
        "strides": [draw.randint(1, 3) for _ in range(rank)],
        "dilations": [draw.randint(1, 2) for _ in range(rank)],
        "group": groups,
    }
    if draw.random() < 0.4:
        values["auto_pad"] = draw.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
        if "SAME" in values["auto_pad"]:
            values["dilations"] = [1] * rank
    else:
        values["pads"] = [draw.randint(0, 2) for _ in range(2 * rank)]
    transposed = draw.random() < 0.5
    weight = (8, 6 if groups != 4 else 3, *kernel) if transposed else (12, 8 // groups, *kernel)
    channels = weight[1] * groups if transposed else 12
    arrays = {"w": weight, **({"b": (channels,)} if draw.random() < 0.5 else {})}
    if transposed and "auto_pad" not in values and draw.random() < 0.5:
        values["output_padding"] = [draw.randint(0, stride - 1) for stride in values["strides"]]
    kind = "ConvTranspose" if transposed else "Conv"
    network = agrees(net([op(kind, "x", *arrays, **values)], {"x": (1, 8, *sizes)}, arrays, opset))
    assert costs(network)[0] == sum(math.prod(sizes) for sizes in arrays.values())


@pytest.mark.parametrize("auto_pad", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("output", [[26, 34], [25, 33], [27, 35]])
def test_transposed_convolutions_to_a_given_size(output: list[int], auto_pad: str) -> None:
    values = {"output_shape": output, "strides": [2, 2], "auto_pad": auto_pad}
    model = net([op("ConvTranspose", "x", "w", **values)], IMAGE, {"w": (8, 4, 3, 3)})
    assert read(model).layers[0].shape == (4, *output)
    assert costs(read(model))[1] == 8 * 4 * 9 * 13 * 17


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("seed", range(10))
def test_pools_of_any_geometry(seed: int, opset: int) -> None:
    draw = random.Random(f"{seed}{opset}")
    kernel = [draw.randint(2, 4) for _ in range(2)]
    values: dict[str, Any] = {"kernel_shape": kernel, "strides": [draw.randint(1, 3) for _ in range(2)]}
    if draw.random() < 0.4:
        values["auto_pad"] = draw.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
    else:
        values["pads"] = [draw.randint(0, size // 2) for size in kernel * 2]
    kind = draw.choice(["MaxPool", "AveragePool"])
    if kind == "AveragePool":
        values["count_include_pad"] = draw.randint(0, 1)
    agrees(net([op(kind, "x", **values)], IMAGE, opset=opset), 0)


def test_the_last_window_of_ceil_mode_begins_inside() -> None:
    model = net([op("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)], IMAGE)
    assert one(model) == {"kind": "max_pool", "kernel_size": 2, "ceil_mode": True}
    agrees(model, 0)


PLAIN = {
    "shrink": op("Shrink", "x"),
    "threshold": op("ThresholdedRelu", "x"),
    "relu": op("Relu", "x"),
    "sigmoid": op("Sigmoid", "x"),
    "tanh": op("Tanh", "x"),
    "hard_swish": op("HardSwish", "x"),
    "hard_sigmoid": op("HardSigmoid", "x", alpha=1 / 6, beta=0.5),
    "mish": op("Mish", "x"),
    "selu": op("Selu", "x"),
    "elu": op("Elu", "x"),
    "celu": op("Celu", "x"),
    "leaky_relu": op("LeakyRelu", "x"),
    "softplus": op("Softplus", "x"),
    "softsign": op("Softsign", "x"),
    "global_max_pool": op("GlobalMaxPool", "x"),
    "local_response_norm": op("LRN", "x", size=5),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_operators_that_are_a_kind(kind: str) -> None:
    model = net([PLAIN[kind]], IMAGE, opset=18)
    assert one(model)["kind"] == kind
    agrees(model, 0)


ELEMENTS: dict[str, tuple[list[NodeProto], dict[str, Any], list[dict[str, Any]]]] = {
    "a power": ([op("Pow", "x", "n")], {"n": number(3.0)}, [{"kind": "pow", "exponent": 3.0}]),
    "a power of whole type": ([op("Pow", "x", "n")], {"n": np.array(2, np.int64)}, [{"kind": "pow", "exponent": 2.0}]),
    "one exponent, repeated": (
        [op("Pow", "x", "n")],
        {"n": np.full((8, 1, 1), 2, np.float32)},
        [{"kind": "pow", "exponent": 2.0}],
    ),
    "the first power": ([op("Pow", "x", "n", to="a"), op("Tanh", "a")], {"n": number(1.0)}, [{"kind": "tanh"}]),
    "an inverse": ([op("Reciprocal", "x")], {}, [{"kind": "pow", "exponent": -1.0}]),
    "the larger": ([op("Tanh", "x", to="a"), op("Max", "x", "a")], {}, [{"kind": "tanh"}, {"kind": "max"}]),
    "the least of three": (
        [op("Tanh", "x", to="a"), op("Neg", "x", to="b"), op("Min", "x", "a", "b")],
        {},
        [{"kind": "tanh"}, {"kind": "affine", "factor": -1.0}, {"kind": "min"}],
    ),
    "the larger, one repeated": (
        [op("GlobalAveragePool", "x", to="a"), op("Max", "a", "x")],
        {},
        [{"kind": "global_avg_pool", "keepdim": True}, {"kind": "max"}],
    ),
    "a bound a channel": (
        [op("Min", "x", "w")],
        {"w": (8, 1, 1)},
        [{"kind": "parameter", "sizes": [8], "learned": False}, {"kind": "min"}],
    ),
    "held above zero": ([op("Max", "n", "x")], {"n": number(0.0)}, [{"kind": "relu"}]),
    "held above": (
        [op("Max", "x", "n")],
        {"n": number(-2.0)},
        [{"kind": "hard_tanh", "min_val": -2.0, "max_val": 3.4e38}],
    ),
    "held below": (
        [op("Min", "x", "n")],
        {"n": number(6.0)},
        [{"kind": "hard_tanh", "min_val": -3.4e38, "max_val": 6.0}],
    ),
    "of one tensor": ([op("Max", "x", to="a"), op("Tanh", "a")], {}, [{"kind": "tanh"}]),
}


@pytest.mark.parametrize("name", ELEMENTS)
def test_powers_and_the_larger_and_smaller_of_tensors_and_numbers(name: str) -> None:
    nodes, arrays, expected = ELEMENTS[name]
    model = net(nodes, IMAGE, arrays)
    assert [{"kind": layer.kind, **written(layer)} for layer in read(model).layers] == expected
    agrees(model)


@pytest.mark.parametrize(
    "exponent", [np.arange(17, dtype=np.float32), np.full((2, 8, 13, 17), 2, np.float32), number(0.0)]
)
def test_powers_that_are_tensors(exponent: Array) -> None:
    """An exponent for each column, one that makes the tensor larger, and one that makes 1 of whatever enters."""
    model = net([op("Pow", "x", "n")], IMAGE, {"n": exponent})
    network = read(model)
    assert network.layers[-1].fields == {"operation": "pow"}
    assert [layer.kind for layer in network.layers if layer.kind != "reshape"] == ["parameter", "elementwise"]
    agrees(model)


@pytest.mark.parametrize("opset", [9, 11, 17])
@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 6.0, {"kind": "relu6"}),
        (-1.0, 1.0, {"kind": "hard_tanh"}),
        (0.0, 1.0, {"kind": "hard_tanh", "min_val": 0.0}),
        (0.0, None, {"kind": "relu"}),
    ],
)
def test_clip(low: float, high: float | None, expected: dict[str, Any], opset: int) -> None:
    if opset < 11:
        values = {"min": low} | ({"max": high} if high is not None else {})
        assert one(net([op("Clip", "x", **values)], IMAGE, opset=opset)) == expected
        return
    arrays = {"low": number(low)} | ({"high": number(high)} if high is not None else {})
    assert one(net([op("Clip", "x", *arrays)], IMAGE, arrays, opset)) == expected


def constants(**numbers: float) -> dict[str, Array]:
    return {name: number(value) for name, value in numbers.items()}


GELU_ERF = [
    op("Div", "x", "root", to="a"),
    op("Erf", "a", to="b"),
    op("Add", "b", "one", to="c"),
    op("Mul", "x", "c", to="d"),
    op("Mul", "d", "half"),
]
GELU_HALF_FIRST = [
    op("Mul", "x", "inverse", to="a"),
    op("Erf", "a", to="b"),
    op("Add", "b", "one", to="c"),
    op("Mul", "x", "half", to="d"),
    op("Mul", "d", "c"),
]
GELU_TANH = [
    op("Pow", "x", "three", to="a"),
    op("Mul", "a", "cubic", to="b"),
    op("Add", "x", "b", to="c"),
    op("Mul", "c", "scale", to="d"),
    op("Tanh", "d", to="e"),
    op("Add", "e", "one", to="f"),
    op("Mul", "x", "f", to="g"),
    op("Mul", "g", "half"),
]
GELU_TANH_OF_PRODUCTS = [
    op("Mul", "x", "x", to="a"),
    op("Mul", "a", "x", to="a3"),
    op("Mul", "cubic", "a3", to="b"),
    op("Add", "x", "b", to="c"),
    op("Mul", "scale", "c", to="d"),
    op("Tanh", "d", to="e"),
    op("Add", "one", "e", to="f"),
    op("Mul", "half", "x", to="h"),
    op("Mul", "h", "f"),
]
HARD_SWISH = [
    op("Add", "x", "three", to="a"),
    op("Clip", "a", "zero", "six", to="b"),
    op("Mul", "x", "b", to="c"),
    op("Div", "c", "six"),
]
HARD_SWISH_OF_SIGMOID = [
    op("Add", "x", "three", to="a"),
    op("Clip", "a", "zero", "six", to="b"),
    op("Div", "b", "six", to="c"),
    op("Mul", "x", "c"),
]
LAYER_NORM = [
    op("ReduceMean", "x", to="m", axes=[-1]),
    op("Sub", "x", "m", to="d"),
    op("Pow", "d", "two", to="p"),
    op("ReduceMean", "p", to="v", axes=[-1]),
    op("Add", "v", "eps", to="e"),
    op("Sqrt", "e", to="s"),
    op("Div", "d", "s", to="n"),
    op("Mul", "n", "w", to="o"),
    op("Add", "o", "b"),
]
GROUP_NORM = [
    op("Reshape", "x", "apart", to="r"),
    op("InstanceNormalization", "r", "ones", "zeros", to="i"),
    op("Shape", "x", to="shape"),
    op("Reshape", "i", "shape", to="g"),
    op("Mul", "g", "w", to="m"),
    op("Add", "m", "b"),
]
NUMBERS = constants(
    root=math.sqrt(2), inverse=1 / math.sqrt(2), one=1, half=0.5, two=2, three=3, six=6, zero=0, cubic=0.044715,
    scale=math.sqrt(2 / math.pi), eps=1e-5,
)  # fmt: skip

PATTERNS: dict[str, tuple[list[NodeProto], dict[str, Any], dict[str, Any]]] = {
    "gelu_erf": (GELU_ERF, {"kind": "gelu"}, {}),
    "gelu_half_first": (GELU_HALF_FIRST, {"kind": "gelu"}, {}),
    "gelu_tanh": (GELU_TANH, {"kind": "gelu", "approximate": "tanh"}, {}),
    "gelu_tanh_of_products": (GELU_TANH_OF_PRODUCTS, {"kind": "gelu", "approximate": "tanh"}, {}),
    "hard_swish": (HARD_SWISH, {"kind": "hard_swish"}, {}),
    "hard_swish_of_sigmoid": (HARD_SWISH_OF_SIGMOID, {"kind": "hard_swish"}, {}),
    "hard_swish_of_hard_sigmoid": (
        [op("HardSigmoid", "x", to="a", alpha=1 / 6), op("Mul", "x", "a")],
        {"kind": "hard_swish"},
        {},
    ),
    "silu": ([op("Sigmoid", "x", to="a"), op("Mul", "x", "a")], {"kind": "silu"}, {}),
    "mish": (
        [op("Softplus", "x", to="a"), op("Tanh", "a", to="b"), op("Mul", "b", "x")],
        {"kind": "mish"},
        {},
    ),
    "layer_norm": (LAYER_NORM, {"kind": "layer_norm"}, {"w": (17,), "b": (17,)}),
    "group_norm": (
        GROUP_NORM,
        {"kind": "group_norm", "num_groups": 4},
        {
            "apart": ints(0, 4, -1),
            "ones": np.ones(4, np.float32),
            "zeros": np.zeros(4, np.float32),
            "w": (8, 1, 1),
            "b": (8, 1, 1),
        },
    ),
    "channel_shuffle": (
        [
            op("Reshape", "x", "split", to="a"),
            op("Transpose", "a", to="b", perm=[0, 2, 1, 3, 4]),
            op("Reshape", "b", "joined"),
        ],
        {"kind": "channel_shuffle", "groups": 2},
        {"split": ints(1, 2, 4, 13, 17), "joined": ints(1, 8, 13, 17)},
    ),
    "pixel_shuffle": (
        [
            op("Reshape", "x", "split", to="a"),
            op("Transpose", "a", to="b", perm=[0, 1, 4, 2, 5, 3]),
            op("Reshape", "b", "joined"),
        ],
        {"kind": "pixel_shuffle", "upscale_factor": 2},
        {"split": ints(1, 2, 2, 2, 13, 17), "joined": ints(1, 2, 26, 34)},
    ),
    "conv_and_its_bias": (
        [op("Conv", "x", "w", to="a"), op("Add", "a", "b")],
        {"kind": "conv", "out_channels": 4, "kernel_size": 3},
        {"w": (4, 8, 3, 3), "b": (1, 4, 1, 1)},
    ),
    "dense_and_its_bias": (
        [op("MatMul", "x", "w", to="a"), op("Add", "a", "b")],
        {"kind": "linear", "out_features": 5},
        {"w": (17, 5), "b": (5,)},
    ),
    "mean_over_positions": (
        [op("ReduceMean", "x", axes=[2, 3], keepdims=0)],
        {"kind": "global_avg_pool"},
        {},
    ),
    "global_pool_and_flatten": (
        [op("GlobalAveragePool", "x", to="a"), op("Flatten", "a")],
        {"kind": "global_avg_pool"},
        {},
    ),
    "layer_scale": ([op("Mul", "x", "ls.gamma")], {"kind": "scale"}, {"ls.gamma": (8, 1, 1)}),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_what_exporters_take_apart_is_one_layer(name: str) -> None:
    nodes, expected, arrays = PATTERNS[name]
    used = {item for node in nodes for item in node.input}
    held = {**{key: value for key, value in NUMBERS.items() if key in used}, **arrays}
    model = net(nodes, IMAGE, held)
    result = one(model)
    result.pop("keepdim", None)
    result.pop("eps", None)
    assert result == expected
    network = agrees(model)
    sizes = [sizes for sizes in arrays.values() if isinstance(sizes, tuple)]
    assert costs(network)[0] == sum(map(math.prod, sizes))


@pytest.mark.parametrize("opset", [9, 13, 17])
def test_a_layer_norm_of_tokens_taken_apart(opset: int) -> None:
    """Of tokens x features, whose mean over the features is one for each channel."""
    held = {key: value for key, value in NUMBERS.items() if key in ("two", "eps")} | {"w": (17,), "b": (17,)}
    model = net(LAYER_NORM, {"x": (1, 13, 17)}, held, opset)
    result = one(model)
    result.pop("eps", None)
    assert result == {"kind": "layer_norm"}
    assert costs(agrees(model))[0] == 2 * 17


@pytest.mark.parametrize("name", ["silu", "layer_norm", "hard_swish_of_sigmoid"])
def test_a_part_that_is_read_elsewhere_stays(name: str) -> None:
    """What leaves the middle of a pattern is a layer of its own."""
    nodes, _, arrays = PATTERNS[name]
    used = {item for node in nodes for item in node.input}
    held = {**{key: value for key, value in NUMBERS.items() if key in used}, **arrays}
    inner = nodes[-2].output[0]
    model = net(nodes, IMAGE, held, outputs=("y", inner))
    network = read(model)
    assert len(network.outputs) == 2


SHAPES: dict[str, tuple[list[NodeProto], dict[str, Any], int]] = {
    "reshape": ([op("Reshape", "x", "s")], {"s": ints(0, -1, 17)}, 17),
    "reshape_to_one": ([op("Reshape", "x", "s")], {"s": ints(-1)}, 17),
    "flatten": ([op("Flatten", "x")], {}, 17),
    "flatten_behind": ([op("Flatten", "x", axis=2)], {}, 17),
    "transpose": ([op("Transpose", "x", perm=[0, 2, 3, 1])], {}, 17),
    "transpose_batch": ([op("Transpose", "x", perm=[2, 0, 1, 3])], {}, 17),
    "transpose_all": ([op("Transpose", "x")], {}, 17),
    "unsqueeze_13": ([op("Unsqueeze", "x", "a")], {"a": ints(2, -1)}, 17),
    "unsqueeze_11": ([op("Unsqueeze", "x", axes=[0])], {}, 11),
    "slice_9": ([op("Slice", "x", starts=[1, -5], ends=[7, 10**6], axes=[1, 3])], {}, 9),
    "slice_10": ([op("Slice", "x", "a", "b", "c", "d")], {"a": ints(1), "b": ints(12), "c": ints(2), "d": ints(3)}, 13),
    "slice_back": ([op("Slice", "x", "a", "b", "c", "c")], {"a": ints(-1), "b": ints(-99), "c": ints(-1)}, 13),
    "slice_batch": ([op("Slice", "x", "a", "b")], {"a": ints(0), "b": ints(1)}, 13),
    "gather_one": ([op("Gather", "x", "i", axis=2)], {"i": np.array(3, np.int64)}, 13),
    "gather_last": ([op("Gather", "x", "i", axis=1)], {"i": np.array(-1, np.int64)}, 13),
    "gather_several": ([op("Gather", "x", "i", axis=1)], {"i": ints(5, 2, 3, 3)}, 13),
    "gather_table": ([op("Gather", "x", "i", axis=1)], {"i": np.array([[0, 1], [2, 3]], np.int64)}, 13),
    "pad_9": ([op("Pad", "x", pads=[0, 0, 1, 2, 0, 0, 3, 0])], {}, 9),
    "pad_13": ([op("Pad", "x", "p", mode="reflect")], {"p": ints(0, 0, 1, 2, 0, 0, 3, 0)}, 13),
    "pad_18": ([op("Pad", "x", "p", "", "a")], {"p": ints(1, 2), "a": ints(3)}, 18),
    "pad_channels": ([op("Pad", "x", "p")], {"p": ints(0, 1, 0, 0, 0, 3, 0, 0)}, 13),
    "pad_less": ([op("Pad", "x", "p")], {"p": ints(0, 0, -1, 2, 0, 0, 0, -3)}, 13),
    "expand": ([op("GlobalAveragePool", "x", to="a"), op("Expand", "a", "s")], {"s": ints(1, 8, 13, 17)}, 13),
    "tile": ([op("Tile", "x", "s")], {"s": ints(1, 2, 1, 3)}, 13),
    "resize_sizes": ([op("Resize", "x", "", "", "s", mode="linear")], {"s": ints(1, 8, 20, 30)}, 13),
    "resize_scales": ([op("Resize", "x", "", "f")], {"f": np.array([1, 1, 2, 1.5], np.float32)}, 13),
    "resize_10": ([op("Resize", "x", "f")], {"f": np.array([1, 1, 2, 3], np.float32)}, 10),
    "resize_18": ([op("Resize", "x", "", "f", axes=[2, 3], mode="cubic")], {"f": np.array([2, 2], np.float32)}, 18),
    "upsample_9": ([op("Upsample", "x", "f")], {"f": np.array([1, 1, 2, 2], np.float32)}, 9),
    "depth_to_space": ([op("DepthToSpace", "x", blocksize=2)], {}, 13),
    "depth_to_space_crd": ([op("DepthToSpace", "x", blocksize=2, mode="CRD")], {}, 13),
    "reduce_mean": ([op("ReduceMean", "x", axes=[1])], {}, 13),
    "reduce_max_18": ([op("ReduceMax", "x", "a", keepdims=0)], {"a": ints(-1)}, 18),
    "reduce_sum_all": ([op("ReduceSum", "x", keepdims=1)], {}, 13),
    "reduce_axes_apart": ([op("ReduceMean", "x", axes=[1, 3], keepdims=0)], {}, 13),
    "softmax_11": ([op("Softmax", "x", axis=2)], {}, 11),
    "softmax_13": ([op("Softmax", "x", axis=1)], {}, 13),
    "log_softmax": ([op("LogSoftmax", "x")], {}, 13),
    "squeeze": ([op("GlobalAveragePool", "x", to="a"), op("Squeeze", "a", "i")], {"i": ints(3)}, 13),
    "squeeze_11": ([op("GlobalAveragePool", "x", to="a"), op("Squeeze", "a", axes=[2, 3])], {}, 11),
    "prelu": ([op("PRelu", "x", "w")], {"w": (8, 1, 1)}, 13),
    "dropout": ([op("Dropout", "x", to=["a", ""]), op("Relu", "a")], {}, 13),
    "cast": ([helper.make_node("Cast", ["x"], ["a"], to=FLOAT), op("Relu", "a")], {}, 13),
    "sum_of_three": ([op("Relu", "x", to="a"), op("Tanh", "x", to="b"), op("Sum", "x", "a", "b")], {}, 13),
    "difference": ([op("Relu", "x", to="a"), op("Sub", "x", "a")], {}, 13),
    "quotient": ([op("ReduceMean", "x", to="a", axes=[1]), op("Div", "x", "a")], {}, 13),
    "number_before": ([op("Sub", "k", "x")], {"k": number(3)}, 13),
    "number_over": ([op("Div", "k", "x")], {"k": number(3)}, 13),
    "positions_learned": ([op("Add", "x", "w")], {"w": (1, 8, 13, 17)}, 13),
    "last_axis_learned": ([op("Mul", "x", "w")], {"w": (17,)}, 13),
    "broadcast_up": ([op("Gather", "x", "i", to="a", axis=1), op("Add", "x", "a")], {"i": np.array(0, np.int64)}, 13),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_every_tensor_has_the_shape_that_onnx_infers(name: str) -> None:
    nodes, arrays, opset = SHAPES[name]
    agrees(net(nodes, IMAGE, arrays, opset), 0)


@pytest.mark.parametrize("name", SHAPES)
def test_onnx_runtime_yields_the_shape_that_leaves(name: str) -> None:
    ort = pytest.importorskip("onnxruntime")
    nodes, arrays, opset = SHAPES[name]
    model = net(nodes, IMAGE, arrays, opset)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": np.ones(IMAGE["x"], np.float32)})
    (leaving,) = read(model).outputs
    network = read(model)
    shapes = {**network.inputs, **{layer.name: layer.shape for layer in network.layers}}
    assert math.prod(shapes[leaving]) == y.size
    assert shapes[leaving] in {y.shape, *(without(y.shape, axis) for axis in range(y.ndim) if y.shape[axis] == 1)}


@pytest.mark.parametrize(("equation", "x", "y"), [
    ("bhid,bhjd->bhij", (1, 4, 5, 6), (1, 4, 7, 6)),
    ("bhij,bhjd->bihd", (1, 4, 5, 7), (1, 4, 7, 6)),
    ("bnc,cd->bnd", (1, 5, 6), None),
    ("bchw,kc->bkhw", (1, 6, 5, 5), None),
    ("bij,bjk->bik", (1, 5, 6), (1, 6, 7)),
])  # fmt: skip
def test_einsum(equation: str, x: tuple[int, ...], y: tuple[int, ...] | None) -> None:
    weight = {"bnc,cd->bnd": (6, 9), "bchw,kc->bkhw": (9, 6)}.get(equation)
    inputs = {"x": x} | ({"z": y} if y is not None else {})
    arrays = {"z": weight} if weight else {}
    model = net([op("Einsum", "x", "z", equation=equation)], inputs, arrays, 13)
    letters = dict(zip("".join(equation.partition("->")[0].split(",")), (*x, *(y or weight or ())), strict=True))
    network = agrees(model, math.prod(letters.values()))
    assert costs(network)[0] == (math.prod(weight) if weight else 0)


def attention(tokens: int = 10, features: int = 12, heads: int = 3) -> ModelProto:
    """Self-attention as timm has it: one projection for query, key and value, split by Gather."""
    size = features // heads
    return net(
        [
            op("MatMul", "x", "qkv.weight", to="p"),
            op("Add", "p", "qkv.bias", to="q0"),
            op("Reshape", "q0", "split", to="q1"),
            op("Transpose", "q1", to="q2", perm=[2, 0, 3, 1, 4]),
            op("Gather", "q2", "i0", to="q", axis=0),
            op("Gather", "q2", "i1", to="k", axis=0),
            op("Gather", "q2", "i2", to="v", axis=0),
            op("Transpose", "k", to="kt", perm=[0, 1, 3, 2]),
            op("MatMul", "q", "kt", to="s"),
            op("Mul", "s", "scale", to="s1"),
            op("Softmax", "s1", to="a", axis=-1),
            op("MatMul", "a", "v", to="o"),
            op("Transpose", "o", to="o1", perm=[0, 2, 1, 3]),
            op("Reshape", "o1", "joined", to="o2"),
            op("MatMul", "o2", "proj.weight", to="o3"),
            op("Add", "o3", "proj.bias"),
        ],
        {"x": (1, tokens, features)},
        {
            "qkv.weight": (features, 3 * features),
            "qkv.bias": (3 * features,),
            "proj.weight": (features, features),
            "proj.bias": (features,),
            "split": ints(1, tokens, 3, heads, size),
            "joined": ints(1, tokens, features),
            "scale": number(size**-0.5),
            **{f"i{part}": np.array(part, np.int64) for part in range(3)},
        },
    )


def test_a_vision_transformer_in_the_manner_of_pytorch() -> None:
    """Patches, a class token, positions, a block with tokens before the batch, and the token that leaves."""
    tokens, features, heads = 17, 12, 3
    size = features // heads
    model = net(
        [
            op("Conv", "x", "patch.weight", "patch.bias", to="p", strides=[8, 8]),
            op("Reshape", "p", "flat", to="p1"),
            op("Transpose", "p1", to="p2", perm=[0, 2, 1]),
            op("Shape", "p2", to="s"),
            op("Gather", "s", "zero", to="n"),
            op("Unsqueeze", "n", "first", to="n1"),
            op("Concat", "n1", "minus", "minus", to="n2", axis=0),
            op("Abs", "n2", to="n3"),
            op("Expand", "token", "n3", to="t"),
            op("Concat", "t", "p2", to="c", axis=1),
            op("Add", "c", "positions", to="e"),
            op("LayerNormalization", "e", "ln.weight", "ln.bias", to="l"),
            op("Transpose", "l", to="l1", perm=[1, 0, 2]),
            op("MatMul", "l1", "in.weight", to="j0"),
            op("Add", "in.bias", "j0", to="j1"),
            op("Reshape", "j1", "split", to="j2"),
            op("Unsqueeze", "j2", "first", to="j3"),
            op("Transpose", "j3", to="j4", perm=[3, 1, 2, 0, 4]),
            op("Squeeze", "j4", "third", to="j5"),
            *[
                node
                for part, name in enumerate("qkv")
                for node in (
                    op("Gather", "j5", f"i{part}", to=f"{name}0", axis=0),
                    op("Reshape", f"{name}0", "heads", to=f"{name}1"),
                    op("Transpose", f"{name}1", to=name, perm=[1, 2, 0] if name == "k" else [1, 0, 2]),
                )
            ],
            op("Mul", "q", "scale", to="qs"),
            op("MatMul", "qs", "k", to="scores"),
            op("Softmax", "scores", to="shares"),
            op("MatMul", "shares", "v", to="o"),
            op("Transpose", "o", to="o1", perm=[1, 0, 2]),
            op("Reshape", "o1", "rows", to="o2"),
            op("Gemm", "o2", "out.weight", "out.bias", to="o3", transB=1),
            op("Reshape", "o3", "back", to="o4"),
            op("Transpose", "o4", to="o5", perm=[1, 0, 2]),
            op("Add", "o5", "e", to="r"),
            op("Gather", "r", "zero", to="h", axis=1),
            op("Gemm", "h", "head.weight", "head.bias", transB=1),
        ],
        {"x": (1, 3, 32, 32)},
        {
            "patch.weight": (features, 3, 8, 8),
            "patch.bias": (features,),
            "token": (1, 1, features),
            "positions": (1, tokens, features),
            "ln.weight": (features,),
            "ln.bias": (features,),
            "in.weight": (features, 3 * features),
            "in.bias": (3 * features,),
            "out.weight": (features, features),
            "out.bias": (features,),
            "head.weight": (10, features),
            "head.bias": (10,),
            "flat": ints(1, features, 16),
            "zero": np.array(0, np.int64),
            "first": ints(0),
            "third": ints(3),
            "minus": ints(-1),
            "split": ints(tokens, 1, 3, features),
            "heads": ints(tokens, heads, size),
            "rows": ints(tokens, features),
            "back": ints(tokens, 1, features),
            "scale": number(size**-0.5),
            **{f"i{part}": np.array(part, np.int64) for part in range(3)},
        },
    )
    network = agrees(model)
    weights = 12 * 192 + 12 + 12 + 17 * 12 + 24 + 4 * 12 * 12 + 4 * 12 + 120 + 10
    assert costs(network)[0] == weights
    assert [layer.kind for layer in network.layers] == [
        "conv", "reshape", "permute", "parameter", "concat", "parameter", "add", "layer_norm", "attention", "add",
        "slice", "flatten", "linear",
    ]  # fmt: skip


def test_attention_is_one_layer_and_costs_its_products() -> None:
    network = agrees(attention())
    assert [(layer.name, layer.kind, written(layer)) for layer in network.layers] == [
        ("attention", "attention", {"num_heads": 3})
    ]
    assert costs(network)[0] == 4 * 12 * 12 + 4 * 12


def test_scores_that_are_read_elsewhere_keep_attention_apart() -> None:
    model = attention()
    model.graph.output.append(helper.make_tensor_value_info("a", FLOAT, None))
    network = agrees(model)
    assert [layer.kind for layer in network.layers if "mat" in layer.kind] == ["matmul", "matmul"]
    assert costs(network)[0] == 4 * 12 * 12 + 4 * 12


def test_a_dense_layer_in_the_manner_of_tensorflow() -> None:
    """Channels behind the positions, transposed around each convolution; what is padded, padded before it."""
    model = net(
        [
            op("Transpose", "x", to="a", perm=[0, 3, 1, 2]),
            op("Pad", "a", "pads", to="b"),
            op("Conv", "b", "kernel", to="c", strides=[2, 2]),
            op("Transpose", "c", to="d", perm=[0, 2, 3, 1]),
            op("Add", "d", "bias", to="e"),
            op("Relu", "e", to="f"),
            op("ReduceMean", "f", to="g", axes=[1, 2], keepdims=0),
            op("MatMul", "g", "dense", to="h"),
            op("Add", "h", "dense_bias", to="i"),
            op("Softmax", "i", axis=-1),
        ],
        {"x": (1, 32, 32, 3)},
        {
            "pads": ints(0, 0, 0, 0, 0, 0, 1, 1),
            "kernel": (8, 3, 3, 3),
            "bias": (8,),
            "dense": (8, 10),
            "dense_bias": (10,),
        },
    )
    network = agrees(model)
    assert costs(network)[0] == 8 * 3 * 9 + 8 + 80 + 10


def test_weights_used_twice_are_shared() -> None:
    model = net(
        [op("Conv", "x", "w", "b", to="a", pads=[1, 1, 1, 1]), op("Conv", "a", "w", "b")],
        IMAGE,
        {"w": (8, 8, 3, 3), "b": (8,)},
    )
    first, second = read(model).layers
    assert (first.share, second.share) == (None, first.name)
    assert costs(read(model))[0] == 8 * 8 * 9 + 8


def test_weights_that_nothing_uses_are_said() -> None:
    model = net([op("Relu", "x")], IMAGE, {"w": (8, 8, 3, 3)})
    assert [(item.name, item.shape) for item in read(model).unused] == [("w", (8, 8, 3, 3))]
    assert costs(read(model))[0] == 0


def test_open_axes_are_asked_for() -> None:
    model = net([op("Relu", "x")], {"x": ("batch", 3, "height", "width")})
    with pytest.raises(CannotImport, match=r"input x \[batch, 3, height, width\].*--input x=1x3x224x224"):
        read(model)
    assert read(model, x=(1, 3, 20, 30)).inputs == {"x": (3, 20, 30)}
    assert read(model, x=(3, 20, 30)).inputs == {"x": (3, 20, 30)}
    with pytest.raises(CannotImport, match="has 4 axes"):
        read(model, x=(20, 30))
    with pytest.raises(CannotImport, match="names z"):
        read(model, z=(1, 3, 20, 30))


def test_an_open_batch_is_one_and_a_fixed_one_is_said() -> None:
    assert read(net([op("Relu", "x")], {"x": ("batch", 3, 8, 8)})).notes == ()
    nodes = [op("MaxPool", "x", to="p", kernel_shape=[1, 1]), op("Reshape", "p", "s")]
    network = read(net(nodes, {"x": (4, 3, 8, 8)}, {"s": ints(4, 192)}))
    assert network.inputs == {"x": (3, 8, 8)}
    assert network.layers[-1].shape == (192,)
    assert "batch of 4" in network.warnings[0]


def test_roundings_of_a_quantised_network_are_left_out_and_said() -> None:
    """As quantisers write it: each tensor rounded and widened again, the weights kept as int8."""
    nodes = [
        op("QuantizeLinear", "x", "scale", "zero", to="q"),
        op("DequantizeLinear", "q", "scale", "zero", to="d"),
        op("DequantizeLinear", "w", "scale", "zero", to="v"),
        op("Conv", "d", "v", "b"),
    ]
    held = {"scale": number(0.1), "zero": np.array(0, np.int8), "w": np.ones((4, 8, 3, 3), np.int8), "b": (4,)}
    model = net(nodes, IMAGE, held)
    network = agrees(model)
    assert [layer.kind for layer in network.layers] == ["conv"]
    assert costs(network)[0] == 4 * 8 * 3 * 3 + 4
    assert "quantised" in network.notes[0]


@pytest.mark.parametrize(
    ("zero", "behind", "kinds"),
    [
        (np.array(-128, np.int8), "Conv", ["conv", "relu"]),
        (np.array(0, np.uint8), "Conv", ["conv", "relu"]),
        (None, "Conv", ["conv", "relu"]),
        (np.array(-128, np.int8), "Relu", ["conv", "relu"]),
        (np.array(0, np.int8), "Conv", ["conv"]),
        (np.array(3, np.uint8), "Conv", ["conv"]),
    ],
)
def test_a_rounding_that_cuts_off_all_below_zero_is_a_relu(
    zero: np.ndarray | None, behind: str, kinds: list[str]
) -> None:
    """Tools that quantise take out the relu before it; the runtime agrees that no output is below zero."""
    steps = ["scale"] if zero is None else ["scale", "zero"]
    nodes = [op("Conv", "x", "w", to="c"), *([op("Relu", "c", to="r")] if behind == "Relu" else [])]
    entering = "r" if behind == "Relu" else "c"
    nodes += [op("QuantizeLinear", entering, *steps, to="q"), op("DequantizeLinear", "q", *steps)]
    held = {"scale": number(0.1), **({} if zero is None else {"zero": zero})}
    model = net(nodes, IMAGE, {"w": np.random.default_rng(0).normal(size=(4, 8, 3, 3)).astype(np.float32), **held})
    assert [layer.kind for layer in agrees(model).layers] == kinds
    runtime = pytest.importorskip("onnxruntime").InferenceSession(model.SerializeToString())
    (output,) = runtime.run(None, {"x": np.random.default_rng(1).normal(size=IMAGE["x"]).astype(np.float32)})
    assert (output.min() >= 0) == ("relu" in kinds)


def test_a_size_of_minus_one_is_an_open_axis() -> None:
    """PaddlePaddle writes it so."""
    assert read(net([op("Relu", "x")], {"x": (-1, 3, 8, 8)})).inputs == {"x": (3, 8, 8)}
    model = net([op("Relu", "x")], {"x": (-1, 3, -1, -1)})
    with pytest.raises(CannotImport, match="--input x=1x3x224x224"):
        read(model)
    assert read(model, x=(1, 3, 20, 30)).inputs == {"x": (3, 20, 30)}


def test_every_operator_that_no_kind_says_is_named() -> None:
    nodes = [
        helper.make_node("Blend", ["x"], ["a"], "first", domain="of.ours"),
        helper.make_node("Grain", ["a"], ["b"], "second", domain="of.ours"),
        helper.make_node("Relu", ["b"], ["c"], "third"),
        helper.make_node("NonZero", ["c"], ["y"], "fourth"),
    ]
    shapes = [helper.make_tensor_value_info(name, FLOAT, [1, *IMAGE["x"][1:]]) for name in ("a", "b")]
    model, without_last = net(nodes, IMAGE), net(nodes[:3], IMAGE, outputs=("c",))
    model.graph.value_info.extend(shapes)
    without_last.graph.value_info.extend(shapes)
    with pytest.raises(CannotImport) as caught:
        read(model)
    named_ = {(item.node, item.operator) for item in caught.value.operators}
    assert named_ >= {("first", "of.ours.Blend"), ("second", "of.ours.Grain")}
    assert "fourth" in str(caught.value)
    network = of_model(parse(without_last.SerializeToString()), "net.onnx", strict=False)
    assert [layer.kind for layer in network.layers] == ["opaque", "opaque", "relu"]
    assert network.layers[0].fields == {"output_shape": (8, 13, 17)}
    assert len(network.uncosted) == 2


def test_operators_behind_one_of_unknown_shape_are_named_too() -> None:
    """All are named at once, and not those that a kind may be made of."""
    nodes = [
        helper.make_node("NonZero", ["x"], ["a"], "first"),
        helper.make_node("Sqrt", ["a"], ["b"], "root"),
        helper.make_node("Relu", ["b"], ["c"], "activation"),
        helper.make_node("Unique", ["c"], ["d"], "second"),
        helper.make_node("NonMaxSuppression", ["x"], ["e"], "beside"),
        helper.make_node("Add", ["d", "e"], ["y"], "sum"),
    ]
    with pytest.raises(CannotImport) as caught:
        read(net(nodes, IMAGE))
    assert {item.node for item in caught.value.operators} == {"first", "second", "beside"}


def test_functions_are_written_out_and_known_branches_taken() -> None:
    then = helper.make_graph([op("Relu", "x", to="t")], "then", [], [helper.make_tensor_value_info("t", FLOAT, None)])
    other = helper.make_graph([op("Erf", "x", to="e")], "else", [], [helper.make_tensor_value_info("e", FLOAT, None)])
    branch = op("If", "condition", to="a", then_branch=then, else_branch=other)
    function = helper.make_function(
        "local",
        "twice",
        ["u"],
        ["v"],
        [op("Tanh", "u", to="w"), op("Tanh", "w", to="v")],
        [helper.make_opsetid("", 17)],
    )
    call = helper.make_node("twice", ["a"], ["y"], domain="local")
    model = net([branch, call], IMAGE, {"condition": np.array(True)}, functions=[function])
    assert kinds(model) == ["relu", "tanh", "tanh"]


# Bad files.


def test_every_cut_of_a_file_is_refused_or_read() -> None:
    data = gzip.decompress((DATA / "onnx" / "alexnet.onnx.gz").read_bytes())
    refused = 0
    for length in range(0, len(data), 37):
        try:
            of_bytes(data[:length], "cut.onnx")
        except CannotImport:
            refused += 1
    assert refused > 0.95 * len(range(0, len(data), 37))


@pytest.mark.parametrize("seed", range(40))
def test_noise_in_a_file_raises_nothing_else(seed: int) -> None:
    draw = random.Random(seed)
    data = bytearray(gzip.decompress((DATA / "onnx" / "squeezenet1_1.onnx.gz").read_bytes()))
    for _ in range(draw.randint(1, 30)):
        data[draw.randrange(len(data))] = draw.randrange(256)
    with contextlib.suppress(CannotImport):
        of_bytes(bytes(data), "noise.onnx")


@pytest.mark.parametrize(
    "text", [b"input: [3, 8, 8]\nlayers: [relu]\n", b"\x89PNG\r\n\x1a\n" * 9, b"PK\x03\x04" * 9, b"\0" * 99]
)
def test_what_is_no_model_is_said(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(text)
    with pytest.raises(CannotImport, match=r"ONNX model|ZIP archive that is not whole"):
        read_file(str(path))


def test_empty_and_absent_files(tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").touch()
    for name in ("empty.onnx", "absent.onnx", "."):
        with pytest.raises(CannotImport):
            read_file(str(tmp_path / name))


def test_graphs_in_a_circle_are_refused_and_unordered_ones_read() -> None:
    with pytest.raises(CannotImport, match="circle"):
        read(net([op("Add", "x", "b", to="a"), op("Relu", "a", to="b"), op("Relu", "b")], IMAGE))
    assert kinds(net([op("Relu", "a"), op("Tanh", "x", to="a")], IMAGE)) == ["tanh", "relu"]
    with pytest.raises(CannotImport, match="no node makes the tensor ghost"):
        read(net([op("Add", "x", "ghost")], IMAGE))


def test_sizes_beyond_all_bounds() -> None:
    with pytest.raises(CannotImport, match="2,147,483,647"):
        read(net([op("Relu", "x")], {"x": (1, 2**40, 8, 8)}))
    huge = TensorProto(name="w", data_type=FLOAT, dims=[2**40, 8, 3, 3])
    model = net([op("Conv", "x", "w")], IMAGE)
    model.graph.initializer.append(huge)
    with pytest.raises(CannotImport, match="initialiser w"):
        read(model)


def test_graphs_within_graphs_are_not_followed_forever() -> None:
    inner = helper.make_graph([op("Relu", "x", to="t")], "g", [], [helper.make_tensor_value_info("t", FLOAT, None)])
    for _ in range(25):
        node = op("If", "condition", to="t", then_branch=inner, else_branch=inner)
        del node.attribute[1]
        inner = helper.make_graph([node], "g", [], [helper.make_tensor_value_info("t", FLOAT, None)])
    branch = op("If", "condition", to="y", then_branch=inner)
    with pytest.raises(CannotImport, match="graphs within graphs"):
        read(net([branch], IMAGE, {"condition": np.array(True)}))


def test_names_of_a_file_are_printed_on_one_line() -> None:
    model = net([helper.make_node("Sin\n\x1b[31m", ["x"], ["y"], "a\nb" * 999)], IMAGE)
    model.producer_name, model.graph.name = "p\nlayers: []", "n\n"
    with pytest.raises(CannotImport) as caught:
        read(model)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000
    plain = net([op("Relu", "x")], IMAGE)
    plain.producer_name, plain.graph.name = "p\nlayers: []", "n\n"
    assert (read(plain).producer, read(plain).name) == ("p\\nlayers: []", "n\\n")


def test_external_data_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[4, 8, 3, 3], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../secret")
    model = net([op("Conv", "x", "w")], IMAGE)
    model.graph.initializer.append(tensor)
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    opened: list[str] = []
    real: Callable[..., Any] = Path.open

    def noted(self: Path, *rest: Any) -> Any:
        opened.append(self.name)
        return real(self, *rest)

    monkeypatch.setattr(Path, "open", noted)
    assert costs(read_file(str(path)))[0] == 4 * 8 * 9
    assert opened == ["net.onnx"]


def test_work_grows_with_the_nodes() -> None:
    """Five times the nodes take five times the calls."""
    calls = []
    for count_ in (1000, 5000):
        nodes = [op("Relu", f"t{index}", to=f"t{index + 1}") for index in range(count_)]
        data = net(nodes, {"t0": (1, 8, 13, 17)}, outputs=(f"t{count_}",)).SerializeToString()
        with counted() as work:
            assert len(of_bytes(data, "long.onnx").layers) == count_
        calls.append(work.calls)
    assert calls[1] < 5.1 * calls[0]


def test_a_global_pool_that_a_kind_declares_keeps_its_axes_as_in_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind_of("global_max_pool"), "onnx_operators", {"GlobalLpPool": {}})
    declared.cache_clear()
    value = partial(helper.make_tensor_value_info, elem_type=TensorProto.FLOAT)
    node = helper.make_node("GlobalLpPool", ["x"], ["y"])
    graph = helper.make_graph([node], "", [value("x", shape=[1, 8, 5, 7])], [value("y", shape=None)])
    (layer,) = of_bytes(helper.make_model(graph).SerializeToString(), "net").layers
    declared.cache_clear()
    assert layer.shape == dims(shape_inference.infer_shapes(helper.make_model(graph)).graph.output[0])[1:] == (8, 1, 1)
