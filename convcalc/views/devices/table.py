"""Devices for the terminal: a line each, or all that is known of those that were named."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.devices import Device
from convcalc.views.columns import Column, first_words, print_list, show
from convcalc.views.devices import shared
from convcalc.views.devices.shared import ListedDevices
from convcalc.views.formats import terminal
from convcalc.views.output import Output

_SHOWN = ("float32", "float16", "int8")
_RANKS = {"float32": 2, "float16": 3, "int8": 1}


def write(listed: ListedDevices, out: Output) -> None:
    """A table, or a page a device."""
    if listed.in_full:
        for place, device in enumerate(listed.devices):
            if place:
                out.console.print()
            _page(device, out)
    else:
        _table(listed.devices, out)


def _table(devices: Sequence[Device], out: Output) -> None:
    columns = [
        Column("device", [device.name for device in devices], "left", "bold"),
        Column("", [device.category for device in devices], "left", "dim", 5),
        *(
            Column(name, [shared.operations(device.peak[name]) if name in device.peak else "" for device in devices],
                   rank=_RANKS[name])
            for name in _SHOWN
        ),
        Column("bandwidth", [shared.bandwidth(device.bandwidth) for device in devices], rank=1),
        Column("cache", [shared.size(device.cache) for device in devices], rank=4),
        Column("SRAM", [shared.size(device.sram) for device in devices], rank=3),
        Column("", [device.about for device in devices], "left", "", 6, first_words, 24),
    ]  # fmt: skip
    show(out.console, columns)
    first = devices[0].name
    advice = f"`convcalc devices {first}` has where the figures are from, `analyze --device {first}` puts them to use"
    out.console.print(terminal.line(advice))
    out.console.print(terminal.line(f"{', '.join(_SHOWN)}: {shared.OPERATIONS}", style="dim"))


def _page(device: Device, out: Output) -> None:
    known = "   ".join(("", *filter(None, (device.about, device.category))))
    out.console.print(terminal.line((device.name, "bold"), known))
    rows = [tuple(terminal.line(cell) for cell in row) for row in shared.figures(device)]
    print_list(out.console, rows, ("cyan", "", "dim"))
    if device.peak:
        out.console.print(terminal.line(f"peak: {shared.OPERATIONS}", style="dim"))
