"""Convolutions whose weight and bias other layers make: costs, values and forms are those of learned ones."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import numpy as np
import pytest
from conftest import MANY, convolutions, draws, load
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from test_onnx_write import compared, network_of

import convcalc
from convcalc.exports.onnx.write import model
from convcalc.imports.onnx.walk import of_bytes
from convcalc.language.document import loads
from convcalc.language.source import Source, SpecError
from convcalc.layers import NoOnnxForm
from convcalc.network import Network, Node
from convcalc.reference.execution import execute, run_layer
from convcalc.reference.fields.probe import probe
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Engine

KINDS = ["conv", "conv_transpose", "deform_conv"]
few = settings(max_examples=MANY or 20)
every_kind = pytest.mark.parametrize("name", KINDS)


def made(name: str, draw: random.Random) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """A configuration, the shapes that enter where it learns its arrays, and those that enter in place of arrays."""
    config, inputs = load(name).case(draw)
    arrays = list(config.weights(*inputs).values())
    return config, inputs, tuple(arrays[: draw.randint(1, len(arrays))])


@every_kind
@few
@given(draw=draws)
def test_the_costs_are_those_of_learned_filters(name: str, draw: random.Random) -> None:
    config, inputs, arrays = made(name, draw)
    assert [check for check in config.checks(*inputs, *arrays) if not check.holds] == []
    for cost in ("shape", "macs", "elementwise_ops"):
        assert getattr(config, cost)(*inputs, *arrays) == getattr(config, cost)(*inputs)
    assert config.params(*inputs, *arrays) == config.params(*inputs) - sum(int(np.prod(shape)) for shape in arrays)


@every_kind
@few
@given(draw=draws)
def test_each_sample_is_convolved_with_its_own(name: str, draw: random.Random) -> None:
    config, inputs, shapes = made(name, draw)
    generator = np.random.default_rng(draw.getrandbits(32))
    tensors = [generator.standard_normal((3, *shape)) for shape in (*inputs, *shapes)]
    learned = {name: generator.standard_normal(shape) for name, shape in config.weights(*inputs).items()}
    left = {name: learned[name] for name in config.weights(*inputs, *shapes)}
    together = config.reference(Engine(), config, left, *tensors)
    for sample in range(3):
        maps = [tensor[sample : sample + 1] for tensor in tensors[: len(inputs)]]
        arrays = [tensor[sample] for tensor in tensors[len(inputs) :]]
        own = {**learned, **dict(zip(("weight", "bias"), arrays, strict=False))}
        np.testing.assert_allclose(
            together[sample : sample + 1], config.reference(Engine(), config, own, *maps), atol=1e-12
        )


@every_kind
@few
@given(draw=draws)
def test_they_run_in_onnx_runtime_and_are_read_back(name: str, draw: random.Random) -> None:
    config, inputs, arrays = made(name, draw)
    network = network_of(name, (config, (*inputs, *arrays)))
    try:
        written = model(network)
    except NoOnnxForm:
        return
    (layer,), _ = compared(network)
    assert layer.agrees or "must be 4D" in layer.reason, layer
    result = of_bytes(written.SerializeToString(), "model.onnx")
    costly = [row for row in convcalc.analyze(_read(result)).layers if row.macs]
    assert [(row.kind, row.params, row.macs) for row in costly] == [
        (name, config.params(*inputs, *arrays) * (costly[0].params > 0), config.macs(*inputs))
    ]


def _read(imported: Any) -> Network:
    from convcalc.readable.text import text

    return loads(Source("model.yaml", text(imported, flat=True)))


@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
@pytest.mark.parametrize("thin", [True, False], ids=["thin", "whole"])
@settings(max_examples=MANY or 8)
@given(draw=draws)
def test_all_of_what_makes_the_filters_is_seen(name: str, thin: bool, draw: random.Random) -> None:
    config, (x,), arrays = made(name, draw)
    if len(x) == 1:  # without positions there is nothing to pool
        return
    layers = "".join(
        f"  - linear: {{name: l{place}, from: pool, out_features: {np.prod(shape)}}}\n"
        f"  - reshape: {{name: a{place}, sizes: {list(shape)}}}\n"
        for place, shape in enumerate(arrays)
    )
    network = loads(Source("spec.yaml", f"input: {list(x)}\nlayers:\n  - global_avg_pool: {{name: pool}}\n{layers}"))
    sources = (0, *(index for index, node in enumerate(network.nodes) if node.name.startswith("a")))
    layer = Node("layer", name, config, sources, config.shape(x, *arrays), 9)
    network = msgspec.structs.replace(network, nodes=(*network.nodes, layer), outputs=(len(network.nodes),))
    check = probe(network, thin=thin)[-1]
    assert check.agrees is not False, (config, x, arrays, check.reason)
    assert check.claimed.is_global


@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
@pytest.mark.parametrize("thin", [True, False], ids=["thin", "whole"])
@settings(max_examples=MANY or 8)
@given(draw=draws)
def test_filters_that_enter_the_network_beside_a_map_hide_no_window(name: str, thin: bool, draw: random.Random) -> None:
    config, (x,), arrays = made(name, draw)
    inputs = {"x": x} | {f"a{place}": shape for place, shape in enumerate(arrays)}
    stated = ", ".join(f"{entering}: {list(shape)}" for entering, shape in inputs.items())
    network = loads(Source("spec.yaml", f"inputs: {{{stated}}}\nlayers:\n  - relu: {{from: x}}\n"))
    layer = Node("layer", name, config, tuple(range(len(inputs))), config.shape(x, *arrays), 9)
    nodes = (*network.nodes[: len(inputs)], layer)
    network = msgspec.structs.replace(network, nodes=nodes, outputs=(len(inputs),))
    check = probe(network, thin=thin)[-1]
    assert check.agrees is not False, (config, x, arrays, check.reason)


HYPERNETWORK = """
input: [3, 16, 16]
layers:
  - global_avg_pool
  - linear: {name: made, out_features: 216}
  - reshape: {name: weight, sizes: [8, 3, 3, 3]}
  - conv: {from: [input, weight], out_channels: 8, kernel_size: 3, padding: 1, bias: false}
