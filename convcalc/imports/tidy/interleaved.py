"""Places of an axis taken one by one and laid end to end again: an axis taken apart and put together the other way."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.walk import Patterns

_FEWEST = 4
"""Pieces from which on they are no halves or parts that are told apart."""


def _in_turn(patterns: Patterns, draft: Draft) -> Draft | None:
    """Every so many places first, then those behind each of these: 0, 2, 4, 1, 3, 5."""
    pieces = draft.inputs
    if len(pieces) < _FEWEST or len(set(pieces)) != len(pieces):
        return None
    x = pieces[0].inputs[0] if pieces[0].inputs else draft
    axis, size = draft.fields.get("axis", 0) % len(draft.shape), len(pieces)
    starts = [_only_place(patterns, piece, x, axis) for piece in pieces]
    if draft.shape != x.shape or x.shape[axis] != size or starts[0] != 0 or starts[1] is None:
        return None
    step = starts[1]
    if step < 2 or size % step or starts != [place for first in range(step) for place in range(first, size, step)]:
        return None
    apart = (*x.shape[:axis], size // step, step, *x.shape[axis + 1 :])
    order = [*range(len(apart))]
    order[axis], order[axis + 1] = axis + 1, axis
    builder = patterns.builder
    patterns.uses[x] += 1  # by a layer that the walk does not know
    turned = builder.layer("permute", {"axes": tuple(order)}, [builder.reshaped(x, apart, draft.origins)])
    patterns.uses.update(turned.inputs)
    return builder.reshaped(turned, x.shape, draft.origins)


def _only_place(patterns: Patterns, piece: Draft, x: Draft, axis: int) -> int | None:
    """Where the slice of one place of an axis begins."""
    is_slice = piece.kind == "slice" and piece.inputs[0] is x and patterns.alone(piece) and piece.shape[axis] == 1
    if not is_slice or piece.fields.get("axis", 0) % len(x.shape) != axis:
        return None
    start = int(piece.fields.get("start", 0))
    return start + x.shape[axis] if start < 0 else start


def _turned_twice(patterns: Patterns, draft: Draft) -> Draft | None:
    """Axes in another order, and that in another."""
    inner = draft.inputs[0]
    if inner.kind != "permute" or not patterns.alone(inner):
        return None
    rank = len(draft.shape)
    first, second = ([axis % rank for axis in turned.fields["axes"]] for turned in (inner, draft))
    order = [first[place] for place in second]
    if order == list(range(rank)):
        return inner.inputs[0]
    return patterns.layer("permute", {"axes": tuple(order)}, inner.inputs[0], [inner, draft])


ORDER = 1, 4
RULES = {"concat": (_in_turn,), "permute": (_turned_twice,)}
