"""What counts as learned: the same in every form in which exporters write one network, or the difference is told."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

import convcalc
from convcalc.imports.onnx.walk import of_bytes
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.readable.text import text

Array = np.ndarray[Any, Any]
FLOAT = TensorProto.FLOAT
DRAWN = np.random.default_rng(0)


def drawn(*sizes: int) -> Array:
    """As training leaves an array: no number is there twice."""
    return DRAWN.normal(size=sizes).astype(np.float32)


def node(op: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(op, inputs.split(), [output], **attributes)


def model(
    nodes: list[NodeProto],
    arrays: dict[str, Array],
    sizes: tuple[int, ...] = (1, 3, 16, 16),
    *,
    in_nodes: bool = False,
    leaving: str = "y",
    others: tuple[str, ...] = (),
) -> ModelProto:
    """A graph whose arrays are initialisers, or Constant nodes."""
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    constants = [helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in tensors]
    graph = helper.make_graph(
        [*constants, *nodes] if in_nodes else nodes,
        "net",
        [helper.make_tensor_value_info("x", FLOAT, sizes)],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in (leaving, *others)],
        [] if in_nodes else tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def renamed(nodes: list[NodeProto], names: dict[str, str]) -> list[NodeProto]:
    """The nodes with other names for some tensors."""
    return [
        helper.make_node(
            old.op_type,
            [names.get(name, name) for name in old.input],
            list(old.output),
            **{attribute.name: helper.get_attribute_value(attribute) for attribute in old.attribute},
        )
        for old in nodes
    ]


def counted(of: ModelProto) -> tuple[int, str]:
    """The parameters, and all that is told beside."""
    imported = of_bytes(of.SerializeToString(), "net.onnx")
    return convcalc.analyze(loads(Source("net.yaml", text(imported)))).totals.params, " ".join(imported.notes)


CONV = node("Conv", "x w", "a", pads=[1, 1, 1, 1])
LAST = node("Conv", "b v", "y")
FILTERS = {"w": drawn(8, 3, 3, 3), "v": drawn(4, 8, 1, 1)}
WEIGHTS = 8 * 3 * 9 + 4 * 8


def between(*nodes: NodeProto, **arrays: Array) -> tuple[list[NodeProto], dict[str, Array]]:
    """What is done to a map of 8x16x16 from `a` to `b`, weights before and behind it."""
    return [CONV, *nodes, LAST], {**FILTERS, **arrays}


NETWORKS: dict[str, tuple[tuple[list[NodeProto], dict[str, Array]], int]] = {
    "a bias that is added": (between(node("Add", "a p", "b"), p=drawn(1, 8, 1, 1)), WEIGHTS + 8),
    "a scale and a shift": (
        between(node("Mul", "a p", "c"), node("Add", "c q", "b"), p=drawn(8, 1, 1), q=drawn(8, 1, 1)),
        WEIGHTS + 16,
    ),
    "a map of positions": (between(node("Add", "a p", "b"), p=drawn(1, 8, 16, 16)), WEIGHTS + 8 * 256),
    "a number": (between(node("Mul", "a p", "b"), p=drawn(1)), WEIGHTS),
    "the mean of all images": (
        ([node("Sub", "x p", "b"), node("Conv", "b w", "y")], {"p": drawn(3, 1, 1), "w": drawn(8, 3, 3, 3)}),
        8 * 27,
    ),
    "anchors": (
        ([node("Conv", "x w", "a"), node("Relu", "a", "b"), node("Mul", "b p", "y")],
         {"p": drawn(1, 8, 14, 14), "w": drawn(8, 3, 3, 3)}),
        8 * 27,
    ),
    "a bias behind the last weights": (
        ([node("Conv", "x w", "a"), node("Add", "a p", "y")], {"p": drawn(8, 1, 1), "w": drawn(8, 3, 3, 3)}),
        8 * 27 + 8,
    ),
    "a bias of one output": (
        ([node("Conv", "x w", "a"), node("Add", "a p", "y")], {"p": drawn(1, 1, 1, 1), "w": drawn(1, 3, 3, 3)}),
        27 + 1,
    ),
    "a mask": (
        between(node("Add", "a p", "b"), p=np.where(drawn(1, 1, 16, 16) > 0, 0, -100).astype(np.float32)),
        WEIGHTS,
    ),
    "a token that is put in front": (
        ([node("Conv", "x w", "a"), node("Concat", "p a", "b", axis=2), node("Conv", "b v", "y")],
         {**FILTERS, "p": drawn(1, 8, 1, 14)}),
        WEIGHTS + 8 * 14,
    ),
    "quantised": (
        ([node("DequantizeLinear", "q s z", "w"), node("Conv", "x w", "y")],
         {"q": DRAWN.integers(-9, 9, (8, 3, 3, 3)).astype(np.int8), "s": drawn(8) ** 2, "z": np.zeros(8, np.int8)}),
        8 * 27,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("in_nodes", [False, True], ids=["initialisers", "nodes"])
@pytest.mark.parametrize("called", ["{}", "onnx::Mul_{}", "/blocks/{}/Constant_output_0", "val_{}", "net.{}.data"])
def test_parameters_do_not_depend_on_where_an_array_is_and_what_it_is_called(
    name: str, in_nodes: bool, called: str
) -> None:
    (nodes, arrays), expected = NETWORKS[name]
    names = {array: called.format(place) if called != "{}" else array for place, array in enumerate(arrays)}
    of = model(renamed(nodes, names), {names[array]: numbers for array, numbers in arrays.items()}, in_nodes=in_nodes)
    assert counted(of)[0] == expected


@pytest.mark.parametrize("in_nodes", [False, True], ids=["initialisers", "nodes"])
def test_what_only_scales_on_the_way_out_is_told_with_both_figures(in_nodes: bool) -> None:
    (nodes, arrays), params = NETWORKS["anchors"]
    count, notes = counted(model(nodes, arrays, in_nodes=in_nodes))
    assert count == params
    assert "1,568 numbers that only scale or shift what enters or leaves are counted as constants (p)" in notes
    assert f"there would be {params + 1568:,} parameters" in notes


def test_positions_that_have_no_name_are_told_with_both_figures() -> None:
    (nodes, arrays), params = NETWORKS["a map of positions"]
    assert "counted as parameters" not in counted(model(nodes, arrays))[1]
    nameless = {("_" if array == "p" else array): numbers for array, numbers in arrays.items()}
    count, notes = counted(model(renamed(nodes, {"p": "_"}), nameless))
    assert count == params
    assert f"were they constants, there would be {params - 2048:,} parameters" in notes


@pytest.mark.parametrize("size", [8, 16, 32])
def test_what_is_worked_out_from_the_size_of_the_input_costs_nothing(size: int) -> None:
    """A grid of positions and its sines, as position encodings are written."""
    ends = {"end": np.array(2, np.int64), "zero": np.array(0, np.int64), "one": np.array(1, np.int64)}
    nodes = [
        CONV,
        node("Shape", "a", "s"),
        node("Gather", "s end", "n", axis=0),
        node("Range", "zero n one", "r"),
        node("Cast", "r", "f", to=FLOAT),
        node("Unsqueeze", "f last", "g"),
        node("Mul", "g frequencies", "h"),
        node("Sin", "h", "i"),
        node("Add", "a i", "b"),
        LAST,
    ]
    arrays = {**FILTERS, **ends, "last": np.array([1], np.int64), "frequencies": drawn(1, size)}
    assert counted(model(nodes, arrays, (1, 3, size, size)))[0] == WEIGHTS


@pytest.mark.parametrize("fresh", [False, True], ids=["trained", "fresh"])
@pytest.mark.parametrize("op", ["BatchNormalization", "LayerNormalization", "InstanceNormalization"])
@pytest.mark.parametrize("called", ["model/norm/{}:0", "norm.{}", "norm_0.{}_0", "{}"])
def test_a_norm_at_its_first_values_has_its_scale_and_shift(op: str, fresh: bool, called: str) -> None:
    names = [called.format(word) for word in ("gamma", "beta")]
    scale, shift = (np.ones(8, np.float32), np.zeros(8, np.float32)) if fresh else (drawn(8), drawn(8))
    statistics = {"mean": drawn(8), "var": drawn(8) ** 2} if op == "BatchNormalization" else {}
    nodes = [node(op, " ".join(["x", *names, *statistics]), "y")]
    sizes = (1, 5, 8) if op == "LayerNormalization" else (1, 8, 4, 4)
    assert counted(model(nodes, {names[0]: scale, names[1]: shift, **statistics}, sizes))[0] == 16


def test_ones_and_zeros_that_an_exporter_fills_in_are_told() -> None:
    """A group norm as PyTorch's newer exporter writes it, with a scale and shift or without."""
    inner = {"val_3": np.ones(2, np.float32), "val_4": np.zeros(2, np.float32)}
    shapes = {"val_1": np.array([0, 2, -1], np.int64), "val_2": np.array([1, 8, 16, 16], np.int64)}
    nodes = [
        CONV,
        node("Reshape", "a val_1", "c"),
        node("InstanceNormalization", "c val_3 val_4", "d"),
        node("Reshape", "d val_2", "e"),
        node("Mul", "e val_5", "f"),
        node("Add", "f val_6", "b"),
        LAST,
    ]
    shared = {**FILTERS, **shapes, **inner}
    ones, zeros = np.ones((8, 1, 1), np.float32), np.zeros((8, 1, 1), np.float32)
    count, notes = counted(model(nodes, {**shared, "val_5": ones, "val_6": zeros}))
    assert count == WEIGHTS
    assert f"were these 16 numbers learned, there would be {WEIGHTS + 16:,} parameters" in notes
    count, notes = counted(model(nodes, {**shared, "val_5": drawn(8, 1, 1), "val_6": drawn(8, 1, 1)}))
    assert (count, notes) == (WEIGHTS + 16, "")


