"""ZIP archives: names and single files as Python's own `zipfile` has them, and what is damaged."""

from __future__ import annotations

import io
import random
import zipfile

import pytest

from convcalc import steps
from convcalc.imports import archives
from convcalc.imports.errors import CannotImport

FILES = {"net/a.json": b"{}" * 500, "net/data/0": b"", "ä/b": bytes(range(256)), "net/a": b"a"}


def archived(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.comment = comment
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("before", [b"", b"#!/bin/sh\n"])
def test_names_and_files_are_those_that_were_written(method: int, before: bytes) -> None:
    data = before + archived(FILES, method, b"a comment")
    assert list(archives.names(data)) == list(FILES)
    for name, content in FILES.items():
        assert archives.member(data, name, 1000) == content
    assert archives.member(data, "net", 1000) is None


def test_more_files_than_16_bits_count() -> None:
    data = archived({f"{place}": b"" for place in range(70_000)}, zipfile.ZIP_STORED)
    assert sum(1 for _ in archives.names(data)) == 70_000
    assert archives.member(data, "69999", 10) == b""


def test_files_that_are_too_large_are_not_unpacked() -> None:
    data = archived({"large": bytes(2_000_000)})
    with pytest.raises(CannotImport, match="2,000,000 bytes, where at most 1,000"):
        archives.member(data, "large", 1000)


def test_of_a_file_that_understates_its_size_no_more_is_unpacked() -> None:
    data = bytearray(archived({"large": bytes(2_000_000)}))
    place = data.rfind(b"PK\x01\x02")
    data[place + 24 : place + 28] = (100).to_bytes(4, "little")
    assert len(archives.member(bytes(data), "large", 1000) or b"") <= 1000


def test_whatever_is_in_an_archive_it_is_read_or_refused() -> None:
    draw = random.Random(7)
    for _ in range(500):
        data = bytearray(archived(FILES))
        for _ in range(draw.randint(1, 5)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        cut = bytes(data[: draw.randrange(len(data))] if draw.random() < 0.2 else data)
        try:
            with steps.run():
                for name in list(archives.names(cut)):
                    archives.member(cut, name, 10_000)
        except CannotImport:
            pass
