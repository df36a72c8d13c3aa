"""Where the layers of a network stand in the user's text: of each its key, its fields, and the calls around it.

A layer inside a block that ships with convcalc stands where the user calls the block; so does each of its fields, at
the argument that it rests on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from convcalc.language.site import Decision, Site
from convcalc.language.source import Source
from convcalc.language.template import Layer
from convcalc.language.tree import Mapping, Node, Scalar

Span = tuple[int, int]
"""The indices of the first character and of that behind the last."""


def span(node: Node) -> Span:
    """What is marked of a node: a scalar as a whole, of a collection the first character."""
    return (node.start, node.end) if isinstance(node, Scalar) else (node.start, node.start + 1)


class Places:
    """The places of the nodes of one network, by index; `tree` is the whole spec, None where it is no mapping."""

    def __init__(
        self,
        source: Source,
        tree: Mapping | None,
        sites: list[Site | None],
        budgeted: list[tuple[Site, int, int]],
        decisions: Sequence[Decision] = (),
    ) -> None:
        self.source = source
        self.tree = tree
        self.sites = sites
        self.budgeted = budgeted  # layers with a budget of their own, first node and the one behind the last
        self.decisions = decisions  # in the text of the spec and of shipped blocks

    def written(self, index: int) -> Layer:
        """The layer as the user wrote it: the call, where it is one of a shipped block."""
        return self.site(index).in_users_text()[0].layer

    def site(self, index: int) -> Site:
        """Where a layer was built."""
        site = self.sites[index]
        if site is None:
            raise IndexError(f"node {index} is an input")
        return site

    def is_own(self, index: int) -> bool:
        """Whether a layer is written in the user's text, and not in a block that ships with convcalc."""
        site = self.sites[index]
        return site is not None and not site.layer.source.shipped

    def calls(self, index: int) -> Iterator[Layer]:
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
        if layer.body is not None and isinstance(layer.body, Mapping) and field:
            node = layer.body.find(field)  # one that all layers may have: from, repeat, when, ...
            if node is not None:
                return span(node)
        return span(layer.key)

    def top(self, *keys: str) -> Span:
        """What is marked for the whole spec: the last of the keys that is written, each within the one before."""
        found: Span = (0, 1)
        node: Node | None = self.tree
        for key in keys:
            entry = next((e for e in node.entries if e[0].value == key), None) if isinstance(node, Mapping) else None
            if entry is None:
                break
            found, node = span(entry[0]), entry[1]
        return found

    def same_text(self, index: int) -> tuple[int, ...]:
        """All layers that are built from the same written one, it among them: repetitions, calls of its block."""
        return self._by_text[id(self.written(index))]

    @cached_property
    def _by_text(self) -> dict[int, tuple[int, ...]]:
        found: dict[int, list[int]] = {}
        for index, site in enumerate(self.sites):
            if site is not None:
                found.setdefault(id(self.written(index)), []).append(index)
        return {layer: tuple(indices) for layer, indices in found.items()}

    def _input(self, index: int) -> Span:
        one = self.tree.find("input") if self.tree is not None else None
        several = self.tree.find("inputs") if self.tree is not None else None
        if isinstance(several, Mapping) and index < len(several.entries):
            return span(several.entries[index][0])
        return span(one) if one is not None else (0, 1)
