"""Flatbuffers, read where they lie: tables, vectors and texts, every offset checked against the size of the file.

A table begins with the distance back to its layout, which says for each field how far behind the table's beginning it
lies, 0 for one that is left out. What is no number lies elsewhere, at a distance that is written in its place.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache

from convcalc import steps
from convcalc.imports import Buffer

_TABLE, _ITEM = 4, 1
"""Steps that a table takes, and an entry of a vector."""

_LONGEST = 4096
"""Bytes of a text that are read."""


class BrokenBuffer(Exception):
    """What is in the file is no flatbuffer there; the message says where and why."""


@cache
def _packed(letter: str) -> struct.Struct:
    return struct.Struct(f"<{letter}")


class Table:
    """A table at a place of the file, with the numbers of its fields."""

    __slots__ = ("_layout", "_length", "at", "buffer")

    def __init__(self, buffer: Buffer, at: int) -> None:
        steps.spend(_TABLE)
        self.buffer, self.at = buffer, at
        self._layout = at - number(buffer, at, "i")
        self._length = number(buffer, self._layout, "H")
        if self._length < 4 or self._layout + self._length > len(buffer):
            raise BrokenBuffer(f"a table at byte {at:,} whose layout does not fit in the file")

    def _place(self, field: int) -> int:
        """Where a field lies, 0 where it is left out."""
        if 4 + 2 * field + 2 > self._length:
            return 0
        distance = number(self.buffer, self._layout + 4 + 2 * field, "H")
        return self.at + distance if distance else 0

    def has(self, field: int) -> bool:
        """Whether the table has a field, which files leave out at its default."""
        return self._place(field) > 0

    def number(self, field: int, letter: str, default: float = 0) -> int | float:
        """A number, of the type that `struct` has this letter for."""
        place = self._place(field)
        return number(self.buffer, place, letter) if place else default

    def integer(self, field: int, letter: str = "i", default: int = 0) -> int:
        """A whole number."""
        return int(self.number(field, letter, default))

    def table(self, field: int) -> Table | None:
        """A table that a field leads to."""
        place = self._place(field)
        return Table(self.buffer, _led_to(self.buffer, place)) if place else None

    def vector(self, field: int, size: int) -> tuple[int, int]:
        """Where the entries of a vector begin, each of so many bytes, and how many there are."""
        place = self._place(field)
        return _vector(self.buffer, _led_to(self.buffer, place), size) if place else (0, 0)

    def numbers(self, field: int, letter: str = "i") -> tuple[int, ...]:
        """The entries of a vector of numbers."""
        size = _packed(letter).size
        start, count = self.vector(field, size)
        steps.spend(_ITEM * count)
        return struct.unpack(f"<{count}{letter}", self.buffer[start : start + count * size])

    def tables(self, field: int) -> Iterator[Table]:
        """The tables of a vector."""
        start, count = self.vector(field, 4)
        for place in range(start, start + 4 * count, 4):
            yield Table(self.buffer, _led_to(self.buffer, place))

    def text(self, field: int) -> str:
        """A text, of a longer one the beginning; what is not UTF-8 in it is replaced."""
        start, count = self.vector(field, 1)
        count = min(count, _LONGEST)
        steps.spend(count // 16)
        return bytes(self.buffer[start : start + count]).decode(errors="replace")


def root(buffer: Buffer) -> Table:
    """The table that a file begins with."""
    return Table(buffer, _led_to(buffer, 0))


def number(buffer: Buffer, at: int, letter: str) -> int:
    """A number at a place."""
    packed = _packed(letter)
    if not 0 <= at <= len(buffer) - packed.size:
        raise BrokenBuffer(f"it leads to byte {at:,} of {len(buffer):,}")
    (value,) = packed.unpack_from(buffer, at)
    return value  # type: ignore[no-any-return]  # as `struct` has it


def _led_to(buffer: Buffer, at: int) -> int:
    distance = number(buffer, at, "I")
    if not 4 <= distance <= len(buffer) - at:
        raise BrokenBuffer(f"byte {at:,} leads {distance:,} bytes on, of {len(buffer):,} in all")
    return at + distance


def _vector(buffer: Buffer, at: int, size: int) -> tuple[int, int]:
    count = number(buffer, at, "I")
    if at + 4 + count * size > len(buffer):
        raise BrokenBuffer(f"{count:,} entries at byte {at:,}, which go on behind the end of the file")
    return at + 4, count
