"""Layers that stand for one layer together, found from the last of them backwards.

Exporters take activations and normalisations apart, or leave the bias of a layer to an addition behind it. Each rule
looks at a draft and what leads up to it, and gives the one draft that says the same; what it stood for goes away
where nothing else reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import isclose, pi, sqrt
from typing import Any

from convcalc.imports.drafts import INPUT, Builder, Draft
from convcalc.imports.errors import Inexpressible

Rule = Callable[["Patterns", Draft], Draft | None]

MOST_FACTORS = 8
"""Factors of a product that are looked at together, and numbers among them."""


def tidied(builder: Builder, leaving: Sequence[Draft]) -> tuple[list[Draft], list[Draft]]:
    """The drafts that what leaves needs, in order, with patterns made one; and what leaves."""
    from convcalc.imports.tidy import attention as attentions

    found = leaving
    for rules in (RULES, attentions.RULES):
        found = Patterns(builder, found, rules).go()
    return _needed(builder.drafts, found), list(found)


def _needed(drafts: list[Draft], leaving: Sequence[Draft]) -> list[Draft]:
    needed = set(leaving)
    for draft in reversed(drafts):
        if draft in needed:
            needed.update(draft.inputs)
    return [draft for draft in drafts if draft in needed or draft.kind == INPUT]


class Patterns:
    """One walk over the drafts. `uses` counts who reads each, so that what is read elsewhere is not taken away."""

    def __init__(self, builder: Builder, leaving: Sequence[Draft], rules: Mapping[str, tuple[Rule, ...]]) -> None:
        self.builder, self.leaving, self.rules = builder, leaving, rules
        self.drafts = _needed(builder.drafts, leaving)
        self.uses = Counter(source for draft in self.drafts for source in draft.inputs)
        self.uses.update(leaving)
        self._kept = set(self.drafts)

    def go(self) -> list[Draft]:
        """What leaves; the builder then has the drafts that are left, and perhaps some that nothing reads."""
        replaced: dict[Draft, Draft] = {}
        self.builder.drafts = []
        for draft in self.drafts:
            draft.inputs = [replaced.get(source, source) for source in draft.inputs]
            found = self._first(draft)
            if found is None:
                self.builder.drafts.append(draft)
            else:
                replaced[draft] = found
        return [replaced.get(draft, draft) for draft in self.leaving]

    def _first(self, draft: Draft) -> Draft | None:
        """What the first rule that fits makes of a draft; shapes changed again and again are looked at again."""
        found = None
        while True:
            made = self._made(draft)
            if made is None:
                return found
            self._take_over(draft, made)
            if made.kind not in ("reshape", "flatten") or made in self._kept:
                return made
            found = draft = made

    def _made(self, draft: Draft) -> Draft | None:
        for rule in self.rules.get(draft.kind, ()):
            try:
                made = rule(self, draft)
            except Inexpressible:
                continue
            if made is not None:
                return made
        return None

    def _take_over(self, old: Draft, new: Draft) -> None:
        if new in self._kept or new in self.uses:  # one that was there before
            self.uses[new] += self.uses[old]
        else:
            self.uses[new] = self.uses[old]
            self.uses.update(new.inputs)
        self.uses[old] = 0
        released = [old]
        while released:
            for source in released.pop().inputs:
                self.uses[source] -= 1
                if self.uses[source] == 0:
                    released.append(source)

    def alone(self, draft: Draft) -> bool:
        """Whether one other reads it and no more."""
        return self.uses[draft] == 1

    def layer(self, kind: str, fields: dict[str, Any], x: Draft, old: Sequence[Draft], **more: Any) -> Draft:
        """A layer in place of some; it is called as the one with weights, or else the last."""
        nodes = tuple(node for each in old for node in each.nodes)
        return self.builder.layer(kind, fields, [x], nodes, more.get("arrays"))


def close(value: object, number: float) -> bool:
    """Whether a number is the one meant, in the digits an exporter writes."""
    return isinstance(value, int | float) and isclose(value, number, rel_tol=2e-3)


def factor_of(draft: Draft) -> float | None:
    """What a draft multiplies by, if that is all it does."""
    if draft.kind == "affine" and "addend" not in draft.fields:
        return float(draft.fields.get("factor", 1.0))
    return None


def addend_of(draft: Draft) -> float | None:
    """What a draft adds, if that is all it does."""
    if draft.kind == "affine" and "factor" not in draft.fields:
        return float(draft.fields.get("addend", 0.0))
    return None


def factors(patterns: Patterns, draft: Draft) -> tuple[float, list[Draft]]:
    """A product as one number and the drafts that are multiplied."""
    number, found, waiting, numbers = 1.0, list[Draft](), [draft], 0
    while waiting:
        each = waiting.pop()
        factor = factor_of(each)
        inner = each is draft or patterns.alone(each)
        if factor is not None and inner and numbers < MOST_FACTORS:
            number *= factor
            numbers += 1
            waiting.append(each.inputs[0])
        elif each.kind == "mul" and inner and len(waiting) + len(found) < MOST_FACTORS:
            waiting += each.inputs
        else:
            found.append(each)
    return number, found


def _gated(patterns: Patterns, draft: Draft) -> Draft | None:
    """x·sigmoid(x) and its kin."""
    if len(draft.inputs) != 2:
        return None
    for x, gate in (draft.inputs, draft.inputs[::-1]):
        kind = {"sigmoid": "silu", "hard_sigmoid": "hard_swish"}.get(gate.kind)
        if kind and gate.inputs[0] is x and patterns.alone(gate):
            return patterns.layer(kind, {}, x, [gate, draft])
        if gate.kind == "tanh" and gate.inputs[0].kind == "softplus" and gate.inputs[0].inputs[0] is x:
            return patterns.layer("mish", {}, x, [gate, draft])
    return None


def _hard_sigmoid(patterns: Patterns, draft: Draft) -> Draft | None:
    """min(max(x + 3, 0), 6) / 6, alone or times x."""
    number, found = factors(patterns, draft)
    if not close(number, 1 / 6) or len(found) > 2:
        return None
    for place, gate in enumerate(found):
        if gate.kind != "relu6" or not patterns.alone(gate) or not close(addend_of(gate.inputs[0]), 3):
            continue
        x = gate.inputs[0].inputs[0]
        if len(found) == 1:
            return patterns.layer("hard_sigmoid", {}, x, [draft])
        if found[1 - place] is x:
            return patterns.layer("hard_swish", {}, x, [draft])
    return None


def _hard_sigmoid_of_parts(patterns: Patterns, draft: Draft) -> Draft | None:
    """min(max(x / 6 + 1/2, 0), 1)."""
    inner = draft.inputs[0]
    bounds = draft.fields.get("min_val", -1.0), draft.fields.get("max_val", 1.0)
    if bounds != (0.0, 1.0) or inner.kind != "affine" or not patterns.alone(inner):
        return None
    if close(inner.fields.get("factor"), 1 / 6) and close(inner.fields.get("addend"), 0.5):
        return patterns.layer("hard_sigmoid", {}, inner.inputs[0], [draft])
    if close(addend_of(inner), 0.5) and close(factor_of(inner.inputs[0]), 1 / 6):
        return patterns.layer("hard_sigmoid", {}, inner.inputs[0].inputs[0], [draft])
    return None


def _gelu(patterns: Patterns, draft: Draft) -> Draft | None:
    """x·(1 + erf(x / sqrt(2))) / 2, and the form with tanh."""
    number, found = factors(patterns, draft)
    if len(found) != 2:
        return None
    for x, bell in (found, found[::-1]):
        if bell.kind != "affine" or not patterns.alone(bell):
            continue
        slope = float(bell.fields.get("factor", 1.0))
        if not close(bell.fields.get("addend"), slope) or not close(number * slope, 0.5):
            continue
        inner = bell.inputs[0]
        if inner.op == "Erf" and _is_scaled(patterns, inner.inputs[0], x, 1 / sqrt(2)):
            return patterns.layer("gelu", {}, x, [draft])
        if inner.kind == "tanh" and _is_cubic(patterns, inner.inputs[0], x):
            return patterns.layer("gelu", {"approximate": "tanh"}, x, [draft])
    return None


def _is_scaled(patterns: Patterns, draft: Draft, x: Draft, by: float) -> bool:
    number, found = factors(patterns, draft)
    return found == [x] and close(number, by)


CUBIC = 0.044715


def _is_cubic(patterns: Patterns, draft: Draft, x: Draft) -> bool:
    """sqrt(2 / pi)·(x + 0.044715·x·x·x), however it is bracketed."""
    number, found = factors(patterns, draft)
    if not close(number, sqrt(2 / pi)):
        return False
    if len(found) == 1 and found[0].kind == "add" and len(found[0].inputs) == 2:
        terms = [_powers(patterns, each, x) for each in found[0].inputs]
        return any(one == (1.0, 1) and _is_power(other, 3) for one, other in (terms, terms[::-1]))
    if len(found) == 2:
        rest = [each for each in found if each is not x]
        if len(rest) == 1 and close(addend_of(rest[0]), 1):
            return _is_power(_powers(patterns, rest[0].inputs[0], x), 2)
    return False


def _is_power(term: tuple[float, int] | None, exponent: int) -> bool:
    return term is not None and term[1] == exponent and close(term[0], CUBIC)


def _powers(patterns: Patterns, draft: Draft, x: Draft) -> tuple[float, int] | None:
    """A product of powers of x: its number and its exponent."""
    if draft is x:
        return 1.0, 1
    number, found = factors(patterns, draft)
    exponent = 0
    for each in found:
        if each is x:
            exponent += 1
        elif each.kind == "pow" and each.inputs == [x]:
            exponent += int(each.fields["exponent"])
        elif each.kind == "mul" and each.inputs == [x, x]:
            exponent += 2
        else:
            return None
    return number, exponent


def _normalised(patterns: Patterns, draft: Draft) -> Draft | None:
    """(x - mean) / sqrt(variance + eps)."""
    if len(draft.inputs) != 2:
        return None
    difference, deviation = draft.inputs
    if draft.kind == "mul":
        difference, inverse = draft.inputs if draft.inputs[1].kind == "pow" else draft.inputs[::-1]
        if _is_to_the(inverse, -1):
            deviation = inverse.inputs[0]
        elif _is_to_the(inverse, -0.5):
            deviation = inverse
        else:
            return None
    x, mean = _centred(difference)
    if x is None or mean is None or not _is_root(deviation):
        return None
    shifted = deviation.inputs[0]
    eps = addend_of(shifted)
    variance = shifted.inputs[0] if eps is not None else None
    if variance is None or not _is_mean(variance) or variance.shape != mean.shape:
        return None
    squares = variance.inputs[0]
    bases = squares.inputs if squares.kind == "mul" else squares.inputs * 2 if _is_to_the(squares, 2) else []
    if len(bases) != 2 or any(_centred(base)[0] is not x for base in bases):
        return None
    if mean.kind == "global_avg_pool":
        return patterns.layer("instance_norm", {"eps": eps}, x, [draft])
    axes = tuple(axis % len(x.shape) - len(x.shape) for axis in mean.fields["axes"])
    fields = {"axes": axes, "eps": eps, "elementwise_affine": False}
    return patterns.layer("layer_norm", fields, x, [draft])


def _is_root(draft: Draft) -> bool:
    return draft.kind == "sqrt" or _is_to_the(draft, 0.5) or _is_to_the(draft, -0.5)


def _is_to_the(draft: Draft, exponent: float) -> bool:
    return draft.kind == "pow" and close(draft.fields["exponent"], exponent)


def _is_mean(draft: Draft) -> bool:
    if draft.kind == "global_avg_pool":
        return bool(draft.fields.get("keepdim"))
    return draft.kind == "reduce" and "operation" not in draft.fields and bool(draft.fields.get("keepdim"))


def _centred(draft: Draft) -> tuple[Draft | None, Draft | None]:
    """What a mean is subtracted from, and the mean."""
    if draft.kind == "sub" and _is_mean(draft.inputs[1]) and draft.inputs[1].inputs[0] is draft.inputs[0]:
        return draft.inputs[0], draft.inputs[1]
    return None, None


def _parameter(patterns: Patterns, draft: Draft) -> tuple[Draft, Draft] | None:
    """Of two that meet, a tensor and a learned parameter that no other reads."""
    if len(draft.inputs) != 2:
        return None
    for x, parameter in (draft.inputs, draft.inputs[::-1]):
        if parameter.kind == "parameter" and "learned" not in parameter.fields and patterns.alone(parameter):
            return (x, parameter) if x.kind != "parameter" else None
    return None


def _along(parameter: Draft, shape: tuple[int, ...], axes: Sequence[int]) -> bool:
    """Whether a parameter has the sizes of some axes of a shape, and 1 on all others."""
    own = {axis % len(shape) for axis in axes}
    wanted = tuple(size if axis in own else 1 for axis, size in enumerate(shape))
    sizes = (*parameter.shape, *(1,) * (len(shape) - len(parameter.shape)))
    return sizes == wanted


def _scaled(patterns: Patterns, draft: Draft) -> Draft | None:
    """A learned factor: that of a layer norm, or one a channel."""
    found = _parameter(patterns, draft)
    if found is None:
        return None
    x, parameter = found
    norm = x.kind == "layer_norm" and x.fields.get("elementwise_affine") is False and patterns.alone(x)
    if norm and _along(parameter, x.shape, x.fields.get("axes", (-1,))):
        fields = {**x.fields, "elementwise_affine": True, "bias": False}
        return patterns.layer("layer_norm", fields, x.inputs[0], [x, draft], arrays=parameter.arrays)
    if _along(parameter, x.shape, [0]) and draft.shape == x.shape:
        return patterns.layer("scale", {}, x, [draft], arrays=parameter.arrays)
    places = tuple(range(1 - len(x.shape), 0))  # of tokens x features, a mean over the features leaves the channels
    bare = x.kind == "instance_norm" and "track_running_stats" not in x.fields and _is_bare(x) and patterns.alone(x)
    if bare and _along(parameter, x.shape, places):
        fields = {"axes": places, "eps": x.fields.get("eps", 1e-5), "bias": False}
        return patterns.layer("layer_norm", fields, x.inputs[0], [x, draft], arrays=parameter.arrays)
    return None


BIASED = {"conv": 0, "conv_transpose": 0, "deform_conv": 0, "linear": -1}
"""The axis that the bias of a kind lies along."""


def _shifted(patterns: Patterns, draft: Draft) -> Draft | None:
    """A learned addend: the bias of the layer before."""
    found = _parameter(patterns, draft)
    if found is None or draft.shape != found[0].shape:
        return None
    x, parameter = found
    if not patterns.alone(x) or len(x.inputs) != 1:
        return None
    arrays, before = {**x.arrays, "bias": parameter.arrays["weight"]}, x.inputs[0]
    if x.kind in BIASED and x.fields.get("bias") is False and _along(parameter, x.shape, [BIASED[x.kind]]):
        fields = {**x.fields, "bias": True}
        return patterns.layer(x.kind, fields, before, [draft, x], arrays=arrays)
    norm = x.kind == "layer_norm" and x.fields.get("bias") is False and "elementwise_affine" not in x.fields
    if norm and _along(parameter, x.shape, x.fields.get("axes", (-1,))):
        return patterns.layer("layer_norm", {**x.fields, "bias": True}, before, [draft, x], arrays=arrays)
    if x.kind == "scale" and "bias" not in x.fields and _along(parameter, x.shape, [0]):
        bare = before.kind in ("group_norm", "instance_norm") and _is_bare(before) and patterns.alone(before)
        if bare:
            fields = {**before.fields, "affine": True}
            return patterns.layer(before.kind, fields, before.inputs[0], [before, x, draft], arrays=arrays)
        return patterns.layer("scale", {"bias": True}, before, [x, draft], arrays=arrays)
    return None


def _is_bare(draft: Draft) -> bool:
    """Whether a normalisation has learned nothing; it is group_norm's other and instance_norm's first choice."""
    return draft.fields.get("affine", draft.kind != "instance_norm") is False


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
    return x if x.shape == draft.shape else patterns.builder.reshaped(x, draft.shape, draft.nodes)


def _grouped(patterns: Patterns, draft: Draft) -> Draft | None:
    """Groups of channels as the channels of an instance normalisation."""
    norm = draft.inputs[0]
    if norm.kind != "instance_norm" or not _is_bare(norm) or not patterns.alone(norm):
        return None
    apart = norm.inputs[0]
    x = apart.inputs[0] if apart.kind in ("reshape", "flatten") else None
    if x is None or x.shape != draft.shape or x.shape[0] % apart.shape[0]:
        return None
    fields = {"num_groups": apart.shape[0], "eps": norm.fields.get("eps", 1e-5), "affine": False}
    return patterns.layer("group_norm", fields, x, [norm, draft])


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
    even = set(sizes[2::2]) == {factor} and sizes[0] == x.shape[0] and sizes[1::2] == gathered_sizes(x.shape, factor)
    if order == apart and even and draft.shape == (x.shape[0] * factor**rank, *sizes[1::2]):
        return patterns.layer("pixel_unshuffle", {"downscale_factor": factor}, x, [draft])
    return None


def gathered_sizes(shape: tuple[int, ...], factor: int) -> tuple[int, ...]:
    """Blocks of a length on each axis but the first; none where they do not fill it."""
    return tuple(size // factor if size % factor == 0 else 0 for size in shape[1:])


RULES: dict[str, tuple[Rule, ...]] = {
    "mul": (_gelu, _gated, _hard_sigmoid, _normalised, _scaled),
    "div": (_normalised,),
    "add": (_shifted,),
    "affine": (_gelu, _hard_sigmoid),
    "hard_tanh": (_hard_sigmoid_of_parts,),
    "reshape": (_shuffled, _grouped, _pooled, _again),
    "flatten": (_shuffled, _pooled, _again),
}
"""Rules by the kind of the last draft, tried in order."""
