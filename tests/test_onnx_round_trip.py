"""Networks written as ONNX and read again: the same shapes and costs, as ONNX's own inference and runtime have them."""

from __future__ import annotations

import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import GEOMETRIES, MANY, Case, draws, exported
from hypothesis import example, given, settings
from hypothesis import strategies as st
from spec_reports import SPECS
from test_onnx_write import NO_FORM, network_of, unwritten, varied

import convcalc
from convcalc import layers
from convcalc.analysis.report import Row
from convcalc.exports.onnx.write import model
from convcalc.imports.onnx.walk import of_bytes
from convcalc.imports.record import Imported, Layer
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.network import Network, Node
from convcalc.readable.text import text
from convcalc.reference.weights import RandomWeights

ALIKE = {"batch_norm", "instance_norm"}
"""Over a batch of one, with the statistics of what enters, these are the same operators."""

COSTS = ("params", "macs", "buffers")


def read_back(network: Network, *, flat: bool = True) -> tuple[Imported, convcalc.Report]:
    """What is made of its ONNX model: the layers, and the report of the spec that is written of them."""
    imported = of_bytes(model(network).SerializeToString(), "model.onnx")
    spec = text(imported, flat=flat)
    again = loads(Source("model.yaml", spec))
    assert dict(again.expect) == {**again.expect, "params": convcalc.analyze(again).totals.params}
    return imported, convcalc.analyze(again)


def needed(network: Network) -> set[int]:
    """The nodes that an output depends on."""
    result: set[int] = set()
    waiting = list(network.outputs)
    while waiting:
        place = waiting.pop()
        if place not in result:
            result.add(place)
            waiting += network.nodes[place].inputs
    return result


def same(network: Network, *, flat: bool = True) -> None:
    """Every layer that costs something is there with its size and cost, the others cost nothing, no more is there."""
    report, (result, again) = convcalc.analyze(network), read_back(network, flat=flat)
    used = needed(network)
    live = {row.name: row for place, row in enumerate(report.layers, start=network.input_count) if place in used}
    assert len(result.layers) == len(again.layers)
    costs = COSTS[:2] if any(map(is_in_parts, network.layers)) else COSTS
    stands_for: dict[str, list[tuple[Layer, Row]]] = {}
    reader = {source: layer for layer in result.layers for source in layer.inputs}
    for layer, row in zip(result.layers, again.layers, strict=True):
        operators = reader[layer.name].operators if layer.kind == "parameter" else layer.operators  # it is no operator
        for name in {name.partition("/")[0] for name in operators}:
            stands_for.setdefault(name, []).append((layer, row))
    for name, row in live.items():
        if row.params or row.macs:
            pieces = stands_for[name]
            costly = [layer.kind for layer, piece in pieces if piece.macs or (piece.params and not row.macs)]
            assert costly == [row.kind] or {*costly, row.kind} == ALIKE, name
            assert math.prod(pieces[-1][1].output_shape) == math.prod(row.output_shape), name
            for cost in costs:  # a bias that is added behind a pad is a piece of its own
                assert sum(getattr(piece, cost) for _, piece in pieces) == getattr(row, cost), (name, cost)
    for cost in costs:
        assert getattr(again.totals, cost) == sum(getattr(row, cost) for row in live.values())
    shapes = [again.network.nodes[place].shape for place in again.network.outputs]
    assert shapes == [network.nodes[place].shape for place in dict.fromkeys(network.outputs)]


IN_PARTS = {"avg_pool", "cumulate", "gather", "scatter", "trilu", "scaled_dot_product_attention"}
"""Kinds that ONNX says with constants beside, masks and bounds, which come back as constants that are kept."""


def is_in_parts(node: Node) -> bool:
    """Whether constants stand beside it in ONNX, as the base of a shift by bits does."""
    return node.kind in IN_PARTS or getattr(node.config, "operation", "").endswith(("_shift", "prelu"))


