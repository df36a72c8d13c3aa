"""Caffe, read from the text that describes a network: no weights and no package are needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports import Buffer, ReadOptions
    from convcalc.imports.record import Imported

FORMAT = "a Caffe prototxt"

_LOOKED_AT = 1 << 16
"""Bytes in which the first layer, or the input, of a file stands: what is before it is a licence."""

_BEGINNING = rb"\A(?:\xef\xbb\xbf)?(?:\s|#[^\n]*\n)*"
_NET = rb"(?:name|input|input_dim|input_shape|force_backward|debug_info|state|layers?)\s*[:{]"
_LAYER = rb"(?:^|\s)(?:layers?\s*\{|layer\s*:\s*\{|input_dim\s*:\s*[\d\[]|input_shape\s*:?\s*[{<])"
_SOLVER = rb"^(?:lr_policy|solver_mode|solver_type|snapshot_prefix)\s*:"


def matches(buffer: Buffer, name: str) -> bool:
    """Whether a file is one: it has layers as Caffe writes them, or how one is trained, or is called so."""
    head = bytes(buffer[:_LOOKED_AT])
    if not head[:1].isalpha() and not head[:1].isspace() and head[:1] not in b"#_\xef":  # it begins as no text does
        return name.endswith(".prototxt")
    if re.match(_BEGINNING + _NET, head) and re.search(_LAYER, head, re.MULTILINE):
        return True
    if re.match(_BEGINNING + rb"\w+\s*[:{]", head) and re.search(_SOLVER, head, re.MULTILINE):
        return True
    return name.endswith(".prototxt")


def read(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of a network; see `convcalc.imports.Reader`."""
    from convcalc.imports.caffe.walk import of_bytes

    return of_bytes(buffer, source, options)
