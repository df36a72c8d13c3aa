"""Amounts as a person writes them: 30M parameters, 4.2G MACs, 256 KiB, 2.5 milliseconds."""

from __future__ import annotations

import re
from typing import Any

from convcalc.fields import LARGEST, shown
from convcalc.language.tree import LONGEST_NUMBER, number

AMOUNTS = (
    "params",
    "buffers",
    "macs",
    "elementwise_ops",
    "flops",
    "weight_bytes",
    "activation_bytes",
    "peak_activation_bytes",
    "buffer_bytes",
    "bit_operations",
)
"""The totals an amount may be given for."""

MEMORIES = ("sram", "flash")
"""Memories of a device, in bytes: sram holds the activations that live at one time, flash weights and buffers."""
DURATION = "bound_ms"
"""The least time on a device, in milliseconds."""

FACTORS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

EXPECTED = f"expected a whole number, or one with {', '.join(filter(None, FACTORS))} behind it"


def amount(value: object) -> int:
    """A whole number, given as such or with a suffix.

    Raises:
        ValueError: it is neither, or not whole.
    """
    number_ = value
    if isinstance(value, str):
        parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([KMGT]?|[KMG]iB)", value)
        if parts:
            number_ = number(parts[1]) * FACTORS[parts[2]]
    if isinstance(number_, bool | str | tuple | None) or number_ < 0 or number_ != number_ // 1:  # type: ignore[operator]
        raise ValueError(f"{EXPECTED}; found {shown(value)}")
    if number_ >= 10**LONGEST_NUMBER:
        raise ValueError(f"expected a number of at most {LONGEST_NUMBER} digits; found {shown(value)}")
    return int(number_)


EXPECTED_DURATION = "expected a number of milliseconds above 0, as 2.5"


def duration(value: object) -> Any:
    """A number of milliseconds, whole or exact with decimals.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, float):
        value = number(repr(value)) if 0 < value < LARGEST else None
    if isinstance(value, bool | str | tuple | None) or not 0 < value <= LARGEST:  # type: ignore[operator]
        raise ValueError(f"{EXPECTED_DURATION}; found {shown(value)}")
    return value
