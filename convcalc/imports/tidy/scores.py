"""Scaled dot-product attention found in its parts: scores, what is done to them, softmax, what they weigh."""

from __future__ import annotations

from typing import Any

from convcalc import steps
from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.factors import close, factor_of
from convcalc.imports.tidy.walk import Patterns, both_ways

_KIND = "scaled_dot_product_attention"


def _weighed(patterns: Patterns, draft: Draft) -> Draft | None:
    """softmax(scale · query · keyᵀ + mask) · value; scores may be held within a cap before the mask."""
    pair = _product(patterns, draft)
    if pair is None:
        return None
    softmax, value = pair
    rank = len(softmax.shape)
    if softmax.kind != "softmax" or softmax.fields.get("axis", 0) % rank != rank - 1 or not patterns.alone(softmax):
        return None
    for scores, masks in _unmasked(patterns, softmax.inputs[0]):
        capped, cap = _uncapped(patterns, scores)
        factor = factor_of(capped) if patterns.alone(capped) else None
        product = capped.inputs[0] if factor is not None else capped
        operands = _product(patterns, product) if patterns.alone(product) else None
        if operands is not None and len(operands[0].shape) == len(value.shape) == rank:
            return _attention(patterns, draft, operands, value, masks, (1.0 if factor is None else factor, cap))
    return None


def _unmasked(patterns: Patterns, draft: Draft) -> list[tuple[Draft, list[Draft]]]:
    """What may be the scores and what the mask: one of two that are added, or there is none."""
    if draft.kind != "add":
        return [(draft, [])]
    if not patterns.alone(draft):
        return []
    pairs = both_ways(draft.inputs)
    return [(scores, [mask]) for scores, mask in pairs if scores.shape == draft.shape and _fits(mask, draft)]


def _fits(mask: Draft, scores: Draft) -> bool:
    """Whether a mask meets scores; one of fewer axes is aligned at the channels."""
    sizes = zip(mask.shape, scores.shape, strict=False)
    return len(mask.shape) <= len(scores.shape) and all(size in (1, wanted) for size, wanted in sizes)


def _uncapped(patterns: Patterns, draft: Draft) -> tuple[Draft, float]:
    """What is before cap · tanh(x / cap), and the cap; 0 where there is none."""
    cap, tanh = factor_of(draft), draft.inputs[0] if draft.inputs else draft
    if cap and cap > 0 and tanh.kind == "tanh" and patterns.alone(draft) and patterns.alone(tanh):
        inner = tanh.inputs[0]
        if patterns.alone(inner) and close(factor_of(inner), 1 / cap):
            return inner.inputs[0], cap
    return draft, 0.0


def _product(patterns: Patterns, draft: Draft) -> tuple[Draft, Draft] | None:
    """What two matrices are multiplied, of which heads of the first may share those of the second."""
    if draft.kind == "matmul":
        first, second = draft.inputs
        return first, second
    inner = draft.inputs[0] if draft.kind == "reshape" else draft
    if inner.kind != "matmul" or not patterns.alone(inner) or any(x.kind != "reshape" for x in inner.inputs):
        return None
    (apart, beside), (first, second) = inner.inputs, [x.inputs[0] for x in inner.inputs]
    is_shared = beside.shape == (*second.shape[:-2], 1, *second.shape[-2:]) and len(apart.shape) == len(beside.shape)
    heads = apart.shape[-4] * apart.shape[-3] if len(apart.shape) > 3 else 0
    laid = (*apart.shape[:-4], heads, *apart.shape[-2:])
    return (first, second) if is_shared and first.shape == laid and draft.shape[:-1] == laid[:-1] else None


def _attention(
    patterns: Patterns,
    draft: Draft,
    operands: tuple[Draft, Draft],
    value: Draft,
    masks: list[Draft],
    numbers: tuple[float, float],
) -> Draft:
    query, turned = operands
    scale, cap = numbers
    is_usual = float(f"{query.shape[-1] ** -0.5:.7g}") == float(f"{scale:.7g}")
    fields: dict[str, Any] = {} if is_usual else {"scale": scale}
    fields |= {"softcap": cap} if cap else {}
    placed, masks = _told_by_places(patterns, masks, query)
    fields |= placed
    masks = [_with_ones(patterns, mask, len(query.shape)) for mask in masks]
    key = _turned_back(patterns, turned)
    return patterns.builder.layer(_KIND, fields, [query, key, value, *masks], draft.origins)


