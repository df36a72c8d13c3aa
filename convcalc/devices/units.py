"""Figures of a device as a person writes them: 19.5 TFLOP/s, 1555 GB/s, 40 MiB."""

from __future__ import annotations

import re

from convcalc.fields import shown

_DECIMAL = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_FIGURE = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,12}))? ?([A-Za-z/]+)")

OPERATIONS = {
    f"{prefix}{unit}": factor * times
    for unit, times in (("OP/s", 1), ("FLOP/s", 1), ("MAC/s", 2))
    for prefix, factor in _DECIMAL.items()
}
BYTES = {f"{prefix}B": factor for prefix, factor in {**_DECIMAL, **_BINARY}.items()}
BYTES_A_SECOND = {f"{unit}/s": factor for unit, factor in BYTES.items()}


def figure(value: object, units: dict[str, int], example: str) -> int:
    """An amount with one of the units, rounded down to a whole number.

    Raises:
        ValueError: it is something else, or nothing.
    """
    if isinstance(value, str) and (parts := _FIGURE.fullmatch(value)) is not None:
        digits, decimals, unit = parts[1], parts[2] or "", parts[3]
        if unit in units:
            amount: int = int(digits + decimals) * units[unit] // 10 ** len(decimals)
            if amount < 1:
                raise ValueError(f"expected more than nothing, found {value}")
            return amount
        raise ValueError(f"expected a number with a unit, as {example}, found {value}{_advice(parts, units)}")
    if isinstance(value, int) and not isinstance(value, bool) and value <= 0:
        raise ValueError(f"expected more than nothing, as {example}, found {value}")
    if value is None or isinstance(value, str | bool):
        raise ValueError(f"expected a number with a unit, as {example}, found {shown(value)}")
    raise ValueError(f"expected a unit behind the number, as {example}, found {shown(value)}")


def _advice(parts: re.Match[str], units: dict[str, int]) -> str:
    """What is to be written for TFLOPS, TOPs or GBps, empty where that is not known."""
    number, unit = parts[0][: parts.start(3)].strip(), parts[3]
    if unit.endswith(("bps", "b/s", "bit/s")):
        return "; of bits a second, an eighth are bytes" if "B/s" in units else ""
    meant = {_folded(known): known for known in units}.get(_folded(unit))
    return f"; write {number} {meant}" if meant else ""


def _folded(unit: str) -> str:
    return re.sub("/s$|[pP]s$|s$", "", unit.replace("LOPS", "LOP").replace("OPS", "OP").replace("OPs", "OP")).lower()
