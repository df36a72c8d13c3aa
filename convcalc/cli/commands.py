"""The commands as Typer reads them, which is loaded for a call that `quick` leaves."""

from __future__ import annotations

import importlib
import keyword
from collections.abc import Iterable

import typer

from convcalc import steps
from convcalc.cli import COMMANDS
from convcalc.cli.conversion import defer_pydantic
from convcalc.cli.examples import epilog
from convcalc.cli.usage import Commands

defer_pydantic()


def application(commands: Iterable[str] = COMMANDS, *, listed_only: bool = False) -> typer.Typer:
    """The command line with the given commands; reading the parameters of each takes its time.

    `listed_only` leaves them unread, which the list of the commands does not need.
    """
    app = typer.Typer(
        cls=Commands,
        help="Exact costs of convolutional networks, from a YAML spec: shapes, parameters, MACs, receptive fields, "
        "memory.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(everywhere)
    for name in commands:
        function = f"{name}_" if keyword.iskeyword(name) else name
        module = importlib.import_module(f"convcalc.cli.{COMMANDS[name]}")
        command = getattr(module, function)
        reader = getattr(module, "COMMAND", None)  # where its options are not as Typer reads them
        register = app.command(name, cls=reader, help=_unwrapped(command.__doc__), epilog=epilog(name))
        register(_without_parameters if listed_only else command)
    return app


def _unwrapped(text: str) -> str:
    """Each paragraph of a docstring on one line: Typer keeps the line breaks of all but the first."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _without_parameters() -> None: ...


def _version(wanted: bool) -> None:
    if wanted:
        from convcalc.version import __version__

        typer.echo(f"convcalc {__version__}")
        raise typer.Exit


def everywhere(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Exact costs of convolutional networks, from a YAML spec."""
    context.with_resource(steps.run())
