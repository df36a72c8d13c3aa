"""Elements moved about in several steps: shuffles, shapes changed twice, axes of one position left out afterwards."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.walk import Patterns


def _shuffled(patterns: Patterns, draft: Draft) -> Draft | None:
    """Axes split, reordered and joined: a channel shuffle, a pixel shuffle, or its opposite."""
    turned = draft.inputs[0]
    if turned.kind != "permute" or not patterns.alone(turned):
        return None
    split = turned.inputs[0]
    if split.kind != "reshape" or not patterns.alone(split):
        return None
    x, order, sizes = split.inputs[0], tuple(turned.fields["axes"]), split.shape
    rank = len(x.shape) - 1
    if len(draft.shape) != rank + 1 or rank < 1:
        return None
    if draft.shape == x.shape and order == (1, 0, *range(2, rank + 2)) and sizes[2:] == x.shape[1:]:
        return patterns.layer("channel_shuffle", {"groups": sizes[0]}, x, [draft])
    if len(sizes) != 2 * rank + 1:
        return None
    pairs = [axis for place in range(rank) for axis in (1 + rank + place, 1 + place)]
    factor = sizes[1]
    spread = (sizes[0], *(size * factor for size in x.shape[1:]))
    even = set(sizes[1 : rank + 1]) == {factor} and sizes[rank + 1 :] == x.shape[1:]
    if order == (0, *pairs) and even and draft.shape == spread:
        return patterns.layer("pixel_shuffle", {"upscale_factor": factor}, x, [draft])
    factor = sizes[2]
    apart = (0, *range(2, 2 * rank + 1, 2), *range(1, 2 * rank, 2))
    even = set(sizes[2::2]) == {factor} and sizes[0] == x.shape[0] and sizes[1::2] == _gathered_sizes(x.shape, factor)
    if order == apart and even and draft.shape == (x.shape[0] * factor**rank, *sizes[1::2]):
        return patterns.layer("pixel_unshuffle", {"downscale_factor": factor}, x, [draft])
    return None


def _gathered_sizes(shape: tuple[int, ...], factor: int) -> tuple[int, ...]:
    """Blocks of a length on each axis but the first; none where they do not fill it."""
    return tuple(size // factor if size % factor == 0 else 0 for size in shape[1:])


def _pooled(patterns: Patterns, draft: Draft) -> Draft | None:
    """Global pooling whose axes of one position are then left out."""
    pool = draft.inputs[0]
    if pool.kind in ("global_avg_pool", "global_max_pool", "reduce") and pool.fields.get("keepdim"):
        axes = [axis % len(pool.shape) for axis in pool.fields.get("axes", range(1, len(pool.shape)))]
        left = tuple(size for axis, size in enumerate(pool.shape) if axis not in axes)
        if patterns.alone(pool) and draft.shape == left:
            fields = {**pool.fields, "keepdim": False}
            return patterns.layer(pool.kind, fields, pool.inputs[0], [draft, pool])
    return None


def _again(patterns: Patterns, draft: Draft) -> Draft | None:
    """A shape that is changed at once again."""
    inner = draft.inputs[0]
    if inner.kind not in ("reshape", "flatten") or not patterns.alone(inner):
        return None
    x = inner.inputs[0]
    return x if x.shape == draft.shape else patterns.builder.reshaped(x, draft.shape, draft.origins)


ORDER = 1, 3
RULES = {
    "reshape": (_shuffled, _pooled, _again),
    "flatten": (_shuffled, _pooled, _again),
}
