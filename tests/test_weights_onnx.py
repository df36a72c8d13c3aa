"""The weights of an ONNX model as its file has them: what the executor makes with them is what ONNX Runtime makes."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loaded_runs import apart, drawn_inputs, outputs_of, session
from onnx import ModelProto, NodeProto, TensorProto, external_data_helper, helper, numpy_helper

import convcalc
from convcalc.imports.makings import MOST_DEEP
from convcalc.layers import Array
from convcalc.reference.weights import RandomWeights

ROOT = Path(__file__).parent.parent
AGREE = 1e-4
"""Of the largest number of an output: rounding in float32, which the two do in another order."""


def drawn(*sizes: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(sizes).astype(np.float32)


def node(op: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(op, inputs.split(), output.split(), **attributes)


def model_of(
    nodes: list[NodeProto], arrays: dict[str, Array], sizes: tuple[int, ...], opset: int = 17, **more: Any
) -> ModelProto:
    """A model from x to y with these arrays as initialisers."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9, **more)


def saved(folder: Path, model: ModelProto, *, beside: bool = False) -> Path:
    """A model in a file; `beside` puts its arrays into another, where no number is read when the model is."""
    path = folder / "net.onnx"
    if beside:
        for tensor in model.graph.initializer:
            if math.prod(tensor.dims) > 1 and tensor.data_type in (TensorProto.FLOAT, TensorProto.INT8):
                external_data_helper.set_external_data(tensor, "net.bin")
    onnx.save(model, path)
    return path


def of_layer(path: Path, kind: str) -> dict[str, Array]:
    """The arrays of the first layer of a kind."""
    network = convcalc.load(path)
    place = next(place for place, layer in enumerate(network.nodes) if layer.kind == kind)
    return dict(convcalc.load_weights(network).of(place))


FILTER = drawn(4, 3, 3, 3)


def as_floats(array: Array) -> TensorProto:
    return helper.make_tensor("w", TensorProto.FLOAT, array.shape, array.reshape(-1).tolist())


def as_doubles(array: Array) -> TensorProto:
    return helper.make_tensor("w", TensorProto.DOUBLE, array.shape, array.reshape(-1).astype(float).tolist())


def as_raw(array: Array) -> TensorProto:
    return numpy_helper.from_array(array, "w")


def as_halves(array: Array) -> TensorProto:
    return numpy_helper.from_array(array.astype(np.float16), "w")


def as_listed_halves(array: Array) -> TensorProto:
    bits = array.astype(np.float16).view(np.uint16).reshape(-1).tolist()
    return TensorProto(name="w", data_type=TensorProto.FLOAT16, dims=array.shape, int32_data=bits)


def as_listed_brains(array: Array) -> TensorProto:
    bits = (array.reshape(-1).view(np.uint32) >> 16).tolist()
    return TensorProto(name="w", data_type=TensorProto.BFLOAT16, dims=array.shape, int32_data=bits)


def as_brains(array: Array) -> TensorProto:
    octets = (array.view(np.uint32) >> 16).astype("<u2").tobytes()
    return TensorProto(name="w", data_type=TensorProto.BFLOAT16, dims=array.shape, raw_data=octets)


FORMS: list[Callable[[Array], TensorProto]] = [
    *(as_floats, as_doubles, as_raw, as_halves, as_listed_halves, as_brains, as_listed_brains)
]


@pytest.mark.parametrize("form", FORMS)
def test_numbers_are_those_that_the_package_onnx_reads(tmp_path: Path, form: Callable[[Array], TensorProto]) -> None:
    tensor = form(FILTER)
    model = model_of([node("Conv", "x w", "y")], {}, (1, 3, 5, 5))
    model.graph.initializer.append(tensor)
    weight = of_layer(saved(tmp_path, model), "conv")["weight"]
    expected = numpy_helper.to_array(tensor).astype(np.float32)
    assert weight.dtype == np.float32
    np.testing.assert_array_equal(weight, expected)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64, np.bool_])
