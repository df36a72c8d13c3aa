"""What is asked of the points of a sweep: the condition they must satisfy, and the keys they are compared by.

Expressions are those of specs, over totals, swept names, and ``macs(GLOB)`` and ``params(GLOB)`` of layers. Amounts may
have a suffix, as in budgets: ``macs <= 300M and params <= 4M``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from convcalc.arithmetic.number import is_truth, whole
from convcalc.arithmetic.varying import at_point
from convcalc.fields import shown
from convcalc.language.expressions import FUNCTIONS, Expression, ExpressionError, place
from convcalc.language.quantities import FACTORS, amount
from convcalc.language.source import Diagnostic, Source, SpecError
from convcalc.language.suggestions import did_you_mean, listed

OF_LAYERS = ("macs", "params")
"""The costs that may be asked for of some layers alone."""

_SUFFIXES = "|".join(filter(None, FACTORS))
_TOKEN = re.compile(
    rf"(?P<layers>\b(?:{'|'.join(OF_LAYERS)})\([^()]*\))|(?P<amount>\b\d+(?:\.\d+)?(?:{_SUFFIXES})\b)"
    r"|(?P<dotted>[\w*?\[\]]+(?:\.[\w*?\[\]]+)+)"
)
"""What an expression of the language has no words for; a dotted name is a swept field."""

_OTHER_SIGNS = {"&": "and", "|": "or", "!": "not", "=": "==", "^": "**"}
_ALONE = {"|": r"\|", "^": r"\^", "=": r"(?<![<>=!])=(?!=)", "!": r"!(?!=)"}
"""Where a sign is by itself; the language has words and signs of which it is a part."""


class AskedWrongly(Exception):
    """An expression has no value at a point, or not one of its kind."""

    def __init__(self, fault: Diagnostic) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Asked(msgspec.Struct, frozen=True):
    """An expression: the text, with each word that the language lacks replaced by a name just as long.

    `named` are those names, with what they stand for: ``("macs", "stem*")``, an amount, or a swept name.
    """

    option: str
    text: str
    expression: Expression
    named: Mapping[str, Any]

    def value(self, values: Mapping[str, Any], of_layers: Callable[[str, str], Any]) -> Any:
        """What it says at a point; `of_layers` gives a cost of the layers that a glob names.

        Raises:
            AskedWrongly: it has no value there.
        """
        names = dict(values)
        for name, meant in self.named.items():
            if isinstance(meant, tuple):
                names[name] = of_layers(*meant)
            else:
                names[name] = values[meant] if isinstance(meant, str) else meant
        try:
            return self.expression.evaluate(names)
        except ExpressionError as error:
            raise AskedWrongly(self.diagnostic(str(error), error.node)) from None

    def layers(self) -> Iterator[tuple[str, str]]:
        """The globs by which it names layers, with the text that holds each."""
        for name, meant in self.named.items():
            if isinstance(meant, tuple):
                yield meant[1], name

    def diagnostic(self, message: str, node: Any = None, advice: str = "", code: str = "CC011") -> Diagnostic:
        """What is wrong with a part of it, in its place."""
        start, end = place(self.text, node)
        return Source(self.option, self.text).diagnostic(code, start, end, self._unmasked(message), advice)

    def diagnostic_of(self, name: str, message: str, advice: str) -> Diagnostic:
        """What is wrong with what a name of its own stands for."""
        start = self.expression.text.find(name)
        return Source(self.option, self.text).diagnostic("CC013", start, start + len(name), message, advice)

    def _unmasked(self, message: str) -> str:
        for name in self.named:
            message = message.replace(name, self.text[(start := self.expression.text.find(name)) : start + len(name)])
        return message


def asked(option: str, text: str, names: Collection[str]) -> Asked:
    """An expression over these names.

    Raises:
        SpecError: it is none, or uses another name.
    """
    named: dict[str, Any] = {}
    dotted = {name for name in names if not name.isidentifier()}

    def masked(match: re.Match[str]) -> str:
        token = match[0]
        if match["dotted"] and token not in dotted:
            return token
        name = f"_{len(named):x}".ljust(len(token), "_")
        if len(name) > len(token):
            return token
        named[name] = _meant(match)
        return name

    flat = _TOKEN.sub(masked, text)
    try:
        expression = Expression(flat)
    except ExpressionError as error:
        start, end = place(text, error.node)
        message = str(error).replace(flat, text)
        raise SpecError([Source(option, text).diagnostic("CC011", start, end, message, _advice(text))]) from None
    query = Asked(option, text, expression, named)
    for name in expression.names:
        if name.id not in named and name.id not in names:
            advice = did_you_mean(name.id, [*names, *OF_LAYERS, *FUNCTIONS]) or f"there are {listed(sorted(names))}"
            message = f"`{name.id}` is no total and is not swept"
            raise SpecError([query.diagnostic(message, name, advice, "CC013")])
    return query


def _advice(text: str) -> str:
    """How what other languages have other signs for is written."""
    written = [f"{word} for {sign}" for sign, word in _OTHER_SIGNS.items() if re.search(_ALONE.get(sign, sign), text)]
    return f"write {listed(written)}" if written else ""


def _meant(match: re.Match[str]) -> Any:
    if match["layers"]:
        cost, _, glob = match[0][:-1].partition("(")
        return cost, glob.strip().strip("\"'")
    return amount(match[0]) if match["amount"] else match[0]


def condition(query: Asked, value: Any) -> Any:
    """The value of a condition.

    Raises:
        AskedWrongly: it is neither true nor false.
    """
    if not is_truth(value):
        raise AskedWrongly(query.diagnostic(f"expected a condition, found {_brief(value)}", None, "macs <= 300M, say"))
    return value


def key(query: Asked, value: Any) -> Any:
    """The value of a key: a number.

    Raises:
        AskedWrongly: it is none.
    """
    if whole(value) is None and not hasattr(value, "denominator"):
        raise AskedWrongly(query.diagnostic(f"expected a number, found {_brief(value)}"))
    return value


def _brief(value: Any) -> str:
    return "true or false" if is_truth(value) else shown(at_point(value))


def matching(pattern: str, names: Collection[str]) -> Iterator[int]:
    """The places of the names that a glob names, or that lie in a block that it names."""
    return (
        index for index, name in enumerate(names) if fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")
    )


def keys_of(option: str, written: str | Collection[str]) -> tuple[str, ...]:
    """Keys as they are given: a list, or one text with commas outside of parentheses.

    Raises:
        SpecError: nothing stands between two commas.
    """
    if not isinstance(written, str):
        return tuple(written)
    parts, depth, start = [], 0, 0
    for index, character in enumerate(written):
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            parts.append(written[start:index])
            start = index + 1
    parts.append(written[start:])
    if written.strip() and not all(part.strip() for part in parts):
        message = "expected a name on both sides of each comma"
        raise SpecError([Source(option, written).diagnostic("CC011", 0, len(written), message)])
    return tuple(part.strip() for part in parts if part.strip())