def test_a_table_that_was_written_out_counts_as_the_table() -> None:
    """Relative positions of windows of 4x4: 49 vectors of 3 heads, and 256 pairs of positions."""
    places = np.stack(np.meshgrid(range(4), range(4), indexing="ij"), -1).reshape(16, 2)
    apart = places[:, None] - places[None] + 3
    index = apart[..., 0] * 7 + apart[..., 1]
    table = drawn(49, 3)
    before = [node("Conv", "x w", "a"), node("Reshape", "a to", "b")]
    after = [node("Add", "b c", "d"), node("Softmax", "d", "e", axis=-1), node("MatMul", "e v", "y")]
    shared = {"w": drawn(3, 3, 1, 1), "v": drawn(16, 5), "to": np.array([1, 3, 16, 16], np.int64)}
    gathered = [
        node("Gather", "table index", "f"),
        node("Reshape", "f pairs", "g"),
        node("Transpose", "g", "c", perm=[2, 0, 1]),
    ]
    pairs = {"index": index.reshape(-1), "pairs": np.array([16, 16, 3], np.int64), "table": table}
    written = counted(model([*before, *gathered, *after], {**shared, **pairs}))[0]
    folded = counted(model([*before, *after], {**shared, "c": table[index].transpose(2, 0, 1)[None]}))[0]
    assert written == folded == 9 + 80 + 49 * 3


