"""Intermediate representations of OpenVINO: the graph in XML. The weights beside it, a `.bin`, are never read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports import Buffer, ReadOptions
    from convcalc.imports.record import Imported

FORMAT = "an OpenVINO IR (.xml)"

_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!|net\s)")
_NET = re.compile(rb"<net\s[^>]*?\bversion\s*=")


def matches(buffer: Buffer, name: str) -> bool:
    """Whether a file is XML whose first element is a network with a version; empty, whether it is called so."""
    head = buffer[:4096]
    if not head:
        return name.endswith(".xml")
    return _START.match(head) is not None and _NET.search(head) is not None


def read(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of a network; see `convcalc.imports.Reader`."""
    from convcalc.imports.openvino.walk import of_bytes

    return of_bytes(buffer, source, options)
