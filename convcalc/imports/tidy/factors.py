"""Numbers that drafts multiply by and add, and products taken apart."""

from __future__ import annotations

from math import isclose

from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.walk import Patterns

_MOST_FACTORS = 8
"""Factors of a product that are looked at together, and numbers among them."""


def close(value: object, number: float) -> bool:
    """Whether a number is the one meant, in the digits an exporter writes."""
    return isinstance(value, int | float) and isclose(value, number, rel_tol=2e-3)


def is_function(draft: Draft, operation: str) -> bool:
    """Whether a draft is that function of elements."""
    return draft.kind == "elementwise" and draft.fields["operation"] == operation


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
    number, multiplied, waiting, numbers = 1.0, list[Draft](), [draft], 0
    while waiting:
        part = waiting.pop()
        factor = factor_of(part)
        inner = part is draft or patterns.alone(part)
        if factor is not None and inner and numbers < _MOST_FACTORS:
            number *= factor
            numbers += 1
            waiting.append(part.inputs[0])
        elif part.kind == "mul" and inner and len(waiting) + len(multiplied) < _MOST_FACTORS:
            waiting += part.inputs
        else:
            multiplied.append(part)
    return number, multiplied
