"""The parts of a spec's text that a remark can be about: each written layer, each block's definition, each other field.

They come from the spec as it is written, so that there are regions also where it has mistakes.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence

from convcalc.language.edits import Layout
from convcalc.language.outline import Outline, Scope
from convcalc.language.source import Source, before_blanks
from convcalc.language.tree import Mapping, Node, Scalar, entries_of


class Region:
    """The characters from `start` to `end`, on the lines from `first` to `last`.

    `name` is that of a layer or block, empty for a field of the spec; `ignored` are the rules it says not to apply.
    """

    __slots__ = ("end", "first", "ignored", "last", "name", "start")

    def __init__(self, source: Source, start: int, end: int, name: str, ignored: tuple[Scalar, ...] = ()) -> None:
        self.start = start
        self.end = max(start + 1, before_blanks(source.text, start, end))
        self.first = source.line(start)
        self.last = source.line(self.end - 1)
        self.name = name
        self.ignored = ignored


class Around:
    """Finds the innermost region at a place."""

    def __init__(self, regions: Sequence[Region]) -> None:
        self._sorted = sorted(regions, key=lambda region: (region.start, -region.end))
        self._starts = [region.start for region in self._sorted]
        self._outer: list[int] = []  # of each the region it stands in, -1 for none
        for number, region in enumerate(self._sorted):
            outer = number - 1
            while outer >= 0 and self._sorted[outer].end <= region.start:
                outer = self._outer[outer]
            self._outer.append(outer)

    def innermost(self, place: int) -> Region | None:
        """The smallest region that a character stands in."""
        number = bisect.bisect_right(self._starts, place) - 1
        while number >= 0 and self._sorted[number].end <= place:
            number = self._outer[number]
        return self._sorted[number] if number >= 0 else None


def regions(outline: Outline) -> list[Region]:
    """All regions of a spec, outer ones before those within."""
    return list(_Regions(outline).all())


class _Regions:
    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.layout = Layout(outline.source.text)

    def all(self) -> Iterator[Region]:
        for key, value in self.outline.root.entries:
            if key.value == "layers":
                yield from self._layers(self.outline.scope, "")
            elif key.value == "blocks":
                yield from self._blocks(value)
            else:
                yield self._region(key, value, "")

    def _blocks(self, node: Node) -> Iterator[Region]:
        for key, definition in entries_of(node):
            name = str(key.value)
            yield self._region(key, definition, name)
            if isinstance(definition, Mapping):
                yield from self._layers(self.outline.own[name].scope, f"{name}.")

    def _layers(self, scope: Scope, prefix: str) -> Iterator[Region]:
        for layer in scope.layers:
            yield self._region(layer.key, layer.value, prefix + layer.name, layer.ignored)
            if layer.inner is not None:
                yield from self._layers(layer.inner, f"{prefix}{layer.name}.")

    def _region(self, key: Scalar, value: Node | None, name: str, ignored: tuple[Scalar, ...] = ()) -> Region:
        follows = value is not None and value.start >= key.end  # what stands behind an alias does not
        end = self.layout.end(value) if follows and value is not None else key.end
        return Region(self.outline.source, key.start, max(key.end, end), name, ignored)
