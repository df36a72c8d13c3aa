"""The parameters of a block: what differs between its occurrences, and has no expression."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from convcalc.language.expressions import is_name
from convcalc.language.template import IN_LAYER
from convcalc.language.writing import value_text
from convcalc.language.written import COMMON
from convcalc.readable.names import legal, unlike
from convcalc.readable.slots import Slot, Unfit


class BlockParameter(msgspec.Struct, frozen=True):
    """What differs between occurrences: its value in each, and the text of its default if it has one."""

    name: str
    values: list[Any]
    default: str | None


class Parameters:
    """Those of one scope, by name; the network's has none."""

    def __init__(self, *, is_block: bool) -> None:
        self.is_block = is_block
        self.by_name: dict[str, BlockParameter] = {}

    def of_field(self, slot: Slot, field: str, values: Sequence[Any], default: str | None, *, leaves: bool) -> str:
        """A new one for what a field is, None where its layer is not there; its name. `default` is the field's own.

        It keeps that default where one of the occurrences has it. `leaves`: they are the channels that leave the block.
        """
        if default not in [value_text(value) for value in values if value is not None]:
            default = None
        name = "channels" if field == "out_channels" and not leaves else field
        if name in self.by_name:
            name = self._free(f"{legal(slot.path[-1:], slot.kind)}_{name}")
        usual = next(value for value in values if value is not None and default in (None, value_text(value)))
        default = value_text(usual) if None in values else default
        # Where the layer is not there, any value does.
        return self._add(name, [usual if value is None else value for value in values], default)

    def flag(self, slot: Slot, present: list[bool]) -> str:
        """A new one that says whether a layer is there; its name."""
        return self._add(self._free(f"with_{legal(slot.path[-1:], slot.kind)}"), present, "false")

    def _add(self, name: str, values: list[Any], default: str | None) -> str:
        if not self.is_block:
            raise Unfit
        self.by_name[name] = BlockParameter(name, values, default)
        return name

    def _free(self, wanted: str) -> str:
        """A name that expressions can read."""
        name = re.sub(r"\W", "_", wanted)
        name = name if is_name(name) and name not in {*IN_LAYER, *COMMON, "index"} else f"its_{name}"
        name = re.sub(r"(?<=\d)_(?=\d)", "_n", name)  # 3_2 would be digits that are grouped
        return name if name not in self.by_name else unlike(f"{name}_n", self.by_name)
