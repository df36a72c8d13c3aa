"""What Typer says of a call that is wrong, which holds words of that call, with nothing in it that acts or hides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
import typer.core

from convcalc.visible import visible

UsageError: Any = typer.BadParameter.__base__
"""Of which Typer has its own copy, or takes that of click."""


class Commands(typer.core.TyperGroup):
    """The commands; everything that can be wrong with a call of one goes up through here."""

    def make_context(self, *arguments: Any, **settings: Any) -> Any:
        """As Typer, for the options before the command."""
        with _visible_errors():
            return super().make_context(*arguments, **settings)

    def invoke(self, *arguments: Any, **settings: Any) -> Any:
        """As Typer, for the command and what is behind it."""
        with _visible_errors():
            return super().invoke(*arguments, **settings)


@contextmanager
def _visible_errors() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        error.message = visible(error.message)
        raise
