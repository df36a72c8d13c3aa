"""Networks that PyTorch exported (`torch.export.save`): a ZIP archive with the graph in JSON, read without PyTorch.

The archive's pickles, samples and weights are never opened.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports import Buffer, ReadOptions
    from convcalc.imports.record import Imported

FORMAT = "a PyTorch export (.pt2)"

_GRAPH = rb"/models/[^/]{1,200}\.json|serialized_exported_program\.json"
"""The name of the file in the archive that has the graph: that of today, or that of PyTorch 2.1 to 2.7."""

_TAIL = 2**20
"""Bytes at the end of an archive in which the names of its files stand."""


def matches(buffer: Buffer, name: str) -> bool:
    """Whether a file is an archive that has a graph in it; empty, whether it is called so."""
    if not buffer[:1]:
        return name.endswith(".pt2")
    return buffer[:4] == b"PK\x03\x04" and re.search(_GRAPH, buffer[max(len(buffer) - _TAIL, 0) :]) is not None


def read(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of a network; see `convcalc.imports.Reader`."""
    from convcalc.imports.torch_export.reading import of_bytes

    return of_bytes(buffer, source, options)
