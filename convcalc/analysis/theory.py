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


class Quotient(msgspec.Struct, frozen=True):
    """A numerator over what a symbol, raised to a power, stands for."""

    numerator: int
    symbol: str
    exponent: int
    denominator: int


Share = tuple[Quotient, ...]
"""A share of MACs, as the sum of quotients."""


class Theory(msgspec.Struct, frozen=True):
    """Theory against measurement, over all layers that were replaced.

    `shares` has each share once; `expected` is their mean over all layers, weighted by MACs. `same_channels`: they hold
    where the channels stay as they are.
    """

    shares: tuple[Share, ...]
    expected: float
    measured: float
    same_channels: bool


def _separable(base: Any, head: Kind | None) -> Share:
    rank, taps = len(base.kernel_size), product(base.kernel_size)
    return Quotient(1, "N", 1, base.out_channels), Quotient(1, "K", rank, taps)


def _spatial(base: Any, head: Kind | None) -> Share | None:
    kernel, rank = base.kernel_size, len(base.kernel_size)
    if rank < 2 or len(set(kernel)) > 1:
        return None
    return (Quotient(rank, "K", rank - 1, kernel[0] ** (rank - 1)),)


def _grouped(base: Any, head: Any) -> Share:
    return (Quotient(1, "g", 1, head.groups),)


SHARES: dict[str, tuple[Callable[[Any, Any], Share | None], frozenset[str]]] = {
    "separable": (_separable, frozenset()),
    "spatial_separable": (_spatial, frozenset()),
    "grouped": (_grouped, frozenset({"groups"})),
}
"""The share of each variant that has one, and the options under which it still holds."""


def theory(
    comparison: Comparison, replaced: Sequence[Change], variant: str, options: frozenset[str] = frozenset()
) -> Theory | None:
    """What a variant should have cost of the layers that it replaced; None where there is no formula for it."""
    share_of, allowed = SHARES.get(variant, (None, frozenset()))
    if share_of is None or options - allowed:
        return None
    before = {node.name: node.config for node in comparison.base.network.layers}
    after = {node.name: node.config for node in comparison.head.network.layers}
    shares: list[Share] = []
    expected, base, head = 0.0, 0, 0
    for change in replaced:
        if change.base is None or change.head is None:
            continue
        share = share_of(before.get(change.base.name), after.get(change.head.name))
        if share is None:
            return None
        shares.append(share)
        denominator = product(quotient.denominator for quotient in share)
        numerator = sum(quotient.numerator * denominator // quotient.denominator for quotient in share)
        expected += change.base.macs * numerator / denominator
        base, head = base + change.base.macs, head + change.head.macs
    if not base:
        return None
    distinct = tuple(dict.fromkeys(shares))
    return Theory(distinct, expected / base, head / base, variant == "spatial_separable")
