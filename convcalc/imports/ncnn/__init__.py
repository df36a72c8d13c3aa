"""Networks of ncnn, read from their text alone: what layers there are, numbers for what each does, no weights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports import Buffer, ReadOptions
    from convcalc.imports.record import Imported

FORMAT = "an ncnn param file"

_MAGIC = rb"\s*7767517\s"
_OF_TORCH = rb"\s*7767517\s+-?\d+\s+-?\d+\s+pnnx\."
"""How the files begin that pnnx writes on its way: the same numbers in front, and operators of PyTorch behind."""


def matches(buffer: Buffer, name: str) -> bool:
    """Whether a file begins with the number that all of these have in front; empty, whether it is called so."""
    head = buffer[:200]
    if not head:
        return name.endswith(".param") and not name.endswith(".pnnx.param")
    return re.match(_MAGIC, head) is not None and re.match(_OF_TORCH, head) is None


def read(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of a network; see `convcalc.imports.Reader`."""
    from convcalc.imports.ncnn.walk import of_bytes

    return of_bytes(buffer, source, options)
