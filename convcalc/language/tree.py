"""What YAML says, with places: scalars, lists and mappings, and what a scalar means in YAML 1.2's core schema."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from convcalc.fields import shown

LONGEST_NUMBER = 40
"""Characters of a number."""

Value = Any
"""What a scalar says: None, bool, int, Fraction or str."""


class Scalar(msgspec.Struct, frozen=True, gc=False):
    """A value with its place; `plain`: written without quotes.

    The place is packed into one int, because a spec of 100,000 layers holds a million of these.
    """

    value: Value
    place: int

    @property
    def start(self) -> int:
        return self.place >> 32

    @property
    def end(self) -> int:
        return (self.place >> 32) + ((self.place & 0xFFFF_FFFF) >> 1)

    @property
    def plain(self) -> bool:
        return bool(self.place & 1)


def scalar(value: Value, start: int, end: int, *, plain: bool = True) -> Scalar:
    """A scalar that stands from `start` to `end`."""
    return Scalar(value, start << 32 | (end - start) << 1 | plain)


class Sequence(msgspec.Struct, frozen=True):
    """A list with the place of its first character."""

    items: list[Node]
    start: int
    end: int


class Mapping(msgspec.Struct, frozen=True):
    """Pairs in the order written, keys unique."""

    entries: list[tuple[Scalar, Node]]
    start: int
    end: int

    def find(self, key: str) -> Node | None:
        """The value of a key, None if it is not there."""
        return next((value for name, value in self.entries if name.value == key), None)


Node = Scalar | Sequence | Mapping


def entries_of(node: Node | None) -> list[tuple[Scalar, Node]]:
    """The entries of a mapping; what is none has none."""
    return node.entries if isinstance(node, Mapping) else []


def items_of(node: Node | None) -> list[Node]:
    """The items of a list; what is none stands for a list of itself alone."""
    return node.items if isinstance(node, Sequence) else [] if node is None else [node]


def children(node: Node) -> list[Node]:
    """The nodes that a collection is made of, keys among them."""
    if isinstance(node, Sequence):
        return node.items
    return [part for entry in entries_of(node) for part in entry]


Span = tuple[int, int]
"""The indices of the first character and of that behind the last."""


def span(node: Node) -> Span:
    """What is marked of a node: a scalar as a whole, of a collection the first character."""
    return node.start, node.end if isinstance(node, Scalar) else node.start + 1


class Unreadable(str):
    """What a scalar says that looks like a number and is none; that has been reported where it stands."""

    __slots__ = ()


def brief(node: Node, text: str) -> str:
    """A node as it is written in `text`, empty where that is long or more than a line."""
    written = text[node.start : node.end]
    return written if len(written) <= 40 and "\n" not in written else ""


def described(node: Node) -> str:
    """What a node is, for "found ..."."""
    if isinstance(node, Scalar):
        return shown(node.value)
    if isinstance(node, Sequence):
        return "a list" if node.items else "an empty list"
    return "a mapping" if node.entries else "an empty mapping"


_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def resolve(text: str) -> Value:
    """What a plain scalar says in YAML 1.2's core schema, with decimals kept exact.

    Raises:
        ValueError: a number with a leading zero, or one too long to be meant.
    """
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if not (first.isdigit() or first in "-+."):
        return text
    if re.fullmatch(r"[-+]?0\d+", text):
        raise ValueError(f"{text} is 8-based to some readers and 10-based to others; write it without the leading 0")
    if re.fullmatch(r"0x[0-9a-fA-F]{1,16}|0o[0-7]{1,20}", text):
        return int(text, 0)
    if not _NUMBER.fullmatch(text):
        return text
    return number(text)


def number(text: str) -> Value:
    """An int, or a Fraction where the decimal is not whole.

    Raises:
        ValueError: longer than `LONGEST_NUMBER` characters, or an exponent beyond 40.
    """
    exponent = text.lower().partition("e")[2]
    if len(text) > LONGEST_NUMBER or (exponent and abs(int(exponent)) > LONGEST_NUMBER):
        raise ValueError(f"a number of more than {LONGEST_NUMBER} digits is not meant here")
    if text.lstrip("-+").isdigit():
        return int(text)
    from fractions import Fraction

    value = Fraction(text)
    return value.numerator if value.denominator == 1 else value
