"""Devices as JSON: stable names, raw integers."""

from __future__ import annotations

from convcalc.views.devices.shared import ListedDevices
from convcalc.views.formats.json import HEAD
from convcalc.views.output import Output


def write(listed: ListedDevices, out: Output) -> None:
    """All of them in one object: operations and bytes a second, bytes, and where each figure is from."""
    out.record({**HEAD, "devices": listed.devices})
