"""Activations that were written out: SiLU, Mish, the hard sigmoid, GELU and their kin."""

from __future__ import annotations

from math import pi, sqrt

from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.factors import addend_of, close, factor_of, factors, is_function
from convcalc.imports.tidy.walk import Patterns, both_ways


def _gated(patterns: Patterns, draft: Draft) -> Draft | None:
    """x·sigmoid(x) and its kin."""
    for x, gate in both_ways(draft.inputs):
        kind = {"sigmoid": "silu", "hard_sigmoid": "hard_swish"}.get(gate.kind)
        if kind and gate.inputs[0] is x and patterns.alone(gate):
            return patterns.layer(kind, {}, x, [gate, draft])
        if gate.kind == "tanh" and gate.inputs[0].kind == "softplus" and gate.inputs[0].inputs[0] is x:
            return patterns.layer("mish", {}, x, [gate, draft])
    return None


def _hard_sigmoid(patterns: Patterns, draft: Draft) -> Draft | None:
    """min(max(x + 3, 0), 6) / 6, alone or times x."""
    number, multiplied = factors(patterns, draft)
    if not close(number, 1 / 6) or len(multiplied) > 2:
        return None
    for place, gate in enumerate(multiplied):
        if gate.kind != "relu6" or not patterns.alone(gate) or not close(addend_of(gate.inputs[0]), 3):
            continue
        x = gate.inputs[0].inputs[0]
        if len(multiplied) == 1:
            return patterns.layer("hard_sigmoid", {}, x, [draft])
        if multiplied[1 - place] is x:
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
    number, multiplied = factors(patterns, draft)
    for x, bell in both_ways(multiplied):
        if bell.kind != "affine" or not patterns.alone(bell):
            continue
        slope = float(bell.fields.get("factor", 1.0))
        if not close(bell.fields.get("addend"), slope) or not close(number * slope, 0.5):
            continue
        inner = bell.inputs[0]
        if is_function(inner, "erf") and _is_scaled(patterns, inner.inputs[0], x, 1 / sqrt(2)):
            return patterns.layer("gelu", {}, x, [draft])
        if inner.kind == "tanh" and _is_cubic(patterns, inner.inputs[0], x):
            return patterns.layer("gelu", {"approximate": "tanh"}, x, [draft])
    return None


def _is_scaled(patterns: Patterns, draft: Draft, x: Draft, by: float) -> bool:
    number, multiplied = factors(patterns, draft)
    return multiplied == [x] and close(number, by)


_CUBIC = 0.044715


def _is_cubic(patterns: Patterns, draft: Draft, x: Draft) -> bool:
    """sqrt(2 / pi)·(x + 0.044715·x·x·x), however it is bracketed."""
    number, multiplied = factors(patterns, draft)
    if not close(number, sqrt(2 / pi)):
        return False
    if len(multiplied) == 1 and multiplied[0].kind == "add" and len(multiplied[0].inputs) == 2:
        terms = [_powers(patterns, term, x) for term in multiplied[0].inputs]
        return any(plain == (1.0, 1) and _is_power(cube, 3) for plain, cube in (terms, terms[::-1]))
    if len(multiplied) == 2:
        rest = [factor for factor in multiplied if factor is not x]
        if len(rest) == 1 and close(addend_of(rest[0]), 1):
            return _is_power(_powers(patterns, rest[0].inputs[0], x), 2)
    return False


def _is_power(term: tuple[float, int] | None, exponent: int) -> bool:
    return term is not None and term[1] == exponent and close(term[0], _CUBIC)


def _powers(patterns: Patterns, draft: Draft, x: Draft) -> tuple[float, int] | None:
    """A product of powers of x: its number and its exponent."""
    if draft is x:
        return 1.0, 1
    number, multiplied = factors(patterns, draft)
    exponent = 0
    for factor in multiplied:
        if factor is x:
            exponent += 1
        elif factor.kind == "pow" and factor.inputs == [x]:
            exponent += int(factor.fields["exponent"])
        elif factor.kind == "mul" and factor.inputs == [x, x]:
            exponent += 2
        else:
            return None
    return number, exponent


ORDER = 1, 1
RULES = {
    "mul": (_gelu, _gated, _hard_sigmoid),
    "affine": (_gelu, _hard_sigmoid),
    "hard_tanh": (_hard_sigmoid_of_parts,),
}
