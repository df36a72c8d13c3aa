"""What the literature says a variant costs of the convolution that it replaces, to be held against what was counted.

Sources: Howard et al. 2017, MobileNets, section 3.1 (separable); Szegedy et al. 2015, section 3.2 (spatially
separable, where the channels stay as they are); Krizhevsky et al. 2012 (grouped).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from convcalc.analysis.compare import Change, Comparison
from convcalc.arithmetic.number import product
from convcalc.layers import Kind


class Term(msgspec.Struct, frozen=True):
    """A share of MACs: with symbols, with numbers put in, as a numerator over a denominator; and when it holds."""

    formula: str
    numbers: str
    numerator: int
    denominator: int
    condition: str = ""


class Theory(msgspec.Struct, frozen=True):
    """Theory against measurement, over all layers that were replaced.

    `numbers` is empty where the layers differ in them; then `expected` is their mean, weighted by MACs.
    """

    formula: str
    numbers: str
    expected: float
    measured: float
    condition: str = ""


def _separable(base: Any, head: Kind | None) -> Term:
    rank, channels, taps = len(base.kernel_size), base.out_channels, product(base.kernel_size)
    return Term(f"1/N + 1/K{_power(rank)}", f"1/{channels} + 1/{taps}", taps + channels, channels * taps)


def _spatial(base: Any, head: Kind | None) -> Term | None:
    kernel, rank = base.kernel_size, len(base.kernel_size)
    if rank < 2 or len(set(kernel)) > 1:
        return None
    taps = kernel[0] ** (rank - 1)
    return Term(f"{rank}/K{_power(rank - 1)}", f"{rank}/{taps}", rank, taps, "where channels stay as they are")


def _grouped(base: Any, head: Any) -> Term:
    return Term("1/g", f"1/{head.groups}", 1, head.groups)


def _power(exponent: int) -> str:
    return f"^{exponent}" if exponent > 1 else ""


TERMS: dict[str, tuple[Callable[[Any, Any], Term | None], frozenset[str]]] = {
    "separable": (_separable, frozenset()),
    "spatial_separable": (_spatial, frozenset()),
    "grouped": (_grouped, frozenset({"groups"})),
}
"""The share of each variant that has one, and the options under which it still holds."""


def theory(
    comparison: Comparison, replaced: Sequence[Change], variant: str, given: frozenset[str] = frozenset()
) -> Theory | None:
    """What a variant should have cost of the layers that it replaced; None where there is no formula for it."""
    term, legal = TERMS.get(variant, (None, frozenset()))
    if term is None or given - legal:
        return None
    before = {node.name: node.config for node in comparison.base.network.layers}
    after = {node.name: node.config for node in comparison.head.network.layers}
    terms: list[Term] = []
    weighed, base, head = 0.0, 0, 0
    for change in replaced:
        if change.base is None or change.head is None:
            continue
        found = term(before.get(change.base.name), after.get(change.head.name))
        if found is None:
            return None
        terms.append(found)
        weighed += change.base.macs * found.numerator / found.denominator
        base, head = base + change.base.macs, head + change.head.macs
    if not base:
        return None
    one = terms[0].numbers if len({found.numbers for found in terms}) == 1 else ""
    formulas = list(dict.fromkeys(found.formula for found in terms))
    return Theory(" or ".join(formulas), one, weighed / base, head / base, terms[0].condition)
