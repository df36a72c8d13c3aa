"""Operators that no kind expresses: layers of unknown cost, with the shape that the file or their surroundings say."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec.structs import replace

from convcalc.imports.drafts import BEHIND, NO_KIND, Draft
from convcalc.imports.errors import Inexpressible, plain
from convcalc.imports.onnx.constants import is_learned
from convcalc.imports.onnx.evidence import Evidence, ruled_shape, usual_shape
from convcalc.imports.onnx.inlining import read_names
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.reading import Subgraph
from convcalc.imports.onnx.samples import Places
from convcalc.imports.onnx.values import Value, without

if TYPE_CHECKING:
    from convcalc.imports.onnx.walk import Walk

_MOST_NAMED = 5
"""Nodes that a warning names."""

CONTRADICTIONS = (ArithmeticError, AssertionError, LookupError, StopIteration, TypeError, ValueError)
"""What comes of a node with fewer axes, sizes or inputs than its other parts speak of, or with a step of zero."""

_COUNTING = {"Reshape", "Slice", "Split", "Gather", "Expand", "Concat", "Resize", "Conv", "QLinearConv"}
"""Operators whose own numbers may speak of a batch of another size."""


_SIZED_BY_DATA = {"Compress", "NonMaxSuppression", "NonZero", "Unique"}
"""Operators of which only a run tells how much leaves: what is open there is no batch."""


class UnknownOperators:
    """What a walk makes of operators that no kind expresses."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk

    def outputs(
        self, node: GraphNode, inputs: Sequence[Value | None], reason: str, samples: Places = None
    ) -> list[Value]:
        """A draft for each output."""
        walk, along = self.walk, samples if isinstance(samples, int) else None
        reads = [*inputs, *(walk.value(name) for name in self._read_within(node))]
        sources = [*dict.fromkeys(draft for value in reads if value is not None for draft in value.sources)]
        arrays = {
            f"input{place}": value.constant
            for place, value in enumerate([*reads, *self._held(node)], start=1)
            if value is not None and value.constant is not None and is_learned(value.constant)
        }
        if reason not in ("", BEHIND) and node.op in _COUNTING and walk.open_batches:
            reason += f"; the open batch of {plain(walk.open_batches[0])} is read as 1, and --input gives another"
        outputs = []
        for place, name in enumerate(node.outputs or [""]):
            if name and not self._is_read(name):
                outputs.append(Value(()))
                continue
            value = self._shape(node, inputs, place, along)
            own: tuple[int, ...] | None = None
            if value is None or 0 in value.shape:
                value = Value(())
            else:
                shape = value.shape or (1,)
                batch = 0 if len(shape) > 1 and shape[0] == 1 else None
                value = replace(value, shape=shape, batch=batch)
                own = without(shape, batch)
            entering = sources or walk.builder.entering()
            try:
                draft = walk.builder.unknown(own, entering, node, reason or NO_KIND, arrays)
            except Inexpressible:  # of a shape that is none of ours
                value, draft = Value(()), walk.builder.unknown(None, entering, node, reason or NO_KIND, arrays)
            outputs.append(replace(value, source=draft))
        return outputs

    def _is_read(self, name: str) -> bool:
        """Whether anything reads a tensor; within another graph all are taken to be read."""
        return self.walk.is_within or name in self._all_read

    @cached_property
    def _all_read(self) -> set[str]:
        walk = self.walk
        return {output.name for output in walk.model.graph.outputs}.union(*map(read_names, walk.nodes))

    def _read_within(self, node: GraphNode) -> list[str]:
        """What graphs within a node read of what is around it."""
        if not any(isinstance(value, Subgraph) for value in node.attributes.values()):
            return []
        names = dict.fromkeys(read_names(node))
        return [name for name in names if name not in node.inputs and self.walk.is_there(name)]

    def _held(self, node: GraphNode) -> list[Value]:
        """The initialisers of graphs within a node."""
        graphs = [value.read() for value in node.attributes.values() if isinstance(value, Subgraph)]
        held: list[Value] = []
        while graphs:
            graph = graphs.pop()
            held += [self.walk.lodge(tensor, node) for tensor in graph.initialisers.values()]
            attributes = (value for inner in graph.nodes for value in inner.attributes.values())
            graphs += [value.read() for value in attributes if isinstance(value, Subgraph)]
        return held

    def _shape(self, node: GraphNode, inputs: Sequence[Value | None], place: int, samples: int | None) -> Value | None:
        """The shape of an output: by the operator's rules, by the file, or by what is around it."""
        walk, name = self.walk, node.outputs[place] if place < len(node.outputs) else ""
        try:
            shape = ruled_shape(node, inputs, place)
        except CONTRADICTIONS:
            shape = None
        if shape is not None:
            along = [value.samples for value in inputs if value is not None and value.samples is not None]
            samples = next(iter(along), None) if samples is None else samples
            if samples is None or samples < len(shape):
                return Value(shape, samples=samples)
        value = walk.declared.value(name, walk.batch.count, is_batched=node.op not in _SIZED_BY_DATA)
        if value is None and name and not walk.is_within:
            try:
                value = self._evidence.from_readers(name, walk.batch.count)
            except CONTRADICTIONS:
                value = None
        return self._assumed(node, inputs, name) if value is None else value

    def _assumed(self, node: GraphNode, inputs: Sequence[Value | None], name: str) -> Value | None:
        """The shape that is usual, where nothing speaks against it."""
        value = usual_shape(node, inputs)
        try:
            is_fitting = value is not None and (self.walk.is_within or self._evidence.fits(name, value.shape))
        except CONTRADICTIONS:
            is_fitting = False
        if not is_fitting:
            return None
        self.walk.assumed.append(_named(node.operator, node.title))
        return value

    @cached_property
    def _evidence(self) -> Evidence:
        return Evidence(self.walk.declared, self.walk.nodes, self.walk.value_or_none)


def _named(operator: str, title: str) -> str:
    return f"{operator} at {title}"


def assumptions(assumed: Sequence[str], drafts: Sequence[Draft]) -> list[str]:
    """A sentence on the operators whose output was taken to be as large as what enters, of those that are left."""
    there = {_named(origin.operator, origin.title) for draft in drafts for origin in draft.origins}
    names = [name for name in dict.fromkeys(assumed) if name in there]
    if not names:
        return []
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    listed = ", ".join(names[:_MOST_NAMED])
    return [f"assumed: what leaves {listed}{more} is as large as what enters, for no shape is stated"]