def test_constants_may_be_whole_numbers_in_any_form(tmp_path: Path, dtype: Any) -> None:
    numbers = (np.arange(-6, 6).reshape(3, 4) * 7919).astype(dtype)
    listed = helper.make_tensor("listed", helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), [3, 4], numbers.reshape(-1))
    arrays = {"raw": numbers}
    nodes = [node("Cast", "raw", "a", to=1), node("Cast", "listed", "b", to=1)]
    nodes += [node("Add", "x a", "c"), node("Add", "c b", "y")]
    model = model_of(nodes, arrays, (1, 3, 4))
    model.graph.initializer.append(listed)
    assert apart(saved(tmp_path, model)) <= AGREE


@pytest.mark.parametrize("bits", [TensorProto.INT4, TensorProto.UINT4])
def test_two_numbers_of_four_bits_share_a_byte(tmp_path: Path, bits: int) -> None:
    low = -8 if bits == TensorProto.INT4 else 0
    numbers = np.arange(15) % 16 + low
    tensor = helper.make_tensor("q", bits, [3, 5], numbers)
    nodes = [node("DequantizeLinear", "q s", "w"), node("MatMul", "x w", "y")]
    model = model_of(nodes, {"s": np.float32(0.1)}, (1, 3), 21)
    model.graph.initializer.append(tensor)
    weight = of_layer(saved(tmp_path, model), "linear")["weight"]
    np.testing.assert_allclose(weight, (numbers.reshape(3, 5) * np.float32(0.1)).T, rtol=1e-6)


def test_arrays_lie_beside_the_file_at_their_offsets(tmp_path: Path) -> None:
    arrays = {"w": FILTER, "b": drawn(4, seed=1), "m": drawn(4, 6, seed=2)}
    nodes = [node("Conv", "x w b", "c"), node("GlobalAveragePool", "c", "g"), node("Flatten", "g", "f")]
    model = model_of([*nodes, node("MatMul", "f m", "y")], arrays, (1, 3, 5, 5))
    path = tmp_path / "net.onnx"
    onnx.save(model, path, save_as_external_data=True, location="beside.bin", size_threshold=0)
    assert (tmp_path / "beside.bin").stat().st_size >= 4 * sum(array.size for array in arrays.values())
    weights = convcalc.load_weights(convcalc.load(path))
    np.testing.assert_array_equal(weights.of(1)["weight"], FILTER)
    np.testing.assert_array_equal(weights.of(1)["bias"], arrays["b"])
    assert apart(path) <= AGREE
    folder = tmp_path / "of_links"
    folder.mkdir()
    for name in ("net.onnx", "beside.bin"):  # as a store of models lays them out
        (folder / name).symlink_to(tmp_path / name)
    np.testing.assert_array_equal(convcalc.load_weights(convcalc.load(folder / "net.onnx")).of(1)["weight"], FILTER)


