"""What each kind refuses: at the border of what it takes, and what the message calls legal is.

A row is one layer that is refused: the code, the field, the message in full, and what the same layer may and may not
have in place of what is wrong. The borders are those of the definitions in the pages of the kinds, by hand.
"""

from __future__ import annotations

from typing import Any

import pytest
from conftest import load
from msgspec.structs import replace

from convcalc.layers import Check, Kind, Shape, names

MAP = ((4, 8, 8),)
LINE = ((4, 8),)
Fields = dict[str, Any]
Row = tuple[str, Fields, tuple[Shape, ...], str, str, str, list[Fields], list[Fields]]

ROWS: list[Row] = [  # kind, fields, shapes, code, field, message, changes that are taken, changes that are not
    ("avg_pool", {"kernel_size": (9,)}, LINE, "CC101", "kernel_size",
     ("kernel_size 9 does not fit spatial axis 0 of 8; legal here: kernel_size up to 8, or an axis of at least 9 "
     "entering"), [{"kernel_size": (8,)}, {"shapes": ((4, 9),)}], [{"kernel_size": (10,)}, {"shapes": ((4, 7),)}]),
    ("max_pool", {"kernel_size": (1, 5), "dilation": (1, 3), "padding": ((0, 0), (2, 1))}, MAP, "CC101", "kernel_size",
     ("kernel_size 5 at dilation 3 spans 13 positions and does not fit spatial axis 1 of 11 = 2 + 8 + 1; legal here: "
     "kernel_size up to 4, or an axis of at least 10 entering"),
     [{"kernel_size": (1, 4)}, {"shapes": ((4, 8, 10),)}], [{"shapes": ((4, 8, 9),)}]),
    ("max_pool", {"kernel_size": (9,), "stride": (2,), "ceil_mode": True, "dilation": (2,)}, LINE, "CC101",
     "kernel_size", ("no window of kernel_size 9, stride 2 and dilation 2 starts in an axis of 8 padded by 0 and 0; "
     "legal here: a smaller kernel_size"), [{"kernel_size": (5,)}], [{"kernel_size": (6,)}]),
    ("max_pool", {"kernel_size": (3,), "padding": ((3, 0),)}, LINE, "CC104", "padding",
     ("the first window spans 3 positions, and 3 of padding stand before the input: it would hold padding alone; legal "
     "here: 0 to 2 before"), [{"padding": ((2, 0),)}, {"padding": ((0, 0),)}], [{"padding": ((4, 0),)}]),
    ("max_pool", {"kernel_size": (2,), "stride": (1,), "padding": ((0, 2),)}, LINE, "CC104", "padding",
     ("the last window starts behind the input, an axis of 8, where 2 of padding stand: it would hold padding alone; "
     "legal here: 0 to 1 after"), [{"padding": ((0, 1),)}, {"padding": ((0, 0),)}], [{"padding": ((0, 3),)}]),
    ("conv", {"out_channels": 6, "kernel_size": (1,), "groups": 4}, LINE, "CC102", "groups",
     "groups 4 does not divide both in_channels 4 and out_channels 6; legal here: 1, 2",
     [{"groups": 1}, {"groups": 2}, {"out_channels": 4}, {"out_channels": 8}],
     [{"groups": 3}, {"groups": 6}, {"shapes": ((6, 8),), "groups": 4}]),
    ("conv", {"out_channels": 1, "kernel_size": (3,), "padding": ((8, 0),), "padding_mode": "reflect"}, LINE, "CC101",
     "padding", "reflect padding of 8 needs an axis of at least 9, found 8; legal here: 0 to 7",
     [{"padding": ((7, 0),)}, {"padding": ((0, 7),)}, {"shapes": ((4, 9),)}, {"padding_mode": "replicate"}],
     [{"padding": ((0, 8),)}]),
    ("conv", {"out_channels": 1, "kernel_size": (3,), "padding": ((0, 9),), "padding_mode": "circular"}, LINE, "CC101",
     "padding", "circular padding of 9 needs an axis of at least 9, found 8; legal here: 0 to 8",
     [{"padding": ((8, 8),)}, {"shapes": ((4, 9),)}, {"padding_mode": "zeros"}], [{"padding": ((9, 0),)}]),
    ("conv_transpose", {"out_channels": 1, "kernel_size": (3,), "stride": (2,), "output_padding": (2,)}, LINE, "CC105",
     "output_padding", "output_padding 2 is not below stride 2 or dilation 1; legal here: 0 to 1",
     [{"output_padding": (1,)}, {"stride": (3,)}, {"dilation": (3,)}], [{"output_padding": (3,)}, {"dilation": (2,)}]),
    ("conv_transpose", {"out_channels": 1, "kernel_size": (3,), "padding": "same", "output_padding": (1,)}, LINE,
     "CC105", "output_padding", "output_padding 1 beside padding same, which fixes the size alone; legal here: 0",
     [{"output_padding": (0,)}], [{"output_padding": (2,)}]),
    ("conv_transpose", {"out_channels": 1, "kernel_size": (3,), "padding": ((5, 5),)}, LINE, "CC101", "padding",
     "padding crops 10 of 10 positions; legal here: before and after of 9 together",
     [{"padding": ((5, 4),)}, {"padding": ((0, 9),)}], [{"padding": ((5, 6),)}]),
    ("crop", {"cropping": ((4, 4),)}, LINE, "CC101", "cropping",
     "4 + 4 leave nothing of an axis of 8; legal here: 7 together",
     [{"cropping": ((4, 3),)}, {"cropping": ((0, 7),)}], [{"cropping": ((8, 0),)}, {"cropping": ((5, 4),)}]),
    ("crop", {"size": (9,)}, LINE, "CC101", "size", "size 9 is more than the axis of 8 holds; legal here: 1 to 8",
     [{"size": (8,)}, {"size": (1,)}], [{"size": (10,)}]),
    ("crop", {}, LINE, "CC012", "cropping",
     "neither of cropping and size is given; legal here: exactly one of them",
     [{"size": (2,)}, {"cropping": ((1, 1),)}], []),
    ("crop", {"size": (2,), "cropping": ((3, 3),)}, LINE, "CC012", "cropping",
     "both of cropping and size are given; legal here: exactly one of them",
     [{"size": None}, {"cropping": None}], [{"size": None, "cropping": None}]),
    ("global_max_pool", {}, ((4,),), "CC013", "",
     "works on positions, and a tensor of shape [4] has channels alone; legal here: 2 axes or more",
     [{"shapes": ((4, 1),)}], []),
    ("instance_norm", {}, ((4,),), "CC013", "",
     "works on positions, and a tensor of shape [4] has channels alone; legal here: 2 axes or more",
     [{"shapes": ((4, 1),)}], []),
    ("pad", {"padding": ((0, 8),), "mode": "reflect"}, LINE, "CC101", "padding",
     "reflect padding of 8 needs an axis of at least 9, found 8; legal here: 0 to 7",
     [{"padding": ((7, 7),)}, {"mode": "circular"}], [{"padding": ((8, 0),)}]),
    ("slice", {"start": 8, "axis": 1}, LINE, "CC011", "start",
     "start 8 is outside an axis of 8; legal here: -8 to 7", [{"start": 7}, {"start": -8}], [{"start": -9}]),
    ("slice", {"start": 0, "end": 9, "axis": 1}, LINE, "CC011", "end",
     "end 9 is outside an axis of 8; legal here: -7 to 8", [{"end": 8}, {"end": -7}, {"end": None}],
     [{"end": -9}, {"end": -8}]),
    ("slice", {"start": 3, "end": -5, "axis": -1}, LINE, "CC101", "end",
     "nothing is left from 3 up to 3 of an axis of 8; legal here: an end of 4 to 8",
     [{"end": 4}, {"end": -4}, {"end": 8}], [{"end": 2}, {"end": 9}]),
    ("split", {"sections": 4, "part": 4}, LINE, "CC011", "part",
     "part 4 of 4 does not exist; legal here: 0 to 3", [{"part": 3}, {"part": 0}], [{"part": 5}]),
    ("split", {"sections": 3, "part": 0, "axis": 1}, LINE, "CC102", "sections",
     "sections 3 does not divide axis 1 of size 8; legal here: 1, 2, 4, 8",
     [{"sections": 8}, {"sections": 1}], [{"sections": 5}, {"sections": 16}]),
    ("group_norm", {"num_groups": 7}, ((360, 2),), "CC102", "num_groups",
     "num_groups 7 does not divide channels 360; legal here: 1, 2, 3, 4, 5, 6, 8, 9, ..., 120, 180, 360",
     [{"num_groups": 9}, {"num_groups": 120}, {"num_groups": 360}], [{"num_groups": 720}]),
    ("group_norm", {"num_groups": 7}, ((60, 2),), "CC102", "num_groups",
     "num_groups 7 does not divide channels 60; legal here: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60",
     [{"num_groups": 12}], [{"num_groups": 13}]),
    ("channel_shuffle", {"groups": 3}, LINE, "CC102", "groups",
     "groups 3 does not divide channels 4; legal here: 1, 2, 4", [{"groups": 4}], [{"groups": 8}]),
    ("pixel_unshuffle", {"downscale_factor": 3}, ((1, 6, 8),), "CC102", "downscale_factor",
     "downscale_factor 3 does not divide spatial axis 1 of size 8; legal here: 1, 2, 4, 8",
     [{"downscale_factor": 2}, {"shapes": ((1, 6, 9),)}], [{"shapes": ((1, 6, 7),)}]),
    ("pixel_shuffle", {"upscale_factor": 3}, ((16, 2, 2),), "CC102", "upscale_factor",
     "upscale_factor 3 on 2 axes does not divide channels 16 by 9; legal here: 1, 2, 4",
     [{"upscale_factor": 4}, {"shapes": ((18, 2, 2),)}], [{"upscale_factor": 8}]),
    ("normalize", {"p": 3}, LINE, "CC011", "p", "p 3 is none of the norms that are known; legal here: 1, 2",
     [{"p": 1}, {"p": 2}], [{"p": 4}]),
    ("scaled_dot_product_attention", {}, ((2, 5, 4), (2, 6, 3), (2, 6, 3)), "CC103", "",
     "features of query and key must be as many, found 4 and 3",
     [{"shapes": ((2, 5, 3), (2, 6, 3), (2, 6, 3))}, {"shapes": ((2, 5, 4), (1, 6, 4), (1, 6, 7))}],
     [{"shapes": ((2, 5, 2), (2, 6, 3), (2, 6, 3))}]),
    ("softmax", {"axis": 2}, LINE, "CC011", "axis", "axis 2 does not exist in a tensor of 2 axes; legal here: -2 to 1",
     [{"axis": 1}, {"axis": -2}], [{"axis": -3}]),
    ("reduce", {"axes": (0, -2), "keepdim": True, "operation": "mean"}, LINE, "CC011", "axes",
     "an axis is named twice in [0, -2]", [{"axes": (0, -1)}, {"axes": (0,)}], [{"axes": (1, 1)}]),
    ("reduce", {"axes": (0, 1), "operation": "argmax"}, LINE, "CC011", "axes",
     "argmax along 2 axes, [0, 1]; legal here: one", [{"axes": (1,)}, {"operation": "max"}], [{"operation": "argmin"}]),
    ("reduce", {"axes": (0,), "operation": "max", "select_last_index": True}, LINE, "CC011", "select_last_index",
     "max leaves no place; legal here: false, or argmax and argmin as the operation",
     [{"operation": "argmax"}, {"select_last_index": False}], [{"operation": "sum"}]),
    ("gather", {"axes": (0, -1), "indices": "points"}, ((3, 4, 5), (2, 2)), "CC011", "axes",
     "[0, -1] are not side by side; legal here: axes that follow one another, in their order",
     [{"axes": (0, 1)}, {"axes": (-3, -2)}], [{"axes": (1, 0)}]),
    ("gather", {"axes": (0, 1), "indices": "slices"}, ((3, 4, 5), (2, 2)), "CC011", "axes",
     "2 axes for indices of slices, which have one; legal here: one axis, or indices: points",
     [{"axes": (1,)}, {"indices": "points"}], [{"indices": "elements"}]),
    ("gather", {"axes": (0,), "indices": "elements"}, ((4, 8), (3,)), "CC103", "",
     "indices of shape [3] for a tensor of shape [4, 8]; legal here: 2 axes",
     [{"indices": "slices"}, {"shapes": ((4, 8), (3, 8))}], [{"shapes": ((4, 8), (3, 7))}]),
    ("gather", {"axes": (1,), "indices": "elements"}, ((4, 8), (3, 8)), "CC103", "",
     ("indices of shape [3, 8] do not match the tensor of shape [4, 8] on the axes that they do not choose from; legal "
     "here: equal sizes there"), [{"axes": (0,)}], []),
    ("gather", {"axes": (0, 1), "indices": "points"}, ((4, 8), (6, 3)), "CC103", "",
     "the last axis of indices of shape [6, 3] has 3 places for 2 axes; legal here: 2",
     [{"shapes": ((4, 8), (6, 2))}], [{"shapes": ((4, 8), (2, 2, 1))}]),
    ("scatter", {"axes": (0,)}, ((4, 8), (2,), (3, 8)), "CC103", "",
     "updates of shape [3, 8]; legal here: [2, 8], what gather makes of the indices",
     [{"shapes": ((4, 8), (3,), (3, 8))}], [{"shapes": ((4, 8), (2,), (2, 7))}]),
    ("top_k", {"k": 5, "axis": 0}, LINE, "CC101", "k", "k 5 on axis 0, which has 4; legal here: 1 to 4",
     [{"k": 4}, {"axis": 1}], [{"k": 6}]),
    ("cumulate", {"axis": 2}, LINE, "CC011", "axis",
     "axis 2 does not exist in a tensor of 2 axes; legal here: -2 to 1", [{"axis": 1}, {"axis": -2}], [{"axis": -3}]),
    ("one_hot", {"num_classes": 3}, ((4, 8), (3,)), "CC103", "",
     "input 2 of shape [3], where the numbers for 0 and for 1 are expected; legal here: [2]",
     [{"shapes": ((4, 8), (2,))}, {"shapes": LINE}], [{"shapes": ((4, 8), (2, 1))}]),
    ("trilu", {}, ((4,),), "CC013", "",
     "works on matrices, and a tensor of shape [4] has one axis; legal here: 2 axes or more",
     [{"shapes": ((4, 4),)}], []),
    ("trilu", {}, ((4, 8), (2,)), "CC103", "",
     "input 2 of shape [2], where one number is expected; legal here: [1]",
     [{"shapes": ((4, 8), (1,))}], [{"shapes": ((4, 8), (1, 1))}]),
    ("flatten", {"start_axis": 2, "end_axis": 1}, MAP, "CC011", "end_axis",
     "end_axis 1 is before start_axis 2 in a tensor of 3 axes; legal here: 2 to 2",
     [{"end_axis": 2}, {"end_axis": -1}, {"start_axis": 1}], [{"end_axis": 0}]),
    ("permute", {"axes": (1, 0)}, MAP, "CC011", "axes",
     "[1, 0] names 2 axes of a tensor of 3; legal here: each axis once, such as [0, 1, 2]",
     [{"axes": (0, 1, 2)}, {"axes": (2, 0, 1)}], [{"axes": (0, 1, 2, 2)}]),
    ("reshape", {"sizes": (0, -1)}, LINE, "CC011", "sizes",
     "found 0 in [0, -1]; legal here: whole numbers from 1, and -1 once", [{"sizes": (1, -1)}], []),
    ("reshape", {"sizes": (-1, -1)}, LINE, "CC011", "sizes",
     "found -1 more than once in [-1, -1]; legal here: -1 once", [{"sizes": (-1, 1)}], []),
    ("reshape", {"sizes": (5, -1)}, LINE, "CC103", "sizes",
     ("[5, -1] does not hold the 32 elements of a tensor of shape [4, 8]: the sizes that are given make 5; legal "
     "here: a divisor of 32"), [{"sizes": (32, -1)}, {"sizes": (2, 2, -1)}], [{"sizes": (64, -1)}]),
    ("reshape", {"sizes": (4, 9)}, LINE, "CC103", "sizes",
     ("[4, 9] does not hold the 32 elements of a tensor of shape [4, 8] but 36; legal here: as many, or -1 for one of "
     "the sizes"), [{"sizes": (4, -1)}, {"sizes": (2, 16)}], [{"sizes": (4, 7)}, {"sizes": (4, 4)}]),
    ("matmul", {}, ((4, 8), (8,)), "CC103", "",
     ("input 1 of shape [4, 8] and input 2 of shape [8] are no matrices with equal axes before; legal here: two of as "
     "many axes, 2 or more"), [{"shapes": ((4, 8), (8, 1))}], [{"shapes": ((8,), (8,))}]),
    ("matmul", {}, ((4, 8), (7, 3)), "CC103", "",
     "input 1 of shape [4, 8] has rows of 8, input 2 of shape [7, 3] columns of 7; legal here: columns of 8",
     [{"shapes": ((4, 8), (8, 3))}], [{"shapes": ((8, 4), (8, 3))}]),
    ("matmul", {}, ((2, 4, 8), (3, 8, 1)), "CC103", "",
     "input 1 of shape [2, 4, 8] does not match input 2 of shape [3, 8, 1] on axis 0; legal here: equal sizes, or 1",
     [{"shapes": ((3, 4, 8), (3, 8, 1))}, {"shapes": ((1, 4, 8), (3, 8, 1))}, {"shapes": ((2, 4, 8), (1, 8, 1))}],
     [{"shapes": ((3, 4, 8), (2, 8, 1))}]),
    ("attention", {"num_heads": 1}, ((4,),), "CC011", "",
     ("needs an axis of tokens and one of features, found a tensor of shape [4]; legal here: [tokens, features], with "
     "any axes before"), [{"shapes": ((1, 4),)}], []),
    ("attention", {"num_heads": 3}, LINE, "CC102", "num_heads",
     "num_heads 3 does not divide features 8; legal here: 1, 2, 4, 8", [{"num_heads": 8}], [{"num_heads": 5}]),
    ("concat", {}, ((4, 8), (4,)), "CC103", "",
     "input 2 of shape [4] has 1 axes and input 1 of shape [4, 8] has 2; legal here: 2 axes",
     [{"shapes": ((4, 8), (4, 8))}], [{"shapes": ((4, 8), (4, 8, 1))}]),
    ("concat", {}, ((4, 8), (5, 8), (5, 7)), "CC103", "",
     "input 3 of shape [5, 7] does not match input 1 of shape [4, 8] on axis 1: 7 against 8; legal here: 8",
     [{"shapes": ((4, 8), (5, 8), (5, 8))}], [{"shapes": ((4, 8), (5, 8), (5, 9))}, {"axis": 1}]),
    ("add", {}, ((4, 8), (4, 7)), "CC103", "",
     "input 2 of shape [4, 7] does not match input 1 of shape [4, 8] on axis 1: 7 against 8; legal here: 8, or 1",
     [{"shapes": ((4, 8), (4, 1))}, {"shapes": ((4, 8), (4,))}, {"shapes": ((1, 1), (4, 8))}],
     [{"shapes": ((4, 8), (4, 9))}]),
    ("elementwise", {"operation": "where"}, ((4, 8), (4, 8)), "CC013", "operation",
     "where is of 3 tensors, found 2; legal here: 3 tensors, or an operation of 2",
     [{"operation": "greater"}, {"shapes": ((4, 8), (4, 1), (4,))}, {"operation": "abs", "shapes": ((4, 8),)}],
     [{"operation": "abs"}, {"shapes": ((4, 8),)}, {"shapes": ((4, 8), (4, 8), (4, 7))}]),
    ("deform_conv", {"out_channels": 1, "kernel_size": (3,)}, ((4, 8), (5, 6)), "CC103", "",
     "the offset has shape [5, 6]; legal here: [3, 6]",
     [{"shapes": ((4, 8), (3, 6))}, {"shapes": ((4, 8), (3, 6), (3, 6))}],
     [{"shapes": ((4, 8), (3, 5))}, {"shapes": ((4, 8), (3, 6), (4, 6))}]),
    ("deform_conv", {"out_channels": 1, "kernel_size": (3,)}, ((4, 8), (3, 6), (3,)), "CC103", "",
     "the mask has shape [3]; legal here: [3, 6]", [{"shapes": ((4, 8), (3, 6), (3, 6))}], []),
    ("upsample", {"size": (4,), "mode": "bicubic"}, LINE, "CC011", "mode",
     "bicubic is for 2 spatial axes, found 1; legal here: nearest, linear",
     [{"mode": "nearest"}, {"mode": "linear"}], [{"mode": "bilinear"}, {"mode": "trilinear"}]),
    ("upsample", {"scale_factor": ((1, 9),)}, LINE, "CC101", "scale_factor",
     "no position is left of an axis of 8; legal here: a factor of at least 1/8",
     [{"scale_factor": ((1, 8),)}], [{"scale_factor": ((2, 17),)}]),
    ("upsample", {"size": (4,), "align_corners": True}, LINE, "CC011", "align_corners",
     "nearest has no corners to align; legal here: false", [{"align_corners": False}, {"mode": "linear"}], []),
    ("upsample", {"size": (4,), "mode": "linear", "align_corners": True,
                  "coordinate_transformation_mode": "asymmetric"}, LINE, "CC011", "coordinate_transformation_mode",
     "align_corners says where positions lie; legal here: null",
     [{"coordinate_transformation_mode": None}, {"align_corners": False}], []),
    ("upsample", {"size": (4,), "mode": "linear", "coordinate_transformation_mode": "align_corners"}, LINE, "CC011",
     "coordinate_transformation_mode", "linear has a flag for that, align_corners: true; legal here: null",
     [{"coordinate_transformation_mode": None, "align_corners": True}, {"mode": "nearest"}], []),
    ("upsample", {"size": (4,), "antialias": True}, LINE, "CC011", "antialias",
     "nearest has no filter to stretch; legal here: false", [{"antialias": False}, {"mode": "linear"}], []),
    ("upsample", {"size": (4,), "mode": "linear", "nearest_mode": "ceil"}, LINE, "CC011", "nearest_mode",
     "linear rounds no place; legal here: floor", [{"nearest_mode": "floor"}, {"mode": "nearest"}], []),
    ("upsample", {"size": (4, 4), "mode": "bilinear", "exclude_outside": True}, MAP, "CC011", "exclude_outside",
     "bilinear without antialias reads what is beyond the ends as the ends; legal here: false",
     [{"exclude_outside": False}, {"antialias": True}, {"mode": "bicubic"}], [{"mode": "nearest"}]),
    ("upsample", {"size": (4, 4), "mode": "bilinear", "cubic_coeff_a": -0.5}, MAP, "CC011", "cubic_coeff_a",
     "bilinear has no such parameter; legal here: -0.75", [{"cubic_coeff_a": -0.75}, {"mode": "bicubic"}], []),
    ("upsample", {}, LINE, "CC012", "scale_factor",
     "neither of scale_factor and size is given; legal here: exactly one of them", [{"size": (1,)}], []),
    ("upsample", {"scale_factor": ((3, 4),), "size": (3,)}, ((4, 6),), "CC011", "size",
     "size 3 beside a scale_factor that makes 4 to 5 positions; legal here: 4 or 5", [{"size": (4,)}, {"size": (5,)}],
     [{"size": (6,)}]),
    ("conv", {"out_channels": 1, "kernel_size": (3,)}, (*LINE, (1, 4, 2)), "CC103", "",
     "the tensor that enters as the weight has shape [1, 4, 2]; legal here: [1, 4, 3]",
     [{"shapes": (*LINE, (1, 4, 3))}, {"shapes": (*LINE, (1, 4, 3), (1,))}], [{"shapes": (*LINE, (1, 4, 3), (2,))}]),
    ("conv", {"out_channels": 1, "kernel_size": (3,), "bias": False}, (*LINE, (1, 4, 3), (1,)), "CC011", "bias",
     "bias is false, and a bias enters as the last tensor; legal here: true", [{"bias": True}], []),
    ("grid_sample", {}, ((4, 8), (5, 1)), "CC013", "",
     "samples maps of two or three axes, and a tensor of shape [4, 8] has 1; legal here: 2 or 3",
     [{"shapes": ((4, 8, 8), (5, 5, 2))}], []),
    ("grid_sample", {"mode": "bicubic"}, ((4, 8, 8, 8), (5, 5, 5, 3)), "CC011", "mode",
     "bicubic is for 2 spatial axes, found 3; legal here: bilinear, nearest",
     [{"mode": "bilinear"}, {"mode": "nearest"}], []),
    ("grid_sample", {}, ((4, 8, 8), (5, 5, 3)), "CC103", "",
     ("a grid of shape [5, 5, 3] for a map of shape [4, 8, 8]; legal here: 2 axes of positions, and one of 2 with a "
      "place on each axis"), [{"shapes": ((4, 8, 8), (5, 5, 2))}], [{"shapes": ((4, 8, 8), (5, 2))}]),
    ("affine_grid", {"size": (8,)}, ((1, 2),), "CC011", "size",
     "size has 1 numbers; legal here: 2 or 3, one for each axis of the map", [], []),
    ("affine_grid", {"size": (8, 8)}, ((3, 3),), "CC103", "",
     "a matrix of shape [3, 3] for a map of 2 axes; legal here: [2, 3]", [{"shapes": ((2, 3),)}],
     [{"shapes": ((2,),)}]),
    ("roi_align", {"output_size": (7,)}, ((4, 8), (3, 4)), "CC013", "",
     "reads boxes of maps of two axes, and a tensor of shape [4, 8] is none; legal here: 3 axes, channels first",
     [{"shapes": ((4, 8, 8), (3, 4)), "output_size": (7, 7)}], []),
    ("roi_align", {"output_size": (7, 7)}, ((4, 8, 8), (3, 5)), "CC103", "",
     "boxes of shape [3, 5]; legal here: [boxes, 4], each x1, y1, x2, y2",
     [{"shapes": ((4, 8, 8), (3, 4))}], [{"shapes": ((4, 8, 8), (4,))}]),
    ("unfold", {"kernel_size": (9,)}, LINE, "CC101", "kernel_size",
     ("kernel_size 9 does not fit spatial axis 0 of 8; legal here: kernel_size up to 8, or an axis of at least 9 "
      "entering"), [{"kernel_size": (8,)}, {"shapes": ((4, 9),)}], []),
    ("fold", {"output_size": (8, 8), "kernel_size": (2, 2, 2)}, ((12, 49),), "CC011", "kernel_size",
     "kernel_size has 3 numbers for the 2 axes of output_size; legal here: 1 or 2",
     [{"kernel_size": (2,)}, {"kernel_size": (2, 2)}], []),
    ("fold", {"output_size": (8, 8), "kernel_size": (2,)}, ((13, 49),), "CC102", "kernel_size",
     "4 taps do not divide columns of 13; legal here: channels times taps", [{"shapes": ((12, 49),)}], []),
    ("fold", {"output_size": (8, 8), "kernel_size": (2,)}, ((12, 48),), "CC103", "",
     "48 columns, one for each window; legal here: 49 (7·7)",
     [{"shapes": ((12, 49),)}], [{"shapes": ((12,),)}]),
    ("max_unpool", {"kernel_size": (2,)}, (LINE[0], (4, 7)), "CC103", "",
     "places of shape [4, 7] for elements of shape [4, 8]; legal here: equal shapes",
     [{"shapes": LINE * 2}], [{"shapes": (*LINE, (4, 8, 1))}]),
    ("max_unpool", {"kernel_size": (2,), "padding": ((2, 2),)}, ((4, 2), (4, 2)), "CC101", "padding",
     "padding leaves 0 positions of an axis; legal here: less padding, or an output_size",
     [{"padding": ((2, 1),)}, {"output_size": (4,)}], []),
    ("prelu", {"num_parameters": 3}, LINE, "CC011", "num_parameters",
     "3 slopes do not match channels 4; legal here: 1, or one for each",
     [{"num_parameters": 1}, {"num_parameters": 4}], [{"num_parameters": 2}]),
    ("celu", {"alpha": 0.0}, LINE, "CC011", "alpha", "alpha 0 is divided by; legal here: any other number",
     [{"alpha": 1e-9}, {"alpha": -1.0}], []),
    ("softplus", {"beta": 0.0}, LINE, "CC011", "beta", "beta 0 is divided by; legal here: any other number",
     [{"beta": 1e-9}, {"beta": -1.0}], []),
    ("pow", {"exponent": 0.0}, LINE, "CC011", "exponent",
     "exponent 0 makes 1 of whatever enters; legal here: any other number", [{"exponent": 1.0}], []),
    ("hard_tanh", {"min_val": 1.0, "max_val": 1.0}, LINE, "CC011", "max_val",
     "max_val 1 is not above min_val 1; legal here: any number above it", [{"max_val": 1.5}], [{"max_val": 0.5}]),
]  # fmt: skip


def refused(config: Kind, shapes: tuple[Shape, ...]) -> list[Check]:
    return [check for check in config.checks(*shapes) if not check.holds]


def changed(config: Kind, shapes: tuple[Shape, ...], change: Fields) -> list[Check]:
    fields = {name: value for name, value in change.items() if name != "shapes"}
    return refused(replace(config, **fields), change.get("shapes", shapes))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[5][:40]}")
def test_what_is_refused_is_said_and_what_is_called_legal_is_taken(row: Row) -> None:
    name, fields, shapes, code, field, message, taken, not_taken = row
    config = load(name)(**fields)
    problems = {(check.code, check.field, check.message(*check.arguments)) for check in refused(config, shapes)}
    assert problems == {(code, field, message)}
    for change in taken:
        assert changed(config, shapes, change) == [], change
    for change in not_taken:
        assert changed(config, shapes, change), change


def test_every_kind_with_conditions_is_here() -> None:
    """Kinds that share all of another's stand for one another."""
    own = {name for name in names() if "checks" in vars(load(name))}
    alike = {"layer_norm": "softmax", "rms_norm": "softmax", "avg_pool": "max_pool"}
    assert own - {row[0] for row in ROWS} <= set(alike)
