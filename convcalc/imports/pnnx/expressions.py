"""Arithmetic as it stands in one line: `add(@0,mul(@1,2.0))`."""

from __future__ import annotations

import re

import msgspec

_LONGEST = 2000
_DEEPEST = 50
_TOKEN = re.compile(r"@\d{1,4}|[+-]?\d[\d.]*(?:e[+-]?\d{1,3})?|[a-z_][a-z_0-9]*|[(),]")

OPERATORS = {
    "add", "sub", "mul", "div", "pow", "maximum", "minimum", "max", "min", "neg", "exp", "log", "sqrt", "rsqrt",
    "abs", "sin", "cos", "tan", "tanh", "sigmoid", "reciprocal", "square", "floor", "ceil", "round", "erf", "sign",
    "floor_divide", "remainder", "fmod", "log10", "asin", "acos", "atan", "sinh", "cosh", "rsub", "logical_not",
    "logical_and", "logical_or", "logical_xor",
}  # fmt: skip


class PnnxFormula(msgspec.Struct, frozen=True):
    """What enters at a place, a number, or an operator on others."""

    operator: str = ""
    parts: tuple[PnnxFormula, ...] = ()
    place: int | None = None
    number: float | None = None


def expression_of(text: str, entering: int) -> PnnxFormula | None:
    """The expression that a text says; None where it says what is not known here."""
    tokens = _TOKEN.findall(text)
    if len(text) > _LONGEST or "".join(tokens) != text:
        return None
    try:
        expression, rest = _read(tokens, 0, entering, 0)
    except (IndexError, ValueError):
        return None
    return expression if rest == len(tokens) else None


def _read(tokens: list[str], at: int, entering: int, depth: int) -> tuple[PnnxFormula, int]:
    token = tokens[at]
    if token.startswith("@"):
        place = int(token[1:])
        if place >= entering:
            raise ValueError(token)
        return PnnxFormula(place=place), at + 1
    if token not in OPERATORS:
        return PnnxFormula(number=float(token) if "." in token or "e" in token else int(token)), at + 1
    if tokens[at + 1] != "(" or depth > _DEEPEST:
        raise ValueError(token)
    parts: list[PnnxFormula] = []
    at += 2
    while True:
        part, at = _read(tokens, at, entering, depth + 1)
        parts.append(part)
        at += 1
        if tokens[at - 1] == ")":
            return PnnxFormula({"max": "maximum", "min": "minimum"}.get(token, token), tuple(parts)), at
