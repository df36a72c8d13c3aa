"""The configuration in an HDF5 file, and in what lies beside a SavedModel: files that h5py and Keras have written."""

from __future__ import annotations

import base64
import json
import random
import zlib
from pathlib import Path

import pytest
from conftest import MANY

from convcalc import steps
from convcalc.imports.errors import CannotImport
from convcalc.imports.keras import hdf5, metadata

WRITTEN = json.loads((Path(__file__).parent / "data" / "hdf5.json").read_text("utf-8"))["files"]
DATA = {name: zlib.decompress(base64.b64decode(case["data"])) for name, case in WRITTEN.items()}
SAVED = {name for name in DATA if name.startswith("keras_metadata")}
UNREAD = {"densely": "stored densely", "a number instead": "is not one text", "two texts": "is not one text"}
READ = sorted({name for name in DATA if "model_config" in WRITTEN[name]["names"]} - set(UNREAD))
LONG = {"of more than 64 KiB", "new layout, of more than 64 KiB"}

MUTANTS = max(MANY, 2_000)


@pytest.mark.parametrize("name", READ)
def test_attributes_are_those_that_h5py_wrote(name: str) -> None:
    """Superblocks 0, 2 and 3, both kinds of headers, continued ones, texts inside and in a heap, long and short."""
    texts = hdf5.attributes(DATA[name])
    assert sorted(texts) == WRITTEN[name]["names"]
    assert (texts["keras_version"], texts["backend"]) == ("2.15.0", "tensorflow")
    called = "x" * 70_000 if name in LONG else "né"
    config = hdf5.model_config(DATA[name])
    assert config is not None
    assert json.loads(config) == {"class_name": "Sequential", "config": {"name": called, "layers": []}}


@pytest.mark.parametrize("name", ["of weights alone", "of weights alone, new layout"])
def test_weights_alone(name: str) -> None:
    texts = hdf5.attributes(DATA[name])
    assert sorted(texts) == ["backend", "keras_version", "layer_names"]
    assert hdf5.model_config(DATA[name]) is None
    assert "weights alone, as Keras 2.15.0 saves them" in str(hdf5.without_config(texts))
    assert "no model of Keras" in str(hdf5.without_config({}))


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not_read_is_named(name: str) -> None:
    with pytest.raises(CannotImport, match=UNREAD[name]):
        hdf5.attributes(DATA[name])


# ---- files that are broken, or made to do harm: of the fields that a file needs, and no others ----------------------


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def old(messages: bytes, *, size: int | None = None, root: int = 96) -> bytes:
    """A file with a superblock of version 0 and a header of version 1 that has these messages."""
    superblock = hdf5.SIGNATURE + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + number(4, 2) + number(16, 2) + bytes(4)
    superblock += number(0, 8) + b"\xff" * 8 + number(2**20, 8) + b"\xff" * 8
    superblock += number(0, 8) + number(root, 8) + bytes(24)
    assert len(superblock) == 96
    length = len(messages) if size is None else size
    return superblock + number(1, 2) + number(9, 2) + number(1, 4) + number(length, 4) + bytes(4) + messages


def message(kind: int, data: bytes) -> bytes:
    return number(kind, 2) + number(len(data), 2) + bytes(4) + data


def attribute(name: str, datatype: bytes, dataspace: bytes, data: bytes) -> bytes:
    written = name.encode() + b"\0"
    sizes = b"".join(number(len(part), 2) for part in (written, datatype, dataspace))
    padded = b"".join(part + bytes(-len(part) % 8) for part in (written, datatype, dataspace))
    return message(12, b"\1\0" + sizes + padded + data)


def fixed(size: int) -> bytes:
    return b"\x13\0\0\0" + number(size, 4)


VARIABLE = b"\x19\x01\0\0" + number(16, 4) + fixed(1)
SCALAR = b"\1\0\0\0\0\0\0\0"


def continued(at: int, length: int) -> bytes:
    return message(16, number(at, 8) + number(length, 8))


def test_the_least_that_a_file_needs() -> None:
    data = old(attribute("model_config", fixed(5), SCALAR, b"{}\0\0\0"))
    assert hdf5.attributes(data) == {"model_config": "{}"}


