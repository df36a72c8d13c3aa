"""Dense layers and products of matrices."""

from __future__ import annotations

from math import prod

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.layouts import arranged, in_file_order
from convcalc.imports.tflite import moving
from convcalc.imports.tflite.operators.activations import activated
from convcalc.imports.tflite.values import LiteCall, LiteConstant, LiteValue, drawn


def _fully_connected(call: LiteCall) -> LiteValue:
    """Of whatever shape: all that enters is taken for rows as long as the matrix is wide."""
    value = drawn(call, call.value())
    if call.value(1).constant is None:
        return _by_made(call, value)
    weight = call.constant(1)
    if len(weight.shape) != 2 or not prod(weight.shape):
        raise Inexpressible(f"a matrix of shape {list(weight.shape)}")
    outputs, inputs = weight.shape
    keeps = call.option("keep_num_dims") and value.shape and value.shape[-1] == inputs
    if prod(value.shape) % inputs:
        raise Inexpressible(f"a matrix of shape {list(weight.shape)} for a tensor of shape {list(value.shape)}")
    if not keeps:
        value = moving.reshaped(call, value, (prod(value.shape) // inputs, inputs))
    arrays = {"weight": ("kernel", weight)}
    if call.has(2):
        arrays["bias"] = ("bias", call.constant(2, "bias"))
        if prod(arrays["bias"][1].shape) != outputs:
            raise Inexpressible(f"a bias of shape {list(arrays['bias'][1].shape)} for {outputs} outputs")
    draft = in_file_order(call.builder, value.made, call.origins)
    made = call.layer("linear", {"out_features": outputs, "bias": "bias" in arrays}, draft, arrays=arrays)
    return moving.lying(call, activated(call, made), value.batch)


def _by_made(call: LiteCall, value: LiteValue) -> LiteValue:
    """A matrix that another operator makes: a product of two tensors, the second lying [outputs, inputs]."""
    other = drawn(call, call.value(1))
    if len(other.shape) != 2 or prod(value.shape) % other.shape[1]:
        raise Inexpressible(f"a matrix of shape {list(other.shape)} for a tensor of shape {list(value.shape)}")
    value = moving.kept(call, moving.reshaped(call, value, (prod(value.shape) // other.shape[1], other.shape[1])))
    other = moving.turned(call, moving.kept(call, other), (1, 0))
    drafts = [in_file_order(call.builder, tensor.made, call.origins) for tensor in (value, other)]
    made = call.layer("matmul", {}, *drafts)
    if call.has(2):
        raise Inexpressible("a bias behind a product of two tensors")
    return moving.lying(call, activated(call, made))


def _batch_matmul(call: LiteCall) -> LiteValue:
    """Two tensors, or a tensor and a matrix of the file, either of them lying the other way round."""
    x, y = call.value(0), call.value(1)
    if x.constant is not None and y.constant is None and sum(size > 1 for size in x.shape[:-2]) == 0:
        made = _with_matrix(call, y, x.constant, is_turned=not call.option("adj_x"), is_first=True)
        if made is not None:
            return made
    if y.constant is not None and sum(size > 1 for size in y.shape[:-2]) == 0 and len(y.shape) > 1:
        made = _with_matrix(call, x, y.constant, is_turned=bool(call.option("adj_y")), is_first=False)
        if made is not None:
            return made
    return _of_two(call, drawn(call, x), drawn(call, y))


def _with_matrix(
    call: LiteCall, value: LiteValue, matrix: LiteConstant, *, is_turned: bool, is_first: bool
) -> LiteValue | None:
    """A dense layer without a bias, on the last axis; None where the tensor does not lie so."""
    flag = call.option("adj_y" if is_first else "adj_x")
    if is_first or len(value.shape) < 2 or len(matrix.shape) > len(value.shape):
        return None
    if flag:
        rank = len(value.shape)
        value = moving.turned(call, value, (*range(rank - 2), rank - 1, rank - 2))
    if value.batch == len(value.shape) - 1:
        value = moving.kept(call, value)
    flat = matrix.reshaped(matrix.shape[-2:])
    weight = flat if is_turned else flat.turned((1, 0))
    outputs, inputs = weight.shape
    if value.shape[-1] != inputs:
        raise Inexpressible(f"a matrix of shape {list(matrix.shape)} for a tensor of shape {list(value.shape)}")
    draft = in_file_order(call.builder, value.made, call.origins)
    arrays = {"weight": ("kernel", weight)}
    made = call.layer("linear", {"out_features": outputs, "bias": False}, draft, arrays=arrays)
    return moving.lying(call, made, value.batch)


def _of_two(call: LiteCall, x: LiteValue, y: LiteValue) -> LiteValue:
    rank = max(len(x.shape), len(y.shape))
    if rank < 2:
        raise Inexpressible(f"tensors of shapes {list(x.shape)} and {list(y.shape)}")
    sides = []
    for value, flag in ((x, "adj_x"), (y, "adj_y")):
        lacking = rank - len(value.shape)
        side = moving.reshaped(call, value, (1,) * lacking + value.shape) if lacking else value
        if call.option(flag):
            side = moving.turned(call, side, (*range(rank - 2), rank - 1, rank - 2))
        sides.append(side)
    is_one = rank > 2 and all(side.shape[0] == 1 for side in sides)
    batch = 0 if is_one else None
    drafts: list[Draft] = []
    for side in sides:
        aligned = moving.aligned(call, side, batch)
        drafts.append(arranged(call.builder, aligned.made, range(len(aligned.made.order)), call.origins))
    return moving.lying(call, call.layer("matmul", {}, *drafts), batch)


OPERATORS = {"FULLY_CONNECTED": _fully_connected, "BATCH_MATMUL": _batch_matmul}
