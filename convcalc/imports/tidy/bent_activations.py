"""Activations that are one thing above a number and another below it, written out as a choice between both."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.conditions import Chosen, chosen, number_of
from convcalc.imports.tidy.factors import close, factor_of, is_function
from convcalc.imports.tidy.walk import Patterns

_EITHER_WAY = {"greater": "max", "greater_equal": "max", "less": "min", "less_equal": "min"}


def _bent(patterns: Patterns, draft: Draft) -> Draft | None:
    """The tensor itself above a number; a number, a multiple or an exponential of it below."""
    choice = chosen(patterns, draft)
    if choice is None or choice.above is not choice.x:
        return None
    number = number_of(choice.below)
    if number is not None:
        return _held(patterns, draft, choice, number)
    if choice.number != 0 or not patterns.alone(choice.below):
        return None
    slope = factor_of(choice.below)
    if slope is not None and choice.below.inputs[0] is choice.x:
        return patterns.layer("leaky_relu", {"negative_slope": slope}, choice.x, [draft])
    alpha = _of_exponential(choice.below, choice.x)
    return None if alpha is None else patterns.layer("elu", {"alpha": alpha}, choice.x, [draft])


def _held(patterns: Patterns, draft: Draft, choice: Chosen, number: float) -> Draft | None:
    """A number below; of what is as large as the threshold the kind makes that number as well."""
    if number == choice.number == 0:
        return patterns.layer("relu", {}, choice.x, [draft])
    if choice.at_it is choice.x and number != choice.number:
        return None
    return patterns.layer("threshold", {"threshold": choice.number, "value": number}, choice.x, [draft])


def _of_exponential(draft: Draft, x: Draft) -> float | None:
    """The factor alpha of alpha·(exp(x) - 1), however it is bracketed; None where a draft is something else."""
    factor, addend = 1.0, 0.0
    for _ in range(3):
        if draft.kind != "affine":
            break
        addend += factor * float(draft.fields.get("addend", 0.0))
        factor *= float(draft.fields.get("factor", 1.0))
        draft = draft.inputs[0]
    is_so = is_function(draft, "exp") and draft.inputs[0] is x and close(addend, -factor)
    return factor if is_so else None


def _larger_or_smaller(patterns: Patterns, draft: Draft) -> Draft | None:
    """Of two tensors that which is larger, or smaller, by comparing them."""
    if not is_function(draft, "where"):
        return None
    condition, *options = draft.inputs
    kind = _EITHER_WAY.get(str(condition.fields.get("operation"))) if condition.kind == "elementwise" else None
    if kind is None or not patterns.alone(condition) or any(number_of(option) is not None for option in options):
        return None
    if condition.inputs == options[::-1]:
        kind = {"max": "min", "min": "max"}[kind]
    elif condition.inputs != options:
        return None
    return patterns.builder.layer(kind, {}, options, draft.origins)


ORDER = 1, 4
RULES = {"elementwise": (_bent, _larger_or_smaller)}
