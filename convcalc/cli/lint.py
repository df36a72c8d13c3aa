"""`convcalc lint`."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli.options import console


def lint(
    files: Annotated[list[str], typer.Argument(help="Specs; - reads standard input.", show_default=False)],
) -> None:
    """Mistakes, architecture rules and budgets; made for CI."""
    from convcalc.linting.run import lint as run
    from convcalc.views import diagnostics

    found = run(files)
    diagnostics.show(console(), list(found.findings))
    for crash in found.crashed:
        typer.echo(f"convcalc: {crash.sentence}", err=True)
    if found.crashed:
        raise typer.Exit(2)
    if found.failed:
        raise typer.Exit(1)
