"""The operators that move elements, on constants and on layers: shapes and elements as ONNX Runtime has them.

CONVCALC_EXAMPLES=1000 draws so many nodes of each operator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest
from conftest import MANY
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from convcalc.exports.onnx.run import run
from convcalc.exports.onnx.write import model as written
from convcalc.imports.errors import CannotImport
from convcalc.imports.onnx.operators.shapes import MOVES
from convcalc.imports.onnx.reading import parse
from convcalc.imports.onnx.walk import Walk, of_bytes
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.readable.text import text

Array = Any
Shape = tuple[int, ...]
OPSETS = (7, 9, 10, 11, 12, 13, 14, 18, 21)


class Drawn(NamedTuple):
    """A node: its opset, its attributes, the arrays it reads behind its first input, and how many outputs it has."""

    opset: int
    attributes: dict[str, Any]
    arrays: Sequence[Array | None] = ()
    outputs: int = 1


def ints(numbers: Sequence[int]) -> Array:
    return np.array(numbers, np.int64)


def counted_from(draw: st.DrawFn, axis: int, rank: int, *, negative: bool = True) -> int:
    """An axis, counted from the beginning or from the end."""
    return axis - rank if negative and draw(st.booleans()) else axis


def numbers(opset: int, since: int, name: str, values: Sequence[int]) -> tuple[dict[str, Any], list[Array | None]]:
    """Numbers as an attribute, or as an input since an opset."""
    return ({}, [ints(values)]) if opset >= since else ({name: list(values)}, [])


def reshape(draw: st.DrawFn, shape: Shape, opset: int) -> Drawn:
    sizes: list[int] = []
    for size in shape:
        if draw(st.booleans()) and sizes:
            sizes[-1] *= size
        else:
            sizes += [1] * draw(st.sampled_from([0, 0, 1])) + [size]
    zeros = opset >= 14 and draw(st.booleans())
    if not zeros:
        same = [place for place, size in enumerate(sizes) if place < len(shape) and size == shape[place]]
        for place in same:
            sizes[place] = draw(st.sampled_from([0, sizes[place]]))
    if draw(st.booleans()) and sizes:
        sizes[draw(st.integers(0, len(sizes) - 1))] = -1
    return Drawn(opset, {"allowzero": 1} if zeros else {}, [ints(sizes)])


def flatten(draw: st.DrawFn, shape: Shape, opset: int) -> Drawn:
    axis = draw(st.integers(-len(shape) if opset >= 11 else 0, len(shape)))
    return Drawn(opset, {} if axis == 1 and draw(st.booleans()) else {"axis": axis})


def squeeze(draw: st.DrawFn, shape: Shape, opset: int) -> Drawn:
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    if not ones or draw(st.booleans()):
        return Drawn(opset, {})
    axes = draw(st.lists(st.sampled_from(ones), min_size=1, unique=True))
    signed = [counted_from(draw, axis, len(shape), negative=opset >= 11) for axis in axes]
    return Drawn(opset, *numbers(opset, 13, "axes", signed))


def unsqueeze(draw: st.DrawFn, shape: Shape, opset: int) -> Drawn:
    count = draw(st.integers(1, 2))
    rank = len(shape) + count
    axes = draw(st.lists(st.integers(0, rank - 1), min_size=count, max_size=count, unique=True))
    signed = [counted_from(draw, axis, rank, negative=opset >= 11) for axis in axes]
    return Drawn(opset, *numbers(opset, 13, "axes", signed))


def transpose(draw: st.DrawFn, shape: Shape, opset: int) -> Drawn:
    order = draw(st.permutations(range(len(shape))))
    return Drawn(opset, {"perm": order} if draw(st.booleans()) and order else {})


def concat(draw: st.DrawFn, shape: Shape, opset: int) -> Drawn:
    """With constants, and (None) with itself."""
    axis = draw(st.integers(0, len(shape) - 1))
    more: list[Array | None] = []
    for _ in range(draw(st.integers(0, 2))):
        size = draw(st.integers(0, 3))
        other = (*shape[:axis], size, *shape[axis + 1 :])
        more.append(draw(st.sampled_from([None, np.arange(math.prod(other), dtype=np.float32).reshape(other)])))
    return Drawn(opset, {"axis": counted_from(draw, axis, len(shape), negative=opset >= 11)}, more)


def slices(draw: st.DrawFn, shape: Shape, opset: int) -> Drawn:
    axes = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    ends_of_axes = st.sampled_from([*range(-7, 8), -(2**31), 2**31 - 1, -(2**63), 2**63 - 1])
    starts, ends = ([draw(ends_of_axes) for _ in axes] for _ in range(2))
    if opset < 10:
        return Drawn(opset, {"starts": starts, "ends": ends, "axes": axes})
    signed = [counted_from(draw, axis, len(shape)) for axis in axes]
    steps = [draw(st.sampled_from([1, 2, 9, *([-1, -2] if end < 2**31 - 1 else [])])) for end in ends]
    if axes == list(range(len(axes))) and draw(st.booleans()):
        return Drawn(opset, {}, [ints(starts), ints(ends)])
    return Drawn(opset, {}, [ints(starts), ints(ends), ints(signed), *([ints(steps)] if draw(st.booleans()) else [])])


def split(draw: st.DrawFn, shape: Shape, opset: int) -> Drawn:
    axis = draw(st.integers(0, len(shape) - 1))
    size, count = shape[axis], draw(st.integers(1, 3))
    attributes = {"axis": counted_from(draw, axis, len(shape), negative=opset >= 11)}
    if size % count == 0 and draw(st.booleans()):
        return Drawn(opset, attributes | ({"num_outputs": count} if opset >= 18 else {}), [], count)
    if opset >= 18 and size >= count and draw(st.booleans()):
        return Drawn(opset, attributes | {"num_outputs": count}, [], count)
    ends = sorted(draw(st.lists(st.integers(0, size), min_size=count - 1, max_size=count - 1)))
    sizes = [end - start for start, end in zip([0, *ends], [*ends, size], strict=True)]
    stated, arrays = numbers(opset, 13, "split", sizes)
    return Drawn(opset, attributes | stated, arrays, count)


def gather(draw: st.DrawFn, shape: Shape, opset: int) -> Drawn:
    axis = draw(st.integers(0, len(shape) - 1))
    size = shape[axis]
    of = draw(st.sampled_from([(), (1,), (2,), (3,), (2, 2), (1, 1), (0,)])) if size else (0,)
    least = -size if opset >= 11 else 0
    indices = [draw(st.integers(least, max(size - 1, least))) for _ in range(math.prod(of))]
    attributes = {"axis": counted_from(draw, axis, len(shape), negative=opset >= 11)}
    return Drawn(opset, attributes, [ints(indices).reshape(of)])


def expand(draw: st.DrawFn, shape: Shape, opset: int) -> Drawn:
    sizes = [draw(st.sampled_from([1, size] if size != 1 else [1, 2, 3, 0])) for size in shape]
    front = [draw(st.integers(1, 2)) for _ in range(draw(st.integers(0, 1)))]
    sizes = [*front, *sizes] if front else sizes[draw(st.integers(0, len(sizes))) :]
    return Drawn(max(opset, 8), {}, [ints(sizes)])


def tile(draw: st.DrawFn, shape: Shape, opset: int) -> Drawn:
    return Drawn(opset, {}, [ints([draw(st.sampled_from([1, 1, 2, 3, 0])) for _ in shape])])


DRAWN: dict[str, Callable[[st.DrawFn, Shape, int], Drawn]] = {
    "Reshape": reshape,
    "Flatten": flatten,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": transpose,
    "Concat": concat,
    "Slice": slices,
    "Split": split,
    "Gather": gather,
    "Expand": expand,
    "Tile": tile,
}
OF_SCALARS = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Expand", "Tile"}
"""Operators that need no axis."""


def test_every_operator_of_both_is_drawn() -> None:
    assert set(DRAWN) == set(MOVES)


@st.composite
def constants(draw: st.DrawFn, op: str) -> tuple[Array, Drawn]:
    """An operator on an array, of no axis or no element perhaps."""
    shape = tuple(draw(st.lists(st.sampled_from([0, 1, 1, 2, 3, 4]), min_size=op not in OF_SCALARS, max_size=4)))
    array = np.arange(math.prod(shape), dtype=draw(st.sampled_from([np.int64, np.float32]))).reshape(shape)
    node = DRAWN[op](draw, shape, draw(st.sampled_from(OPSETS)))
    same_type = [item if item is None or op != "Concat" else item.astype(array.dtype) for item in node.arrays]
    return array, node._replace(arrays=same_type)


@st.composite
def tensors(draw: st.DrawFn, op: str) -> tuple[Shape, Sequence[int], Drawn]:
    """An operator on what a layer makes, whose axes are in some order: the batch is not always in front."""
    shape = (1, *draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=3)))
    order = draw(st.sampled_from([list(range(len(shape))), draw(st.permutations(range(len(shape))))]))
    node = DRAWN[op](draw, tuple(shape[axis] for axis in order), draw(st.sampled_from(OPSETS)))
    return shape, order, node._replace(arrays=[None if op == "Concat" else array for array in node.arrays])


def model(shape: Shape, node: Drawn, op: str, before: Sequence[NodeProto], arrays: dict[str, Array]) -> ModelProto:
    """A node on the tensor `t`, whose outputs are y0, y1...; `x` enters."""
    held = arrays | {f"a{place}": array for place, array in enumerate(node.arrays) if array is not None}
    inputs = ["t", *("t" if array is None else f"a{place}" for place, array in enumerate(node.arrays))]
    outputs = [f"y{place}" for place in range(node.outputs)]
    last = helper.make_node(op, inputs, outputs, name="last", **node.attributes)
    type_ = helper.np_dtype_to_tensor_dtype(arrays["t"].dtype) if "t" in arrays else TensorProto.FLOAT
    graph = helper.make_graph(
        [*before, last],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, type_, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in held.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", node.opset)], ir_version=8)


def ran(proto: ModelProto, x: Array) -> list[Array]:
    """What ONNX Runtime makes of a model; one that it does not run is drawn anew."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
        arrays: list[Array] = session.run(None, {"x": x})
    except Exception:  # its exceptions have no base of their own
        reject()
    return arrays


