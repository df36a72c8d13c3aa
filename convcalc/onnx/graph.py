"""The operators of one layer, as the layer's kind says them."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import NodeProto, helper, numpy_helper


class Layer:
    """Collects the operators of a layer; see `convcalc.layers.OnnxGraph`.

    The tensor that leaves and the operator that makes it have the layer's name; what leads up to it is named below it,
    with a slash, which no name of a layer has. `owner` is the layer whose arrays it uses.
    """

    def __init__(self, name: str, owner: str, dtype: str) -> None:
        self.name = name
        self.owner = owner
        self.dtype = dtype
        self.nodes: list[NodeProto] = []
        self.used: set[str] = set()
        self._counts: dict[str, int] = {}

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator; its output."""
        while not inputs[-1]:
            inputs = inputs[:-1]
        output = self._numbered(op)
        said = {name: value for name, value in attributes.items() if value not in ((), [])}
        self.nodes.append(helper.make_node(op, inputs, [output], output, **said))
        return output

    def weight(self, name: str) -> str:
        """One of the layer's own arrays."""
        self.used.add(name)
        return f"{self.owner}.{name}"

    def constant(self, values: Any, dtype: str | None = None) -> str:
        """Numbers: unless told, whole ones as indices and others in the dtype of the network."""
        array = np.asarray(values)
        array = array.astype(dtype or (np.int64 if array.dtype.kind == "i" else self.dtype))
        output = self._numbered("Constant")
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
