"""What pnnx writes on its way from PyTorch to ncnn: PyTorch's operators and modules, in lines as ncnn has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports import Buffer, ReadOptions
    from convcalc.imports.record import Imported

FORMAT = "a pnnx param file"

_BEGINNING = rb"\s*7767517\s+-?\d+\s+-?\d+\s+pnnx\."


def matches(buffer: Buffer, name: str) -> bool:
    """Whether a file begins as all of these do; empty, whether it is called so."""
    head = buffer[:200]
    return re.match(_BEGINNING, head) is not None if head else name.endswith(".pnnx.param")


def read(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of a network; see `convcalc.imports.Reader`."""
    from convcalc.imports.pnnx.reading import of_bytes

    return of_bytes(buffer, source, options)
