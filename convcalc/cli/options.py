"""Options that commands share, and what their texts mean."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from convcalc.fields import LARGEST

if TYPE_CHECKING:
    from rich.console import Console

WIDEST = 1000
"""Columns of what is piped: whoever reads it wants names whole."""


def console(*, stderr: bool = False) -> Console:
    """Where people read: as wide as the terminal; piped, as wide as it takes, and without colour."""
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=None if terminal else WIDEST)


def shapes(texts: list[str]) -> dict[str, tuple[int, ...]]:
    """`3x224x224` or `NAME=3x224x224`, as shapes by input name."""
    return dict(_shape(text) for text in texts)


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, sizes = text.rpartition("=")
    parts = sizes.split("x")
    numbers = tuple(int(part) if part.isascii() and part.isdigit() and len(part) <= 10 else 0 for part in parts)
    if not all(0 < number <= LARGEST for number in numbers):
        raise typer.BadParameter(
            f"expected sizes like 3x224x224, or NAME=3x224x224, found {text!r}", param_hint="--input"
        )
    return name or "input", numbers


def assignments(texts: list[str]) -> dict[str, str]:
    """`NAME=VALUE` texts as a mapping."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals or not value:
            raise typer.BadParameter(f"expected NAME=VALUE, found {text!r}", param_hint="--set")
        found[name] = value
    return found
