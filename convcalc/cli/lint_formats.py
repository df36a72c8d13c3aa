"""Where the findings of `convcalc lint` go, and in which format: several of them in one run."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import typer

from convcalc.cli.options import console, readable
from convcalc.cli.output import say
from convcalc.language.suggestions import did_you_mean

if TYPE_CHECKING:
    from convcalc.linting.records import Run

FORMATS = ("text", "concise", "json", "sarif", "github", "junit", "markdown")
READ_BY_LINE = ("text", "concise", "github")
"""Formats that may follow each other on one output; of the others one is a whole."""


class Output(msgspec.Struct, frozen=True):
    """A format, and the file it goes to; None for standard output."""

    format: str
    path: str | None


def outputs(texts: Sequence[str], baseline: str | None) -> list[Output]:
    """`FORMAT` or `FORMAT=FILE`; where nothing is said, text, or annotations where GitHub runs it.

    `baseline` is a file that is written too, and cannot be one of these.
    """
    if not texts:
        return [Output("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text", None)]
    found = [_output(text) for text in texts]
    paths = [os.path.realpath(path) for path in (baseline, *(output.path for output in found)) if path is not None]
    twice = next((output for output in found if output.path and paths.count(os.path.realpath(output.path)) > 1), None)
    if twice is not None:
        raise _refused(f"{readable(str(twice.path))} would be written twice")
    printed = [output.format for output in found if output.path is None]
    whole = next((name for name in printed if name not in READ_BY_LINE), None)
    if whole is not None and len(printed) > 1:
        raise _refused(f"{' and '.join(printed)} would run into each other; write one to a file: {whole}=FILE")
    return found


def _output(text: str) -> Output:
    name, equals, path = text.partition("=")
    if name not in FORMATS:
        advice = did_you_mean(name, FORMATS)
        raise _refused(
            f"expected one of {', '.join(FORMATS)}, found {readable(name)!r}{f'; {advice}' if advice else ''}"
        )
    if equals and not path:
        raise _refused(f"expected {name}=FILE, found {readable(text)!r}")
    return Output(name, path if equals and path != "-" else None)


def _refused(problem: str) -> typer.BadParameter:
    return typer.BadParameter(problem, param_hint="--format")


def emit(run: Run, wanted: Sequence[Output], *, force: bool = False, to_stderr: bool = False) -> bool:
    """Print and write a run; False where a file could not be written, which is said."""
    written = True
    for output in wanted:
        if output.path is None:
            _print(run, output.format, to_stderr=to_stderr)
        else:
            written = _write(run, output.format, output.path, force=force) and written
    return written


def _text(run: Run, name: str) -> bytes:
    text: str = importlib.import_module(f"convcalc.views.lint.{name}").text(run)
    return text.encode(errors="replace")


def _print(run: Run, name: str, *, to_stderr: bool) -> None:
    stream = sys.stderr if to_stderr else sys.stdout
    if name == "text" and stream.isatty():
        from convcalc.views.lint import text

        text.show(console(stderr=to_stderr), run)
    elif name in {"text", "concise"}:
        stream.write(_text(run, name).decode())  # in what the terminal reads, whatever it is
    else:
        stream.flush()
        stream.buffer.write(_text(run, name))  # these are UTF-8
        stream.buffer.flush()


def _write(run: Run, name: str, path: str, *, force: bool) -> bool:
    from convcalc import files

    try:
        files.write(path, [_text(run, name)], force=force)
    except files.Unwritable as error:
        say(str(error))
        return False
    return True
