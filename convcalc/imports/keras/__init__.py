"""Keras models, read as they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports import Buffer, ReadOptions
    from convcalc.imports.record import Imported

FORMAT = "a Keras model"


def matches(buffer: Buffer, name: str) -> bool:
    """Whether a file is one: HDF5 as Keras writes it."""
    return buffer[:8] == b"\x89HDF\r\n\x1a\n"


def read(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of a model; see `convcalc.imports.Reader`."""
    from convcalc.imports.keras import hdf5

    raise hdf5.without_config(hdf5.attributes(buffer))