def test_constants_of_nodes_functions_and_branches_are_read_where_they_are(tmp_path: Path) -> None:
    stated = node("Constant", "", "k", value=numpy_helper.from_array(FILTER))
    listed = node("Constant", "", "t", value_floats=[0.5, -1.5, 2.5, 3.5])
    function = helper.make_function(
        "mine", "Filtered", ["x"], ["z"], [stated, node("Conv", "x k", "z")], [helper.make_opsetid("", 17)]
    )
    taken = helper.make_graph(
        [node("Conv", "z own", "branch")],
        "then",
        [],
        [helper.make_tensor_value_info("branch", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(drawn(4, 4, 1, 1, seed=3), "own")],
    )
    nodes = [node("Filtered", "x", "z", domain="mine"), node("If", "c", "i", then_branch=taken, else_branch=taken)]
    nodes += [listed, node("Reshape", "t s", "r"), node("Mul", "i r", "y")]
    arrays: dict[str, Any] = {"c": np.array(True), "s": np.array([4, 1, 1])}
    model = model_of(nodes, arrays, (1, 3, 5, 5), functions=[function])
    model.opset_import.append(helper.make_opsetid("mine", 1))
    path = saved(tmp_path, model)
    assert apart(path) <= AGREE
    np.testing.assert_array_equal(of_layer(path, "conv")["weight"], FILTER)


MADE: dict[str, tuple[list[NodeProto], dict[str, Any]]] = {
    "turned": ([node("Transpose", "w", "m", perm=[1, 0])], {"w": drawn(8, 6)}),
    "turned twice": (
        [node("Transpose", "w", "t", perm=[2, 0, 1]), node("Reshape", "t s", "m")],
        {"w": drawn(4, 2, 6), "s": np.array([6, 8])},
    ),
    "cut backwards": (
        [node("Slice", "w a b c d", "m")],
        {
            "w": drawn(9, 16),
            "a": np.array([7, 15]),
            "b": np.array([1, -99]),
            "c": np.array([0, 1]),
            "d": -np.array([1, 2]),
        },
    ),
    "picked": ([node("Gather", "w i", "m", axis=1)], {"w": drawn(6, 5), "i": np.array([4, 0, 2, 2, -1, 1, 3, 0])}),
    "end to end": ([node("Concat", "w v", "m", axis=1)], {"w": drawn(6, 3), "v": drawn(6, 5, seed=1)}),
    "in parts": ([node("Split", "w", "m r", axis=1)], {"w": drawn(6, 16)}),
    "repeated": ([node("Tile", "w n", "m")], {"w": drawn(3, 2), "n": np.array([2, 4])}),
    "spread": ([node("Expand", "w s", "m")], {"w": drawn(6, 1), "s": np.array([6, 8])}),
    "scaled by a number": ([node("Mul", "w f", "m")], {"w": drawn(6, 8), "f": np.float32(0.3)}),
    "scaled by outputs": ([node("Mul", "w f", "m")], {"w": drawn(6, 8), "f": drawn(8, seed=1)}),
    "a sum of a small one": (
        [node("MatMul", "a b", "p"), node("Mul", "p f", "q"), node("Add", "w q", "m")],
        {"w": drawn(6, 8), "a": drawn(6, 2, seed=1), "b": drawn(2, 8, seed=2), "f": np.float32(0.5)},
    ),
    "length one": (
        [node("ReduceL2", "w", "n", axes=[0]), node("Div", "w n", "u"), node("Mul", "u g", "m")],
        {"w": drawn(6, 8), "g": drawn(8, seed=1)},
    ),
    "standardised": (
        [
            *(node("ReduceMean", "w", "u", axes=[0]), node("Sub", "w u", "c"), node("Mul", "c c", "q")),
            *(node("ReduceMean", "q", "v", axes=[0]), node("Add", "v e", "z"), node("Sqrt", "z", "r")),
            node("Div", "c r", "m"),
        ],
        {"w": drawn(6, 8), "e": np.float32(1e-3)},
    ),
    "of eight bits": (
        [node("DequantizeLinear", "w s z", "m", axis=1)],
        {
            "w": np.random.default_rng(0).integers(-128, 128, (6, 8)).astype(np.int8),
            "s": np.abs(drawn(8)) / 64,
            "z": np.arange(-4, 4).astype(np.int8),
        },
    ),
    "rounded in training": (
        [node("QuantizeLinear", "w s z", "q"), node("DequantizeLinear", "q s z", "m")],
        {"w": drawn(6, 8), "s": np.float32(0.02), "z": np.int8(3)},
    ),
    "pruned": (
        [node("Greater", "k t", "c"), node("Where", "c w o", "m")],
        {"w": drawn(6, 8), "k": drawn(6, 8, seed=1), "t": np.float32(0), "o": np.float32(0)},
    ),
    "clipped": ([node("Clip", "w a b", "m")], {"w": drawn(6, 8), "a": np.float32(-0.5), "b": np.float32(0.7)}),
    "padded": ([node("Pad", "w p", "m")], {"w": drawn(5, 5), "p": np.array([0, 2, 1, 1])}),
    "a triangle": ([node("Trilu", "w k", "m", upper=0)], {"w": drawn(6, 8), "k": np.array(1)}),
    "written to": (
        [node("ScatterND", "w i u", "m")],
        {"w": drawn(6, 8), "i": np.array([[0], [4]]), "u": drawn(2, 8, seed=1)},
    ),
    "written to by elements": (
        [node("ScatterElements", "w i u", "m", axis=1)],
        {"w": drawn(6, 8), "i": np.array([[1, 7], [0, 2]]), "u": drawn(2, 2, seed=1)},
    ),
    "picked by elements": (
        [node("GatherElements", "w i", "m", axis=0)],
        {"w": drawn(9, 8), "i": np.random.default_rng(1).integers(0, 9, (6, 8))},
    ),
    "of half precision": ([node("Cast", "h", "m", to=1)], {"h": drawn(6, 8).astype(np.float16)}),
    "an exponential": (
        [node("Exp", "w", "a"), node("Neg", "a", "b"), node("Sigmoid", "b", "c"), node("Tanh", "c", "m")],
        {"w": drawn(6, 8)},
    ),
    "summed up": ([node("CumSum", "w a", "m", reverse=1, exclusive=1)], {"w": drawn(6, 8), "a": np.array(1)}),
}
"""How an exporter or optimiser may leave the matrix m [6, 8] of a product to be worked out of stored arrays."""


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("way", MADE)
def test_a_weight_that_is_worked_out_has_the_numbers_of_onnxruntime(tmp_path: Path, way: str, beside: bool) -> None:
    """Those that lie beside the file are read only now: nothing but what was kept of the nodes makes them."""
    nodes, arrays = MADE[way]
    path = saved(tmp_path, model_of([*nodes, node("MatMul", "x m", "y")], arrays, (1, 5, 6)), beside=beside)
    assert apart(path) <= AGREE


def test_all_that_meets_a_tensor_is_worked_out_too(tmp_path: Path) -> None:
    nodes = [
        node("Mul", "s f", "a"),
        node("Reshape", "a to", "b"),
        node("Mul", "x b", "c"),
        node("Add", "c t", "d"),
        node("Div", "d v", "e"),
        node("Sub", "u e", "y"),
    ]
    arrays = {"s": drawn(6), "f": np.float32(2), "to": np.array([6, 1, 1]), "t": drawn(6, 1, 1, seed=1)}
    arrays |= {"v": 1 + np.abs(drawn(1, 6, 1, 1, seed=2)), "u": drawn(6, 4, 4, seed=3)}
    assert apart(saved(tmp_path, model_of(nodes, arrays, (1, 6, 4, 4)), beside=True)) <= AGREE


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.5, 2.0), (-1.0, 0.25)])
@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize("sizes", [(8,), (1, 8), (1,)])
def test_a_product_has_its_two_factors_in_its_weights(
    tmp_path: Path, alpha: float, beta: float, turned: int, sizes: tuple[int, ...]
) -> None:
    arrays = {"w": drawn(8, 6) if turned else drawn(6, 8), "b": drawn(*sizes, seed=1)}
    nodes = [node("Gemm", "x w b", "y", alpha=alpha, beta=beta, transB=turned)]
    assert apart(saved(tmp_path, model_of(nodes, arrays, (1, 6)))) <= AGREE


