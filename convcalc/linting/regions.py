"""The parts of a spec's text that a remark can be about: each written layer, each block's definition, each other field.

Reads the tree as it is written, so that there are regions also where a spec has mistakes.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from collections.abc import Sequence as Sequence_

from convcalc.language.edits import Layout
from convcalc.language.source import Source, before_blanks
from convcalc.language.template import MERGES, numbered
from convcalc.language.tree import Mapping, Node, Scalar, Sequence


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

    def __init__(self, regions: Sequence_[Region]) -> None:
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


def regions(source: Source, tree: Mapping | None) -> list[Region]:
    """All regions of a spec, outer ones before those within."""
    return list(_Reader(source).spec(tree)) if tree is not None else []


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.layout = Layout(source.text)

    def spec(self, tree: Mapping) -> Iterator[Region]:
        for key, value in tree.entries:
            if key.value == "layers":
                yield from self._layers(value, "", {})
            elif key.value == "blocks":
                yield from self._blocks(value)
            else:
                yield self._region(key, value, "")

    def _blocks(self, node: Node) -> Iterator[Region]:
        for key, definition in node.entries if isinstance(node, Mapping) else []:
            name = str(key.value)
            yield self._region(key, definition, name)
            body = definition.find("layers") if isinstance(definition, Mapping) else None
            if body is not None:
                yield from self._layers(body, f"{name}.", {})

    def _layers(self, node: Node, prefix: str, counts: dict[str, int]) -> Iterator[Region]:
        for item in node.items if isinstance(node, Sequence) else []:
            key, body = _parts(item)
            if key is None:
                continue
            kind = str(key.value)
            number = counts[kind] = counts.get(kind, 0) + 1
            fields = body if isinstance(body, Mapping) else None
            written = fields.find("name") if fields is not None else None
            name = str(written.value) if isinstance(written, Scalar) else numbered(kind, number)
            yield self._region(key, body, prefix + name, _ignored(fields))
            branches = fields.find("branches") if fields is not None and kind in MERGES else None
            inner, counted = (f"{prefix}{name}.", {}) if fields and fields.find("repeat") else (prefix, counts)
            for branch in branches.items if isinstance(branches, Sequence) else []:
                yield from self._layers(branch, inner, counted)

    def _region(self, key: Scalar, value: Node | None, name: str, ignored: tuple[Scalar, ...] = ()) -> Region:
        start = key.start
        follows = value is not None and value.start >= key.end  # what stands behind an alias does not
        end = self.layout.end(value) if follows and value is not None else key.end
        return Region(self.source, start, max(key.end, end), name, ignored)


def _parts(item: Node) -> tuple[Scalar | None, Node | None]:
    if isinstance(item, Scalar):
        return item, None
    if isinstance(item, Mapping) and item.entries:
        return item.entries[0]
    return None, None


def _ignored(fields: Mapping | None) -> tuple[Scalar, ...]:
    lint = fields.find("lint") if fields is not None else None
    found = lint.find("ignore") if isinstance(lint, Mapping) else None
    items = found.items if isinstance(found, Sequence) else [found]
    return tuple(item for item in items if isinstance(item, Scalar) and isinstance(item.value, str))
