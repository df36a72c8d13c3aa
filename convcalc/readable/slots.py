"""What stands in one scope of a spec, the network's or a block's: its layers, with what they are called and refer to.

A scope is written once for all its occurrences, of which the network has one. So everything is a list with one entry an
occurrence: tensors, values of fields, whether a layer is there. What differs becomes an expression or a parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from convcalc.language.writing import name_text
from convcalc.readable.layout import LayerText
from convcalc.readable.parts import Module, Path

Tensors = list[int | None]
"""A tensor of each occurrence; None where the layer is not there."""


class Unfit(Exception):
    """Occurrences that cannot be written as one."""


class BlockText(msgspec.Struct, frozen=True):
    """A block of the spec: the defaults of its parameters as texts, None where one must be written."""

    name: str
    parameters: dict[str, str | None]
    layers: list[LayerText]


Unit = int | Module
"""What a layer of a scope stands for in an occurrence: a layer of the record, or an occurrence of a block."""


class Slot(msgspec.Struct, eq=False):
    """One layer as it is written; `units` are what it stands for in each occurrence, several where it is repeated.

    `shared` are the owners of its arrays by name, under "" that of all its weights. `value` are the tensors that leave
    it. It `is_named` because something refers to it, or because its name says more than its number.
    """

    kind: str
    units: list[list[Unit]]
    path: Path
    block: BlockText | None
    branches: list[list[Slot]] | None
    sources: list[TensorReference] | None = None
    fields: dict[str, str] = {}
    when: str = ""
    repeat: str = ""
    bits: str = ""
    shared: dict[str, tuple[Slot, str]] = {}
    value: Tensors = []
    name: str = ""
    is_named: bool = False


class TensorReference(msgspec.Struct, frozen=True):
    """A tensor as it is referred to: that of a slot, of one of its repetitions, or one with a name of its own."""

    name: str = ""
    slot: Slot | None = None
    repetition: int | None = None

    @property
    def text(self) -> str:
        name = self.name if self.slot is None else self.slot.name
        return name_text(name if self.repetition is None else f"{name}.{self.repetition}")


def every_slot(slots: Iterable[Slot]) -> Iterator[Slot]:
    """The slots in the order in which they are counted: a merge before what is in its branches."""
    for slot in slots:
        yield slot
        for branch in slot.branches or ():
            yield from every_slot(branch)


def exit_of(unit: Unit) -> int:
    """The tensor that leaves a unit."""
    return unit if isinstance(unit, int) else unit.exit


def agree(tensors: Tensors, others: Tensors) -> bool:
    """Whether two are the same in every occurrence in which the first is there."""
    return all(tensor is None or tensor == other for tensor, other in zip(tensors, others, strict=True))
