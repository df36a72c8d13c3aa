"""Keras: the config of a model, from whichever file holds it; weights are never read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports import Buffer, ReadOptions
    from convcalc.imports.record import Imported

FORMAT = "a Keras model"

_NAMES = (".keras", ".h5", ".hdf5")
"""What such files are called."""

_HEAD, _TAIL = 4096, 65_536
"""Bytes at the beginning and at the end by which a file is known; a ZIP archive has its list of files at the end."""

_JSON = rb"""(?xs) "? \{
      (?= .* \\?"(class_name | modelTopology)\\?"\s*: | .* "format"\s*:\s*"(graph|layers)-model" )
    | \[\s*\{\s*"(weights"\s*:\s*\[\s*\{\s*"(name|shape|dtype)" | paths"\s*:)"""
_TEXT = b'{["'
"""How JSON of Keras goes on behind its first blanks, and how it begins: compiling the pattern takes milliseconds, which
other files are spared."""

_LISTED = rb"(?s)PK\x01\x02.{42}config\.json"
_FIRST = rb"(?s)PK\x03\x04.{26}(metadata|config)\.json"
_HDF5, _PLACES = b"\x89HDF\r\n\x1a\n", (0, 512, 1024, 2048)
"""How HDF5 begins, and where: programs may have put something of theirs before it."""

_ROOT = b"\x1a\x04root\x22"
"""What is near the beginning of a `keras_metadata.pb`: the first object's place."""


def matches(buffer: Buffer, name: str) -> bool:
    """Whether a file holds the config of a model: HDF5, an archive of Keras, metadata of a SavedModel, JSON."""
    head = buffer[:_HEAD]
    if not head:
        return name.lower().endswith(_NAMES)
    if head.startswith(b"PK\x03\x04"):
        return bool(re.match(_FIRST, head) or re.search(_LISTED, buffer[max(len(buffer) - _TAIL, 0) :]))
    if head[:1] == b"\n" and _ROOT in head[:64]:
        return True
    if any(head.startswith(_HDF5, at) for at in _PLACES):
        return True
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text[:1] in _TEXT and re.match(_JSON, text) is not None


def read(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of a model; see `convcalc.imports.Reader`."""
    from convcalc.imports.keras.containers import config_of
    from convcalc.imports.keras.walk import of_config

    config, container = config_of(buffer, source)
    return of_config(config, container, source, options)
