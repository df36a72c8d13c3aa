"""The options that choose the columns of a table."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli.completion import beginning
from convcalc.views.figures import GROUPS, NAMES, named


def _checked(texts: list[str] | None) -> list[str] | None:
    try:
        named(texts or [])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return texts


def _completed(incomplete: str) -> list[str]:
    return beginning(incomplete, (*GROUPS, *NAMES))


_SETTINGS = {"metavar": "NAMES", "callback": _checked, "autocompletion": _completed, "show_default": False}
Show = Annotated[
    list[str] | None,
    typer.Option(help="Columns of the table beside the usual ones, or memory, precision, time.", **_SETTINGS),
]
Hide = Annotated[list[str] | None, typer.Option(help="Columns that the table goes without.", **_SETTINGS)]
