"""What can be read once alone: standard input, pipes, what a shell puts in place of a process.

It is read to its end at once, into a file of no name that lasts as long as somebody holds it, so that what looks at it
again, as a second reader or another runtime, finds it as it finds a file.
"""

from __future__ import annotations

from mmap import ACCESS_READ, mmap
from typing import IO

from convcalc.imports import Buffer, reader_of
from convcalc.imports.errors import CannotImport
from convcalc.language.source import STDIN

MOST_TEXT = 16 * 2**20
"""Bytes behind which what no reader knows by its beginning is not read on: no spec is larger."""

MOST_BYTES = 2 * 2**30
"""Bytes of a model that are read: as many as the largest that comes as one file without others beside it."""

_AT_A_TIME = 2**20
_ARCHIVE = b"PK\x03\x04"  # which a reader knows by its end


def read(path: str) -> Buffer:
    """All that comes; of what cannot be a model as much as tells that it is too large for a spec.

    Raises:
        OSError: it cannot be opened or read, or there is no room for it.
        CannotImport: it is larger than any model that comes as one.
    """
    if path == STDIN:
        import sys

        return _read(sys.stdin.buffer, path)
    with open(path, "rb") as file:
        return _read(file, path)


def _read(file: IO[bytes], name: str) -> Buffer:
    first = b""
    while len(first) <= MOST_TEXT and (more := file.read(_AT_A_TIME)):
        first += more
    if len(first) <= MOST_TEXT or not (first.startswith(_ARCHIVE) or reader_of(first, name)):
        return first
    from tempfile import TemporaryFile

    with TemporaryFile() as kept:
        size = kept.write(first)
        while size <= MOST_BYTES and (more := file.read(_AT_A_TIME)):
            size += kept.write(more)
        if size > MOST_BYTES:
            raise CannotImport(f"is larger than {MOST_BYTES // 2**30} GiB, the most that is read of what is no file")
        kept.flush()
        return mmap(kept.fileno(), 0, access=ACCESS_READ)