def holds(name: str, case: Case) -> str:
    network = network_of(name, case)
    if (reason := unwritten(network)) is not None:
        assert NO_FORM[name] in reason
        return "not written"
    same(network)
    return "same"


@pytest.mark.parametrize("name", [name for name in layers.names() if name not in {"opaque", "parameter"}])
@settings(max_examples=MANY or 6)
@given(draw=draws)
@example(draw=random.Random(306))  # a transposed convolution whose bias is added behind a pad
@example(draw=random.Random(1))  # a shift by bits, whose base is a constant
@example(draw=random.Random(191))  # slopes of more positions than there are to bend
def test_a_kind_comes_back(name: str, draw: random.Random) -> None:
    holds(name, varied(name, draw))


def test_hardly_any_case_is_left_out() -> None:
    draw = random.Random(0)
    for name in [name for name in layers.names() if name != "parameter"]:  # which alone is a constant
        result = Counter(holds(name, varied(name, draw)) for _ in range(8))
        assert result["same"] == 8 or name in NO_FORM, (name, result)


@pytest.mark.parametrize("name", GEOMETRIES)
@settings(max_examples=MANY or 15)
@given(data=st.data())
def test_windows_of_any_geometry_come_back(name: str, data: st.DataObject) -> None:
    assert holds(name, data.draw(GEOMETRIES[name])) == "same"


SMALL = {
    "alexnet": (3, 99, 99),
    "inception_v3": (3, 99, 99),
    "mobilenet_v1": (3, 32, 32),
    "mobilenet_v2": (3, 64, 64),
    "r3d_18": (3, 8, 24, 24),
    "resnet18": (3, 64, 64),
    "resnet50": (3, 64, 64),
    "unet": (1, 188, 188),
    "unet_keras": (1, 32, 32),
    "unet_keras_dilated": (1, 32, 32),
    "wavenet": (256, 200),
}


def small(name: str) -> Network:
    path = str(SPECS / "zoo" / f"{name}.yaml")
    return convcalc.load(path, inputs={convcalc.load(path).nodes[0].name: SMALL[name]})


@pytest.mark.parametrize("name", SMALL)
def test_the_zoo_comes_back(name: str) -> None:
    same(small(name), flat=False)


@pytest.mark.parametrize("path", sorted((SPECS / "seeds").glob("*.yaml")), ids=lambda path: path.stem)
def test_seeds_come_back(path: Path) -> None:
    same(convcalc.load(str(path)))


