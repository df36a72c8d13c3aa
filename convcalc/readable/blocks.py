"""Repeated structure of an import as blocks: which parts become blocks, and the layers that are then written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from convcalc import layers
from convcalc.language import library
from convcalc.network import Network
from convcalc.readable.folded import Folded
from convcalc.readable.layout import WIDTH
from convcalc.readable.mending import wrong_block
from convcalc.readable.modules import Modules
from convcalc.readable.names import is_generic, parts, unlike
from convcalc.readable.parts import Module, Part, Path
from convcalc.readable.regions import LayerGraph, sequence
from convcalc.readable.scattered import Scattered
from convcalc.readable.scopes import WrittenScope
from convcalc.readable.shipped import ShippedBlocks
from convcalc.readable.slots import BlockText, Slot, Unfit, Unit
from convcalc.readable.templates import Template, TemplateEntry, Templates

_MOST_PARAMETERS = 8
"""Parameters of a block; with more, its calls say no less than its layers would."""

_LONG_RUN = 4
"""Calls in a row that are one even where the first differs in more than a stride."""

_OVERHEAD = 3
"""Lines that a block takes beside its layers: its name, `parameters` and `layers`."""


def flat(graph: LayerGraph) -> Folded:
    """Without blocks: a line or more for every layer."""
    root = Templates(graph, joining=False).root(_module_of_all(graph, sequence(graph)))
    return Folding(graph, root, [], None).written()


def foldings(graph: LayerGraph, network: Network) -> Iterator[Folding]:
    """Ways to write it with blocks for what is there more than once; `network` is what they all should say."""
    shipped = ShippedBlocks(graph, network)
    for is_nameless in (False, True):
        modules = Modules(graph)
        parts = modules.grouped(sequence(graph))
        if is_nameless:
            parts = Scattered(graph, modules).grouped(parts)
        module = _module_of_all(graph, parts)
        for joining in (True, False):
            templates = Templates(graph, joining=joining)
            root = templates.root(module)
            yield Folding(graph, root, templates.every, shipped, is_nameless=is_nameless)


def _module_of_all(graph: LayerGraph, items: Sequence[Part]) -> Module:
    return Module((), items, graph.root, 0, len(graph.layers) - 1)


class Folding:
    """Chooses which templates become blocks, and writes them and the network.

    `is_nameless`: some of them are like sequences of layers wherever they stand, and no modules by name.
    """

    def __init__(
        self,
        graph: LayerGraph,
        root: Template,
        templates: list[Template],
        shipped: ShippedBlocks | None,
        *,
        is_nameless: bool = False,
    ) -> None:
        self.graph = graph
        self.root = root
        self.is_nameless = is_nameless
        self.shipped = {
            template: block for template in templates if shipped and (block := shipped.block(template.occurrences))
        }
        self.chosen = {template for template in templates if len(template.occurrences) > 1} | {*self.shipped}
        self.blocks: dict[Template, BlockText] = {}

    def written(self) -> Folded:
        """The network and its blocks, as few lines as can be."""
        best = self._fitting()
        for template in sorted(self._with_long_calls(best), key=lambda template: template.number):
            chosen = self.chosen.copy()
            self.chosen.discard(template)
            other = self._fitting()
            if len(other.lines) < len(best.lines):
                best = other
            else:
                self.chosen = chosen
        return best

    def _fitting(self) -> Folded:
        """The network and its blocks; a template that turns out not to fit all of its occurrences is no block."""
        while True:
            self._choose()
            try:
                return self._written()
            except _NoBlock as error:
                self.chosen.discard(error.args[0])

    def _with_long_calls(self, written: Folded) -> set[Template]:
        """The templates whose blocks are called in more than a line somewhere: they may say no less than their layers.

        Until they are written, a call is taken to be a line.
        """
        long = {layer.kind for layer in written.every_layer() if len(layer.line) > WIDTH}
        return {template for template, block in self.blocks.items() if block.name in long}

    def mended(self, network: Network) -> bool:
        """Drop a block that does not say what is there, if any can be told, for the text does not say the network."""
        wrong = wrong_block(self.graph, network, self.blocks)
        if wrong is not None:
            self.chosen.discard(wrong)
        return wrong is not None

    def _written(self) -> Folded:
        self.blocks = {}
        for template in sorted(self.chosen, key=lambda template: template.number):
            self._write(template)
        slots = self._slots(self.root.entries, self.root.occurrences, self.root)
        try:
            scope = WrittenScope(self.graph, self.root.occurrences, slots, is_block=False)
            is_last = bool(self.graph.layers) and self.graph.outputs == [self.root.occurrences[0].exit]
            outputs = [] if is_last else [scope.referred(output) for output in self.graph.outputs]
        except Unfit as error:
            raise _NoBlock(self._around(*error.args)) from error
        scope.name()
        return Folded(list(self.blocks.values()), scope.written(slots), [output.text for output in outputs])

    def _around(self, *indices: int) -> Template:
        """The block around a layer that another must be able to speak of, else the one around that other.

        Raises:
            Unfit: there is none, so that it is not for the blocks that this cannot be written.
        """
        for index in indices:
            for template in self.chosen:
                if any(occurrence.first <= index <= occurrence.exit for occurrence in template.occurrences):
                    return template
        raise Unfit(*indices)

    # Which become blocks.

    def _choose(self) -> None:
        """Drop blocks that take as many lines as they save, the worst first: others may be worth more without them."""
        while self.chosen:
            bare = next((template for template in self.chosen if self._is_bare(template)), None)
            if bare is not None:
                self.chosen.discard(bare)
                continue
            gains = dict.fromkeys(self.chosen, 0)
            own = [template for template in self.chosen if template not in self.shipped]
            for template in (self.root, *own):
                self._count(template.entries, gains)
            for template in own:
                gains[template] -= self._lines(template.entries) + _OVERHEAD
            worst = min(self.chosen, key=lambda template: (gains[template], -template.number))
            if gains[worst] > 0:
                return
            self.chosen.discard(worst)

    def _is_bare(self, template: Template) -> bool:
        """Whether it is nothing but calls of one other block, which are as well written where it is called."""
        entries = template.entries
        while len(entries) == 1 and entries[0].template is not None and entries[0].template not in self.chosen:
            entries = entries[0].template.entries
        called = {entry.template for entry in entries}
        return len(called) == 1 and not called.isdisjoint(self.chosen)

    def _lines(self, entries: Sequence[TemplateEntry]) -> int:
        """How many lines some entries take, those of blocks being one."""
        lines = len(entries)
        for entry in entries:
            if entry.template is not None and entry.template not in self.chosen:
                lines += self._lines(entry.template.entries) - 1
            if entry.branches is not None:
                lines += 1 + sum(max(1, self._lines(branch)) for branch in entry.branches)
        return lines

    def _count(self, entries: Sequence[TemplateEntry], gains: dict[Template, int]) -> None:
        """Add to each block what its calls among these entries save; those in a row are taken to be one."""
        before: Template | None = None
        for entry in entries:
            if entry.template in gains:
                gains[entry.template] += self._lines(entry.template.entries) - (entry.template is not before)
            elif entry.template is not None:
                self._count(entry.template.entries, gains)
            for branch in entry.branches or ():
                self._count(branch, gains)
            before = entry.template

    # Blocks.

    def _write(self, template: Template) -> BlockText:
        block = self.blocks.get(template) or self.shipped.get(template)
        if block is not None:
            return block
        try:
            slots = self._slots(template.entries, template.occurrences, template)
            scope = WrittenScope(self.graph, template.occurrences, slots, is_block=True)
            exits = [occurrence.exit for occurrence in template.occurrences]
            if scope.leaving != exits or len(scope.parameters) > _MOST_PARAMETERS:
                raise Unfit
        except Unfit:
            raise _NoBlock(template) from None
        for place, occurrence in enumerate(template.occurrences):
            occurrence.arguments = {name: parameter.values[place] for name, parameter in scope.parameters.items()}
        scope.name()
        parameters = {name: parameter.default for name, parameter in scope.parameters.items()}
        order = sorted(parameters, key=lambda name: (parameters[name] is not None, "channels" not in name))
        name = self._name(template)
        self.blocks[template] = BlockText(name, {name: parameters[name] for name in order}, scope.written(slots))
        return self.blocks[template]

    def _name(self, template: Template) -> str:
        """What a block is called: as its modules are, or by what is in it."""
        taken = {block.name for block in self.blocks.values()}
        words = {_word(occurrence.path) for occurrence in template.occurrences}
        kinds = [entry.kind for entry in template.flat()]
        wanted = [words.pop()] if len(words) == 1 else []
        wanted += [word for kind, word in _BY_MERGE.items() if kind in kinds]
        if all(kinds) and len(kinds) < 5:
            wanted += ["_".join(names.get(kind, kind) for kind in kinds) for names in _SHORT]
        free = (word for word in wanted if word and layers.load(word) is None and library.block_source(word) is None)
        return unlike(next(free, "block"), taken)

    # The slots of a scope.

    def _slots(self, entries: Sequence[TemplateEntry], holders: Sequence[Module | None], scope: Template) -> list[Slot]:
        """The slots of a sequence that stands in these modules, the scope's own or such as are no blocks."""
        slots: list[Slot] = []
        for entry in entries:
            here = [None if holder is None else entry.parts.get(holder) for holder in holders]
            if not any(here):
                continue
            if entry.template is None or entry.template in self.chosen:
                slots.append(self._slot(entry, here, holders, scope))
                continue
            modules = [part if isinstance(part, Module) else None for part in here]
            inner = self._slots(entry.template.entries, modules, scope)
            if len(inner) == 1 and inner[0].block is not None:
                inner[0].path = self._path(here, scope)  # the module is nothing but that
            slots += inner
        return self._runs(slots)

    def _slot(
        self, entry: TemplateEntry, here: Sequence[Part | None], holders: Sequence[Module | None], scope: Template
    ) -> Slot:
        units: list[list[Unit]] = [
            [] if part is None else [part if isinstance(part, Module) else part.index] for part in here
        ]
        block = None if entry.template is None else self._write(entry.template)
        branches = None
        if entry.branches is not None:
            branches = [self._slots(branch, holders, scope) for branch in entry.branches]
        return Slot(entry.kind if block is None else block.name, units, self._path(here, scope), block, branches)

    def _path(self, here: Sequence[Part | None], scope: Template) -> Path:
        """What something is called in its scope, nothing where that differs between occurrences."""
        paths = []
        for occurrence, part in zip(scope.occurrences, here, strict=True):
            if part is not None:
                path = part.path if isinstance(part, Module) else parts(self.graph.layers[part.index].name)
                around = len(occurrence.path)
                paths.append(path[around:] if path[:around] == occurrence.path and len(path) > around else path)
        return paths[0] if all(path == paths[0] for path in paths) else ()

    def _runs(self, slots: Sequence[Slot]) -> list[Slot]:
        """The slots with calls of one block in a row as one that is repeated, where that can be said."""
        merged: list[Slot] = []
        for slot in slots:
            if merged and slot.block is not None and merged[-1].block is slot.block:
                before = merged[-1]
                runs = [[*units, *more] for units, more in zip(before.units, slot.units, strict=True)]
                shares = any(isinstance(unit, Module) and unit.shares is not None for unit in runs[0])
                is_alike = before.path[:-1] == slot.path[:-1] and all(before.units) and not shares
                if is_alike and all(map(self._is_run, runs)):
                    before.units = runs
                    continue
            merged.append(slot)
        return merged

    def _is_run(self, units: Sequence[Unit]) -> bool:
        """Whether calls behind each other can be one: all alike, or the first another that yields the same shape."""
        calls = [unit for unit in units if isinstance(unit, Module)]
        if any(call.entry != before.exit for before, call in pairwise(calls)):
            return False
        first, *rest = (call.arguments for call in calls)
        if not rest:
            return True
        if any(arguments != rest[0] for arguments in rest) or len({self.graph.shape(call.exit) for call in calls}) > 1:
            return all(arguments == first for arguments in rest)
        differing = [name for name, value in first.items() if value != rest[0][name]]
        is_usual = all(isinstance(first[name], bool) or name.endswith("stride") for name in differing)
        return is_usual or len(calls) >= _LONG_RUN


class _NoBlock(Exception):
    """A template, its one argument, whose occurrences cannot be written as one."""


_BY_MERGE = {"add": "residual", "mul": "gated", "concat": "joined"}
_SHORT = ({"batch_norm": "bn", "conv_transpose": "deconv"}, {"batch_norm": "norm"})


def _word(path: Path) -> str:
    """What a module is called that says more than where it is."""
    words = (re.match(r"[^\W\d_]*(_[^\W\d_]+)*", part) for part in reversed(path))
    name = next((word[0] for word in words if word is not None and not is_generic(word[0])), "")
    return name.lower() if name.isascii() else ""
