"""`convcalc.compiled` against load and analyze of each point, call after call."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from swept import analyzed

import convcalc
from convcalc.language import Source
from convcalc.sweeping.exact import exact_numbers

NET = Source(
    "<spec>",
    "input: [3, 12, 12]\nvariables: {extra: 0, width: 1, times: 1}\nlayers:\n"
    "  - conv: {name: stem, out_channels: 20 + extra, kernel_size: 3}\n"
    "  - conv: {name: deep, out_channels: 'round_to(16 * width, 4)', kernel_size: 3, repeat: times}\n",
)


def differing(cost: Any, **swept: Any) -> list[Any]:
    """Points of which a function of arrays says something else than analyze."""
    totals = cost(**swept)
    wrong = []
    for place, values in enumerate(zip(*np.broadcast_arrays(*swept.values()), strict=True)):
        point = {name: Fraction(str(value)) for name, value in zip(swept, values, strict=True)}
        expected = analyzed(NET, point)
        for name in cost.totals:
            wanted = -1 if expected is None else expected[name]
            if totals[name][place] != wanted or totals["refused"][place] != (expected is None):
                wrong.append((point, name, wanted, totals[name][place]))
    return wrong


def test_calls_that_leave_what_was_asked_before() -> None:
    """Below 0 too, where twice a number is less."""
    cost = convcalc.compiled(NET, ["extra"])
    for extra in ([-10, 5], [-12, -3], [-19, -19], [40, -18], [-20, -21, 1], [-5, -4]):
        assert differing(cost, extra=extra) == []


def test_arrays_that_broadcast_and_decide_on_structure() -> None:
    cost = convcalc.compiled(NET, ["extra", "width", "times"], ["macs", "receptive_field"])
    assert differing(cost, extra=[0, 4, -20], width=0.35, times=[1, 3, 2]) == []
    assert differing(cost, extra=7, width=[0.35, 0.75, 1.3], times=[0, 8, 2]) == []


def test_one_name_needs_no_list() -> None:
    assert int(convcalc.compiled(NET, "extra", "params")(extra=1)["params"]) == 28 * 21 + 16 * (9 * 21 + 1)


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        ([0.35, 0.5], ["7/20", "1/2"]),
        (np.array([0.35, 1e-7], np.float32), ["7/20", "1/10000000"]),
        (np.array([0.1, 65504], np.float16), ["1/10", "65504"]),
        (np.array([2**63 + 1], np.uint64), [str(2**63 + 1)]),
        ([2**63 + 1, 1], [str(2**63 + 1), "1"]),
        ([2**53 + 1, 0.5], [str(2**53 + 1), "1/2"]),
        ([Decimal("0.1"), Fraction(1, 3)], ["1/10", "1/3"]),
        ([1e300], [str(10**300)]),
    ],
)
def test_numbers_are_the_decimals_that_they_are_written_as(values: Any, numbers: list[str]) -> None:
    exact = exact_numbers(values)
    assert [Fraction(int(top), exact.denominator) for top in exact.numerators] == list(map(Fraction, numbers))


@pytest.mark.parametrize("values", [[True], ["a"], [None], [float("nan")], [Decimal("NaN")], [1 + 2j]])
def test_what_is_no_number_is_refused(values: Any) -> None:
    with pytest.raises(ValueError, match=r"number|Fraction"):
        exact_numbers(values)
