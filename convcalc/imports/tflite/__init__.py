"""TensorFlow Lite models, read as they lie: no package is needed, and weights are never read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports import Buffer, ReadOptions
    from convcalc.imports.record import Imported

FORMAT = "a TensorFlow Lite model"

MARK = b"TFL3"
"""What stands behind the first four bytes."""


def matches(buffer: Buffer, name: str) -> bool:
    """Whether a file is one: it has the mark of the format, or is empty and called so."""
    return buffer[4:8] == MARK or (len(buffer) == 0 and name.endswith(".tflite"))


def read(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of a model; see `convcalc.imports.Reader`."""
    from convcalc.imports.tflite.walk import of_bytes

    return of_bytes(buffer, source, options)
