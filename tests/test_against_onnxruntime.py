"""ONNX Runtime as an oracle of output shapes and weight shapes: what it makes of the same fields, by running them.

Every example puts many cases into one model, which takes zeros. Left out are only cases that ONNX has no word for or
defines otherwise; each says why.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest
from conftest import MANY, Case, convolutions, draws, load, pools
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from convcalc.layers import Shape

OPSET = 22
AUTO_PAD = {"same": "SAME_UPPER", "same_lower": "SAME_LOWER", "valid": "VALID"}


class Op(NamedTuple):
    """An operator: its constants (w) stand behind its inputs (x) unless `order` mixes them; `part` of its `outputs` is
    looked at."""

    name: str
    attributes: dict[str, Any]
    constants: Sequence[Any] = ()
    outputs: int = 1
    part: int = 0
    order: Sequence[str] = ()


def ints(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


def zeros(*shapes: Shape) -> list[Any]:
    return [np.zeros(shape, np.float32) for shape in shapes]


def pads(padding: Any) -> dict[str, Any]:
    if isinstance(padding, str):
        return {"auto_pad": AUTO_PAD[padding]}
    return {"pads": [*(before for before, _ in padding), *(after for _, after in padding)]}


def is_word(config: Any) -> bool:
    return isinstance(config.padding, str)


def behind_batch(axis: int) -> int:
    """An axis of ours, where ONNX has the batch as axis 0."""
    return axis + 1 if axis >= 0 else axis


def conv(config: Any, x: Shape) -> Op | None:
    if len(x) == 1 or config.padding == "causal":  # ONNX needs an axis, and has no causal padding
        return None
    if str(config.padding).startswith("same") and set(config.dilation) != {1}:
        return None  # "Dilation not supported for AutoPadType::SAME_UPPER or SAME_LOWER"
    window = {"kernel_shape": config.kernel_size, "strides": config.stride, "dilations": config.dilation}
    weights = zeros(*config.weights(x).values())
    return Op("Conv", {**window, "group": config.groups, **pads(config.padding)}, weights)


def conv_transpose(config: Any, x: Shape) -> Op | None:
    if len(x) == 1:
        return None
    extents = [d * (k - 1) + 1 for k, d in zip(config.kernel_size, config.dilation, strict=True)]
    if is_word(config) and any(extent < s for extent, s in zip(extents, config.stride, strict=True)):
        return None  # for a kernel shorter than its stride ONNX's text and its code disagree; ours is Keras' rule
    if any(added >= s for added, s in zip(config.output_padding, config.stride, strict=True)):
        return None  # below dilation but not below stride: ONNX Runtime refuses what PyTorch allows
    window = {"kernel_shape": config.kernel_size, "strides": config.stride, "dilations": config.dilation}
    window |= {"group": config.groups, "output_padding": config.output_padding}
    return Op("ConvTranspose", {**window, **pads(config.padding)}, zeros(*config.weights(x).values()))


def pool(name: str) -> Callable[[Any, Shape], Op | None]:
    def op(config: Any, x: Shape) -> Op | None:
        if config.ceil_mode and is_word(config):
            return None  # with auto_pad ONNX's formulas know no ceil_mode
        if is_word(config) and any(k < s for k, s in zip(config.kernel_size, config.steps(), strict=True)):
            return None  # for a kernel shorter than its stride ONNX Runtime makes a negative padding, and refuses it
        if not is_word(config):
            both = zip(config.padding, config.kernel_size, strict=True)
            if any(max(pair) >= k for pair, k in both):
                return None  # it measures the pad against the kernel, PyTorch's documentation against the dilated one
        attributes = {"kernel_shape": config.kernel_size, "strides": config.steps(), **pads(config.padding)}
        attributes |= {"ceil_mode": int(config.ceil_mode)}
        if name == "MaxPool":
            if str(config.padding).startswith("same") and set(config.dilation) != {1}:
                return None  # as Conv
            return Op(name, {**attributes, "dilations": config.dilation})
        return Op(name, {**attributes, "count_include_pad": int(config.count_include_pad)})

    return op


def upsample(config: Any, x: Shape) -> Op | None:
    if config.scale_factor is None:
        return Op("Resize", {"mode": "nearest"}, [None, None, ints(1, x[0], *config.size)])
    if any(bottom & (bottom - 1) for _, bottom in config.scale_factor):
        return None  # its scales are float32, which has no thirds
    scales = [1, 1, *(top / bottom for top, bottom in config.scale_factor)]
    return Op("Resize", {"mode": "nearest"}, [None, np.array(scales, np.float32)])


def pad(config: Any, x: Shape) -> Op:
    mode = {"replicate": "edge", "circular": "wrap"}.get(config.mode, config.mode)
    (befores, afters) = zip(*config.padding, strict=True)
    return Op("Pad", {"mode": mode}, [ints(0, 0, *befores, 0, 0, *afters)])


def crop(config: Any, x: Shape) -> Op:
    axes = ints(*range(2, len(x) + 1))
    if config.size is not None:
        return Op("CenterCropPad", {"axes": axes}, [ints(*config.size)])
    befores, afters = zip(*config.cropping, strict=True)
    ends = [-after if after else 2**62 for after in afters]
    return Op("Slice", {}, [ints(*befores), ints(*ends), axes])


def cut(config: Any, x: Shape) -> Op:
    end = 2**62 if config.end is None else config.end
    return Op("Slice", {}, [ints(config.start), ints(end), ints(behind_batch(config.axis)), ints(config.step)])


def split(config: Any, x: Shape) -> Op:
    attributes = {"axis": behind_batch(config.axis), "num_outputs": config.sections}
    return Op("Split", attributes, outputs=config.sections, part=config.part)


def blocks(name: str, factor: str) -> Callable[[Any, Shape], Op | None]:
    def op(config: Any, x: Shape) -> Op | None:
        return Op(name, {"blocksize": getattr(config, factor)}) if len(x) == 3 else None  # ONNX: two axes alone

    return op


def permute(config: Any, x: Shape) -> Op:
    return Op("Transpose", {"perm": [0, *(axis % len(x) + 1 for axis in config.axes)]})


def flatten(config: Any, x: Shape) -> Op | None:
    whole = config.start_axis % len(x) == 0 and config.end_axis % len(x) == len(x) - 1
    return Op("Flatten", {"axis": 1}) if whole else None  # ONNX flattens to two axes


def reduced(name: str) -> Callable[[Any, Shape], Op | None]:
    def op(config: Any, x: Shape) -> Op | None:
        axes = ints(*range(2, len(x) + 1))
        return Op(name, {"keepdims": int(config.keepdim)}, [axes])

    return op


def adaptive(name: str) -> Callable[[Any, Shape], Op | None]:
    def op(config: Any, x: Shape) -> Op | None:
        return Op(name, {}) if set(config.output_size) == {1} else None  # ONNX has the global pools alone

    return op


def layer_norm(config: Any, x: Shape) -> Op | None:
    weights = config.weights(x)
    if [axis % len(x) for axis in config.axes] != list(range(len(x)))[-len(config.axes) :] or not weights:
        return None  # ONNX normalises the last axes, and always has a scale
    return Op("LayerNormalization", {"axis": -len(config.axes)}, zeros(*weights.values()))


def batch_norm(config: Any, x: Shape) -> Op | None:
    arrays = {**config.weights(x), **config.buffers(x)}
    return Op("BatchNormalization", {}, zeros(*arrays.values())) if len(arrays) == 4 else None  # it always has all four


def affine(name: str, **attributes: str) -> Callable[[Any, Shape], Op | None]:
    def op(config: Any, x: Shape) -> Op | None:
        given_ = {attribute: getattr(config, field) for attribute, field in attributes.items()}
        arrays = zeros(*config.weights(x).values())
        return Op(name, given_, arrays) if arrays and len(x) > 1 else None  # ONNX always has the weights, and positions

    return op


def prelu(config: Any, x: Shape) -> Op:
    (slopes,) = config.weights(x)["weight"]
    return Op("PRelu", {}, zeros((slopes, *[1] * (len(x) - 1))))


def deform_conv(config: Any, x: Shape, *maps: Shape) -> Op | None:
    if len(x) != 3 or is_word(config):  # ONNX Runtime: two axes, explicit pads
        return None
    weight, *bias = zeros(*config.weights(x).values())
    window = {"kernel_shape": config.kernel_size, "strides": config.stride, "dilations": config.dilation}
    window |= {"group": config.groups, "offset_group": config.offset_groups, **pads(config.padding)}
    order = ["x0", "w0", "x1", "w1", "x2"][: 3 if len(maps) == 1 and not bias else 4 if len(maps) == 1 else 5]
    return Op("DeformConv", window, [weight, *(bias or [None])], order=order)


OPS: dict[str, Callable[..., Op | None]] = {
    "adaptive_avg_pool": adaptive("GlobalAveragePool"),
    "adaptive_max_pool": adaptive("GlobalMaxPool"),
    "add": lambda config, *inputs: Op("Sum", {}),
    "avg_pool": pool("AveragePool"),
    "batch_norm": batch_norm,
    "concat": lambda config, *inputs: Op("Concat", {"axis": behind_batch(config.axis)}),
    "conv": conv,
    "conv_transpose": conv_transpose,
    "crop": crop,
    "deform_conv": deform_conv,
    "flatten": flatten,
    "global_avg_pool": reduced("ReduceMean"),
    "global_max_pool": reduced("ReduceMax"),
    "group_norm": affine("GroupNormalization", num_groups="num_groups"),
    "instance_norm": affine("InstanceNormalization"),
    "layer_norm": layer_norm,
    "linear": lambda config, x: Op("MatMul", {}, zeros(config.weights(x)["weight"][::-1])),
    "max_pool": pool("MaxPool"),
    "mul": lambda config, *inputs: Op("Mul", {}) if len(inputs) == 2 else None,  # Mul takes two
    "pad": pad,
    "permute": permute,
    "pixel_shuffle": blocks("DepthToSpace", "upscale_factor"),
    "pixel_unshuffle": blocks("SpaceToDepth", "downscale_factor"),
    "prelu": prelu,
    "reshape": lambda config, x: Op("Reshape", {}, [ints(1, *config.sizes)]),
    "slice": cut,
    "split": split,
    "upsample": upsample,
}


def entering(name: str, inputs: tuple[Shape, ...]) -> list[Shape]:
    """The shapes with a batch of one; ONNX aligns at the last axis what we align at the channels."""
    most = max(map(len, inputs))
    if name in {"add", "mul"}:
        return [(1, *x, *[1] * (most - len(x))) for x in inputs]
    return [(1, *x) for x in inputs]


def run(cases: Sequence[tuple[str, Case, Op]]) -> list[Shape]:
    """The output shape of every case, the batch taken off."""
    nodes, values, constants, wanted = [], [], [], []
    for number, (name, (config, inputs), op) in enumerate(cases):
        tensors = [f"x{number}_{index}" for index in range(len(inputs))]
        values += list(zip(tensors, entering(name, inputs), strict=True))
        behind = ["" if array is None else f"w{number}_{index}" for index, array in enumerate(op.constants)]
        constants += [
            numpy_helper.from_array(array, constant)
            for constant, array in zip(behind, op.constants, strict=True)
            if array is not None
        ]
        outputs = [f"y{number}_{index}" for index in range(op.outputs)]
        wanted.append(outputs[op.part])
        names = {f"x{index}": tensor for index, tensor in enumerate(tensors)}
        names |= {f"w{index}": constant for index, constant in enumerate(behind)}
        entered = [names[place] for place in op.order or names]
        nodes.append(
            helper.make_node(op.name, entered, outputs, name=f"{number} {name} {config} on {inputs}", **op.attributes)
        )
    graph = helper.make_graph(
        nodes,
        "cases",
        [helper.make_tensor_value_info(tensor, TensorProto.FLOAT, shape) for tensor, shape in values],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None) for output in wanted],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = session.run(wanted, {tensor: np.zeros(shape, np.float32) for tensor, shape in values})
    return [tensor.shape[1:] for tensor in found]


def agree(name: str, drawn: Iterable[Case]) -> None:
    cases = [(name, case, op) for case in drawn if (op := OPS[name](case[0], *case[1])) is not None]
    for (_, (config, inputs), _), shape in zip(cases, run(cases) if cases else [], strict=True):
        assert config.shape(*inputs) == shape, (config, inputs)


@pytest.mark.parametrize("name", OPS)
@settings(max_examples=MANY or 15)
@given(draw=draws)
def test_shapes_of_the_kinds_own_cases(name: str, draw: random.Random) -> None:
    agree(name, (load(name).case(draw) for _ in range(30)))


WIDE = {
    "conv": convolutions(),
    "conv_transpose": convolutions(transposed=True),
    "max_pool": pools("max_pool"),
    "avg_pool": pools("avg_pool"),
}


@pytest.mark.parametrize("name", WIDE)
@settings(max_examples=MANY or 40)
@given(data=st.data())
def test_shapes_of_windows_of_any_geometry(name: str, data: st.DataObject) -> None:
    agree(name, data.draw(st.lists(WIDE[name], min_size=10, max_size=20)))


def test_every_operator_is_really_used() -> None:
    """No kind's cases are all left out."""
    draw = random.Random(0)
    for name, op in OPS.items():
        cases = (load(name).case(draw) for _ in range(200))
        assert any(op(config, *inputs) for config, inputs in cases), name
