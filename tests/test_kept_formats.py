"""Model files keep the formats of their numbers: bytes are those of the file's own arrays and tensors."""

from __future__ import annotations

import gzip
import json
import logging
import random
from collections.abc import Callable, Iterator
from functools import cache, partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tflite_files
from conftest import MANY
from msgspec.structs import replace
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from convcalc import analyze
from convcalc.arithmetic.precision import NAMES, ROLES, PartialPrecision, Precision, format_of, precision_of
from convcalc.imports import ReadOptions, read_bytes
from convcalc.imports.number_formats import format_named
from convcalc.imports.record import Imported
from convcalc.imports.tflite.model import parse
from convcalc.language import Source, loads
from convcalc.network import Network, TextOrigin
from convcalc.readable import direct
from convcalc.readable import text as spec

DATA = Path(__file__).parent / "data" / "formats"


def read(data: bytes, name: str) -> Imported:
    return read_bytes(data, name, name, ReadOptions())


def network_of(imported: Imported) -> Network:
    """The network at once, which the text says too, with blocks and without."""
    at_once = direct.network(imported, TextOrigin(lambda: None, {}, {}), is_resized=False)
    for text in (spec.flat_text(imported), spec.text(imported)):
        written = loads(Source("net.yaml", text))
        assert written.deployment == at_once.deployment
        assert [node.precision for node in written.nodes] == [node.precision for node in at_once.nodes]
    return at_once


def held_bytes(network: Network) -> int:
    totals = analyze(network).totals
    return totals.weight_bytes + totals.buffer_bytes


# ---- ONNX: files as ONNX Runtime's own quantiser writes them, types as ONNX infers them ----