def walked(proto: ModelProto) -> Walk:
    walk = Walk(parse(proto.SerializeToString()), {})
    walk.go()
    return walk


@pytest.mark.parametrize("op", DRAWN)
@settings(max_examples=MANY or 40)
@given(data=st.data())
def test_constants_are_moved_as_onnx_runtime_does(op: str, data: st.DataObject) -> None:
    array, node = data.draw(constants(op))
    proto = model((1, 2), node, op, [], {"t": array})
    expected = ran(proto, np.zeros((1, 2), np.float32))
    values = walked(proto).values
    for place, wanted in enumerate(expected):
        constant = values[f"y{place}"].constant
        assert constant is not None
        assert constant.shape == wanted.shape
        assert constant.numbers == tuple(wanted.flatten().tolist())


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
def test_flatten_may_end_behind_the_last_axis(axis: int) -> None:
    """Of a constant that axis was once taken for the first."""
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    proto = model((1, 2, 3), Drawn(13, {"axis": axis}), "Flatten", [], {"t": array})
    (wanted,) = ran(proto, np.zeros((1, 2, 3), np.float32))
    constant = walked(proto).values["y0"].constant
    assert constant is not None
    assert constant.shape == wanted.shape


LEFT_OUT = ("holds nothing", "nothing is left", "without an axis", "the batch", "upsample", "repeats [")
"""Why a node on a layer's tensor may not be read: of no elements, of no axis, or on the batch."""


