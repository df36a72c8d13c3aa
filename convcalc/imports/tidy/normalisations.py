"""Normalisations that were written out, and learned factors and addends left to operators behind a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.factors import addend_of, close, is_function
from convcalc.imports.tidy.walk import Patterns, both_ways


def _normalised(patterns: Patterns, draft: Draft) -> Draft | None:
    """(x - mean) / sqrt(variance + eps), and x / sqrt(mean square + eps)."""
    if len(draft.inputs) != 2:
        return None
    pairs = [draft.inputs] if draft.kind == "div" else list(both_ways(draft.inputs))
    for numerator, denominator in pairs:
        deviation = denominator
        if draft.kind == "mul" and _is_to_the(denominator, -1):
            deviation = denominator.inputs[0]
        elif draft.kind == "mul" and not _is_to_the(denominator, -0.5):
            continue
        if not _is_root(deviation):
            continue
        eps = addend_of(deviation.inputs[0])
        variance = deviation.inputs[0].inputs[0] if eps is not None else deviation.inputs[0]
        if not _is_mean(variance):
            continue
        result = _by_moments(patterns, draft, numerator, variance, eps or 0.0)
        if result is not None:
            return result
    return None


def _by_moments(patterns: Patterns, draft: Draft, numerator: Draft, variance: Draft, eps: float) -> Draft | None:
    """The norm that divides `numerator` by the root of `variance`, a mean of squares."""
    squares = variance.inputs[0]
    bases = squares.inputs if squares.kind == "mul" else squares.inputs * 2 if _is_to_the(squares, 2) else []
    if len(bases) != 2:
        return None
    if all(base is numerator for base in bases) and _centred(numerator)[0] is None:
        fields = {"axes": _axes_of_mean(variance), "eps": eps, "elementwise_affine": False}
        return patterns.layer("rms_norm", fields, numerator, [draft])
    x, mean = _centred(numerator)
    if x is None or mean is None or variance.shape != mean.shape or any(_centred(base)[0] is not x for base in bases):
        return None
    if mean.kind == "global_avg_pool":
        return patterns.layer("instance_norm", {"eps": eps}, x, [draft])
    fields = {"axes": _axes_of_mean(mean), "eps": eps, "elementwise_affine": False}
    return patterns.layer("layer_norm", fields, x, [draft])


def _axes_of_mean(mean: Draft) -> tuple[int, ...]:
    """The axes that a mean is taken over, counted from the last."""
    rank = len(mean.inputs[0].shape)
    axes = range(1, rank) if mean.kind == "global_avg_pool" else mean.fields["axes"]
    return tuple(axis % rank - rank for axis in axes)


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
    norm = x.kind in ("layer_norm", "rms_norm") and x.fields.get("elementwise_affine") is False and patterns.alone(x)
    if norm and _along(parameter, x.shape, x.fields.get("axes", (-1,))):
        fields = {**x.fields, "elementwise_affine": True} | ({"bias": False} if x.kind == "layer_norm" else {})
        return patterns.layer(x.kind, fields, x.inputs[0], [x, draft], arrays=parameter.arrays)
    if _along(parameter, x.shape, [0]) and draft.shape == x.shape:
        if _is_bare_norm(patterns, x):
            fields = {**x.fields, "affine": "scale"}
            return patterns.layer(x.kind, fields, x.inputs[0], [x, draft], arrays=parameter.arrays)
        return patterns.layer("scale", {}, x, [draft], arrays=parameter.arrays)
    places = _places_of_tokens(patterns, x, parameter)
    if places is not None:
        fields = {**places, "bias": False}
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
    shifted = _shifted_norm(patterns, x, parameter)
    if shifted is not None:
        return patterns.layer(*shifted, before, [x, draft], arrays=arrays)
    if x.kind == "scale" and "bias" not in x.fields and _along(parameter, x.shape, [0]):
        return patterns.layer("scale", {"bias": True}, before, [x, draft], arrays=arrays)
    return None


def _shifted_norm(patterns: Patterns, x: Draft, parameter: Draft) -> tuple[str, dict[str, Any]] | None:
    """The kind and fields of a normalisation with a learned addend behind it; None where that is none of its own."""
    if x.kind == "layer_norm" and _along(parameter, x.shape, x.fields.get("axes", (-1,))):
        if x.fields.get("elementwise_affine") is False:
            return "layer_norm", {**x.fields, "elementwise_affine": "shift"}
        if x.fields.get("bias") is False:
            return "layer_norm", {**x.fields, "bias": True}
    if _along(parameter, x.shape, [0]):
        if x.fields.get("affine") == "scale" or _is_bare_norm(patterns, x):
            return x.kind, {**x.fields, "affine": "shift" if _is_bare(x) else True}
        return None
    places = _places_of_tokens(patterns, x, parameter)
    return None if places is None else ("layer_norm", {**places, "elementwise_affine": "shift"})


def _places_of_tokens(patterns: Patterns, x: Draft, parameter: Draft) -> dict[str, Any] | None:
    """Of tokens by features, a mean over the features leaves the channels: the fields of the layer norm it is."""
    places = tuple(range(1 - len(x.shape), 0))
    bare = x.kind == "instance_norm" and "track_running_stats" not in x.fields and _is_bare_norm(patterns, x)
    return {"axes": places, "eps": x.fields.get("eps", 1e-5)} if bare and _along(parameter, x.shape, places) else None


def _is_bare_norm(patterns: Patterns, draft: Draft) -> bool:
    """Whether it is a normalisation of channels that has learned nothing, and that nothing else reads."""
    return draft.kind in ("group_norm", "instance_norm") and _is_bare(draft) and patterns.alone(draft)


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


def _to_length_one(patterns: Patterns, draft: Draft) -> Draft | None:
    """X / max(norm of x, eps), and over the channels x / sqrt(sum of squares of x + eps)."""
    x, least = draft.inputs if len(draft.inputs) == 2 else (draft, draft)
    is_rooted = is_function(least, "sqrt")
    norm = least.inputs[0] if is_rooted or least.kind == "hard_tanh" else least
    shifted = norm if is_rooted else None
    if shifted is not None:
        norm = shifted.inputs[0] if addend_of(shifted) is not None else norm
    if norm.kind != "reduce" or norm.inputs[0] is not x or not norm.fields.get("keepdim"):
        return None
    axes, operation = [axis % len(x.shape) for axis in norm.fields["axes"]], norm.fields.get("operation")
    if is_rooted and shifted is not norm and operation == "sum_square" and axes == [0]:
        return patterns.layer("l2_norm", {"eps": addend_of(shifted) if shifted else 0.0}, x, [draft])
    if least.kind != "hard_tanh" or least.fields.get("max_val", 1.0) < _LARGE or len(axes) != 1:
        return None
    power = {"l1": 1, "l2": 2}.get(str(operation))
    if power is None:
        return None
    fields = {"axis": axes[0], "p": power, "eps": least.fields.get("min_val", -1.0)}
    return patterns.layer("normalize", fields, x, [draft])


_LARGE = 3e38
"""A bound that is none."""

ORDER = 1, 2
RULES = {
    "mul": (_normalised, _scaled),
    "div": (_normalised, _to_length_one),
    "add": (_shifted,),
    "reshape": (_grouped,),
    "flatten": (_grouped,),
}