@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_recurrent_layers_have_gates_where_onnx_has_them(tmp_path: Path, op: str, gates: int, direction: str) -> None:
    ways = 2 if direction == "bidirectional" else 1
    arrays = {
        "w": drawn(ways, gates * 5, 4),
        "r": drawn(ways, gates * 5, 5, seed=1) * 0.4,
        "b": drawn(ways, gates * 10),
    }
    after = {"linear_before_reset": 1} if op == "GRU" else {}
    nodes = [node(op, "x w r b", "y", hidden_size=5, direction=direction, **after)]
    assert apart(saved(tmp_path, model_of(nodes, arrays, (7, 1, 4)), beside=True)) <= AGREE


def attention(order: str, factor: float, *, apart_: bool = False, swapped: bool = False) -> ModelProto:
    """Self-attention in its parts: how heads, the three and features of a head lie in the projection, as letters."""
    tokens, heads, width = 5, 3, 4
    features, sizes = heads * width, {"c": 3, "h": heads, "d": width}
    arrays: dict[str, Any] = {"wo": drawn(features, features, seed=2) * 0.3, "bo": drawn(features, seed=3)}
    arrays |= {"f": np.float32(factor), "to": np.array([1, tokens, features])}
    nodes = []
    if apart_:
        arrays["s"] = np.array([1, tokens, *(sizes[letter] for letter in order.replace("c", ""))])
        for place, name in enumerate("qkv"):
            arrays |= {f"w{name}": drawn(features, features, seed=place) * 0.4, f"b{name}": drawn(features, seed=place)}
            nodes += [node("MatMul", f"x w{name}", f"m{name}"), node("Add", f"m{name} b{name}", f"p{name}")]
            nodes += [node("Reshape", f"p{name} s", f"r{name}")]
        own = order.replace("c", "")
    else:
        arrays |= {"w": drawn(features, 3 * features) * 0.4, "b": drawn(3 * features, seed=1)}
        arrays["s"] = np.array([1, tokens, *(sizes[letter] for letter in order)])
        nodes += [node("MatMul", "x w", "m"), node("Add", "m b", "p"), node("Reshape", "p s", "r")]
        own, axis = order.replace("c", ""), 2 + order.index("c")
        for place, name in enumerate("qkv"):
            arrays[f"i{name}"] = np.array(place)
            nodes.append(node("Gather", f"r i{name}", f"r{name}", axis=axis))
    token, head, feature = 1, 2 + own.index("h"), 2 + own.index("d")
    nodes += [node("Transpose", f"r{name}", f"t{name}", perm=[0, head, token, feature]) for name in "qv"]
    nodes += [node("Transpose", "rk", "tk", perm=[0, head, feature, token])]
    nodes += [node("Mul", "tq f", "sq"), node("MatMul", "sq tk", "a"), node("Mul", "a f", "b_")]
    nodes += [node("Softmax", "b_", "c", axis=-1), node("MatMul", "c tv", "e")]
    nodes += [node("Transpose", "e", "g", perm=[0, 2, 3, 1] if swapped else [0, 2, 1, 3])]
    nodes += [node("Reshape", "g to", "o"), node("MatMul", "o wo", "l"), node("Add", "l bo", "y")]
    return model_of(nodes, arrays, (1, tokens, features))


