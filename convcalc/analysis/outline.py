"""A network as people look at it: blocks within blocks, no level of which has more than a few dozen parts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

import msgspec

from convcalc.network import Group, Network, Node

MOST_PARTS = 40
"""Parts of a level that can be looked at together; where there are more, they are put into sections."""
_WORD = r"[._/]*[^._/]+"
SECTION = "section"
"""The kind of a part that stands in no spec: layers that follow each other, put together because they are many."""


class OutlinePart(msgspec.Struct, frozen=True):
    """Nodes from `first` up to `last`, the latter not included, that are shown as one until somebody looks inside.

    `parent` is the place of the part around it among all parts, None where there is none. `times` is how often a block
    is repeated, None for what is not. A part is a block, a repeat, or a section.
    """

    name: str
    kind: str
    first: int
    last: int
    times: int | None
    parent: int | None
    line: int = 0


class _Nested(msgspec.Struct):
    """A part, or a single node (kind is empty), with what is directly inside. Not named: ``relu7`` of a `relu`."""

    name: str
    kind: str
    first: int
    last: int
    times: int | None = None
    line: int = 0
    inside: list[_Nested] = []
    is_named: bool = True


def outline(network: Network, most: int = MOST_PARTS) -> tuple[OutlinePart, ...]:
    """The parts of a network, each before those inside of it.

    Blocks and repeats are as the network has them. A level with more than `most` parts is put into sections: first of
    those whose names begin alike (``stage1.0.conv`` and ``stage1_1_conv`` are both of ``stage1``, and so is what stands
    between them without a name of its own, as ``relu7``), then, where these are still too many, of as many as keep the
    levels even. A section with most of the layers is left away where there is room for what is in it.
    """
    return tuple(_numbered(_sectioned(_nested(network), "", most), most))


def _nested(network: Network) -> list[_Nested]:
    """The outermost level: layers and groups, the latter with what is inside of them. Inputs are in none."""
    groups = [(place, group) for place, group in enumerate(network.groups) if group.last > group.first]
    ordered = [group for _, group in sorted(groups, key=lambda pair: (pair[1].first, -pair[1].last, -pair[0]))]
    outermost: list[_Nested] = []
    around: list[_Nested] = []

    def leaves(first: int, last: int) -> None:
        into = around[-1].inside if around else outermost
        into.extend(map(_leaf, network.nodes[first:last], range(first, last)))

    at = network.input_count
    for group in ordered:
        while around and around[-1].last <= group.first:
            leaves(at, around[-1].last)
            at = around.pop().last
        leaves(at, group.first)
        at = group.first
        part = _part_of(group)
        (around[-1].inside if around else outermost).append(part)
        around.append(part)
    while around:
        leaves(at, around[-1].last)
        at = around.pop().last
    leaves(at, len(network.nodes))
    return outermost


def _leaf(node: Node, index: int) -> _Nested:
    is_named = not re.fullmatch(rf"{re.escape(node.kind)}_?\d+", node.name)
    return _Nested(node.name, "", index, index + 1, is_named=is_named)


def _part_of(group: Group) -> _Nested:
    return _Nested(group.name, group.kind, group.first, group.last, group.times, group.line, [])


def _sectioned(level: list[_Nested], prefix: str, most: int) -> list[_Nested]:
    """The same level with so few parts that they can be looked at."""
    if len(level) <= most:
        return level
    named = list(_by_name(level, prefix))
    if len(named) < len(level):
        return _sectioned(named, prefix, most) if len(named) > most else _without_most_of_it(named, most)
    size = most ** math.ceil(math.log(len(level), most) - 1) if most > 1 else len(level)
    count = -(-len(level) // size)
    bounds = [place * len(level) // count for place in range(count + 1)]
    return [_section(level[first:last]) for first, last in pairwise(bounds)]


def _without_most_of_it(level: list[_Nested], most: int) -> list[_Nested]:
    """A level in which no section holds most of the layers, as ``features`` does, where there is room to open it."""
    layers = level[-1].last - level[0].first
    place = max(range(len(level)), key=lambda place: level[place].last - level[place].first)
    section = level[place]
    if section.kind != SECTION or 2 * (section.last - section.first) <= layers:
        return level
    inside = _sectioned(section.inside, section.name, most)
    return [*level[:place], *inside, *level[place + 1 :]] if len(level) + len(inside) <= most else level


def _by_name(level: Sequence[_Nested], prefix: str) -> Iterator[_Nested]:
    """Neighbours whose names begin with the same word as one section: the first word in which not all are alike."""
    words = _words(level, prefix)
    while len(set(words)) == 1 and words[0] != prefix:
        prefix = words[0]
        words = _words(level, prefix)
    for word, pairs in groupby(zip(level, words, strict=True), lambda pair: pair[1]):
        parts = [part for part, _ in pairs]
        if len(parts) in (1, len(level)):
            yield from parts
        else:
            yield _section(parts, word)


def _words(level: Sequence[_Nested], prefix: str) -> list[str]:
    """Of each part its name up to the end of the first word behind the prefix; without a name, what is before it."""
    begins = re.compile(re.escape(prefix) + _WORD)
    words: list[str] = []
    for part in level:
        match = begins.match(part.name)
        words.append(words[-1] if words and not part.is_named else match[0] if match else part.name)
    return words


def _section(parts: Sequence[_Nested], name: str = "") -> _Nested:
    first, last = parts[0], parts[-1]
    called = name or f"{_first_name(first)} … {_last_name(last)}"
    return _Nested(called, SECTION, first.first, last.last, inside=list(parts))


def _first_name(part: _Nested) -> str:
    return part.name.partition(" … ")[0]


def _last_name(part: _Nested) -> str:
    return part.name.rpartition(" … ")[2]


def _numbered(outermost: Iterable[_Nested], most: int) -> Iterator[OutlinePart]:
    """The parts of the outermost level, each followed by those inside of it; as deep as they are, without recursion."""
    waiting: list[tuple[_Nested, int | None]] = [(part, None) for part in reversed([*outermost])]
    count = 0
    while waiting:
        part, parent = waiting.pop()
        if part.kind:
            yield OutlinePart(part.name, part.kind, part.first, part.last, part.times, parent, part.line)
            waiting.extend((inner, count) for inner in reversed(_sectioned(part.inside, part.name, most)))
            count += 1
