"""What kinds say of a layer: the few characters in a table, the operators it is in ONNX, and why something cannot be.

Expected are the words of the pages and of ONNX's operators, by hand.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from conftest import load
from test_onnx_write import network_of

from convcalc.exports.errors import CannotWrite
from convcalc.exports.onnx.write import model
from convcalc.layers import Shape, Unprobed, names

Fields = dict[str, Any]

SUMMARIES: list[tuple[str, Fields, str]] = [
    ("affine", {}, ""),
    ("affine", {"factor": 0.5}, "x0.5"),
    ("affine", {"addend": -1.5}, "-1.5"),
    ("affine", {"factor": -2.0, "addend": 3.0}, "x-2+3"),
    ("attention", {"num_heads": 4}, "4 heads"),
    ("avg_pool", {"kernel_size": (2, 2)}, "2x2 /2"),
    ("lstm", {"hidden_size": 64}, "64"),
    ("lstm", {"hidden_size": 64, "direction": "bidirectional", "output": "last"}, "64, bidirectional, last"),
    ("gru", {"hidden_size": 8, "direction": "reverse"}, "8, reverse"),
    ("rnn", {"hidden_size": 8}, "8"),
    ("max_pool", {"kernel_size": (3, 2), "stride": (2, 1), "dilation": (1, 2)}, "3x2 /2x1, dilation 1x2"),
    ("adaptive_avg_pool", {"output_size": (7, None)}, "7x-"),
    ("channel_shuffle", {"groups": 3}, "3 groups"),
    ("concat", {}, ""),
    ("concat", {"axis": -1}, "axis -1"),
    ("conv", {"out_channels": 4, "kernel_size": ()}, ""),
    ("conv", {"out_channels": 4, "kernel_size": (1, 1), "stride": (1, 1), "dilation": (1, 1)}, "1x1"),
    ("conv", {"out_channels": 4, "kernel_size": (7,), "stride": (2,), "dilation": (3,), "groups": 4},
     "7 /2, dilation 3, 4 groups"),
    ("conv_transpose", {"out_channels": 4, "kernel_size": (2, 3), "stride": (2, 2), "dilation": (1, 1)}, "2x3 /2"),
    ("crop", {"size": (4, 5)}, "to 4x5"),
    ("crop", {"cropping": ((1, 1), (0, 2))}, "1+1, 0+2"),
    ("deform_conv", {"out_channels": 4, "kernel_size": (3,), "stride": (2,), "dilation": (1,)}, "3 /2"),
    ("dropout", {"p": 0.25}, "0.25"),
    ("cumulate", {"axis": 1, "reverse": True}, "sum, reverse, axis 1"),
    ("embedding", {"num_embeddings": 100, "embedding_dim": 8}, "100 x 8"),
    ("gather", {"axes": (1,)}, "slices, axis 1"),
    ("gather", {"axes": (0, 1), "indices": "points"}, "points, axes 0, 1"),
    ("one_hot", {"num_classes": 10}, "10 classes"),
    ("one_hot", {"num_classes": 10, "axis": 0}, "10 classes, axis 0"),
    ("scatter", {}, "slices, axis 0"),
    ("scatter", {"reduction": "max"}, "slices, axis 0, max"),
    ("top_k", {"k": 5, "axis": 1}, "5 largest, axis 1"),
    ("top_k", {"k": 5, "largest": False}, "5 smallest, axis 0"),
    ("trilu", {"upper": False}, "lower"),
    ("trilu", {"diagonal": -1}, "upper, diagonal -1"),
    ("group_norm", {"num_groups": 8}, "8 groups"),
    ("layer_norm", {"axes": (0, -1)}, "axes 0, -1"),
    ("linear", {"out_features": 10}, "10 features"),
    ("local_response_norm", {"size": 5}, "5 channels"),
    ("lp_pool", {"norm_type": 1, "kernel_size": (3, 3), "stride": (2, 2)}, "L1 3x3 /2"),
    ("pad", {"padding": ((2, 3), (2, 3))}, "2+3"),
    ("pad", {"padding": ((1, 1), (0, 2))}, "1+1, 0+2"),
    ("parameter", {"sizes": (3,)}, ""),
    ("parameter", {"sizes": (3,), "learned": False}, "not learned"),
    ("permute", {"axes": (1, 0)}, "1, 0"),
    ("pixel_shuffle", {"upscale_factor": 2}, "x2"),
    ("pixel_unshuffle", {"downscale_factor": 2}, "/2"),
    ("pow", {"exponent": 0.5}, "to the 0.5"),
    ("reduce", {"axes": (0, 2), "operation": "max"}, "max, axes 0, 2"),
    ("reshape", {"sizes": (4, -1)}, "4, -1"),
    ("slice", {"axis": 1, "start": 2}, "2:, axis 1"),
    ("slice", {"start": -4, "end": -1, "step": 2}, "-4:-1:2, axis 0"),
    ("softmax", {}, ""),
    ("softmax", {"axis": 1}, "axis 1"),
    ("split", {"sections": 4, "part": 1}, "part 1 of 4"),
    ("split", {"sections": 2, "part": 0, "axis": 2}, "part 0 of 2, axis 2"),
    ("upsample", {"scale_factor": ((2, 1), (2, 1))}, "x2, nearest"),
    ("upsample", {"scale_factor": ((3, 2), (2, 1)), "mode": "bilinear"}, "x2, 3/2, bilinear"),
    ("upsample", {"size": (7, 9)}, "to 7x9, nearest"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fields", "words"), SUMMARIES)
def test_a_table_has_what_matters_of_a_layer(name: str, fields: Fields, words: str) -> None:
    assert load(name)(**fields).summary() == words


@pytest.mark.parametrize("name", names())
def test_a_summary_fits_a_cell(name: str) -> None:
    """Of any kind, those with no line above among them: short, one line, and not the name again."""
    for seed in range(20):
        config, _ = load(name).case(random.Random(seed))
        words = config.summary()
        assert len(words) <= 60
        assert words == words.strip()
        assert words.isprintable()
        assert name not in words.split()


OPERATORS: list[tuple[str, Fields, tuple[Shape, ...], list[str]]] = [
    ("add", {}, ((4, 5), (4, 5)), ["Add"]),
    ("add", {}, ((4, 5), (4,)), ["Unsqueeze", "Add"]),
    ("affine", {"factor": 2.0}, ((4,),), ["Mul"]),
    ("affine", {"addend": 2.0}, ((4,),), ["Add"]),
    ("affine", {}, ((4,),), ["Identity"]),
    ("avg_pool", {"kernel_size": (2,)}, ((4, 8),), ["AveragePool"]),
    ("max_pool", {"kernel_size": (3,), "padding": ((1, 1),), "dilation": (1,)}, ((4, 8),), ["MaxPool"]),
    ("adaptive_avg_pool", {"output_size": (4,)}, ((4, 8),), ["AveragePool"]),
    ("batch_norm", {}, ((4, 8),), ["BatchNormalization"]),
    ("conv", {"out_channels": 2, "kernel_size": (3,), "padding": ((1, 1),)}, ((4, 8),), ["Conv"]),
    ("conv", {"out_channels": 2, "kernel_size": (3,), "padding": ((1, 1),), "padding_mode": "reflect"}, ((4, 8),),
     ["Pad", "Conv"]),
    ("conv", {"out_channels": 2, "kernel_size": (3,), "padding_mode": "reflect"}, ((4, 8),), ["Conv"]),
    ("conv", {"out_channels": 2, "kernel_size": (), "stride": (), "padding": (), "dilation": ()}, ((4,),),
     ["Unsqueeze", "Unsqueeze", "Conv", "Squeeze"]),
    ("conv_transpose", {"out_channels": 2, "kernel_size": (2,), "stride": (2,)}, ((4, 8),), ["ConvTranspose"]),
    ("global_avg_pool", {}, ((4, 8),), ["ReduceMean"]),
    ("layer_norm", {"axes": (-1,)}, ((4, 8),), ["LayerNormalization"]),
    ("layer_norm", {"axes": (0, 1)}, ((4, 8),), ["LayerNormalization"]),
    ("layer_norm", {"axes": (0,)}, ((4, 8),), ["Transpose", "LayerNormalization", "Transpose"]),
    ("linear", {"out_features": 3}, ((4,),), ["Gemm"]),
    ("log_sigmoid", {}, ((4,),), ["Neg", "Softplus", "Neg"]),
    ("pad", {"padding": ((1, 0),)}, ((4, 8),), ["Pad"]),
    ("pad", {"padding": ((0, 0),)}, ((4, 8),), ["Identity"]),
    ("pixel_shuffle", {"upscale_factor": 2}, ((4, 2, 2),), ["DepthToSpace"]),
    ("pixel_shuffle", {"upscale_factor": 2}, ((4, 2),), ["Reshape", "Transpose", "Reshape"]),
    ("relu6", {}, ((4,),), ["Clip"]),
    ("silu", {}, ((4,),), ["Sigmoid", "Mul"]),
    ("softplus", {}, ((4,),), ["Softplus"]),
    ("softplus", {"threshold": 17.0}, ((4,),), ["Softplus", "Greater", "Where"]),
    ("softplus", {"beta": 2.0}, ((4,),), ["Mul", "Softplus", "Div", "Greater", "Where"]),
    ("upsample", {"scale_factor": ((2, 1),)}, ((4, 8),), ["Resize"]),
    ("upsample", {"scale_factor": ((4, 3),), "mode": "linear"}, ((4, 6),), ["Resize"]),
    ("upsample", {"scale_factor": ((1, 1),), "mode": "linear"}, ((4, 6),), ["Resize"]),
    ("upsample", {"size": (8,)}, ((4, 6),), ["Gather"]),
]  # fmt: skip


def written(name: str, fields: Fields, shapes: tuple[Shape, ...]) -> Any:
    return model(network_of(name, (load(name)(**fields), shapes)))


@pytest.mark.parametrize(("name", "fields", "shapes", "operators"), OPERATORS)
def test_the_form_in_onnx_has_no_operator_that_is_not_needed(
    name: str, fields: Fields, shapes: tuple[Shape, ...], operators: list[str]
) -> None:
    nodes = written(name, fields, shapes).graph.node
    assert [node.op_type for node in nodes if node.op_type != "Constant"] == operators


def test_a_ratio_that_float32_does_not_hold_is_written_as_sizes() -> None:
    """Resize takes a map, a region, scales and sizes."""
    for factor, inputs in (((4, 3), 4), ((3, 2), 3)):
        *_, resize = written("upsample", {"scale_factor": (factor,), "mode": "linear"}, ((4, 6),)).graph.node
        assert len(resize.input) == inputs


LINEAR = {"mode": "linear"}
UNPROBED: list[tuple[str, Fields, Shape, str]] = [  # on axis 1
    ("concat", {"axis": 1}, (4, 8), "tensors laid end to end have their places at the sizes they have"),
    ("upsample", {**LINEAR, "size": (4,), "align_corners": True}, (4, 8),
     "where corners are aligned the ratio is of the sizes themselves"),
    ("upsample", {**LINEAR, "size": (1,), "coordinate_transformation_mode": "pytorch_half_pixel"}, (4, 8),
     "one position alone lies where the input begins"),
    ("upsample", {**LINEAR, "scale_factor": ((3, 2),), "coordinate_transformation_mode": "half_pixel_symmetric"},
     (4, 5), "what the factor leaves over is shared by the ends, which move"),
    ("reshape", {"sizes": (4, 2, 4)}, (4, 8), "an axis of positions is shared out to several axes"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fields", "shape", "reason"), UNPROBED)
def test_a_layer_that_cannot_be_lengthened_says_why(name: str, fields: Fields, shape: Shape, reason: str) -> None:
    config = load(name)(**fields)
    with pytest.raises(Unprobed) as caught:
        config.unbounded(1, (shape,))
    assert str(caught.value) == reason
    if name == "upsample":  # on an axis that stays, nothing is in the way
        assert config.unbounded(0, (shape,)) is config


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        ("pixel_shuffle", {"upscale_factor": 2}, "positions in the channels are dealt to other axes"),
        ("pixel_unshuffle", {"downscale_factor": 2}, "positions in the channels are mixed with those of other axes"),
    ],
)
def test_a_layer_that_cannot_be_thin_says_why(name: str, fields: Fields, reason: str) -> None:
    with pytest.raises(Unprobed) as caught:
        load(name)(**fields).thin(0, ((4, 8),))
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("name", "fields", "shape", "reason"),
    [
        ("opaque", {"output_shape": (4,)}, (4,), "what it does is not known"),
        ("upsample", {**LINEAR, "scale_factor": ((99999999, 100000000),)}, (4, 5),
         ("scale_factor 99999999/100000000 of 5 positions leaves a part of one; ONNX's scales are float32, of which it "
          "makes 5 positions instead of 4")),
        ("upsample", {**LINEAR, "scale_factor": ((17, 16),)}, (4, 8),
         "scale_factor 17/16 of 8 positions leaves a part of one, and makes as many: ONNX Runtime copies them"),
    ],
)  # fmt: skip
def test_a_layer_without_a_form_in_onnx_says_why(name: str, fields: Fields, shape: Shape, reason: str) -> None:
    network = network_of(name, (load(name)(**fields), (shape,)))
    with pytest.raises(CannotWrite) as caught:
        model(network)
    assert reason in str(caught.value)
