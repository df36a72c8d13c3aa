"""Protocol buffers as they lie in a file: fields by number, nothing copied that is not asked for.

Model files are mostly weights, of which only the sizes are needed. Walking the wire format skips them where they lie,
so a file of any size is read in the time its structure takes. The format: a varint holding field number and wire type,
then the value (developers.google.com/protocol-buffers/docs/encoding).
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence

from convcalc import steps
from convcalc.imports import Buffer

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Place = tuple[int, int]
"""Where a value lies: its first byte, and the first behind it."""

_CHUNK = 1024
"""Fields of a message after which those are paid for; the others are when it ends."""

_LONG = 1000
"""Bytes of a text that no name has."""


class Malformed(ValueError):
    """The bytes are no protocol buffer of the kind expected; the message says where."""


def fields(buffer: Buffer, place: Place, price: int = 1) -> Iterator[tuple[int, int, int, int]]:
    """Field number, wire type, and the value: a number and 0 for a varint, else first byte and first behind it.

    Each costs half of `price` in steps, which is more where something is kept of each.
    """
    at, end = place
    count = 0
    while at < end:
        count += 1
        if count == _CHUNK:
            steps.spend(_CHUNK * price // 2)
            count = 0
        tag = buffer[at]
        if tag < 128:
            at += 1
        else:
            tag, at = _varint(buffer, at, end)
        wire = tag & 7
        if wire == VARINT:
            value = buffer[at] if at < end else 128
            if value < 128:
                at += 1
            else:
                value, at = _varint(buffer, at, end)
            yield tag >> 3, wire, value, 0
            continue
        if wire == BYTES:
            length = buffer[at] if at < end else 128
            if length < 128:
                at += 1
            else:
                length, at = _varint(buffer, at, end)
        elif wire == FIXED64:
            length = 8
        elif wire == FIXED32:
            length = 4
        else:
            raise Malformed(f"wire type {wire} at byte {at}, which no field has")
        if length > end - at:
            raise Malformed(f"a value of {length:,} bytes at byte {at:,}, where {end - at:,} are left")
        yield tag >> 3, wire, at, at + length
        at += length
    steps.spend(1 + count * price // 2)


def parts(
    buffer: Buffer, place: Place, price: int = 1, *, most: int = 0, message: str = ""
) -> defaultdict[int, list[Place]]:
    """Where the texts and messages within a message lie, by the number of their field.

    With `most`, no field of a higher number is expected; with `message`, which is what it is, nothing but these.
    """
    places: defaultdict[int, list[Place]] = defaultdict(list)
    for number, wire, start, end in fields(buffer, place, price):
        if most and not 0 < number <= most:
            raise Malformed(f"field {number}, which no model has")
        if wire == BYTES:
            places[number].append((start, end))
        elif message:
            raise Malformed(f"{message} is expected at byte {place[0]:,}")
    return places


def _varint(buffer: Buffer, at: int, end: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise Malformed(f"a number is cut off at byte {at:,}")
        byte = buffer[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (2**64 - 1), at
    raise Malformed(f"a number of more than 64 bits before byte {at:,}")


def signed(value: int) -> int:
    """A varint as a signed number of 64 bits."""
    return value - 2**64 if value >= 2**63 else value


def text(buffer: Buffer, start: int, end: int) -> str:
    """UTF-8, with what is none of it written as escapes."""
    length = end - start
    steps.spend(1 + length // (40 if length < _LONG else 8))
    return buffer[start:end].decode(errors="backslashreplace")


def last_text(buffer: Buffer, places: Sequence[Place]) -> str:
    """The last of some texts, which is the one that counts; empty where there is none."""
    return text(buffer, *places[-1]) if places else ""


def integers(buffer: Buffer, wire: int, start: int, end: int) -> list[int]:
    """One item of a repeated field of whole numbers, or all of them packed."""
    if wire == VARINT:
        return [signed(start)]
    if wire != BYTES:
        raise Malformed(f"whole numbers of wire type {wire} at byte {start:,}")
    steps.spend(end - start)
    numbers: list[int] = []
    while start < end:
        value, start = _varint(buffer, start, end)
        numbers.append(signed(value))
    return numbers


def floats(buffer: Buffer, wire: int, start: int, end: int, letter: str = "f") -> list[float]:
    """One item of a repeated field of 32-bit numbers, or all of them packed; with the letter `d`, of 64-bit ones."""
    count, rest = divmod(end - start, struct.calcsize(letter))
    if wire == VARINT or rest:
        raise Malformed(f"numbers of wire type {wire} at byte {start:,}")
    steps.spend(count // 2)
    return list(struct.unpack(f"<{count}{letter}", buffer[start:end]))
