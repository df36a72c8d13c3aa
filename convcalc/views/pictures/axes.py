"""Charts of several networks on the same axes, so that lengths and heights compare."""

from __future__ import annotations

import math
from collections.abc import Sequence

from convcalc.views.formats.json import Record

_AXES = {"xAxis": 0, "yAxis": 1}
"""The axes of a chart, with the place of their number in the value of a point."""
_EXTENT = ("type", "logBase", "min", "max", "interval")
"""What says how far an axis reaches, and in which steps."""


def common(networks: Sequence[Record]) -> Record:
    """How far the axes of charts reach where all networks are drawn on the same; by the id of the chart, and the axis.

    `networks` are records of them (see `convcalc.views.pictures.record`). An axis that had no end gets one, where the
    largest number of all has room.
    """
    drawn: dict[str, list[Record]] = {}
    for network in networks:
        for chart in network["charts"]:
            if "option" in chart:
                drawn.setdefault(chart["id"], []).append(chart["option"])
    return {name: {axis: _axis(options, axis) for axis in _AXES} for name, options in drawn.items()}


def _axis(options: Sequence[Record], name: str) -> Record:
    """What an axis has in common in all networks: from where to where it reaches, and in which steps."""
    own = [{"max": _largest(option, name), **option[name]} for option in options]
    widest = max(own, key=lambda axis: (axis["type"] == "log", axis["max"]))
    shared = {part: widest[part] for part in _EXTENT if part in widest}
    return {**shared, "min": min(axis["min"] for axis in own), "max": max(axis["max"] for axis in own)}


def _largest(option: Record, name: str) -> int:
    """The largest number that is drawn on an axis without an end: rounded up to a power of two, or to one digit."""
    points = (point for series in option["series"] for point in series["data"])
    values = [(point["value"] if isinstance(point, dict) else point)[_AXES[name]] for point in points]
    lines = [line for series in option["series"] for line in series.get("markLine", {}).get("data", ())]
    largest: int = math.ceil(max([1, *values, *(line[name] for line in lines if name in line)]))
    if option[name]["type"] == "log":
        return 1 << (largest - 1).bit_length()
    digit: int = 10 ** (len(str(largest)) - 1)
    return -(-largest // digit) * digit
