"""ONNX, read as it lies: no package is needed, and weights are never read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports import Buffer, ReadOptions
    from convcalc.imports.record import Imported

FORMAT = "an ONNX model"


_HEAD = re.compile(
    rb"\x08[\1-\x7f]([\x1a\x22\x28\x32\x3a\x42\x72\xa2\xca]|\x12(\0|[\x80-\xff]?[\1-\x7f][^\0-\x1f])|\Z)"
)
"""The version of the format, then another field of a model: a text where what else begins alike has a message."""


def matches(buffer: Buffer, name: str) -> bool:
    """Whether a file is one, by how it begins, or by what it is called."""
    return _HEAD.match(buffer[:16]) is not None or name.endswith(".onnx")


def read(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of a model; see `convcalc.imports.Reader`."""
    from convcalc.imports.onnx.walk import of_bytes

    return of_bytes(buffer, source, options.sizes, values=options.values, strict=options.strict)
