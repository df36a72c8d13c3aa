"""Three kinds of number behind one set of formulas.

A formula of a layer kind is written once, with ``+ - * //`` and the functions below. Given plain ``int`` it
yields the exact count; given NumPy ``int64`` arrays it yields a whole design space at once; given `Traced`
numbers it yields the value together with the formula that led to it. Annotations say ``int`` throughout: the
other two are used through the same operators.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

PLUS, DIVIDE, TIMES, UNARY, ATOM = range(1, 6)
RIGHT_OPERAND = {"+": PLUS, "-": DIVIDE, "·": TIMES, "//": UNARY, "%": UNARY}
"""The precedence below which a right operand is bracketed: a - (b - c), a // (b·c)."""


class Traced:
    """A whole number that remembers how it was made.

    `value` is the number, `symbols` the formula in the field's symbols, `numbers` the same formula with the
    numbers put in. Both texts evaluate to `value` by Python's own rules once ``·`` is read as ``*``, with
    ``max``, ``min``, ``gcd`` and ``ceil`` as functions. Comparisons look at the value alone.
    """

    __slots__ = ("numbers", "precedence", "symbols", "value")
    __array_ufunc__ = None  # so that NumPy hands `array * traced` to us instead of looping over it

    def __init__(self, value: int, symbols: str, numbers: str | None = None, precedence: int = ATOM) -> None:
        self.value = value
        self.symbols = symbols
        self.numbers = str(value) if numbers is None else numbers
        self.precedence = precedence if value >= 0 or numbers is not None else UNARY

    def __repr__(self) -> str:
        return f"{self.symbols} = {self.numbers} = {self.value}"

    def _text(self, which: str, precedence: int) -> str:
        text: str = getattr(self, which)
        return text if self.precedence >= precedence else f"({text})"

    def _binary(self, other: Any, sign: str, precedence: int, value: int) -> Traced:
        other = _traced(other)
        spaced = sign if sign == "·" else f" {sign} "
        symbols, numbers = (
            self._text(which, precedence) + spaced + other._text(which, RIGHT_OPERAND[sign])
            for which in ("symbols", "numbers")
        )
        return Traced(value, symbols, numbers, precedence)

    def __add__(self, other: Any) -> Traced:
        return self._binary(other, "+", PLUS, self.value + _value(other))

    def __sub__(self, other: Any) -> Traced:
        return self._binary(other, "-", PLUS, self.value - _value(other))

    def __mul__(self, other: Any) -> Traced:
        return self._binary(other, "·", TIMES, self.value * _value(other))

    def __floordiv__(self, other: Any) -> Traced:
        return self._binary(other, "//", DIVIDE, self.value // _value(other))

    def __mod__(self, other: Any) -> Traced:
        return self._binary(other, "%", DIVIDE, self.value % _value(other))

    def __radd__(self, other: Any) -> Traced:
        return _traced(other) + self

    def __rsub__(self, other: Any) -> Traced:
        return _traced(other) - self

    def __rmul__(self, other: Any) -> Traced:
        return _traced(other) * self

    def __rfloordiv__(self, other: Any) -> Traced:
        return _traced(other) // self

    def __rmod__(self, other: Any) -> Traced:
        return _traced(other) % self

    def __neg__(self) -> Traced:
        return Traced(-self.value, f"-{self._text('symbols', ATOM)}", f"-{self._text('numbers', ATOM)}", UNARY)

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


def _traced(number: Any) -> Traced:
    return number if isinstance(number, Traced) else Traced(int(number), str(int(number)))


def _call(name: str, value: int, *arguments: Any) -> Traced:
    symbols, numbers = (
        f"{name}({', '.join(getattr(_traced(argument), which) for argument in arguments)})"
        for which in ("symbols", "numbers")
    )
    return Traced(value, symbols, numbers)


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
        result = _call(name, of_ints(_value(first), _value(second)), first, second)
    else:
        import numpy

        result = getattr(numpy, of_arrays)(first, second)
    return result  # type: ignore[no-any-return]  # an int, an array or a Traced; see the module


def ceil_div(dividend: int, divisor: int) -> int:
    """The quotient rounded up: how many strides of `divisor` cover `dividend`."""
    if isinstance(dividend, Traced) or isinstance(divisor, Traced):
        top, bottom = _traced(dividend), _traced(divisor)
        symbols, numbers = (
            f"ceil({top._text(which, DIVIDE)} / {bottom._text(which, UNARY)})" for which in ("symbols", "numbers")
        )
        return Traced(-(-top.value // bottom.value), symbols, numbers)
    return -(-dividend // divisor)


def product(numbers: Iterable[int]) -> int:
    """The product of the numbers, 1 for none. Starts from the first, so that no ``1·`` appears in a formula."""
    result: int | None = None
    for number in numbers:
        result = number if result is None else result * number
    return 1 if result is None else result
