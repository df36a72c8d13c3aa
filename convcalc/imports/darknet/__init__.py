"""Darknet's .cfg, of both families: the sections of pjreddie's program and those that AlexeyAB's added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcalc.imports import HEAD

if TYPE_CHECKING:
    from convcalc.imports import Buffer, ReadOptions
    from convcalc.imports.record import Imported

FORMAT = "a Darknet .cfg"

_FIRST = (b"[net]", b"[network]")
"""What the first section of a network is called."""


def matches(buffer: Buffer, name: str) -> bool:
    """Whether the first line that is no comment opens the section of a network; an empty file may be called one."""
    if not len(buffer):
        return name.endswith(".cfg")
    for line in buffer[:HEAD].removeprefix(b"\xef\xbb\xbf").splitlines():
        text = b"".join(line.split())
        if text and text[:1] not in b"#;":
            return text.startswith(_FIRST)
    return False


def read(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of a network; see `convcalc.imports.Reader`."""
    from convcalc.imports.darknet.walk import of_bytes

    return of_bytes(buffer, source, options)
