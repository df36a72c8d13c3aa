"""One scope of a spec, the network's or a block's, from its slots to the layers that are written."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc import layers
from convcalc.language.writing import name_text, quoted
from convcalc.readable.conditions import condition
from convcalc.readable.fitting import Fitting
from convcalc.readable.layout import LayerText, bare_field
from convcalc.readable.named_scopes import NamedScope
from convcalc.readable.parameters import Parameters
from convcalc.readable.parts import Module
from convcalc.readable.regions import LayerGraph
from convcalc.readable.slots import BlockText, Slot


class WrittenScope(NamedScope):
    """One scope of the spec."""

    def __init__(self, graph: LayerGraph, occurrences: Sequence[Module], slots: list[Slot], *, is_block: bool) -> None:
        super().__init__(graph, occurrences, slots, is_block=is_block)
        parameters = Parameters(is_block=is_block)
        self.parameters = parameters.by_name
        entering = [graph.shape(occurrence.entry)[0] for occurrence in occurrences] if is_block else [0]
        fitting = Fitting(self.connections, entering, parameters)
        for slot in self.every:
            fitting.fit(slot)
        for slot in self.every:
            slot.when = condition(slot, parameters, entering)

    def written(self, slots: list[Slot]) -> list[LayerText]:
        """The slots as layers of the spec."""
        return [self._written(slot) for slot in slots]

    def _written(self, slot: Slot) -> LayerText:
        fields: dict[str, str] = {}
        if slot.is_named:
            fields["name"] = name_text(slot.name)
        if slot.sources is not None:
            texts = [source.text for source in slot.sources]
            fields["from"] = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        if slot.when:
            fields["when"] = quoted(slot.when)
        if slot.repeat:
            fields["repeat"] = slot.repeat
        shared = {name: name_text(f"{other.name}.{array}".rstrip(".")) for name, (other, array) in slot.shared.items()}
        if shared:
            listed = ", ".join(f"{name_text(name)}: {text}" for name, text in shared.items())
            fields["share"] = shared.get("", f"{{{listed}}}")
        fields |= {name: quoted(text) for name, text in slot.fields.items()}
        if slot.bits:
            fields["bits"] = slot.bits
        branches = None if slot.branches is None else [self.written(branch) for branch in slot.branches]
        kind = layers.load(slot.kind) if slot.block is None else None
        return LayerText(slot.kind, fields, branches, bare_field(kind) if kind is not None else _bare(slot.block))


def _bare(block: BlockText | None) -> str:
    required = [name for name, text in block.parameters.items() if text is None] if block is not None else []
    return required[0] if len(required) == 1 else ""
