"""Traced numbers: the text says the value, whatever the operators and brackets."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from brute_force import worth
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convcalc.arithmetic.number import (
    NoFormula,
    Traced,
    Vocabulary,
    ceil_div,
    greatest_common_divisor,
    maximum,
    minimum,
    named,
    product,
)

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "max": maximum,
    "min": minimum,
    "gcd": greatest_common_divisor,
    "ceil_div": ceil_div,
    "-x": lambda a, b: -a + b,
    "product": lambda a, b: product([a, b]),
}
VALUES = dict(zip("abcdef", (-7, -1, 2, 3, 5, 12), strict=True))
Tree = Any  # a name of VALUES, an int, or (operator, tree, tree)
LEAVES = st.sampled_from([*VALUES, *VALUES]) | st.integers(-9, 9)
TREES = st.recursive(LEAVES, lambda part: st.tuples(st.sampled_from(sorted(OPERATORS)), part, part), max_leaves=9)


def built(tree: Tree, leaf: Callable[[str], Any]) -> Any:
    """The tree's value, with what `leaf` gives for the names."""
    if isinstance(tree, tuple):
        return OPERATORS[tree[0]](built(tree[1], leaf), built(tree[2], leaf))
    return leaf(tree) if isinstance(tree, str) else tree


def plain(tree: Tree, values: dict[str, int]) -> int:
    """The tree's value in ints; a tree that divides by zero is no example."""
    try:
        return int(built(tree, values.__getitem__))
    except ZeroDivisionError:
        assume(False)
        raise


@settings(max_examples=1500)
@given(TREES)
def test_both_texts_evaluate_to_the_value(tree: Tree) -> None:
    expected = plain(tree, VALUES)
    traced = built(tree, lambda name: Traced(VALUES[name], name))
    if isinstance(traced, int):
        assert traced == expected
        return
    assert traced.value == expected
    assert worth(traced.symbols, VALUES) == expected, traced
    assert worth(traced.numbers, {}) == expected, traced


@given(TREES, st.lists(st.tuples(*[st.integers(-9, 9)] * len(VALUES)), min_size=1, max_size=4))
def test_arrays_hold_what_ints_give(tree: Tree, rows: list[tuple[int, ...]]) -> None:
    expected = [plain(tree, dict(zip(VALUES, row, strict=True))) for row in rows]
    columns = {name: np.array(column, np.int64) for name, column in zip(VALUES, zip(*rows, strict=True), strict=True)}
    assert np.broadcast_to(built(tree, columns.__getitem__), len(rows)).tolist() == expected


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (lambda a, b, c: a - (b - c), "a - (b - c)"),
        (lambda a, b, c: a - b - c, "a - b - c"),
        (lambda a, b, c: a + (b + c), "a + b + c"),
        (lambda a, b, c: a * (b + c), "a·(b + c)"),
        (lambda a, b, c: a * b // c, "a·b // c"),
        (lambda a, b, c: a * (b // c), "a·(b // c)"),
        (lambda a, b, c: a // (b * c), "a // (b·c)"),
        (lambda a, b, c: (a + 2 * b - (c - 1) - 1) // c + 1, "(a + 2·b - (c - 1) - 1) // c + 1"),
        (lambda a, b, c: ceil_div(a, b) * c, "ceil(a / b)·c"),
        (lambda a, b, c: a % (b * c), "a % (b·c)"),
        (lambda a, b, c: a % (b // c), "a % (b // c)"),
        (lambda a, b, c: a // (b % c), "a // (b % c)"),
        (lambda a, b, c: a * b % c, "a·b % c"),
        (lambda a, b, c: -(a + b) // c, "-(a + b) // c"),
        (lambda a, b, c: maximum(a, b - c), "max(a, b - c)"),
        (lambda a, b, c: a - -b * c, "a - (-b·c)"),
        (lambda a, b, c: a * -b, "a·(-b)"),
    ],
)
def test_brackets_stand_where_they_are_needed(number: Callable[..., Traced], text: str) -> None:
    assert number(*(Traced(value, name) for value, name in zip((11, 4, 3), "abc", strict=True))).symbols == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (lambda a, b, c: a + b + b, "a + 2·b"),
        (lambda a, b, c: a - b - b - b, "a - 3·b"),
        (lambda a, b, c: a + a - (c + c), "2·a - 2·c"),
        (lambda a, b, c: a - (b + c), "a - b - c"),
        (lambda a, b, c: a - (b * (c - 1) + 1), "a - b·(c - 1) - 1"),
        (lambda a, b, c: a + b - (a + b) // c - b, "a - (a + b) // c"),
        (lambda a, b, c: (a + 1 - 1) * 1 // 1 + 0, "a"),
        (lambda a, b, c: (a - 1 + 1) * b, "a·b"),
        (lambda a, b, c: a - 0 * b, "a"),
        (lambda a, b, c: a + 2 + 2, "a + 2 + 2"),
        (lambda a, b, c: (a + a) * b, "2·a·b"),
        (lambda a, b, c: b * (a + a), "b·2·a"),
        (lambda a, b, c: b // (a + a), "b // (2·a)"),
        (lambda a, b, c: maximum(a, a) + minimum(b, b), "a + b"),
        (lambda a, b, c: greatest_common_divisor(a, a), "gcd(a, a)"),
    ],
)
def test_sums_are_written_as_people_do(number: Callable[..., Traced], text: str) -> None:
    found = number(*(Traced(value, name) for value, name in zip((11, 4, 3), "abc", strict=True)))
    assert found.symbols == text
    assert worth(text, {"a": 11, "b": 4, "c": 3}) == found.value


def test_what_is_wanted_for_its_value_alone_has_no_formula() -> None:
    for wanted in (range, lambda a: math.gcd(a, 2), lambda a: [0, 1, 2][a]):
        with pytest.raises(NoFormula):
            wanted(Traced(2, "a"))


def test_parts_with_a_name_are_written_by_it() -> None:
    vocabulary = Vocabulary()
    a, b = Traced(5, "a", vocabulary=vocabulary), Traced(2, "b", vocabulary=vocabulary)
    total: Any = a + b
    assert named(total, "c") is total
    ((symbol, number),) = vocabulary.suggested.values()
    assert (symbol, number.symbols) == ("c", "a + b")
    vocabulary.known[number.symbols] = Traced(7, "c", vocabulary=vocabulary)
    found = (a + b) * (a + b - 1)
    assert (found.symbols, found.numbers, found.value) == ("c·(c - 1)", "7·(7 - 1)", 42)
    assert named(3, "d") == 3


@given(st.integers(-50, 50), st.integers(-50, 50))
def test_comparisons_and_hash_look_at_the_value(a: int, b: int) -> None:
    one, other = Traced(a, "a"), Traced(b, "b")
    for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
        assert compare(one, other) is compare(one, b) is compare(a, other) is compare(a, b)
    assert hash(one) == hash(a)


def test_a_negative_number_has_brackets_behind_an_operator() -> None:
    a, b = Traced(5, "a"), Traced(-2, "b")
    texts = ["5 + (-2)", "5 - (-2)", "5·(-2)", "5 // (-2)", "-2·5", "-2 - 5", "-(-2)"]
    assert [number.numbers for number in (a + b, a - b, a * b, a // b, b * a, b - a, -b)] == texts


def test_an_empty_product_is_one_and_a_product_has_no_leading_one() -> None:
    assert product([]) == 1
    numbers: list[Any] = [Traced(2, "a"), Traced(3, "b")]
    traced: Any = product(numbers)
    assert traced.symbols == "a·b"
