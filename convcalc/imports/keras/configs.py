"""The entries of a config, each looked at for what it should be before it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcalc.fields import LARGEST
from convcalc.imports.errors import CannotImport, brief, plain

Sizes = tuple[int, ...]


class Config:
    """What the file says of a layer, whose name goes before every complaint."""

    def __init__(self, title: str, entries: Mapping[str, Any]) -> None:
        self.title, self.entries = title, entries

    def get(self, *names: str) -> Any:
        """The first of some entries that is there and says something; versions of Keras call some otherwise."""
        return next((self.entries[name] for name in names if self.entries.get(name) is not None), None)

    def whole(self, *names: str, default: int | None = None, least: int = 1) -> int:
        """A whole number."""
        value = self.get(*names)
        if value is None and default is not None:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not _is_whole(value) or not least <= value <= LARGEST:
            raise self.wrong(names[0], f"a whole number from {least} to {LARGEST:,}", value)
        return int(value)

    def sizes(self, *names: str, rank: int, default: int | None = None, least: int = 1) -> Sizes:
        """A whole number for each of some axes, or one for all."""
        value = self.get(*names)
        if value is None and default is not None:
            return (default,) * rank
        values = value if isinstance(value, list) else [value] * rank
        if len(values) == 1:
            values = values * rank
        if len(values) != rank or not all(_is_whole(size) and least <= size <= LARGEST for size in values):
            raise self.wrong(names[0], f"{rank} whole numbers from {least} to {LARGEST:,}", value)
        return tuple(values)

    def pairs(self, name: str, rank: int, default: int) -> list[tuple[int, int]]:
        """Two whole numbers for each of some axes: one for all, one an axis, or two an axis."""
        value = self.get(name)
        values = default if value is None else value
        entries = values if isinstance(values, list) else [values] * rank
        if rank == 1 and len(entries) == 2 and all(map(_is_whole, entries)):
            entries = [entries]
        pairs = [tuple(entry) if isinstance(entry, list) else (entry, entry) for entry in entries]
        if len(pairs) != rank or not all(
            len(pair) == 2 and all(_is_whole(size) and 0 <= size <= LARGEST for size in pair) for pair in pairs
        ):
            expected = f"a whole number from 0 to {LARGEST:,}, {rank} of them, or two for each of {rank} axes"
            raise self.wrong(name, expected, value)
        return pairs

    def flag(self, name: str, default: bool) -> bool:
        """Whether something is so."""
        value = self.get(name)
        return default if value is None else bool(value)

    def text(self, *names: str, default: str = "") -> str:
        """A word."""
        value = self.get(*names)
        if value is not None and not isinstance(value, str):
            raise self.wrong(names[0], "a word", value)
        return default if value is None else value

    def number(self, *names: str, default: float) -> float:
        """One that may have a fraction, or be wrapped as NumPy's are."""
        value = self.get(*names)
        if isinstance(value, dict):  # of a NumPy number, as some versions write it
            value = value.get("value", value.get("config"))
            value = value.get("value") if isinstance(value, dict) else value
        if value is None:
            return default
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(names[0], "a number", value)
        return float(value)

    def wrong(self, name: str, expected: str, value: Any) -> CannotImport:
        """The error for an entry that is something else."""
        there = "is missing" if value is None else f"is {brief(plain(repr(value)), 80)}"
        return CannotImport(f"layer {plain(self.title)}: {name} {there}; expected {expected}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def open_shape(value: Any) -> tuple[int | None, ...] | None:
    """The sizes of a tensor without its batch, None where one is open; None where this is no shape."""
    if isinstance(value, dict):  # {"class_name": "__tuple__", "items": [...]}
        value = value.get("items", value.get("value"))
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return None
    sizes = [int(size) if isinstance(size, float) and size.is_integer() else size for size in value[1:]]
    if not all(size is None or _is_whole(size) for size in sizes) or not (value[0] is None or _is_whole(value[0])):
        return None
    return tuple(size if size is not None and size > 0 else None for size in sizes)
