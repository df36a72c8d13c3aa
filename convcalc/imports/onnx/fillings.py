"""Scales of ones and shifts of zeros that exporters fill in, where an operator cannot do without.

A norm that learns no scale and shift is written with both all the same, and one that was not trained yet has the same
numbers. What tells them apart are names: those of parameters, or those that an exporter makes up. Where it makes up the
names of parameters too, the other norms of the file tell whether the network was trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from msgspec.structs import replace

from convcalc.imports.naming import is_made_up
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.reading import Graph
from convcalc.imports.onnx.values import Value

_NORMS = {"BatchNormalization", "GroupNormalization", "LayerNormalization"}

_MEETING = {"Mul", "Add"}

_FILLED = {*_NORMS, *_MEETING, "InstanceNormalization"}
"""Operators whose scale or shift may be one that exporters fill in."""


class Fillings:
    """The arrays of a graph that were filled in."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._sizes: dict[str, int] = {}
        self._fresh: bool | None = None

    def left_out(self, node: GraphNode, inputs: list[Value | None]) -> list[Value | None]:
        """The inputs of a node, those that were filled in as constants that no array of the file is behind."""
        if node.op not in _FILLED or node.domain:
            return inputs
        return [self._without(node, *named) for named in zip(node.inputs, inputs, strict=True)]

    def _without(self, node: GraphNode, name: str, value: Value | None) -> Value | None:
        if value is None or value.constant is None or (node.op in _MEETING and prod(value.shape) == 1):
            return value
        if not constants.is_filling(value.constant) or self._is_fresh():
            return value
        if node.op != "InstanceNormalization":  # most of which stand for another norm, with a scale behind
            self._sizes[name] = prod(value.shape)
        return replace(value, constant=replace(value.constant, made_of=()))

    def _is_fresh(self) -> bool:
        """Whether the network was not trained: a norm with a name of its own has a scale of ones."""
        if self._fresh is None:
            scales = {node.inputs[1] for node in self._graph.nodes if node.op in _NORMS and len(node.inputs) > 1}
            tensors = [self._graph.initialisers.get(name) for name in scales if not is_made_up(name)]
            self._fresh = any(
                tensor is not None and prod(tensor.dims) > 1 and constants.of_tensor(tensor).only_number == 1
                for tensor in tensors
            )
        return self._fresh

    def notes(self, params: int) -> Sequence[str]:
        """What is counted as constants, and what it would come to; `params` are those that are counted."""
        count = sum(self._sizes.values())
        if not count:
            return []
        arrays = "1 array" if len(self._sizes) == 1 else f"{len(self._sizes)} arrays"
        note = (
            f"{arrays} of one number throughout, without a name of their own, are counted as constants, as exporters "
            f"write them for a norm that learns no scale and shift; were these {count:,} numbers learned, there would "
            f"be {params + count:,} parameters"
        )
        return [note]
