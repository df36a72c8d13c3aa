"""The first points that a check refuses, found again in the stretches that hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from convcalc.sweeping.driving import PointSource
from convcalc.sweeping.kept import Stretch

_FEW = 64
"""PointSource that are asked one by one which of them are refused."""
_REFUSED = "macs"
"""A total that every network has; it is None where there is none."""


def refused_points(
    plan: PointSource, stretches: Sequence[Stretch], most: int
) -> tuple[tuple[dict[str, Any], str], ...]:
    """So many refused points, each with its reason."""
    numbers = (number for stretch in stretches for number in _numbers(plan, stretch.first, stretch.count))
    return tuple((plan.point(number), plan.reason(number)) for number in islice(numbers, most))


def _numbers(plan: PointSource, first: int, count: int) -> Iterator[int]:
    """The refused ones among points of which there is at least one: by halves, as blocks are quick."""
    if count <= _FEW:
        numbers = range(first, first + count)
        totals = plan.rows(numbers)[_REFUSED]
        yield from (number for number, total in zip(numbers, totals, strict=True) if total is None)
        return
    half = count // 2
    for start, size in ((first, half), (first + half, count - half)):
        if plan.block(start, size).refusals:
            yield from _numbers(plan, start, size)
