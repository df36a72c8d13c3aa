"""The command line: one thin function a command, which loads, calls, chooses a view and sets the exit code.

Exit codes: 0 done, 1 findings, 2 bad input or usage, 130 interrupted, 141 where whoever reads the output has gone.
Modules that only one command or one format needs are imported where they are used, because starting is most of the time
a command takes.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from convcalc import steps
from convcalc.cli import quick
from convcalc.cli.completion import BASH, SHELL, end_word_at_colon
from convcalc.cli.output import ExitCode, say

if TYPE_CHECKING:
    import typer

COMMANDS = {
    "analyze": "analyze",
    "memory": "memory",
    "compare": "compare",
    "counts": "counts",
    "sweep": "sweep",
    "report": "report",
    "explain": "explain",
    "field": "field",
    "verify": "verify",
    "saliency": "saliency",
    "lint": "lint",
    "import": "importing",
    "export": "export",
    "zoo": "zoo",
    "devices": "devices",
    "kinds": "manual",
    "rules": "manual",
    "schema": "manual",
    "help": "help",
}
"""Every command and the module of this folder that holds it, in the order of the help."""

_HELP: tuple[list[str], ...] = ([], ["-h"], ["--help"])
"""What is answered with the list of the commands."""


def application(commands: Iterable[str] = COMMANDS, *, listed_only: bool = False) -> typer.Typer:
    """The command line with the given commands; reading the parameters of each takes its time.

    `listed_only` leaves them unread, which the list of the commands does not need.
    """
    from convcalc.cli import commands as typed

    return typed.application(commands, listed_only=listed_only)


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
        _end_with_mistakes(error)
        if os.environ.get("CONVCALC_TRACEBACK"):
            raise
        if _is_of_device(error):
            say(str(error))
            sys.exit(ExitCode.BAD_INPUT)
        what = str(error).splitlines()
        detail = f": {what[0]}" if what else ""
        say(
            f"internal error: {type(error).__name__}{detail}",
            "This is a fault of convcalc. CONVCALC_TRACEBACK=1 shows where it arose.",
        )
        sys.exit(ExitCode.BAD_INPUT)
    finally:
        gc.freeze()  # or the interpreter would search all there is for cycles once more, at its end
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
        call = None if asked else quick.understood(arguments)
        if call is None:
            application(_wanted(arguments), listed_only=arguments in _HELP and not asked)()
            return
        with steps.run():
            call()
        sys.exit(ExitCode.DONE)
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


def _end_with_mistakes(error: Exception) -> None:
    """End the command if a file has mistakes that show only when costs are counted: the device that a spec names."""
    from convcalc.cli.output import reject
    from convcalc.language.source import SpecError

    if isinstance(error, SpecError):
        reject(error.diagnostics)


def _interrupted(error: BaseException | None) -> bool:
    """Whether an interrupt is what is behind it: a library that is interrupted while it loads says it cannot."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _is_of_device(error: Exception) -> bool:
    """Whether it says that a device has no peak for a format that a layer has."""
    from convcalc.devices import NoPeak

    return isinstance(error, NoPeak)


def _handle_interrupts(before: object, after: Any) -> None:
    """Another handler, unless somebody else has set theirs, or an interrupt is to be ignored."""
    if signal.getsignal(signal.SIGINT) is before:
        signal.signal(signal.SIGINT, after)