BROKEN = {
    "nothing behind the signature": (hdf5.SIGNATURE, "it ends"),
    "a root beyond the end": (old(b"", root=2**40), "it ends"),
    "no root": (old(b"", root=2**64 - 1), "no root"),
    "a header of 4 GiB": (old(b"", size=2**32 - 1), "a header up to byte"),
    "a message beyond its header": (old(message(12, bytes(8))[:-1]), "an entry that is longer"),
    "a text beyond its message": (
        old(attribute("model_config", fixed(2**31), SCALAR, b"{}")),
        "2,147,483,648 bytes of a text where 2 are left",
    ),
    "a text that is no text": (old(attribute("model_config", fixed(2), SCALAR, b"\xff\xff")), "is not UTF-8"),
    "a heap at an odd place": (
        old(attribute("model_config", VARIABLE, SCALAR, number(5, 4) + number(3, 8) + number(1, 4))),
        "no heap of texts",
    ),
    "a heap that is nowhere": (
        old(attribute("model_config", VARIABLE, SCALAR, number(5, 4) + b"\xff" * 8 + number(1, 4))),
        "no heap of texts",
    ),
    "a header that continues in itself": (old(continued(112, 24)), "continues in itself"),
    "one that continues beyond the end": (old(continued(2**50, 24)), "beyond the end"),
    "an attribute twice": (old(attribute("a", fixed(1), SCALAR, b"x") * 2), "for the second time"),
    "more axes than there are": (old(attribute("a", fixed(1), b"\1\xff" + bytes(6), b"x")), "255 axes"),
    "addresses without bytes": (hdf5.SIGNATURE + bytes(200), "addresses of 0"),
    "a version to come": (hdf5.SIGNATURE + b"\x09" + bytes(200), "a superblock of version 9"),
    "no HDF5": (bytes(5000), "none of their signatures"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files(name: str) -> None:
    data, words = BROKEN[name]
    with steps.run(100_000), pytest.raises(CannotImport, match=words):
        hdf5.attributes(data)


def test_messages_without_end() -> None:
    """A header of any number of empty messages, and headers that go on in places that overlap, take bounded work."""
    with steps.run(100_000), pytest.raises(CannotImport, match="more than 20,000 entries"):
        hdf5.attributes(old(bytes(8) * 50_000))
    many = b"".join(continued(112 + 24 * place, 24_000) for place in range(2_000))
    with (
        steps.run(100_000),
        pytest.raises(CannotImport, match="continues in itself"),
    ):
        hdf5.attributes(old(many + bytes(24_000)))


def test_a_heap_of_many_objects() -> None:
    objects = b"".join(number(2, 2) + bytes(6) + number(0, 8) for _ in range(100_000))
    heap = b"GCOL\1\0\0\0" + number(16 + len(objects), 8) + objects
    value = number(5, 4) + number(0, 8) + number(1, 4)
    data = old(attribute("model_config", VARIABLE, SCALAR, value))
    data = data.replace(value, number(5, 4) + number(len(data), 8) + number(1, 4)) + heap
    with steps.run(200_000), pytest.raises(CannotImport, match="no text 1 in the heap"):
        hdf5.attributes(data)


# ---- beside a SavedModel ---------------------------------------------------------------------------------------------


def test_the_configuration_beside_a_saved_model() -> None:
    """Tuples and sizes are lists, as in Keras' other files."""
    data = DATA["keras_metadata.pb seq"]
    assert metadata.matches(data)
    text = metadata.model_config(data)
    assert text is not None
    stated = json.loads(text)
    assert (stated["class_name"], stated["keras_version"], stated["backend"]) == ("Sequential", "2.21.0", "tensorflow")
    entering, convolution, *_ = stated["config"]["layers"]
    assert entering["config"]["batch_input_shape"] == [None, 28, 28, 1]
    assert convolution["config"]["kernel_size"] == [3, 3]
    assert "__tuple__" not in text


def test_a_model_of_a_class_of_its_own_is_named() -> None:
    data = DATA["keras_metadata.pb sub"]
    assert metadata.matches(data)
    with pytest.raises(CannotImport, match="the model is of the class M, whose layers"):
        metadata.model_config(data)


def entry(path: str, kind: str, text: str) -> bytes:
    parts = b"".join(
        bytes([tag]) + varint(len(part)) + part
        for tag, part in ((0x1A, path.encode()), (0x22, kind.encode()), (0x2A, text.encode()))
    )
    return b"\x0a" + varint(len(parts)) + parts


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (entry("root", "_tf_keras_network", "{")[:-1], "not a whole keras_metadata.pb"),
        (entry("root", "_tf_keras_network", "{"), "is not JSON"),
        (entry("root", "_tf_keras_network", "[" * 100_000), "is not JSON"),
        (entry("root", "_tf_keras_network", " " * 9_000_000), "at most 8,388,608 are read"),
        (b"\x08\x01", "an object was expected"),
    ],
)
def test_broken_metadata(data: bytes, words: str) -> None:
    with pytest.raises(CannotImport, match=words):
        metadata.model_config(data)


def test_metadata_without_a_model() -> None:
    assert metadata.model_config(b"") is None
    assert metadata.model_config(entry("root.layer", "_tf_keras_layer", "{}")) is None
    assert metadata.model_config(entry("root", "_generic_user_object", "{}")) is None
    assert metadata.model_config(entry("root", "_tf_keras_network", "[]")) is None
    assert not metadata.matches(DATA["of weights alone"])


# ---- and anything ----------------------------------------------------------------------------------------------------


def test_mutants_are_read_or_refused() -> None:
    """Bytes flipped, places and lengths replaced, parts left out or doubled: an answer in bounded work."""
    generator = random.Random(15)
    names = sorted(set(DATA) - LONG)
    for _ in range(MUTANTS):
        name = generator.choice(names)
        data = mutated(DATA[name], generator)
        with steps.run(200_000):
            try:
                if name in SAVED:
                    metadata.model_config(data)
                else:
                    hdf5.attributes(data)
            except CannotImport:
                pass


def mutated(data: bytes, generator: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(generator.randint(1, 5)):
        at = generator.randrange(min(len(changed), generator.choice((200, 1500, 10**6))))
        kind = generator.random()
        if kind < 0.5:
            changed[at] = generator.choice((0, 1, 255, generator.randrange(256)))
        elif kind < 0.8:
            place = generator.choice((0, at, 96, len(changed) - 8, 2**32, 2**63, 2**64 - 1))
            changed[at : at + 8] = number(place, 8)
        elif kind < 0.9:
            del changed[generator.randrange(8, len(changed)) :]
        else:
            changed[at:at] = changed[at : at + generator.randrange(200)]
    return bytes(changed)
