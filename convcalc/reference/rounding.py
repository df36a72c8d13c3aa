"""By how much two correct runs of a layer may differ: what the rounding of its arithmetic accounts for.

Both add up in an order of their own. A sum of n products in numbers of precision eps comes out wrong by about √n·eps of
their size, so a layer may differ by (16 + √n)·eps times the largest number that enters or leaves it, where n is how
many numbers make an element. Some layers have more to round:

- what interpolates computes places in the same precision, and may be off by eps times the longest axis;
- what takes 1 from an exponential has rounded a 1;
- what divides by a deviation it measures divides what was rounded before, and one measured as the mean of squares less
  the square of the mean loses what these have in common;
- what divides by an energy may have summed it on from its neighbour's, which was larger.

What only moves numbers, or chooses among them, rounds nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from convcalc.layers import Array
from convcalc.reference.execution import Step

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

STATED = "differences up to (16 + √n)·eps of the largest number that enters or leaves, n numbers to an element"
"""The tolerance in a line."""

_MOVING = {
    *("Constant", "Identity", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "DepthToSpace"),
    *("Slice", "Gather", "Concat", "Pad", "Relu", "Clip", "MaxPool", "GlobalMaxPool", "ReduceMax"),
}
"""Operators that make no new numbers, or none but those that they are given."""

_INTERPOLATING = {"Resize", "DeformConv"}
"""Operators that compute the places they read."""

_EXPONENTIAL = {"Elu", "Selu", "Celu"}
"""Operators that take 1 from an exponential."""

_NORMALISING = {"InstanceNormalization", "GroupNormalization", "LayerNormalization"}
"""Operators that measure a deviation and divide by it."""


def rounding(step: Step, entering: Sequence[Array], written: ModelProto) -> tuple[float, float]:
    """The relative tolerance of a layer that was written so, and the size of the numbers that it is relative to."""
    output = step.output
    assert output is not None  # noqa: S101  # for the type checker: there is nothing to compare without
    size = max(largest(output), *(largest(tensor) for tensor in entering))
    operators = {node.op_type for node in written.graph.node if not _is_nearest(node)}
    if operators <= _MOVING:
        return 0.0, size
    numbers = max(step.multiplications, *(tensor.size for tensor in entering)) / output.size
    longest = max(max(tensor.shape) for tensor in (*entering, output)) if operators & _INTERPOLATING else 0
    if operators & _EXPONENTIAL:
        size = max(size, 1.0)
    if operators & _NORMALISING:
        size = max(size, _on_the_way(written, entering[0]))
    if "LRN" in operators:
        size *= _energies(written, entering[0])
    return float(_precision(output, written) * (16 + math.sqrt(numbers) + longest)), size


def largest(tensor: Array) -> float:
    """The largest finite number there is, by its magnitude."""
    return float(np.max(np.abs(tensor), where=np.isfinite(tensor), initial=0.0))


def _precision(output: Array, written: ModelProto) -> float:
    attributes = (attribute for node in written.graph.node for attribute in node.attribute)
    single = any(attribute.type == attribute.FLOAT for attribute in attributes)  # whatever the tensors are
    return max(float(np.finfo(output.dtype).eps), float(np.finfo(np.float32).eps) if single else 0.0)


def _is_nearest(node: NodeProto) -> bool:
    return node.op_type == "Resize" and all(attribute.name != "mode" for attribute in node.attribute)


def _on_the_way(written: ModelProto, x: Array) -> float:
    """The largest number that rounding is relative to where a deviation measured on x divides."""
    together, eps = _groups(written, x)
    mean, variance = together.mean(-1, dtype=np.float64), together.var(-1, dtype=np.float64) + eps
    highest = np.abs(together).max(-1)
    farthest = np.maximum(together.max(-1) - mean, mean - together.min(-1))
    with np.errstate(all="ignore"):
        numbers = highest * variance**-0.5, mean * mean / variance * farthest * variance**-0.5
    return max(largest(array) for array in numbers)


def _energies(written: ModelProto, x: Array) -> float:
    """How many times the smallest energy, which divides, the largest may be."""
    (attributes,) = (_attributes(node) for node in written.graph.node if node.op_type == "LRN")
    return 1.0 + abs(attributes["alpha"]) * largest(x) ** 2 / attributes["bias"] if attributes["bias"] > 0 else 1.0


def _attributes(node: NodeProto) -> dict[str, Any]:
    from onnx.helper import get_attribute_value

    return {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}


def _groups(written: ModelProto, x: Array) -> tuple[Array, float]:
    """What is normalised together, along the last axis, and what is added to its variance."""
    (node,) = (node for node in written.graph.node if node.op_type in _NORMALISING)
    attributes = _attributes(node)
    order = [_attributes(before)["perm"] for before in written.graph.node if before.op_type == "Transpose"]
    laid = x.transpose(order[0]) if order else x  # as the operator gets it
    if node.op_type == "LayerNormalization":
        kept = laid.shape[: attributes["axis"]]
    elif node.op_type == "GroupNormalization":
        kept = (laid.shape[0], attributes["num_groups"])
    else:
        kept = laid.shape[:1] if order else laid.shape[:2]
    return laid.reshape(*kept, -1), attributes["epsilon"]
