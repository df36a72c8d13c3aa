"""Several kinds of number behind one set of formulas.

A formula of a layer kind is written once, with ``+ - * //`` and the functions below. Given plain ``int`` it
yields the exact count; given NumPy ``int64`` arrays it yields the counts of many configurations at once; given
`TracedNumber` numbers it yields the value together with the formula that led to it, and given `Varying` ones (see
`convcalc.arithmetic.varying`) what works it out for a whole design space. Annotations say ``int`` throughout: the
others are used through the same operators.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import total_ordering
from typing import Any

import msgspec

from convcalc.arithmetic import varying
from convcalc.arithmetic.varying import Varying, VaryingRatio, VaryingTruth


class NoFormula(TypeError):
    """A traced number is wanted for its value alone, to count or to index with: what is made so has no formula."""


class Term(msgspec.Struct, frozen=True, cache_hash=True):
    """A number and where it comes from: a symbol, a literal (no symbol, no operator), or an operator on other terms.

    The operators are ``+``, ``·``, ``max``, ``min`` and ``gcd`` of two terms or more, from the left; ``//``, ``%`` and
    ``ceil`` (of the first over the second) of two; ``-`` of one; ``#`` of none: a count of like addends, which is the
    first factor of what they come to. What is subtracted in a sum stands there under ``-``.
    """

    value: int
    symbol: str = ""
    operator: str = ""
    operands: tuple[Term, ...] = ()

    @property
    def is_literal(self) -> bool:
        return not self.symbol and not self.operator

    @property
    def is_formula(self) -> bool:
        """Whether it is more than a symbol or a literal, negated or not."""
        return bool(self.operator) and not (self.operator == "-" and not self.operands[0].operator)

    def parts(self, operator: str) -> tuple[Term, ...]:
        """The operands under that operator; the term alone, if it is under another."""
        return self.operands if self.operator == operator else (self,)

    def symbols(self) -> Iterator[str]:
        """Every symbol in it, as often as it stands there."""
        if self.symbol:
            yield self.symbol
        for operand in self.operands:
            yield from operand.symbols()


class Vocabulary:
    """Names for parts of formulas.

    `known` has what is to stand for each term that has a name, `suggested` the symbols that `named` was asked to give,
    in the order they came.
    """

    __slots__ = ("known", "suggested")

    def __init__(self) -> None:
        self.known: dict[Term, Term] = {}
        self.suggested: dict[Term, str] = {}


@total_ordering
class TracedNumber:
    """A whole number that remembers how it came about, as its `term`. Comparisons look at the value alone.

    Sums are kept as people write them: ``i + p + p`` as ``i + 2·p``, ``a - (b + 1)`` as ``a - b - 1``, and no addend
    beside its opposite. What the `vocabulary` knows stands under its name.
    """

    __slots__ = ("term", "value", "vocabulary")
    __array_ufunc__ = None  # so that NumPy hands `array * traced` to us instead of looping over it

    def __init__(self, term: Term, vocabulary: Vocabulary | None = None) -> None:
        self.term = term
        self.value = term.value
        self.vocabulary = vocabulary

    def __repr__(self) -> str:
        return f"TracedNumber({self.term})"

    def __index__(self) -> int:
        raise NoFormula("a traced number is wanted for its value alone")

    def _is(self, value: int) -> bool:
        return self.value == value and self.term.is_literal

    def __add__(self, other: Any) -> TracedNumber:
        other, number = traced(other), self
        for addend in other.term.parts("+"):
            number = _added(number, addend, other.vocabulary)
        return number

    def __sub__(self, other: Any) -> TracedNumber:
        other, number = traced(other), self
        addends = other.term.parts("+")
        if any(addend.operator == "-" for addend in addends):
            addends = (other.term,)
        for addend in addends:
            number = _added(number, _opposite(addend), other.vocabulary)
        return number

    def __mul__(self, other: Any) -> TracedNumber:
        factor = traced(other)
        if factor._is(1) or self._is(0):
            return self
        if factor._is(0) or self._is(1):
            return factor
        factors = self.term.parts("·") + factor.term.parts("·")
        return _by_name(Term(self.value * factor.value, "", "·", factors), self.vocabulary or factor.vocabulary)

    def __floordiv__(self, other: Any) -> TracedNumber:
        other = traced(other)
        return self if other._is(1) else _of_two("//", self.value // other.value, self, other)

    def __mod__(self, other: Any) -> TracedNumber:
        other = traced(other)
        return _of_two("%", self.value % other.value, self, other)

    def __radd__(self, other: Any) -> TracedNumber:
        return traced(other) + self

    def __rsub__(self, other: Any) -> TracedNumber:
        return traced(other) - self

    def __rmul__(self, other: Any) -> TracedNumber:
        return traced(other) * self

    def __rfloordiv__(self, other: Any) -> TracedNumber:
        return traced(other) // self

    def __rmod__(self, other: Any) -> TracedNumber:
        return traced(other) % self

    def __neg__(self) -> TracedNumber:
        return _by_name(Term(-self.value, "", "-", (self.term,)), self.vocabulary)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == _value(other))

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < _value(other))

    def __hash__(self) -> int:
        return hash(self.value)


def _value(number: Any) -> Any:
    return number.value if isinstance(number, TracedNumber) else number


def traced(number: Any) -> TracedNumber:
    """The number as one that remembers; a plain one is a literal in its formula."""
    return number if isinstance(number, TracedNumber) else TracedNumber(Term(int(number)))


def _by_name(term: Term, vocabulary: Vocabulary | None) -> TracedNumber:
    """The number of a term, by its name if it has one."""
    return TracedNumber(term if vocabulary is None else vocabulary.known.get(term, term), vocabulary)


def _of_two(operator: str, value: int, first: TracedNumber, second: TracedNumber) -> TracedNumber:
    return _by_name(Term(value, "", operator, (first.term, second.term)), first.vocabulary or second.vocabulary)


def _opposite(addend: Term) -> Term:
    return addend.operands[0] if addend.operator == "-" else Term(-addend.value, "", "-", (addend,))


def _added(number: TracedNumber, addend: Term, vocabulary: Vocabulary | None) -> TracedNumber:
    """The number plus an addend, which may be the opposite of a term."""
    vocabulary = number.vocabulary or vocabulary
    if addend.value == 0 and addend.parts("-")[0].is_literal:
        return number
    if number._is(0) and addend.operator != "-":
        return TracedNumber(addend, vocabulary)
    addends = _reduced(number.term.parts("+"), addend)
    term = addends[0] if len(addends) == 1 else Term(number.value + addend.value, "", "+", addends)
    return _by_name(term, vocabulary)


def _reduced(addends: tuple[Term, ...], addend: Term) -> tuple[Term, ...]:
    """The addends with one more: a pair of opposites goes, and one behind its like is counted with it."""
    opposite = _opposite(addend)
    if opposite in addends:
        place = addends.index(opposite)
        rest = (*addends[:place], *addends[place + 1 :])
        if rest and rest[0].operator != "-":
            return rest
    together = _counted_together(addends[-1], addend)
    return (*addends, addend) if together is None else (*addends[:-1], together)


def _counted_together(addend: Term, like: Term) -> Term | None:
    """The addend so many times more often as it is like another, which is one term; None where it is not."""
    if addend.operator == like.operator == "-":
        together = _counted_together(addend.operands[0], like.operands[0])
        return together and _opposite(together)
    first, *others = factors = addend.parts("·")
    times, counted = (first.value, tuple(others)) if first.operator == "#" else (1, factors)
    if counted != like.parts("·") or like.is_literal:
        return None
    return Term(addend.value + like.value, "", "·", (Term(times + 1, "", "#"), *counted))


def named(number: int, symbol: str) -> int:
    """The number; where formulas are traced and names are given, under a name of its own.

    For what a formula uses more than once, and for what people have a word for.
    """
    if isinstance(number, TracedNumber) and number.vocabulary is not None:
        number.vocabulary.suggested.setdefault(number.term, symbol)
    return number


def traced_axes(
    sizes: Sequence[int | None], symbol: str, vocabulary: Vocabulary | None = None
) -> tuple[TracedNumber | None, ...]:
    """A number for each axis, under one symbol where they agree; an axis without a number stays without."""
    agree = len({*sizes} - {None}) == 1
    return tuple(
        None if size is None else TracedNumber(Term(size, symbol if agree else f"{symbol}_{axis}"), vocabulary)
        for axis, size in enumerate(sizes)
    )


def maximum(first: int, second: int) -> int:
    """The larger of two numbers, element by element for arrays."""
    return _either(first, second, max, "max", "maximum", "maximum")


def minimum(first: int, second: int) -> int:
    """The smaller of two numbers, element by element for arrays."""
    return _either(first, second, min, "min", "minimum", "minimum")


def greatest_common_divisor(first: int, second: int) -> int:
    """The greatest common divisor of two numbers, element by element for arrays."""
    return _either(first, second, math.gcd, "gcd", "gcd", "greatest_common_divisor")


def _either(
    first: Any, second: Any, of_ints: Callable[[Any, Any], Any], name: str, of_arrays: str, of_varying: str
) -> int:
    result: Any
    if isinstance(first, int) and isinstance(second, int):
        result = of_ints(first, second)
    elif isinstance(first, Varying) or isinstance(second, Varying):
        result = getattr(varying, of_varying)(first, second)
    elif isinstance(first, TracedNumber) or isinstance(second, TracedNumber):
        first, second = traced(first), traced(second)
        operands = (*first.term.parts(name), second.term)
        term = Term(of_ints(first.value, second.value), "", name, operands)
        same = name != "gcd" and first.term == second.term
        result = first if same else _by_name(term, first.vocabulary or second.vocabulary)
    else:
        import numpy

        result = getattr(numpy, of_arrays)(first, second)
    return result  # type: ignore[no-any-return]  # an int, an array or a TracedNumber; see the module


def ceil_div(dividend: int, divisor: int) -> int:
    """The quotient rounded up: how many strides of `divisor` cover `dividend`."""
    if isinstance(dividend, TracedNumber) or isinstance(divisor, TracedNumber):
        top, bottom = traced(dividend), traced(divisor)
        return _of_two("ceil", -(-top.value // bottom.value), top, bottom)
    return -(-dividend // divisor)


def whole(value: object) -> Any:
    """A whole number as it is, None for anything else; a number with decimals that vary is asked whether it has any."""
    if isinstance(value, int | Varying):
        return None if isinstance(value, bool) else value
    if isinstance(value, VaryingRatio) and value.numerator % value.denominator == 0:
        return value.numerator // value.denominator
    return None


def is_truth(value: object) -> bool:
    """Whether it is true or false, and no number."""
    return isinstance(value, bool | VaryingTruth)


def product(numbers: Iterable[int]) -> int:
    """The product of the numbers, 1 for none."""
    return math.prod(numbers)
