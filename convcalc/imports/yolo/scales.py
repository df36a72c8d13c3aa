"""Which of the networks that a file describes is meant: its scale."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from convcalc.imports.errors import CannotImport, plain

_IN_NAME = re.compile(r"(?:yolo(?:e-)?v?\d+|rtdetr-)([a-z])(?![a-z])")
"""What stands before the letter of a scale, which nothing but a mark follows: yolov8n-seg, yolo11x, rtdetr-l."""

_AT_END = re.compile(r"(?<=\d)[a-z](6?)(?=-|$)")
"""The letter behind the version, and the 6 of the four-level variants, whose file is called -p6."""

Multiples = tuple[float, float, float]
"""Depth, width and the most channels that are multiplied by the width."""


def without_scale(path: str) -> str:
    """The path of the file that describes all scales of the network that a path names, itself where it names none."""
    place = PurePath(path)
    stem, count = _AT_END.subn(lambda match: "-p6" if match[1] else "", place.stem, count=1)
    return str(place.with_name(stem + place.suffix)) if count and place.suffix in (".yaml", ".yml") else path


def scale_of_name(name: str) -> str:
    """The scale that the name of a file says, empty where it says none."""
    match = _IN_NAME.search(PurePath(name).stem)
    return match[1] if match else ""


def chosen(scales: Mapping[str, Sequence[float]], name: str, wanted: str, stated: str) -> tuple[str, str]:
    """The scale that is wanted, or that the name or the file says, or the first; and a note where it is the first.

    Raises:
        CannotImport: there is none of that name.
    """
    known = ", ".join(map(plain, scales))
    if wanted:
        if wanted in scales:
            return wanted, ""
        there = f"the file has {known}" if scales else "the file has no `scales`: it describes one network"
        raise CannotImport(f"--scale {plain(wanted)}: {there}")
    if not scales:
        return scale_of_name(name), ""
    of_name = scale_of_name(name)
    if of_name in scales:
        return of_name, ""
    if stated in scales:
        return stated, ""
    first = next(iter(scales))
    others = f" (the file has {known})" if len(scales) > 1 else ""
    return first, f"no scale is asked for, so this is the first, {plain(first)}{others}; --scale says another"
