"""Matrix products: dense layers, products of two tensors, and Einsum where it is one of them."""

from __future__ import annotations

from math import prod

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.values import Call, Value, parameter, viewed, without


def _linear(call: Call, x: Draft, weight: Constant, features: int, bias: Constant | None = None) -> Draft:
    """A dense layer on the last axis; `weight` is one of the file's, whichever way it lies."""
    arrays = {"weight": weight, "bias": bias} if bias is not None else {"weight": weight}
    return call.layer("linear", {"out_features": features, "bias": bias is not None}, x, arrays=arrays)


def _gemm(call: Call) -> Value:
    value, other = call.value(0), call.value(1)
    turned, weight_turned = call.attributes.integer("transA"), call.attributes.integer("transB")
    if len(value.shape) != 2 or len(other.shape) != 2:
        raise Inexpressible(f"shapes {list(value.shape)} and {list(other.shape)}, where two matrices are expected")
    if other.constant is None or value.constant is not None or turned:
        return _gemm_of_tensors(call, value, other, bool(turned), bool(weight_turned))
    features, entering = other.shape if weight_turned else other.shape[::-1]
    if value.shape[1] != entering:
        raise Inexpressible(f"a weight of shape {list(other.shape)} for {value.shape[1]} features")
    batch = 0 if value.shape[0] == 1 else None
    x = viewed(call.builder, value, batch)
    bias = call.constant(2, "a bias") if call.has(2) else None
    if bias is not None and prod(bias.shape) != features:
        plain = _linear(call, x, other.constant, features)
        added = parameter(call.builder, bias, (*(1,) * (len(x.shape) - 1), prod(bias.shape)))
        return call.out(call.layer("add", {}, plain, added), batch)
    return call.out(_linear(call, x, other.constant, features, bias), batch)


def _gemm_of_tensors(call: Call, value: Value, other: Value, turned: bool, other_turned: bool) -> Value:
    x, y = viewed(call.builder, value, None), viewed(call.builder, other, None)
    x = call.layer("permute", {"axes": (1, 0)}, x) if turned else x
    y = call.layer("permute", {"axes": (1, 0)}, y) if other_turned else y
    z = call.layer("matmul", {}, x, y)
    if call.has(2):
        added = viewed(call.builder, call.value(2), None, 2)
        z = call.layer("add", {}, z, added)
    batch = 0 if z.shape[0] == 1 else None
    return Value(z.shape, call.builder.reshaped(z, without(z.shape, batch)), batch, None, value.element_type)


def _matmul(call: Call) -> Value:
    """Rows by columns, as NumPy has it."""
    value, other = call.value(0), call.value(1)
    constant = other.constant
    if constant is not None and value.source is not None and prod(other.shape[:-2]) == 1 and len(other.shape) > 1:
        if value.shape[-1] != other.shape[-2]:
            raise Inexpressible(f"shapes {list(value.shape)} and {list(other.shape)} that do not fit")
        return _dense(call, value, constant)
    rank = max(len(value.shape), len(other.shape), 2)
    if min(len(value.shape), len(other.shape)) < 2:
        raise Inexpressible(f"a product of shapes {list(value.shape)} and {list(other.shape)}")
    shapes = [(*(1,) * (rank - len(operand.shape)), *operand.shape) for operand in (value, other)]
    batch = next((axis for axis in range(rank - 2) if shapes[0][axis] == shapes[1][axis] == 1), None)
    drafts = [viewed(call.builder, operand, batch, rank) for operand in (value, other)]
    z = call.layer("matmul", {}, *drafts)
    if batch is None and z.shape[0] == 1 and rank == 2:
        batch = 0
        z = call.builder.reshaped(z, z.shape[1:])
    return call.out(z, batch)


def _dense(call: Call, value: Value, weight: Constant) -> Value:
    batch = value.batch
    if batch is None or batch == len(value.shape) - 1:
        batch = 0 if value.shape[0] == 1 and len(value.shape) > 1 else None
    if len(weight.shape) > len(value.shape):
        batch = 0
    x = viewed(call.builder, value, batch, len(weight.shape))
    return call.out(_linear(call, x, weight, weight.shape[-1]), batch)


def _einsum(call: Call) -> Value:
    """Two tensors, each letter in the output or in both inputs: transposed, multiplied as matrices, transposed."""
    equation = call.attributes.text("equation").replace(" ", "")
    left, arrow, result = equation.partition("->")
    terms = left.split(",")
    if not arrow or len(terms) != 2 or len(call.inputs) != 2 or "." in equation:
        raise Inexpressible(f"equation {equation}")
    first, second = terms
    values = [call.value(0), call.value(1)]
    if any(not len(set(term)) == len(term) == len(value.shape) for term, value in zip(terms, values, strict=True)):
        raise Inexpressible(f"equation {equation}")
    sizes = dict(zip(first + second, values[0].shape + values[1].shape, strict=True))
    beside = [letter for letter in result if letter in first and letter in second]
    rows = [letter for letter in result if letter in first and letter not in second]
    columns = [letter for letter in result if letter in second and letter not in first]
    summed = [letter for letter in first if letter in second and letter not in result]
    if set(first) - {*beside, *rows, *summed} or set(second) - {*beside, *columns, *summed}:
        raise Inexpressible(f"equation {equation}, which sums a letter of one term alone")
    counts = [prod(sizes[letter] for letter in letters) for letters in (rows, summed, columns)]
    if values[1].constant is not None and not beside and values[0].source is not None:
        x = _laid(call, values[0], first, [*rows, *summed], [*(sizes[letter] for letter in rows), counts[1]])
        z = _linear(call, x, values[1].constant, counts[2])
    else:
        front = [sizes[letter] for letter in beside]
        x = _laid(call, values[0], first, [*beside, *rows, *summed], [*front, counts[0], counts[1]])
        y = _laid(call, values[1], second, [*beside, *summed, *columns], [*front, counts[1], counts[2]])
        z = call.layer("matmul", {}, x, y)
    letters = [*beside, *rows, *columns]
    z = call.builder.reshaped(z, tuple(sizes[letter] for letter in letters))
    z = _turned(call, z, [letters.index(letter) for letter in result])
    shape = tuple(sizes[letter] for letter in result)
    batch = 0 if len(shape) > 1 and shape[0] == 1 else None
    return Value(shape, call.builder.reshaped(z, without(shape, batch)), batch, None, call.element_type)


def _laid(call: Call, value: Value, term: str, order: list[str], shape: list[int]) -> Draft:
    """A tensor with its axes in another order and some of them taken together."""
    x = _turned(call, viewed(call.builder, value, None), [term.index(letter) for letter in order])
    return call.builder.reshaped(x, tuple(shape))


def _turned(call: Call, x: Draft, places: list[int]) -> Draft:
    """The axes in another order; where only axes of one position move it is a reshape."""
    large = [place for place in places if x.shape[place] > 1]
    if large == sorted(large):
        return call.builder.reshaped(x, tuple(x.shape[place] for place in places))
    return call.layer("permute", {"axes": tuple(places)}, x)


OPERATORS = {"Gemm": _gemm, "MatMul": _matmul, "Einsum": _einsum}
