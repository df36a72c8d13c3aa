"""The attributes of the root of an HDF5 file, where Keras keeps the configuration of a model as text.

Read as they lie, without a library: superblocks of versions 0 to 3, object headers of versions 1 and 2 with what they
continue in, texts of a fixed length and those in a global heap. Weights are not looked at. Every place that a file
names is checked against what there is (docs.hdfgroup.org, "HDF5 File Format Specification Version 3.0").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from convcalc import steps
from convcalc.imports import Buffer
from convcalc.imports.errors import CannotImport, plain

SIGNATURE = b"\x89HDF\r\n\x1a\n"

CONFIG = "model_config"
"""The attribute in which the layers are."""

_VERSIONS = {"keras_version", "backend"}
"""Other attributes that are read; of the rest the name is known."""

_MOST_MESSAGES = 20_000
"""Entries of a header that are looked at: files have some ten."""

_LONGEST_TEXT = 2**23
"""Bytes of an attribute that is read: the longest configurations have one million."""

_CONTINUED, _ATTRIBUTE, _ATTRIBUTE_INFO = 0x10, 0x0C, 0x15
"""Kinds of messages in a header of an object."""

_SHARED_MESSAGE = 2
"""The flag of a message that lies elsewhere."""

_FIXED_TEXT, _VARIABLE = 3, 9
"""Classes of types of data."""

_SCALAR_RANK_LIMIT = 32
"""Axes that the library allows."""


def attributes(buffer: Buffer) -> dict[str, str]:
    """The attributes of the root by name; of those that are of no use here the text is empty.

    Raises:
        CannotImport: the file is broken, or holds them in a form that is not read.
    """
    file, root = _opened(buffer)
    texts: dict[str, str] = {}
    for start, end in file.attribute_messages(root):
        name, value = file.attribute(start, end)
        if name in texts:
            raise broken(start, f"the attribute {plain(name)} for the second time")
        is_read = name == CONFIG or (name in _VERSIONS and value.is_text)
        texts[name] = value.text(file) if is_read else ""
    return texts


def model_config(buffer: Buffer) -> str | None:
    """The configuration of the model, which is JSON; None where there is none, as in a file of weights alone.

    Raises:
        CannotImport: as for `attributes`.
    """
    return attributes(buffer).get(CONFIG)


def without_config(texts: Mapping[str, str]) -> CannotImport:
    """The error for a file that has these attributes and no configuration."""
    keras = f"Keras {plain(texts['keras_version'])}" if texts.get("keras_version") else "Keras"
    is_weights = any(name.startswith("layer_names") for name in texts)
    what = f"weights alone, as {keras} saves them" if is_weights else "no model of Keras, or weights alone"
    return CannotImport(
        f"an HDF5 file with {what}: it has no {CONFIG}, and so no layers; save the whole model (model.save), or what "
        "model.to_json() gives, in the program that builds it"
    )


def broken(at: int, what: str) -> CannotImport:
    """The error for a file that does not hold what it says."""
    return CannotImport(f"not a whole HDF5 file: {what} at byte {at:,}; fetch or save it again")


class _Attribute(NamedTuple):
    """What an attribute holds: the class of its type, the bytes of an item, how many, where, and its name."""

    name: str
    kind: int
    size: int
    items: int
    place: tuple[int, int]

    @property
    def is_text(self) -> bool:
        return self.items == 1 and self.kind in (_FIXED_TEXT, _VARIABLE)

    def text(self, file: _Hdf5) -> str:
        if not self.is_text:
            raise CannotImport(f"HDF5: the attribute {plain(self.name)} is not one text; save the whole model again")
        at, end = self.place
        if self.kind == _FIXED_TEXT:
            return _decoded(self.name, file.bytes(at, self.size, end), at)
        length = file.number(at, 4, end)
        heap, index = file.address(at + 4, end), file.number(at + 4 + file.offset_size, 4, end)
        data_at, data_end = file.heap_object(heap, index)
        return _decoded(self.name, file.bytes(data_at, length, data_end), data_at)


class _Hdf5(NamedTuple):
    """The bytes of a file, how many of them an address and a length have, and the place that addresses begin at."""

    buffer: Buffer
    offset_size: int
    length_size: int
    base: int

    def number(self, at: int, size: int, end: int) -> int:
        if not 0 <= at <= end - size:
            raise broken(at, "it ends")
        return int.from_bytes(self.buffer[at : at + size], "little")

    def length(self, at: int, end: int) -> int:
        return self.number(at, self.length_size, end)

    def address(self, at: int, end: int) -> int:
        """The place in the file; -1 where there is none."""
        address = self.number(at, self.offset_size, end)
        return -1 if address == 2 ** (8 * self.offset_size) - 1 else self.base + address

    def bytes(self, at: int, size: int, end: int) -> bytes:
        if size > end - at:
            raise broken(at, f"{size:,} bytes of a text where {max(end - at, 0):,} are left")
        if size > _LONGEST_TEXT:
            raise CannotImport(f"HDF5: a text of {size:,} bytes at byte {at:,}; at most {_LONGEST_TEXT:,} are read")
        steps.spend(1 + size // 1000)
        return self.buffer[at : at + size]

    def attribute_messages(self, root: int) -> Iterator[tuple[int, int]]:
        """Where the attributes of an object lie."""
        for count, (kind, flags, start, end) in enumerate(_messages(self, root)):
            steps.spend(2)
            if count == _MOST_MESSAGES:
                raise broken(start, f"more than {_MOST_MESSAGES:,} entries of a header")
            if kind == _ATTRIBUTE_INFO:
                heap = start + (4 if self.number(start + 1, 1, end) & 1 else 2)
                if self.address(heap, end) >= 0:
                    raise CannotImport(
                        "HDF5: the attributes of the root are stored densely (there are many, or one is long), which "
                        "is not read; save the model with h5py's own settings (libver='earliest')"
                    )
            elif kind == _ATTRIBUTE and flags & _SHARED_MESSAGE:
                raise CannotImport("HDF5: an attribute of the root is shared, which is not read; save the model again")
            elif kind == _ATTRIBUTE:
                yield start, end

    def attribute(self, start: int, end: int) -> tuple[str, _Attribute]:
        """The name of an attribute and what it holds."""
        version = self.number(start, 1, end)
        if not 1 <= version <= 3:
            raise broken(start, f"an attribute of version {version}")
        step = 8 if version == 1 else 1
        flags = self.number(start + 1, 1, end) if version > 1 else 0
        sizes = [self.number(start + 2 + 2 * index, 2, end) for index in range(3)]
        ends = [start + (9 if version == 3 else 8)]
        for size in sizes:
            ends.append(ends[-1] + (size + step - 1) // step * step)
        name_at, type_at, space_at, data_at = ends
        if data_at > end:
            raise broken(start, "an attribute that is longer than its entry")
        name = self.buffer[name_at : name_at + sizes[0]].split(b"\0")[0].decode(errors="backslashreplace")
        if flags & 3:
            return name, _Attribute(name, -1, 0, 1, (data_at, end))
        kind = self.number(type_at, 1, space_at) & 15
        size = self.number(type_at + 4, 4, space_at)
        if kind == _VARIABLE and self.number(type_at + 1, 1, space_at) & 15 != 1:
            kind = -1
        return name, _Attribute(name, kind, size, self._count(space_at, data_at), (data_at, end))

    def _count(self, at: int, end: int) -> int:
        """How many items an attribute has, by the sizes of its axes."""
        version, rank = self.number(at, 1, end), self.number(at + 1, 1, end)
        if version not in (1, 2) or rank > _SCALAR_RANK_LIMIT:
            raise broken(at, f"{rank} axes, by version {version}")
        if version == 2 and self.number(at + 3, 1, end) == 2:
            return 0
        count = 1
        for axis in range(rank):
            count *= self.length(at + (8 if version == 1 else 4) + axis * self.length_size, end)
        return count

    def heap_object(self, heap: int, wanted: int) -> tuple[int, int]:
        """Where an object of a global heap lies."""
        end = len(self.buffer)
        if heap < 0 or self.buffer[heap : heap + 4] != b"GCOL":
            raise broken(heap, "no heap of texts")
        end = min(end, heap + self.length(heap + 8, end))
        at = heap + 8 + self.length_size
        for _ in range(2**16):
            steps.spend(2)
            index, size = self.number(at, 2, end), self.length(at + 8, end)
            start = at + 8 + self.length_size
            if index == wanted and index:
                return start, min(start + size, end)
            if not index:
                break
            at = start + (size + 7) // 8 * 8
        raise broken(heap, f"no text {wanted} in the heap")


def _opened(buffer: Buffer) -> tuple[_Hdf5, int]:
    """The file, and where the header of its root is; what lies before it has 512 bytes, or twice as many, and so on."""
    at, end = 0, len(buffer)
    while buffer[at : at + 8] != SIGNATURE:
        at = at * 2 or 512
        if at >= end:
            raise CannotImport("not an HDF5 file: it has none of their signatures")
    plain_file = _Hdf5(buffer, 8, 8, 0)
    version = plain_file.number(at + 8, 1, end)
    if version > 3:
        raise CannotImport(f"HDF5: a superblock of version {version}; 0 to 3 are read")
    sizes = at + (13 if version < 2 else 9)
    offset_size, length_size = plain_file.number(sizes, 1, end), plain_file.number(sizes + 1, 1, end)
    if offset_size not in (2, 4, 8) or length_size not in (2, 4, 8):
        raise broken(sizes, f"addresses of {offset_size} and lengths of {length_size} bytes")
    addresses = at + (24 if version == 0 else 28 if version == 1 else 12)
    file = _Hdf5(buffer, offset_size, length_size, plain_file.number(addresses, offset_size, end))
    root = addresses + (5 if version < 2 else 3) * offset_size
    return file, file.address(root, end)


def _messages(file: _Hdf5, root: int) -> Iterator[tuple[int, int, int, int]]:
    """The entries of the header of an object, and of what it continues in: kind, flags, first byte, first behind it."""
    end = len(file.buffer)
    if root < 0:
        raise broken(0, "no root")
    is_new = file.buffer[root : root + 4] == b"OHDR"
    if not is_new and file.number(root, 1, end) != 1:
        raise broken(root, "no header of the root")
    places = [_first_of_new(file, root) if is_new else (root + 16, root + 16 + file.number(root + 8, 4, end))]
    head = 4 if is_new else 8
    if is_new and file.number(root + 5, 1, end) & 4:
        head += 2
    seen = set(places)
    while places:
        at, last = places.pop()
        if last > end:
            raise broken(at, f"a header up to byte {last:,} where the file has {end:,}")
        while at + head <= last:
            kind = file.number(at, 1 if is_new else 2, last)
            size = file.number(at + (1 if is_new else 2), 2, last)
            flags = file.number(at + (3 if is_new else 4), 1, last)
            start, at = at + head, at + head + size
            if at > last:
                raise broken(start, "an entry that is longer than its header")
            yield kind, flags, start, at
            if kind == _CONTINUED:
                following = _continued(file, start, at, is_new)
                if following in seen:
                    raise broken(start, "a header that continues in itself")
                seen.add(following)
                places.append(following)


def _first_of_new(file: _Hdf5, root: int) -> tuple[int, int]:
    """The place of the entries of a header of version 2."""
    end = len(file.buffer)
    version, flags = file.number(root + 4, 1, end), file.number(root + 5, 1, end)
    if version != 2:
        raise broken(root, f"a header of version {version}")
    at = root + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    return at + width, at + width + file.number(at, width, end)


def _continued(file: _Hdf5, start: int, end: int, is_new: bool) -> tuple[int, int]:
    """The place that an entry says the header goes on at."""
    address = file.address(start, end)
    last = address + file.length(start + file.offset_size, end)
    if address < 0 or last > len(file.buffer):
        raise broken(start, "a header that goes on beyond the end of the file")
    if is_new and file.buffer[address : address + 4] != b"OCHK":
        raise broken(address, "no part of a header")
    return (address + 4, last - 4) if is_new else (address, last)


def _decoded(name: str, data: bytes, at: int) -> str:
    try:
        return data.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        raise broken(at, f"the attribute {plain(name)} is not UTF-8") from None
