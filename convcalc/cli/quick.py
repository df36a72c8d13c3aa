"""Calls told without Typer, which takes longer to load than most models take to be read.

A call is understood here where it is one of `COMMANDS` with files and nothing but options that are named here, each
written out and right. Any other is left to Typer, among them whatever asks for help or is wrong: there it is said.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple


class Command(NamedTuple):
    """A command: the place of what it does in `convcalc.cli.work`, and the options, by the value that each gives.

    A flag that begins with ``--no-`` gives False; what is in `lists` may be given again.
    """

    module: str
    function: str
    takes_many: bool
    flags: Mapping[str, str]
    texts: Mapping[str, str]
    lists: Mapping[str, str] = {}


_FILES = {"--scale": "scale", "--blocks": "blocks"}
"""Options of all commands that open model files."""

COMMANDS = {
    "analyze": Command(
        "analyze",
        "analyze",
        True,
        {"--expand": "expand", "--strict": "strict", "--fused": "fused", "--no-fused": "fused"},
        {"--format": "format", "--dtype": "dtype", "--device": "device", "--count-as": "count_as", **_FILES},
        {"--show": "show", "--hide": "hide"},
    ),
    "counts": Command(
        "counts",
        "counts",
        True,
        {"--strict": "strict"},
        {"--format": "format", **_FILES},
        {"--tool": "tool"},
    ),
    "import": Command(
        "importing",
        "import_",
        False,
        {"--flat": "flat", "--force": "force", "--strict": "strict"},
        {"--output": "output", "-o": "output", **_FILES},
    ),
}
LISTS = {"--input": "inputs", "--set": "variables"}
"""Options of all commands that may be given again."""


def understood(arguments: Sequence[str]) -> Callable[[], None] | None:
    """What a call does; None where it is left to Typer."""
    command = COMMANDS.get(arguments[0]) if arguments else None
    read = None if command is None else _values(command, arguments[1:])
    if command is None or read is None:
        return None
    files, values = read
    work = importlib.import_module(f"convcalc.cli.work.{command.module}")
    return partial(getattr(work, command.function), files if command.takes_many else files[0], **values)


def _values(command: Command, arguments: Sequence[str]) -> tuple[list[str], dict[str, Any]] | None:
    """The files and the values of a call; None where it holds anything that is not understood here."""
    files: list[str] = []
    values: dict[str, Any] = {}
    known = {**LISTS, **command.lists}
    lists: dict[str, list[str]] = {name: [] for name in known.values()}
    words = iter(arguments)
    for word in words:
        if word == "-" or word[:1] != "-":
            files.append(word)
            continue
        if word in command.flags:
            values[command.flags[word]] = not word.startswith("--no-")
            continue
        text = next(words, "")
        if text[:1] in ("", "-"):
            return None
        if word in known:
            lists[known[word]].append(text)
        elif word in command.texts:
            values[command.texts[word]] = text
        else:
            return None
    if not files or (len(files) > 1 and not command.takes_many) or not _is_format(command, values.get("format")):
        return None
    read = _read(lists) if _is_known(values) else None
    return None if read is None else (files, {**values, **read})


def _is_format(command: Command, name: str | None) -> bool:
    from convcalc.views import format_names

    return name is None or name in format_names(command.module, "table")


def _is_known(values: Mapping[str, Any]) -> bool:
    """Whether there are such formats and such a device, if any are named."""
    if not values.keys() & {"dtype", "device"}:
        return True
    from convcalc.arithmetic.precision import precision
    from convcalc.devices import load
    from convcalc.language.source import SpecError

    try:
        precision(values.get("dtype", "float32"))
        if "device" in values:
            load(values["device"])
    except (ValueError, SpecError):
        return False
    return True


def _read(lists: dict[str, list[str]]) -> dict[str, Any] | None:
    from convcalc.cli import values

    inputs, variables, *_ = LISTS.values()
    try:
        read = {inputs: values.shapes(lists[inputs]), variables: values.assignments(lists[variables])}
    except values.Misread:
        return None
    return {**lists, **read} if _are_columns([*lists.get("show", ()), *lists.get("hide", ())]) else None


def _are_columns(texts: list[str]) -> bool:
    from convcalc.views.figures import named

    try:
        return not texts or bool(named(texts))
    except ValueError:
        return False