@pytest.mark.parametrize("order", ["chd", "hcd", "hdc", "cdh", "dhc", "dch"])
@pytest.mark.parametrize("factor", [0.5**0.5, 0.9, -0.8])
@pytest.mark.parametrize("swapped", [False, True])
def test_attention_has_its_heads_where_the_file_has_them(
    tmp_path: Path, order: str, factor: float, swapped: bool
) -> None:
    path = saved(tmp_path, attention(order, factor, swapped=swapped), beside=True)
    assert [layer.kind for layer in convcalc.load(path).layers] == ["attention"]
    assert apart(path) <= AGREE


@pytest.mark.parametrize("order", ["hd", "dh"])
def test_attention_of_three_projections_has_one_of_all(tmp_path: Path, order: str) -> None:
    path = saved(tmp_path, attention(order, 0.6, apart_=True), beside=True)
    assert [layer.kind for layer in convcalc.load(path).layers] == ["attention"]
    assert apart(path) <= AGREE


def test_layers_that_share_an_array_have_the_same(tmp_path: Path) -> None:
    arrays = {"w": drawn(9, 6), "i": np.array([[0, 3, 8, 2]])}
    nodes = [node("Gather", "w i", "e"), node("Add", "e x", "a"), node("Transpose", "w", "t", perm=[1, 0])]
    path = saved(tmp_path, model_of([*nodes, node("MatMul", "a t", "y")], arrays, (1, 4, 6)))
    assert apart(path) <= AGREE


