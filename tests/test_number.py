"""Traced numbers: the text says the value, whatever the operators and brackets."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from brute_force import worth
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convcalc.arithmetic.number import Traced, ceil_div, greatest_common_divisor, maximum, minimum, product

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
    ],
)
def test_brackets_stand_where_they_are_needed(number: Callable[..., Traced], text: str) -> None:
    assert number(*(Traced(value, name) for value, name in zip((11, 4, 3), "abc", strict=True))).symbols == text


@given(st.integers(-50, 50), st.integers(-50, 50))
def test_comparisons_and_hash_look_at_the_value(a: int, b: int) -> None:
    one, other = Traced(a, "a"), Traced(b, "b")
    for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
        assert compare(one, other) is compare(one, b) is compare(a, other) is compare(a, b)
    assert hash(one) == hash(a)


def test_an_empty_product_is_one_and_a_product_has_no_leading_one() -> None:
    assert product([]) == 1
    numbers: list[Any] = [Traced(2, "a"), Traced(3, "b")]
    traced: Any = product(numbers)
    assert traced.symbols == "a·b"
