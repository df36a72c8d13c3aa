"""Where the layers of a network stand in the user's text: of each its key, its fields, and the calls around it.

A layer inside a block that ships with convcalc stands where the user calls the block; so does each of its fields, at
the argument that it rests on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import msgspec

from convcalc.language.outline import Outline
from convcalc.language.parsing import parse
from convcalc.language.site import Decision, Site
from convcalc.language.source import Source
from convcalc.language.template import CompiledLayer
from convcalc.language.tree import Mapping, Node, Span, entries_of, span


class TextPlaces(msgspec.Struct, frozen=True, eq=False, dict=True):
    """The places of the nodes of one network, by index; `tree` is the whole spec, None where it is no mapping.

    `budgeted` are the layers with a budget of their own, each with its first node and the one behind the last,
    `decisions` those in the text of the spec and of shipped blocks.
    """

    source: Source
    tree: Mapping | None
    sites: list[Site | None]
    budgeted: list[tuple[Site, int, int]]
    decisions: Sequence[Decision] = ()

    def written(self, index: int) -> CompiledLayer:
        """The layer as the user wrote it: the call, where it is one of a shipped block."""
        return self.site(index).in_users_text()[0].layer

    def site(self, index: int) -> Site:
        """Where a layer was built, which an input never is."""
        site = self.sites[index]
        if site is None:
            raise IndexError(f"node {index} is an input")
        return site

    def is_own(self, index: int) -> bool:
        """Whether a layer is written in the user's text, and not in a block that ships with convcalc."""
        site = self.sites[index]
        return site is not None and not site.layer.source.shipped

    def calls(self, index: int) -> Iterator[CompiledLayer]:
        """The layer as it is written, in whatever text, and the calls of the blocks around it, innermost first."""
        site = self.sites[index]
        while site is not None:
            yield site.layer
            site = site.call.caller

    def mark(self, index: int, field: str = "") -> Span:
        """What is marked for a layer: a field's value if it is written, else the key; for an input its shape."""
        site = self.sites[index]
        if site is None:
            return self._input(index)
        own, field = site.in_users_text(field)
        layer = own.layer
        if field in layer.fields:
            return span(layer.fields[field].node)
        node = layer.body.find(field) if isinstance(layer.body, Mapping) and field else None
        return span(layer.key if node is None else node)  # a node is one that all layers may have: from, repeat, ...

    def top(self, *keys: str) -> Span:
        """What is marked for the whole spec: the last of the keys that is written, each within the one before."""
        mark: Span = (0, 1)
        node: Node | None = self.tree
        for key in keys:
            entry = next((entry for entry in entries_of(node) if entry[0].value == key), None)
            if entry is None:
                break
            mark, node = span(entry[0]), entry[1]
        return mark

    def top_value(self, *keys: str) -> Span:
        """What is marked for a value of the whole spec, at the end of keys each within the one before."""
        return _marked(self.tree, keys)

    @cached_property
    def outline(self) -> Outline:
        """The layers of the whole spec as they are written."""
        return Outline(self.source, self.tree or Mapping([], 0, 0))

    def same_text(self, index: int) -> tuple[int, ...]:
        """All layers that are built from the same written one, it among them: repetitions, calls of its block."""
        return self._by_text[id(self.written(index))]

    @cached_property
    def _by_text(self) -> dict[int, tuple[int, ...]]:
        indices: dict[int, list[int]] = {}
        for index, site in enumerate(self.sites):
            if site is not None:
                indices.setdefault(id(self.written(index)), []).append(index)
        return {layer: tuple(alike) for layer, alike in indices.items()}

    def _input(self, index: int) -> Span:
        shape, shapes = (self.tree.find(key) if self.tree is not None else None for key in ("input", "inputs"))
        if index < len(entries_of(shapes)):
            return span(entries_of(shapes)[index][0])
        return (0, 1) if shape is None else span(shape)


def place_of(source: Source, *keys: str) -> Span:
    """As `TextPlaces.top_value`, of a spec that need not be one."""
    return _marked(parse(source).root, keys)


def _marked(node: Node | None, keys: Sequence[str]) -> Span:
    for key in keys:
        node = node.find(key) if isinstance(node, Mapping) else None
    return (0, 1) if node is None else span(node)
