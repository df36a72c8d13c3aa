"""Why a file cannot be imported, in words for the person who has it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from convcalc.steps import limit
from convcalc.visible import visible

_LONGEST_WORD = 200
LONGEST_MESSAGE = 8_000
"""Characters of an error: a file may hold names and shapes of any length."""

_MOST_LISTED = 20
"""Operators that are named in an error; the others are counted."""


def brief(text: str, longest: int = _LONGEST_WORD) -> str:
    """A text in so many characters, its end among them, which tells names apart."""
    return text if len(text) <= longest else f"{text[: longest * 3 // 4]}…{text[-longest // 4 :]}"


def plain(text: str) -> str:
    """A name from a file as it may be printed: on one line, without control characters, of bounded length."""
    return visible(text if len(text) <= _LONGEST_WORD else f"{text[:_LONGEST_WORD]}...")


class RefusedOperator(NamedTuple):
    """An operator that no kind expresses: its node, its type as the format calls it, and why."""

    node: str
    operator: str
    reason: str


class CannotImport(ValueError):
    """A model that does not become a network; `operators` are those that no kind expresses, if that is why."""

    code = "CC001"

    def __init__(self, message: str, operators: tuple[RefusedOperator, ...] = ()) -> None:
        words = re.sub(rf"\S{{{_LONGEST_WORD},}}", lambda word: brief(word[0]), message)
        super().__init__(brief(words, LONGEST_MESSAGE))
        self.operators = operators


class OverLimit(CannotImport):
    """A model whose reading takes more steps than one run may take."""

    code = "CC008"

    def __init__(self, place: str = "") -> None:
        super().__init__(f"reading the model takes {limit()}{place and f'; they were used up at {place}'}")


class Inexpressible(ValueError):
    """An operator, in the form it has here, that no kind expresses; the message says what it is that cannot be said."""


class DoesNotFit(Inexpressible):
    """A layer that its kind takes, though not for a tensor of the shape that enters."""


def refusal(operators: Sequence[RefusedOperator]) -> CannotImport:
    """The error that names every operator that no kind expresses."""
    distinct = tuple(dict.fromkeys(operators))
    listed = "; ".join(
        f"{brief(refused.operator)} at {brief(refused.node)} ({brief(refused.reason)})"
        for refused in distinct[:_MOST_LISTED]
    )
    more = f"; and {len(distinct) - _MOST_LISTED} more" if len(distinct) > _MOST_LISTED else ""
    count = "1 operator" if len(distinct) == 1 else f"{len(distinct)} operators"
    return CannotImport(f"{count} that no layer kind expresses: {listed}{more}", distinct)
