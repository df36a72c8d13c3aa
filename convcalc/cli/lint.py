"""`convcalc lint`."""

from __future__ import annotations

from typing import Annotated

import typer

BAD_INPUT, FINDINGS = 2, 1


def lint(
    files: Annotated[list[str], typer.Argument(help="Specs; - reads standard input.", show_default=False)],
    format: Annotated[  # noqa: A002  # the option's name
        list[str] | None,
        typer.Option(
            metavar="FORMAT[=FILE]",
            help="text, concise, json, sarif, github, junit or markdown, to a file if one is named; may be given "
            "several times. Default: text, or github where GITHUB_ACTIONS is true.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Mistakes, architecture rules and budgets; made for CI."""
    from convcalc.cli.lint_formats import emit, outputs
    from convcalc.linting.run import lint as run

    wanted = outputs(format or [])
    found = run(files)
    written = emit(found, wanted)
    for crash in found.crashed:
        typer.echo(f"convcalc: {crash.sentence}", err=True)
    if found.crashed or not written:
        raise typer.Exit(BAD_INPUT)
    if found.failed:
        raise typer.Exit(FINDINGS)