"""


def test_a_hypernetwork_sees_the_whole_input() -> None:
    network = loads(Source("spec.yaml", HYPERNETWORK))
    row = convcalc.analyze(network).layers[-1]
    assert (row.params, row.macs, row.output_shape) == (0, 216 * 256, (8, 16, 16))
    assert row.receptive_field.is_global
    assert probe(network)[-1].agrees
    inputs = {"input": np.random.default_rng(0).standard_normal((2, 3, 16, 16))}
    steps = list(execute(network, inputs, RandomWeights(network, dtype="float64"), Engine()))
    assert steps[-1].problem == ""
    assert steps[-1].multiplications == 2 * row.macs


@every_kind
@few
@given(draw=draws)
def test_the_arrays_that_are_left_to_be_learned_are_those_that_it_reads(name: str, draw: random.Random) -> None:
    config, inputs, shapes = made(name, draw)
    generator = np.random.default_rng(draw.getrandbits(32))
    tensors = [generator.standard_normal((2, *shape)) for shape in (*inputs, *shapes)]
    learned = {name: generator.standard_normal(shape) for name, shape in config.weights(*inputs, *shapes).items()}
    assert run_layer(Engine(), config, learned, tensors)[1] == learned.keys()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("conv: {from: [input, w], out_channels: 4, kernel_size: 5}", "the weight has shape [4, 3, 3, 3]"),
        ("conv: {from: [input, b], out_channels: 4, kernel_size: 3}", "the weight has shape [4]"),
        ("conv: {from: [input, w, w], out_channels: 4, kernel_size: 3}", "the bias has shape [4, 3, 3, 3]"),
        ("conv: {from: [input, w, b], out_channels: 4, kernel_size: 3, bias: false}", "bias is false"),
        ("conv_transpose: {from: [input, w], out_channels: 4, kernel_size: 3}", "legal here: [3, 4, 3, 3]"),
        ("conv: {from: [input, w, b, b], out_channels: 4, kernel_size: 3}", "takes 1 to 3 inputs"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(layer: str, message: str) -> None:
    text = f"inputs: {{input: [3, 8, 8], w: [4, 3, 3, 3], b: [4]}}\nlayers:\n  - {layer}\n"
    with pytest.raises(SpecError) as error:
        loads(Source("spec.yaml", text))
    assert message in error.value.diagnostics[0].message


@few
@given(case=convolutions(), bias=st.sampled_from(["none", "constant", "made"]), computed=st.booleans())
def test_files_say_which_of_the_arrays_another_layer_computes(case: Any, bias: str, computed: bool) -> None:
    """A weight or bias that is a constant stays a parameter; one that is computed is none."""
    config, (x,) = case
    config = msgspec.structs.replace(config, bias=bias != "none")
    weight, pads = config.all_arrays(x)["weight"], [(window.before, window.after) for window in config.windows(x)]
    sizes = {"x": (1, *x), "w": weight, "b": (config.out_channels,)}
    enters = {"x": True, "w": computed, "b": bias == "made"}
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes[name]) for name in sizes if enters[name]]
    numbers = {name: np.random.default_rng(0).random(sizes[name], np.float32) for name in sizes if not enters[name]}
    node = helper.make_node(
        "Conv", ["x", "w"] + ["b"] * config.bias, ["y"], strides=config.stride, dilations=config.dilation,
        pads=[before for before, _ in pads] + [after for _, after in pads], group=config.groups,
    )  # fmt: skip
    leaving = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    held = [numpy_helper.from_array(array, name) for name, array in numbers.items()]
    graph = helper.make_graph([node], "g", values, [leaving], initializer=held)
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    rows = convcalc.analyze(_read(of_bytes(file.SerializeToString(), "m.onnx"))).layers
    learned = (0 if computed else int(np.prod(weight))) + (config.out_channels if bias == "constant" else 0)
    assert (rows[-1].kind, sum(row.params for row in rows), rows[-1].macs) == ("conv", learned, config.macs(x))
