"""Operators that no layer kind expresses: what is around them is counted, and a line says what is not."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from command_line import application
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner, Result

import convcalc
from convcalc.imports import ReadOptions, read_bytes
from convcalc.imports.drafts import Builder, Draft
from convcalc.imports.onnx.evidence import SAME_SHAPE
from convcalc.imports.onnx.shape_rules import RULES
from convcalc.imports.record import Imported
from convcalc.imports.unsized import together
from convcalc.language.document import loads
from convcalc.language.source import Source, SpecError
from convcalc.layers import UNSIZED
from convcalc.readable.text import flat_text, text

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
IMAGE = (1, 4, 12, 12)
COMMANDS = ["analyze", "explain", "lint", "verify", "import", "compare"]


def odd(*inputs: str, to: str, **attributes: Any) -> onnx.NodeProto:
    """An operator of a domain of one's own."""
    return helper.make_node("Odd", list(inputs), [to], f"odd_{to}", domain="acme", **attributes)


def op(name: str, *inputs: str, to: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(name, list(inputs), [to], f"{name.lower()}_{to}", **attributes)


def model(
    nodes: list[onnx.NodeProto],
    arrays: dict[str, Any] | None = None,
    *,
    outputs: dict[str, Any] | None = None,
    stated: dict[str, Any] | None = None,
    x: Any = IMAGE,
) -> bytes:
    """A model that reads `x`; `stated` are shapes of tensors within it."""
    initialisers = [numpy_helper.from_array(np.asarray(array, "f"), name) for name, array in (arrays or {}).items()]
    leaving = [helper.make_tensor_value_info(*item) for item in _infos(outputs or {"y": None})]
    infos = [helper.make_tensor_value_info(*item) for item in _infos(stated or {})]
    entering = [helper.make_tensor_value_info("x", FLOAT, x)]
    graph = helper.make_graph(nodes, "g", entering, leaving, initialisers, value_info=infos)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("acme", 1)]
    written: bytes = helper.make_model(graph, opset_imports=opsets).SerializeToString()
    return written


def _infos(shapes: dict[str, Any]) -> list[tuple[str, int, Any]]:
    return [(name, FLOAT, shape) for name, shape in shapes.items()]


def read(data: bytes, **options: Any) -> Imported:
    return read_bytes(data, "net.onnx", "net.onnx", ReadOptions(**options))


def shapes(data: bytes) -> list[tuple[int, ...]]:
    """What leaves the layers of unknown cost, in order."""
    return [layer.shape for layer in read(data).uncosted]


def macs(data: bytes) -> int:
    return convcalc.analyze(loads(Source("net.yaml", text(read(data))))).totals.macs


def weight(*dims: int) -> Any:
    return np.ones(dims, "f")


CONV = {"w": weight(6, 4, 3, 3)}
CONV_MACS = 6 * 4 * 9 * 12 * 12


def conv(source: str, to: str, **attributes: Any) -> onnx.NodeProto:
    return op("Conv", source, "w", to=to, pads=[1] * 4, **attributes)


# ---- shapes ----------------------------------------------------------------------------------------------------------

