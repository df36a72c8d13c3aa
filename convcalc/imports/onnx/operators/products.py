"""Matrix products: dense layers, and products of two tensors."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from msgspec.structs import replace

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.makings import made
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.constants import Constant, broadcast, is_learned
from convcalc.imports.onnx.values import Call, Value, constant_value, laid_out, parameter, viewed, without
from convcalc.imports.written_numbers import tidy
from convcalc.layers import Shape


def _linear(call: Call, x: Draft, weight: Constant, features: int, bias: Constant | None = None) -> Draft:
    """A dense layer on the last axis, with a weight [features, entering]."""
    arrays = {"weight": weight, "bias": bias} if bias is not None else {"weight": weight}
    return call.layer("linear", {"out_features": features, "bias": bias is not None}, x, arrays=arrays)


def relaid(weight: Constant, order: Sequence[int], shape: Shape) -> Constant:
    """A weight with its axes in another order, then in another shape; nobody asks for its numbers."""
    elements = weight.elements and weight.elements.transposed(order).reshaped(shape)
    turned = made("transposed", [weight.making], tuple(weight.shape[axis] for axis in order), {"order": tuple(order)})
    derived = made("reshaped", [turned], shape)
    return replace(weight, shape=shape, worked_out=None, tensor=None, elements=elements, derived=derived)


def _by_columns(weight: Constant) -> Constant:
    """A matrix [entering, features], with ones before it, as dense layers have it."""
    rank, (entering, features) = len(weight.shape), weight.shape[-2:]
    return relaid(weight, (*range(rank - 2), rank - 1, rank - 2), (features, entering))


def _gemm(call: Call) -> Value:
    """alpha·A·B + beta·C, where A and B may be turned over."""
    value, other = call.value(0), call.value(1)
    turned, other_turned = call.flag("transA"), call.flag("transB")
    if len(value.shape) != 2 or len(other.shape) != 2:
        raise Inexpressible(f"shapes {list(value.shape)} and {list(other.shape)}, where two matrices are expected")
    rows, inner = value.shape[::-1] if turned else value.shape
    features, entering = other.shape if other_turned else other.shape[::-1]
    if inner != entering:
        raise Inexpressible(f"a weight of shape {list(other.shape)} for {inner} features")
    shape = (rows, features)
    if other.constant is None or value.constant is not None:
        x, y = (_matrix(call, *operand) for operand in ((value, turned), (other, other_turned)))
        return laid_out(call, _plus(call, _by_alpha(call, call.layer("matmul", {}, x, y)), shape), shape)
    batch = 0 if value.shape[0] == 1 and not turned else None
    x = _matrix(call, value, turned) if batch is None else viewed(call.builder, value, batch)
    bias = call.value(2).constant if call.has(2) else None
    is_of_features = bias is not None and prod(bias.shape) == features and bias.shape[-1:] == (features,)
    weight = other.constant if other_turned else _by_columns(other.constant)
    weight = constants.times(weight, call.attributes.real("alpha", 1.0))
    beta = call.attributes.real("beta", 1.0)
    own = constants.times(bias, beta) if bias is not None and is_of_features else None
    z = _linear(call, x, weight, features, own)
    return laid_out(call, z if is_of_features else _plus(call, z, shape), shape, batch)


def _matrix(call: Call, value: Value, turned: bool) -> Draft:
    x = viewed(call.builder, value, None)
    return call.layer("permute", {"axes": (1, 0)}, x) if turned else x


def _by_alpha(call: Call, z: Draft) -> Draft:
    """The product times alpha; with weights it is a part of these."""
    alpha = tidy(call.attributes.real("alpha", 1.0))
    return z if alpha == 1 else call.layer("affine", {"factor": alpha}, z)


def _plus(call: Call, z: Draft, shape: Shape) -> Draft:
    """The product and C, which is repeated to its shape."""
    if not call.has(2):
        return z
    added, beta = call.value(2), tidy(call.attributes.real("beta", 1.0))
    if added.constant is not None:
        added = constant_value(constants.times(added.constant, call.attributes.real("beta", 1.0)))
    if broadcast([added.shape, shape]) != shape:
        raise Inexpressible(f"a tensor of shape {list(added.shape)} that is added to one of {list(shape)}")
    c = viewed(call.builder, added, None, 2)
    c = c if len(z.shape) == 2 else call.builder.reshaped(c, c.shape[1:])
    c = c if beta == 1 or added.constant is not None else call.layer("affine", {"factor": beta}, c)
    return call.layer("add", {}, z, c)


def _matmul(call: Call) -> Value:
    """Rows by columns, as NumPy has it: a vector is one row before the product, and one column behind it."""
    value, other = call.value(0), call.value(1)
    row = (1, *value.shape) if len(value.shape) == 1 else value.shape
    column = (*other.shape, 1) if len(other.shape) == 1 else other.shape
    if not value.shape or not other.shape or row[-1] != column[-2]:
        raise Inexpressible(f"shapes {list(value.shape)} and {list(other.shape)} that do not fit")
    beside = broadcast([row[:-2], column[:-2]])
    shape = (*beside, *row[-2:-1] * (row == value.shape), *column[-1:] * (column == other.shape))
    constant = other.constant
    if constant is not None and value.source is not None and prod(column[:-2]) == 1:
        return _dense(call, value, constants.reshaped(constant, column), shape)
    if value.constant is not None and is_learned(value.constant) and len(value.shape) == 2 and len(other.shape) == 1:
        return laid_out(call, _linear(call, viewed(call.builder, other, None), value.constant, shape[0]), shape)
    rank = max(len(row), len(column))
    shapes = [(*(1,) * (rank - len(own)), *own) for own in (row, column)]
    batch = next((axis for axis in range(rank - 2) if shapes[0][axis] == shapes[1][axis] == 1), None)
    x, y = (_shaped(call, operand, without(own, batch)) for operand, own in zip((value, other), shapes, strict=True))
    return laid_out(call, call.layer("matmul", {}, x, y), shape, batch)


def _shaped(call: Call, value: Value, shape: Shape) -> Draft:
    """A tensor in a shape of as many elements."""
    if value.constant is not None:
        return parameter(call.builder, value.constant, shape)
    return call.builder.reshaped(value.draft, shape)


def _dense(call: Call, value: Value, weight: Constant, shape: Shape) -> Value:
    batch = value.batch
    if batch is None or batch == len(value.shape) - 1:
        batch = 0 if value.shape[0] == 1 and len(value.shape) > 1 else None
    x = viewed(call.builder, value, batch)
    before = len(shape) - len(value.shape)  # axes of one that a weight of more axes puts in front
    landing = None if batch is None else batch + max(before, 0) * (batch > 0)
    return laid_out(call, _linear(call, x, _by_columns(weight), weight.shape[-1]), shape, landing)


OPERATORS = {"Gemm": _gemm, "MatMul": _matmul}