def test_filters_that_the_file_standardises_count_as_filters() -> None:
    """Weight standardisation, as NF-ResNet has it."""
    axes: dict[str, Any] = {"axes": [1, 2, 3], "keepdims": 1}
    nodes = [
        helper.make_node("ReduceMean", ["w"], ["m"], **axes),
        node("Sub", "w m", "c"),
        node("Mul", "c c", "q"),
        helper.make_node("ReduceMean", ["q"], ["s"], **axes),
        node("Add", "s eps", "t"),
        node("Sqrt", "t", "r"),
        node("Div", "c r", "u"),
        node("Conv", "x u", "y"),
    ]
    assert counted(model(nodes, {"w": drawn(8, 3, 3, 3), "eps": np.array(1e-5, np.float32)}))[0] == 8 * 27


def test_a_product_with_weights_costs_for_a_constant_too() -> None:
    """The first step of a recurrent layer that is written out, from a state of zeros."""
    nodes = [
        node("Gemm", "h u b", "c", transB=1),
        node("Gemm", "x w b", "d", transB=1),
        node("Add", "c d", "e"),
        node("Tanh", "e", "f"),
        node("Gemm", "f u b", "y", transB=1),
    ]
    arrays = {"u": drawn(8, 8), "w": drawn(8, 5), "b": drawn(8), "sizes": np.array([1, 8])}
    state = node("ConstantOfShape", "sizes", "h")
    imported = of_bytes(model([state, *nodes], arrays, (1, 5)).SerializeToString(), "net.onnx")
    totals = convcalc.analyze(loads(Source("net.yaml", text(imported)))).totals
    assert (totals.macs, totals.params) == (64 + 40 + 64, 64 + 40 + 8)


# ---- one weight, used twice with another geometry ------------------------------------------------------------------


