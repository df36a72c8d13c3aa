"""Softplus, softsign and the logarithm of the sigmoid, as exporters write them out."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.conditions import chosen
from convcalc.imports.tidy.factors import addend_of, close, factor_of, is_function
from convcalc.imports.tidy.walk import Patterns, both_ways


def _softplus(patterns: Patterns, draft: Draft) -> Draft | None:
    """log(1 + exp(x))."""
    if not is_function(draft, "log"):
        return None
    added = draft.inputs[0]
    if not close(addend_of(added), 1) or not is_function(added.inputs[0], "exp"):
        return None
    if not patterns.alone(added) or not patterns.alone(added.inputs[0]):
        return None
    return patterns.layer("softplus", {}, added.inputs[0].inputs[0], [draft])


def _softplus_below_a_threshold(patterns: Patterns, draft: Draft) -> Draft | None:
    """Softplus(beta·x) / beta, above threshold / beta x itself."""
    choice = chosen(patterns, draft)
    if choice is None or not patterns.alone(choice.below):
        return None
    x, steep, soft = choice.above, choice.x, choice.below
    beta = 1.0 if steep is x else factor_of(steep)
    if beta != 1:
        if not beta or steep.inputs[0] is not x or not close(factor_of(soft), 1 / beta):
            return None
        soft = soft.inputs[0]
    if soft.kind != "softplus" or soft.fields.get("beta", 1.0) != 1 or soft.inputs[0] is not steep:
        return None
    return patterns.layer("softplus", {"beta": beta, "threshold": choice.number}, x, [soft, draft])


def _log_sigmoid(patterns: Patterns, draft: Draft) -> Draft | None:
    """log(sigmoid(x))."""
    gate = draft.inputs[0]
    if not is_function(draft, "log") or gate.kind != "sigmoid" or not patterns.alone(gate):
        return None
    return patterns.layer("log_sigmoid", {}, gate.inputs[0], [gate, draft])


def _log_sigmoid_of_softplus(patterns: Patterns, draft: Draft) -> Draft | None:
    """-softplus(-x)."""
    soft = draft.inputs[0]
    plain = soft.kind == "softplus" and not soft.fields and patterns.alone(soft)
    if not plain or factor_of(draft) != -1 or factor_of(soft.inputs[0]) != -1:
        return None
    return patterns.layer("log_sigmoid", {}, soft.inputs[0].inputs[0], [soft, draft])


def _softsign(patterns: Patterns, draft: Draft) -> Draft | None:
    """What is divided by 1 + abs(x), or multiplied by its inverse."""
    for x, divisor in [draft.inputs] if draft.kind == "div" else both_ways(draft.inputs):
        inner = divisor
        if draft.kind == "mul":
            if divisor.kind != "pow" or divisor.fields["exponent"] != -1 or not patterns.alone(divisor):
                continue
            inner = divisor.inputs[0]
        if not close(addend_of(inner), 1) or not patterns.alone(inner):
            continue
        size = inner.inputs[0]
        if is_function(size, "abs") and size.inputs[0] is x and patterns.alone(size):
            return patterns.layer("softsign", {}, x, [draft])
    return None


ORDER = 1, 0  # before mish, which is of softplus
RULES = {
    "elementwise": (_softplus, _softplus_below_a_threshold, _log_sigmoid),
    "affine": (_log_sigmoid_of_softplus,),
    "div": (_softsign,),
    "mul": (_softsign,),
}
