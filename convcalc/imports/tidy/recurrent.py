"""Recurrent layers of which no more is read than what leaves their last step."""

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


ORDER = 1, 4
RULES = {"reshape": (_last,), "flatten": (_last,)}
