"""Why a file cannot be imported, in words for the person who has it."""

from __future__ import annotations

from typing import NamedTuple


class Unknown(NamedTuple):
    """An operator that no kind says: its node, its type with the domain if it is not ONNX's own, and why."""

    node: str
    operator: str
    reason: str


class CannotImport(ValueError):
    """A model that does not become a network; `operators` are those that no kind says, if that is why."""

    def __init__(self, message: str, operators: tuple[Unknown, ...] = ()) -> None:
        super().__init__(message)
        self.operators = operators


class Inexpressible(ValueError):
    """An operator, in the form it has here, that no kind says; the message says what it is that cannot be said."""
