"""ZIP archives: the names of the files in one, and single files, found by the list at its end.

Nothing else is looked at or unpacked.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import msgspec

from convcalc import steps
from convcalc.imports import Buffer
from convcalc.imports.errors import CannotImport, plain

_END, _END_64, _LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ENTRY, _LOCAL = b"PK\x01\x02", b"PK\x03\x04"

_LONGEST_COMMENT = 2**16 + 22
_UNKNOWN = 0xFFFFFFFF
"""A size or place that stands elsewhere, in 64 bits."""

_STORED, _DEFLATED = 0, 8

MOST_ENTRIES = 500_000


def names(buffer: Buffer) -> Iterator[str]:
    """The names of the files in an archive, as they are listed.

    Raises:
        CannotImport: where it is no archive, or is cut off, behind the names that stand before.
    """
    for place, _ in _places(buffer):
        yield _name(buffer, place).decode("utf-8", "replace")


def member(buffer: Buffer, name: str, most_bytes: int) -> bytes | None:
    """What is in the file of that name, unpacked; None where there is none. Of two, the last one counts.

    Raises:
        CannotImport: it is no archive, or is cut off, or the file has more bytes.
    """
    wanted, last = name.encode(), None
    for place, shift in _places(buffer):
        if _name(buffer, place) == wanted:
            last = place, shift
    return None if last is None else _content(buffer, _entry(buffer, *last), most_bytes)


class _PackedFile(msgspec.Struct, frozen=True):
    """A file of an archive: where it lies, how long it is there and unpacked, and how it is packed."""

    name: str
    place: int
    packed: int
    size: int
    method: int


def _name(buffer: Buffer, place: int) -> bytes:
    (length,) = struct.unpack("<H", buffer[place + 28 : place + 30])
    return buffer[place + 46 : place + 46 + length]


def _places(buffer: Buffer) -> Iterator[tuple[int, int]]:
    """Where the files stand in the list at the end, and how far all lie behind where it says."""
    place, count, shift = _directory(buffer)
    for _ in range(min(count, MOST_ENTRIES)):
        steps.spend(2)
        if place < 0 or buffer[place : place + 4] != _ENTRY or place + 46 > len(buffer):
            raise CannotImport(f"not a whole archive: no file is listed at byte {place:,}; copy it anew")
        name, extra, comment = struct.unpack("<HHH", buffer[place + 28 : place + 34])
        yield place, shift
        place += 46 + name + extra + comment


def _directory(buffer: Buffer) -> tuple[int, int, int]:
    """Where the list begins, how many files are on it, and how far all lie behind where it says."""
    tail = max(len(buffer) - _LONGEST_COMMENT, 0)
    end = buffer[tail:].rfind(_END)
    if end < 0 or tail + end + 22 > len(buffer):
        raise CannotImport("not a whole archive: the list of its files, at the end, is missing; copy it anew")
    end += tail
    count, length, place = struct.unpack("<HII", buffer[end + 10 : end + 20])
    locator = end - 20
    if (place == _UNKNOWN or count == 0xFFFF) and locator >= 0 and buffer[locator : locator + 4] == _LOCATOR_64:
        (end_64,) = struct.unpack("<Q", buffer[locator + 8 : locator + 16])
        if end_64 + 56 > len(buffer) or buffer[end_64 : end_64 + 4] != _END_64:
            raise CannotImport(f"not a whole archive: nothing is at byte {end_64:,}, where its list ends; copy it anew")
        count, length, place = struct.unpack("<QQQ", buffer[end_64 + 32 : end_64 + 56])
        end = end_64
    shift = end - length - place
    if shift > 0 and buffer[place : place + 4] != _ENTRY:  # the archive begins behind something else
        return place + shift, count, shift
    return place, count, 0


def _entry(buffer: Buffer, place: int, shift: int) -> _PackedFile:
    method, _, _, _, packed, size, name, extra = struct.unpack("<HHHIIIHH", buffer[place + 10 : place + 32])
    (local,) = struct.unpack("<I", buffer[place + 42 : place + 46])
    title = buffer[place + 46 : place + 46 + name].decode("utf-8", "replace")
    numbers = {"size": size, "packed": packed, "place": local}
    start = place + 46 + name
    numbers |= _in_64_bits(
        buffer[start : start + extra], [key for key, number in numbers.items() if number == _UNKNOWN]
    )
    return _PackedFile(title, numbers["place"] + shift, numbers["packed"], numbers["size"], method)


def _in_64_bits(extra: bytes, wanted: list[str]) -> dict[str, int]:
    """The numbers that stand in 64 bits behind a name, in order."""
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack("<HH", extra[place : place + 4])
        if kind == 1:
            count = min(len(wanted), length // 8, (len(extra) - place - 4) // 8)
            return dict(
                zip(wanted, struct.unpack(f"<{count}Q", extra[place + 4 : place + 4 + 8 * count]), strict=False)
            )
        place += 4 + length
    return {}


def _content(buffer: Buffer, entry: _PackedFile, most: int) -> bytes:
    """What is in a file of the archive, of at most so many bytes."""
    what = f"{plain(entry.name)} in the archive"
    if entry.size > most:
        raise CannotImport(f"{what} has {entry.size:,} bytes, where at most {most:,} are read")
    head = buffer[entry.place : entry.place + 30]
    if len(head) < 30 or head[:4] != _LOCAL:
        raise CannotImport(f"{what} is not at byte {entry.place:,}, where the archive says; copy it anew")
    name, extra = struct.unpack("<HH", head[26:30])
    start = entry.place + 30 + name + extra
    if start + entry.packed > len(buffer):
        raise CannotImport(f"{what} goes on behind the end of the file; copy it anew")
    steps.spend(entry.size // 64)
    packed = buffer[start : start + entry.packed]
    if entry.method == _STORED:
        return packed
    if entry.method != _DEFLATED:
        raise CannotImport(f"{what} is packed in way {entry.method}, which is not known")
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
    except zlib.error as error:
        raise CannotImport(f"{what} is damaged: {error}; copy it anew") from None
