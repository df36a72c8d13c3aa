"""What commands write: results through a view, files by `-o` with `--force`, errors, and the exit code."""

from __future__ import annotations

import enum
import sys
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from convcalc.views.output import Output, console
from convcalc.visible import visible

if TYPE_CHECKING:
    from convcalc.exports.errors import Unwritten
    from convcalc.language import Diagnostic

STDOUT = "-"


class ExitCode(enum.IntEnum):
    """How a command ended."""

    DONE = 0
    FINDINGS = 1
    BAD_INPUT = 2
    INTERRUPTED = 130
    BROKEN_PIPE = 141


def show(command: str, format: str, result: Any) -> None:  # noqa: A002  # the option's name
    """Print the one result of a command."""
    from convcalc.views import view

    out = Output(sys.stdout)
    view(command, format).write(result, out)
    out.end()


def refuse(path: str, *, force: bool, sources: Iterable[str] = ()) -> None:
    """End the command before its work is done where its file would not be written; `sources` are what it reads."""
    from convcalc import files
    from convcalc.language.zoo import is_in_zoo

    if is_in_zoo(path):
        fail(f"cannot write {path}: it would be a network of the zoo, expected the name of a file")
    try:
        if path != STDOUT:
            files.check(path, force=force, sources=sources)
    except files.Unwritable as error:
        fail(str(error))


def save(path: str, parts: Iterable[bytes], *, force: bool) -> None:
    """Write a file, or to standard output; one line and exit code 2 where it cannot be done."""
    from convcalc import files

    if path == STDOUT:
        Output(sys.stdout).data(parts)
        return
    try:
        files.write(path, parts, force=force)
    except files.Unwritable as error:
        fail(str(error))


def say(*lines: str) -> None:
    """Lines for standard error, the first with who says it; what they quote is made visible."""
    for number, line in enumerate(lines):
        sys.stderr.write(f"{visible(line if number else f'convcalc: {line}')}\n")
    sys.stderr.flush()


def end(code: ExitCode) -> None:
    """End the command, unless it is done anyway."""
    if code:
        sys.exit(code)


def fail(*lines: str, code: ExitCode = ExitCode.BAD_INPUT) -> NoReturn:
    """End the command with what is wrong."""
    say(*lines)
    sys.exit(code)


def refuse_layers(file: str, lacking: str, layers: Collection[Unwritten]) -> NoReturn:
    """End the command with the layers that cannot be written, each with why; `lacking` is what they have not."""
    head = f"{file}: {len(layers)} layer{'s have' if len(layers) > 1 else ' has'} {lacking}; nothing is written"
    fail(head, *map(_lacking, layers))


def _lacking(layer: Unwritten) -> str:
    place = f"line {layer.line}: " if layer.line else ""
    return f"    {place}{layer.layer} ({layer.kind}): {layer.reason}"


def show_errors(problems: Iterable[Diagnostic]) -> None:
    """Mistakes at their places, behind what has been printed."""
    from convcalc.views import diagnostics

    sys.stdout.flush()
    diagnostics.show(console(sys.stderr), list(problems))


def reject_one(writer: Any, file: str, problems: list[Diagnostic], out: Output) -> ExitCode:
    """Show what is wrong with one of several files, and keep it where the format of `writer` holds such."""
    if hasattr(writer, "write_failure"):
        writer.write_failure(file, problems, out)
    show_errors(problems)
    return ExitCode.BAD_INPUT


def reject(problems: Iterable[Diagnostic]) -> NoReturn:
    """End the command with the mistakes of what it reads, and exit code 2."""
    show_errors(problems)
    sys.exit(ExitCode.BAD_INPUT)
