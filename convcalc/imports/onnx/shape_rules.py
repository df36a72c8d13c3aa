"""The shapes that ONNX's own operators give, for those of their uses that no kind expresses.

They are worked out from shapes and small constants alone, so that what stands behind is counted all the same. What an
operator says of more than shapes is not looked at here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, prod

from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.values import Value, from_front
from convcalc.layers import Shape

Inputs = Sequence[Value | None]
Rule = Callable[[GraphNode, Inputs, int], Shape]


def _value(inputs: Inputs, index: int) -> Value:
    value = inputs[index] if index < len(inputs) else None
    if value is None or not value.known:
        raise Inexpressible(f"nothing is known of input {index + 1}")
    return value


def _numbers(node: GraphNode, inputs: Inputs, index: int, attribute: str = "") -> list[int] | None:
    """Whole numbers of an attribute or an input; None where they are left out."""
    stated = node.attributes.integers(attribute) if attribute else None
    if stated is not None or index >= len(inputs) or inputs[index] is None:
        return stated
    constant = _value(inputs, index).constant
    if constant is None:
        raise Inexpressible("numbers that another layer computes")
    return constant.integers()


def _windows(node: GraphNode, sizes: Shape, kernel: Sequence[int]) -> Shape:
    """The positions that a window has on each axis."""
    rank = len(sizes)
    strides = node.attributes.integers("strides") or [1] * rank
    dilations = node.attributes.integers("dilations") or [1] * rank
    pads = node.attributes.integers("pads") or [0] * (2 * rank)
    if node.attributes.text("auto_pad", "NOTSET").startswith("SAME"):
        return tuple(ceil(size / stride) for size, stride in zip(sizes, strides, strict=True))
    counts = []
    for axis, (size, length, stride, dilation) in enumerate(zip(sizes, kernel, strides, dilations, strict=True)):
        room = size + pads[axis] + pads[axis + rank] - dilation * (length - 1) - 1
        count = -(-room // stride) if node.attributes.integer("ceil_mode") else room // stride
        counts.append(count + 1)
    return tuple(counts)


def _conv(weight: int) -> Rule:
    def shape(node: GraphNode, inputs: Inputs, place: int) -> Shape:
        x, w = _value(inputs, 0).shape, _value(inputs, weight).shape
        return (x[0], w[0], *_windows(node, x[2:], w[2:]))

    return shape


def _pool(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    x = _value(inputs, 0).shape
    return (*x[:2], *_windows(node, x[2:], node.attributes.integers("kernel_shape") or []))


def _global_pool(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    x = _value(inputs, 0).shape
    return (*x[:2], *(1 for _ in x[2:]))


def _product(second: int) -> Rule:
    def shape(node: GraphNode, inputs: Inputs, place: int) -> Shape:
        x, y = _value(inputs, 0).shape, _value(inputs, second).shape
        rows, columns = x[:-1][-1:], y[-1:] if len(y) > 1 else ()
        if x[-1] != (y[-2] if len(y) > 1 else y[0]):
            raise Inexpressible(f"a product of shapes {list(x)} and {list(y)}")
        return (*constants.broadcast([x[:-2], y[:-2]]), *rows, *columns)

    return shape


def _gemm(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    x, y = _value(inputs, 0).shape, _value(inputs, 1).shape
    return x[1 if node.attributes.integer("transA") else 0], y[0 if node.attributes.integer("transB") else 1]


def _same(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    return _value(inputs, 0).shape


def _first_alone(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    return _value(inputs, 0).shape if place == 0 else ()


def _concat(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    shapes = [_value(inputs, index).shape for index in range(len(inputs))]
    axis = from_front(node.attributes.integer("axis", 1), len(shapes[0]))
    return (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])


def _transpose(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    x = _value(inputs, 0).shape
    return tuple(x[axis] for axis in node.attributes.integers("perm") or reversed(range(len(x))))


def _gather(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    x, indices = _value(inputs, 0).shape, _value(inputs, 1).shape
    axis = from_front(node.attributes.integer("axis"), len(x))
    return (*x[:axis], *indices, *x[axis + 1 :])


def _gather_elements(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    return _value(inputs, 1).shape


def _top_k(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    x, count = _value(inputs, 0).shape, _numbers(node, inputs, 1)
    stated = node.attributes.integer("k") if count is None else count[0]
    axis = from_front(node.attributes.integer("axis", -1), len(x))
    return (*x[:axis], stated, *x[axis + 1 :])


def _arg(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    return _left(node, _value(inputs, 0).shape, [node.attributes.integer("axis")])


def _reduced(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    x = _value(inputs, 0).shape
    return _left(node, x, _numbers(node, inputs, 1, "axes") or range(len(x)))


def _left(node: GraphNode, shape: Shape, axes: Sequence[int]) -> Shape:
    gone, keeps = {from_front(axis, len(shape)) for axis in axes}, node.attributes.integer("keepdims", 1)
    return tuple(1 if axis in gone else size for axis, size in enumerate(shape) if keeps or axis not in gone)


def _resize(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    x = _value(inputs, 0).shape
    axes = [from_front(axis, len(x)) for axis in node.attributes.integers("axes") or range(len(x))]
    sizes = _numbers(node, inputs, 3) if len(inputs) > 3 else None
    given: list[int] = list(x)
    if sizes:
        for axis, size in zip(axes, sizes, strict=True):
            given[axis] = size
        return tuple(given)
    scales = _value(inputs, 1 if len(inputs) == 2 else 2).constant
    if scales is None or not scales.numbers:
        raise Inexpressible("scales that are not known")
    for axis, scale in zip(axes, scales.numbers, strict=True):
        given[axis] = int(x[axis] * scale)
    return tuple(given)


def _padded(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    x, pads = _value(inputs, 0).shape, _numbers(node, inputs, 1, "pads") or []
    axes = [from_front(axis, len(x)) for axis in _numbers(node, inputs, 3) or range(len(x))]
    given = list(x)
    for at, axis in enumerate(axes):
        given[axis] += pads[at] + pads[at + len(axes)]
    return tuple(given)


def _tiled(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    times = _numbers(node, inputs, 1) or []
    return tuple(size * time for size, time in zip(_value(inputs, 0).shape, times, strict=True))


def _expanded(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    return constants.broadcast([_value(inputs, 0).shape, tuple(_numbers(node, inputs, 1) or ())])


def _stated(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    """Reshape to sizes that are said in full, whatever enters."""
    sizes = _numbers(node, inputs, 1, "shape") or []
    if len(inputs) > 0 and inputs[0] is not None and inputs[0].known:
        x = inputs[0].shape
        zeros = [x[at] if size == 0 and at < len(x) else size for at, size in enumerate(sizes)]
        rest = prod(size for size in zeros if size != -1)
        return tuple(prod(x) // rest if size == -1 else size for size in zeros)
    if not all(size > 0 for size in sizes):
        raise Inexpressible("sizes that what enters completes")
    return tuple(sizes)


def _einsum(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    left, arrow, right = node.attributes.text("equation").replace(" ", "").partition("->")
    if not arrow or "." in left:
        raise Inexpressible("an equation with axes that it does not name")
    terms = enumerate(left.split(","))
    sizes = {letter: size for at, term in terms for letter, size in zip(term, _value(inputs, at).shape, strict=True)}
    return tuple(sizes[letter] for letter in right)


def _grid_sample(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    return (*_value(inputs, 0).shape[:2], *_value(inputs, 1).shape[1:-1])


def _recurrent(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    """All steps, the last one, and of an LSTM the last cell."""
    first, size = _value(inputs, 0).shape, node.attributes.integer("hidden_size")
    directions = 2 if node.attributes.text("direction", "forward") == "bidirectional" else 1
    if node.attributes.integer("layout"):
        return (*first[:2], directions, size) if place == 0 else (first[0], directions, size)
    return (first[0], directions, first[1], size) if place == 0 else (directions, first[1], size)


def _shape_of_its_own(node: GraphNode, inputs: Inputs, place: int) -> Shape:
    return tuple(node.attributes.integers("shape") or ())


_SAME = (
    "QuantizeLinear", "DequantizeLinear", "ScatterND", "ScatterElements", "Scatter", "CumSum", "Trilu", "Softmax",
    "LogSoftmax", "BatchNormalization", "InstanceNormalization", "GroupNormalization", "LayerNormalization",
    "RMSNormalization", "Gelu", "Selu", "Softplus", "Softsign", "Swish", "HardSwish", "Mish", "PRelu", "Relu",
    "Sigmoid", "Tanh", "Neg", "Identity", "Cast", "Dropout", "ReverseSequence", "RotaryEmbedding",
)  # fmt: skip
_REDUCTIONS = ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")

RULES: dict[str, Rule] = {
    **dict.fromkeys(("Conv", "ConvInteger"), _conv(1)),
    "QLinearConv": _conv(3),
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), _pool),
    **dict.fromkeys(("GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"), _global_pool),
    **dict.fromkeys(("MatMul", "MatMulInteger"), _product(1)),
    "QLinearMatMul": _product(3),
    "Gemm": _gemm,
    "DynamicQuantizeLinear": _first_alone,
    **dict.fromkeys(_SAME, _same),
    "Concat": _concat,
    "Transpose": _transpose,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "TopK": _top_k,
    **dict.fromkeys(("ArgMax", "ArgMin"), _arg),
    **{f"Reduce{name}": _reduced for name in _REDUCTIONS},
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    "Pad": _padded,
    "Tile": _tiled,
    "Expand": _expanded,
    "Reshape": _stated,
    "Einsum": _einsum,
    "GridSample": _grid_sample,
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _recurrent),
    **dict.fromkeys(("RandomNormal", "RandomUniform"), _shape_of_its_own),
}
"""By operator. Those that meet element by element are in `evidence`."""
