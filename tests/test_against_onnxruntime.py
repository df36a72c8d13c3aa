"""ONNX Runtime as an oracle: what it makes of the same fields, arrays and inputs, by running them.

Every example puts many cases into one model. Shapes are the claimed ones, and every element of the output of a kind's
`reference` is within `ABSOLUTE` + `RELATIVE` times the element of what ONNX Runtime computes, both in float32. The
operators are written here once more, from ONNX's documentation; a kind that is not here is run in the form that it is
exported in. Left out are only cases that ONNX has no word for or defines otherwise; each says why.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import reduce
from typing import Any, NamedTuple

import msgspec
import numpy as np
import onnxruntime
import pytest
from conftest import GEOMETRIES, MANY, Case, draws, load
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from convcalc import layers
from convcalc.exports.onnx.layer import LayerOperators
from convcalc.layers import NoOnnxForm, Shape
from convcalc.reference.execution import run_layer
from convcalc.reference.weights import drawn
from convcalc.tensors.engine import Engine

OPSET = 22
BATCH = 2
ABSOLUTE, RELATIVE = 1e-5, 1e-4
COARSE = {"upsample": 2e-4}
"""ONNX Runtime's places between positions are float32, and off by more the further they are from the beginning."""
AUTO_PAD = {"same": "SAME_UPPER", "same_lower": "SAME_LOWER", "valid": "VALID"}


class Graph:
    """A model as it is written: operands are the names of tensors, arrays, or None for what is left out."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def several(self, operator: str, *operands: Any, outputs: int, **attributes: Any) -> list[str]:
        names = [f"{operator}{len(self.nodes)}_{index}" for index in range(outputs)]
        entered = [self._name(operand) for operand in operands]
        domain = attributes.pop("domain", "")
        self.nodes.append(helper.make_node(operator, entered, names, names[0], domain=domain, **attributes))
        return names

    def __call__(self, operator: str, *operands: Any, **attributes: Any) -> str:
        (name,) = self.several(operator, *operands, outputs=1, **attributes)
        return name

    def _name(self, operand: Any) -> str:
        if operand is None or isinstance(operand, str):
            return operand or ""
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(operand), name))
        return name


Arrays = Mapping[str, Any]

Build = Callable[..., "str | None"]
"""The output's name in the graph, of (graph, config, arrays, shapes without the batch, *names); None: left out."""


