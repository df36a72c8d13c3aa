"""The command line: one thin function a command, which loads, calls, chooses a view and sets the exit code.

Exit codes: 0 done, 1 findings, 2 bad input or usage, 130 interrupted, 141 where whoever reads the output has gone.
Modules that only one command or one format needs are imported where they are used, because starting is most of the time
a command takes.
"""

from __future__ import annotations

import gc
import importlib
import keyword
import os
import signal
import sys
from collections.abc import Iterable
from typing import Any

import typer

from convcalc import steps
from convcalc.cli.completion import BASH, SHELL, end_word_at_colon
from convcalc.cli.conversion import defer_pydantic
from convcalc.cli.examples import epilog
from convcalc.cli.output import ExitCode, say
from convcalc.cli.usage import Commands

COMMANDS = {
    "analyze": "analyze",
    "compare": "compare",
    "explain": "explain",
    "verify": "verify",
    "lint": "lint",
    "import": "importing",
    "export": "export",
    "zoo": "zoo",
    "kinds": "manual",
    "rules": "manual",
    "schema": "manual",
    "help": "help",
}
"""Every command and the module of this folder that holds it, in the order of the help."""

defer_pydantic()

_HELP: tuple[list[str], ...] = ([], ["-h"], ["--help"])
"""What is answered with the list of the commands."""


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
        command = getattr(importlib.import_module(f"{__name__}.{COMMANDS[name]}"), function)
        register = app.command(name, help=_unwrapped(command.__doc__), epilog=epilog(name))
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


def _wanted(arguments: list[str]) -> Iterable[str]:
    """The command that is called, alone; all of them where none is, for the help and for what was meant."""
    return arguments[:1] if arguments[:1] and arguments[0] in COMMANDS else COMMANDS


def main() -> None:
    """Run the command line; whatever goes wrong, a sentence and an exit code come out, no traceback."""
    gc.disable()  # a command lives for a moment and makes no cycles worth collecting
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # it was closed before the start
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  # as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without · gets a ?
    try:
        _handle_interrupts(signal.SIG_DFL, signal.default_int_handler)
        _run(sys.argv[1:])
    except steps.OutOfSteps as error:
        say(str(error))
        sys.exit(ExitCode.BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        _give_up_output()
        sys.exit(ExitCode.BROKEN_PIPE)
    except OSError as error:  # of the output: a spec that cannot be read is a diagnostic
        say(error.strerror or str(error))
        sys.exit(ExitCode.BAD_INPUT)
    except Exception as error:
        if _interrupted(error):
            sys.exit(ExitCode.INTERRUPTED)
        if os.environ.get("CONVCALC_TRACEBACK"):
            raise
        what = str(error).splitlines()
        detail = f": {what[0]}" if what else ""
        say(
            f"internal error: {type(error).__name__}{detail}",
            "This is a fault of convcalc. CONVCALC_TRACEBACK=1 shows where it arose.",
        )
        sys.exit(ExitCode.BAD_INPUT)
    finally:
        _handle_interrupts(signal.default_int_handler, signal.SIG_DFL)  # the interpreter's own end has tracebacks too


def _run(arguments: list[str]) -> None:
    """Run a command, and write what is left of its output while it can still be told how that went.

    Raises:
        BrokenPipeError: whoever reads the output has gone, which Typer and Rich end with 1, the exit code of findings.
    """
    asked = os.environ.get(SHELL)
    if asked == BASH:
        end_word_at_colon()
    try:
        application(_wanted(arguments), listed_only=arguments in _HELP and not asked)()
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):
            raise error.__context__ from None
        sys.stdout.flush()
        sys.stderr.flush()
        raise


def _give_up_output() -> None:
    """Let go of what nobody reads, or the interpreter would try to write it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is None:
            continue
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())


def _interrupted(error: BaseException | None) -> bool:
    """Whether an interrupt is what is behind it: a library that is interrupted while it loads says it cannot."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _handle_interrupts(before: object, after: Any) -> None:
    """Another handler, unless somebody else has set theirs, or an interrupt is to be ignored."""
    if signal.getsignal(signal.SIGINT) is before:
        signal.signal(signal.SIGINT, after)
