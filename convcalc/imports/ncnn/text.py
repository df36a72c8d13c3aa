"""A param file as it is written: a line with a number, one with two counts, then a line for every layer."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from convcalc import steps
from convcalc.imports import Buffer
from convcalc.imports.errors import CannotImport, plain

MAGIC = "7767517"

LARGEST_FILE = 32 * 2**20
"""Bytes of a file that is read: the longest that people have is some hundred kilobytes."""

MOST_BLOBS = 10_000
"""Blobs that enter or leave a layer."""

_LINE, _TOKEN = 20, 1
"""Steps that a line takes, and each word of it."""

_WORD = re.compile(r'[^\s="]*="[^"]*"|\S+')
"""A word of a line; text in quotation marks may hold spaces."""


class WrittenLayer(msgspec.Struct, frozen=True):
    """What is written of a layer: its type and name, the blobs it reads and makes, and the words behind them."""

    number: int
    type: str
    name: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where it stands, as an error begins."""
        return f"line {self.number}, {plain(self.type)} {plain(self.name)}"


class WrittenNet(msgspec.Struct, frozen=True):
    """The layers of a file, and what is to be said of how they were counted."""

    lines: list[WrittenLayer]
    warnings: list[str]


def lines_of(buffer: Buffer) -> WrittenNet:
    """The layers of a file.

    Raises:
        CannotImport: it is cut off, or a line is no layer; the message says which.
    """
    if len(buffer) > LARGEST_FILE:
        raise CannotImport(f"a param file of {len(buffer):,} bytes, where at most {LARGEST_FILE:,} are read")
    numbered = list(_numbered(buffer[:].decode("utf-8", "replace")))
    if not numbered or numbered[0][1] != [MAGIC]:
        raise CannotImport(f"line 1: expected {MAGIC} alone, the number that all param files begin with")
    count = _layer_count(numbered[1:2])
    lines = [_line(number, words) for number, words in numbered[2 : 2 + count]]
    if len(lines) < count:
        raise CannotImport(f"line 2 says {count:,} layers, and {len(lines):,} are there: the file is cut off")
    more = len(numbered) - 2 - count
    if more:
        text = f"line 2 says {count:,} layers: the {more:,} lines behind them are not read, as ncnn does not"
        return WrittenNet(lines, [text])
    return WrittenNet(lines, [])


def _numbered(text: str) -> Iterator[tuple[int, list[str]]]:
    """The words of every line that has some, with its number."""
    for number, line in enumerate(text.splitlines(), start=1):
        steps.spend(_LINE + len(line) // 16)
        words = _WORD.findall(line)
        steps.spend(_TOKEN * len(words))
        if words:
            yield number, words


def _layer_count(second: list[tuple[int, list[str]]]) -> int:
    words = second[0][1] if second else []
    numbers = [whole_number(word) for word in words]
    if len(numbers) != 2 or numbers[0] is None or numbers[0] < 1:
        raise CannotImport(f"line 2: expected how many layers and blobs there are, found {plain(' '.join(words))!r}")
    return numbers[0]


def whole_number(word: str) -> int | None:
    """A word as a whole number of at most ten digits; None where it is none."""
    return int(word) if re.fullmatch(r"[+-]?[0-9]{1,10}", word) else None


def _line(number: int, words: list[str]) -> WrittenLayer:
    counts = [whole_number(word) for word in words[2:4]]
    if len(counts) < 2:
        raise CannotImport(f"line {number}: expected type, name and two counts of blobs, found {len(words)} words")
    bottoms, tops = counts
    what = f"line {number}, {plain(words[0])} {plain(words[1])}"
    if bottoms is None or tops is None or not (0 <= bottoms <= MOST_BLOBS and 0 <= tops <= MOST_BLOBS):
        raise CannotImport(f"{what}: expected two counts of blobs, found {plain(' '.join(words[2:4]))!r}")
    blobs = words[4 : 4 + bottoms + tops]
    if len(blobs) < bottoms + tops:
        raise CannotImport(f"{what}: {bottoms} blobs enter and {tops} leave, and {len(blobs)} are named")
    rest = tuple(words[4 + bottoms + tops :])
    return WrittenLayer(number, words[0], words[1], tuple(blobs[:bottoms]), tuple(blobs[bottoms:]), rest)
