"""Local response normalisation that was written out as a mean over neighbouring channels."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.factors import is_function
from convcalc.imports.tidy.walk import Patterns, both_ways

_MOST_STEPS = 4
"""Additions and multiplications by a number that are looked at together."""


def _responding(patterns: Patterns, draft: Draft) -> Draft | None:
    """What is divided by (k + alpha·mean of squares)^beta, or multiplied by its inverse."""
    pairs = [draft.inputs] if draft.kind == "div" else both_ways(draft.inputs)
    for x, divisor in pairs:
        beta, energy = _power(divisor)
        if draft.kind == "mul":
            beta = -beta
        mean, alpha, k = _moved(energy)
        size = _neighbours(patterns, mean, x)
        if size is not None and beta > 0 and patterns.alone(divisor) and patterns.alone(energy):
            fields = {"size": size, "alpha": alpha, "beta": beta, "k": k}
            return patterns.layer("local_response_norm", fields, x, [draft])
    return None


def _power(draft: Draft) -> tuple[float, Draft]:
    """The exponent of a power, and what it is of."""
    if draft.kind == "pow":
        return float(draft.fields["exponent"]), draft.inputs[0]
    return (0.5, draft.inputs[0]) if is_function(draft, "sqrt") else (1.0, draft)


def _moved(draft: Draft) -> tuple[Draft, float, float]:
    """What is multiplied by a number and then moved by another."""
    factor, addend = 1.0, 0.0
    for _ in range(_MOST_STEPS):
        if draft.kind != "affine":
            break
        addend += factor * float(draft.fields.get("addend", 0.0))
        factor *= float(draft.fields.get("factor", 1.0))
        draft = draft.inputs[0]
    return draft, factor, addend


def _neighbours(patterns: Patterns, draft: Draft, x: Draft) -> int | None:
    """Over how many channels the squares of x are averaged, each with its neighbours; None where that is not done."""
    pool = _unshaped(draft)
    if pool.kind != "avg_pool" or not patterns.alone(pool) or not pool.fields.get("count_include_pad", True):
        return None
    size, *others = pool.fields["kernel_size"]
    stride = pool.fields.get("stride") or pool.fields["kernel_size"]
    padding, squares = pool.fields.get("padding", ()), pool.inputs[0]
    if isinstance(padding, str) or any(other != 1 for other in (*others, *stride)):
        return None
    before = squares
    if squares.kind == "pad" and "mode" not in squares.fields and not squares.fields.get("value"):
        padding, before = squares.fields["padding"], squares.inputs[0]
        if pool.fields.get("padding"):
            return None
    around, *rest = padding or ((0, 0),)
    is_laid = len(before.shape) > 1 and before.shape[:2] == (1, x.shape[0])
    if tuple(around) != (size // 2, (size - 1) // 2) or any(tuple(pads) != (0, 0) for pads in rest) or not is_laid:
        return None
    squares = _unshaped(before)
    is_square = squares.inputs == [x, x] if squares.kind == "mul" else _power(squares) == (2.0, x)
    return size if is_square and squares.shape == x.shape else None


def _unshaped(draft: Draft) -> Draft:
    while draft.kind in ("reshape", "flatten"):
        draft = draft.inputs[0]
    return draft


ORDER = 1, 5
RULES = {"div": (_responding,), "mul": (_responding,)}
