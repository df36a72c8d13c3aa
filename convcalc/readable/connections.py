"""Where the inputs of each layer of a scope come from, and what leaves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from convcalc.language.written import COMMUTATIVE
from convcalc.readable.parts import Module
from convcalc.readable.regions import LayerGraph
from convcalc.readable.slots import Slot, TensorReference, Tensors, Unfit, Unit, agree, exit_of


class Connections:
    """Those of one scope: each slot gets its `sources` and its `value`, and `leaving` are the tensors of the last."""

    def __init__(self, graph: LayerGraph, occurrences: Sequence[Module], slots: list[Slot], *, is_block: bool) -> None:
        self.graph, self.is_block = graph, is_block
        self._known: list[tuple[Tensors, TensorReference]] = []
        self._at: dict[int, TensorReference] = {}  # of the network, which has one occurrence and many layers
        entering: Tensors = [occurrence.entry for occurrence in occurrences]
        if is_block:
            self._known.append((entering, TensorReference("input")))
        else:
            self._at = {-1 - place: self._input(place) for place in range(len(graph.input_names))}
        self.leaving = self._connect(slots, entering)

    def _input(self, place: int) -> TensorReference:
        names = self.graph.input_names
        return TensorReference(names[place] if len(names) > 1 else "input")

    def referred(self, tensor: int) -> TensorReference:
        """How a tensor of the network is referred to from outside of all layers, as an output."""
        return self._input(-1 - tensor) if tensor < 0 else self._reference([tensor], [None])

    def entering(self, slot: Slot, unit: Unit) -> tuple[int, ...]:
        """The tensors that enter a unit of a slot."""
        if not isinstance(unit, int):
            return (unit.entry,)
        if slot.branches is not None:
            return (self.graph.entries[unit],)
        return self.graph.inputs[unit]

    def _connect(self, slots: list[Slot], current: Tensors) -> Tensors:
        """Say for each slot where its inputs come from; the tensors that leave the last.

        What is said to come from elsewhere does so in every repetition. So only those behind the first, which go from
        one to the next, stay repeated where the first starts from elsewhere.
        """
        waiting = slots[::-1]
        slots.clear()
        while waiting:
            slot = waiting.pop()
            slots.append(slot)
            self._sources(slot, current)
            if slot.sources is not None and any(len(units) > 1 for units in slot.units):
                behind = [units[1:] for units in slot.units]
                waiting.append(Slot(slot.kind, behind, slot.path, slot.block, slot.branches))
                slot.units = [units[:1] for units in slot.units]
            if slot.branches is not None:
                self._branches(slot, slot.branches)
            slot.value = [
                exit_of(units[-1]) if units else passed for units, passed in zip(slot.units, current, strict=True)
            ]
            self._know(slot)
            current = slot.value
        return current

    def _sources(self, slot: Slot, current: Tensors) -> None:
        entering = [self.entering(slot, units[0]) if units else None for units in slot.units]
        for units in slot.units:  # what is repeated goes from one to the next
            for before, unit in pairwise(units):
                if self.entering(slot, unit) != (exit_of(before),):
                    raise Unfit
        counts = {len(sources) for sources in entering if sources is not None}
        if len(counts) != 1:
            raise Unfit
        wanted: list[Tensors] = [
            [None if sources is None else sources[place] for sources in entering] for place in range(*counts)
        ]
        if len(wanted) > 1 or not agree(wanted[0], current):
            slot.sources = [self._reference(tensors, current) for tensors in wanted]

    def _reference(self, wanted: Tensors, current: Tensors) -> TensorReference:
        if not self.is_block:
            (tensor,) = wanted
            reference = self._at.get(tensor) if tensor is not None else None
        elif agree(wanted, current):
            return TensorReference("previous")
        else:
            matches = (reference for tensors, reference in reversed(self._known) if agree(wanted, tensors))
            reference = next(matches, None)
        if reference is None:
            raise Unfit(*(tensor for tensor in wanted if tensor is not None))
        if reference.slot is not None:
            reference.slot.is_named = True
        return reference

    def _know(self, slot: Slot) -> None:
        repetitions = max(map(len, slot.units), default=0) if slot.block is not None else 1
        references = [(slot.value, TensorReference(slot=slot))]
        for place in range(repetitions - 1):
            exits: Tensors = [exit_of(units[place]) if len(units) > place else None for units in slot.units]
            if None not in exits:
                references.append((exits, TensorReference(slot=slot, repetition=place)))
        if self.is_block:
            self._known += references
        else:
            self._at |= {tensors[0]: reference for tensors, reference in references if tensors[0] is not None}

    def _branches(self, slot: Slot, branches: list[list[Slot]]) -> None:
        """Connect what is in the branches, which must end in what is merged."""
        entry: Tensors = [self.entering(slot, units[0])[0] if units else None for units in slot.units]
        ends = [self._connect(branch, entry) for branch in branches]
        for place, units in enumerate(slot.units):
            unit = units[0] if units else None
            if not isinstance(unit, int):  # it is not there: blocks have no branches
                continue
            merged = list(self.graph.inputs[unit])
            arriving = [tensor for end in ends if (tensor := end[place]) is not None]
            if slot.kind in COMMUTATIVE:
                merged, arriving = sorted(merged), sorted(arriving)
            if merged != arriving:
                raise Unfit
