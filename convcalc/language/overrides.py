"""Fields of layers that are given from outside, as ``stem.kernel_size``: they stand in place of what is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from convcalc.language.site import Site
from convcalc.language.suggestions import did_you_mean, listed

REPEAT = "repeat"
"""What every layer has beside the fields of its kind."""


class Override(msgspec.Struct, eq=False):
    """A value for a field of the layers and calls of blocks that a glob names; where it is given to any, it is used.

    A repeated layer is named without the number of the repetition, or with it, for one alone.
    """

    pattern: str
    field: str
    value: Any
    used: bool = False
    fields: tuple[str, ...] | None = None  # of a layer that it names, and which has none of that name


def parted(name: str) -> tuple[str, str] | None:
    """The layers and the field of a name like ``stem.kernel_size``; None where it is no such name."""
    pattern, dot, field = name.rpartition(".")
    return (pattern, field) if dot and pattern and field.isidentifier() else None


class Overrides:
    """What is given of fields, looked up for each layer as it is built."""

    def __init__(self) -> None:
        self.by_name: dict[str, Override] = {}

    def add(self, name: str, value: Any) -> None:
        """Take a value for a field; `name` is one that `parted` knows."""
        pattern, field = parted(name) or ("", name)
        self.by_name[name] = Override(pattern, field, value)

    def of(self, site: Site, fields: Iterable[str]) -> dict[str, Any]:
        """The values for those fields of a layer, or of a block's call, that are given."""
        given: dict[str, Any] = {}
        for override in self.by_name.values():
            if not _names(override.pattern, site):
                continue
            if override.field in fields:
                override.used = True
                given[override.field] = override.value
            elif override.fields is None:
                override.fields = tuple(fields)
        return given

    def unused(self, names: Iterable[str]) -> Mapping[str, tuple[str, str]]:
        """What is wrong with each that was given to no layer, and what to do; `names` are those of the layers."""
        problems = {}
        known = list(names)
        for name, override in self.by_name.items():
            if override.used:
                continue
            if override.fields is None:
                message = f"no layer or block is named `{override.pattern}`"
                advice = did_you_mean(override.pattern, known) or "`convcalc analyze` lists the names; * stands for any"
            else:
                message = f"`{override.pattern}` has no field `{override.field}`"
                advice = did_you_mean(override.field, override.fields) or f"it has {listed(override.fields)}"
            problems[name] = message, advice
        return problems


def _names(pattern: str, site: Site) -> bool:
    if fnmatchcase(site.name, pattern):
        return True
    return site.index is not None and fnmatchcase(site.name.rpartition(".")[0], pattern)
