"""What stands in one scope of a spec, the network's or a block's: layers with their references, fields and names.

A scope is written once for all its occurrences, of which the network has one. So everything is a list with one entry an
occurrence: tensors, values of fields, whether a layer is there. What differs becomes an expression or a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from convcalc import layers
from convcalc.language.expressions import is_name
from convcalc.language.template import IN_LAYER
from convcalc.language.written import COMMON
from convcalc.readable.expressions import Named, Values, expressions
from convcalc.readable.layout import Written, bare_field, condensed, default, in_braces, name_text, value_text
from convcalc.readable.names import Automatic, legal, says_something, unlike
from convcalc.readable.parts import Module, Path
from convcalc.readable.regions import COMMUTATIVE, Graph

Tensors = list[int | None]
"""A tensor of each occurrence; None where the layer is not there."""


class Unfit(Exception):
    """Occurrences that cannot be written as one."""


class Block(msgspec.Struct, frozen=True):
    """A block of the spec: the defaults of its parameters as texts, None where one must be written."""

    name: str
    parameters: dict[str, str | None]
    layers: list[Written]


Unit = int | Module
"""What a layer of a scope stands for in an occurrence: a layer of the record, or an occurrence of a block."""


class Slot:
    """One layer as it is written; `found` are its units in each occurrence, several where it is repeated."""

    __slots__ = (
        "block",
        "branches",
        "fields",
        "found",
        "is_named",
        "kind",
        "name",
        "path",
        "repeat",
        "shared",
        "sources",
        "value",
        "when",
    )

    def __init__(
        self,
        kind: str,
        found: list[list[Unit]],
        path: Path,
        block: Block | None = None,
        branches: list[list[Slot]] | None = None,
    ) -> None:
        self.kind = kind
        self.found = found
        self.path = path
        self.block = block
        self.branches = branches
        self.sources: list[Reference] | None = None
        self.fields: dict[str, str] = {}
        self.when = ""
        self.repeat = ""
        self.shared: dict[str, tuple[Slot, str]] = {}  # the owner of its arrays by name; under "", of all its weights
        self.value: Tensors = []
        self.name = ""
        self.is_named = False  # because something refers to it


class Reference(msgspec.Struct, frozen=True):
    """A tensor as it is referred to: that of a slot, of one of its repetitions, or one with a name of its own."""

    name: str = ""
    slot: Slot | None = None
    repetition: int | None = None

    @property
    def text(self) -> str:
        name = self.name if self.slot is None else self.slot.name
        return name_text(name if self.repetition is None else f"{name}.{self.repetition}")


class Parameter(msgspec.Struct, frozen=True):
    """What differs between occurrences: its value in each, and the text of its default if it has one."""

    name: str
    values: list[Any]
    default: str | None


class Scope:
    """One scope of the spec, from its slots."""

    def __init__(self, graph: Graph, occurrences: Sequence[Module], slots: list[Slot], *, is_block: bool) -> None:
        self.graph = graph
        self.slots = slots
        self.is_block = is_block
        self.entering: Tensors = [occurrence.entry for occurrence in occurrences]
        self.parameters: dict[str, Parameter] = {}
        self.known: list[tuple[Tensors, Reference]] = []
        self.at: dict[int, Reference] = {}  # of the network, which has one occurrence and many layers
        self.every = [*_everything(slots)]
        self._inputs()
        self.leaving = self._connect(slots, self.entering)
        for slot in self.every:
            self._fields(slot)
        for slot in self.every:
            self._condition(slot)
        self._share()

    def _inputs(self) -> None:
        if self.is_block:
            self.known.append((self.entering, Reference("input")))
            return
        for place, name in enumerate(self.graph.input_names):
            self.at[-1 - place] = Reference(name if len(self.graph.input_names) > 1 else "input")

    # What enters and leaves.

    def _connect(self, slots: list[Slot], current: Tensors) -> Tensors:
        """Say for each slot where its inputs come from; the tensors that leave the last."""
        for slot in slots:
            self._sources(slot, current)
            if slot.branches is not None:
                self._branches(slot)
            slot.value = [
                _exit(units[-1]) if units else passed for units, passed in zip(slot.found, current, strict=True)
            ]
            self._know(slot)
            current = slot.value
        return current

    def _entering(self, slot: Slot, unit: Unit) -> tuple[int, ...]:
        if not isinstance(unit, int):
            return (unit.entry,)
        if slot.branches is not None:
            return (self.graph.entries[unit],)
        return self.graph.inputs[unit]

    def _sources(self, slot: Slot, current: Tensors) -> None:
        each = [self._entering(slot, units[0]) if units else None for units in slot.found]
        for units in slot.found:  # what is repeated goes from one to the next
            for before, unit in pairwise(units):
                if self._entering(slot, unit) != (_exit(before),):
                    raise Unfit
        count = {len(sources) for sources in each if sources is not None}
        if len(count) != 1:
            raise Unfit
        wanted: list[Tensors] = [
            [None if sources is None else sources[place] for sources in each] for place in range(count.pop())
        ]
        if len(wanted) > 1 or not _agree(wanted[0], current):
            slot.sources = [self._reference(tensors, current) for tensors in wanted]

    def _reference(self, wanted: Tensors, current: Tensors) -> Reference:
        if not self.is_block:
            (tensor,) = wanted
            found = self.at.get(tensor) if tensor is not None else None
        elif _agree(wanted, current):
            return Reference("previous")
        else:
            found = next((reference for tensors, reference in reversed(self.known) if _agree(wanted, tensors)), None)
        if found is None:
            raise Unfit
        if found.slot is not None:
            found.slot.is_named = True
        return found

    def _know(self, slot: Slot) -> None:
        repetitions = max(map(len, slot.found), default=0) if slot.block is not None else 1
        found = [(slot.value, Reference(slot=slot))]
        for place in range(repetitions - 1):
            exits: Tensors = [_exit(units[place]) if len(units) > place else None for units in slot.found]
            if None not in exits:
                found.append((exits, Reference(slot=slot, repetition=place)))
        if self.is_block:
            self.known += found
        else:
            self.at |= {tensors[0]: reference for tensors, reference in found if tensors[0] is not None}

    def _branches(self, slot: Slot) -> None:
        """Connect what is in the branches, which must end in what is merged."""
        assert slot.branches is not None  # noqa: S101  # for the type checker
        entry: Tensors = [self._entering(slot, units[0])[0] if units else None for units in slot.found]
        ends = [self._connect(branch, entry) for branch in slot.branches]
        for place, units in enumerate(slot.found):
            if not units:
                continue
            assert isinstance(units[0], int)  # noqa: S101  # for the type checker: blocks have no branches
            merged = list(self.graph.inputs[units[0]])
            found = [tensor for end in ends if (tensor := end[place]) is not None]
            if slot.kind in COMMUTATIVE:
                merged, found = sorted(merged), sorted(found)
            if merged != found:
                raise Unfit

    # What the layers are told.

    def _fields(self, slot: Slot) -> None:
        if slot.block is not None:
            wanted = {name: self._arguments(slot, name) for name in slot.block.parameters}
            standard = slot.block.parameters
        else:
            kind = layers.load(slot.kind)
            assert kind is not None  # noqa: S101  # a record names kinds that there are
            wanted = self._values(slot, kind)
            standard = {}
        channels = [[self._channels(slot, unit) for unit in units] for units in slot.found]
        if slot.block is not None and max(map(len, slot.found)) > 1:
            times = [[len(units)] if units else [] for units in slot.found]
            slot.repeat = self._fitted(slot, "times", times, [units[:1] for units in channels])
        for name, values in wanted.items():
            text = self._fitted(slot, name, values, channels)
            if text != standard.get(name):
                slot.fields[name] = text

    def _values(self, slot: Slot, kind: type[layers.Kind]) -> dict[str, list[list[Any]]]:
        """The fields of a kind that are not everywhere at their default, or as those of the layer that is shared."""
        types, standard = layers.field_types(kind), layers.defaults(kind)
        unwritten = {**standard, **self._fields_shared(slot)}
        found: dict[str, list[list[Any]]] = {}
        for name, of in types.items():
            values = [
                [condensed(of, self.graph.layers[unit].fields.get(name, standard.get(name))) for unit in _layers(units)]
                for units in slot.found
            ]
            usual = [condensed(of, unwritten[name])] if name in unwritten else []
            if any(not _same(value, usual[0] if usual else _NOTHING) for units in values for value in units):
                found[name] = values
        if "stride" in found and "pool" in slot.kind and found["stride"] == found.get("kernel_size"):
            del found["stride"]
        return found

    def _fields_shared(self, slot: Slot) -> dict[str, Any]:
        """The fields of the layer whose weights are used, if they are another's."""
        first = next(unit for units in slot.found for unit in _layers(units))
        share = self.graph.layers[first].share
        return {} if share is None else self.graph.layers[self.graph.numbers[share]].fields

    def _arguments(self, slot: Slot, name: str) -> list[list[Any]]:
        return [[unit.arguments[name] for unit in units if not isinstance(unit, int)] for units in slot.found]

    def _channels(self, slot: Slot, unit: Unit) -> int:
        return self.graph.shape(self._entering(slot, unit)[0])[0]

    def _fitted(self, slot: Slot, field: str, values: list[list[Any]], channels: list[list[int]]) -> str:
        """One text for what a field is in all occurrences and repetitions."""
        every = [value for units in values for value in units]
        if all(_same(value, every[0]) for value in every):
            return value_text(every[0])
        for text, expressed in expressions(field, self._named(slot, field, channels)):
            if all(map(_same_all, values, expressed)):
                return text
        if all(_same(value, units[0]) for units in values for value in units):
            return self._parameter(slot, field, [units[0] if units else None for units in values])
        firsts, rest = [units[:1] for units in values], [units[1:2] for units in values]
        if any(not _same(value, units[1]) for units in values for value in units[1:]):
            raise Unfit
        first = self._fitted(slot, field, firsts, [units[:1] for units in channels])
        then = self._fitted(slot, field, rest, [units[1:2] for units in channels])
        if (first, then) in (("true", "false"), ("false", "true")):
            return "index == 0" if first == "true" else "index != 0"
        return f"{first} if index == 0 else {then}"

    def _named(self, slot: Slot, field: str, channels: Values) -> list[Named]:
        """What an expression may name: the channels that enter the layer, the parameters, those that enter the block.

        Filters are said by a parameter if possible, those that take each channel by itself by the channels.
        """
        own = ("in_channels", channels)
        if not self.is_block:
            return [own]
        named: list[Named] = [
            (parameter.name, [[value] * len(units) for value, units in zip(parameter.values, channels, strict=True)])
            for parameter in self.parameters.values()
        ]
        entering = [self.graph.shape(tensor)[0] if tensor is not None else 0 for tensor in self.entering]
        held = [[count] * len(units) for count, units in zip(entering, channels, strict=True)]
        named.append(("input_channels", held))
        is_grouped = any("groups" in self.graph.layers[unit].fields for units in slot.found for unit in _layers(units))
        return [*named, own] if field == "out_channels" and not is_grouped else [own, *named]

    def _parameter(self, slot: Slot, field: str, values: list[Any]) -> str:
        """A new parameter; it has the default that the field has, where one of the occurrences has that."""
        if not self.is_block:
            raise Unfit
        standard = self._standard(slot, field)
        if standard not in [value_text(value) for value in values if value is not None]:
            standard = None
        name = field
        if field == "out_channels" and not self._leaves(values):
            name = "channels"
        if name in self.parameters:
            name = self._free(f"{legal(slot.path[-1:], slot.kind)}_{name}")
        usual = next(value for value in values if value is not None and standard in (None, value_text(value)))
        standard = value_text(usual) if None in values else standard
        filled = [usual if value is None else value for value in values]  # where the layer is not there, anything does
        self.parameters[name] = Parameter(name, filled, standard)
        return name

    def _leaves(self, channels: list[Any]) -> bool:
        """Whether these are the channels that leave the block, wherever they are known."""
        leaving = [None if tensor is None else self.graph.shape(tensor)[0] for tensor in self.leaving]
        return _agree(channels, leaving)

    def _standard(self, slot: Slot, field: str) -> str | None:
        """The text of a field's default, None where it has none."""
        if slot.block is not None:
            return slot.block.parameters.get(field)
        kind = layers.load(slot.kind)
        return value_text(default(kind, field)) if kind is not None and field in layers.defaults(kind) else None

    def _free(self, wanted: str) -> str:
        """A name for a parameter that expressions can read."""
        name = re.sub(r"\W", "_", wanted)
        name = name if is_name(name) and name not in {*IN_LAYER, *COMMON, "index"} else f"its_{name}"
        name = re.sub(r"(?<=\d)_(?=\d)", "_n", name)  # 3_2 would be digits that are grouped
        return name if name not in self.parameters else unlike(f"{name}_n", self.parameters)

    def _condition(self, slot: Slot) -> None:
        """Say when a slot is there, if it is not in all occurrences."""
        present = [bool(units) for units in slot.found]
        if all(present):
            return
        entering = [self.graph.shape(tensor)[0] if tensor is not None else 0 for tensor in self.entering]
        plain: list[tuple[str, list[bool]]] = []
        for parameter in self.parameters.values():
            if all(isinstance(value, bool) for value in parameter.values):
                plain += [
                    (parameter.name, parameter.values),
                    (f"not {parameter.name}", [not v for v in parameter.values]),
                ]
            elif all(_is_count(value) for value in parameter.values):
                plain += self._comparisons(parameter, entering)
        pairs = (
            (f"{one} {word} {other}", [both(pair) for pair in zip(first, second, strict=True)])
            for word, both in (("or", any), ("and", all))
            for place, (one, first) in enumerate(plain)
            for other, second in plain[:place]
        )
        found = next((text for text, flags in [*plain, *pairs] if flags == present), None)
        slot.when = found or self._flag(slot, present)

    def _comparisons(self, parameter: Parameter, entering: list[int]) -> list[tuple[str, list[bool]]]:
        """What a condition may ask of a number: whether it is 1, whether channels change."""
        values, name = parameter.values, parameter.name
        found = []
        if parameter.default == "1":
            found += [(f"{name} != 1", [v != 1 for v in values]), (f"{name} == 1", [v == 1 for v in values])]
        for factor in (1, 2, 4):
            text = name if factor == 1 else f"{factor} * {name}"
            same = [channels == factor * v for channels, v in zip(entering, values, strict=True)]
            if any(same):
                found += [
                    (f"input_channels != {text}", [not flag for flag in same]),
                    (f"input_channels == {text}", same),
                ]
        return found

    def _flag(self, slot: Slot, present: list[bool]) -> str:
        if not self.is_block:
            raise Unfit
        name = self._free(f"with_{legal(slot.path[-1:], slot.kind)}")
        self.parameters[name] = Parameter(name, list(present), "false")
        return name

    def _share(self) -> None:
        owners = {unit: slot for slot in self.every for units in slot.found for unit in units if isinstance(unit, int)}
        for slot in self.every:
            unit = slot.found[0][0] if slot.found[0] else None
            layer = self.graph.layers[unit] if isinstance(unit, int) else None
            if layer is None or not (layer.share or layer.arrays):
                continue
            named = {"": (layer.share, "")} if layer.share is not None else layer.arrays
            try:
                slot.shared = {
                    name: (owners[self.graph.numbers[owner]], array) for name, (owner, array) in named.items()
                }
            except KeyError:
                raise Unfit from None
            for owner, _ in slot.shared.values():
                owner.is_named = True

    # What they are called.

    def referred(self, tensor: int) -> Reference:
        """How a tensor of the network is referred to from outside of all layers, as an output."""
        if tensor < 0:
            return Reference(self.graph.input_names[-1 - tensor] if len(self.graph.input_names) > 1 else "input")
        return self._reference([tensor], [None])

    def name(self) -> None:
        """Give every slot the name that it is written with, or has unwritten."""
        automatic = Automatic()
        unwritten = [automatic.next(slot.kind) for slot in self.every]
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

    def written(self, slots: list[Slot]) -> list[Written]:
        """The slots as layers of the spec."""
        return [self._written(slot) for slot in slots]

    def _written(self, slot: Slot) -> Written:
        fields: dict[str, str] = {}
        if slot.is_named:
            fields["name"] = name_text(slot.name)
        if slot.sources is not None:
            texts = [source.text for source in slot.sources]
            fields["from"] = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        if slot.when:
            fields["when"] = in_braces(slot.when)
        if slot.repeat:
            fields["repeat"] = slot.repeat
        shared = {name: name_text(f"{other.name}.{array}".rstrip(".")) for name, (other, array) in slot.shared.items()}
        if shared:
            listed = ", ".join(f"{name_text(name)}: {text}" for name, text in shared.items())
            fields["share"] = shared.get("", f"{{{listed}}}")
        for name, text in slot.fields.items():
            fields[name] = in_braces(text)
        branches = None if slot.branches is None else [self.written(branch) for branch in slot.branches]
        kind = layers.load(slot.kind) if slot.block is None else None
        return Written(slot.kind, fields, branches, bare_field(kind) if kind is not None else _bare(slot.block))


_NOTHING = object()


def _bare(block: Block | None) -> str:
    required = [name for name, text in block.parameters.items() if text is None] if block is not None else []
    return required[0] if len(required) == 1 else ""


def _everything(slots: Iterable[Slot]) -> Iterator[Slot]:
    """The slots in the order in which they are counted: a merge before what is in its branches."""
    for slot in slots:
        yield slot
        for branch in slot.branches or ():
            yield from _everything(branch)


def _is_worth_a_name(slot: Slot) -> bool:
    """Whether a layer is spoken of: a block is, and what multiplies with weights; norms are found beside these."""
    kind = layers.load(slot.kind) if slot.block is None else None
    return kind is None or kind.macs is not layers.Kind.macs


def _exit(unit: Unit) -> int:
    return unit if isinstance(unit, int) else unit.exit


def _layers(units: list[Unit]) -> list[int]:
    return [unit for unit in units if isinstance(unit, int)]


def _agree(wanted: Tensors, found: Tensors) -> bool:
    return all(one is None or one == other for one, other in zip(wanted, found, strict=True))


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _same_all(values: list[Any], others: list[Any]) -> bool:
    return len(values) == len(others) and all(map(_same, values, others))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
