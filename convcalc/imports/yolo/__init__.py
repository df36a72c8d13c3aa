"""YOLO models as the YAML that ultralytics, yolov5 and those after them build a network from.

Such a file lists modules, a row each: what enters, how often, the module's name, its arguments. What the modules are
made of is in the program, and here in `modules`, written from what they are documented to do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports import Buffer, ReadOptions
    from convcalc.imports.record import Imported

FORMAT = "a YOLO model in YAML"
CHOICES = ("scale", "blocks")

_KEYS = rb"""(?m)^(?:\{[ \t]*)?["']?(backbone|head)["']?[ \t]*:"""
_LAYERS = rb"(?m)^layers[ \t]*:"
_LOOKED_AT = 2**20
"""Bytes among which the keys are looked for; real files have some thousand."""


def matches(buffer: Buffer, name: str) -> bool:
    """Whether a text has `backbone` and `head` at its top level, and is no spec."""
    text = buffer[:_LOOKED_AT]
    if b"\0" in text[:512] or b"backbone" not in text:
        return False
    keys = {match[1] for match in re.finditer(_KEYS, text)}
    return keys == {b"backbone", b"head"} and not re.search(_LAYERS, text)


def read(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of a model; see `convcalc.imports.Reader`."""
    from convcalc.imports.yolo.building import of_bytes

    return of_bytes(buffer, source, options)


def meant_by(path: str) -> str:
    """The file that describes the network of a name with a scale in it: `yolov8.yaml` for `yolov8n.yaml`."""
    from convcalc.imports.yolo.scales import without_scale

    return without_scale(path)
