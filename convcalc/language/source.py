"""A spec's text and the places in it; a `Diagnostic` is one finding with its place."""

from __future__ import annotations

import bisect
import codecs
import os
import re
import stat
import sys
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from convcalc import steps
from convcalc.language import zoo
from convcalc.presenting import view_of
from convcalc.visible import encodable

if TYPE_CHECKING:
    from convcalc.language.given import MappingPlaces
    from convcalc.language.named import Named
    from convcalc.network import Network

STDIN = "-"
"""How standard input is named."""
_SHOWN_STDIN = "<stdin>"
"""How messages name it."""
GIVEN_TEXT = "<text>"
"""How messages name a text that a program gives."""

LARGEST_FILE = 16 * 2**20
"""Bytes of a spec that are read at most."""
_LARGEST_SMALL_TEXT = 64 * 2**10
"""Characters of a file that describes one thing, and a multiple of what the longest takes."""
_LONGEST_LINE = 10_000
"""Characters of a line that are kept with what is found in it."""
STEPS_OF_DIAGNOSTIC = 20


class Diagnostic(msgspec.Struct, frozen=True):
    """One mistake: where it is, what was expected and found, and what to do.

    `line` and `column` count from 1, in characters; both are 0 where the whole file is meant. `end_column` is
    exclusive. `text` is the source line, `help` a suggestion (both may be empty).
    """

    path: str
    line: int
    column: int
    end_column: int
    code: str
    message: str
    help: str = ""
    text: str = ""
    severity: str = "error"


def unfinished(path: str, what: str = "") -> Diagnostic:
    """That the steps of the run did not last for a spec, or for some of `what` is done with it."""
    message = f"{what} not finished: {steps.limit()}" if what else f"not finished: {steps.limit()}"
    return Diagnostic(path, 0, 0, 0, "CC008", message, "a smaller spec takes fewer, as does a part of it alone")


class Edit(msgspec.Struct, frozen=True):
    """A change to a text: the characters from `start` to `end` become `text`."""

    start: int
    end: int
    text: str


class SpecError(Exception):
    """A spec that cannot be read in full, with everything that is wrong with it.

    `problems` is that as it was found. `diagnostics` is what to show: from top to bottom, with what `advise` finds out
    by trying, which takes its time. `network` holds the layers that could still be worked out, None where not even the
    input is known. As a text it is what the command line prints: each mistake with its place, its line and what to do.
    """

    __module__ = "convcalc"  # whose name people know it by, and which a traceback shows

    def __init__(
        self,
        problems: list[Diagnostic],
        network: Network | None = None,
        advise: Callable[[], list[Diagnostic]] | None = None,
    ) -> None:
        super().__init__(problems)
        self.problems = problems
        self.network = network
        self._advise = advise

    @cached_property
    def diagnostics(self) -> list[Diagnostic]:
        return self.problems if self._advise is None else self._advise()

    def __str__(self) -> str:
        return str(view_of("SpecError").line(self))

    def __repr__(self) -> str:
        return str(view_of("SpecError").brief(self))

    def _render_traceback_(self) -> list[str]:
        """What IPython prints where nobody catches it: the mistakes are in the spec, not in what read it."""
        return ["convcalc.SpecError:", str(self)]

    def __reduce__(self) -> tuple[type[SpecError], tuple[list[Diagnostic]]]:
        """For another process or a copy: what is wrong, without layers and what is tried, which belong to a run."""
        return SpecError, (self.diagnostics,)


class Source(msgspec.Struct, eq=False, dict=True):
    """A text and its name. Places in it are indices of characters.

    `shipped`: it is a part of convcalc. `converted`: it was made from a file of another form, for the input sizes that
    were asked for, and stands nowhere; `origin` then says of a line what it comes from, and `warnings` what was odd in
    that file, of which `imported` is the record. `named` is how it was named, with other input sizes and variables than
    its own. `places` are those of a mapping in memory which it was written from.
    """

    path: str
    text: str
    shipped: bool = False
    origin: Callable[[int], str] | None = None
    warnings: tuple[str, ...] = ()
    named: Named | None = None
    imported: Any = None
    places: MappingPlaces | None = None
    _last_line: tuple[int, str, int] = (0, "", 0)  # that was asked for: its number, text and place

    def with_text(self, text: str, named: Named | None = None) -> Source:
        """Another text in its place, under the same name, or as it is named with other settings."""
        return replace(self, text=text, named=named or self.named, places=None, _last_line=(0, "", 0))

    @property
    def as_named(self) -> str:
        """How whoever asked for it named it, which is where it is; with its settings, where it has any."""
        if self.named is not None:
            return encodable(self.named.text)
        return STDIN if self.path == _SHOWN_STDIN else self.path

    @property
    def converted(self) -> bool:
        return self.origin is not None

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(line_break.end() for line_break in re.finditer("\r\n|\r|\n", self.text))]

    def line(self, index: int) -> int:
        """The line of a place, from 1."""
        return bisect.bisect_right(self._line_starts, index)

    def where(self, line: int) -> str:
        """Where a line is, for the middle of a sentence."""
        return f"in line {line}" if self.places is None else f"at {self.places.of(line)}"

    def line_at(self, line: int) -> tuple[str, int]:
        """The beginning of a line, counted from 1, and the place of its first character; nothing behind the last."""
        if line > len(self._line_starts):
            return "", len(self.text)
        if line != self._last_line[0]:  # what is found in one long line shares its text
            first = self._line_starts[line - 1]
            text = re.split("[\r\n]", self.text[first : first + _LONGEST_LINE], maxsplit=1)[0]
            self._last_line = line, text, first
        return self._last_line[1:]

    def diagnostic(
        self,
        code: str,
        start: int,
        end: int,
        message: str,
        help: str = "",  # noqa: A002  # rustc's word
        severity: str = "error",
    ) -> Diagnostic:
        """A finding about the characters from `start` to `end`, of which the first line is marked."""
        start = min(start, len(self.text))
        line = self.line(start)
        if self.origin is not None or self.places is not None:  # nobody has the text
            place = self.origin(line) if self.origin is not None else self.places.of(line) if self.places else ""
            return Diagnostic(self.path, 0, 0, 0, code, f"{place}: {message}" if place else message, help)
        text, first = self.line_at(line)
        end_column = min(max(end, start + 1) - first, max(len(text), start - first + 1)) + 1
        return Diagnostic(self.path, line, start - first + 1, end_column, code, message, help, text, severity)


