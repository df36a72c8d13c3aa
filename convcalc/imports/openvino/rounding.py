"""Layers that say how many bits the tensor that enters them is rounded to."""

from __future__ import annotations

from convcalc.arithmetic.precision import MOST_BITS, Format, format_of, integer
from convcalc.imports.openvino.document import IrLayer

_LEVELS = 256
"""Of a FakeQuantize that does not say how many."""


def is_rounding(layer: IrLayer) -> bool:
    """Whether it rounds numbers with fractions to few levels, and leaves them as they were otherwise."""
    return layer.type in ("FakeQuantize", "FakeConvert")


def rounded_by(layer: IrLayer) -> Format:
    """The format of so many levels, or the one that is named."""
    if layer.type == "FakeConvert":
        return format_of("fp8")
    levels = layer.data.get("levels", "")
    count = int(levels) if levels.isdecimal() and len(levels) < 10 else _LEVELS
    return integer(min(max((count - 1).bit_length(), 1), MOST_BITS))
