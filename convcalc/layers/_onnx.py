"""What the ONNX forms of several kinds share: axes, padding and arrays as ONNX lays them out, the batch in front."""

from collections.abc import Sequence
from typing import Any

from convcalc.layers import OnnxGraph, Shape

Numbers = Sequence[int]

_INT64 = 7

PAD_MODES = {"zeros": "constant", "constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def onnx_axis(axis: int, x: Shape) -> int:
    """An axis of ours, counted with the batch as axis 0."""
    return axis % len(x) + 1


def positions(x: Shape) -> list[int]:
    """The spatial axes."""
    return list(range(2, len(x) + 1))


def ends(pairs: Sequence[tuple[int, int]]) -> list[int]:
    """All befores, then all afters."""
    return [*(before for before, _ in pairs), *(after for _, after in pairs)]


def padded(
    graph: OnnxGraph, x: str, pairs: Sequence[tuple[int, int]], mode: str = "constant", value: float = 0.0
) -> str:
    """Positions added around x, unless there are none to add."""
    if not any(before or after for before, after in pairs):
        return x
    fill = graph.constant(float(value)) if mode == "constant" else ""
    axes = graph.constant(list(range(2, 2 + len(pairs))))
    return graph.node("Pad", x, graph.constant(ends(pairs)), fill, axes, mode=PAD_MODES[mode])


def shaped(graph: OnnxGraph, x: str, sizes: Numbers) -> str:
    """Another shape, the batch kept."""
    return graph.node("Reshape", x, graph.constant([0, *sizes]))


def cut(graph: OnnxGraph, x: str, starts: Numbers, stops: Numbers, axes: Numbers, step: int = 1) -> str:
    """From `starts` up to `stops` on the given axes."""
    inputs = [graph.constant(list(numbers)) for numbers in (starts, stops, axes)]
    return graph.node("Slice", x, *inputs, graph.constant([step] * len(axes)))


def per_channel(graph: OnnxGraph, array: str, x: Shape) -> str:
    """An array of one number a channel, laid along the channels of a tensor."""
    return array if len(x) == 1 else graph.node("Reshape", array, graph.constant([-1, *[1] * (len(x) - 1)]))


def entered_or_own(graph: OnnxGraph, given: Sequence[str], biased: bool) -> tuple[str, str]:
    """Weight and bias of a convolution: the tensors that entered as such, without their batch, or the layer's own."""
    batch = graph.constant([0]) if given else ""
    weight, bias = [*(graph.node("Squeeze", tensor, batch) for tensor in given), "", ""][:2]
    return weight or graph.weight("weight"), bias or (graph.weight("bias") if biased else "")


def convolved(graph: OnnxGraph, op: str, x: str, shape: Shape, weight: str, bias: str, **attributes: Any) -> str:
    """Conv or ConvTranspose, which need a position: a tensor of channels alone has one for the while."""
    if len(shape) > 1:
        return graph.node(op, x, weight, bias, **attributes)
    last = graph.constant([2])
    y = graph.node(op, graph.node("Unsqueeze", x, last), graph.node("Unsqueeze", weight, last), bias, **attributes)
    return graph.node("Squeeze", y, last)


def affine(graph: OnnxGraph, channels: int, scale: bool, shift: bool) -> tuple[str, str]:
    """The learned ones, or those that change nothing, where an operator always takes both."""
    factor = graph.weight("weight") if scale else graph.constant([1.0] * channels)
    return factor, graph.weight("bias") if shift else graph.constant([0.0] * channels)


def element_type(graph: OnnxGraph) -> int:
    """The dtype of the network as Cast has it."""
    return {"float16": 10, "float64": 11}.get(graph.dtype, 1)


def held(graph: OnnxGraph, indices: str, sizes: Numbers) -> str:
    """Indices as whole numbers, those outside of an axis at the nearest end; of several axes one each, on the last."""
    ends = [-float(size) for size in sizes], [float(size - 1) for size in sizes]
    first, last = (graph.constant(end[0] if len(sizes) == 1 else end) for end in ends)
    if len(sizes) == 1:
        within = graph.node("Clip", indices, first, last)
    else:
        within = graph.node("Min", graph.node("Max", indices, first), last)
    return graph.node("Cast", within, to=_INT64)


def ones(graph: OnnxGraph, sizes: Numbers) -> str:
    """A tensor of ones."""
    return graph.node("Expand", graph.constant(1.0), graph.constant(list(sizes)))


def beginnings(graph: OnnxGraph, x: str, shape: Shape, size: int) -> str:
    """Where each sample begins in a batch that is counted through, of `size` elements a sample, for a tensor like x."""
    samples = graph.node("Squeeze", graph.node("Shape", x, start=0, end=1))
    numbered = graph.node("Range", graph.constant(0), samples, graph.constant(1))
    begins = graph.node("Mul", numbered, graph.constant(size))
    return graph.node("Reshape", begins, graph.constant([-1, *[1] * len(shape)]))


def whole(graph: OnnxGraph, indices: str, size: int) -> str:
    """Indices as whole numbers, those outside at the nearest end."""
    return graph.node("Cast", graph.node("Clip", indices, graph.constant(0.0), graph.constant(size - 1.0)), to=_INT64)
