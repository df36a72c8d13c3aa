"""What modules have in common: occurrences of one structure, whatever their sizes, in one template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from convcalc.language.written import COMMUTATIVE
from convcalc.readable.parts import Module, Part, SingleLayer
from convcalc.readable.regions import LayerGraph

_MOST_ALIGNED = 48
"""Layers of a sequence up to which two that differ are held against each other."""

_MOST_RECENT = 40
"""Templates, from the last back, among which like ones are looked for."""

_MOST_COMPARED = 6
"""Templates that a module is compared with where it is like none of them."""

_ALIKE = 0.7
"""The share of layers that two structures must have in common to be written as one."""


class TemplateEntry(msgspec.Struct, eq=False):
    """A layer of a template, or another template in it; `parts` are what it is in each occurrence that has it."""

    parts: dict[Module, Part]
    kind: str = ""
    template: Template | None = None
    branches: list[list[TemplateEntry]] | None = None

    @property
    def weight(self) -> int:
        """How many layers it stands for."""
        if self.template is not None:
            return self.template.weight
        return 1 + sum(entry.weight for branch in self.branches or () for entry in branch)


class Template(msgspec.Struct, eq=False):
    """A structure and its occurrences."""

    number: int
    entries: list[TemplateEntry]
    occurrences: list[Module] = []

    @property
    def weight(self) -> int:
        """How many layers an occurrence with all of them has."""
        return sum(entry.weight for entry in self.entries)

    def flat(self) -> Iterator[TemplateEntry]:
        """All entries, those in branches too."""
        return _flat_entries(self.entries)

    def closure(self) -> set[Template]:
        """Every template that this one is made of at any depth, itself included."""
        closure = {self}
        for entry in self.flat():
            if entry.template is not None and entry.template not in closure:
                closure |= entry.template.closure()
        return closure


def _flat_entries(entries: Sequence[TemplateEntry]) -> Iterator[TemplateEntry]:
    for entry in entries:
        yield entry
        for branch in entry.branches or ():
            yield from _flat_entries(branch)


Pair = tuple[TemplateEntry | None, Part | None]
_Alignment = tuple[float, int, list[Pair]]
"""How well two sequences go together, the layers they have in common, and which belong to which."""


class Templates:
    """Sorts modules by structure. `joining`: also those of which one lacks a few layers of the other."""

    def __init__(self, graph: LayerGraph, *, joining: bool) -> None:
        self.graph = graph
        self.joining = joining
        self.every: list[Template] = []
        self.of: dict[Module, Template] = {}
        self.exact: dict[object, tuple[Template, list[TemplateEntry]]] = {}

    def root(self, module: Module) -> Template:
        """The template of the whole network, which occurs once, with those of all modules in it."""
        self._inner(module.items)
        return Template(-1, [self._entry(part, module) for part in module.items], [module])

    def _inner(self, items: Sequence[Part]) -> None:
        for part in _flat_parts(items):
            if isinstance(part, Module):
                self._inner(part.items)
                self._add(part)

    def _entry(self, part: Part, owner: Module) -> TemplateEntry:
        if isinstance(part, Module):
            return TemplateEntry({owner: part}, template=self.of[part])
        entry = TemplateEntry({owner: part}, self.graph.layers[part.index].kind)
        if part.branches is not None:
            entry.branches = [[self._entry(inner, owner) for inner in branch] for branch in part.branches]
        return entry

    def _add(self, module: Module) -> None:
        key = tuple(self._key(part, module) for part in module.items)
        if key in self.exact:
            template, entries = self.exact[key]
            for entry, part in zip(entries, _flat_parts(module.items), strict=True):
                entry.parts[module] = part
        else:
            template = (self._joined(module) if self.joining else None) or self._new(module)
            where = {_number(entry.parts[module]): entry for entry in template.flat() if module in entry.parts}
            self.exact[key] = template, [where[_number(part)] for part in _flat_parts(module.items)]
        template.occurrences.append(module)
        self.of[module] = template

    def _new(self, module: Module) -> Template:
        template = Template(len(self.every), [self._entry(part, module) for part in module.items])
        self.every.append(template)
        return template

    def _key(self, part: Part, module: Module) -> object:
        """What is alike in modules of one structure: kinds, blocks, and where inputs come from."""
        if isinstance(part, Module):
            return self.of[part].number, _place(part.entry, module)
        kind = self.graph.layers[part.index].kind, self.graph.held.text(part.index)
        if part.branches is None:
            return kind, *(_place(source, module) for source in self.graph.inputs[part.index])
        entry = _place(self.graph.entries[part.index], module)
        return kind, entry, tuple(tuple(self._key(inner, module) for inner in branch) for branch in part.branches)

    # Modules that are nearly alike.

    def _joined(self, module: Module) -> Template | None:
        """A template that has the module's layers but for a few, and takes them in; None if there is none."""
        weight = sum(1 for _ in module.indices())
        near = [other for other in self.every[-_MOST_RECENT:] if 2 < _ALIKE * weight <= other.weight <= weight / _ALIKE]
        best: tuple[float, Template, list[TemplateEntry], Sequence[Part]] | None = None
        for template in near[-_MOST_COMPARED:]:
            for entries, parts in self._forms(template, module):
                score, common, _ = self._aligned(entries, parts)
                total = template.weight + weight - common
                if common >= _ALIKE * total and (best is None or score > best[0]) and not self._holds(template, module):
                    best = score, template, entries, parts
        if best is None:
            return None
        _, template, entries, parts = best
        template.entries = self._merged(entries, parts, module)
        return template

    def _holds(self, template: Template, module: Module) -> bool:
        """Whether something in the module is written with the template."""
        called = (self.of[part] for part in _flat_parts(module.items) if isinstance(part, Module))
        return any(template in inner.closure() for inner in called)

    def _forms(self, template: Template, module: Module) -> Iterator[tuple[list[TemplateEntry], Sequence[Part]]]:
        """The two as they are, or with a residual around all of their beginnings written behind it."""
        yield template.entries, module.items
        entries, parts = self._unwrapped_entries(template), self._unwrapped(module)
        if entries is not template.entries or parts is not module.items:
            yield entries, parts

    def _unwrapped_entries(self, template: Template) -> list[TemplateEntry]:
        first, *rest = template.entries
        module, part = next(iter(first.parts.items()))
        if first.branches is None or self._skipped(part, module) is None:
            return template.entries
        branch = next(branch for branch in first.branches if branch)
        return [*branch, TemplateEntry(first.parts, first.kind), *rest]  # the same parts: more may still be found

    def _unwrapped(self, module: Module) -> Sequence[Part]:
        first, *rest = module.items
        inner = self._skipped(first, module)
        if inner is None or not isinstance(first, SingleLayer):
            return module.items
        return [*inner, SingleLayer(first.index), *rest]

    def _skipped(self, part: Part, module: Module) -> Sequence[Part] | None:
        """What stands beside the identity, if a part is that alone, from the beginning of the module."""
        if not isinstance(part, SingleLayer) or part.branches is None or self.graph.entries[part.index] != module.entry:
            return None
        full = [branch for branch in part.branches if branch]
        commutes = self.graph.layers[part.index].kind in COMMUTATIVE
        return full[0] if commutes and len(part.branches) == 2 and len(full) == 1 else None

    def _aligned(self, entries: Sequence[TemplateEntry], parts: Sequence[Part]) -> _Alignment:
        """Which entries and parts belong together, so that most layers have their like."""
        if max(len(entries), len(parts)) > _MOST_ALIGNED:
            return 0, 0, []
        before: list[_Alignment] = [(0, 0, [])]
        for part in parts:
            before.append((0, 0, [*before[-1][2], (None, part)]))
        for entry in entries:
            row: list[_Alignment] = [(0, 0, [*before[0][2], (entry, None)])]
            for place, part in enumerate(parts):
                score, common = self._likeness(entry, part)
                diagonal, above, left = before[place], before[place + 1], row[-1]
                if common and diagonal[0] + score > max(above[0], left[0]):
                    row.append((diagonal[0] + score, diagonal[1] + common, [*diagonal[2], (entry, part)]))
                elif above[0] >= left[0]:
                    row.append((above[0], above[1], [*above[2], (entry, None)]))
                else:
                    row.append((left[0], left[1], [*left[2], (None, part)]))
            before = row
        return before[-1]

    def _likeness(self, entry: TemplateEntry, part: Part) -> tuple[float, int]:
        """How well a layer goes with one of a template, and how many layers they have in common; 0: not at all."""
        own = next(iter(entry.parts.values()))
        as_wide = 0.2 * (self._groups(own) == self._groups(part))
        if isinstance(part, Module) or isinstance(own, Module):
            same = entry.template is not None and isinstance(part, Module) and self.of[part] is entry.template
            return (entry.weight + as_wide, entry.weight) if same else (0, 0)
        held = self.graph.held
        if self.graph.layers[part.index].kind != entry.kind or held.text(part.index) != held.text(own.index):
            return 0, 0
        if entry.branches is None or part.branches is None:
            return (1 + as_wide, 1) if entry.branches is None and part.branches is None else (0, 0)
        if len(entry.branches) != len(part.branches):
            return 0, 0
        inner = [self._aligned(*both) for both in zip(entry.branches, part.branches, strict=True)]
        return 1 + sum(score for score, _, _ in inner), 1 + sum(common for _, common, _ in inner)

    def _groups(self, part: Part) -> list[bool]:
        """Whether the convolutions of a part take each channel by itself or all with all."""
        fields = [self.graph.layers[index].fields for index in part.indices()]
        return ["groups" in written for written in fields if "out_channels" in written]

    def _merged(self, entries: Sequence[TemplateEntry], parts: Sequence[Part], module: Module) -> list[TemplateEntry]:
        """The entries, with those parts taken in that had no like among them."""
        merged: list[TemplateEntry] = []
        for entry, part in self._aligned(entries, parts)[2]:
            if entry is not None:
                merged.append(entry)
                if part is not None:
                    entry.parts[module] = part
                if isinstance(part, SingleLayer) and part.branches is not None and entry.branches is not None:
                    both = zip(entry.branches, part.branches, strict=True)
                    entry.branches = [self._merged(*pair, module) for pair in both]
            elif part is not None:
                merged.append(self._entry(part, module))
        return merged


def _place(tensor: int, module: Module) -> int | None:
    """A tensor by its distance from the beginning of a module, None for the one that enters."""
    return None if tensor == module.entry else tensor - module.first


def _number(part: Part) -> int:
    """What tells a part from all others of its module: a merge that is written in another way stays the same."""
    return -1 - part.exit if isinstance(part, Module) else part.index


def _flat_parts(items: Sequence[Part]) -> Iterator[Part]:
    for part in items:
        yield part
        if isinstance(part, SingleLayer):
            for branch in part.branches or ():
                yield from _flat_parts(branch)
