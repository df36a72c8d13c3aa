"""The command line in this process, its parameters read once for all the tests of a process."""

from __future__ import annotations

from functools import cache

import typer.main
import typer.testing

from convcalc import cli

application = cache(cli.application)
"""The application as the product builds it."""

# For each call Typer reads the parameters of every command again, which takes longer than most calls that are tested.
typer.testing._get_command = cache(typer.main.get_command)  # type: ignore[attr-defined]
