"""Tensors that are spread out before they meet a larger one, as they would be in meeting it."""

from __future__ import annotations

from math import prod

from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.walk import Patterns

_MOST_STEPS = 4
"""Layers that one spreading is written as."""

_Axes = list[tuple[int, int | None]]
"""The size of each axis, and the axis of the smaller tensor that lies along it, None where that is repeated."""


def _met_unspread(patterns: Patterns, draft: Draft) -> Draft | None:
    """A merge of the tensors that are spread out, where all but these have the sizes of what leaves."""
    if len(draft.inputs) != 2:
        return None
    inputs = list(draft.inputs)
    for place, other in ((0, 1), (1, 0)):
        if inputs[other].shape == draft.shape and inputs[other] is draft.inputs[other]:
            inputs[place] = _unspread(patterns, inputs[place])
    if inputs == draft.inputs:
        return None
    return patterns.builder.layer(draft.kind, draft.fields, inputs, draft.origins, draft.arrays)


def _unspread(patterns: Patterns, draft: Draft) -> Draft:
    """What a draft repeats along axes that it has one position on; the draft itself where it does something else."""
    chain = [draft]
    while len(chain) <= _MOST_STEPS and chain[-1].kind in ("reshape", "flatten", "upsample") and chain[-1].inputs:
        if not patterns.alone(chain[-1]):
            break
        chain.append(chain[-1].inputs[0])
    small = chain[-1]
    if len(small.shape) != len(draft.shape) or small.shape == draft.shape:
        return draft
    axes: _Axes | None = [(size, axis) for axis, size in enumerate(small.shape)]
    for step in reversed(chain[:-1]):
        axes = None if axes is None else _spread(axes, step)
    is_repeated = axes is not None and all(
        axis == place or small.shape[place] == 1 for place, (_, axis) in enumerate(axes)
    )
    return small if is_repeated else draft


def _spread(axes: _Axes, step: Draft) -> _Axes | None:
    """The axes behind a step that leaves out or puts in axes of one position, or repeats what is on such axes."""
    if step.kind != "upsample":
        large = [axis for axis in axes if axis[0] != 1]
        if [size for size, _ in large] != [size for size in step.shape if size != 1]:
            return None
        waiting = iter(large)
        return [next(waiting) if size != 1 else (1, None) for size in step.shape]
    sizes = [size for size, _ in axes]
    if step.fields.get("mode", "nearest") != "nearest" or prod(sizes) == prod(step.shape):
        return None
    if any(size not in (1, new) for size, new in zip(sizes, step.shape, strict=True)):
        return None
    return [(new, axis if size == new else None) for (size, axis), new in zip(axes, step.shape, strict=True)]


ORDER = 0, 0  # before the rules that look at what meets
RULES = dict.fromkeys(("add", "sub", "mul", "div"), (_met_unspread,))
