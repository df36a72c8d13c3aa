"""Caffe's prototxt: networks as Caffe itself sized them, every type of layer, older versions, and what is wrong."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from conftest import MANY
from hypothesis import given, settings
from hypothesis import strategies as st

from convcalc import analyze, imports, load, steps
from convcalc.analysis.report import Report
from convcalc.imports import ReadOptions, read_bytes
from convcalc.imports.caffe.text import FieldValue, TextMessage, parsed
from convcalc.imports.errors import CannotImport
from convcalc.imports.record import Imported
from convcalc.language import SpecError

DATA = Path(__file__).parent / "data" / "formats" / "caffe"
WITNESSES = sorted(path.stem for path in DATA.glob("*.json"))


def opened(text: str, strict: bool = False, **sizes: tuple[int, ...]) -> Imported:
    return read_bytes(text.encode(), "net.prototxt", "", ReadOptions(sizes=sizes, strict=strict))


def analyzed(path: Path, text: str = "", **options: Any) -> tuple[Imported, Report]:
    if text:
        path.write_text(text)
    network = load(str(path), **options)
    assert network.imported is not None
    return network.imported, analyze(network)


# ---- what Caffe itself says ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WITNESSES)
def test_a_network_is_what_caffe_makes_of_it(name: str) -> None:
    """Blob shapes, parameters and MACs of every layer, worked out by Caffe from its own blobs."""
    witness = json.loads((DATA / f"{name}.json").read_text())
    imported, report = analyzed(DATA / f"{name}.prototxt")
    norms = sum(type_ == "BatchNorm" for type_, *_ in witness["layers"].values())
    assert (report.totals.params, report.totals.macs) == (witness["params"], witness["macs"])
    assert report.totals.buffers == witness["buffers"] - norms  # the third blob is one factor
    assert [list(shape) for shape in imported.inputs.values()] == [shape[1:] for shape in witness["inputs"].values()]
    outputs = [layer.shape for layer in imported.layers if layer.name in imported.outputs]
    assert [list(shape) for shape in outputs] == [shape[1:] for shape in witness["outputs"].values()]
    read: dict[str, list[Any]] = {}
    for layer, row in zip(imported.layers, report.layers, strict=True):
        sums = read.setdefault(layer.operators[-1], [None, 0, 0])
        sums[0], sums[1], sums[2] = list(layer.shape), sums[1] + row.params, sums[2] + row.macs
    for title, (type_, shape, params, macs) in witness["layers"].items():
        if title in read:
            assert read[title] == [shape[1:], params, macs], title
        else:  # nothing is left of a layer that changes nothing
            assert (params, macs, type_ in ("Input", "BatchNorm", "Split", "Dropout")) == (0, 0, True), title


def test_what_data_decides_is_left_open() -> None:
    imported, _ = analyzed(DATA / "opencv_face_res10_ssd300.prototxt")
    assert imported.missing.startswith(
        "7 operators are not counted, as no layer kind expresses them: 6 PriorBox, 1 Detec"
    )
    assert any("10 numbers more than the parameters and buffers" in note for note in imported.notes)
    with pytest.raises(CannotImport, match="PriorBox at conv4_3_norm_mbox_priorbox"):
        opened((DATA / "opencv_face_res10_ssd300.prototxt").read_text(), strict=True)


# ---- one layer of each type ------------------------------------------------------------------------------------------

IMAGE = 'input: "data" input_dim: 1 input_dim: 4 input_dim: 10 input_dim: 9 '
VECTOR = 'input: "data" input_shape { dim: 2 dim: 12 } '
BOTH = 'input: "data" input: "other" input_shape { dim: [1, 4, 10, 9] } '
TWO = BOTH + "input_shape { dim: 1 dim: 4 dim: 6 dim: 5 } "
GATE = BOTH + "input_shape { dim: 1 dim: 4 } "


def layer(type_: str, parameters: str = "", bottoms: str = "data", tops: str = "y") -> str:
    reads = " ".join(f'bottom: "{name}"' for name in bottoms.split())
    makes = " ".join(f'top: "{name}"' for name in tops.split())
    return f'layer {{ name: "a" type: "{type_}" {reads} {makes} {parameters} }}\n'


LAYERS: dict[str, tuple[str, str, tuple[int, ...], int, int]] = {
    "AbsVal": (IMAGE + layer("AbsVal"), "elementwise", (4, 10, 9), 0, 0),
    "ArgMax of all": (IMAGE + layer("ArgMax"), "reshape reduce", (1, 1), 0, 0),
    "ArgMax": (IMAGE + layer("ArgMax", "argmax_param { axis: 1 }"), "reduce", (1, 10, 9), 0, 0),
    "ArgMax of several": (IMAGE + layer("ArgMax", "argmax_param { axis: 1 top_k: 3 }"), "opaque", (3, 10, 9), 0, 0),
    "Axpy": (
        'input: "g" input: "x" input: "data" input_shape { dim: 1 dim: 4 dim: 1 dim: 1 } '
        + "input_shape { dim: 1 dim: 4 dim: 10 dim: 9 } " * 2
        + layer("Axpy", "", "g x data"), "mul add", (4, 10, 9), 0, 0),
    "BN": (IMAGE + layer("BN"), "batch_norm", (4, 10, 9), 8, 0),
    "BNLL": (IMAGE + layer("BNLL"), "softplus", (4, 10, 9), 0, 0),
    "BatchNorm": (IMAGE + layer("BatchNorm"), "batch_norm", (4, 10, 9), 0, 0),
    "Bias": (IMAGE + layer("Bias"), "parameter add", (4, 10, 9), 4, 0),
    "Bias of a blob": (GATE + layer("Bias", "bias_param { axis: 0 }", "data other"), "add", (4, 10, 9), 0, 0),
    "Clip": (IMAGE + layer("Clip", "clip_param { min: -1 max: 2.5 }"), "hard_tanh", (4, 10, 9), 0, 0),
    "Concat": (IMAGE + layer("Concat", "", "data data"), "concat", (8, 10, 9), 0, 0),
    "Concat by its old word": (
        IMAGE + layer("Concat", "concat_param { concat_dim: 3 }", "data data"), "concat", (4, 10, 18), 0, 0),
    "Convolution": (IMAGE + layer("Convolution", "convolution_param { num_output: 6 kernel_size: 3 pad: 1 stride: 2 }"),
                    "conv", (6, 5, 5), 6 * 37, 6 * 36 * 25),
    "Convolution of two sides": (
        IMAGE + layer("Convolution", "convolution_param { num_output: 6 kernel_h: 3 kernel_w: 1 pad_h: 1 stride_w: 2 "
                      "stride_h: 1 bias_term: false group: 2 }"), "conv", (6, 10, 5), 36, 36 * 50),
    "Convolution of lists": (
        IMAGE + layer("Convolution", "convolution_param { num_output: 6 kernel_size: [3, 1] pad: [2, 0] dilation: 2 }"),
        "conv", (6, 10, 9), 6 * 13, 6 * 12 * 90),
    "ConvolutionDepthwise": (
        IMAGE + layer("ConvolutionDepthwise", "convolution_param { num_output: 4 kernel_size: 3 }"),
        "conv", (4, 8, 7), 40, 36 * 56),
    "Crop": (TWO + layer("Crop", "crop_param { offset: 2 }", "data other"), "crop", (4, 6, 5), 0, 0),
    "Crop of channels too": (
        TWO + layer("Crop", "crop_param { axis: 1 offset: 0 offset: 1 offset: 4 }", "data other"),
        "crop", (4, 6, 5), 0, 0),
    "Deconvolution": (
        IMAGE + layer("Deconvolution", "convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 group: 4 "
                      "bias_term: false }"), "conv_transpose", (4, 20, 18), 64, 64 * 90),
    "DetectionOutput": (IMAGE + layer("DetectionOutput"), "opaque", (1, 1, 7), 0, 0),
    "ELU": (IMAGE + layer("ELU", "elu_param { alpha: .5 }"), "elu", (4, 10, 9), 0, 0),
    "Eltwise": (IMAGE + layer("Eltwise", "", "data data"), "add", (4, 10, 9), 0, 0),
    "Eltwise PROD": (
        IMAGE + layer("Eltwise", "eltwise_param { operation: PROD }", "data data"), "mul", (4, 10, 9), 0, 0),
    "Eltwise MAX": (IMAGE + layer("Eltwise", "eltwise_param { operation: 2 }", "data data"), "max", (4, 10, 9), 0, 0),
    "Eltwise less": (
        IMAGE + layer("Eltwise", "eltwise_param { coeff: 1 coeff: -1 }", "data data"), "sub", (4, 10, 9), 0, 0),
    "Eltwise weighed": (
        IMAGE + layer("Eltwise", "eltwise_param { coeff: 1 coeff: .25 }", "data data"), "affine add", (4, 10, 9), 0, 0),
    "Embed": (VECTOR + layer("Embed", "embed_param { input_dim: 50 num_output: 3 }"),
              "embedding parameter add", (12, 3), 153, 0),
    "Exp": (IMAGE + layer("Exp", "exp_param { base: 2 }"), "affine elementwise", (4, 10, 9), 0, 0),
    "Flatten": (IMAGE + layer("Flatten"), "flatten", (360,), 0, 0),
    "Flatten of some": (IMAGE + layer("Flatten", "flatten_param { axis: -2 }"), "flatten", (4, 90), 0, 0),
    "InnerProduct": (IMAGE + layer("InnerProduct", "inner_product_param { num_output: 7 }"),
                     "flatten linear", (7,), 7 * 361, 7 * 360),
    "InnerProduct of the last axis": (
        IMAGE + layer("InnerProduct", "inner_product_param { num_output: 7 axis: -1 bias_term: 0 transpose: true }"),
        "linear", (4, 10, 7), 63, 63 * 40),
    "Interp": (IMAGE + layer("Interp", "interp_param { zoom_factor: 2 }"), "upsample", (4, 19, 17), 0, 0),
    "Interp to a size": (IMAGE + layer("Interp", "interp_param { height: 5 width: 30 }"), "upsample", (4, 5, 30), 0, 0),
    "LRN": (IMAGE + layer("LRN", "lrn_param { local_size: 5 alpha: 1e-4f }"), "local_response_norm", (4, 10, 9), 0, 0),
    "LRN within": (IMAGE + layer("LRN", "lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL }"),
                   "pow avg_pool affine pow mul", (4, 10, 9), 0, 0),
    "LSTM": ('input: "data" input_shape { dim: 8 dim: 1 dim: 12 } '
             + layer("LSTM", "recurrent_param { num_output: 5 }"), "opaque", (1, 5), 0, 0),
    "Log": (IMAGE + layer("Log", "log_param { base: 10 shift: 1 }"), "affine elementwise affine", (4, 10, 9), 0, 0),
    "MVN": (IMAGE + layer("MVN"), "instance_norm", (4, 10, 9), 0, 0),
    "MVN across": (IMAGE + layer("MVN", "mvn_param { across_channels: true }"), "layer_norm", (4, 10, 9), 0, 0),
    "MVN of the mean": (
        IMAGE + layer("MVN", "mvn_param { normalize_variance: false }"), "reduce sub", (4, 10, 9), 0, 0),
    "Normalize": (IMAGE + layer("Normalize", "norm_param { across_spatial: false channel_shared: false }"),
                  "l2_norm scale", (4, 10, 9), 4, 0),
    "PReLU": (IMAGE + layer("PReLU"), "prelu", (4, 10, 9), 4, 0),
    "PReLU shared": (IMAGE + layer("PReLU", "prelu_param { channel_shared: true }"), "prelu", (4, 10, 9), 1, 0),
    "PSROIPooling": (TWO + layer("PSROIPooling", "psroi_pooling_param { output_dim: 2 group_size: 3 }", "data other"),
                     "opaque", (2, 3, 3), 0, 0),
    "Permute": (IMAGE + layer("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }"),
                "permute", (10, 9, 4), 0, 0),
    "Pooling": (IMAGE + layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 }"), "max_pool", (4, 5, 4), 0, 0),
    "Pooling down": (IMAGE + layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 round_mode: FLOOR }"),
                     "max_pool", (4, 4, 4), 0, 0),
    "Pooling beyond": (IMAGE + layer("Pooling", "pooling_param { kernel_size: 1 stride: 2 pool: AVE }"),
                       "avg_pool", (4, 6, 5), 0, 0),
    "Pooling of all": (IMAGE + layer("Pooling", "pooling_param { pool: AVE global_pooling: true }"),
                       "global_avg_pool", (4, 1, 1), 0, 0),
    "Pooling by chance": (IMAGE + layer("Pooling", "pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 }"),
                          "opaque", (4, 5, 5), 0, 0),
    "Power": (IMAGE + layer("Power", "power_param { scale: 0.0078 shift: -1 }"), "affine", (4, 10, 9), 0, 0),
    "Power of two": (IMAGE + layer("Power", "power_param { power: 2 }"), "pow", (4, 10, 9), 0, 0),
    "PriorBox": (TWO + layer("PriorBox", "prior_box_param { min_size: 30 max_size: 60 aspect_ratio: 2 aspect_ratio: 3 "
                             "aspect_ratio: 1 }", "other data"), "opaque", (2, 4 * 30 * 6), 0, 0),
    "ROIPooling": (TWO + layer("ROIPooling", "roi_pooling_param { pooled_h: 7 pooled_w: 7 }", "data other"),
                   "opaque", (4, 7, 7), 0, 0),
    "ReLU leaky": (IMAGE + layer("ReLU", "relu_param { negative_slope: 0.1 }"), "leaky_relu", (4, 10, 9), 0, 0),
    "Reduction": (IMAGE + layer("Reduction", "reduction_param { axis: 2 operation: MEAN }"), "reduce", (4,), 0, 0),
    "Reshape": (IMAGE + layer("Reshape", "reshape_param { shape { dim: 0 dim: 2 dim: -1 dim: 9 } }"),
                "reshape", (2, 20, 9), 0, 0),
    "Reshape of some axes": (
        IMAGE + layer("Reshape", "reshape_param { shape { dim: 5 dim: 2 } axis: 2 num_axes: 1 }"),
        "reshape", (4, 5, 2, 9), 0, 0),
    "Reshape with its batch": (VECTOR + layer("Reshape", "reshape_param { shape { dim: 2 dim: 3 dim: 4 } }"),
                               "reshape", (3, 4), 0, 0),
    "SPP": (IMAGE + layer("SPP", "spp_param { pyramid_height: 2 }"), "max_pool flatten max_pool flatten concat",
            (20,), 0, 0),
    "Scale": (IMAGE + layer("Scale"), "scale", (4, 10, 9), 4, 0),
    "Scale and shift": (IMAGE + layer("Scale", "scale_param { bias_term: true }"), "scale", (4, 10, 9), 8, 0),
    "Scale by a blob": (GATE + layer("Scale", "scale_param { axis: 0 }", "data other"), "mul", (4, 10, 9), 0, 0),
    "ShuffleChannel": (IMAGE + layer("ShuffleChannel", "shuffle_channel_param { group: 2 }"),
                       "channel_shuffle", (4, 10, 9), 0, 0),
    "Softmax": (IMAGE + layer("Softmax"), "softmax", (4, 10, 9), 0, 0),
    "Swish": (IMAGE + layer("Swish"), "silu", (4, 10, 9), 0, 0),
    "Threshold": (IMAGE + layer("Threshold", "threshold_param { threshold: 0.5 }"), "affine elementwise relu",
                  (4, 10, 9), 0, 0),
    "Tile": (IMAGE + layer("Tile", "tile_param { axis: 2 tiles: 3 }"), "concat", (4, 30, 9), 0, 0),
    "Upsample": (IMAGE + layer("Upsample", "upsample_param { scale: 3 }"), "upsample", (4, 30, 27), 0, 0),
    "unknown": (IMAGE + layer("Twist") + layer("ReLU", "", "y", "z"), "opaque", (0,), 0, 0),
}  # fmt: skip
"""A network of one layer, the kinds it becomes, what leaves, and its parameters and MACs."""


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer(name: str, tmp_path: Path) -> None:
    text, kinds, shape, params, macs = LAYERS[name]
    imported, report = analyzed(tmp_path / "net.prototxt", text)
    assert [layer.kind for layer in imported.layers] == kinds.split()
    assert imported.layers[-1].shape == shape
    assert (report.totals.params, report.totals.macs) == (params, macs)
    assert bool(imported.missing) == ("opaque" in kinds)


def test_every_type_that_is_read_is_tried() -> None:
    from convcalc.imports.caffe.operators import table

    tried = {entry for text, *_ in LAYERS.values() for entry in text.split('"') if entry[:1].isupper()}
    assert set(table()) - tried <= {
        "DepthwiseConvolution", "Dropout", "Power", "RNN", "ReLU6", "SELU", "SeLu", "Sigmoid", "Slice", "Split", "TanH",
    }  # fmt: skip


def test_slices_are_parts_of_one_blob() -> None:
    three = layer("Slice", "slice_param { slice_point: 1 slice_point: 3 }", "data", "a b c")
    assert [part.shape[0] for part in opened(IMAGE + three).layers] == [1, 2, 1]
    two = layer("Slice", "slice_param { axis: 2 }", "data", "a b")
    assert [(part.kind, part.shape) for part in opened(IMAGE + two).layers] == [("split", (4, 5, 9))] * 2


def test_places_of_a_pool_put_elements_back() -> None:
    text = IMAGE + layer("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", "data", "y mask")
    text += layer("Upsample", "upsample_param { scale: 2 upsample_h: 10 upsample_w: 9 }", "y mask", "z")
    assert [part.kind for part in opened(text).layers] == ["max_pool", "max_pool_indices", "max_unpool"]
    assert opened(text).layers[-1].shape == (4, 10, 9)
    odd = text.replace("upsample_h: 10 upsample_w: 9", "pad_out_w: true")
    assert opened(odd).layers[-1].shape == (4, 10, 9)


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 5), st.integers(0, 4), st.integers(1, 30))
@settings(max_examples=MANY or 100, deadline=None)
def test_pools_are_sized_as_caffe_sizes_them(height: int, kernel: int, stride: int, pad: int, width: int) -> None:
    """`PoolingLayer::Reshape`, line by line."""
    if pad >= kernel or min(height, width) + 2 * pad < kernel:
        return
    sizes = []
    for size in (height, width):
        pooled = math.ceil((size + 2 * pad - kernel) / stride) + 1
        if pad and (pooled - 1) * stride >= size + pad:
            pooled -= 1
        sizes.append(pooled)
    text = f'input: "data" input_dim: [1, 1, {height}, {width}] '
    text += layer("Pooling", f"pooling_param {{ kernel_size: {kernel} stride: {stride} pad: {pad} }}")
    (pool,) = opened(text + layer("ReLU", "", "y", "z")).layers[:1]
    if pool.kind != "relu":  # else the pool changes nothing
        assert pool.shape == (1, *sizes)


# ---- what belongs together -------------------------------------------------------------------------------------------


def test_a_norm_and_the_scale_behind_it_are_one() -> None:
    """In place, as most files have it; not where the scale has no shift, or somebody else reads the norm."""
    norm, scale = layer("BatchNorm", "", "data", "n"), layer("Scale", "scale_param { bias_term: true }", "n", "n")
    (merged,) = opened(IMAGE + norm + scale).layers
    assert (merged.kind, merged.fields, merged.operators) == ("batch_norm", {}, ("a", "a"))
    for other in (layer("Scale", "", "n", "n"), scale + layer("ReLU", "", "n", "m"), scale):
        extra = layer("AbsVal", "", "n", "k") if other is scale else ""
        kinds = [part.kind for part in opened(IMAGE + norm + extra + other).layers]
        assert kinds[:1] == ["batch_norm"]
        assert ("scale" in kinds) == ("ReLU" not in other)


def test_arrays_of_one_name_are_one(tmp_path: Path) -> None:
    shared = 'param { name: "w" } param { name: "b" } inner_product_param { num_output: 5 }'
    text = 'input: "data" input: "other" input_shape { dim: 1 dim: 7 } input_shape { dim: 1 dim: 7 } '
    for number, bottom in enumerate(("data", "other")):
        text += layer("InnerProduct", shared, bottom, f"y{number}").replace('"a"', f'"fc{number}"')
    imported, report = analyzed(tmp_path / "net.prototxt", text)
    assert (report.totals.params, report.totals.macs) == (40, 70)
    assert imported.layers[1].share == "fc0"


LOSS = "loss (SoftmaxWithLoss)"
TRAINING = """
name: "net"
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN } transform_param { crop_size: 24 } }
layer { name: "data" type: "Data" top: "data" top: "label" include: { phase: TEST } transform_param { crop_size: 28 } }
layer { name: "turned" type: "Flatten" bottom: "label" top: "turned" }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 8 kernel_size: 5 } }
layer { name: "noise" type: "Dropout" bottom: "conv" top: "conv" include { phase: TRAIN } }
layer { name: "fc" type: "InnerProduct" bottom: "conv" top: "fc" inner_product_param { num_output: 10 } }
layer { name: "accuracy" type: "Accuracy" bottom: "fc" bottom: "turned" top: "accuracy" exclude { phase: TRAIN } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


def test_the_phase_that_is_counted_is_testing() -> None:
    imported = opened(TRAINING, data=(1, 28, 28))
    assert [part.name for part in imported.layers] == ["conv", "flatten", "fc"]
    assert imported.inputs == {"data": (1, 28, 28)}
    assert imported.notes == (
        f"left out, as what only training and testing need: turned (Flatten), accuracy (Accuracy), {LOSS}",
    )
    assert opened(TRAINING, data=(64, 1, 28, 28)).inputs == {"data": (1, 28, 28)}
    with pytest.raises(CannotImport, match=r"input data \[\?, \?, 28, 28\].*--input data=3x28x28"):
        opened(TRAINING)
    with pytest.raises(CannotImport, match=r"--input names image; the model's are data \[\?, \?, 28, 28\]"):
        opened(TRAINING, image=(3, 28, 28))


def test_a_file_for_training_alone_has_the_data_of_training() -> None:
    """Its images are sized by the first top; what only a layer that is not known reads needs no size."""
    text = """
    layer { name: "in" type: "Python" top: "data" top: "boxes" top: "rois" include { phase: TRAIN } }
    layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
      convolution_param { num_output: 8 kernel_size: 1 } }
    layer { name: "targets" type: "Python" bottom: "conv" bottom: "boxes" top: "targets" }
    layer { name: "pool" type: "ROIPooling" bottom: "conv" bottom: "rois" top: "pool"
      roi_pooling_param { pooled_h: 6 pooled_w: 6 } }
    """
    imported = opened(text, data=(3, 8, 9))
    assert imported.inputs == {"data": (3, 8, 9)}
    assert [part.kind for part in imported.layers] == ["conv", "opaque", "opaque"]


def test_one_file_for_training_and_deploying() -> None:
    """As DIGITS writes it: by stages."""
    text = TRAINING.replace("include { phase: TRAIN }", 'include { stage: "train" }').replace(
        "include: { phase: TEST }", 'include: { stage: "val" }'
    )
    entering = layer("Input", 'include { stage: "deploy" } input_param { shape { dim: 1 dim: 1 dim: 28 dim: 28 } }', "",
                     "data")  # fmt: skip
    turned = 'layer { name: "turned" type: "Flatten" bottom: "label" top: "turned" }'
    text = text.replace(turned, entering).replace('bottom: "label"', "").replace('bottom: "turned"', "")
    assert [part.name for part in opened(text).layers] == ["conv", "flatten", "fc"]


@pytest.mark.parametrize(("entering", "shape"), [
    ('layer { type: "MemoryData" top: "data" memory_data_param { batch_size: 2 channels: 3 height: 8 width: 9 } }',
     (3, 8, 9)),
    ('layer { type: "DummyData" top: "data" dummy_data_param { num: 5 channels: 3 height: 8 width: 9 } }', (3, 8, 9)),
    ('layer { type: "DummyData" top: "data" dummy_data_param { shape { dim: 5 dim: 3 dim: 8 dim: 9 } } }', (3, 8, 9)),
    ('layer { type: "ImageData" top: "data" top: "l" image_data_param { new_height: 8 new_width: 9 } }', (3, 8, 9)),
    ('layer { type: "ImageData" top: "data" image_data_param { is_color: 0 } transform_param { crop_size: 7 } }',
     (1, 7, 7)),
    ('layer { type: "WindowData" top: "data" top: "l" window_data_param { crop_size: 7 } }', (3, 7, 7)),
    ('input: "data" input_dim: 10 input_dim: 3 input_dim: 8 input_dim: 9', (3, 8, 9)),
    ('input: "data" input_shape: < dim: [1, 3, 8, 9] >', (3, 8, 9)),
    ('layer { type: "Input" top: "data" input_param: { shape: { dim: [4, 3, 8, 9] } } }', (3, 8, 9)),
])  # fmt: skip
def test_inputs_are_said_in_many_ways(entering: str, shape: tuple[int, ...]) -> None:
    relu = 'layer { name: "r" type: "ReLU" bottom: "data" top: "data" }'
    assert opened(f"{entering}\n{relu}").inputs == {"data": shape}


def test_a_batch_is_said() -> None:
    assert opened(VECTOR + layer("ReLU")).notes == ("a batch of 2 stands in the file: the figures are for one of it",)


# ---- older versions --------------------------------------------------------------------------------------------------

NEW = """input: "d" input_dim: [1, 3, 9, 9]
layer { name: "c" type: "Convolution" bottom: "d" top: "c"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 bias_term: false } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layer { name: "n" type: "LRN" bottom: "p" top: "n" lrn_param { local_size: 3 } }
layer { name: "f" type: "InnerProduct" bottom: "n" top: "f" inner_product_param { num_output: 5 } }
layer { name: "s" type: "Softmax" bottom: "f" top: "s" }
"""  # fmt: skip
FIRST = """input: "d" input_dim: 1 input_dim: 3 input_dim: 9 input_dim: 9
layers { name: "c" type: CONVOLUTION bottom: "d" top: "c" blobs_lr: 1.
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 bias_term: false } }
layers { name: "r" type: RELU bottom: "c" top: "c" }
layers { name: "p" type: POOLING bottom: "c" top: "p" pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layers { name: "n" type: 15 bottom: "p" top: "n" lrn_param { local_size: 3 } }
layers { name: "f" type: INNER_PRODUCT bottom: "n" top: "f" param: "w" param: "b"
  inner_product_param { num_output: 5 } }
layers { name: "s" type: SOFTMAX bottom: "f" top: "s" }
"""  # fmt: skip
ZEROTH = """input: "d" input_dim: 1 input_dim: 3 input_dim: 9 input_dim: 9
layers { layer { name: "w" type: "padding" pad: 1 } bottom: "d" top: "w" }
layers { layer { name: "c" type: "conv" num_output: 4 kernelsize: 3 biasterm: false } bottom: "w" top: "c" }
layers { layer { name: "r" type: "relu" } bottom: "c" top: "c" }
layers { layer { name: "p" type: "pool" pool: AVE kernelsize: 3 stride: 2 } bottom: "c" top: "p" }
layers { layer { name: "n" type: "lrn" local_size: 3 } bottom: "p" top: "n" }
layers { layer { name: "f" type: "innerproduct" num_output: 5 } bottom: "n" top: "f" }
layers { layer { name: "s" type: "softmax" } bottom: "f" top: "s" }
"""


@pytest.mark.parametrize("older", [FIRST, ZEROTH])
def test_older_versions_are_the_same_network(older: str) -> None:
    newest, read = ([(part.name, part.kind, part.fields, part.shape) for part in opened(text).layers]
                    for text in (NEW, older))  # fmt: skip
    assert [part[1] for part in newest] == [
        "conv", "relu", "avg_pool", "local_response_norm", "flatten", "linear", "softmax"
    ]  # fmt: skip
    assert read == newest


# ---- the text --------------------------------------------------------------------------------------------------------


def test_a_text_in_all_its_forms() -> None:
    text = """# a comment with { and "
    a: 1; b: -2, c: 'it''s "so"' "\\x41\\102\\n"  # behind
    list: [1, 2.5e-3f,
      three] e { f: true } e: < f: 0x1F g: - 3 > empty {} d: 017 w: inf
    """
    top = parsed(text)
    assert (top.whole("a", 0), top.whole("b", 0, least=-9), top.text("c")) == (1, -2, 'its "so"AB\n')
    assert top.texts("list") == ["1", "2.5e-3f", "three"]
    assert parsed("x: [1, 2.5e-3f]").reals("x") == [1, 0.0025]
    assert [message.text("f") for message in top.messages("e")] == ["true", "0x1F"]
    assert (top.messages("e")[1].whole("f", 0), top.messages("e")[1].whole("g", 0, least=-9)) == (31, -3)
    assert (top.whole("d", 0), top.has("empty"), top.line, top.messages("e")[0].line) == (15, True, 1, 4)
    assert top.fields["a"] == [FieldValue("1", 2)]
    assert isinstance(top.fields["empty"][0], TextMessage)


@pytest.mark.parametrize(
    "read", [lambda top: top.whole("a", 0), lambda top: top.text("a"), lambda top: top.real("a", 0)]
)
def test_a_field_that_stands_twice_is_refused(read: Any) -> None:
    """Caffe's parser refuses it as well: the last of two is not what anybody may have meant."""
    with pytest.raises(CannotImport, match="line 3: a stands here and on line 1, in one message that has it once"):
        read(parsed("a: 1\nb: 2\na: 3"))
    with pytest.raises(CannotImport, match="line 2: m stands here and on line 1"):
        parsed("m { a: 1 }\nm { b: 1 }").message("m")
    assert parsed("a: 1 a: 3").wholes("a") == [1, 3]


WRONG = {
    "layer {": "the file ends within the message that begins at line 1",
    "layer { name: }": "line 1: `}`, where a value was expected",
    'layer { name: "x': 'line 1: `"x` is nothing that a prototxt can hold here',
    "layer { name }": "line 1: `}`, where `:` or `{` behind name was expected",
    "layer }": "line 1: `}`, where `:` or `{` behind layer was expected",
    "layer: 3": "line 1: layer is `3`, where a message was expected",
    "}": "line 1: `}`, where the name of a field was expected",
    "a {" * 40: "messages within messages, more than 32 deep",
    'net: "a/b.prototxt" base_lr: 1': "a Caffe solver, which says how a network of a/b.prototxt is trained",
    'item { name: "cat" id: 1 }': "a label map",
    "# nothing": "the file holds no field",
    'name: "x"': "the file describes no layers",
    'layer { name: "x" }': "line 1: a layer without a type",
    "layer {} layers {}": "both `layer` and `layers`",
    layer("ReLU", "", "data"): 'makes; nothing enters the network: write input: "data" input_shape',
    IMAGE + layer("ReLU", "", "other"): "layer a (ReLU, line 1) reads other, which no layer before it makes",
    IMAGE + layer("Convolution"): "layer a (Convolution, line 1): num_output is not given",
    IMAGE + layer("Convolution", "convolution_param { num_output: 2 }"): "kernel_size is not given",
    IMAGE
    + layer("Convolution", "convolution_param { num_output: 2 kernel_size: 30 }"): "conv: kernel_size 30 does not",
    IMAGE + layer("Convolution", "convolution_param { num_output: -2 }"): "num_output is `-2`; expected a whole number",
    IMAGE + layer("Convolution", "convolution_param { num_output: 3 kernel_size: 1 group: 3 }"): "groups 3 does not",
    IMAGE
    + layer("Convolution", "convolution_param { num_output: 2 kernel_size: [1, 2, 3] }"): "3 values of kernel_size",
    IMAGE + layer("Pooling", "pooling_param { pool: BIG }"): "pool is `BIG`; expected MAX, AVE, STOCHASTIC",
    IMAGE + layer("Pooling", "pooling_param { kernel_size: 2 pad: 2 }"): "Caffe takes less than the kernel",
    IMAGE + layer("LRN", "lrn_param { local_size: 4 }"): "local_size 4; Caffe takes odd ones",
    IMAGE + layer("LRN", "lrn_param { alpha: nan }"): "alpha is `nan`; expected a number",
    IMAGE + layer("Eltwise", "", "data"): "has 1 bottoms, where 2 or more were expected",
    IMAGE + layer("Reshape", "reshape_param { shape { dim: 1 dim: 7 } }"): "[4, 10, 9] has not as many elements as",
    IMAGE + layer("Reshape", "reshape_param { shape { dim: 0 dim: 7 dim: -1 } }"): "does not fill the shape [0, 7, -1]",
    IMAGE + layer("Slice", "slice_param { slice_point: 9 }", "data", "a b"): "slice_point [9] for 2 tops",
    IMAGE + layer("Permute", "permute_param { order: 0 order: 9 }"): "order [0, 9, 1, 2, 3] of a blob of 4 axes",
    IMAGE + layer("Softmax", "softmax_param { axis: 7 }"): "axis 7 of a blob of 4 axes",
    IMAGE + layer("ReLU", "include { phase: TRAIN }"): "no layer of the network is there in the phase TEST",
    'input: "data" input_dim: 1 ' + layer("ReLU"): "the file has 1 inputs and 1 `input_dim`",
    'input: "data" ' + layer("ReLU"): "input data of unknown shape: the file gives it no size",
    'input: "data" input_dim: [1, 0, 8, 8] ' + layer("ReLU"): "a size of 0 holds nothing",
    'input: "data" input_dim: [1, 99999999, 99999999, 99999999] ' + layer("ReLU"): "2^63 elements or more",
    IMAGE + layer("SoftmaxWithLoss"): "the network has no input that any of its layers reads",
    TWO + layer("Crop", "crop_param { offset: 5 }", "data other"): "it is not that large",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_with_its_place(text: str) -> None:
    assert imports.reader_of(text.encode(), "net.prototxt") is not None
    with pytest.raises(CannotImport) as error:
        read_bytes(text.encode(), "net.prototxt", "net.prototxt")
    assert WRONG[text] in str(error.value)


@pytest.mark.parametrize(("text", "reason"), [
    (layer("Reshape", "reshape_param { shape { dim: -1 dim: 9 } }"), "it lays the batch and positions together"),
    (layer("Reshape", "reshape_param { shape { dim: -1 dim: 7 } }"), "it lays the batch and positions together"),
    (layer("Permute", "permute_param { order: 1 order: 0 }"), "it puts axis 1 in place of the batch"),
    (layer("Concat", "concat_param { axis: 0 }", "data data"), "its axis is the batch"),
    (layer("Python", 'python_param { module: "rpn" layer: "Proposal" }'), "it is Python: rpn.Proposal"),
    (layer("Twist"), "no kind expresses it"),
    (layer("Normalize"), "it takes the length of all channels and positions together"),
])  # fmt: skip
def test_what_no_kind_says_stands_as_opaque_and_strictness_refuses_it(text: str, reason: str) -> None:
    imported = opened(IMAGE + text)
    assert [part.kind for part in imported.layers] == ["opaque"]
    with pytest.raises(CannotImport, match=reason):
        opened(IMAGE + text, strict=True)


def test_regions_go_on_whatever_says_where_they_are(tmp_path: Path) -> None:
    """As in Faster R-CNN, whose regions are Python's."""
    text = IMAGE + layer("Python", "", "data", "rois")
    text += layer("ROIPooling", "roi_pooling_param { pooled_h: 2 pooled_w: 3 }", "data rois", "p")
    text += layer("InnerProduct", "inner_product_param { num_output: 5 }", "p", "f")
    imported, report = analyzed(tmp_path / "net.prototxt", text)
    assert imported.layers[-1].shape == (5,)
    assert report.totals.params == 5 * 25


# ---- which files are these -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    NEW, FIRST, ZEROTH, TRAINING, "# a licence\n" * 900 + NEW, f"\ufeff{NEW}", 'name: "x"\nlayer: {\n type: "ReLU" }',
    'net: "x.prototxt"\nlr_policy: "step"\n',
])  # fmt: skip
def test_content_tells_a_prototxt(text: str) -> None:
    reader = imports.reader_of(text.encode(), "")
    assert reader is not None
    assert reader.FORMAT == "a Caffe prototxt"