def runtime_shapes(of: ModelProto, names: list[str], sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(of.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [result.shape for result in session.run(names, {"x": np.zeros(sizes, np.float32)})]


GEOMETRY = st.fixed_dictionaries(
    {},
    optional={
        "strides": st.lists(st.integers(1, 3), min_size=2, max_size=2),
        "pads": st.lists(st.integers(0, 2), min_size=4, max_size=4),
        "dilations": st.lists(st.integers(1, 2), min_size=2, max_size=2),
    },
)


def is_counted_once(
    nodes: Callable[[int, bool], NodeProto], arrays: dict[str, Array], biased: list[bool], cost: int, share: int
) -> None:
    """Both uses leave; `cost` is the MACs of a position of those that leave, or of those that enter."""
    sizes = (1, 4, 16, 16)
    of = model([nodes(place, has) for place, has in enumerate(biased)], arrays, sizes, leaving="y0", others=("y1",))
    shapes = runtime_shapes(of, ["y0", "y1"], sizes)
    positions = sum(math.prod(shape[2:]) if cost > 0 else 256 for shape in shapes)
    for flat in (False, True):
        imported = of_bytes(of.SerializeToString(), "net.onnx")
        written = text(imported, flat=flat)
        network = loads(Source("net.yaml", written))  # what `expect` says is held against it
        totals = convcalc.analyze(network).totals
        assert totals.macs == abs(cost) * positions
        assert totals.params == share + (8 if any(biased) else 0)
        assert "share" in written
        assert f"macs: {totals.macs}" in written
        assert sorted(network.nodes[place].shape for place in network.outputs) == sorted(shape[1:] for shape in shapes)


@settings(max_examples=40, deadline=None)
@given(st.lists(GEOMETRY, min_size=2, max_size=2), st.lists(st.booleans(), min_size=2, max_size=2))
def test_one_filter_slides_twice_in_its_own_way(geometry: list[dict[str, list[int]]], biased: list[bool]) -> None:
    arrays = {"w": drawn(8, 4, 3, 3)} | ({"b": drawn(8)} if any(biased) else {})
    is_counted_once(
        lambda place, has: node("Conv", "x w b" if has else "x w", f"y{place}", **geometry[place]),
        arrays, biased, 8 * 4 * 9, 8 * 4 * 9,
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(GEOMETRY, min_size=2, max_size=2), st.lists(st.booleans(), min_size=2, max_size=2))
def test_one_filter_is_transposed_twice_in_its_own_way(
    geometry: list[dict[str, list[int]]], biased: list[bool]
) -> None:
    arrays = {"w": drawn(4, 8, 3, 3)} | ({"b": drawn(8)} if any(biased) else {})
    is_counted_once(
        lambda place, has: node("ConvTranspose", "x w b" if has else "x w", f"y{place}", **geometry[place]),
        arrays, biased, -8 * 4 * 9, 8 * 4 * 9,
    )  # fmt: skip


SHARED_TWICE: dict[str, tuple[list[NodeProto], dict[str, Array], tuple[int, ...], int]] = {
    "linear, one with a bias": (
        [node("Gemm", "x w b", "y", transB=1), node("Gemm", "x w", "z", transB=1)],
        {"w": drawn(6, 5), "b": drawn(6)}, (1, 5), 36,
    ),
    "linear, another bias": (
        [node("Gemm", "x w b", "y", transB=1), node("Gemm", "x w c", "z", transB=1)],
        {"w": drawn(6, 5), "b": drawn(6), "c": drawn(6)}, (1, 5), 42,
    ),
    "prelu": ([node("PRelu", "x w", "y"), node("PRelu", "y w", "z")], {"w": drawn(3, 1, 1)}, (1, 3, 4, 4), 3),
    "layer norm, one without a shift": (
        [node("LayerNormalization", "x w b", "y"), node("LayerNormalization", "x w", "z")],
        {"w": drawn(5), "b": drawn(5)}, (1, 3, 5), 10,
    ),
    "layer norm, another epsilon": (
        [node("LayerNormalization", "x w b", "y", epsilon=1e-3), node("LayerNormalization", "x w b", "z")],
        {"w": drawn(5), "b": drawn(5)}, (1, 3, 5), 10,
    ),
}  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", SHARED_TWICE)
def test_one_array_in_two_layers_counts_once(name: str, turned: bool) -> None:
    nodes, arrays, sizes, params = SHARED_TWICE[name]
    if turned and not any("y" in made.input for made in nodes):
        nodes = nodes[::-1]
    assert counted(model(nodes, arrays, sizes, others=("z",)))[0] == params
