"""What the fields of a scope's layers are, in one text for all occurrences: a value, an expression or a parameter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcalc import layers
from convcalc.imports.record import Layer
from convcalc.language.writing import value_text
from convcalc.readable.connections import Connections
from convcalc.readable.expressions import Named, Values, expressions
from convcalc.readable.layout import default, value_of
from convcalc.readable.parameters import Parameters
from convcalc.readable.slots import Slot, Unfit, Unit, agree


class Fitting:
    """Fits the fields of one scope, from the channels that enter it, and adds to its parameters."""

    def __init__(self, connections: Connections, entering: list[int], parameters: Parameters) -> None:
        self.graph, self.connections = connections.graph, connections
        self.entering, self.parameters = entering, parameters

    def fit(self, slot: Slot) -> None:
        """Say what the fields of a slot are, those at their default left out."""
        if slot.block is not None:
            wanted = {name: self._arguments(slot, name) for name in slot.block.parameters}
            standard = slot.block.parameters | (slot.shared[""][0].fields if slot.shared else {})
        else:
            wanted = self._values(slot, layers.kind_of(slot.kind))
            standard = {}
        channels = [[self._channels(slot, unit) for unit in units] for units in slot.units]
        if slot.block is not None and max(map(len, slot.units)) > 1:
            times = [[len(units)] if units else [] for units in slot.units]
            slot.repeat = self._fitted(slot, "times", times, [units[:1] for units in channels])
        for name, values in wanted.items():
            text = self._fitted(slot, name, values, channels)
            if text != standard.get(name):
                slot.fields[name] = text
        bits = {self.graph.held.text(unit) for units in slot.units for unit in units if isinstance(unit, int)}
        if len(bits) > 1:
            raise Unfit
        if any(bits):
            slot.bits = bits.pop()

    def _values(self, slot: Slot, kind: type[layers.Kind]) -> dict[str, Values]:
        """The fields of a kind that are not everywhere at their default, or as those of the layer that is shared."""
        unwritten = {**layers.defaults(kind), **self._fields_shared(slot)}
        differing: dict[str, Values] = {}
        for name, of in layers.field_types(kind).items():
            values = [[value_of(layer, name) for layer in self._layers(units)] for units in slot.units]
            usual = of.written(unwritten[name]) if name in unwritten else _NOTHING
            if any(not _same(value, usual) for units in values for value in units):
                differing[name] = values
        if "stride" in differing and kind.is_pool and differing["stride"] == differing.get("kernel_size"):
            del differing["stride"]
        return differing

    def _layers(self, units: list[Unit]) -> Iterator[Layer]:
        return (self.graph.layers[unit] for unit in units if isinstance(unit, int))

    def _fields_shared(self, slot: Slot) -> dict[str, Any]:
        """The fields of the layer whose weights are used, if they are another's."""
        share = next(layer for units in slot.units for layer in self._layers(units)).share
        return {} if share is None else self.graph.layers[self.graph.numbers[share]].fields

    def _arguments(self, slot: Slot, name: str) -> Values:
        return [[unit.arguments[name] for unit in units if not isinstance(unit, int)] for units in slot.units]

    def _channels(self, slot: Slot, unit: Unit) -> int:
        return self.graph.shape(self.connections.entering(slot, unit)[0])[0]

    def _fitted(self, slot: Slot, field: str, values: Values, channels: list[list[int]]) -> str:
        """One text for what a field is in all occurrences and repetitions."""
        every = [value for units in values for value in units]
        if all(_same(value, every[0]) for value in every):
            return value_text(every[0])
        for text, expressed in expressions(field, self._named(slot, field, channels)):
            if all(map(_same_all, values, expressed)):
                return text
        if all(_same(value, units[0]) for units in values for value in units):
            firsts = [units[0] if units else None for units in values]
            standard, leaves = self._standard(slot, field), self._leaves(firsts)
            return self.parameters.of_field(slot, field, firsts, standard, leaves=leaves)
        start, rest = [units[:1] for units in values], [units[1:2] for units in values]
        if any(not _same(value, units[1]) for units in values for value in units[1:]):
            raise Unfit
        first = self._fitted(slot, field, start, [units[:1] for units in channels])
        then = self._fitted(slot, field, rest, [units[1:2] for units in channels])
        if (first, then) in (("true", "false"), ("false", "true")):
            return "index == 0" if first == "true" else "index != 0"
        return f"{first} if index == 0 else {then}"

    def _named(self, slot: Slot, field: str, channels: Values) -> list[Named]:
        """What an expression may name: the channels that enter the layer, the parameters, those that enter the block.

        Filters are said by a parameter if possible, those that take each channel by itself by the channels.
        """
        own = ("in_channels", channels)
        if not self.parameters.is_block:
            return [own]
        named: list[Named] = [
            (parameter.name, [[value] * len(units) for value, units in zip(parameter.values, channels, strict=True)])
            for parameter in self.parameters.by_name.values()
        ]
        held = [[count] * len(units) for count, units in zip(self.entering, channels, strict=True)]
        named.append(("input_channels", held))
        is_grouped = any("groups" in layer.fields for units in slot.units for layer in self._layers(units))
        return [*named, own] if field == "out_channels" and not is_grouped else [own, *named]

    def _leaves(self, channels: list[Any]) -> bool:
        """Whether these are the channels that leave the block, wherever they are known."""
        leaving = [None if tensor is None else self.graph.shape(tensor)[0] for tensor in self.connections.leaving]
        return agree(channels, leaving)

    def _standard(self, slot: Slot, field: str) -> str | None:
        """The text of a field's default, None where it has none."""
        if slot.block is not None:
            return slot.block.parameters.get(field)
        kind = layers.load(slot.kind)
        return value_text(default(kind, field)) if kind is not None and field in layers.defaults(kind) else None


_NOTHING = object()


def _same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and bool(value == other)


def _same_all(values: list[Any], others: list[Any]) -> bool:
    return len(values) == len(others) and all(map(_same, values, others))