def ints(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


def number(value: float) -> Any:
    return np.array(value, np.float32)


def along_channels(array: Any, x: Shape) -> Any:
    return array.reshape(-1, *[1] * (len(x) - 1))


def pads(padding: Any) -> dict[str, Any]:
    if isinstance(padding, str):
        return {"auto_pad": AUTO_PAD[padding]}
    return {"pads": [*(before for before, _ in padding), *(after for _, after in padding)]}


def is_word(config: Any) -> bool:
    return isinstance(explicit(config), str)


def explicit(config: Any) -> Any:
    """The padding, causal in numbers: ONNX has no word for it, which says that the last tap is where the output is."""
    if config.padding != "causal":
        return config.padding
    return ((getattr(config, "dilation", (1,))[0] * (config.kernel_size[0] - 1), 0),)


def behind_batch(axis: int) -> int:
    """An axis of ours, where ONNX has the batch as axis 0."""
    return axis + 1 if axis >= 0 else axis


def window(config: Any) -> dict[str, Any]:
    return {"kernel_shape": config.kernel_size, "strides": config.stride, "dilations": config.dilation}


def padded(g: Graph, x: str, padding: Any, mode: str, value: float = 0.0) -> str:
    named = {"replicate": "edge", "circular": "wrap", "zeros": "constant"}.get(mode, mode)
    befores, afters = zip(*padding, strict=True)
    return g("Pad", x, ints(0, 0, *befores, 0, 0, *afters), number(value), mode=named)


def conv(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str | None:
    if len(shapes[0]) == 1:
        return None  # ONNX needs an axis
    padding = explicit(config)
    if str(padding).startswith("same") and (set(config.dilation) != {1} or config.padding_mode != "zeros"):
        return None  # "Dilation not supported for AutoPadType::SAME_UPPER or SAME_LOWER", and zeros are all it pads
    if is_word(config) and any(k < s for k, s in zip(config.kernel_size, config.stride, strict=True)):
        return None  # for a kernel shorter than its stride ONNX Runtime makes a negative padding, TensorFlow none
    if config.padding_mode != "zeros" and not isinstance(padding, str):
        x, padding = padded(g, x, padding, config.padding_mode), "valid"
    return g("Conv", x, *w.values(), group=config.groups, **window(config), **pads(padding))


def conv_transpose(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str | None:
    if len(shapes[0]) == 1:
        return None
    extents = [d * (k - 1) + 1 for k, d in zip(config.kernel_size, config.dilation, strict=True)]
    if is_word(config) and any(extent < s for extent, s in zip(extents, config.stride, strict=True)):
        return None  # for a kernel shorter than its stride ONNX's text and its code disagree; ours is Keras' rule
    if any(added >= s for added, s in zip(config.output_padding, config.stride, strict=True)):
        return None  # below dilation but not below stride: ONNX Runtime refuses what PyTorch allows
    given_ = {"group": config.groups, "output_padding": config.output_padding}
    return g("ConvTranspose", x, *w.values(), **window(config), **given_, **pads(config.padding))


def pool(operator: str) -> Build:
    def build(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str | None:
        if config.ceil_mode and is_word(config):
            return None  # with auto_pad ONNX's formulas know no ceil_mode
        if isinstance(config.ceil_mode, str):
            return None  # by Caffe's rule, and that which leaves no window out, windows stand where ONNX has none
        if is_word(config) and any(k < s for k, s in zip(config.kernel_size, config.steps(), strict=True)):
            return None  # as Conv, but that it refuses the negative padding
        if not is_word(config):
            both = zip(explicit(config), config.kernel_size, strict=True)
            if any(max(pair) >= k for pair, k in both):
                return None  # it measures the pad against the kernel, PyTorch's documentation against the dilated one
        attributes = {"kernel_shape": config.kernel_size, "strides": config.steps(), **pads(explicit(config))}
        attributes |= {"ceil_mode": int(config.ceil_mode), "dilations": config.dilation}
        if str(config.padding).startswith("same") and set(config.dilation) != {1}:
            return None  # as Conv
        if operator == "MaxPool":
            return g(operator, x, **attributes)
        return g(operator, x, **attributes, count_include_pad=int(config.count_include_pad))

    return build


def adaptive(operator: str) -> Build:
    def build(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str | None:
        outputs = [size if out is None else out for size, out in zip(shapes[0][1:], config.output_size, strict=True)]
        if any(size % out for size, out in zip(shapes[0][1:], outputs, strict=True)):
            return None  # ONNX has no adaptive pools; where cells are equal they are windows side by side
        cell = [size // out for size, out in zip(shapes[0][1:], outputs, strict=True)]
        return g(operator, x, kernel_shape=cell, strides=cell)

    return build


def reduced(operator: str) -> Build:
    def build(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
        return g(operator, x, ints(*range(2, len(shapes[0]) + 1)), keepdims=int(config.keepdim))

    return build


MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}


def upsample(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str | None:
    (channels, *sizes), outputs = shapes[0], config.shape(*shapes)[1:]
    ratios = [Fraction(*ratio) for ratio in config.scale_factor or zip(outputs, sizes, strict=True)]
    if config.mode == "nearest" and any(Fraction(float(np.float32(ratio))) != ratio for ratio in ratios):
        return None  # its scales are float32, which has no thirds: a place just below a position reads the one before
    if any(out > size * ratio for size, ratio, out in zip(sizes, ratios, outputs, strict=True)):
        return None  # it rounds up where one factor is for all axes: see test_onnx_resize
    stays = [out == size and ratio != 1 for size, ratio, out in zip(sizes, ratios, outputs, strict=True)]
    if (any(stays) and config.antialias) or (any(stays) and list(outputs) == sizes):
        return None  # it copies where sizes stay, whatever the factor; with antialiasing axis by axis
    places = config.coordinate_transformation_mode or ("asymmetric" if config.mode == "nearest" else "half_pixel")
    attributes: dict[str, Any] = {"mode": MODES[config.mode], "cubic_coeff_a": config.cubic_coeff_a}
    attributes |= {"coordinate_transformation_mode": "align_corners" if config.align_corners else places}
    attributes |= {"nearest_mode": config.nearest_mode, "antialias": int(config.antialias)}
    attributes |= {"exclude_outside": int(config.exclude_outside)}
    flat = config.mode == "linear"  # ONNX Runtime interpolates maps of two axes or three
    lengthened = g("Reshape", x, ints(BATCH, channels, 1, *sizes)) if flat else x
    items = [1] * flat
    if all(size * ratio == out for size, ratio, out in zip(sizes, ratios, outputs, strict=True)):
        y = g("Resize", lengthened, None, None, ints(BATCH, channels, *items, *outputs), **attributes)
    else:
        scales = np.array([1, 1, *items, *map(float, ratios)], np.float32)
        y = g("Resize", lengthened, None, scales, **attributes)
    return g("Reshape", y, ints(BATCH, channels, *outputs)) if flat else y


def pad(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    return padded(g, x, config.padding, config.mode, config.value)


def crop(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    axes = ints(*range(2, len(shapes[0]) + 1))
    if config.size is not None:
        return g("CenterCropPad", x, ints(*config.size), axes=axes)
    befores, afters = zip(*config.cropping, strict=True)
    ends = [-after if after else 2**62 for after in afters]
    return g("Slice", x, ints(*befores), ints(*ends), axes)


def cut(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    end = 2**62 if config.end is None else config.end
    return g("Slice", x, ints(config.start), ints(end), ints(behind_batch(config.axis)), ints(config.step))


def split(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    axis, parts = behind_batch(config.axis), config.sections
    names = g.several("Split", x, outputs=parts, axis=axis, num_outputs=parts)
    return names[int(config.part)]


def pixel_shuffle(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str | None:
    if len(shapes[0]) != 3:
        return None  # ONNX: two axes alone
    return g("DepthToSpace", x, blocksize=config.upscale_factor, mode="CRD")


def pixel_unshuffle(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str | None:
    if len(shapes[0]) != 3:
        return None
    channels, *sizes = config.shape(*shapes)
    laid = g("SpaceToDepth", x, blocksize=config.downscale_factor)
    parts = g("Reshape", laid, ints(BATCH, -1, shapes[0][0], *sizes))  # ONNX has the block's place before the channel
    return g("Reshape", g("Transpose", parts, perm=[0, 2, 1, 3, 4]), ints(BATCH, channels, *sizes))


def channel_shuffle(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    channels, *sizes = shapes[0]
    groups = g("Reshape", x, ints(BATCH, config.groups, channels // config.groups, math.prod(sizes)))
    return g("Reshape", g("Transpose", groups, perm=[0, 2, 1, 3]), ints(BATCH, channels, *sizes))


def permute(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    return g("Transpose", x, perm=[0, *(axis % len(shapes[0]) + 1 for axis in config.axes)])


def flatten(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str | None:
    rank = len(shapes[0])
    full = config.start_axis % rank == 0 and config.end_axis % rank == rank - 1
    return g("Flatten", x, axis=1) if full else None  # ONNX flattens to two axes


def batch_norm(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    channels = shapes[0][0]
    neutral = {"weight": np.ones(channels, np.float32), "bias": np.zeros(channels, np.float32)}
    if config.track_running_stats:
        names = ("weight", "bias", "running_mean", "running_var")
        return g("BatchNormalization", x, *({**neutral, **w}[name] for name in names), epsilon=config.eps)
    others = ints(0, *range(2, len(shapes[0]) + 1))
    distance = g("Sub", x, g("ReduceMean", x, others))
    variance = g("ReduceMean", g("Mul", distance, distance), others)
    y = g("Div", distance, g("Sqrt", g("Add", variance, number(config.eps))))
    weight, bias = (along_channels({**neutral, **w}[name], shapes[0]) for name in ("weight", "bias"))
    return g("Add", g("Mul", y, weight), bias)


def normalised(operator: str, **attributes: str) -> Build:
    def build(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str | None:
        if len(shapes[0]) == 1:
            return None  # ONNX needs positions
        given_ = {attribute: getattr(config, field) for attribute, field in attributes.items()}
        neutral = {"weight": np.ones(shapes[0][0], np.float32), "bias": np.zeros(shapes[0][0], np.float32)}
        weight, bias = ({**neutral, **w}[name] for name in ("weight", "bias"))
        return g(operator, x, weight, bias, epsilon=config.eps, **given_)

    return build


def instance_norm(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str | None:
    own = batch_norm if config.track_running_stats else normalised("InstanceNormalization")
    return own(g, config, w, shapes, x)


def layer_norm(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    """ONNX normalises the last axes, so ours are brought there, and back."""
    rank = len(shapes[0])
    chosen = [axis % rank + 1 for axis in config.axes]
    order = [axis for axis in range(rank + 1) if axis not in chosen] + chosen
    scale = w.get("weight", np.ones([shapes[0][axis] for axis in config.axes], np.float32))
    bias = [w["bias"]] if "bias" in w else []
    moved = g("Transpose", x, perm=order)
    y = g("LayerNormalization", moved, scale, *bias, axis=-len(chosen), epsilon=config.eps)
    return g("Transpose", y, perm=[order.index(axis) for axis in range(rank + 1)])


def l2_norm(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    """LpNormalization has nothing like eps, so that the length is ReduceL2's, with sqrt(eps) as one channel more."""
    shape = np.full((BATCH, 1, *shapes[0][1:]), math.sqrt(config.eps), np.float32)
    return g("Div", x, g("ReduceL2", g("Concat", x, shape, axis=1), ints(1), keepdims=1))


def local_response_norm(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str | None:
    if config.size % 2 == 0:
        return None  # ONNX Runtime: odd sizes; for even ones ONNX has the longer side after, PyTorch before
    channels, *sizes = shapes[0]
    flat = g("Reshape", x, ints(BATCH, channels, math.prod(sizes), 1))
    y = g("LRN", flat, size=config.size, alpha=config.alpha, beta=config.beta, bias=config.k)
    return g("Reshape", y, ints(BATCH, channels, *sizes))


def linear(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    y = g("MatMul", x, w["weight"].T)
    return g("Add", y, w["bias"]) if config.bias else y


def attention(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    """ONNX Runtime's own operator, which has everything but the projection at the end."""
    *_, tokens, features = shapes[0]
    flat = g("Reshape", x, ints(-1, tokens, features))
    into = w.get("in_proj_bias", np.zeros(3 * features, np.float32))
    heads = {"num_heads": config.num_heads, "domain": "com.microsoft"}
    attended = g("Attention", flat, np.ascontiguousarray(w["in_proj_weight"].T), into, **heads)
    y = g("Reshape", g("MatMul", attended, w["out_proj.weight"].T), ints(BATCH, *shapes[0]))
    return g("Add", y, w["out_proj.bias"]) if config.bias else y


def deform_conv(g: Graph, config: Any, w: Arrays, shapes: Any, x: str, offset: str, *mask: str) -> str | None:
    if len(shapes[0]) != 3 or is_word(config):  # ONNX Runtime: two axes, explicit pads
        return None
    given_ = {"group": config.groups, "offset_group": config.offset_groups, **pads(config.padding)}
    return g("DeformConv", x, w["weight"], offset, w.get("bias"), *mask, **window(config), **given_)


def scale(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    y = g("Mul", x, along_channels(w["weight"], shapes[0]))
    return g("Add", y, along_channels(w["bias"], shapes[0])) if config.bias else y


def softplus(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    steep = g("Mul", x, number(config.beta))
    soft = g("Div", g("Softplus", steep), number(config.beta))
    return g("Where", g("Greater", steep, number(config.threshold)), x, soft)


def of_elements(operator: str, **attributes: str) -> Build:
    """An operator of one tensor, with its attributes by the names of our fields."""

    def build(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
        return g(operator, x, **{attribute: getattr(config, field) for attribute, field in attributes.items()})

    return build


def along(operator: str) -> Build:
    return lambda g, config, w, shapes, *x: g(operator, *x, axis=behind_batch(config.axis))


def affine(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    return g("Add", g("Mul", x, number(config.factor)), number(config.addend))


def parameter(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    return g("Expand", w["weight" if config.learned else "constant"], ints(BATCH, *config.sizes))


TAKEN = {"l1": "L1", "l2": "L2", "sum_square": "SumSquare", "log_sum": "LogSum", "log_sum_exp": "LogSumExp"}


def taken_together(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    axes, kept = ints(*map(behind_batch, config.axes)), {"keepdims": int(config.keepdim)}
    if config.operation in ("argmax", "argmin"):
        last = int(config.select_last_index)
        operator = "ArgMax" if config.operation == "argmax" else "ArgMin"
        y = g("Cast", g(operator, x, axis=int(axes[0]), select_last_index=last, **kept), to=TensorProto.FLOAT)
    else:
        y = g(f"Reduce{TAKEN.get(config.operation, config.operation.title())}", x, axes, **kept)
    return g("Reshape", y, ints(BATCH, *config.shape(*shapes)))


def as_indices(g: Graph, x: str, size: int) -> str:
    """Numbers as indices: cut to what an axis has."""
    return g("Cast", g("Clip", x, number(-size), number(size - 1)), to=TensorProto.INT64)


def sample_by_sample(g: Graph, config: Any, shapes: Any, x: str, *others: str, item: Callable[..., str]) -> str:
    """One sample after the other: ONNX's Gather and ScatterND take the same indices for all."""
    samples = []
    for place in range(BATCH):
        own = [g("Gather", tensor, np.array(place, np.int64), axis=0) for tensor in (x, *others)]
        samples.append(g("Unsqueeze", item(g, config, shapes, *own), ints(0)))
    y = g("Concat", *samples, axis=0)
    return g("Reshape", y, ints(BATCH, *config.shape(*shapes)))


def points(g: Graph, indices: str, sizes: Shape) -> str:
    """As `as_indices`, for points of several axes."""
    last = np.array(sizes, np.float32) - 1
    return g("Cast", g("Min", g("Max", indices, -1 - last), last), to=TensorProto.INT64)


def gathered(g: Graph, config: Any, shapes: Any, x: Any, indices: str) -> str:
    first = config.axes[0] % len(shapes[0])
    sizes = shapes[0][first : first + len(config.axes)]
    if config.indices == "points":
        return g("GatherND", x, points(g, indices, sizes), batch_dims=first)
    operator = "Gather" if config.indices == "slices" else "GatherElements"
    return g(operator, x, as_indices(g, indices, *sizes), axis=first)


def scattered(g: Graph, config: Any, shapes: Any, x: str, indices: str, updates: str) -> str:
    """By the numbers of all elements of the tensor, gathered as the tensor would be."""
    flat = np.arange(math.prod(shapes[0]), dtype=np.float32).reshape(shapes[0])
    at = g("Cast", gathered(g, config, shapes[:2], flat, indices), to=TensorProto.INT64)
    lined = [g("Reshape", tensor, ints(-1)) for tensor in (x, at, updates)]
    return g("Reshape", g("ScatterElements", *lined, axis=0, reduction=config.reduction), ints(*shapes[0]))


def embedding(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    return g("Gather", w["weight"], as_indices(g, x, config.num_embeddings), axis=0)


def top_k(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    axis = behind_batch(config.axis)
    _, at = g.several("TopK", x, ints(config.k), outputs=2, axis=axis, largest=int(config.largest))
    return g("Cast", at, to=TensorProto.FLOAT)


def cumulate(g: Graph, config: Any, w: Arrays, shapes: Any, x: str) -> str:
    """A product is the running product of what comes before, laid end to end."""
    axis, size = behind_batch(config.axis) % (len(shapes[0]) + 1), shapes[0][config.axis]
    if config.operation == "sum":
        flags = {"exclusive": int(config.exclusive), "reverse": int(config.reverse)}
        return g("CumSum", x, np.array(axis, np.int64), **flags)
    parts = []
    for place in range(size):
        start, end = (place + config.exclusive, size) if config.reverse else (0, place + 1 - config.exclusive)
        product = g("ReduceProd", g("Slice", x, ints(start), ints(end), ints(axis)), ints(axis), keepdims=1)
        parts.append(product if end > start else g("Exp", g("Mul", g("ReduceMax", x, ints(axis)), number(0))))
    return g("Concat", *parts, axis=axis)


ZERO_AND_ONE = np.array([0, 1], np.float32)


def one_hot(g: Graph, config: Any, w: Arrays, shapes: Any, x: str, *values: str) -> str:
    axis = config.axis % (len(shapes[0]) + 1)
    indices = g("Cast", x, to=TensorProto.INT64)

    def item(g: Graph, config: Any, shapes: Any, own: str, pair: Any = ZERO_AND_ONE) -> str:
        return g("OneHot", own, ints(config.num_classes), pair, axis=axis)

    return sample_by_sample(g, config, shapes, indices, *values, item=item)


def trilu(g: Graph, config: Any, w: Arrays, shapes: Any, x: str, *diagonal: str) -> str:
    if not diagonal:
        return g("Trilu", x, np.array(config.diagonal, np.int64), upper=int(config.upper))
    number_ = g("Cast", g("Floor", *diagonal), to=TensorProto.INT64)

    def item(g: Graph, config: Any, shapes: Any, *own: str) -> str:
        return g("Trilu", *own, upper=int(config.upper))

    return sample_by_sample(g, config, shapes, x, number_, item=item)


TRUTH = {
    "equal": "Equal",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "less": "Less",
    "isinf": "IsInf",
    "less_equal": "LessOrEqual",
    "isnan": "IsNaN",
}


def of_each(g: Graph, config: Any, w: Arrays, shapes: Any, *x: str) -> str | None:
    """A function of elements. ONNX has types for truth and for whole numbers, ours are numbers."""
    operation: str = config.operation
    if operation in TRUTH:
        return g("Cast", g(TRUTH[operation], *x), to=TensorProto.FLOAT)
    if operation.startswith("logical_"):
        truths = [g("Cast", tensor, to=TensorProto.BOOL) for tensor in x]
        return g("Cast", g(operation.removeprefix("logical_").title(), *truths), to=TensorProto.FLOAT)
    if operation.endswith("_shift"):
        return None  # ONNX shifts whole numbers from 0: see test_elementwise.py
    if operation.startswith("bitwise_"):
        numbers = [g("Cast", tensor, to=TensorProto.INT64) for tensor in x]
        return g("Cast", g(f"Bitwise{operation.removeprefix('bitwise_').title()}", *numbers), to=TensorProto.FLOAT)
    if operation == "remainder":
        return None  # as shifts, whole numbers
    if operation == "fmod":
        return g("Mod", *x, fmod=1)
    if operation == "where":
        return g("Where", g("Cast", x[0], to=TensorProto.BOOL), *x[1:])
    return g("PRelu" if operation == "prelu" else operation.title(), *x)


OPS: dict[str, Build] = {
    "affine": affine,
    "elementwise": of_each,
    "max": lambda g, config, w, shapes, *x: g("Max", *x),
    "min": lambda g, config, w, shapes, *x: g("Min", *x),
    "pow": lambda g, config, w, shapes, x: g("Pow", x, number(config.exponent)),
    "div": lambda g, config, w, shapes, *x: g("Div", *x),
    "matmul": lambda g, config, w, shapes, *x: g("MatMul", *x),
    "parameter": parameter,
    "reduce": taken_together,
    "gather": lambda g, config, w, shapes, *x: sample_by_sample(g, config, shapes, *x, item=gathered),
    "scatter": lambda g, config, w, shapes, *x: sample_by_sample(g, config, shapes, *x, item=scattered),
    "embedding": embedding,
    "top_k": top_k,
    "cumulate": cumulate,
    "one_hot": one_hot,
    "trilu": trilu,
    "sub": lambda g, config, w, shapes, *x: g("Sub", *x),
    "adaptive_avg_pool": adaptive("AveragePool"),
    "adaptive_max_pool": adaptive("MaxPool"),
    "add": lambda g, config, w, shapes, *x: g("Sum", *x),
    "attention": attention,
    "avg_pool": pool("AveragePool"),
    "batch_norm": batch_norm,
    "celu": of_elements("Celu", alpha="alpha"),
    "channel_shuffle": channel_shuffle,
    "concat": along("Concat"),
    "conv": conv,
    "conv_transpose": conv_transpose,
    "crop": crop,
    "deform_conv": deform_conv,
    "dropout": lambda g, config, w, shapes, x: g("Dropout", x, number(config.p)) if config.p < 1 else None,
    "elu": of_elements("Elu", alpha="alpha"),
    "flatten": flatten,
    "gelu": of_elements("Gelu", approximate="approximate"),
    "global_avg_pool": reduced("ReduceMean"),
    "global_max_pool": reduced("ReduceMax"),
    "group_norm": normalised("GroupNormalization", num_groups="num_groups"),
    "hard_sigmoid": lambda g, config, w, shapes, x: g("HardSigmoid", x, alpha=1 / 6),
    "hard_swish": of_elements("HardSwish"),
    "hard_tanh": lambda g, config, w, shapes, x: g("Clip", x, number(config.min_val), number(config.max_val)),
    "identity": of_elements("Identity"),
    "instance_norm": instance_norm,
    "l2_norm": l2_norm,
    "layer_norm": layer_norm,
    "leaky_relu": of_elements("LeakyRelu", alpha="negative_slope"),
    "linear": linear,
    "local_response_norm": local_response_norm,
    "log_sigmoid": lambda g, config, w, shapes, x: g("Neg", g("Softplus", g("Neg", x))),
    "hardmax": along("Hardmax"),
    "log_softmax": along("LogSoftmax"),
    "max_pool": pool("MaxPool"),
    "mish": of_elements("Mish"),
    "mul": lambda g, config, w, shapes, *x: reduce(lambda product, item: g("Mul", product, item), x),
    "pad": pad,
    "permute": permute,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "prelu": lambda g, config, w, shapes, x: g("PRelu", x, along_channels(w["weight"], shapes[0])),
    "relu": of_elements("Relu"),
    "relu6": lambda g, config, w, shapes, x: g("Clip", x, number(0), number(6)),
    "reshape": lambda g, config, w, shapes, x: g("Reshape", x, ints(BATCH, *config.sizes)),
    "scale": scale,
    "selu": of_elements("Selu"),
    "sigmoid": of_elements("Sigmoid"),
    "silu": lambda g, config, w, shapes, x: g("Mul", x, g("Sigmoid", x)),
    "slice": cut,
    "softmax": along("Softmax"),
    "softplus": softplus,
    "softsign": of_elements("Softsign"),
    "split": split,
    "tanh": of_elements("Tanh"),
    "upsample": upsample,
}


def exported(g: Graph, config: Any, w: Arrays, shapes: Any, *x: str) -> str | None:
    """The form in which the kind is exported, if it has one."""
    layer = LayerOperators(f"layer{len(g.nodes)}", f"arrays{len(g.nodes)}", "float32")
    try:
        layer.ends_at(config.onnx(layer, x, shapes))
    except NoOnnxForm:
        return None
    g.nodes.extend(layer.nodes)
    g.constants += [numpy_helper.from_array(w[name], f"{layer.owner}.{name}") for name in sorted(layer.used)]
    return layer.name


class Example(NamedTuple):
    """A case with its arrays and inputs, and the name of the output in the graph."""

    config: Any
    arrays: Arrays
    inputs: dict[str, Any]
    output: str


def conditioned(config: Any) -> Any:
    """As the case, unless it magnifies what was rounded: a variance near zero is measured as differently as may be."""
    measured = hasattr(config, "eps") and not getattr(config, "track_running_stats", False)
    return msgspec.structs.replace(config, eps=0.1) if measured else config


def examples(name: str, drawn_cases: Iterable[Case], graph: Graph) -> list[Example]:
    """The cases that ONNX has words for."""
    items = []
    generator = np.random.default_rng(0)
    for number_, (given_config, shapes) in enumerate(drawn_cases):
        config = conditioned(given_config)
        of_layer = {**config.weights(*shapes), **config.buffers(*shapes)}
        arrays = {name: drawn(generator, name, shape, np.dtype("float32")) for name, shape in of_layer.items()}
        inputs = {
            f"x{number_}_{index}": (2 * generator.standard_normal((BATCH, *x))).astype(np.float32)
            for index, x in enumerate(shapes)
        }
        if name == "roi_align":  # a box ends behind its beginning
            boxes = inputs[f"x{number_}_1"]
            boxes[..., 2:] = boxes[..., :2] + abs(boxes[..., 2:])
        build: Build = OPS.get(name, exported)
        output = build(graph, config, arrays, shapes, *inputs)
        if output is not None:
            items.append(Example(config, arrays, inputs, output))
    return items


def meeting(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs as ONNX meets them: it aligns at the last axis what we align at the channels."""
    most = max(x.ndim for x in inputs.values())
    if name not in {"add", "mul", "sub", "div", "max", "min", "elementwise"}:
        return inputs
    return {tensor: x.reshape(*x.shape, *[1] * (most - x.ndim)) for tensor, x in inputs.items()}


OLDER = {"roi_align": 21, "global_lp_pool": 21, "max_unpool": 21}
"""Kinds whose operator ONNX Runtime has only of an older opset."""


def run(name: str, result: list[Example], graph: Graph) -> list[Any]:
    """The output of every example, by ONNX Runtime."""
    inputs = {tensor: x for example in result for tensor, x in meeting(name, example.inputs).items()}
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "cases",
            [helper.make_tensor_value_info(tensor, TensorProto.FLOAT, x.shape) for tensor, x in inputs.items()],
            [helper.make_tensor_value_info(example.output, TensorProto.FLOAT, None) for example in result],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OLDER.get(name, OPSET)), helper.make_opsetid("com.microsoft", 1)],
        ir_version=10,
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return list(session.run([example.output for example in result], inputs))


def agree(name: str, drawn_cases: Iterable[Case]) -> None:
    graph = Graph()
    result = examples(name, drawn_cases, graph)
    for example, theirs in zip(result, run(name, result, graph) if result else [], strict=True):
        config, inputs = example.config, list(example.inputs.values())
        assert theirs.shape == (BATCH, *config.shape(*(x.shape[1:] for x in inputs))), config
        with np.errstate(invalid="ignore"):  # a root of what is below zero is no number to either
            ours, _ = run_layer(Engine(), config, example.arrays, inputs)
        absolute = COARSE.get(name, ABSOLUTE)
        np.testing.assert_allclose(ours, theirs, RELATIVE, absolute, err_msg=f"{config} on {[x.shape for x in inputs]}")


COSTED = [name for name in layers.names() if load(name).costed]


@pytest.mark.parametrize("name", COSTED)
@settings(max_examples=MANY or 15)
@given(draw=draws)
def test_shapes_and_values_of_the_kinds_own_cases(name: str, draw: random.Random) -> None:
    agree(name, (load(name).case(draw) for _ in range(20)))


@pytest.mark.parametrize("name", GEOMETRIES)
@settings(max_examples=MANY or 40)
@given(data=st.data())
def test_shapes_and_values_of_windows_of_any_geometry(name: str, data: st.DataObject) -> None:
    agree(name, data.draw(st.lists(GEOMETRIES[name], min_size=10, max_size=20)))


@pytest.mark.parametrize("name", COSTED)
def test_every_kind_is_really_run(name: str) -> None:
    """No kind is without an operator, and no kind's cases are all left out."""
    draw = random.Random(0)
    cases = [load(name).case(draw) for _ in range(200)]
    assert len(examples(name, cases, Graph())) >= 10


@pytest.mark.parametrize("name", ["avg_pool", "batch_norm", "leaky_relu", "linear", "max_pool", "prelu"])
def test_the_exported_form_will_do_where_no_other_is_written(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(OPS, name)
    draw = random.Random(0)
    cases = [load(name).case(draw) for _ in range(20)]
    assert len(examples(name, cases, Graph())) == 20
    agree(name, cases)


def test_a_wrong_value_is_found() -> None:
    """The comparison sees an element that is off by little more than it allows."""
    with pytest.raises(AssertionError):
        np.testing.assert_allclose([1, 2 + 3e-4], [1, 2], RELATIVE, ABSOLUTE)
