"""The numbers of an ONNX tensor as an array of NumPy: in the file as they lie, or in one beside it.

Reading a model needs few of its numbers, which `reading.Tensor` gives one by one; here are all of them. What lies in
raw bytes is looked at where it is, and copied once at most.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np

from convcalc.imports import Buffer, wire
from convcalc.imports.errors import plain
from convcalc.imports.makings import StoredNumbers
from convcalc.imports.wire import Malformed, Place
from convcalc.layers import Array

DTYPES = {
    1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8", 12: "<u4",
    13: "<u8", 16: "<u2", 21: "u1", 22: "u1",
}  # fmt: skip
"""How numbers of an element type lie in raw bytes; of 16 bits of bfloat16 and pairs of 4 bits more is made."""

_BFLOAT16, _UINT4, _INT4 = 16, 21, 22

_FIELDS = {4: "<f4", 5: "<i4", 7: "<i8", 10: "<f8", 11: "<u8"}
"""What the fields of numbers that are no raw bytes hold; those of whole numbers are written in seven bits a byte."""

_NAMES = {8: "text", 14: "complex64", 15: "complex128", 17: "float8", 18: "float8", 19: "float8", 20: "float8"}


class NoNumbers(ValueError):
    """An array that has no numbers in the file, or none that can be read; the message says why and what to do."""


class TensorFile:
    """A model file whose arrays are read, with those that lie beside it.

    `path` is where it is, empty for one that is in memory alone: then nothing lies beside it.
    """

    def __init__(self, buffer: Buffer, path: str = "") -> None:
        self.buffer, self.path = buffer, path
        self._beside: dict[str, Buffer] = {}

    def array(self, stored: StoredNumbers) -> Array:
        """The array at a place, in the type that the file has it in; bfloat16 becomes float32.

        Raises:
            NoNumbers: it is not there as it was when the model was read, or its numbers are not to be had.
        """
        return self.of(self.record(stored))

    def record(self, stored: StoredNumbers) -> TensorRecord:
        """What the file says of the array at a place, none of its numbers read.

        Raises:
            NoNumbers: it is not there as it was when the model was read, or written in a form that is not read.
        """
        try:
            record = _record(self.buffer, stored.place)
        except (Malformed, IndexError, ValueError):
            record = None
        if record is None:
            raise NoNumbers("the file is not what it was when it was read; load the network again")
        if record.dims != stored.shape:
            raise NoNumbers("it is written by its non-zero numbers alone, which is not read; export it densely")
        return record

    def of(self, record: TensorRecord) -> Array:
        """The numbers of a tensor that was read; see `array`."""
        if record.element_type not in DTYPES:
            kind = _NAMES.get(record.element_type, f"type {record.element_type} of ONNX")
            raise NoNumbers(f"it holds numbers of {kind}, and those that are read have a whole number of bytes")
        count = int(np.prod(record.dims, dtype=object)) if record.dims else 1
        if record.external:
            array = self._external(record, count)
        elif record.raw is not None:
            array = _raw(self.buffer, record.raw, record, count)
        else:
            array = _listed(self.buffer, record, count)
        return _decoded(array, record, count).reshape(record.dims)

    def _external(self, record: TensorRecord, count: int) -> Array:
        location = record.external.get("location", "")
        buffer = self._beside.get(location)
        if buffer is None:
            buffer = self._beside[location] = self._opened(location)
        start, length = (_number(record.external.get(key, ""), key) for key in ("offset", "length"))
        expected = _size(record, count)
        if length not in (None, expected):
            raise NoNumbers(f"{length:,} bytes of {plain(location)} are said to be it, and {expected:,} are expected")
        end = (start or 0) + expected
        if end > len(buffer):
            raise NoNumbers(f"it ends at byte {end:,} of {plain(location)}, which has {len(buffer):,}: copy it anew")
        return _raw(buffer, (start or 0, end), record, count)

    def _opened(self, location: str) -> Buffer:
        """A file beside the model's. A model names none outside its folder; a link there is its owner's."""
        if not self.path:
            raise NoNumbers("it lies in a file beside the model, and the model was read from a stream")
        folder = os.path.abspath(os.path.dirname(self.path))
        place = os.path.normpath(os.path.join(folder, location))
        is_inside = os.path.commonpath([folder, place]) == folder
        if not location or "\0" in location or not is_inside:
            raise NoNumbers(f"it lies in {plain(location) or 'a file without a name'}, outside of the model's folder")
        if not os.path.isfile(place):
            raise NoNumbers(f"it lies in {plain(location)}, which is not beside the model: copy that file too")
        try:
            with Path(place).open("rb") as file:
                return mmap(file.fileno(), 0, access=ACCESS_READ) if os.path.getsize(place) else b""
        except OSError as error:
            raise NoNumbers(f"it lies in {plain(location)}, which cannot be read: {error.strerror or error}") from None


class TensorRecord:
    """A tensor of a file: sizes and type, and where its numbers are."""

    __slots__ = ("dims", "element_type", "external", "lists", "name", "raw")

    def __init__(self) -> None:
        self.name, self.element_type = "", 0
        self.dims: tuple[int, ...] = ()
        self.raw: Place | None = None
        self.external: dict[str, str] = {}
        self.lists: list[tuple[int, int, int, int]] = []

    @property
    def type_name(self) -> str:
        """Its type in the words that NumPy has, or else ONNX's."""
        if self.element_type == _BFLOAT16:
            return "bfloat16"
        dtype = DTYPES.get(self.element_type)
        return _NAMES.get(self.element_type, f"type {self.element_type}") if dtype is None else np.dtype(dtype).name


