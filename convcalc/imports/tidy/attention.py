"""Self-attention found in its parts: the projections, the scores, softmax, what they weigh, the projection out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from convcalc.imports.arrays import joined
from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.heads import factor_between, in_projection, out_projection
from convcalc.imports.tidy.walk import Patterns
from convcalc.layers import Shape

_MOVING = {"reshape", "flatten", "permute", "slice", "split", "identity", "dropout"}
"""Kinds that move elements about; between projection and product they tell the heads apart."""

_MOST_PARTS = 64
"""Layers of one attention."""


def _attended(patterns: Patterns, out: Draft) -> Draft | None:
    """The attention that a dense layer is the end of."""
    weighed = _behind(out.inputs[0])
    if weighed.kind == "scaled_dot_product_attention":
        return _fused(patterns, out, weighed)
    if weighed.kind != "matmul" or weighed is out.inputs[0]:
        return None
    shares, values = weighed.inputs
    softmax = _behind(shares)
    if softmax.kind != "softmax" or softmax.fields.get("axis", 0) % len(softmax.shape) != len(softmax.shape) - 1:
        return None
    scores = _behind(softmax.inputs[0], scaled=True)
    if scores.kind != "matmul":
        return None
    projections = [_behind(draft, scaled=True) for draft in (*scores.inputs, values)]
    if not _may_be_one(out, *projections):
        return None
    inner = (scores.inputs[0].shape[-2:], scores.inputs[1].shape[-2:][::-1], weighed.inputs[1].shape[-2:])
    factor = factor_between(scores, softmax.inputs[0]) * scores.inputs[0].shape[-1] ** 0.5
    parts = _Parts(weighed, (*scores.inputs, values), scores.shape, inner, factor, turned=True)
    return _joined(patterns, out, parts, projections)


def _fused(patterns: Patterns, out: Draft, weighed: Draft) -> Draft | None:
    """That of a module which is known to be one, and which calls a function for all between its projections."""
    projections = [_behind(draft) for draft in weighed.inputs[:3]]
    if weighed.fields or len(weighed.inputs) > 3 or not all(map(_modules, (out, weighed, *projections))):
        return None
    if not _may_be_one(out, weighed, *projections):
        return None
    inner = tuple(draft.shape[-2:] for draft in weighed.inputs)
    scores = (*weighed.shape[:-1], weighed.inputs[1].shape[-2])
    return _joined(patterns, out, _Parts(weighed, weighed.inputs[:3], scores, inner, 1.0, turned=False), projections)


def _may_be_one(*drafts: Draft) -> bool:
    """Whether layers are those of one module, or the file does not say which they are of.

    Layers that a program calls for themselves stay apart, as other tools see them.
    """
    return all(module.endswith(".MultiheadAttention") for draft in drafts for module in _modules(draft))


def _modules(draft: Draft) -> set[str]:
    """The classes of the modules that a layer is called in, as far as the file says."""
    places = (getattr(origin, "place", None) for origin in draft.origins)
    return {place.module for place in places if place is not None and place.module}


def _behind(draft: Draft, *, scaled: bool = False) -> Draft:
    """What is before everything that only moves elements, or multiplies them all by a number."""
    for _ in range(_MOST_PARTS):
        number = draft.kind == "affine" and "addend" not in draft.fields
        if draft.kind not in _MOVING and not (scaled and number):
            return draft
        draft = draft.inputs[0]
    return draft


class _Parts(NamedTuple):
    """What an attention is made of between its projections.

    `weighed` is the last of it, `operands` are query, key and value as they enter the products, `scores` the sizes of
    the scores, `inner` those of a head's matrices. `factor` is by how much more than the kind's own scores are
    multiplied behind their product. `turned`: the key enters with its features before its tokens.
    """

    weighed: Draft
    operands: Sequence[Draft]
    scores: Shape
    inner: tuple[Shape, ...]
    factor: float
    turned: bool


def _joined(patterns: Patterns, out: Draft, parts: _Parts, projections: list[Draft]) -> Draft | None:
    """The attention of these projections."""
    x = projections[0].inputs[0] if projections[0].inputs else projections[0]
    of_x = all(draft.kind == "linear" and draft.inputs[0] is x for draft in projections)
    if not of_x or len(x.shape) < 2 or out.shape != x.shape:
        return None
    *before, tokens, features = x.shape
    heads, rest = divmod(prod(parts.scores), prod(before) * tokens * tokens)
    of_head = features // heads if heads else 0
    distinct = list(dict.fromkeys(projections))
    widths = {1: {3 * features}, 3: {features}}.get(len(distinct))
    biases = {draft.fields.get("bias", True) for draft in (*distinct, out)}
    if (
        rest
        or of_head * heads != features
        or parts.inner != ((tokens, of_head),) * 3
        or {draft.shape[-1] for draft in distinct} != widths
        or len(biases) != 1
        or not _is_closed(patterns, out, x)
    ):
        return None
    arrays = {}
    for name, array in out.arrays.items():
        arrays[f"out_proj.{name}"] = out_projection(array, parts.weighed, out.inputs[0], name)
        together = [projection.arrays[name] for projection in distinct if name in projection.arrays]
        if len(together) < len(distinct) or any(array.making is None for array in together):
            arrays[f"in_proj_{name}"] = together[0] if len(together) == 1 else joined(together)
        else:
            arrays[f"in_proj_{name}"] = in_projection(
                projections, parts.operands, name, parts.factor, turned=parts.turned
            )
    fields = {"num_heads": heads, "bias": biases.pop()}
    return patterns.layer("attention", fields, x, [out], arrays=arrays)


def _is_closed(patterns: Patterns, out: Draft, x: Draft) -> bool:
    """Whether nothing else reads what is within."""
    within: dict[Draft, None] = {}
    waiting, reads = [out], Counter[Draft]()
    while waiting:
        for source in waiting.pop().inputs:
            if source is x:
                continue
            reads[source] += 1
            if source not in within:
                within[source] = None
                waiting.append(source)
            if len(within) > _MOST_PARTS:
                return False
    return all(patterns.uses[draft] == reads[draft] for draft in within)


ORDER = 2, 1  # of layers that the first walk has put together
RULES = {"linear": (_attended,)}