@pytest.mark.parametrize("op", DRAWN)
@settings(max_examples=MANY or 40)
@given(data=st.data())
def test_layers_are_moved_as_onnx_runtime_does(op: str, data: st.DataObject) -> None:
    """The shapes that are claimed, and the elements when the network that is read is written and run again."""
    shape, order, node = data.draw(tensors(op))
    before = [helper.make_node("Relu", ["x"], ["r"]), helper.make_node("Transpose", ["r"], ["t"], perm=order)]
    proto = model(shape, node, op, before, {})
    x = np.arange(1, math.prod(shape) + 1, dtype=np.float32).reshape(shape)
    expected = ran(proto, x)
    try:
        values, imported = walked(proto).values, of_bytes(proto.SerializeToString(), "net.onnx")
    except CannotImport as error:
        if any(reason in str(error) for reason in LEFT_OUT):
            return
        raise
    assert [values[f"y{place}"].shape for place in range(node.outputs)] == [wanted.shape for wanted in expected]
    held = [wanted for wanted in expected if wanted.size]  # what holds nothing is a constant, and left out
    if not held:
        return
    network = loads(Source("net.yaml", text(imported)))
    made = run(written(network), {}, [x])
    assert [array.flatten().tolist() for array in made] == [wanted.flatten().tolist() for wanted in held]