def _with_ones(patterns: Patterns, mask: Draft, rank: int) -> Draft:
    if len(mask.shape) == rank:
        return mask
    patterns.uses[mask] += 1  # by a layer that the walk does not know
    return patterns.builder.reshaped(mask, (*mask.shape, *(1,) * (rank - len(mask.shape))))


def _placed(patterns: Patterns, draft: Draft) -> Draft | None:
    """An attention whose mask is a constant that speaks of places alone, or has such a one added to it."""
    *operands, mask = draft.inputs
    if len(operands) != 3 or draft.fields.keys() & {"is_causal", "left_window", "right_window", "offset"}:
        return None
    placed, masks = _told_by_places(patterns, [mask], operands[0])
    if not placed:
        return None
    return patterns.builder.layer(_KIND, {**draft.fields, **placed}, [*operands, *masks], draft.origins)


def _told_by_places(patterns: Patterns, masks: list[Draft], query: Draft) -> tuple[dict[str, Any], list[Draft]]:
    """The fields that say what a constant mask says, and the mask that is left, if any."""
    queries, rank = query.shape[-2], len(query.shape)
    for mask in masks:
        parts = [mask]
        if mask.kind == "add" and len(mask.inputs) == 2 and patterns.alone(mask):
            parts = mask.inputs
        for part in parts:
            fields = _band(part, queries, rank)
            if fields is not None:
                return fields, [other for other in parts if other is not part]
    return {}, masks


_HIDDEN = -1e4
"""From here on down, what is added to a score leaves nothing of it."""


def _band(mask: Draft, queries: int, rank: int) -> dict[str, Any] | None:
    """The window that a constant is which hides all keys but those around each query's place."""
    *before, rows, keys = (*mask.shape, *(1,) * (rank - len(mask.shape)))
    array = mask.arrays.get("constant") if mask.kind == "parameter" else None
    numbers = array.numbers if array is not None else None
    if numbers is None or any(size != 1 for size in before) or rows != queries or len(numbers) != rows * keys:
        return None
    steps.spend(len(numbers) // 4)
    seen = [place % keys - place // keys for place, number in enumerate(numbers) if number == 0]
    if not seen or any(_HIDDEN < number < 0 or number > 0 for number in numbers):
        return None
    least, most = min(seen), max(seen)
    inside = sum(max(0, min(keys - 1, row + most) - max(0, row + least) + 1) for row in range(rows))
    if inside != len(seen) or most < 0:
        return None
    offset = max(0, least)
    fields: dict[str, Any] = {"offset": offset} if offset else {}
    fields |= {"left_window": offset - least} if least > 1 - rows else {}
    is_causal = most == offset and most < keys - 1
    fields |= {"is_causal": True} if is_causal else {"right_window": most - offset} if most < keys - 1 else {}
    return fields or {"right_window": most - offset}


def _turned_back(patterns: Patterns, turned: Draft) -> Draft:
    """A tensor with its last two axes in each other's place: without the layer that did that, where there is one."""
    rank = len(turned.shape)
    order = [*range(rank - 2), rank - 1, rank - 2]
    source = turned
    if turned.kind == "permute":
        axes = [axis % rank for axis in turned.fields["axes"]]
        source, order = turned.inputs[0], [axes[place] for place in order]
    if order == list(range(rank)):
        return source
    patterns.uses[source] += 1  # by a layer that the walk does not know
    return patterns.builder.layer("permute", {"axes": tuple(order)}, [source], turned.origins)


ORDER = 3, 1  # of what is no attention with its projections
RULES = {"matmul": (_weighed,), "reshape": (_weighed,), _KIND: (_placed,)}