STEPS = ["Transpose", "Reshape", "Slice", "Gather", "Concat", "Mul", "Neg", "Abs", "Sigmoid", "Div", "Tile", "Where"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=6), seed=st.integers(0, 999))
def test_any_chain_of_operations_on_a_stored_array_is_worked_out(tmp_path: Path, steps: list[str], seed: int) -> None:
    draw = np.random.default_rng(seed)
    shape: tuple[int, ...] = (4, 6)
    arrays: dict[str, Any] = {"w0": drawn(*shape, seed=seed)}
    nodes: list[NodeProto] = []
    for at, op in enumerate(steps):
        rows, columns = shape
        name, made = f"w{at}", f"w{at + 1}"
        extra = f"k{at}"
        if op == "Transpose":
            nodes, shape = [*nodes, node(op, name, made, perm=[1, 0])], (columns, rows)
        elif op == "Reshape":
            shape = (rows * columns // 2, 2) if rows * columns % 2 == 0 else (columns, rows)
            arrays[extra], nodes = np.array(shape), [*nodes, node(op, f"{name} {extra}", made)]
        elif op == "Slice":
            arrays |= {f"{extra}a": np.array([rows - 1]), f"{extra}b": np.array([-rows - 1])}
            arrays |= {f"{extra}c": np.array([0]), f"{extra}d": np.array([-1 - int(draw.integers(2))])}
            shape = (math.ceil(rows / -int(arrays[f"{extra}d"][0])), columns)
            nodes = [*nodes, node(op, f"{name} {extra}a {extra}b {extra}c {extra}d", made)]
        elif op == "Gather":
            arrays[extra] = draw.integers(-columns, columns, int(draw.integers(1, 7)))
            nodes, shape = [*nodes, node(op, f"{name} {extra}", made, axis=1)], (rows, arrays[extra].size)
        elif op == "Concat":
            arrays[extra], nodes = drawn(2, columns, seed=at), [*nodes, node(op, f"{name} {extra}", made, axis=0)]
            shape = (rows + 2, columns)
        elif op == "Tile":
            arrays[extra], nodes = np.array([1, 2]), [*nodes, node(op, f"{name} {extra}", made)]
            shape = (rows, 2 * columns)
        elif op == "Where":
            arrays[extra] = draw.integers(0, 2, (rows, 1)).astype(bool)
            nodes = [*nodes, node("Neg", name, f"{extra}n"), node(op, f"{extra} {name} {extra}n", made)]
        elif op in ("Mul", "Div"):
            arrays[extra] = 1.5 + np.abs(drawn(*draw.choice([1, columns], 1).tolist(), seed=at))
            nodes = [*nodes, node(op, f"{name} {extra}", made)]
        else:
            nodes = [*nodes, node(op, name, made)]
    nodes.append(node("MatMul", f"x w{len(steps)}", "y"))
    model = model_of(nodes, arrays, (1, 3, shape[0]))
    assert apart(saved(tmp_path, model, beside=bool(seed % 2)), seed) <= AGREE


@pytest.mark.parametrize(
    "name",
    [
        "mobilenet_v3_small@input=3x64x64",
        "shufflenet_v2@input=3x32x32",
        "input: [6, 8]\nlayers: [{attention: 2}, {lstm: 5}, {gru: 3}, layer_norm, {linear: 4}]",
    ],
)
def test_an_export_has_the_weights_that_it_was_given(tmp_path: Path, name: str) -> None:
    """By their names into the spec, and as its own into what is read of it."""
    from convcalc.exports.onnx.saving import save

    spec, _, sizes = name.partition("@")
    network = convcalc.load(f"{ROOT}/specs/zoo/{spec}.yaml@{sizes}") if sizes else convcalc.loads(spec)
    random = RandomWeights(network, 3, keep=True)
    path = tmp_path / "net.onnx"
    save(network, str(path), random.of)
    named = convcalc.load_weights(network, path)
    assert named.unused == ()
    for place, layer in enumerate(network.nodes):
        if not layer.is_input:
            assert {*named.of(place)} == {*network.arrays_of(layer)}
            for array, numbers in random.of(place).items():
                np.testing.assert_array_equal(named.of(place)[array], numbers)
    assert apart(path) <= AGREE


def test_what_is_worked_out_in_too_many_operations_is_refused(tmp_path: Path) -> None:
    count = MOST_DEEP + 20
    nodes = [node("Sigmoid", f"w{at}", f"w{at + 1}") for at in range(count)]
    model = model_of([*nodes, node("MatMul", f"x w{count}", "y")], {"w0": drawn(6, 8)}, (1, 6))
    network = convcalc.load(saved(tmp_path, model, beside=True))
    with pytest.raises(convcalc.SpecError, match="too many steps"):
        convcalc.load_weights(network)


def test_weights_of_few_bits_behind_whose_product_a_scale_is_are_refused_by_name(tmp_path: Path) -> None:
    weight = np.ones((2, 3, 1, 1), np.uint8)
    nodes = [
        node("DynamicQuantizeLinear", "x", "q s z"),
        node("ConvInteger", "q w z", "i"),
        node("Cast", "i", "y", to=1),
    ]
    path = saved(tmp_path, model_of(nodes, {"w": weight}, (1, 3, 4, 4)))
    with pytest.raises(convcalc.SpecError) as error:
        convcalc.load_weights(convcalc.load(path))
    (problem,) = error.value.diagnostics
    assert problem.message.startswith("conv1.weight (")
    assert "rounded to few bits" in problem.message


SCALED = {
    "QLinearConv": ("x_ xs xz w ws wz ys yz b", (4, 3, 2, 2), (1, 3, 6, 6), 4, "conv"),
    "QLinearMatMul": ("x_ xs xz w ws wz ys yz", (3, 4), (1, 5, 3), 4, "linear"),
    "com.microsoft.QGemm": ("x_ xs xz w ws wz b ys yz", (3, 4), (1, 3), 4, "linear"),
    "com.microsoft.MatMulIntegerToFloat": ("x_ w xs ws xz wz f", (3, 4), (1, 5, 3), 4, "linear"),
    "com.microsoft.DynamicQuantizeMatMul": ("x w ws wz f", (3, 4), (1, 5, 3), 4, "linear"),
}


@pytest.mark.parametrize("op", SCALED)
@pytest.mark.parametrize("is_one", [True, False])
def test_weights_of_few_bits_have_the_scale_that_their_product_has(tmp_path: Path, op: str, is_one: bool) -> None:
    """What ONNX Runtime makes of them is rounded to 8 bits on the way: it is as near as a step of that is wide."""
    inputs, shape, sizes, count, kind = SCALED[op]
    draw = np.random.default_rng(4)
    axis = 0 if kind == "conv" else 1
    ones = 1 if is_one else count
    scales = draw.uniform(0.01, 0.02, ones).astype(np.float32)
    arrays: dict[str, Any] = {"xs": np.float32(0.04), "xz": np.uint8(128), "ys": np.float32(0.2), "yz": np.uint8(128)}
    arrays |= {"w": draw.integers(-100, 100, shape).astype(np.int8), "f": drawn(count)}
    arrays |= {"ws": scales[0] if is_one else scales, "wz": np.zeros(() if is_one else count, np.int8)}
    arrays["b"] = draw.integers(-900, 900, count).astype(np.int32)
    domain, _, name = op.rpartition(".")
    nodes = [node("QuantizeLinear", "x xs xz", "x_")] if "x_" in inputs else []
    is_rounded = "ys" in inputs
    nodes.append(node(name, inputs, "y_" if is_rounded else "y", domain=domain))
    nodes += [node("DequantizeLinear", "y_ ys yz", "y")] if is_rounded else []
    named = {name for own in nodes for name in own.input}
    model = model_of(nodes, {key: array for key, array in arrays.items() if key in named}, sizes)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    path = saved(tmp_path, model)
    along = scales.reshape([-1 if place == axis else 1 for place in range(len(shape))])
    real = arrays["w"].astype(np.float32) * along
    read = of_layer(path, kind)
    np.testing.assert_allclose(read["weight"], real if kind == "conv" else real.T, rtol=1e-6)
    if " b" in inputs:
        np.testing.assert_allclose(read["bias"], arrays["b"] * np.float32(0.04) * scales, rtol=1e-6)
    assert apart(path) <= 0.1


ALONE = [
    *("Neg", "Abs", "Floor", "Ceil", "Round", "Sqrt", "Exp", "Log", "Reciprocal", "Sign", "Sigmoid", "Tanh", "Erf"),
    *("Sin", "Cos", "Relu", "Softplus", "LeakyRelu", "Softmax"),
]
TOGETHER = ["Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Mean", "PRelu"]
COMPARED = ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"]
SUMMED = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"]


@pytest.mark.parametrize("op", [*ALONE, *TOGETHER, *COMPARED, *(f"Reduce{name}" for name in SUMMED)])
def test_an_operation_on_stored_arrays_is_that_of_onnxruntime(tmp_path: Path, op: str) -> None:
    first, second = np.abs(drawn(6, 8)) + 0.1, np.abs(drawn(6, 8, seed=1)) + 0.1
    if op in ("Neg", "Abs", "Floor", "Ceil", "Round", "Sign", "Relu", "LeakyRelu", "PRelu"):
        first = 3 * drawn(6, 8)
    arrays: dict[str, Any] = {"a": first, "b": second, "s": np.array([6, 8])}
    if op in ALONE:
        nodes = [node(op, "a", "m")]
    elif op in TOGETHER:
        nodes = [node(op, "a b", "m")]
    elif op in COMPARED:
        second[0] = first[0]
        nodes = [node(op, "a b", "c"), node("Not", "c", "d"), node("Where", "d a b", "m")]
    else:
        axes = {} if op == "ReduceSum" else {"axes": [0]}
        arrays["axes"] = np.array([0])
        nodes = [node(op, "a axes" if op == "ReduceSum" else "a", "r", **axes), node("Expand", "r s", "m")]
    path = saved(tmp_path, model_of([*nodes, node("MatMul", "x m", "y")], arrays, (1, 5, 6)), beside=True)
    assert apart(path) <= AGREE


def test_numbers_that_are_none_are_kept(tmp_path: Path) -> None:
    weight = FILTER.copy()
    weight[0, 0, 0] = [np.nan, np.inf, -np.inf]
    path = saved(tmp_path, model_of([node("Conv", "x w", "y")], {"w": weight}, (1, 3, 5, 5)))
    np.testing.assert_array_equal(of_layer(path, "conv")["weight"], weight)


def test_a_network_keeps_its_weights_for_another_batch(tmp_path: Path) -> None:
    path = saved(tmp_path, model_of([node("Conv", "x w", "y")], {"w": FILTER}, (1, 3, 5, 5)))
    network = convcalc.load(path)
    feeds = {"x": drawn(1, 3, 5, 5, seed=8)}
    (y,) = session(path).run(None, feeds)
    weights = convcalc.load_weights(network)
    (twice,) = outputs_of(network, weights, {"x": np.repeat(feeds["x"], 2, 0)})
    np.testing.assert_allclose(twice, np.repeat(y, 2, 0), rtol=1e-4, atol=1e-5)
    assert drawn_inputs(path).keys() == {"x"}


def test_a_table_of_positions_that_was_written_out_is_added_as_it_is(tmp_path: Path) -> None:
    """The layers share a table of 49 rows; each adds the scores of its pairs, whatever else the table has."""
    places = np.stack(np.meshgrid(range(4), range(4), indexing="ij"), -1).reshape(16, 2)
    steps = places[:, None] - places[None] + 3
    table = drawn(49, 3)
    arrays: dict[str, Any] = {"w": drawn(3, 3, 1, 1), "v": drawn(16, 5), "to": np.array([1, 3, 16, 16])}
    arrays["c"] = table[steps[..., 0] * 7 + steps[..., 1]].transpose(2, 0, 1)[None]
    nodes = [node("Conv", "x w", "a"), node("Reshape", "a to", "b"), node("Add", "b c", "d")]
    nodes += [node("Softmax", "d", "e", axis=-1), node("MatMul", "e v", "y")]
    path = saved(tmp_path, model_of(nodes, arrays, (1, 3, 16, 16)))
    assert convcalc.analyze(convcalc.load(path)).totals.params == 9 + 80 + 49 * 3
    assert apart(path) <= AGREE
    network = convcalc.load(path)
    rows = next(place for place, layer in enumerate(network.nodes) if layer.shape == (49, 3))
    read = convcalc.load_weights(network).of(rows)["weight"]
    assert {tuple(row) for row in read.tolist()} == {tuple(row) for row in table.tolist()}


OF_PYTORCH = sorted((ROOT / "tests" / "data" / "gradients").glob("*.onnx"))


@pytest.mark.parametrize("path", OF_PYTORCH, ids=lambda path: path.name)
def test_what_both_exporters_of_pytorch_write_has_its_weights(path: Path) -> None:
    assert apart(path) <= AGREE


def test_an_array_that_would_fill_the_memory_on_the_way_is_refused(tmp_path: Path) -> None:
    """2^40 numbers of which a few are kept: the file has some bytes."""
    arrays = {"w": drawn(2**10, 2**3), "n": np.array([2**15, 2**12]), "a": np.array([0, 0]), "b": np.array([6, 8])}
    nodes = [node("Tile", "w n", "t"), node("Slice", "t a b", "m"), node("MatMul", "x m", "y")]
    network = convcalc.load(saved(tmp_path, model_of(nodes, arrays, (1, 5, 6)), beside=True))
    with pytest.raises(convcalc.SpecError, match=r"an array of shape \[33554432, 32768\] is on the way to it"):
        convcalc.load_weights(network)
