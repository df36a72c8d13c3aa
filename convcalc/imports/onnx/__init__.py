"""ONNX, read as it lies: no package is needed, and weights are never read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports import Buffer, ReadOptions
    from convcalc.imports.record import Imported

FORMAT = "an ONNX model"


def matches(buffer: Buffer, name: str) -> bool:
    """Whether a file is one: it begins with the version of the format, which is not 0, or is called so."""
    return (buffer[:1] == b"\x08" and buffer[1:3] != b"\0\0") or name.endswith(".onnx")


def read(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of a model; see `convcalc.imports.Reader`."""
    from convcalc.imports.onnx.walk import of_bytes

    return of_bytes(buffer, source, options.sizes, values=options.values, strict=options.strict)
