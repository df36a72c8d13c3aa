"""What is called how in one scope of a spec: a name says more than a number, or something refers to the layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count

from convcalc import layers
from convcalc.language.written import numbered
from convcalc.readable.connections import Connections
from convcalc.readable.names import legal, says_something, unlike
from convcalc.readable.parts import Module
from convcalc.readable.regions import LayerGraph
from convcalc.readable.slots import Slot, TensorReference, Unfit, Unit, every_slot


class NamedScope:
    """The slots of one scope, connected and named. `leaving` are the tensors that leave its last layer."""

    def __init__(self, graph: LayerGraph, occurrences: Sequence[Module], slots: list[Slot], *, is_block: bool) -> None:
        self.graph = graph
        self.slots = slots
        self.is_block = is_block
        self.connections = Connections(graph, occurrences, slots, is_block=is_block)
        self.every = [*every_slot(slots)]
        self.leaving = self.connections.leaving
        self._share()

    def _share(self) -> None:
        """Say whose weights are used; where that cannot be said, who has them and who uses them is raised."""
        owners = {_first(unit): slot for slot in self.every for units in slot.units for unit in units[:1]}
        for slot in self.every:
            unit = slot.units[0][0] if slot.units[0] else None
            if unit is not None:
                slot.shared = {
                    name: (self._owner(slot, number, owners), array)
                    for name, (number, array) in self._shared(unit).items()
                }
            for owner, _ in slot.shared.values():
                owner.is_named = True

    def _shared(self, unit: Unit) -> dict[str, tuple[int, str]]:
        """The owners of what a unit uses, as numbers, by the name of the array."""
        if not isinstance(unit, int):
            return {} if unit.shares is None else {"": (unit.shares, "")}
        layer = self.graph.layers[unit]
        named = {"": (layer.share, "")} if layer.share is not None else layer.arrays
        return {name: (self.graph.numbers[owner], array) for name, (owner, array) in named.items()}

    def _owner(self, slot: Slot, number: int, owners: dict[int, Slot]) -> Slot:
        owner = owners.get(number)
        if owner is None or owner.block is not slot.block or len(owner.units[0]) > 1 or len(slot.units[0]) > 1:
            raise Unfit(number, _first(slot.units[0][0]))
        return owner

    def referred(self, tensor: int) -> TensorReference:
        """How a tensor of the network is referred to from outside of all layers, as an output."""
        return self.connections.referred(tensor)

    def name(self) -> None:
        """Give every slot the name that it is written with, or has unwritten."""
        counts = defaultdict[str, Iterator[int]](partial(count, 1))
        unwritten = [numbered(slot.kind, next(counts[slot.kind])) for slot in self.every]
        wanted = [self._wanted(slot) for slot in self.every]
        taken = {*self.graph.input_names, "input"} if not self.is_block else set()
        kept = {number for number, name in zip(unwritten, wanted, strict=True) if name in ("", number)}
        for slot, number, name in zip(self.every, unwritten, wanted, strict=True):
            slot.is_named = name not in ("", number) or number in taken
            slot.name = unlike(name or number, taken, kept) if slot.is_named else number
            taken.add(slot.name)

    def _wanted(self, slot: Slot) -> str:
        """What a slot should be called, nothing where its number does as well."""
        is_way = not self.is_block and (slot.block is not None or len(slot.path) > 1)
        if slot.is_named or (_is_worth_a_name(slot) and says_something(slot.path, is_way=is_way)):
            return legal(slot.path, slot.kind)
        return ""


def _first(unit: Unit) -> int:
    return unit if isinstance(unit, int) else unit.first


def _is_worth_a_name(slot: Slot) -> bool:
    """Whether a layer is spoken of: a block is, and what multiplies with weights; norms are found beside these."""
    kind = layers.load(slot.kind) if slot.block is None else None
    return kind is None or kind.macs is not layers.Kind.macs