def real_graph(draw: random.Random) -> ModelProto:
    """Convolutions, an activation, a residual and a linear layer, of even sizes."""
    width, leaving = 2 * draw.randint(1, 4), draw.randint(2, 6)
    numbers = np.random.default_rng(draw.randint(0, 99))
    shapes = {
        "w": (width, 4, 3, 3), "b": (width,), "w2": (width, width, 1, 1), "b2": (width,), "w3": (leaving, width),
        "b3": (leaving,),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1] * 4, name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("Conv", ["r", "w2", "b2"], ["c2"], name="conv2"),
        helper.make_node("Add", ["c2", "r"], ["a"], name="add"),
        helper.make_node("GlobalAveragePool", ["a"], ["g"], name="pool"),
        helper.make_node("Flatten", ["g"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["y"], transB=1, name="linear"),
    ]
    arrays = [
        numpy_helper.from_array(numbers.standard_normal(shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    shaped = partial(helper.make_tensor_value_info, elem_type=TensorProto.FLOAT)
    entering, left = [shaped("x", shape=[1, 4, 8, 8])], [shaped("y", shape=[1, leaving])]
    graph = helper.make_graph(nodes, "g", entering, left, arrays)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


class Samples(CalibrationDataReader):  # type: ignore[misc]  # untyped
    """Noise, by which ranges are set."""

    def __init__(self) -> None:
        self.left = iter([np.random.default_rng(7).standard_normal((1, 4, 8, 8)).astype(np.float32)])

    def get_next(self) -> Any:
        sample = next(self.left, None)
        return None if sample is None else {"x": sample}


def quantised(model: ModelProto, folder: Path, how: Callable[..., Any], **options: Any) -> ModelProto:
    source, target = folder / "real.onnx", folder / "rounded.onnx"
    onnx.save(model, source)
    logging.disable(logging.WARNING)
    how(source, target, **options)
    logging.disable(logging.NOTSET)
    return onnx.load(target)


def cast(model: ModelProto, element_type: int) -> ModelProto:
    """All of it in another type."""
    letter = helper.tensor_dtype_to_np_dtype(element_type)
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(letter), tensor.name))
    for info in (*model.graph.input, *model.graph.output):
        info.type.tensor_type.elem_type = element_type
    return model


STATIC: dict[str, dict[str, Any]] = {
    "q and dq around": {"quant_format": QuantFormat.QDQ, "activation_type": QuantType.QUInt8, "per_channel": True},
    "q and dq, 16 and 4 bits": {
        "quant_format": QuantFormat.QDQ, "activation_type": QuantType.QInt16, "weight_type": QuantType.QInt4,
    },
    "operators on whole numbers": {"quant_format": QuantFormat.QOperator},
}  # fmt: skip
WHOLE = {"weights": "int8", "activations": "int8", "bias": "int32"}
SAID = {
    "q and dq around": WHOLE,
    "q and dq, 16 and 4 bits": {"weights": "int4", "activations": "int16", "bias": "int32"},
    "operators on whole numbers": WHOLE,
    "dynamic": {"weights": "int8"},
    "float16": dict.fromkeys(ROLES, "float16"),
    "bfloat16": dict.fromkeys(ROLES, "bfloat16"),
    "float64": dict.fromkeys(ROLES, "float64"),
}


def file_bytes(model: ModelProto) -> int:
    """Of all arrays but scales, zero points and sizes; packed ones are as the file has them."""
    total = 0
    for tensor in model.graph.initializer:
        if not tensor.name.endswith(("scale", "zero_point")) and tensor.data_type != TensorProto.INT64:
            array = numpy_helper.to_array(tensor)
            total += -(-array.size // 2) if tensor.data_type == TensorProto.INT4 else array.nbytes
    return total


@pytest.mark.parametrize("seed", range(MANY // 10 or 2))
@pytest.mark.parametrize("how", SAID)
def test_bytes_of_a_quantised_graph_are_those_of_its_arrays(how: str, seed: int, tmp_path: Path) -> None:
    model = real_graph(random.Random(seed))
    if how in STATIC:
        options = {"weight_type": QuantType.QInt8, **STATIC[how]}
        model = quantised(model, tmp_path, quantize_static, calibration_data_reader=Samples(), **options)
    elif how == "dynamic":
        model = quantised(model, tmp_path, quantize_dynamic, weight_type=QuantType.QInt8)
    else:
        types = {"float16": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16, "float64": TensorProto.DOUBLE}
        model = cast(model, types[how])
    imported = read(model.SerializeToString(), "net.onnx")
    network = network_of(imported)
    assert network.deployment.precision == precision_of(SAID[how])
    assert held_bytes(network) == file_bytes(model)
    _check_tensors(model, imported, network)


def _check_tensors(model: ModelProto, imported: Imported, network: Network) -> None:
    """Tensors have the bytes that ONNX's own inference gives them, or of those rounded at once, the rounded."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    types = {info.name: info.type.tensor_type for info in (*inferred.value_info, *inferred.output)}
    rounded = {node.input[0]: node.output[0] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    rows = {row.name: row for row in analyze(network).layers}
    compared = 0
    for layer, node in zip(imported.layers, network.layers, strict=True):
        name = layer.tensor.name if layer.tensor is not None else ""
        tensor = types.get(rounded.get(name, name))
        if tensor is None or not tensor.HasField("shape") or tensor.elem_type in (0, TensorProto.INT32):
            continue
        count = prod(axis.dim_value for axis in tensor.shape.dim)
        size = helper.tensor_dtype_to_np_dtype(tensor.elem_type).itemsize
        assert rows[node.name].output_bytes == count * size, name
        compared += 1
    assert compared >= 2


# ---- TensorFlow Lite ----

SMALL = [path.name for path in sorted((DATA / "tflite").glob("mltk_*.gz"))]


def _weight_buffers(data: bytes) -> int:
    """Bytes of the buffers that layers with weights read, as they lie in the file."""
    sizes: dict[int, int] = {}
    for operator in parse(data).subgraphs[0].operators:
        for place in (
            operator.inputs[1:] if operator.type in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED") else ()
        ):
            tensor = parse(data).subgraphs[0].tensor(place)
            sizes[tensor.buffer] = tensor.data[1] - tensor.data[0]
    return sum(sizes.values())


@pytest.mark.parametrize("name", SMALL)
def test_bytes_of_a_small_network_are_those_of_its_buffers(name: str) -> None:
    data = gzip.decompress((DATA / "tflite" / name).read_bytes())
    assert held_bytes(network_of(read(data, "net.tflite"))) == _weight_buffers(data)


TENSORS = {
    "int8": ("int8", "int32", "int8"),
    "uint8": ("uint8", "int32", "uint8"),
    "int16": ("int8", "", "int16"),
    "weights alone": ("int8", "float32", "float32"),
    "float16": ("float16", "float16", "float16"),
    "float32": ("float32", "float32", "float32"),
}
"""Types of weights, bias and tensors."""


def lite(weights: str, bias: str, tensors: str, *, is_restored: bool = False) -> bytes:
    file = tflite_files.File()
    graph = file.graph
    x = graph.input((1, 6, 6, 4), kind=tensors)
    arrays = [graph.constant(np.ones((8, 3, 3, 4)), "conv/w", weights)]
    arrays += [graph.constant(np.ones(8), "conv/b", bias)] if bias else []
    if is_restored:
        arrays = [graph.add("DEQUANTIZE", [array], graph.shapes[array]) for array in arrays]
    y = graph.add("CONV_2D", [x, *arrays], (1, 4, 4, 8), padding=1, stride_w=1, stride_h=1, activation=1,
                  out={"kind": tensors})  # fmt: skip
    graph.outputs.append(graph.add("SOFTMAX", [y], (1, 4, 4, 8), out={"kind": tensors}))
    return file.bytes()


@pytest.mark.parametrize("name", TENSORS)
def test_formats_of_a_lite_layer_are_those_of_its_tensors(name: str) -> None:
    weights, bias, tensors = TENSORS[name]
    report = analyze(network_of(read(lite(weights, bias, tensors), "net.tflite")))
    formats = {kind: format_named(kind) for kind in {weights, tensors, bias or "int32"}}
    sizes = {kind: format_.bits // 8 for kind, format_ in formats.items() if format_ is not None}
    assert report.totals.weight_bytes == 8 * 36 * sizes[weights] + (8 * sizes[bias] if bias else 0)
    assert {row.output_bytes for row in report.layers} == {128 * sizes[tensors]}, "what is merged is held alike"


def test_weights_that_are_restored_first_are_held_as_they_are_stored() -> None:
    network = network_of(read(lite("float16", "float16", "float32", is_restored=True), "net.tflite"))
    assert network.deployment.precision == precision_of({"weights": "float16", "bias": "float16"})


def test_a_file_of_float32_says_nothing() -> None:
    text = spec.text(read(lite("float32", "float32", "float32"), "net.tflite"))
    assert "deploy" not in text
    assert "bits" not in text


# ---- other readers ----


def test_a_network_that_pytorch_rounded_is_that_network_in_few_bits() -> None:
    """As torchao 0.18 wrote it for x86: weights in int8 of each channel, biases as they were, a rounded pool."""
    network = network_of(read((DATA / "torch" / "rounded.pt2").read_bytes(), "net.pt2"))
    assert network.deployment.precision == precision_of({"weights": "int8"})
    assert held_bytes(network) == 8 * 27 + 4 * 8 + 4 * 8 + 4 * 4
    assert [row.output_bytes for row in analyze(network).layers] == [4 * 512, 4 * 512, 8, 4 * 4]


def keras_model(dtypes: dict[str, Any]) -> bytes:
    """Layers one behind the other, with the dtype of each."""
    own: dict[str, dict[str, Any]] = {
        "Conv2D": {"filters": 4, "kernel_size": [3, 3], "padding": "same"},
        "ReLU": {}, "Flatten": {}, "Dense": {"units": 3},
    }  # fmt: skip
    layers: list[dict[str, Any]] = [
        {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 6, 6, 2]}}
    ]
    for name, fields in own.items():
        layers.append({"class_name": name, "config": {"name": name.lower(), "dtype": dtypes[name], **fields}})
    config = {"name": "net", "layers": layers}
    return json.dumps({"class_name": "Sequential", "config": config, "keras_version": "3.15.0"}).encode()


MIXED = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
ROUNDED = {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "source_name": "float32"}}


def keras_network(dtype: Any, last: Any = None) -> Network:
    dtypes = dict.fromkeys(("Conv2D", "ReLU", "Flatten", "Dense"), dtype)
    return network_of(read(keras_model(dtypes | {"Dense": dtype if last is None else last}), "model.json"))


def test_a_keras_policy_computes_in_one_format_and_keeps_another() -> None:
    network = keras_network(MIXED)
    assert network.deployment.precision == precision_of({"activations": "float16"})
    report = analyze(network)
    assert report.totals.weight_bytes == 4 * report.totals.params
    assert report.layers[0].output_bytes == 2 * 4 * 36
    assert keras_network("bfloat16").deployment.precision == precision_of(dict.fromkeys(ROLES, "bfloat16"))


def test_a_keras_layer_with_a_policy_of_its_own_says_it_alone() -> None:
    network = keras_network("float32", ROUNDED)
    assert network.deployment.precision is None or network.deployment.precision == Precision()
    *others, last = network.layers
    assert last.precision == PartialPrecision(weights=format_of("int8"))
    assert {node.precision for node in others} == {None}
    assert analyze(network).layers[-1].weight_bytes == 3 * 144 + 4 * 3


def ir(levels: int, element_type: str = "f32") -> bytes:
    """A convolution with a rounded weight of int8, an activation, and what rounds that."""
    consts = {1: ("8,4,3,3", "i8"), 2: ("8,1,1,1", "f32"), 6: ("1", "f32")}
    words = {"i8": "I8", "f32": "FP32"}

    def port(number: int, dims: str, kind: str = "FP32") -> str:
        sizes = "".join(f"<dim>{size}</dim>" for size in dims.split(","))
        return f'<port id="{number}" precision="{kind}">{sizes}</port>'

    x, y = "1,4,6,6", "1,8,4,4"
    layers = [f'<layer id="0" name="x" type="Parameter" version="opset1"><output>{port(0, x)}</output></layer>']
    for number, (dims, kind) in consts.items():
        layers.append(
            f'<layer id="{number}" name="const{number}" type="Const" version="opset1"><data element_type="{kind}" '
            f'shape="{dims}" offset="0" size="8"/><output>{port(0, dims, words[kind])}</output></layer>'
        )
    window = 'strides="1,1" dilations="1,1" pads_begin="0,0" pads_end="0,0" auto_pad="explicit"'
    steps = [
        (3, "Convert", 'destination_type="f32"', ["8,4,3,3"], "8,4,3,3"),
        (4, "Multiply", "", ["8,4,3,3", "8,1,1,1"], "8,4,3,3"),
        (5, "Convolution", window, [x, "8,4,3,3"], y),
        (7, "ReLU", "", [y], y),
        (8, "FakeQuantize", f'levels="{levels}"', [y, *["1"] * 4], y),
    ]
    for number, type_, data, entering, leaving in steps:
        ports = "".join(port(place, dims) for place, dims in enumerate(entering))
        layers.append(
            f'<layer id="{number}" name="{type_.lower()}" type="{type_}" version="opset1"><data {data}/>'
            f"<input>{ports}</input><output>{port(9, leaving)}</output></layer>"
        )
    layers.append(f'<layer id="9" name="y" type="Result" version="opset1"><input>{port(0, y)}</input></layer>')
    edges = [(1, 0, 3, 0), (3, 9, 4, 0), (2, 0, 4, 1), (0, 0, 5, 0), (4, 9, 5, 1), (5, 9, 7, 0), (7, 9, 8, 0)]
    edges += [(6, 0, 8, place) for place in range(1, 5)] + [(8, 9, 9, 0)]
    written = "".join(f'<edge from-layer="{a}" from-port="{b}" to-layer="{c}" to-port="{d}"/>' for a, b, c, d in edges)
    return f'<net name="n" version="11"><layers>{"".join(layers)}</layers><edges>{written}</edges></net>'.encode()


@pytest.mark.parametrize(("levels", "bits"), [(256, 8), (255, 8), (16, 4), (65536, 16)])
def test_an_ir_is_rounded_to_as_many_bits_as_its_levels_take(levels: int, bits: int) -> None:
    network = network_of(read(ir(levels), "net.xml"))
    rows = analyze(network).layers
    assert held_bytes(network) == 8 * 36
    assert {row.output_bytes for row in rows} == {128 * bits // 8}


def test_ncnn_says_by_a_parameter_which_layers_are_int8() -> None:
    text = (
        "7767517\n4 4\nInput x 0 1 a 0=8 1=8 2=4\nConvolution one 1 1 a b 0=6 1=3 5=1 6=216 8=102\n"
        "Convolution two 1 1 b c 0=6 1=1 5=1 6=36 8=1\nConvolution three 1 1 c d 0=6 1=1 5=1 6=36\n"
    )
    report = analyze(network_of(read(text.encode(), "net.param")))
    assert [row.weight_bytes for row in report.layers] == [216 + 24, 36 + 24, 4 * 36 + 24]
    assert [row.output_bytes for row in report.layers] == [216, 4 * 216, 4 * 216]


def test_darknet_says_which_filters_are_of_one_bit() -> None:
    text = (
        "[net]\nheight=8\nwidth=8\nchannels=16\n[convolutional]\nfilters=8\nsize=3\npad=1\nxnor=1\nbatch_normalize=1\n"
        "activation=relu\n[convolutional]\nfilters=4\nsize=1\nactivation=linear\n"
    )
    report = analyze(network_of(read(text.encode(), "net.cfg")))
    assert [row.weight_bytes for row in report.layers if row.macs] == [8 * 16 * 9 // 8, 4 * (4 * 8 + 4)]


# ---- what is written ----


@cache
def _repeating() -> Imported:
    data = gzip.decompress((DATA.parent / "onnx" / "squeezenet1_1.onnx.gz").read_bytes())
    return read(data, "net.onnx")


def _formats(draw: random.Random, count: int) -> Iterator[PartialPrecision | None]:
    """Formats of layers: of few different ones, so that some repeat and some are alone."""
    names = draw.sample(NAMES, draw.randint(1, 3))
    rare = draw.random()
    for _ in range(count):
        roles = {role: format_of(draw.choice(names if draw.random() < rare else names[:1])) for role in ROLES}
        yield None if draw.random() < 0.1 else PartialPrecision(**roles)


@pytest.mark.parametrize("seed", range(MANY // 10 or 3))
def test_whatever_formats_layers_have_the_text_says_them(seed: int) -> None:
    imported = _repeating()
    formats = _formats(random.Random(seed), len(imported.layers))
    layers = tuple(replace(layer, precision=own) for layer, own in zip(imported.layers, formats, strict=True))
    network = network_of(replace(imported, layers=layers))
    default = network.deployment.precision or Precision()
    for layer, node in zip(layers, network.layers, strict=True):
        stated = layer.precision or PartialPrecision()
        here = default if node.precision is None else node.precision.over(default)
        assert all(getattr(stated, role) in (None, getattr(here, role)) for role in ROLES)


def test_names_of_formats_are_those_of_files() -> None:
    names = {"uint8": "int8", "QUINT8": "int8", "float8_e4m3fn": "fp8", "float4_e2m1": "fp4", "bfloat16": "bfloat16"}
    assert {name: str(format_named(name)) for name in names} == names
    assert [format_named(name) for name in ("int64", "bool", "string", "complex64")] == [None] * 4
