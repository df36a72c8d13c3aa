"""Comparisons of a tensor with a number, and what is chosen by them: parts of activations that were taken apart."""

from __future__ import annotations

from typing import NamedTuple

from convcalc.imports.drafts import Draft
from convcalc.imports.tidy.factors import is_function
from convcalc.imports.tidy.walk import Patterns

_ABOVE = {"greater": True, "greater_equal": True, "less": False, "less_equal": False}


class Chosen(NamedTuple):
    """What leaves where a tensor is above a number, and where it is below; `at_it` is which of both leaves at it."""

    x: Draft
    number: float
    above: Draft
    below: Draft
    at_it: Draft


def number_of(draft: Draft) -> float | None:
    """The number that a draft is for every input; None where it is something else."""
    array = draft.arrays.get("constant") if draft.kind == "parameter" else None
    numbers = set(() if array is None else array.numbers or ())
    return float(numbers.pop()) if len(numbers) == 1 else None


def chosen(patterns: Patterns, draft: Draft) -> Chosen | None:
    """What a choice between two drafts is made by, where that is a tensor and a number that it is compared with."""
    if not is_function(draft, "where"):
        return None
    condition, is_so, is_not = draft.inputs
    while is_function(condition, "logical_not") and patterns.alone(condition):
        condition, is_so, is_not = condition.inputs[0], is_not, is_so
    is_above = _ABOVE.get(str(condition.fields.get("operation"))) if condition.kind == "elementwise" else None
    if is_above is None or not patterns.alone(condition):
        return None
    first, second = condition.inputs
    number = number_of(second)
    if number is None:
        number, first, is_above = number_of(first), second, not is_above
    if number is None or first.shape != draft.shape:
        return None
    above, below = (is_so, is_not) if is_above else (is_not, is_so)
    at_it = is_so if str(condition.fields["operation"]).endswith("_equal") else is_not
    return Chosen(first, number, above, below, at_it)