EVIDENCE: dict[str, tuple[list[onnx.NodeProto], dict[str, Any], dict[str, Any]]] = {
    "declared": ([odd("x", "x", to="a"), conv("a", "y")], CONV, {"a": IMAGE}),
    "by a relu": ([odd("x", "x", to="a"), op("Relu", "a", to="b"), conv("b", "y")], CONV, {"b": IMAGE}),
    "by two": ([odd("x", "x", to="a"), op("Relu", "a", to="b"), op("Sigmoid", "b", to="c"), conv("c", "y")], CONV,
               {"c": IMAGE}),
    "by what it is added to": ([odd("x", "x", to="a"), op("Add", "a", "x", to="b"), conv("b", "y")], CONV, {}),
    "by a convolution": ([odd("x", "x", to="a"), conv("a", "y")], CONV, {"y": (1, 6, 12, 12)}),
    "by a concatenation": ([odd("x", "x", to="a"), op("Concat", "x", "a", to="b", axis=2), conv("a", "y")], CONV,
                           {"b": (1, 4, 24, 12)}),
    "as large as what enters": ([odd("x", to="a"), conv("a", "y")], CONV, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", EVIDENCE)
def test_the_shape_of_an_unknown_operator_is_found(name: str) -> None:
    nodes, arrays, stated = EVIDENCE[name]
    outputs = {"y": stated.get("y")} | ({"b": stated["b"]} if name == "by a concatenation" else {})
    data = model(nodes, arrays, stated={key: shape for key, shape in stated.items() if key != "y"}, outputs=outputs)
    assert shapes(data) == [(4, 12, 12)]
    assert macs(data) == CONV_MACS
    assumption = " ".join(read(data).warnings)
    assert ("acme.Odd at odd_a is as large as what enters" in assumption) is (name == "as large as what enters")


def test_what_weights_speak_against_is_not_assumed() -> None:
    """Five channels are read where four enter: the operator has changed them."""
    data = model([odd("x", to="a"), op("Conv", "a", "w", to="b"), conv("x", "y")], CONV | {"w": weight(6, 4, 3, 3)})
    assert macs(data) == CONV_MACS
    data = model([odd("x", to="a"), op("Conv", "a", "v", to="y")], {"v": weight(6, 5, 3, 3)})
    assert shapes(data) == [UNSIZED]


def test_sizes_that_were_asked_for_outdate_those_of_the_file() -> None:
    data = model([odd("x", "x", to="a"), conv("a", "y")], CONV, stated={"a": IMAGE})
    assert [layer.shape for layer in read(data, sizes={"x": (1, 4, 20, 20)}).uncosted] == [UNSIZED]
    named = model([odd("x", "x", to="a"), conv("a", "y")], CONV, stated={"a": (1, 4, "h", "w")}, x=(1, 4, "h", "w"))
    assert read(named, sizes={"x": (1, 4, 20, 30)}).uncosted[0].shape == (4, 20, 30)


NODES: dict[str, tuple[str, list[Any], dict[str, Any], list[int]]] = {
    "Conv": ("Conv", [(2, 4, 9, 10), weight(6, 2, 3, 2)], {"group": 2, "strides": [2, 3], "pads": [1, 0, 2, 1]}, []),
    "Conv same": ("Conv", [(2, 4, 9, 10), weight(6, 4, 3, 2)], {"auto_pad": "SAME_UPPER", "strides": [2, 3]}, []),
    "MaxPool": ("MaxPool", [(2, 4, 9, 10)], {"kernel_shape": [3, 2], "strides": [2, 2], "ceil_mode": 1}, []),
    "GlobalLpPool": ("GlobalLpPool", [(2, 4, 9, 10)], {}, []),
    "MatMul": ("MatMul", [(2, 1, 4, 5), (3, 5, 6)], {}, []),
    "MatMul of a vector": ("MatMul", [(2, 4, 5), (5,)], {}, []),
    "MatMul by a vector": ("MatMul", [(5,), (2, 5, 3)], {}, []),
    "Gemm": ("Gemm", [(5, 2), (7, 5)], {"transA": 1, "transB": 1}, []),
    "Concat": ("Concat", [(2, 3, 4), (2, 5, 4)], {"axis": -2}, []),
    "Transpose": ("Transpose", [(2, 3, 4)], {"perm": [2, 0, 1]}, []),
    "Transpose all": ("Transpose", [(2, 3, 4)], {}, []),
    "Gather": ("Gather", [(5, 3, 4), np.array([[0, 1], [2, 2]])], {"axis": -2}, []),
    "GatherElements": ("GatherElements", [(5, 3), np.array([[0, 1]])], {"axis": 1}, []),
    "TopK": ("TopK", [(5, 9), np.array([3])], {"axis": 1}, [1]),
    "ArgMax": ("ArgMax", [(5, 9)], {"axis": 1, "keepdims": 0}, []),
    "ReduceL2": ("ReduceL2", [(5, 9, 2)], {"axes": [0, -1], "keepdims": 0}, []),
    "ReduceLogSumExp": ("ReduceLogSumExp", [(5, 9, 2)], {"axes": [1]}, []),
    "Resize by scales": ("Resize", [(1, 3, 5, 7), None, np.array([1, 1, 1.5, 2.5], "f")], {"mode": "cubic"}, []),
    "Resize to sizes": ("Resize", [(1, 3, 5, 7), None, None, np.array([1, 3, 8, 9])], {"mode": "cubic"}, []),
    "Pad": ("Pad", [(3, 5), np.array([1, 0, 2, 4])], {}, []),
    "Tile": ("Tile", [(3, 5), np.array([2, 3])], {}, []),
    "Expand": ("Expand", [(3, 1), np.array([2, 1, 4])], {}, []),
    "Reshape": ("Reshape", [(3, 4, 5), np.array([0, -1, 2])], {}, []),
    "Einsum": ("Einsum", [(2, 3, 4), (4, 5)], {"equation": "abc,cd->dab"}, []),
    "GridSample": ("GridSample", [(2, 3, 4, 5), (2, 6, 7, 2)], {}, []),
    "LSTM": ("LSTM", [(7, 2, 4), weight(2, 12, 4), weight(2, 12, 3)],
             {"hidden_size": 3, "direction": "bidirectional"}, [1, 2]),
    "GRU by batches": ("GRU", [(7, 2, 4), weight(1, 9, 4), weight(1, 9, 3)], {"hidden_size": 3, "layout": 1}, [1]),
    "DynamicQuantizeLinear": ("DynamicQuantizeLinear", [(3, 4)], {}, [1, 2]),
    "RandomNormal": ("RandomNormal", [], {"shape": [2, 5]}, []),
    "ScatterND": ("ScatterND", [(4, 5), np.array([[1]]), (1, 5)], {}, []),
}  # fmt: skip
"""Operators with their inputs, shapes of tensors or numbers of constants, and the further outputs that they have."""


@pytest.mark.parametrize("name", NODES)
def test_the_rules_of_shapes_are_those_of_onnx(name: str) -> None:
    """What onnx infers of a node is what the rule says."""
    from convcalc.imports.onnx.constants import of_tensor
    from convcalc.imports.onnx.nodes import Attributes, GraphNode
    from convcalc.imports.onnx.reading import FLOAT as ELEMENT
    from convcalc.imports.onnx.reading import Tensor
    from convcalc.imports.onnx.values import Value, constant_value

    kind, inputs, attributes, further = NODES[name]
    outputs = ["y", *(f"y{place}" for place in further)]
    names = ["" if item is None else f"i{place}" for place, item in enumerate(inputs)]
    constants = {key: item for key, item in zip(names, inputs, strict=True) if isinstance(item, np.ndarray)}
    tensors = {key: item for key, item in zip(names, inputs, strict=True) if isinstance(item, tuple)}
    graph = helper.make_graph(
        [helper.make_node(kind, names, outputs, **attributes)],
        "g",
        [helper.make_tensor_value_info(key, FLOAT, shape) for key, shape in tensors.items()],
        [helper.make_empty_tensor_value_info(output) for output in outputs],
        [numpy_helper.from_array(array, key) for key, array in constants.items()],
    )
    inferred = onnx.shape_inference.infer_shapes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), strict_mode=True, data_prop=True
    )
    node = GraphNode(kind, "", "n", names, outputs, Attributes(attributes))
    values: list[Any] = []
    for key, item in zip(names, inputs, strict=True):
        if isinstance(item, np.ndarray):
            buffer = numpy_helper.from_array(item, key).SerializeToString()
            values.append(constant_value(of_tensor(Tensor(buffer, (0, len(buffer))), key)))
        else:
            values.append(None if item is None else Value(item, Builder().input(key, item), None, None, ELEMENT))
    for place, info in enumerate(inferred.graph.output):
        expected = tuple(dim.dim_value for dim in info.type.tensor_type.shape.dim)
        assert RULES[kind](node, values, place) == expected


