"""Fourier transforms: no kind expresses them, and what leaves has a size all the same."""

from __future__ import annotations

from collections.abc import Callable

from convcalc.imports.tflite.values import LiteCall, LiteValue, UnknownOfShape


def _real_transform(call: LiteCall) -> LiteValue:
    """Of the last two axes, of which the last has the frequencies from zero up to half the rate of samples."""
    shape, (rows, columns) = call.value().shape, call.numbers(1)
    raise UnknownOfShape((*shape[:-2], rows, columns // 2 + 1))


OPERATORS: dict[str, Callable[[LiteCall], LiteValue]] = {"RFFT2D": _real_transform}
