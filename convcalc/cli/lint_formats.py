"""Where the findings of `convcalc lint` go, and in which format: several of them in one run."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import typer

from convcalc.cli.options import readable
from convcalc.cli.output import say
from convcalc.language.suggestions import did_you_mean
from convcalc.views import format_names, view
from convcalc.views.output import Output

if TYPE_CHECKING:
    from convcalc.linting.records import Run


class _Destination(msgspec.Struct, frozen=True):
    """A format, and the file it goes to; None for standard output."""

    format: str
    path: str | None


def destinations(texts: Sequence[str], baseline: str | None) -> list[_Destination]:
    """`FORMAT` or `FORMAT=FILE`; where nothing is said, text, or annotations where GitHub runs it.

    `baseline` is a file that is written too, and cannot be one of these.
    """
    if not texts:
        return [_Destination("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text", None)]
    asked = [_destination(text) for text in texts]
    named = [destination.path for destination in asked if destination.path is not None]
    paths = [os.path.realpath(path) for path in (*named, *([baseline] if baseline is not None else []))]
    twice = next((path for path in named if paths.count(os.path.realpath(path)) > 1), None)
    if twice is not None:
        raise _refused(f"{readable(twice)} would be written twice")
    printed = [destination.format for destination in asked if destination.path is None]
    if len(printed) > 1:
        alone = next((name for name in printed if not getattr(view("lint", name), "IS_READ_BY_LINE", False)), None)
        if alone is not None:
            raise _refused(f"{' and '.join(printed)} would run into each other; write one to a file: {alone}=FILE")
    return asked


def _destination(text: str) -> _Destination:
    name, equals, path = text.partition("=")
    names = format_names("lint", "text")
    if name not in names:
        advice = did_you_mean(name, names)
        raise _refused(f"expected one of {', '.join(names)}, found {readable(name)!r}{f'; {advice}' if advice else ''}")
    if equals and not path:
        raise _refused(f"expected {name}=FILE, found {readable(text)!r}")
    return _Destination(name, path if equals and path != "-" else None)


def _refused(problem: str) -> typer.BadParameter:
    return typer.BadParameter(problem, param_hint="--format")


def emit(run: Run, destinations: Sequence[_Destination], *, force: bool = False, to_stderr: bool = False) -> bool:
    """Print and write a run; False, with an error on standard error, where a file could not be written."""
    is_written = True
    for destination in destinations:
        if destination.path is None:
            _write(run, destination.format, Output(sys.stderr if to_stderr else sys.stdout))
        else:
            is_written = _save(run, destination.format, destination.path, force=force) and is_written
    return is_written


def _write(run: Run, name: str, out: Output) -> None:
    view("lint", name).write(run, out)
    out.end()


def _save(run: Run, name: str, path: str, *, force: bool) -> bool:
    from convcalc import files

    data = io.BytesIO()
    text = io.TextIOWrapper(data, "utf-8", errors="replace", newline="")
    _write(run, name, Output(text))
    text.flush()
    try:
        files.write(path, [data.getvalue()], force=force)
    except files.Unwritable as error:
        say(str(error))
        return False
    return True
