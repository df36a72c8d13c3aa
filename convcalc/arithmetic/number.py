"""Three kinds of number behind one set of formulas.

A formula of a layer kind is written once, with ``+ - * //`` and the functions below. Given plain ``int`` it
yields the exact count; given NumPy ``int64`` arrays it yields a whole design space at once; given `Traced`
numbers it yields the value together with the formula that led to it. Annotations say ``int`` throughout: the
other two are used through the same operators.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

PLUS, DIVIDE, TIMES, UNARY, ATOM = range(1, 6)
RIGHT_OPERAND = {"+": PLUS, "-": DIVIDE, "·": TIMES, "//": UNARY, "%": UNARY}
"""The precedence below which a right operand is bracketed: a - (b - c), a // (b·c)."""


class NoFormula(TypeError):
    """A traced number is wanted for its value alone, to count or to index with: what is made so has no formula."""


class Vocabulary:
    """Names for parts of formulas.

    `known` has the number to stand for each formula in symbols that has a name, `suggested` the symbols that `named`
    was asked to give, by formula, in the order they came.
    """

    __slots__ = ("known", "suggested")

    def __init__(self) -> None:
        self.known: dict[str, Traced] = {}
        self.suggested: dict[str, tuple[str, Traced]] = {}


class Term(NamedTuple):
    """A number that is added or subtracted, so many times."""

    sign: str
    times: int
    number: Traced

    def opposes(self, other: Term) -> bool:
        """Whether the two come to nothing."""
        return self.sign != other.sign and self.times == other.times and _alike(self.number, other.number)

    def text(self, which: str) -> str:
        """As it stands behind its sign."""
        text = self.number._right(which, self.sign if self.times == 1 else "·")
        return text if self.times == 1 else f"{self.times}·{text}"


