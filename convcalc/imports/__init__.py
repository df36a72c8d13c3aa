"""Model files that people have, as records of layers.

A reader is a file or a folder here, found by being there: all but those of `SHARED`, which are what readers share. It
knows its files (`matches`), the first bytes telling more than the name, and gives the record of one (`read`). What it
needs for reading alone it imports when it reads, so that whoever opens another file does not wait for it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from convcalc.imports.record import Imported

Buffer = bytes | mmap
"""What is in a file: mapped into memory, or its bytes."""


Sizes = Mapping[str, Sequence[int]]
"""Sizes that were asked for, by the name of an input, with the batch or without; "" is the one input of a model."""

Values = Mapping[str, Sequence[int | float]]
"""Numbers that were given to inputs which decide what a model does, by name: a sampling rate, a flag."""


class ReadOptions(msgspec.Struct, frozen=True):
    """What the person who opens a file says of how it is to be read.

    With `strict`, operators that no kind expresses are an error. `scale` is the one that is wanted of a file which
    describes several networks, empty for the one that the file or its name says, and `blocks` the path of a spec whose
    blocks stand for modules that a file names without saying what they are.
    """

    sizes: Sizes = {}
    values: Values = {}
    strict: bool = False
    scale: str = ""
    blocks: str = ""


HEAD = 4096
"""Bytes at the beginning of a file by which it is mostly told what it is."""

SHARED = {
    "archives",
    "arrays",
    "assembly",
    "drafts",
    "elements",
    "errors",
    "number_formats",
    "layouts",
    "makings",
    "naming",
    "not_read",
    "record",
    "roles",
    "rounding",
    "sharing",
    "spelling",
    "streams",
    "tidy",
    "unsized",
    "wire",
    "written_numbers",
}
"""The files here that are no readers."""


class Reader(Protocol):
    """What makes a file or a folder a reader. `FORMAT` is what it reads, in words that an error can go on with.

    It may have `CHOICES`, the fields of `ReadOptions` beyond the first three that mean something of its files, and
    `meant_by`, from a path where there is no file to that of the file which describes what is meant by the name.
    """

    FORMAT: str

    def matches(self, buffer: Buffer, name: str) -> bool:
        """Whether a file that holds this and has this name is of the format; either may be empty."""

    def read(self, buffer: Buffer, source: str, options: ReadOptions) -> Imported:
        """The record of the model in a file that is called `source`, as it was asked for.

        Operators that no kind expresses become layers of the kind `opaque`, and `Imported.missing` says so.

        Raises:
            CannotImport: it is none, or is not whole; axes are open; where `options.strict` is set, operators are
                expressed by no kind, all of them named in one error.
        """


def reader_of(buffer: Buffer, name: str) -> Reader | None:
    """Who knows a file by what is in it, or else by its name as well; None where nobody does."""
    return next((reader for called in ("", name) for reader in readers() if reader.matches(buffer, called)), None)


def formats() -> str:
    """All that can be read, as an error lists it."""
    *others, last = (reader.FORMAT for reader in readers())
    return f"{', '.join(others)} or {last}" if others else last


def read_file(path: str, options: ReadOptions = ReadOptions()) -> Imported:  # noqa: B008  # it is frozen
    """The record of the model in a file, or in what can be read once alone, as a pipe; ``-`` is standard input.

    Raises:
        CannotImport: as for a reader's `read`, or the file cannot be opened, or is of no format that is read.
    """
    from convcalc.imports import streams
    from convcalc.imports.errors import CannotImport
    from convcalc.language.source import is_stream

    is_once = is_stream(path)
    buffer: Buffer
    try:
        if is_once:
            buffer = streams.read(path)
        else:
            with Path(path if Path(path).exists() else meant_by(path)).open("rb") as file:
                buffer = mmap(file.fileno(), 0, access=ACCESS_READ)
    except CannotImport:
        raise
    except ValueError:
        buffer = b""
    except OSError as error:
        from convcalc.imports import not_read

        if answer := not_read.of_folder(path):
            raise CannotImport(f"this is {answer}") from None
        raise CannotImport(f"cannot be read: {error.strerror or error}") from None
    if is_once:
        return read_stream(buffer, path, options)
    return msgspec.structs.replace(read_bytes(buffer, path, path, options), path=path)


def read_stream(buffer: Buffer, path: str, options: ReadOptions = ReadOptions()) -> Imported:  # noqa: B008
    """The record of a model that was read from what can be read once alone, which it keeps.

    Raises:
        CannotImport: as for `read_bytes`.
    """
    from convcalc.language.source import called

    return msgspec.structs.replace(read_bytes(buffer, called(path), path, options), content=buffer)


def read_bytes(buffer: Buffer, source: str, name: str, options: ReadOptions = ReadOptions()) -> Imported:  # noqa: B008
    """The record of the model in the bytes of a file, which is called `source` wherever it is spoken of.

    Raises:
        CannotImport: as for a reader's `read`, or the bytes are of no format that is read.
    """
    from convcalc.imports.errors import CannotImport, OverLimit, plain
    from convcalc.steps import OutOfSteps

    reader = reader_of(buffer, name)
    if not buffer:
        raise CannotImport(f"the file is empty; {reader.FORMAT if reader else formats()} was expected")
    if reader is None:
        from convcalc.imports import not_read

        expected = formats()
        raise not_read.refusal(buffer, name, expected) or CannotImport(
            f"of a format that is not known; expected {expected}"
        )
    for choice in ("scale", "blocks"):
        if getattr(options, choice) and choice not in getattr(reader, "CHOICES", ()):
            what = "describes one network" if choice == "scale" else "names no modules that blocks could define"
            raise CannotImport(f"--{choice} {plain(getattr(options, choice))}: {reader.FORMAT} {what}")
    try:
        return reader.read(buffer, source, options)
    except OutOfSteps:
        raise OverLimit from None


def meant_by(path: str) -> str:
    """The file that describes what a path means where there is no file; the path where no reader knows of any."""
    for reader in readers():
        other = getattr(reader, "meant_by", str)(path)
        if other != path and Path(other).is_file():
            return other
    return path


@cache
def readers() -> list[Reader]:
    """Every reader there is, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in SHARED)
    return [importlib.import_module(f"{__name__}.{name}") for name in names]
