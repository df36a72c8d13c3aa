"""Normalisations that were written out, and learned factors and addends left to operators behind a layer."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.factors import addend_of, close, is_function
from convcalc.imports.tidy.walk import Patterns, both_ways


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
    return is_function(draft, "sqrt") or _is_to_the(draft, 0.5) or _is_to_the(draft, -0.5)


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
    """Of two that meet, a tensor and a learned parameter that nothing else reads."""
    for x, parameter in both_ways(draft.inputs):
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
    pair = _parameter(patterns, draft)
    if pair is None:
        return None
    x, parameter = pair
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


_BIASED = {"conv": 0, "conv_transpose": 0, "deform_conv": 0, "linear": -1}
"""The axis that the bias of a kind lies along."""


def _shifted(patterns: Patterns, draft: Draft) -> Draft | None:
    """A learned addend: the bias of the layer before."""
    pair = _parameter(patterns, draft)
    if pair is None or draft.shape != pair[0].shape:
        return None
    x, parameter = pair
    if not patterns.alone(x) or len(x.inputs) != 1:
        return None
    arrays, before = {**x.arrays, "bias": parameter.arrays["weight"]}, x.inputs[0]
    if x.kind in _BIASED and x.fields.get("bias") is False and _along(parameter, x.shape, [_BIASED[x.kind]]):
        fields = {**x.fields, "bias": True}
        return patterns.layer(x.kind, fields, before, [draft, x], arrays=arrays)
    norm = x.kind == "layer_norm" and x.fields.get("bias") is False and "elementwise_affine" not in x.fields
    if norm and _along(parameter, x.shape, x.fields.get("axes", (-1,))):
        return patterns.layer("layer_norm", {**x.fields, "bias": True}, before, [draft, x], arrays=arrays)
    if x.kind == "scale" and "bias" not in x.fields and _along(parameter, x.shape, [0]):
        if before.kind in ("group_norm", "instance_norm") and _is_bare(before) and patterns.alone(before):
            fields = {**before.fields, "affine": True}
            return patterns.layer(before.kind, fields, before.inputs[0], [before, x, draft], arrays=arrays)
        return patterns.layer("scale", {"bias": True}, before, [x, draft], arrays=arrays)
    return None


def _is_bare(draft: Draft) -> bool:
    """Whether a normalisation has learned nothing; it is group_norm's other and instance_norm's first choice."""
    return draft.fields.get("affine", draft.kind != "instance_norm") is False


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


ORDER = 1, 2
RULES = {
    "mul": (_normalised, _scaled),
    "div": (_normalised,),
    "add": (_shifted,),
    "reshape": (_grouped,),
}
