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


class Slot:
    """One layer as it is written; `units` are what it stands for in each occurrence, several where it is repeated."""

    def __init__(
        self,
        kind: str,
        units: list[list[Unit]],
        path: Path,
        block: BlockText | None = None,
        branches: list[list[Slot]] | None = None,
    ) -> None:
        self.kind = kind
        self.units = units
        self.path = path
        self.block = block
        self.branches = branches
        self.sources: list[TensorReference] | None = None
        self.fields: dict[str, str] = {}
        self.when = ""
        self.repeat = ""
        self.shared: dict[str, tuple[Slot, str]] = {}  # the owner of its arrays by name; under "", of all its weights
        self.value: Tensors = []
        self.name = ""
        self.is_named = False  # because something refers to it


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
