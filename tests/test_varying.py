"""Numbers that vary: drawn expressions at every point, against Python's own integers and fractions."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from conftest import MANY, draws
from hypothesis import given, settings

from convcalc.arithmetic import number, varying
from convcalc.arithmetic.graph import OperationGraph
from convcalc.arithmetic.varying import Varying, VaryingRatio, Visit
from convcalc.sweeping.evaluation import Array
from convcalc.sweeping.factoring import Factoring
from convcalc.sweeping.leaves import Leaves
from convcalc.sweeping.tables import Box, Points, Tables
from convcalc.sweeping.tracing import as_nodes
from convcalc.sweeping.tree import AtNode, Explorer, Outcome, Over, nodes_of, on_nodes

AXES: tuple[tuple[Any, ...], ...] = (
    (1, 2, 3, 7, 8),
    (0, 5, -4, 12),
    (Fraction(1, 4), Fraction(3, 2), 2),
    (10**12, 3, 2**40),
)
Program = Callable[..., Any]


def quotient(first: Any, second: Any) -> Any:
    return Fraction(first) / second if isinstance(second, int) and isinstance(first, int) else first / second


def extreme(chosen: Callable[[Any, Any], Any], varied: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def function(first: Any, second: Any) -> Any:
        varies = isinstance(first, Varying | VaryingRatio) or isinstance(second, Varying | VaryingRatio)
        return varied(first, second) if varies else chosen(first, second)

    return function


OPERATORS: tuple[tuple[str, Callable[[Any, Any], Any]], ...] = (
    ("+", lambda first, second: first + second),
    ("-", lambda first, second: first - second),
    ("*", lambda first, second: first * second),
    ("floor 3", lambda first, second: (first + second) // 3),
    ("floor", lambda first, second: first // (abs(second) + 1)),
    ("rest 6", lambda first, second: (4 * first + second) % 6),
    ("rest", lambda first, second: first % (abs(second) + 2)),
    ("over", lambda first, second: quotient(first, abs(second) + 1)),
    ("max", extreme(max, varying.maximum)),
    ("min", extreme(min, varying.minimum)),
    ("round", lambda first, second: round(first) + second),
    ("square", lambda first, second: first**2 - second),
    ("choose", lambda first, second: varying.select(first > second, first, second * 2)),
    ("choose both", lambda a, b: varying.select(varying.both(a >= 2, varying.negated(b == 5)), b, a)),
    ("choose either", lambda a, b: varying.select(varying.either(a < b, b != 2), 7, a)),
    ("ask", lambda first, second: first + 1 if first > second else second),
    ("ask equal", lambda first, second: 3 if first == second or first < 0 else first),
    ("gcd", lambda first, second: number.greatest_common_divisor(first // 1, second // 1) + first),
)


def program(draw: random.Random, axes: int) -> tuple[str, Program]:
    """A drawn expression of some numbers; what it does is told beside it."""
    steps = [(draw.choice(OPERATORS), draw.randrange(9), draw.randrange(9)) for _ in range(draw.randint(2, 9))]
    text = " ".join(f"{name}({first},{second})" for (name, _), first, second in steps)

    def run(*values: Any) -> Any:
        known = [*values, 3, 0]
        for (_, operator), first, second in steps:
            known.append(operator(known[first % len(known)], known[second % len(known)]))
        return known[-1]

    return text, run


class Run:
    """Visits a program in place of a network."""

    def __init__(self, graph: OperationGraph, leaves: list[Leaves], run: Program) -> None:
        self.graph, self.leaves, self.run = graph, leaves, run

    def visit(self, places: list[int]) -> tuple[list[tuple[int, int]], Outcome]:
        visit = Visit(self.graph)
        values = [leaves.at(visit, place) for leaves, place in zip(self.leaves, places, strict=True)]
        value = self.run(*values)
        return visit.answers, Outcome(keys=(as_nodes(value),))


def evaluated(value: Any, arrays: dict[int, Array], size: int) -> list[Any]:
    if isinstance(value, Over):
        tops, bottoms = (evaluated(part, arrays, size) for part in (value.top, value.bottom))
        return [Fraction(int(top), int(bottom)) for top, bottom in zip(tops, bottoms, strict=True)]
    array = arrays[value.node] if isinstance(value, AtNode) else value
    return np.broadcast_to(np.asarray(array, dtype=object), (size,)).tolist()  # type: ignore[no-any-return]


@settings(max_examples=MANY or 150)
@given(draw=draws)
def test_drawn_expressions(draw: random.Random) -> None:
    axes = draw.sample(AXES, draw.randint(1, 3))
    text, run = program(draw, len(axes))
    graph = OperationGraph()
    leaves = [Leaves(graph, axis, values) for axis, values in enumerate(axes)]
    arrays = {place: array for on in leaves for place, array in on.arrays.items()}
    lengths = [len(values) for values in axes]
    tables = Tables(graph, arrays, lengths)
    explorer = Explorer(Run(graph, leaves, run), tables)  # type: ignore[arg-type]  # it visits as a network does
    everywhere = Box([np.arange(length) for length in lengths], lengths)
    region: Box | Points = everywhere if draw.random() < 0.5 else everywhere.points()
    arranged = Factoring(graph, lambda node: draw.random() < 0.3, lambda mask: mask).arranged
    results: dict[int, Any] = {}
    for part, outcome in explorer.parts(region):
        value = on_nodes(arranged, outcome.keys[0])
        points = part.points() if isinstance(part, Box) else part
        worked_out = tables.over(points, tables.schedule(nodes_of([value])))
        results.update(zip(points.numbers(None).tolist(), evaluated(value, worked_out, points.size), strict=True))
    expected = [run(*values) for values in product(*axes)]
    assert [results[place] for place in range(len(expected))] == expected, text


def test_what_is_asked_is_what_is_needed() -> None:
    graph = OperationGraph()
    visit = Visit(graph)
    size = Leaves(graph, 0, [8, 9, 16]).at(visit, 0)
    assert size > 3
    assert (size * 2) % 2 == 0
    assert visit.answers == []
    assert size > 8.5 or size // 3 < 4
    assert len(visit.answers) == 2
    assert f"{size}" == "8"
    assert len(visit.answers) == 2
    assert {size: "a"}[8] == "a"  # a hash pins the number, and what rests on it
    assert len(visit.answers) == 3
    assert [10, 11, 12][size - 8] == 10
    assert len(visit.answers) == 3


@pytest.mark.parametrize("other", ["8", None, (8,), [8]])
def test_what_is_no_number_is_not_equal_and_not_comparable(other: object) -> None:
    graph = OperationGraph()
    size = Leaves(graph, 0, [8, 9]).at(Visit(graph), 0)
    assert size != other
    with pytest.raises(TypeError):
        size < other  # noqa: B015


def test_questions_may_come_in_any_order() -> None:
    """What has no order, such as a set, may ask in another one at each point."""
    draw = random.Random(0)

    def run(first: Any, second: Any) -> Any:
        questions: list[Callable[[], Any]] = [lambda: first > 2, lambda: second > 0, lambda: first + second == 8]
        draw.shuffle(questions)
        return first * 100 + sum(10**place for place, ask in enumerate(questions) if ask()) * 0 + second

    graph = OperationGraph()
    leaves = [Leaves(graph, axis, values) for axis, values in enumerate(AXES[:2])]
    arrays = {place: array for on in leaves for place, array in on.arrays.items()}
    tables = Tables(graph, arrays, [5, 4])
    explorer = Explorer(Run(graph, leaves, run), tables)  # type: ignore[arg-type]  # it visits as a network does
    everywhere = Box([np.arange(5), np.arange(4)], [5, 4])
    parts = [part.numbers(None).tolist() for part, _ in explorer.parts(everywhere)]
    assert sorted(number for numbers in parts for number in numbers) == list(range(20))
