"""Axes put in another order and back again, with nothing between that minds."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.walk import Patterns
from convcalc.layers import kind_of


def _undone(patterns: Patterns, draft: Draft) -> Draft | None:
    """An order that takes an earlier one back, at once or behind what works on each element by itself."""
    between = draft.inputs[0]
    turn = between if between.kind == "permute" else _passed(patterns, between)
    if turn is None:
        return None
    x, first = turn.inputs[0], turn.fields["axes"]
    order = tuple(first[axis] for axis in draft.fields["axes"])
    if order != tuple(range(len(order))):
        return None
    if turn is between:
        return x
    return patterns.layer(between.kind, between.fields, x, [between])


def _passed(patterns: Patterns, draft: Draft) -> Draft | None:
    """The change of order in front of a layer that takes every element by itself, if nothing else reads the layer."""
    alone = len(draft.inputs) == 1 and not draft.arrays and patterns.alone(draft)
    if alone and kind_of(draft.kind).is_elementwise and draft.inputs[0].kind == "permute":
        return draft.inputs[0]
    return None


ORDER = 4, 1  # of what the walks before it have not put together with what is between
RULES = {"permute": (_undone,)}
