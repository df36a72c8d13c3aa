"""A value of an axis: read from what Python has, and written as ``--over`` and ``--set`` read it."""

from __future__ import annotations

import re
from typing import Any

from convcalc.fields import AMBIGUOUS
from convcalc.language.tree import resolve
from convcalc.visible import in_yaml

WORD = re.compile(r"[^\W\d][\w.:=-]*")
"""A text that needs no quotes: a word of a field, or a variant with its options."""
MOST_ITEMS = 10_000
"""Items of a value that is a list, those of the lists in it among them."""
_MOST_TENS = 400
"""Decimal places up to which a fraction is written as a decimal."""


def exact(value: Any) -> Any:
    """A value of Python as an axis has it: int, Fraction, bool, str or a tuple of such.

    A float is the shortest decimal that it is written as, so 0.35 is 7/20.

    Raises:
        ValueError: it is something else, or no number.
    """
    if getattr(value, "ndim", 0) > 0:  # an array of NumPy
        return tuple(exact(item) for item in value)
    if isinstance(value, list | tuple):
        if _size(value) > MOST_ITEMS:
            raise ValueError(f"a list of more than {MOST_ITEMS} items is not meant here")
        return tuple(exact(item) for item in value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):  # that of NumPy is no int
        return bool(value)
    return _number(value)


def _size(items: Any) -> int:
    return sum(_size(item) if isinstance(item, list | tuple) else 1 for item in items)


def _number(value: Any) -> Any:
    from decimal import Decimal
    from fractions import Fraction
    from numbers import Integral, Rational, Real

    if isinstance(value, Integral):
        return int(value)
    if not isinstance(value, Real | Decimal):
        raise ValueError(f"expected a number, true or false, a text or a list of such, found {value!r:.60}")
    try:
        number = Fraction(value) if isinstance(value, Rational) else Fraction(str(value))
    except ValueError:
        raise ValueError(f"expected a number, found {value}") from None
    return number.numerator if number.denominator == 1 else number


def key(value: Any) -> Any:
    """What two values have in common where they are the same: true is no 1."""
    if isinstance(value, tuple):
        return tuple(map(key, value))
    return (value,) if isinstance(value, bool | str) else value


def text(value: Any) -> str:
    """A value as it is written: 0.75, true, [2,2], separable."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if _is_word(value) else in_yaml(value)
    if isinstance(value, tuple | list):
        return f"[{','.join(map(text, value))}]"
    return str(value.numerator) if value.denominator == 1 else _fraction(value)


def _is_word(value: str) -> bool:
    """Whether a text without quotes is read as that text."""
    return bool(WORD.fullmatch(value)) and resolve(value) == value and value.lower() not in AMBIGUOUS


def shape_text(value: Any) -> str:
    """What an input is swept over, a size or a shape: 224, 3x224x224."""
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _fraction(value: Any) -> str:
    """A decimal with all its digits where there is one, else a quotient."""
    rest, places = value.denominator, 0
    while rest % 10 == 0:
        rest, places = rest // 10, places + 1
    for prime in (2, 5):
        while rest % prime == 0 and places < _MOST_TENS:
            rest, places = rest // prime, places + 1
    if rest != 1:
        return f"{value.numerator} / {value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
