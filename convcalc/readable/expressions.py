"""Expressions that could stand for what a field is in all occurrences of a layer: of names that have to do with it.

A block whose stride happens to be half of its kernel in all occurrences is not one that is meant so. So channels are
said by channels, padding by the kernel or the dilation that it goes with, and anything by what is called as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Values = list[list[Any]]
"""A value for each repetition of each occurrence."""

Named = tuple[str, Values]

_COUNTS = ("channels", "features", "groups", "heads", "start", "end", "reduction")
"""Words in the names of fields that count channels."""

_FACTORS = (2, 3, 4, 5, 6, 8)
_DIVISORS = (2, 3, 4, 6, 8, 16)


def expressions(field: str, named: Sequence[Named]) -> Iterator[Named]:
    """What a field may be, the plainest first."""
    for name, values in named:
        if _is_count(field, name) or _is_called_alike(field, name) or {field, _kind(name)} == {"padding", "dilation"}:
            yield name, values
    numbers = [(name, values) for name, values in named if all(map(are_numbers, values))]
    if field == "padding":
        for name, values in numbers:
            if _kind(name) == "kernel_size":
                yield f"{name} // 2", [[value // 2 for value in repeated] for repeated in values]
    counts = [(name, values) for name, values in numbers if _is_count(field, name)]
    for factor in _FACTORS:
        for name, values in counts:
            yield f"{factor} * {name}", [[factor * value for value in repeated] for repeated in values]
    for divisor in _DIVISORS:
        for name, values in counts:
            yield f"{name} // {divisor}", [[value // divisor for value in repeated] for repeated in values]


def _kind(name: str) -> str:
    """The field that a parameter was made for, whatever its name begins with."""
    return next((word for word in ("kernel_size", "padding", "dilation", "stride") if name.endswith(word)), name)


def _is_called_alike(field: str, name: str) -> bool:
    return name.endswith(field) or field.endswith(name) or _kind(field) == _kind(name)


def _is_count(field: str, name: str) -> bool:
    return any(word in field for word in _COUNTS) and any(word in name for word in _COUNTS)


def are_numbers(values: list[Any]) -> bool:
    """Whether all are integers, which flags are not."""
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)
