"""Pareto fronts against brute force: every point is compared with every other."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from conftest import MANY
from hypothesis import given
from hypothesis import strategies as st

from convcalc.sweeping import growing
from convcalc.sweeping.fronts import front
from convcalc.sweeping.growing import Front
from convcalc.sweeping.rows import Rows, nothing, rows_of

Point = tuple[Any, ...]

SMALL = st.integers(0, 3)
LARGE = st.sampled_from([-(2**63), -1, 0, 2**53, 2**53 + 1, 2**63 - 1])
BEYOND = st.sampled_from([2**63, 2**63 + 1, -(2**64), 0, 7])
REAL = st.sampled_from([0.0, -0.0, 0.5, 1.0, float("inf"), float("-inf")])


@st.composite
def tables(draw: st.DrawFn) -> list[Point]:
    """Points of a few objectives, many of them equal in some or all."""
    kinds = draw(st.lists(st.sampled_from([SMALL, SMALL, LARGE, BEYOND, REAL]), min_size=1, max_size=5))
    return draw(st.lists(st.tuples(*kinds), min_size=1, max_size=60))


def brute_front(points: Sequence[Point]) -> list[tuple[int, Point, int]]:
    """The number of every point that no other beats, the point, and how many further ones equal it."""
    firsts = {point: number for number, point in reversed(list(enumerate(points)))}

    def is_beaten(point: Point) -> bool:
        return any(other != point and all(a <= b for a, b in zip(other, point, strict=True)) for other in firsts)

    return [
        (number, point, points.count(point) - 1)
        for point, number in sorted(firsts.items(), key=lambda item: item[1])
        if not is_beaten(point)
    ]


def column(values: Sequence[Any]) -> Any:
    """As a block has it: int64 where all fit, else objects; floats as they are."""
    if all(isinstance(value, float) for value in values):
        return np.array(values, dtype=float)
    if all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in values):
        return np.array(values, dtype=np.int64)
    return np.array(values, dtype=object)


def made(points: Sequence[Point], first: int = 0, width: int = 0) -> Rows:
    numbers = np.arange(first, first + len(points))
    return rows_of(numbers, [column(values) for values in zip(*points, strict=True)]) if points else nothing(width)


def plain(rows: Rows) -> list[tuple[int, Point, int]]:
    points = zip(*(key.tolist() for key in rows.keys), strict=True)
    return sorted(zip(rows.numbers.tolist(), points, rows.like.tolist(), strict=True))


@given(tables())
def test_the_front_of_points(points: list[Point]) -> None:
    assert plain(front(made(points), len(points[0]))) == brute_front(points)


@given(tables(), st.data())
def test_the_front_of_blocks_however_they_are_cut_and_merged(points: list[Point], data: st.DataObject) -> None:
    """Blocks go to several fronts in any order, and those are merged in any order."""
    width = len(points[0])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(points)), max_size=6)))
    pieces = [made(points[a:b], a, width) for a, b in zip([0, *cuts], [*cuts, len(points)], strict=True)]
    fronts = [Front(width, nothing(width)) for _ in range(3)]
    for piece in data.draw(st.permutations(pieces)):
        place = data.draw(st.integers(0, 2))
        fronts[place] = fronts[place].added(piece)
    first, second, third = data.draw(st.permutations(fronts))
    merged = first.merged(second).merged(third) if data.draw(st.booleans()) else first.merged(second.merged(third))
    assert plain(merged.settled().rows) == brute_front(points)


def quick_front(points: Any) -> set[tuple[int, ...]]:
    """The front of distinct points by another way: in order of their sums, each against those kept so far."""
    kept = np.zeros((0, points.shape[1]), dtype=np.int64)
    for point in points[np.argsort(points.sum(1), kind="stable")]:
        if not (kept <= point).all(1).any():
            kept = np.vstack([kept, point])
    return {tuple(point) for point in kept.tolist()}


@pytest.mark.parametrize("objectives", [2, 3, 4, 5])
@pytest.mark.parametrize("tilt", [0.0, 0.7, 0.95])
def test_the_front_of_many_points(objectives: int, tilt: float) -> None:
    """More than wait and than are compared straight away; with a tilt most points are far from the front, or few."""
    generator = np.random.default_rng(objectives)
    count = 20_000 if MANY else 4_000
    points = generator.integers(0, 400 // objectives, (count, objectives))
    points[:, -1] = (1 - tilt) * points[:, -1] + tilt * (400 - points[:, :-1].sum(1))
    grown = Front(objectives, nothing(objectives))
    order = list(range(0, count, 1_500))
    random.Random(objectives).shuffle(order)
    for start in order:
        piece = points[start : start + 1_500]
        grown = grown.added(rows_of(np.arange(start, start + len(piece)), list(piece.T)))
    rows = grown.settled().rows
    members = list(zip(*(key.tolist() for key in rows.keys), strict=True))
    assert len(set(members)) == len(members)
    assert set(members) == quick_front(points)
    distinct, firsts, counts = np.unique(points, axis=0, return_index=True, return_counts=True)
    known = {tuple(point): pair for point, *pair in zip(distinct.tolist(), firsts, counts - 1, strict=True)}
    assert {member: list(pair) for member, *pair in zip(members, rows.numbers, rows.like, strict=True)} == {
        member: known[member] for member in members
    }


def test_most_points_cost_less_than_they_do_one_by_one() -> None:
    """Few of many random points are near the front; what is given is a fraction of what is reached on a quiet core."""
    generator = np.random.default_rng(1)
    blocks = [rows_of(np.arange(2**17), list(generator.integers(0, 10**9, (2, 2**17)))) for _ in range(8)]
    grown = Front(2, nothing(2))
    started = time.process_time()
    for block in blocks:
        grown = grown.added(block)
    rate = 8 * 2**17 / (time.process_time() - started)
    assert rate > 2_000_000
    assert grown.settled().rows.size < 100
    assert sum(rows.size for rows in grown.waiting) <= growing._WAITING + 2**14
