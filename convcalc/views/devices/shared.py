"""What there is to show of devices, whatever the format."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convcalc.devices import Device
from convcalc.views import words

OPERATIONS = "operations a second, two a MAC, never with sparsity"


class ListedDevices(msgspec.Struct, frozen=True):
    """Devices to show; `in_full`: they were asked for by name."""

    devices: Sequence[Device]
    in_full: bool


def operations(rate: int, format: str = "") -> str:  # noqa: A002  # the word for it
    """Operations a second, as data sheets write them: 19.5 TFLOP/s; without its unit where no format is given."""
    amount, prefix = _scaled(rate)
    if not format:
        return f"{amount} {prefix}"
    return f"{amount} {prefix}{'OP/s' if format.startswith('int') else 'FLOP/s'}"


def bandwidth(rate: int | None) -> str:
    """Bytes a second, nothing where they are not published."""
    return "" if rate is None else "{} {}B/s".format(*_scaled(rate))


def size(count: int | None) -> str:
    """Bytes, nothing where they are not published."""
    if count is None:
        return ""
    text = words.binary(count)
    return text.replace(".0 ", " ") if count % 1024 == 0 else text


def _scaled(rate: int) -> tuple[str, str]:
    factor, prefix = next(
        scale for scale in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (1, "")) if rate >= scale[0] or scale[0] == 1
    )
    return f"{rate / factor:.6g}", prefix


def figures(device: Device) -> list[tuple[str, str, str]]:
    """Every figure with its name and where it is from, which stands at the first of several."""
    source = device.sources.get
    rows = [(f"peak {name}", operations(rate, name), "peak") for name, rate in device.peak.items()]
    rows += [("bandwidth", bandwidth(device.bandwidth), "bandwidth")]
    rows += [(name, size(getattr(device, name)), name) for name in ("cache", "sram", "flash")]
    rows += [(f"channels {name}", f"{count} at once", "channels") for name, count in device.channels.items()]
    filled = [row for row in rows if row[1]]
    first = {field: name for name, _, field in reversed(filled)}
    return [(name, text, source(field, "") if first[field] == name else "") for name, text, field in filled]