@pytest.mark.parametrize("text", [
    "input: [3, 8, 8]\nlayers:\n  - relu\n", "name: net\ninput: [3, 8, 8]\nlayers: [relu]\n", '{"layers": [{"a": 1}]}',
    "[net]\nwidth=32\n", "7767517\n3 3\n", "backbone:\n  [[-1, 1, Conv, [64]]]\nhead: []\n", "",
    'node {\n name: "x"\n op: "Conv2D"\n}\n', "layer = 3\n",
])  # fmt: skip
def test_other_texts_are_not_taken_for_one(text: str) -> None:
    reader = imports.reader_of(text.encode(), "")
    assert reader is None or reader.FORMAT != "a Caffe prototxt"


# ---- anything at all -------------------------------------------------------------------------------------------------


def _changed(text: str, draw: random.Random) -> str:
    """A text with a few words gone, doubled, exchanged or made large."""
    words = text.split(" ")
    for _ in range(draw.randint(1, 6)):
        place, other = draw.randrange(len(words)), draw.randrange(len(words))
        match draw.randrange(6):
            case 0:
                del words[place]
            case 1:
                words.insert(place, words[other])
            case 2:
                words[place] = words[other]
            case 3:
                words[place] = draw.choice(["0", "-1", "1", "2147483647", "99999999999", "{", "}", "[", '"', "1e999"])
            case 4:
                words[place : place + 1] = list(words[place])
            case _:
                words[place] = words[place][: draw.randrange(len(words[place]) + 1)]
    return " ".join(words)


