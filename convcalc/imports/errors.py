"""Why a file cannot be imported, in words for the person who has it."""

from __future__ import annotations

import re
from typing import NamedTuple

from convcalc.steps import limit
from convcalc.visible import visible

LONGEST_WORD = 200
LONGEST_MESSAGE = 8_000
"""Characters of what is said: a file may hold names and shapes of any length."""


def brief(text: str, longest: int = LONGEST_WORD) -> str:
    """A text in so many characters, its end among them, which tells names apart."""
    return text if len(text) <= longest else f"{text[: longest * 3 // 4]}…{text[-longest // 4 :]}"


LONGEST_NAME = 200


def plain(text: str) -> str:
    """A name from a file as it may be printed: on one line, without control characters, of bounded length."""
    return visible(text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}...")


class Unknown(NamedTuple):
    """An operator that no kind says: its node, its type with the domain if it is not ONNX's own, and why."""

    node: str
    operator: str
    reason: str


class CannotImport(ValueError):
    """A model that does not become a network; `operators` are those that no kind says, if that is why."""

    code = "CC001"

    def __init__(self, message: str, operators: tuple[Unknown, ...] = ()) -> None:
        words = re.sub(rf"\S{{{LONGEST_WORD},}}", lambda word: brief(word[0]), message)
        super().__init__(brief(words, LONGEST_MESSAGE))
        self.operators = operators


class OverLimit(CannotImport):
    """A model whose reading takes more steps than one run may take."""

    code = "CC008"

    def __init__(self, place: str = "") -> None:
        super().__init__(f"reading the model takes {limit()}{place and f'; they were used up at {place}'}")


class Inexpressible(ValueError):
    """An operator, in the form it has here, that no kind says; the message says what it is that cannot be said."""
