"""`convcalc kinds` and `convcalc schema`: the manual, derived from the code."""

from __future__ import annotations

from typing import Annotated

import typer


def kinds(
    name: Annotated[str | None, typer.Argument(help="A layer kind or a block.", show_default=False)] = None,
) -> None:
    """Every layer kind and block; with a name, its page: fields, example, formulas, source."""
    print("TODO", name)


def schema() -> None:
    """The JSON Schema of specs, for editors."""
    print("TODO")
