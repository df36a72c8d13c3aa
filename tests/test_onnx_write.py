"""Networks as ONNX models: every kind's form runs in ONNX Runtime to what the executor makes, and faults are found."""

from __future__ import annotations

import importlib.util
import math
import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import GEOMETRIES, MANY, Case, draws, exported, load
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_reports import SPECS

import convcalc
from convcalc import layers
from convcalc.exports.errors import CannotWrite
from convcalc.exports.onnx.write import LEAST_OPSET, OPSET, model, with_arrays
from convcalc.fields import Choice, Flag, FlagOrWord, Real
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.layers import Kind, NoOnnxForm, Shape, field_types
from convcalc.network import Network, Node, input_node
from convcalc.reference.against import MissingPackage, OnnxRuntime, ValueCheck
from convcalc.reference.execution import execute
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Engine

BATCH = 2


def network_of(name: str, case: Case) -> Network:
    """One layer, between inputs."""
    config, inputs = case
    entering = [input_node(f"x{place}", x, 1) for place, x in enumerate(inputs)]
    layer = Node("layer", name, config, tuple(range(len(inputs))), config.shape(*inputs), 2)
    return Network("case", "", (*entering, layer), len(inputs), (len(inputs),), (), {}, {}, {})


def spec(text: str, **options: Any) -> Network:
    return loads(Source("<test>", text), **options)


def random_inputs(network: Network, batch: int = 1, dtype: str = "float32") -> dict[str, Any]:
    generator = np.random.default_rng(0)
    return {node.name: generator.standard_normal((batch, *node.shape)).astype(dtype) for node in network.inputs}


def compared(
    network: Network, batch: int = 1, dtype: str = "float32", written: Network | None = None
) -> tuple[list[ValueCheck], list[ValueCheck]]:
    """Every layer and every output; `written`, if not the same network, is what ONNX Runtime is given."""
    inputs = random_inputs(network, batch, dtype)
    runtime = OnnxRuntime(written or network, RandomWeights(network, dtype=dtype))
    with np.errstate(all="ignore"):
        steps = execute(network, inputs, runtime, Engine())
        return [runtime.compare(step) for step in steps], runtime.compare_outputs(inputs)


def varied(name: str, draw: random.Random) -> Case:
    """A case of the kind with its numbers, flags and words drawn anew, where it then still holds."""
    config, inputs = load(name).case(draw)
    for field, text in field_types(type(config)).items():
        value: Any = None
        if isinstance(text, Real):
            least = text.minimum or 1e-6
            value = draw.uniform(least, 2 if text.maximum is None else min(text.maximum, 2))
        elif isinstance(text, FlagOrWord):
            value = draw.choice((False, True, *text.options))
        elif isinstance(text, Flag):
            value = draw.random() < 0.5
        elif isinstance(text, Choice):
            value = draw.choice(text.options)
        if value is not None:
            other = msgspec.structs.replace(config, **{field: value})
            config = other if _fits(other, inputs) else config
    return config, inputs


def _fits(config: Any, inputs: Any) -> bool:
    return all(check.holds for check in config.checks(*inputs))


def inferred(written: onnx.ModelProto) -> tuple[int, ...] | None:
    """The output's shape as ONNX infers it, nothing said of it."""
    unsaid = onnx.ModelProto()
    unsaid.CopyFrom(written)
    unsaid.graph.output[0].type.tensor_type.ClearField("shape")
    shape = onnx.shape_inference.infer_shapes(unsaid, strict_mode=True, data_prop=True)
    kind = shape.graph.output[0].type.tensor_type
    return tuple(size.dim_value for size in kind.shape.dim) if kind.HasField("shape") else None


NOT_INFERRED = {"group_norm", "max_unpool"}
"""ONNX defines one by a function of other operators, through which its inference does not look, and gives the other its
sizes as a tensor, the batch among them, which it does not read."""

NO_FORM = {"upsample": "leaves a part of one", "opaque": "not known", "max_pool_indices": "read no part of the map"}
"""Kinds of which some configurations have no form, and what is said."""

NOT_RUN = {"deform_conv": "must be 4D", "roi_align": "Integer overflow"}
"""Kinds of which ONNX Runtime does not run some configurations, and what it says."""


def unwritten(network: Network, opset: int = OPSET) -> str | None:
    """Why there is no model, if there is none."""
    try:
        model(network, opset=opset)
    except CannotWrite as error:
        return str(error)
    return None