def inferred(written: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor as ONNX infers it, nothing said of any."""
    unsaid = onnx.ModelProto()
    unsaid.CopyFrom(written)
    del unsaid.graph.value_info[:]
    for output in unsaid.graph.output:
        output.type.tensor_type.ClearField("shape")
    shape = onnx.shape_inference.infer_shapes(unsaid, strict_mode=True, data_prop=True)
    return {
        info.name: tuple(size.dim_value for size in info.type.tensor_type.shape.dim)
        for info in (*shape.graph.value_info, *shape.graph.output)
        if info.type.tensor_type.HasField("shape")
    }


@pytest.mark.parametrize("name", SMALL)
def test_shapes_are_those_that_onnx_infers(name: str) -> None:
    network = small(name)
    written = model(network)
    known, result = inferred(written), of_bytes(written.SerializeToString(), "model.onnx")
    assert {node.name: known[node.name] for node in network.layers} == {
        node.name: (1, *node.shape) for node in network.layers
    }
    read = {operator: layer.shape for layer in result.layers for operator in layer.operators[-1:] if operator in known}
    assert read == {operator: known[operator][1:] for operator in read}
    assert len(read) > len(network.layers) // 2


@st.composite
def nets(draw: st.DrawFn) -> Network:
    """Chains of layers with shortcuts, forks, gates, shared weights and several inputs and outputs; nothing unused."""
    size = draw(st.sampled_from([8, 9, 12]))
    lines = [f"inputs: {{x0: [4, {size}, {size}], x1: [4, {size}, {size}]}}", "layers:"]
    names, unread = ["x0", "x1"], {"x0", "x1"}
    convs: list[str] = []
    for number in range(draw(st.integers(1, 10))):
        name = f"t{number}"
        kind = draw(
            st.sampled_from(["conv", "conv", "depthwise", "norm", "relu", "add", "mul", "concat", "gate", "share"])
        )
        first, second = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        if kind == "share" and not convs:
            kind = "relu"
        sources = [first, second] if kind in {"add", "mul", "concat"} else [first]
        fields = f"name: {name}, from: [{', '.join(sources)}]"
        if kind in {"conv", "depthwise", "share"}:
            bias = draw(st.sampled_from(["true", "false"]))
            values = {
                "conv": f"conv: {{{fields}, out_channels: 4, kernel_size: 3, padding: same, bias: {bias}}}",
                "depthwise": f"depthwise_conv: {{{fields}, kernel_size: 3, padding: 1, bias: {bias}}}",
                "share": f"conv: {{{fields}, share: {draw(st.sampled_from(convs or ['']))}}}",
            }[kind]
            convs += [name] * (kind != "depthwise")
            lines.append(f"  - {values}")
        elif kind == "concat":
            lines += [f"  - concat: {{name: {name}_all, from: [{first}, {second}]}}"]
            lines += [f"  - conv: {{name: {name}, out_channels: 4, kernel_size: 1}}"]
        elif kind == "gate":
            lines += [f"  - global_avg_pool: {{name: {name}_pool, from: {first}}}"]
            lines += [f"  - linear: {{name: {name}_fc, out_features: 4}}", "  - sigmoid"]
            lines += [f"  - mul: {{name: {name}, from: [{first}, previous]}}"]
        else:
            word = {"norm": "batch_norm"}.get(kind, kind)
            lines.append(f"  - {word}: {{{fields}}}")
        unread = (unread - set(sources)) | {name}
        names.append(name)
    lines.append(f"outputs: [{', '.join(sorted(unread - {'x0', 'x1'}))}]")
    return loads(Source("net.yaml", "\n".join(lines)))


@settings(max_examples=MANY or 25)
@given(nets(), st.booleans())
def test_generated_networks_come_back(network: Network, flat: bool) -> None:
    same(network, flat=flat)


@settings(max_examples=MANY or 15)
@given(nets(), st.integers(1, 3))
def test_onnx_runtime_runs_what_is_exported_to_the_shape_that_is_claimed(network: Network, batch: int) -> None:
    written = exported(network, RandomWeights(network).of, batch="N")
    session = onnxruntime.InferenceSession(written.SerializeToString(), providers=["CPUExecutionProvider"])
    used = {value.name for value in session.get_inputs()}
    given_: dict[str, Any] = {
        node.name: np.ones((batch, *node.shape), np.float32) for node in network.inputs if node.name in used
    }
    outputs = session.run(None, given_)
    assert [output.shape for output in outputs] == [(batch, *network.nodes[place].shape) for place in network.outputs]
    back = loads(Source("x", text(of_bytes(written.SerializeToString(), "x.onnx"))))
    assert [back.nodes[place].shape for place in back.outputs] == [output.shape[1:] for output in outputs]


def test_a_cost_that_is_not_the_same_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: here what is written is not the network that it is compared with."""
    network = loads(Source("x", "input: [3, 8]\nlayers: [{conv: {name: a, out_channels: 3, kernel_size: 3}}, relu]"))
    other = loads(Source("x", "input: [3, 8]\nlayers: [{conv: {name: a, out_channels: 3, kernel_size: 5}}, relu]"))
    same(network)
    written = model(other)
    monkeypatch.setattr(f"{__name__}.model", lambda _: written)
    with pytest.raises(AssertionError):
        same(network)
