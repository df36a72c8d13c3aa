"""A network as people look at it: blocks within blocks, no level of which has more than a few dozen parts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

import msgspec

from convcalc.network import Group, Network

MOST_PARTS = 40
"""Parts of a level that can be looked at together; where there are more, they are put into sections."""
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
    """A part, or a single node (kind is empty), with what is directly inside."""

    name: str
    kind: str
    first: int
    last: int
    times: int | None = None
    line: int = 0
    inside: list[_Nested] = []


def outline(network: Network, most: int = MOST_PARTS) -> tuple[OutlinePart, ...]:
    """The parts of a network, each before those inside of it.

    Blocks and repeats are as the network has them. A level with more than `most` parts is put into sections: first of
    those whose names begin alike (``stage1.0.conv`` and ``stage1.1.conv`` are both of ``stage1``), then, where these
    are still too many, of as many as keep the levels even.
    """
    level = _nested(network)
    parts: list[OutlinePart] = []
    _number(_sectioned(level, "", most), None, parts, most)
    return tuple(parts)


def _nested(network: Network) -> list[_Nested]:
    """The outermost level: layers and groups, the latter with what is inside of them. Inputs are in none."""
    groups = [(place, group) for place, group in enumerate(network.groups) if group.last > group.first]
    ordered = [group for _, group in sorted(groups, key=lambda pair: (pair[1].first, -pair[1].last, -pair[0]))]
    outermost: list[_Nested] = []
    around: list[_Nested] = []

    def leaves(first: int, last: int) -> None:
        into = around[-1].inside if around else outermost
        into.extend(_Nested(node.name, "", first + place, first + place + 1)
                    for place, node in enumerate(network.nodes[first:last]))  # fmt: skip

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


def _part_of(group: Group) -> _Nested:
    return _Nested(group.name, group.kind, group.first, group.last, group.times, group.line, [])


def _sectioned(level: list[_Nested], prefix: str, most: int) -> list[_Nested]:
    """The same level with so few parts that they can be looked at."""
    if len(level) <= most:
        return level
    named = list(_by_name(level, prefix))
    if len(named) < len(level):
        return _sectioned(named, prefix, most) if len(named) > most else named
    size = most ** math.ceil(math.log(len(level), most) - 1) if most > 1 else len(level)
    count = -(-len(level) // size)
    bounds = [place * len(level) // count for place in range(count + 1)]
    return [_section(level[first:last]) for first, last in pairwise(bounds)]


def _by_name(level: Sequence[_Nested], prefix: str) -> Iterator[_Nested]:
    """Neighbours whose names begin with the same word as one section, if that is not all of them."""

    def word(part: _Nested) -> str:
        return part.name.removeprefix(prefix).partition(".")[0]

    runs = [(first, list(parts)) for first, parts in groupby(level, word)]
    for first, parts in runs:
        if len(parts) == 1 or len(runs) == 1:
            yield from parts
        else:
            yield _section(parts, f"{prefix}{first}")


def _section(parts: Sequence[_Nested], name: str = "") -> _Nested:
    first, last = parts[0], parts[-1]
    called = name or f"{_first_name(first)} … {_last_name(last)}"
    return _Nested(called, SECTION, first.first, last.last, inside=list(parts))


def _first_name(part: _Nested) -> str:
    return part.name.partition(" … ")[0]


def _last_name(part: _Nested) -> str:
    return part.name.rpartition(" … ")[2]


def _number(level: Iterable[_Nested], parent: int | None, parts: list[OutlinePart], most: int) -> None:
    """Put the parts of a level, and what is inside of them, behind the others."""
    for part in level:
        if not part.kind:
            continue
        own = len(parts)
        parts.append(OutlinePart(part.name, part.kind, part.first, part.last, part.times, parent, part.line))
        _number(_sectioned(part.inside, f"{part.name}.", most), own, parts, most)