def holds(name: str, case: Case) -> str:
    """All that a form must be; how it went."""
    config, inputs = case
    network = network_of(name, case)
    if (reason := unwritten(network)) is not None:
        assert NO_FORM[name] in reason
        return "no form"
    written = exported(network, RandomWeights(network).of, batch=BATCH)
    onnx.checker.check_model(written, full_check=True)
    shape = (BATCH, *config.shape(*inputs))
    assert inferred(written) == (None if name in NOT_INFERRED else shape)
    arrays = {**config.weights(*inputs), **config.buffers(*inputs)}
    assert {tensor.name: tuple(tensor.dims) for tensor in written.graph.initializer} == {
        f"layer.{array}": sizes for array, sizes in arrays.items()
    }
    assert written.graph.node[-1].name == "layer"
    (layer,), (output,) = compared(network, BATCH)
    if layer.reason:
        assert NOT_RUN[name] in layer.reason
        return "not run"
    assert layer.shape == shape[1:]
    assert layer.agrees
    assert output.agrees
    return "agrees"


@pytest.mark.parametrize("name", layers.names())
@settings(max_examples=MANY or 12)
@given(draw=draws)
def test_a_kind_is_in_onnx_what_it_is_here(name: str, draw: random.Random) -> None:
    holds(name, varied(name, draw))


def test_hardly_any_case_is_left_out() -> None:
    for name in NO_FORM.keys() | NOT_RUN.keys():
        draw = random.Random(0)
        result = Counter(holds(name, varied(name, draw)) for _ in range(40))
        assert result["agrees"] > 20 or not load(name).costed, (name, result)
    for kind in layers.names():
        own = {method for base in load(kind).__mro__[:-1] if base is not Kind for method in vars(base)}
        assert own & {"onnx", "onnx_form"}


@pytest.mark.parametrize("name", GEOMETRIES)
@settings(max_examples=MANY or 40)
@given(data=st.data())
def test_windows_of_any_geometry(name: str, data: st.DataObject) -> None:
    assert holds(name, data.draw(GEOMETRIES[name])) == "agrees"


ZOO = {
    "inception_v3": (3, 99, 99),
    "mobilenet_v2": (3, 64, 64),
    "r3d_18": (3, 8, 24, 24),
    "resnet50": (3, 64, 64),
    "unet_keras_dilated": (1, 32, 32),
    "wavenet": (256, 200),
}


QUICK = {"mobilenet_v2", "r3d_18", "unet_keras_dilated", "wavenet"}
"""One, two and three axes; sums, joins, and groups: of the others the kinds are tried one by one."""


@pytest.mark.parametrize("name", ZOO if MANY else sorted(QUICK))
def test_whole_networks_agree_layer_by_layer(name: str) -> None:
    given_ = convcalc.load(str(SPECS / "zoo" / f"{name}.yaml"))
    network = convcalc.load(str(SPECS / "zoo" / f"{name}.yaml"), inputs={given_.nodes[0].name: ZOO[name]})
    made, outputs = compared(network)
    assert [output.place for output in made] == list(range(network.input_count, len(network.nodes)))
    assert [network.nodes[output.place].name for output in made if not output.agrees] == []
    assert [output.agrees for output in outputs] == [True]
    assert sum(output.difference > 0 for output in made) > 5


LARGE = {"dense_image_to_image", "dense_instead", "rectangular_kernel", "standard_7x7_256", "unet_keras_256"}
SEEDS = sorted({path.stem for path in (SPECS / "seeds").glob("*.yaml")} - LARGE)


@pytest.mark.parametrize("name", SEEDS)
def test_seeds_agree(name: str) -> None:
    made, outputs = compared(convcalc.load(str(SPECS / "seeds" / f"{name}.yaml")))
    assert all(output.agrees for output in (*made, *outputs))


FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], Shape]] = {
    "conv": (
        {"kernel_size": (3,), "out_channels": 4, "padding": ((1, 1),)},
        {"padding_mode": "reflect"},
        (4, 6),
    ),
    "conv at the wrong end": (
        {"kernel_size": (2,), "out_channels": 4, "padding": "same"},
        {"padding": "same_lower"},
        (4, 6),
    ),
    "conv_transpose": (
        {"kernel_size": (3,), "out_channels": 4, "stride": (2,), "padding": ((0, 1),)},
        {"padding": ((1, 0),)},
        (4, 6),
    ),
    "avg_pool": ({"kernel_size": (3,), "padding": ((1, 1),)}, {"count_include_pad": False}, (4, 6)),
    "batch_norm": ({"eps": 1e-5}, {"eps": 1e-4}, (4, 6, 6)),
    "instance_norm": ({"eps": 1e-5}, {"eps": 1e-4}, (4, 6, 6)),
    "group_norm": ({"num_groups": 2}, {"num_groups": 4}, (8, 4, 4)),
    "layer_norm": ({"axes": (0,), "eps": 1e-5}, {"eps": 1e-4}, (6, 4, 4)),
    "leaky_relu": ({"negative_slope": 0.01}, {"negative_slope": 0.0101}, (4, 4)),
    "gelu": ({"approximate": "none"}, {"approximate": "tanh"}, (8, 8)),
    "local_response_norm": ({"size": 3, "alpha": 1e-2}, {"size": 5}, (8, 4, 4)),
    "upsample": ({"size": (7, 9), "mode": "bilinear"}, {"align_corners": True}, (3, 4, 5)),
    "softmax": ({"axis": 0}, {"axis": 1}, (4, 4)),
    "attention": ({"num_heads": 2}, {"num_heads": 4}, (5, 8)),
    "pixel_shuffle": ({"upscale_factor": 2}, {"upscale_factor": 1}, (8, 3, 3)),
    "channel_shuffle": ({"groups": 2}, {"groups": 3}, (6, 3)),
    "slice": ({"start": 0, "end": 2}, {"start": 1, "end": 3}, (4, 3)),
}
"""Layers, what is changed of them on one side alone, and what enters."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_layer_that_is_not_the_same_is_found(name: str) -> None:
    fields, changed, x = FAULTS[name]
    kind = name.partition(" ")[0]
    config: Any = load(kind)(**fields)
    network, other = (network_of(kind, (item, (x,))) for item in (config, msgspec.structs.replace(config, **changed)))
    assert all(item.agrees for made in compared(network, BATCH) for item in made)
    (layer,), (output,) = compared(network, BATCH, written=other)
    assert layer.agrees is False
    assert not output.agrees  # nor is there an output to compare where the shape is another


def test_tolerances_are_of_rounding() -> None:
    """A number that is off by a thousandth of the largest is found wherever it is; what only moves has no tolerance."""
    draw = random.Random(0)
    for name in layers.names():
        network = network_of(name, varied(name, draw))
        inputs = random_inputs(network)
        runtime = OnnxRuntime(network, RandomWeights(network))
        with np.errstate(invalid="ignore"):  # of what is below zero there is no logarithm
            (step,) = execute(network, inputs, runtime, Engine())
        assert step.output is not None
        entering = max(float(np.abs(x).max()) for x in (*inputs.values(), step.output))
        off = step.output.copy()
        off.flat[draw.choice(np.flatnonzero(np.isfinite(off)).tolist() or [0])] += 1e-3 * entering
        if not (result := runtime.compare(step._replace(output=off))).reason and math.isfinite(entering):
            assert result.agrees is False, name
    for name in ("permute", "max_pool", "pad", "relu", "concat"):
        network = network_of(name, load(name).case(draw))
        assert compared(network)[0][0].tolerance == 0


def test_what_is_no_number_disagrees() -> None:
    network = network_of("relu", (load("relu")(), ((3,),)))
    runtime = OnnxRuntime(network, RandomWeights(network))
    (step,) = execute(network, random_inputs(network), runtime, Engine())
    assert step.output is not None
    result = runtime.compare(step._replace(output=step.output * np.float32("nan")))
    assert result.difference == math.inf
    assert result.agrees is False


def test_another_shape_disagrees() -> None:
    network = network_of("relu", (load("relu")(), ((3,),)))
    runtime = OnnxRuntime(network, RandomWeights(network))
    (step,) = execute(network, random_inputs(network), runtime, Engine())
    assert step.output is not None
    assert runtime.compare(step._replace(output=step.output[:, :2])).difference == math.inf


def test_what_cannot_be_compared_says_why() -> None:
    """A layer the executor fails on, one without a form, one that ONNX Runtime has no code for; then no outputs."""
    partial = load("upsample")(scale_factor=((10**8 - 1, 10**8),), mode="linear")
    (layer,), (output,) = compared(network_of("upsample", (partial, ((2, 5),))))
    assert layer.agrees is None
    assert layer.reason.startswith("scale_factor 99999999/100000000 of 5 positions")
    assert output.reason == f"layer was not compared: {layer.reason}"
    (layer,), _ = compared(
        network_of("conv", (load("conv")(out_channels=1, kernel_size=(1,)), ((1, 1),))), 1, "float64"
    )
    assert layer.reason.startswith("ONNX Runtime: Could not find an implementation")
    network = network_of("relu", (load("relu")(), ((3,),)))
    runtime = OnnxRuntime(network, RandomWeights(network), outputs=False)
    (step,) = execute(network, random_inputs(network), runtime, Engine())
    assert runtime.compare(step).agrees
    assert runtime.compare_outputs(random_inputs(network))[0].reason == "not asked for"
    assert runtime.compare(step._replace(output=None)).reason == "the executor has no output"


def test_rounding_that_a_network_enlarges_is_measured() -> None:
    """A normalisation of what is nearly the same everywhere: layers agree, outputs differ by what noise does there."""
    norms = "instance_norm, {softmax: {axis: 1}}, {scale: {bias: true}}"
    network = spec(f"input: [4, 9]\nlayers: [{', '.join([norms] * 3)}, instance_norm]")
    made, (output,) = compared(network)
    assert all(item.agrees for item in made)
    assert output.agrees


def test_what_follows_another_shape_than_claimed_is_no_output() -> None:
    network = network_of("relu", (load("relu")(), ((3,),)))
    *inputs, layer = network.nodes
    wrong = msgspec.structs.replace(network, nodes=(*inputs, msgspec.structs.replace(layer, shape=(4,))))
    (alone,), (output,) = compared(wrong)
    assert alone.agrees
    assert output.reason == "layer does not have the shape that is claimed"


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "max_pool", "linear", "permute", "softplus"])
def test_float64_where_onnx_runtime_has_it(name: str) -> None:
    draw = random.Random(0)
    network = [compared(network_of(name, load(name).case(draw)), dtype="float64")[0][0] for _ in range(10)]
    assert all(item.agrees is not False for item in network)
    assert any(item.agrees for item in network) or name == "softplus"


GRAPH = """
inputs: {image: [3, 8, 8], depth: [1, 8, 8]}
outputs: [head, side, image]
layers:
  - conv: {name: first, from: image, out_channels: 4, kernel_size: 3, padding: 1}
  - batch_norm: {name: norm}
  - conv: {name: again, from: image, share: first}
  - add: {name: both, from: [norm, again]}
  - concat: {name: side, from: [both, depth]}
  - global_avg_pool
  - linear: {name: head, out_features: 2}
