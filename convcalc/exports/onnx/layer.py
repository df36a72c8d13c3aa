"""The operators of one layer, as the layer's kind says them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import NodeProto, helper, numpy_helper

from convcalc.exports.onnx.older import older_form, sayable
from convcalc.layers import Shape
from convcalc.network import order_of_axes

OPSET = 21
"""The version of ONNX's operators that is written where none is asked for."""


class LayerOperators:
    """Collects the operators of a layer; see `convcalc.layers.OnnxGraph`.

    The tensor that leaves and the operator that makes it have the layer's name; what leads up to it is named below it,
    with a slash, which no name of a layer has. `owner` is the layer whose arrays it uses; `borrowed` are those of its
    arrays that are others' (see `Network`): the name of the other one, its shape, and the shape that is needed. Kinds
    write operators as the newest opset has them; those that `opset` has otherwise or lacks are written as it can.
    """

    def __init__(
        self,
        name: str,
        owner: str,
        dtype: str,
        borrowed: Mapping[str, tuple[str, Shape, Shape]] | None = None,
        opset: int = OPSET,
    ) -> None:
        self.name = name
        self.owner = owner
        self.borrowed = borrowed or {}
        self.dtype = dtype
        self.opset = opset
        self.arrays: dict[str, Any] = {}
        self.nodes: list[NodeProto] = []
        self.used: set[str] = set()
        self._counts: dict[str, int] = {}

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator, as the opset has it; its output."""
        while not inputs[-1]:
            inputs = inputs[:-1]
        form = older_form(op, self.opset)
        return self.operator(op, *inputs, **attributes) if form is None else form(self, *inputs, **attributes)

    def operator(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator as it is; its output."""
        (output,) = self.several(op, *inputs, count=1, **attributes)
        return output

    def several(self, op: str, *inputs: str, count: int, **attributes: Any) -> list[str]:
        """Add an operator with so many outputs, as it is."""
        while not inputs[-1]:
            inputs = inputs[:-1]
        outputs = [self._numbered(op) for _ in range(count)]
        stated = {name: value for name, value in attributes.items() if value not in ((), [])}
        stated = sayable(op, self.opset, len(inputs), stated)
        self.nodes.append(helper.make_node(op, inputs, outputs, outputs[0], **stated))
        return outputs

    def weight(self, name: str) -> str:
        """One of the layer's own arrays."""
        if name in self.borrowed and name not in self.used:
            self._view(f"{self.owner}.{name}", *self.borrowed[name])
        self.used.add(name)
        return f"{self.owner}.{name}"

    def _view(self, name: str, array: str, shape: Shape, wanted: Shape) -> None:
        """Elements of another array, as an array of that name."""
        order = order_of_axes(shape, wanted)
        if shape == wanted:
            self.node("Identity", array)
        elif order is not None:
            self.node("Transpose", array, perm=order)
        else:
            if math.prod(wanted) != math.prod(shape):
                flat = self.node("Reshape", array, self.constant([-1]))
                times = -(-math.prod(wanted) // math.prod(shape))
                flat = flat if times == 1 else self.node("Tile", flat, self.constant([times]))
                array = self.node("Slice", flat, self.constant([0]), self.constant([math.prod(wanted)]))
            self.node("Reshape", array, self.constant(list(wanted)))
        self.nodes[-1].output[0] = name

    def constant(self, values: Any, dtype: str | None = None) -> str:
        """Numbers in `dtype`, without one whole numbers as int64 and others in the dtype of the network."""
        array = np.asarray(values)
        array = array.astype(dtype or (np.int64 if array.dtype.kind == "i" else self.dtype))
        output = self._numbered("Constant")
        self.arrays[output] = array
        self.nodes.append(helper.make_node("Constant", [], [output], output, value=numpy_helper.from_array(array)))
        return output

    def ends_at(self, tensor: str) -> None:
        """Give the tensor that leaves, and the operator that makes it, the name of the layer."""
        if not self.nodes or self.nodes[-1].output[0] != tensor:
            self.node("Identity", tensor)
        self.nodes[-1].output[0] = self.nodes[-1].name = self.name

    def _numbered(self, op: str) -> str:
        count = self._counts[op] = self._counts.get(op, 0) + 1
        return f"{self.name}/{op}{count if count > 1 else ''}"
