"""Self-attention found in its parts: the projections, the scores, softmax, what they weigh, the projection out."""

from __future__ import annotations

from collections import Counter
from math import prod

from convcalc.imports.drafts import Draft
from convcalc.imports.onnx.constants import concatenated
from convcalc.imports.tidy.patterns import Patterns

MOVED = {"reshape", "flatten", "permute", "slice", "split", "identity", "dropout"}
"""Kinds that move elements about; between projection and product they tell the heads apart."""

MOST_PARTS = 64
"""Layers of one attention."""


def attended(patterns: Patterns, out: Draft) -> Draft | None:
    """The attention that a dense layer is the end of."""
    weighed = _behind(out.inputs[0])
    if weighed.kind != "matmul" or weighed is out.inputs[0]:
        return None
    shares, values = weighed.inputs
    softmax = _behind(shares)
    if softmax.kind != "softmax" or softmax.fields.get("axis", 0) % len(softmax.shape) != len(softmax.shape) - 1:
        return None
    scores = _behind(softmax.inputs[0], scaled=True)
    if scores.kind != "matmul":
        return None
    projections = [_behind(each, scaled=True) for each in (*scores.inputs, values)]
    return _made(patterns, out, scores, weighed, projections)


def _behind(draft: Draft, *, scaled: bool = False) -> Draft:
    """What is before everything that only moves elements, or multiplies them all by a number."""
    for _ in range(MOST_PARTS):
        number = draft.kind == "affine" and "addend" not in draft.fields
        if draft.kind not in MOVED and not (scaled and number):
            return draft
        draft = draft.inputs[0]
    return draft


def _made(patterns: Patterns, out: Draft, scores: Draft, weighed: Draft, projections: list[Draft]) -> Draft | None:
    x = projections[0].inputs[0] if projections[0].inputs else projections[0]
    of_x = all(each.kind == "linear" and each.inputs[0] is x for each in projections)
    if not of_x or len(x.shape) < 2 or out.shape != x.shape:
        return None
    *before, tokens, features = x.shape
    heads, rest = divmod(prod(scores.shape), prod(before) * tokens * tokens)
    of_head = features // heads if heads else 0
    inner = (scores.inputs[0].shape[-2:], scores.inputs[1].shape[-2:], weighed.inputs[1].shape[-2:])
    distinct = list(dict.fromkeys(projections))
    widths = {1: {3 * features}, 3: {features}}.get(len(distinct))
    biases = {each.fields.get("bias", True) for each in (*distinct, out)}
    if (
        rest
        or of_head * heads != features
        or inner != ((tokens, of_head), (of_head, tokens), (tokens, of_head))
        or {each.shape[-1] for each in distinct} != widths
        or len(biases) != 1
        or not _closed(patterns, out, x)
    ):
        return None
    arrays = {f"out_proj.{name}": array for name, array in out.arrays.items()}
    for name in out.arrays:
        parts = [projection.arrays[name] for projection in distinct if name in projection.arrays]
        arrays[f"in_proj_{name}"] = parts[0] if len(parts) == 1 else concatenated(parts, 0)
    fields = {"num_heads": heads, "bias": biases.pop()}
    return patterns.layer("attention", fields, x, [out], arrays=arrays)


def _closed(patterns: Patterns, out: Draft, x: Draft) -> bool:
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
            if len(within) > MOST_PARTS:
                return False
    return all(patterns.uses[each] == reads[each] for each in within)


RULES = {"linear": (attended,)}