def test_whatever_a_file_says_it_is_read_or_refused() -> None:
    draw = random.Random(15)
    texts = [NEW, FIRST, ZEROTH, TRAINING, *(text for text, *_ in LAYERS.values())]
    ended = 0
    for _ in range(MANY or 2000):
        text = _changed(" ".join(draw.choice(texts).split()), draw)
        with steps.run(400_000):
            try:
                read_bytes(text.encode(), "net.prototxt", "net.prototxt")
            except (CannotImport, SpecError):
                ended += 1
    assert ended


@pytest.mark.parametrize("text", [
    IMAGE + layer("ReLU", "", "data", "data") * 30_000,
    'layer { type: "Data" top: "d" }' * 60_000,
    IMAGE + layer("PriorBox", "prior_box_param { min_size: 1 " + " ".join(
        f"aspect_ratio: {ratio}" for ratio in range(2, 9_000)) + "}", "data data"),
    IMAGE + layer("Slice", "", "data", " ".join(f"t{top}" for top in range(50_000))),
    "a: 1 " * 3_000_000,
    "a: [" + "1, " * 4_000_000,
    "# " + "x" * (1 << 24),
])  # fmt: skip
def test_long_files_end_soon(text: str) -> None:
    with steps.run(600_000), pytest.raises(CannotImport):
        read_bytes(text.encode(), "net.prototxt", "net.prototxt")
