"""TracedNumber numbers: the text says the value, whatever the operators and brackets."""

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
    Term,
    TracedNumber,
    Vocabulary,
    ceil_div,
    greatest_common_divisor,
    maximum,
    minimum,
    named,
    product,
)
from convcalc.views.formulas import formula_latex, formula_text


def symbol(name: str, value: int, vocabulary: Vocabulary | None = None) -> Any:
    return TracedNumber(Term(value, name), vocabulary)


def texts(number: Any) -> tuple[str, str]:
    return formula_text(number.term), formula_text(number.term, numbers=True)


def as_python(mathematics: str) -> str:
    """What LaTeX says, as Python says it."""
    for latex, python in LATEX.items():
        mathematics = mathematics.replace(latex, python)
    return mathematics


LATEX = {
    r"\left\lfloor": "floor(", r"\left\lceil": "ceil(", r"\right\rfloor": ")", r"\right\rceil": ")", r"\left": "",
    r"\right": "", r"\frac{": "((", "}{": ")/(", "}": "))", r"\cdot": "·", r"\bmod": "%", "\\": "",
}  # fmt: skip
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
def test_every_rendering_evaluates_to_the_value(tree: Tree) -> None:
    expected = plain(tree, VALUES)
    traced = built(tree, lambda name: symbol(name, VALUES[name]))
    if isinstance(traced, int):
        assert traced == expected
        return
    assert traced.value == expected
    in_symbols, in_numbers = texts(traced)
    assert worth(in_symbols, VALUES) == expected, in_symbols
    assert worth(in_numbers, {}) == expected, in_numbers
    mathematics = formula_latex(traced.term, numbers=True)
    assert worth(as_python(mathematics), {}) == expected, mathematics


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
def test_brackets_stand_where_they_are_needed(number: Callable[..., TracedNumber], text: str) -> None:
    assert texts(number(*map(symbol, "abc", (11, 4, 3))))[0] == text


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
        (lambda a, b, c: b + 4 * a + 2 * a, "b + 4·a + 2·a"),
        (lambda a, b, c: (a + a) * b, "2·a·b"),
        (lambda a, b, c: b * (a + a), "b·2·a"),
        (lambda a, b, c: b // (a + a), "b // (2·a)"),
        (lambda a, b, c: maximum(a, a) + minimum(b, b), "a + b"),
        (lambda a, b, c: greatest_common_divisor(a, a), "gcd(a, a)"),
    ],
)
def test_sums_are_written_as_people_do(number: Callable[..., TracedNumber], text: str) -> None:
    total = number(*map(symbol, "abc", (11, 4, 3)))
    assert texts(total)[0] == text
    assert worth(text, {"a": 11, "b": 4, "c": 3}) == total.value


def test_what_is_wanted_for_its_value_alone_has_no_formula() -> None:
    for wanted in (range, lambda a: math.gcd(a, 2), lambda a: [0, 1, 2][a]):
        with pytest.raises(NoFormula):
            wanted(symbol("a", 2))


def test_parts_with_a_name_are_written_by_it() -> None:
    vocabulary = Vocabulary()
    a, b = symbol("a", 5, vocabulary), symbol("b", 2, vocabulary)
    total = a + b
    unchanged: Any = named(total, "c")
    assert unchanged is total
    assert vocabulary.suggested == {total.term: "c"}
    vocabulary.known[total.term] = Term(7, "c")
    area = (a + b) * (a + b - 1)
    assert (texts(area), area.value) == (("c·(c - 1)", "7·(7 - 1)"), 42)
    assert named(3, "d") == 3


@given(st.integers(-50, 50), st.integers(-50, 50))
def test_comparisons_and_hash_look_at_the_value(a: int, b: int) -> None:
    left, right = symbol("a", a), symbol("b", b)
    for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
        assert compare(left, right) is compare(left, b) is compare(a, right) is compare(a, b)
    assert hash(left) == hash(a)


def test_a_negative_number_has_brackets_behind_an_operator() -> None:
    a, b = symbol("a", 5), symbol("b", -2)
    expected = ["5 + (-2)", "5 - (-2)", "5·(-2)", "5 // (-2)", "-2·5", "-2 - 5", "-(-2)"]
    assert [texts(number)[1] for number in (a + b, a - b, a * b, a // b, b * a, b - a, -b)] == expected


def test_an_empty_product_is_one_and_a_product_has_no_leading_one() -> None:
    assert product([]) == 1
    numbers: list[Any] = [symbol("a", 2), symbol("b", 3)]
    assert texts(product(numbers))[0] == "a·b"