def test_operators_have_one_rule_at_most() -> None:
    assert SAME_SHAPE & RULES.keys() <= {"CumSum"}


# ---- what is left without a size -------------------------------------------------------------------------------------


def unsized() -> bytes:
    """A branch of which nothing is known beside one that is, and a shape that is stated behind it."""
    nodes = [
        odd("x", "x", "big", to="a"),
        op("Relu", "a", to="b"),
        op("Sigmoid", "b", to="y"),
        conv("x", "z"),
        op("Reshape", "b", "sizes", to="c"),
        op("Conv", "c", "w", to="u"),
    ]
    graph = onnx.load_model_from_string(
        model(nodes, CONV | {"big": weight(20, 30)}, outputs={"y": None, "z": None, "u": None})
    )
    graph.graph.initializer.append(numpy_helper.from_array(np.array([1, 4, 5, 5]), "sizes"))
    written: bytes = graph.SerializeToString()
    return written


def run(*arguments: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(application(), list(arguments))
    assert result.exit_code == exit_code, result.output
    return result


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_is_stopped_and_each_says_what_is_missing(command: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(unsized())
    more = [str(path)] if command == "compare" else []
    result = run(command, str(path), *more)
    line = " ".join(result.stderr.split())
    assert "1 operator is not counted, as no layer kind expresses it: 1 acme.Odd" in line
    assert "nor are 2 more behind the operator" in line or "nor are 3 more behind the operator" in line
    assert "it holds 600 numbers, which are not among the params" in line
    refused = run(command, str(path), *more, "--strict", exit_code=1 if command == "lint" else 2).output
    assert "acme.Odd at odd_a" in refused
    assert "Relu at" not in refused


def test_what_does_not_depend_on_it_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(unsized())
    record = json.loads(run("analyze", str(path), "--format", "json").stdout)
    assert record["totals"]["macs"] == CONV_MACS + 6 * 4 * 9 * 3 * 3
    assert record["at_least"] is True
    assert "acme.Odd" in record["warnings"][0]
    assert [0] in [layer["output_shape"] for layer in record["layers"]]
    table = run("analyze", str(path)).stdout
    assert "peak activations at least" in " ".join(table.split())
    for form in ("csv", "markdown"):
        assert "?" in run("analyze", str(path), "--format", form).stdout
    assert convcalc.load(path).uncosted
    with pytest.raises(SpecError, match=r"acme\.Odd"):
        convcalc.load(path, strict=True)


@pytest.mark.parametrize("flat", [True, False])
def test_the_spec_that_is_written_is_the_same_network(flat: bool) -> None:
    imported = read(unsized())
    network = loads(Source("net.yaml", text(imported, flat=flat)))
    assert [node.shape for node in network.layers] == [layer.shape for layer in imported.layers]
    assert network.uncosted


@pytest.mark.parametrize("weights", [[], ["--no-weights"]])
def test_a_model_that_is_exported_again_is_the_same_network(weights: list[str], tmp_path: Path) -> None:
    path, again = tmp_path / "net.onnx", tmp_path / "again.onnx"
    path.write_bytes(unsized())
    line = run("export", str(path), "-o", str(again), *weights).stderr
    assert "written as convcalc.Opaque" in " ".join(line.split())
    before, after = convcalc.load(path), convcalc.load(again)
    assert [(node.kind, node.shape, node.inputs) for node in before.nodes] == [
        (node.kind, node.shape, node.inputs) for node in after.nodes
    ]


def test_a_layer_that_reads_what_has_no_size_says_so() -> None:
    with pytest.raises(SpecError, match="nothing is known of the size of what opaque1 gives"):
        loads(Source("net.yaml", "input: [3, 8, 8]\nlayers: [opaque, relu]\n"))


@pytest.mark.parametrize("seed", range(40))
def test_layers_without_a_size_are_put_together_and_nothing_goes_in_a_circle(seed: int) -> None:
    """Of random graphs, what has a size is kept with what it reads, and each stands behind that."""
    draw = random.Random(seed)
    builder = Builder()
    drafts: list[Draft] = [builder.input("x", (3, 4))]

    class Place:
        title, operator = "n", "Odd"

        def modules(self) -> list[str]:
            return []

    for _ in range(draw.randint(5, 30)):
        sources = draw.sample(drafts, min(len(drafts), draw.randint(1, 3)))
        shape = (3, 4) if draw.random() < 0.5 else None
        drafts.append(builder.unknown(shape, sources, Place()))
    leaving = [draft for draft in drafts if draw.random() < 0.3] or [drafts[-1]]
    kept, left = together(builder, list(drafts), leaving)
    sized = [draft for draft in drafts if not draft.is_unsized]
    assert [draft for draft in kept if not draft.is_unsized] == sized or set(sized) <= set(kept)
    places = {draft: place for place, draft in enumerate(kept)}
    assert all(places[source] < places[draft] for draft in kept for source in draft.inputs)
    assert set(left) <= set(kept)
    alone = [draft for draft in kept if draft.is_unsized]
    assert not any(source in alone and len(source.origins) == 1 == len(draft.inputs) for draft in alone
                   for source in draft.inputs)  # fmt: skip


@pytest.mark.parametrize("seed", range(25))
def test_a_chain_costs_what_it_costs_without_the_layer_that_is_not_known(seed: int) -> None:
    draw = random.Random(seed)
    nodes, arrays, channels, before = [], {}, 4, "x"
    costs, place = [], draw.randrange(6)
    for at in range(6):
        to = "y" if at == 5 else f"t{at}"
        if at == place:
            nodes.append(odd(before, to=to))
        elif draw.random() < 0.5:
            wanted = draw.randint(1, 8)
            arrays[f"w{at}"] = weight(wanted, channels, 3, 3)
            nodes.append(op("Conv", before, f"w{at}", to=to, pads=[1] * 4))
            costs.append(wanted * channels * 9 * 144)
            channels = wanted
        else:
            nodes.append(op("Relu", before, to=to))
        before = to
    data = model(nodes, arrays)
    assert macs(data) == sum(costs)
    assert flat_text(read(data)).count("opaque") == 1


# ---- classical operators ---------------------------------------------------------------------------------------------


def test_classical_operators_have_the_shapes_that_their_attributes_say() -> None:
    def classical(name: str, *inputs: str, to: list[str], **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(name, list(inputs), to, domain="ai.onnx.ml", **attributes)

    nodes = [
        classical("Scaler", "x", to=["a"], offset=[0.0], scale=[1.0]),
        classical("LinearClassifier", "a", to=["label", "scores"], coefficients=[1.0] * 12, classlabels_ints=[0, 1, 2]),
        classical("LinearRegressor", "a", to=["r"], coefficients=[1.0] * 8, targets=2),
    ]
    data = model(nodes, outputs={"label": None, "scores": None, "r": None}, x=(5, 4))
    by_name = {layer.operators[0]: layer.shape for layer in read(data, sizes={"x": (1, 4)}).uncosted}
    assert (4,) in by_name.values()
    assert (3,) in [layer.shape for layer in read(data, sizes={"x": (1, 4)}).uncosted]
    assert (2,) in [layer.shape for layer in read(data, sizes={"x": (1, 4)}).uncosted]


def test_nothing_that_leaves_needs_to_depend_on_what_enters() -> None:
    data = model([op("Relu", "c", to="y")], {"c": weight(2, 3)})
    imported = read(data)
    assert imported.layers == ()
    assert "so that nothing is counted" in " ".join(imported.warnings)
    assert convcalc.analyze(loads(Source("net.yaml", text(imported)))).totals.macs == 0


def test_how_many_boxes_are_left_is_not_a_batch() -> None:
    """What NonMaxSuppression leaves is declared with an open axis in front, whose size data decide."""
    boxes, scores = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in {"boxes": [1, 6, 4], "scores": [1, 1, 6]}.items()
    )
    left = helper.make_tensor_value_info("left", TensorProto.INT64, [None, 3])
    node = helper.make_node("NonMaxSuppression", ["boxes", "scores"], ["left"])
    graph = helper.make_graph([node], "g", [boxes, scores], [left])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    (layer,) = read_bytes(model.SerializeToString(), "boxes.onnx", "boxes.onnx").layers
    assert layer.shape == UNSIZED