"""


def test_names_sharing_inputs_and_outputs() -> None:
    network = spec(GRAPH)
    weights = RandomWeights(network, keep=True)
    written = exported(network, weights.of)
    onnx.checker.check_model(written, full_check=True)
    assert [value.name for value in written.graph.input] == ["image", "depth"]
    assert [value.name for value in written.graph.output] == ["head", "side", "image"]
    assert {node.name for node in network.layers} <= {node.name for node in written.graph.node}
    assert [tensor.name for tensor in written.graph.initializer] == [
        "first.weight",
        "first.bias",
        *(f"norm.{name}" for name in ("weight", "bias", "running_mean", "running_var")),
        "head.weight",
        "head.bias",
    ]
    totals = convcalc.analyze(network).totals
    sizes = sum(math.prod(tensor.dims) for tensor in written.graph.initializer)
    assert sizes == totals.params + totals.buffers
    every = model(network, every_layer=True)
    assert [value.name for value in every.graph.output] == [node.name for node in network.layers]
    made, outputs = compared(network, BATCH)
    assert all(output.agrees for output in (*made, *outputs))
    assert [network.nodes[output.place].name for output in outputs] == ["head", "side", "image"]


def test_an_open_batch_takes_any_size() -> None:
    network = spec(GRAPH)
    written = exported(network, RandomWeights(network, keep=True).of, batch="batch")
    onnx.checker.check_model(written, full_check=True)
    session = onnxruntime.InferenceSession(written.SerializeToString(), providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        result = session.run(None, random_inputs(network, batch))
        assert [tensor.shape for tensor in result] == [(batch, 2), (batch, 5, 8, 8), (batch, 3, 8, 8)]


def test_arrays_in_a_file_beside_the_model(tmp_path: Path) -> None:
    """Without its numbers a model says where they are: written there they make the model that has them."""
    network = spec(GRAPH)
    arrays = RandomWeights(network, keep=True)
    full, without = exported(network, arrays.of), model(network)
    (tmp_path / "net.onnx").write_bytes(without.SerializeToString())
    numbers = b"".join(tensor.raw_data for tensor in full.graph.initializer)
    (tmp_path / "weights.bin").write_bytes(numbers)
    onnx.checker.check_model(str(tmp_path / "net.onnx"), full_check=True)
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    inputs = random_inputs(network)
    expected = onnxruntime.InferenceSession(full.SerializeToString(), providers=["CPUExecutionProvider"])
    for input_, other in zip(session.run(None, inputs), expected.run(None, inputs), strict=True):
        assert np.array_equal(input_, other)


def test_every_layer_without_a_form_is_named() -> None:
    text = """
    input: [1, 5]
    layers:
      - upsample: {name: first, scale_factor: 0.99999999, mode: linear}
      - relu
      - upsample: {name: second, scale_factor: 1.99999999, mode: linear}
    """
    with pytest.raises(CannotWrite, match=r"no exact ONNX form for first \(upsample, line 4\): .*; second") as caught:
        model(spec(text))
    assert [(layer.layer, layer.kind, layer.line) for layer in caught.value.layers] == [
        ("first", "upsample", 4),
        ("second", "upsample", 6),
    ]


def test_a_kind_without_a_form_says_so() -> None:
    with pytest.raises(NoOnnxForm, match="no ONNX form is written"):
        Kind().onnx(None, (), ())


def never(place: int) -> dict[str, Any]:
    raise AssertionError("drawn although they do not fit")


def test_what_an_onnx_file_cannot_hold_is_refused_before_it_is_drawn() -> None:
    network = spec("input: [30000]\nlayers: [linear: 30000]")
    with pytest.raises(CannotWrite, match=r"3,600,120,000 bytes, and an ONNX file holds 2,14"):
        with_arrays(network, never)
    assert len(model(network).graph.initializer) == 2


def test_arrays_are_asked_for_when_they_are_written() -> None:
    """One layer after the other, each once the one before is in the file, and let go of where none reads it again."""
    network = spec("input: [2]\nlayers: [{linear: {name: a, out_features: 3}}, {linear: {name: b, out_features: 4}}]")
    weights, asked = RandomWeights(network), list[int]()

    def arrays(place: int) -> Mapping[str, Any]:
        asked.append(place)
        return weights.in_order(place)

    pieces = with_arrays(network, arrays)
    counts = [len(asked) for _ in pieces]
    assert asked == [1, 1, 2, 2]
    assert counts == [0, 1, 1, 2, 2, 3, 3, 4, 4, 4]
    first = weights.of(1)
    assert weights.in_order(1) is first
    assert weights.in_order(2) is not None
    assert weights.of(1) is not first


def test_arrays_of_another_shape_are_refused() -> None:
    network = spec("input: [3]\nlayers: [linear: 2]")
    wrong = {"weight": np.zeros((3, 2)), "bias": np.zeros(2)}
    with pytest.raises(CannotWrite, match=r"linear1\.weight is an array of \[3, 2\], where \[2, 3\] is needed"):
        list(with_arrays(network, lambda place: wrong))


@pytest.mark.parametrize("opset", [LEAST_OPSET - 1, 1000])
def test_operators_of_other_versions_are_refused(opset: int) -> None:
    with pytest.raises(CannotWrite, match=f"opset {opset}; legal here: {LEAST_OPSET} to "):
        model(spec("input: [3]\nlayers: [relu]"), opset=opset)


@pytest.mark.parametrize(
    ("there", "message"),
    [(set(), "onnx and onnxruntime are"), ({"onnx"}, "onnxruntime is")],
)
def test_what_is_not_installed_is_said(there: set[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in there else None)
    network = spec("input: [3]\nlayers: [relu]")
    with pytest.raises(MissingPackage, match=rf"{message} not installed.*pip install 'convcalc\[onnx\]'"):
        OnnxRuntime(network, RandomWeights(network))
