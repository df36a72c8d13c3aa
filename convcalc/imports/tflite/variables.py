"""Variables: what a streaming model keeps from one step to the next enters it, and leaves it, as any tensor does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convcalc.imports.drafts import INPUT, Draft
from convcalc.imports.errors import Inexpressible, plain
from convcalc.imports.layouts import OrderedTensor, channels_last
from convcalc.imports.tflite.values import LiteCall, LiteValue, laid
from convcalc.imports.tidy.walk import needed
from convcalc.layers import Shape

if TYPE_CHECKING:
    from convcalc.imports.tflite.model import LiteSubgraph
    from convcalc.imports.tflite.walk import LiteScope, LiteWalk

_MOVING = {INPUT, "slice", "split", "concat", "reshape", "flatten", "permute", "identity", "pad", "parameter"}
"""Kinds of layers that only move what others made."""


class Variables:
    """The variables of a model by name: their sizes, and what each holds."""

    def __init__(self) -> None:
        self.shapes: dict[str, Shape] = {}
        self.values: dict[str, LiteValue] = {}
        self.written: dict[str, LiteValue] = {}

    def scan(self, graph: LiteSubgraph) -> None:
        """Find out what is read before it is written."""
        handles: dict[int, str] = {}
        written: set[str] = set()
        for operator in graph.operators:
            if operator.type == "VAR_HANDLE" and operator.outputs:
                handles[operator.outputs[0]] = operator.option("shared_name")
            elif operator.type == "READ_VARIABLE" and operator.inputs and operator.outputs:
                name = handles.get(operator.inputs[0])
                if name is not None and name not in written:
                    self.shapes.setdefault(name, graph.tensor(operator.outputs[0]).shape)
            elif operator.type == "ASSIGN_VARIABLE" and operator.inputs:
                written.add(handles.get(operator.inputs[0], ""))

    def enter(self, walk: LiteWalk, graph: LiteSubgraph) -> None:
        """Make inputs of them."""
        for name, shape in self.shapes.items():
            batch = 0 if len(shape) > 1 and shape[0] == 1 else None
            own = shape if batch is None else shape[1:]
            order = channels_last(len(own)) if len(own) > 2 else tuple(range(len(own)))
            sizes = tuple(own[order.index(place)] for place in range(len(own)))
            if 0 not in shape:
                draft = walk.builder.input(plain(name), sizes or (1,))
                self.values[name] = laid(OrderedTensor(draft, order), batch)
        if self.values:
            states = "1 state enters" if len(self.values) == 1 else f"{len(self.values)} states enter"
            walk.builder.notes.append(
                f"a streaming model: {states} as the step before left them; the figures are for one step, not for all "
                "of a recording"
            )

    def leaving(self, walk: LiteWalk, outputs: Sequence[Draft]) -> list[Draft]:
        """What is kept for the next step and is worked out for that alone."""
        there = set(needed(walk.builder.drafts, outputs))
        drafts = [value.tensor.draft for value in self.written.values() if value.tensor is not None]
        return [draft for draft in drafts if self._is_worked_out(walk, draft, there)]

    def _is_worked_out(self, walk: LiteWalk, draft: Draft, there: set[Draft]) -> bool:
        own = needed(walk.builder.drafts, [draft])
        return any(before not in there and before.kind not in _MOVING for before in own)


def _handle(walk: LiteWalk, call: LiteCall, scope: LiteScope) -> list[LiteValue]:
    return [LiteValue((), handle=call.option("shared_name") or f"variable {call.origin.title}")]


def _read(walk: LiteWalk, call: LiteCall, scope: LiteScope) -> list[LiteValue]:
    name = call.value().handle
    value = walk.variables.values.get(name)
    if value is None:
        raise Inexpressible(f"nothing was kept in {plain(name) or 'the variable'}")
    return [value]


def _assign(walk: LiteWalk, call: LiteCall, scope: LiteScope) -> list[LiteValue]:
    name = call.value().handle
    walk.variables.values[name] = walk.variables.written[name] = call.value(1)
    return []


def _nothing(walk: LiteWalk, call: LiteCall, scope: LiteScope) -> list[LiteValue]:
    """What is done once, before the first step."""
    return []


OPERATORS = {
    "VAR_HANDLE": _handle,
    "READ_VARIABLE": _read,
    "ASSIGN_VARIABLE": _assign,
    "CALL_ONCE": _nothing,
}
