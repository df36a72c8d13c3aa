"""What commands write: a file by `-o`, which takes `--force` to write over another, or standard output; and errors."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from convcalc.cli.options import console
from convcalc.visible import visible

if TYPE_CHECKING:
    from convcalc.language import Diagnostic

STDOUT = "-"
BAD_INPUT = 2

Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]


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
        to_stdout(parts)
        return
    try:
        files.write(path, parts, force=force)
    except files.Unwritable as error:
        fail(str(error))


def to_stdout(parts: Iterable[bytes | memoryview]) -> None:
    """Bytes as they are, whatever the terminal reads."""
    sys.stdout.flush()
    sys.stdout.buffer.writelines(parts)
    sys.stdout.buffer.flush()


def print_json(text: bytes) -> None:
    """JSON is UTF-8, whatever the terminal reads."""
    to_stdout([text, b"\n"])


def say(*lines: str) -> None:
    """Lines for standard error, the first with who says it; what they quote is made visible."""
    for number, line in enumerate(lines):
        typer.echo(visible(line if number else f"convcalc: {line}"), err=True)


def fail(*lines: str, code: int = BAD_INPUT) -> NoReturn:
    """End the command with what is wrong."""
    say(*lines)
    raise typer.Exit(code)


def show_errors(problems: Iterable[Diagnostic]) -> None:
    """Mistakes at their places, behind what has been printed."""
    from convcalc.views import diagnostics

    sys.stdout.flush()
    diagnostics.show(console(stderr=True), list(problems))


def reject(problems: Iterable[Diagnostic]) -> NoReturn:
    """End the command with the mistakes of what it reads, and exit code 2."""
    show_errors(problems)
    raise typer.Exit(BAD_INPUT)
