r"""A formula in text and in LaTeX, in symbols or with the numbers put in.

The text evaluates to the term's value by Python's own rules once ``·`` is read as ``*``, with ``max``, ``min``, ``gcd``
and ``ceil`` as functions. In LaTeX ``//`` is a fraction rounded down, ``ceil(a / b)`` one rounded up.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce

from convcalc.arithmetic.number import Term
from convcalc.views.formats.latex import escaped

_SUM, _QUOTIENT, _PRODUCT, _NEGATIVE, _ATOM = range(5)
"""How tightly a part of a formula holds together; a looser one is bracketed."""

_Leaf = Callable[[Term], str]
"""How a symbol or a literal is written."""


def formula_text(term: Term, *, numbers: bool = False) -> str:
    """The formula as text, in symbols unless in `numbers`."""
    return _text(term, _number if numbers else _symbol)[0]


def formula_latex(term: Term, *, numbers: bool = False) -> str:
    """The formula as mathematics, in symbols unless in `numbers`."""
    return _latex(term, _number if numbers else _latex_symbol)[0]


def _number(term: Term) -> str:
    return str(term.value)


def _symbol(term: Term) -> str:
    return term.symbol or str(term.value)


def _latex_symbol(term: Term) -> str:
    return latex_symbol(term.symbol) if term.symbol else str(term.value)


def latex_symbol(name: str) -> str:
    r"""``C_out`` as ``C_{\mathrm{out}}``, a whole word upright."""
    parts = re.fullmatch(r"([A-Za-z])(\d*)((?:_[^_]+)*)", name)
    if parts is None:
        return rf"\mathrm{{{escaped(name)}}}"
    letter, number, rest = parts.groups()
    words_and_numbers = re.findall(r"\d+|[^\W\d_]+", number + rest)
    below = [part if part.isdigit() else rf"\mathrm{{{part}}}" for part in words_and_numbers]
    return f"{letter}_{{{', '.join(below)}}}" if below else letter


def _text(term: Term, leaf: _Leaf) -> tuple[str, int]:
    """The text, and how tightly it holds together."""

    def within(operand: Term, least: int) -> str:
        text, tightness = _text(operand, leaf)
        return text if tightness >= least else f"({text})"

    def behind(operand: Term, least: int) -> str:
        """Behind an operator a negative one is bracketed too."""
        text = within(operand, least)
        return f"({text})" if text[0] == "-" else text

    if not term.operands:
        text = leaf(term)
        return text, _NEGATIVE if text[0] == "-" else _ATOM
    first, *others = term.operands
    match term.operator:
        case "+":
            signed = [_signed(operand) for operand in others]
            return within(first, _SUM) + "".join(f" {sign} {behind(part, _QUOTIENT)}" for sign, part in signed), _SUM
        case "-":
            return f"-{within(first, _ATOM)}", _NEGATIVE
        case "·":
            return "·".join([within(first, _PRODUCT), *(behind(operand, _PRODUCT) for operand in others)]), _PRODUCT
        case "//" | "%":
            return f"{within(first, _QUOTIENT)} {term.operator} {behind(others[0], _NEGATIVE)}", _QUOTIENT
        case "ceil":
            return f"ceil({within(first, _QUOTIENT)} / {within(others[0], _NEGATIVE)})", _ATOM
    called = reduce(lambda left, right: f"{term.operator}({left}, {right})", (within(o, _SUM) for o in term.operands))
    return called, _ATOM


def _latex(term: Term, leaf: _Leaf) -> tuple[str, int]:
    """The mathematics, and how tightly it holds together."""

    def within(operand: Term, least: int = _SUM) -> str:
        text, tightness = _latex(operand, leaf)
        return text if tightness >= least else rf"\left({text}\right)"

    if not term.operands:
        text = leaf(term)
        return text, _SUM if text[0] == "-" else _ATOM
    first, *others = term.operands
    match term.operator:
        case "+":
            signed = [_signed(operand) for operand in others]
            return within(first) + "".join(f" {sign} {within(part, _PRODUCT)}" for sign, part in signed), _SUM
        case "-":
            return f"-{within(first, _ATOM)}", _SUM
        case "·":
            return r" \cdot ".join([within(first, _PRODUCT), *(within(o, _ATOM) for o in others)]), _PRODUCT
        case "//":
            return rf"\left\lfloor \frac{{{within(first)}}}{{{within(others[0])}}} \right\rfloor", _ATOM
        case "%":
            return rf"({within(first, _ATOM)} \bmod {within(others[0], _ATOM)})", _ATOM
        case "ceil":
            return rf"\left\lceil \frac{{{within(first)}}}{{{within(others[0])}}} \right\rceil", _ATOM
    called = reduce(lambda left, right: rf"\{term.operator}\left({left}, {right}\right)", map(within, term.operands))
    return called, _ATOM


def _signed(addend: Term) -> tuple[str, Term]:
    return ("-", addend.operands[0]) if addend.operator == "-" else ("+", addend)
