"""Damaged files of every format that is read: what is changed in one ends in a record or in an error that says why.

Files are those under `data/formats` and small ones of `data/onnx`, whichever a reader knows; readers are all there are.
CONVCALC_EXAMPLES=100000 tries so many, CONVCALC_SEED others.
"""

from __future__ import annotations

import gzip
import io
import os
import random
import re
import time
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from conftest import MANY

from convcalc import imports, steps
from convcalc.imports.errors import LONGEST_MESSAGE, CannotImport
from convcalc.language import SpecError
from convcalc.readable.text import flat_source

DATA = Path(__file__).parent / "data"
MUTANTS = MANY or 2_000
SEED = int(os.environ.get("CONVCALC_SEED", "15"))

LARGEST = 60_000
"""Bytes of a file: what is larger takes longer than it is worth."""
USUAL = 6_000
"""Bytes of the files of most formats; where those of one are larger by so much, it has fewer mutants by so much."""
LONGEST = 5.0
"""Seconds of the processor that any file may take; nearly all take a thousandth of that."""
MOST_STEPS = 300_000
"""Steps that each may take, a tenth of what a run may."""
ODD_NUMBERS = (0, 1, -1, 2, 3, 7, 255, 256, 65_536, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1, 10**30)

READERS = {name: reader for reader in imports.readers() for name in [reader.FORMAT.partition(" ")[2]]}
Change = Callable[[bytearray, random.Random], None]


@cache
def samples(reader: str) -> list[tuple[str, bytes]]:
    """The files that a reader knows, unpacked, by name; none of them is empty."""
    paths = sorted([*(DATA / "formats").rglob("*"), *(DATA / "onnx").glob("*.onnx.gz")])
    files = []
    for path in paths:
        if not path.is_file() or path.stat().st_size > LARGEST:
            continue
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        name = path.name.removesuffix(".gz")
        if 0 < len(data) <= LARGEST and imports.reader_of(data, name) is READERS[reader]:
            files.append((name, data))
    return files


def flipped(data: bytearray, generator: random.Random) -> None:
    for _ in range(generator.randint(1, 8)):
        data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)


def truncated(data: bytearray, generator: random.Random) -> None:
    del data[generator.randrange(len(data)) :]


def doubled(data: bytearray, generator: random.Random) -> None:
    start, at = generator.randrange(len(data)), generator.randrange(len(data))
    data[at:at] = data[start : start + generator.choice((1, 4, 16, 100, 1_000))]


def left_out(data: bytearray, generator: random.Random) -> None:
    start = generator.randrange(len(data))
    del data[start : start + generator.choice((1, 4, 16, 100, 1_000))]


def renumbered(data: bytearray, generator: random.Random) -> None:
    """A number of a text becomes another, or an odd one; of what is no text, four bytes do."""
    if b"\0" in data[:1_000]:
        at = generator.randrange(len(data))
        data[at : at + 4] = (generator.choice(ODD_NUMBERS) % 2**32).to_bytes(4, "little")
        return
    places = [place.span() for place in re.finditer(rb"-?\d+(\.\d+)?", data)]
    if not places:
        return
    start, end = generator.choice(places)
    other = slice(*generator.choice(places))
    data[start:end] = data[other] if generator.random() < 0.5 else str(generator.choice(ODD_NUMBERS)).encode()


def reordered(data: bytearray, generator: random.Random) -> None:
    """Two lines of a text change places, or two stretches of what is none."""
    lines = bytes(data).splitlines(keepends=True)
    if len(lines) < 4:
        lines = [bytes(data[at : at + 64]) for at in range(0, len(data), 64)]
    here, there = generator.randrange(len(lines)), generator.randrange(len(lines))
    lines[here], lines[there] = lines[there], lines[here]
    data[:] = b"".join(lines)


CHANGES: tuple[Change, ...] = (flipped, truncated, doubled, left_out, renumbered, renumbered, reordered)


def mutant(data: bytes, generator: random.Random) -> bytes:
    """A file with one to three changes; in an archive, half of the time, one of its files has them."""
    if data[:4] == b"PK\3\4" and generator.random() < 0.5:
        return _with_changed_member(data, generator)
    changed = bytearray(data)
    for _ in range(generator.randint(1, 3)):
        if changed:
            generator.choice(CHANGES)(changed, generator)
    return bytes(changed)


def _with_changed_member(data: bytes, generator: random.Random) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(written, "w") as target:
        names = source.namelist()
        victim = generator.choice(names)
        for name in names:
            content = source.read(name)
            target.writestr(name, mutant(content, generator) if name == victim else content)
    return written.getvalue()


def outcome(data: bytes, name: str) -> str:
    """How reading ends; another exception than the two is the test's failure."""
    with steps.run(MOST_STEPS):
        try:
            flat_source(imports.read_bytes(data, name, name), name)
        except (CannotImport, SpecError) as error:
            message = str(error)
        else:
            message = ""
    assert len(message) <= 2 * LONGEST_MESSAGE
    return "refused" if message else "read"


@pytest.mark.parametrize("reader", READERS)
def test_mutants_become_a_record_or_an_error(reader: str) -> None:
    files = samples(reader)
    if not files:
        pytest.skip("no file of the format is carried")
    generator = random.Random(SEED + zlib.crc32(reader.encode()))
    weights = [1 / len(data) for _, data in files]
    ends = {"read": 0, "refused": 0}
    smallest = min(len(data) for _, data in files)
    for number in range(max(1, MUTANTS // len(READERS) * USUAL // (USUAL if MANY else max(USUAL, smallest)))):
        [(name, data)] = generator.choices(files, weights)
        damaged = mutant(data, generator)
        before = time.process_time()
        try:
            ends[outcome(damaged, name)] += 1
        except Exception as error:
            error.add_note(f"mutant {number} of {name}, with seed {SEED}")
            raise
        assert time.process_time() - before < LONGEST, f"mutant {number} of {name}, with seed {SEED}"
    assert ends["refused"], "no change mattered"


def test_most_files_end_early() -> None:
    """Every beginning of a small file of each format."""
    for reader in READERS:
        for name, data in sorted(samples(reader), key=lambda file: len(file[1]))[:1]:
            for end in range(0, len(data), 1 + len(data) // 50):
                outcome(data[:end], name)
