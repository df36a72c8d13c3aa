"""`convcalc zoo`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from convcalc.cli.completion import zoo_names
from convcalc.cli.options import console, readable
from convcalc.cli.output import print_json, to_stdout

if TYPE_CHECKING:
    from convcalc.views.zoo.records import Entry

Format = Literal["table", "json", "csv", "markdown"]


def zoo(
    name: Annotated[
        str | None, typer.Argument(help="A network of the zoo.", show_default=False, autocompletion=zoo_names)
    ] = None,
    format: Annotated[  # noqa: A002  # the option's name
        Format | None, typer.Option(help="How to print the list.  [table]", show_default=False)
    ] = None,
) -> None:
    """Published networks that ship with convcalc; with a name, its spec as it stands.

    Every command takes zoo:NAME in place of a file.
    """
    if name is None:
        _print(format or "table", entries())
    elif format is not None:
        raise typer.BadParameter(
            f"for the list; `convcalc analyze zoo:{readable(name)} --format {format}` has the figures of one network",
            param_hint="--format",
        )
    else:
        _spec(name)


def _spec(name: str) -> None:
    from convcalc.language import zoo

    name = readable(name).removeprefix(zoo.SCHEME)
    file = zoo.file_of(zoo.SCHEME + name)
    if file is None:
        raise typer.BadParameter(f"there is no network `{name}` in the zoo; {zoo.advice(name)}", param_hint="NAME")
    to_stdout([file.read_bytes()])


def entries() -> list[Entry]:
    """The figures of every network."""
    from convcalc.analysis.analyze import analyze
    from convcalc.language import zoo
    from convcalc.opening import load
    from convcalc.views.zoo.records import entry

    specs = {name: f"{zoo.SCHEME}{name}" for name in zoo.names()}
    return [entry(name, spec, analyze(load(spec))) for name, spec in specs.items()]


def _print(format: Format, entries: list[Entry]) -> None:  # noqa: A002  # as above
    if format == "table":
        from convcalc.views.zoo import table

        table.show(console(), entries)
    elif format == "json":
        from convcalc.views.zoo import json

        print_json(json.encoded(entries))
    elif format == "csv":
        from convcalc.views.zoo import csv

        sys.stdout.write(csv.text(entries))
    else:
        from convcalc.views.zoo import markdown

        sys.stdout.write(markdown.text(entries))