def initialisers(buffer: Buffer) -> Iterator[TensorRecord]:
    """The tensors that the graph of a model stores under a name, none of their numbers read.

    Raises:
        Malformed: the file is no model, or breaks off.
    """
    graphs = wire.parts(buffer, (0, len(buffer)), most=1000)[7]
    for place in wire.parts(buffer, graphs[-1])[5] if graphs else ():
        record = _record(buffer, place)
        if record is not None and record.name:
            yield record


def _record(buffer: Buffer, place: Place) -> TensorRecord | None:
    if place[1] > len(buffer):
        return None
    record, dims, is_external = TensorRecord(), list[int](), False
    entries: dict[str, str] = {}
    for number, kind, start, end in wire.fields(buffer, place):
        if number == 1:
            dims += wire.integers(buffer, kind, start, end)
        elif number == 2:
            record.element_type = start
        elif number == 8 and kind == wire.BYTES:
            record.name = wire.text(buffer, start, end)
        elif number == 9 and kind == wire.BYTES:
            record.raw = start, end
        elif number == 13 and kind == wire.BYTES:
            parts = wire.parts(buffer, (start, end))
            entries[wire.last_text(buffer, parts[1])] = wire.last_text(buffer, parts[2])
        elif number == 14:
            is_external = start == 1
        elif number in _FIELDS:
            record.lists.append((number, kind, start, end))
    record.dims, record.external = tuple(dims), (entries or {"location": ""}) if is_external else {}
    return record


def _number(text: str, key: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise NoNumbers(f"its {key} in the file beside the model is {plain(text)}, where a number of bytes is expected")
    return int(text)


def _size(record: TensorRecord, count: int) -> int:
    """Bytes that its numbers take as raw ones."""
    if record.element_type in (_UINT4, _INT4):
        return (count + 1) // 2
    return count * np.dtype(DTYPES[record.element_type]).itemsize


def _raw(buffer: Buffer, place: Place, record: TensorRecord, count: int) -> Array:
    expected = _size(record, count)
    if place[1] - place[0] != expected:
        if place[1] == place[0]:
            raise NoNumbers("the file holds no numbers for it: it was shared without its weights")
        raise NoNumbers(f"the file holds {place[1] - place[0]:,} bytes for it, and {expected:,} are expected")
    dtype = np.dtype(DTYPES[record.element_type])
    return np.frombuffer(buffer, dtype, expected // dtype.itemsize, place[0])


def _listed(buffer: Buffer, record: TensorRecord, count: int) -> Array:
    """Numbers in fields of their own: floats as they lie, whole numbers in seven bits a byte."""
    arrays = []
    for number, kind, start, end in record.lists:
        dtype = np.dtype(_FIELDS[number])
        if number in (4, 10):
            if kind == wire.VARINT or (end - start) % dtype.itemsize:
                raise NoNumbers(f"its numbers break off at byte {end:,} of the file")
            arrays.append(np.frombuffer(buffer, dtype, (end - start) // dtype.itemsize, start))
        elif kind == wire.VARINT:
            arrays.append(np.array([start], np.uint64))
        else:
            arrays.append(_varints(buffer, start, end))
    if not arrays and count:
        raise NoNumbers("the file holds no numbers for it: it was shared without its weights")
    numbers: Array = np.concatenate(arrays) if len(arrays) != 1 else arrays[0]
    packed = (count + 1) // 2 if record.element_type in (_UINT4, _INT4) else count
    if numbers.size != packed:
        raise NoNumbers(f"the file holds {numbers.size:,} numbers for it, and {packed:,} are expected")
    if numbers.dtype.kind == "f":
        return numbers
    if record.element_type == 10:  # bits of a half, each in a number of its own
        return numbers.astype(np.uint16).view(np.float16)
    return numbers.view(np.int64).astype(DTYPES[record.element_type])


def _varints(buffer: Buffer, start: int, end: int) -> Array:
    """All whole numbers between two bytes: those of a byte below 128 end, and each has up to ten."""
    octets = np.frombuffer(buffer, np.uint8, end - start, start)
    ends = np.flatnonzero(octets < 128)
    if not octets.size:
        return np.zeros(0, np.uint64)
    if not ends.size or ends[-1] != octets.size - 1 or np.diff(ends, prepend=-1).max() > 10:
        raise NoNumbers(f"its numbers break off at byte {end:,} of the file")
    starts = np.concatenate([[0], ends[:-1] + 1])
    places = np.arange(octets.size) - np.repeat(starts, np.diff(ends, prepend=-1))
    parts = (octets & 127).astype(np.uint64) << (7 * places).astype(np.uint64)
    numbers: Array = np.bitwise_or.reduceat(parts, starts)
    return numbers


def _decoded(array: Array, record: TensorRecord, count: int) -> Array:
    if record.element_type == _BFLOAT16 and array.dtype.kind in "ui":
        return (array.astype("<u4") << 16).view("<f4")
    if record.element_type in (_UINT4, _INT4):
        halves = np.stack([array & 15, array >> 4], axis=-1).reshape(-1)[:count]
        return halves if record.element_type == _UINT4 else ((halves.astype(np.int8) ^ 8) - 8)
    native: Any = array if sys.byteorder == "little" else array.astype(array.dtype.newbyteorder("="))
    return native
