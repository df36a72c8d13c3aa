"""Recurrent layers of which no more is read than what leaves their last step, in one direction or both."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.walk import Patterns

_KINDS = {"lstm", "gru", "rnn"}


def _last(patterns: Patterns, draft: Draft) -> Draft | None:
    """The last step cut out, or the first where steps are taken backwards, its axis of one position left out."""
    row = draft.inputs[0]
    if row.kind != "slice" or not patterns.alone(row):
        return None
    layer = row.inputs[0]
    if layer.kind not in _KINDS or not patterns.alone(layer) or layer.fields.get("output", "sequence") != "sequence":
        return None
    *before, steps, features = layer.shape
    direction = layer.fields.get("direction", "forward")
    place = 0 if direction == "reverse" else steps - 1
    if direction == "bidirectional" or steps < 2 or row.fields.get("start", 0) % steps != place:
        return None
    if row.shape != (*before, 1, features) or draft.shape != (*before, features):
        return None
    origins = (*layer.origins, *row.origins, *draft.origins)
    return patterns.builder.layer(layer.kind, {**layer.fields, "output": "last"}, layer.inputs, origins, layer.arrays)


def _joined_again(patterns: Patterns, draft: Draft) -> Draft | None:
    """Places of the first axis, cut out one by one and laid end to end: states of both directions, as PyTorch does."""
    rows = [flat.inputs[0] for flat in draft.inputs if flat.kind in ("flatten", "reshape") and patterns.alone(flat)]
    if len(rows) < 2 or len(rows) < len(draft.inputs) or draft.fields.get("axis", 0) % len(draft.shape):
        return None
    x = rows[0].inputs[0]
    for place, (row, flat) in enumerate(zip(rows, draft.inputs, strict=True)):
        is_place = row.kind == "slice" and row.inputs[0] is x and row.fields.get("start", 0) % x.shape[0] == place
        if not is_place or row.shape != (1, *x.shape[1:]) or flat.shape != x.shape[1:] or not patterns.alone(row):
            return None
    if len(rows) != x.shape[0]:
        return None
    return patterns.builder.reshaped(x, draft.shape, draft.origins)


ORDER = 1, 4
RULES = {"reshape": (_last,), "flatten": (_last,), "concat": (_joined_again,)}
