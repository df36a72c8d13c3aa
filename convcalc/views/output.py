"""Where views write: the terminal, a pipe, or the text of a file."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console

WIDEST = 1000
"""Columns of a table that is piped; other lines are as long as they are, and never broken."""


def console(stream: TextIO) -> Console:
    """A stream where people read: as wide as the terminal; piped, as wide as it takes, and without colour."""
    from rich.console import Console

    if stream.isatty():
        return Console(stderr=stream is sys.stderr, highlight=False, markup=False, emoji=False)
    trimmed = cast("TextIO", _Trimmed(stream))
    return Console(file=trimmed, highlight=False, markup=False, emoji=False, width=WIDEST, soft_wrap=True)


class Pen(Protocol):
    """What a console of Rich and one for text alone have in common."""

    @property
    def width(self) -> int:
        """Columns that a line may take."""

    def print(self, *objects: Any, soft_wrap: bool | None = None) -> None:
        """Write lines and tables."""


class Plain:
    """A console for text alone: what it prints is what `str` gives. Rich takes longer to load than most tables."""

    width = WIDEST

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def print(self, *objects: Any, soft_wrap: bool | None = None) -> None:  # as Rich's
        """Write lines and tables, no line ending in blanks."""
        text = " ".join(map(str, objects))
        self.stream.write(f"{re.sub(' +$', '', text, flags=re.MULTILINE)}\n")


_COLOURS = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Variables of the environment by which colours are asked for where there is no terminal."""


def pen(stream: TextIO) -> Pen:
    """A stream where people read lines and tables that have a text of their own."""
    asked = any(name in os.environ for name in _COLOURS)
    return console(stream) if asked or stream.isatty() else Plain(stream)


class _Trimmed(io.TextIOBase):
    """A stream on which no line ends in blanks, which tables are padded with."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # so that Rich knows what can be printed
        return self.stream.encoding

    def write(self, text: str) -> int:
        return self.stream.write(re.sub(r" +\n", "\n", text))

    def flush(self) -> None:
        self.stream.flush()


class Output:
    """What a view writes to; `shown` is how many results are on it, which views count that put something between them.

    Texts are in the encoding of the stream, `data` and records are UTF-8 whatever it is.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.shown = 0
        self._records: list[Any] = []

    @cached_property
    def console(self) -> Console:
        """For what has colours, or is as wide as the terminal."""
        return console(self.stream)

    @cached_property
    def pen(self) -> Pen:
        """For lines and tables that have a text of their own."""
        return pen(self.stream)

    def text(self, text: str) -> None:
        """Write a text; what the encoding lacks becomes a question mark."""
        self.stream.write(text)

    def data(self, parts: Iterable[bytes | memoryview]) -> None:
        """Write bytes as they are, one part after the other."""
        self.stream.flush()
        self.stream.buffer.writelines(parts)
        self.stream.buffer.flush()

    def utf8(self, text: str) -> None:
        """Write a text that programs read."""
        self.data([text.encode(errors="replace")])

    def record(self, record: Any) -> None:
        """Keep a record for the end, where one is written as a JSON object, and several as an array of them."""
        self._records.append(record)

    def end(self) -> None:
        """Write what was kept."""
        from convcalc.views.formats.json import encoded

        if self._records:
            self.data([encoded(self._records[0] if len(self._records) == 1 else self._records), b"\n"])