class Traced:
    """A whole number that remembers how it was made.

    `value` is the number, `symbols` the formula in the field's symbols, `numbers` the same formula with the
    numbers put in. Both texts evaluate to `value` by Python's own rules once ``·`` is read as ``*``, with
    ``max``, ``min``, ``gcd`` and ``ceil`` as functions. Comparisons look at the value alone.

    Sums are kept as `terms`, so that they can be written as people do: ``i + p + p`` as ``i + 2·p``, ``a - (b + 1)`` as
    ``a - b - 1``, and no term beside its opposite. What the `vocabulary` knows is written by its name.
    """

    __slots__ = ("numbers", "precedence", "symbols", "terms", "value", "vocabulary")
    __array_ufunc__ = None  # so that NumPy hands `array * traced` to us instead of looping over it

    def __init__(
        self,
        value: int,
        symbols: str,
        numbers: str | None = None,
        precedence: int = ATOM,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self.value = value
        self.symbols = symbols
        self.numbers = str(value) if numbers is None else numbers
        self.precedence = precedence if value >= 0 or numbers is not None else UNARY
        self.terms: tuple[Term, ...] = ()
        self.vocabulary = vocabulary

    def __repr__(self) -> str:
        return f"{self.symbols} = {self.numbers} = {self.value}"

    def __index__(self) -> int:
        raise NoFormula(f"{self.symbols} is wanted for its value alone")

    def _text(self, which: str, precedence: int) -> str:
        text: str = getattr(self, which)
        return text if self.precedence >= precedence else f"({text})"

    def _right(self, which: str, sign: str) -> str:
        """As it stands behind a sign; a negative one in brackets."""
        text = self._text(which, RIGHT_OPERAND[sign])
        return f"({text})" if text[0] == "-" else text

    def _is_literal(self, value: int) -> bool:
        return self.value == value and self.symbols == str(value)

    def _binary(self, other: Traced, sign: str, precedence: int, value: int) -> Traced:
        spaced = sign if sign == "·" else f" {sign} "
        symbols, numbers = (
            self._text(which, precedence) + spaced + other._right(which, sign) for which in ("symbols", "numbers")
        )
        return _made(Traced(value, symbols, numbers, precedence, self.vocabulary or other.vocabulary))

    def __add__(self, other: Any) -> Traced:
        return _sum(self, "+", traced(other))

    def __sub__(self, other: Any) -> Traced:
        return _sum(self, "-", traced(other))

    def __mul__(self, other: Any) -> Traced:
        other = traced(other)
        if other._is_literal(1) or self._is_literal(0):
            return self
        return (
            other
            if other._is_literal(0) or self._is_literal(1)
            else self._binary(other, "·", TIMES, self.value * other.value)
        )

    def __floordiv__(self, other: Any) -> Traced:
        other = traced(other)
        return self if other._is_literal(1) else self._binary(other, "//", DIVIDE, self.value // other.value)

    def __mod__(self, other: Any) -> Traced:
        return self._binary(traced(other), "%", DIVIDE, self.value % _value(other))

    def __radd__(self, other: Any) -> Traced:
        return traced(other) + self

    def __rsub__(self, other: Any) -> Traced:
        return traced(other) - self

    def __rmul__(self, other: Any) -> Traced:
        return traced(other) * self

    def __rfloordiv__(self, other: Any) -> Traced:
        return traced(other) // self

    def __rmod__(self, other: Any) -> Traced:
        return traced(other) % self

    def __neg__(self) -> Traced:
        symbols, numbers = (f"-{self._text(which, ATOM)}" for which in ("symbols", "numbers"))
        return _made(Traced(-self.value, symbols, numbers, UNARY, self.vocabulary))

    def __eq__(self, other: object) -> bool:
        return bool(self.value == _value(other))

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < _value(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= _value(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > _value(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= _value(other))

    def __hash__(self) -> int:
        return hash(self.value)


def _value(number: Any) -> Any:
    return number.value if isinstance(number, Traced) else number


def traced(number: Any) -> Traced:
    """The number as one that remembers; a plain one is a literal in its formula."""
    return number if isinstance(number, Traced) else Traced(int(number), str(int(number)))


def _made(number: Traced) -> Traced:
    """The number, by its name if it has one."""
    return number.vocabulary.known.get(number.symbols, number) if number.vocabulary is not None else number


def _sum(left: Traced, sign: str, right: Traced) -> Traced:
    """The sum or difference, one term of `right` after the other."""
    if right.terms and (sign == "+" or all(term.sign == "+" for term in right.terms)):
        for term in right.terms:
            left = _with_term(left, Term(term.sign if sign == "+" else sign, term.times, term.number))
        return left
    return _with_term(left, Term(sign, 1, right))


def _with_term(left: Traced, term: Term) -> Traced:
    if term.number._is_literal(0):
        return left
    if left._is_literal(0) and term.sign == "+" and term.times == 1:
        return term.number
    terms = _reduced(left.terms or (Term("+", 1, left),), term)
    if len(terms) == 1 and terms[0].times == 1:
        return terms[0].number
    value = sum(each.times * each.number.value * (1 if each.sign == "+" else -1) for each in terms)
    symbols, numbers = (_joined(terms, which) for which in ("symbols", "numbers"))
    precedence = PLUS if len(terms) > 1 else TIMES
    result = Traced(value, symbols, numbers, precedence, left.vocabulary or term.number.vocabulary)
    result.terms = terms
    return _made(result)


def _reduced(terms: tuple[Term, ...], term: Term) -> tuple[Term, ...]:
    """The terms with one more: a pair of opposites goes, and one behind its like is counted with it."""
    for place, other in enumerate(terms):
        left = (*terms[:place], *terms[place + 1 :])
        if other.opposes(term) and left and left[0].sign == "+":
            return left
    last = terms[-1]
    if last.sign == term.sign and _alike(last.number, term.number) and not term.number.symbols.isdigit():
        return (*terms[:-1], Term(last.sign, last.times + term.times, last.number))
    return (*terms, term)


def _alike(one: Traced, other: Traced) -> bool:
    return one.symbols == other.symbols and one.numbers == other.numbers


def _joined(terms: tuple[Term, ...], which: str) -> str:
    first, *others = terms
    start = first.text(which) if first.times > 1 else first.number._text(which, PLUS)
    return start + "".join(f" {term.sign} {term.text(which)}" for term in others)


def named(number: int, symbol: str) -> int:
    """The number; where formulas are traced and names are given, under a name of its own.

    For what a formula uses more than once, and for what people have a word for.
    """
    if isinstance(number, Traced) and number.vocabulary is not None:
        number.vocabulary.suggested.setdefault(number.symbols, (symbol, number))
    return number


def traced_axes(
    sizes: Sequence[int | None], symbol: str, vocabulary: Vocabulary | None = None
) -> tuple[Traced | None, ...]:
    """A number for each axis, under one symbol where they agree; an axis without a number stays without."""
    agree = len({*sizes} - {None}) == 1
    return tuple(
        None if size is None else Traced(size, symbol if agree else f"{symbol}_{axis}", vocabulary=vocabulary)
        for axis, size in enumerate(sizes)
    )


def _call(name: str, value: int, *arguments: Any) -> Traced:
    operands = [traced(argument) for argument in arguments]
    symbols, numbers = (
        f"{name}({', '.join(getattr(operand, which) for operand in operands)})" for which in ("symbols", "numbers")
    )
    vocabulary = next((operand.vocabulary for operand in operands if operand.vocabulary is not None), None)
    return _made(Traced(value, symbols, numbers, vocabulary=vocabulary))


def maximum(first: int, second: int) -> int:
    """The larger of two numbers, element by element for arrays."""
    return _either(first, second, max, "max", "maximum")


def minimum(first: int, second: int) -> int:
    """The smaller of two numbers, element by element for arrays."""
    return _either(first, second, min, "min", "minimum")


def greatest_common_divisor(first: int, second: int) -> int:
    """The greatest common divisor of two numbers, element by element for arrays."""
    return _either(first, second, math.gcd, "gcd", "gcd")


def _either(first: Any, second: Any, of_ints: Callable[[Any, Any], Any], name: str, of_arrays: str) -> int:
    result: Any
    if isinstance(first, int) and isinstance(second, int):
        result = of_ints(first, second)
    elif isinstance(first, Traced) or isinstance(second, Traced):
        same = name != "gcd" and _alike(traced(first), traced(second))
        result = first if same else _call(name, of_ints(_value(first), _value(second)), first, second)
    else:
        import numpy

        result = getattr(numpy, of_arrays)(first, second)
    return result  # type: ignore[no-any-return]  # an int, an array or a Traced; see the module


def ceil_div(dividend: int, divisor: int) -> int:
    """The quotient rounded up: how many strides of `divisor` cover `dividend`."""
    if isinstance(dividend, Traced) or isinstance(divisor, Traced):
        top, bottom = traced(dividend), traced(divisor)
        symbols, numbers = (
            f"ceil({top._text(which, DIVIDE)} / {bottom._text(which, UNARY)})" for which in ("symbols", "numbers")
        )
        value = -(-top.value // bottom.value)
        return _made(Traced(value, symbols, numbers, vocabulary=top.vocabulary or bottom.vocabulary))
    return -(-dividend // divisor)


def product(numbers: Iterable[int]) -> int:
    """The product of the numbers, 1 for none. Starts from the first, so that no ``1·`` appears in a formula."""
    result: int | None = None
    for number in numbers:
        result = number if result is None else result * number
    return 1 if result is None else result