def before_blanks(text: str, start: int, end: int) -> int:
    """The place behind the last character between two places that is no blank; the first one where all are."""
    while end > start:
        part = text[max(start, end - _LONGEST_LINE) : end]
        written = len(part.rstrip())
        end -= len(part) - written
        if written:
            break
    return end


def is_stream(path: str) -> bool:
    """Whether what is named can be read once alone: it is there, and neither a file that stays nor a folder."""
    if path == STDIN:
        return True
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def called(path: str) -> str:
    """How a message names a file."""
    return _SHOWN_STDIN if path == STDIN else encodable(path)


def read(path: str | os.PathLike[str]) -> Source:
    """The text of a file, of standard input for ``-``, or of a network of the zoo for ``zoo:NAME``.

    Raises:
        SpecError: it is missing, a directory, not UTF-8, or larger than 16 MiB.
    """
    path = os.fspath(path)
    if zoo.is_in_zoo(path):
        return _of_zoo(path)
    shown = called(path)
    try:
        if path == STDIN:
            data = sys.stdin.buffer.read(LARGEST_FILE + 1)
        else:
            if os.path.isdir(path):
                raise _unreadable(
                    shown, "is a directory, expected a file", f"name its files: {path.rstrip('/')}/*.yaml"
                )
            with open(path, "rb") as file:
                data = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        advice = f"{zoo.SCHEME}{path} is the network of the zoo" if path in zoo.names() else ""
        raise _unreadable(shown, f"cannot be read: {reason}", advice) from None
    return decoded(shown, data)


def read_small(path: str, what: str) -> tuple[str, Source]:
    """The text of a file that describes one thing, such as a device, with its name: that of the file.

    Raises:
        SpecError: as for `read`, or it is larger than anything of the kind needs.
    """
    source = read(path)
    if len(source.text) > _LARGEST_SMALL_TEXT:
        message = f"is larger than {_LARGEST_SMALL_TEXT // 2**10} KiB, the most a {what}'s file may be"
        raise SpecError([Diagnostic(source.path, 0, 0, 0, "CC008", message)])
    last = source.path.replace("\\", "/").rpartition("/")[2]
    return last.rpartition(".")[0] or last, source


def _of_zoo(path: str) -> Source:
    file, name = zoo.file_of(path), encodable(path.removeprefix(zoo.SCHEME))
    if file is None:
        problem = f"there is no network `{name}` in the zoo" if name else "names no network, expected zoo:NAME"
        raise _unreadable(f"{zoo.SCHEME}{name}", problem, zoo.advice(name))
    return decoded(path, file.read_bytes())


def decoded(path: str, data: bytes) -> Source:
    """The text of a file that has been read.

    Raises:
        SpecError: it is not UTF-8, or larger than 16 MiB.
    """
    if len(data) > LARGEST_FILE:
        raise _unreadable(path, f"is larger than {LARGEST_FILE // 2**20} MiB, the most a spec may be", "", "CC008")
    data = data.removeprefix(codecs.BOM_UTF8)  # here, as the places in an error of utf-8-sig leave it out
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        problem = f"byte 0x{data[error.start]:02x} is not UTF-8; expected UTF-8 text"
        raise SpecError([Source(path, before).diagnostic("CC001", len(before), len(before), problem)]) from None
    return Source(path, text)


def _unreadable(path: str, message: str, help: str, code: str = "CC001") -> SpecError:  # noqa: A002  # as above
    return SpecError([Diagnostic(path, 0, 0, 0, code, message, help)])
