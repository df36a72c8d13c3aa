"""`convcalc zoo`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from convcalc.cli.completion import zoo_names
from convcalc.cli.options import format_option, readable
from convcalc.cli.output import show
from convcalc.views.output import Output


def zoo(
    name: Annotated[str | None, typer.Argument(help="A network of the zoo.", autocompletion=zoo_names)] = None,
    format: Annotated[  # noqa: A002  # the option's name
        str | None, format_option("zoo", "table", "Format of the list, by default a table.")
    ] = None,
) -> None:
    """Published networks that ship with convcalc; with a name, its spec as it stands.

    Every command takes zoo:NAME in place of a file.
    """
    if name is None:
        from convcalc.analysis.zoo import zoo as networks

        show("zoo", format or "table", networks())
    elif format is not None:
        raise typer.BadParameter(
            f"for the list; `convcalc analyze zoo:{readable(name)} --format {format}` has the figures of one network",
            param_hint="--format",
        )
    else:
        _print_spec(name)


def _print_spec(name: str) -> None:
    from convcalc.language import zoo

    name = readable(name).removeprefix(zoo.SCHEME)
    file = zoo.file_of(zoo.SCHEME + name)
    if file is None:
        raise typer.BadParameter(f"there is no network `{name}` in the zoo; {zoo.advice(name)}", param_hint="NAME")
    Output(sys.stdout).data([file.read_bytes()])
