"""Which layer of one network is which of another: by name, then by place and kind.

Names come first, scope by scope: a layer with a name of its own is the layer of that name. A layer that nobody named
is called by its kind and a number that shifts when one is put before it, so such layers are aligned as a diff aligns
lines: the longest sequence that both have in common, by kind and fields first, then by kind alone.

A model file has the names that its exporter gave, and no blocks. Against a spec its layers are matched one by one, and
that one is called otherwise is no change.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import accumulate, takewhile
from operator import attrgetter

import msgspec

from convcalc import steps
from convcalc.analysis.likeness import positions
from convcalc.layers import Kind, Shape
from convcalc.network import Network

Pair = tuple["Item | None", "Item | None"]

_MOST_CELLS = 1_000_000
"""Pairs of layers up to which a longest common sequence is worked out by a table."""
_CELLS_A_STEP = 3
_MOST_EDITS = 1_000
"""Layers removed and added up to which it is worked out beyond that; with more, or where the steps of the run do not
last, it is found nearly."""


class Item(msgspec.Struct, eq=False):
    """A layer, or the layers of a block or a repeat, within one scope. `nodes` are indices, in order.

    `signature`: the kind, all fields and the formats, of what is within too.

    `shape`: of what leaves it, `cost` what tells it by its weights, and `role` what its kind is for, where it is
    matched whatever is around it.

    `is_moved`: a block or repeat around it has another name in the other network.
    """

    name: str
    path: str
    kind: str
    is_moved: bool = False
    nodes: list[int] = []
    children: dict[str, Item] = {}
    signature: Hashable = None
    shape: Shape = ()
    cost: Hashable = None
    role: str = ""

    @property
    def is_named(self) -> bool:
        """Whether its name is more than its kind and a number."""
        return not re.fullmatch(re.escape(self.kind) + r"_?\d+", self.name)

    @property
    def form(self) -> Hashable:
        """The kind alone, and whether it is a layer or several."""
        return self.kind, bool(self.children)


def tree(network: Network, known: dict[Hashable, int]) -> list[Item]:
    """The layers of a network by scope; `known` numbers what is alike, and is shared by the networks compared."""
    top = Item("", "", "")
    kinds = {group.name: group.kind for group in network.groups}
    for index, node in enumerate(network.layers, start=network.input_count):
        item, parts = top, node.name.split(".")
        for part, path in zip(parts, accumulate(parts, "{}.{}".format), strict=True):
            item = item.children.setdefault(part, Item(part, path, kinds.get(path, "")))
            item.nodes.append(index)
        item.kind = node.kind
        item.signature = known.setdefault((node.kind, node.config, node.precision), len(known))
    _sign(top, known)
    return list(top.children.values())


def leaves(network: Network, known: dict[Hashable, int], costs: Sequence[Hashable]) -> list[Item]:
    """The layers of a network whatever is around them, by the names that they would have without it."""
    return [
        Item(
            node.name.replace(".", "_"),
            node.name,
            node.kind,
            nodes=[index],
            signature=known.setdefault((node.kind, node.config, node.precision), len(known)),
            shape=node.shape,
            cost=cost,
            role=_role(node.config),
        )
        for index, (node, cost) in enumerate(zip(network.layers, costs, strict=True), start=network.input_count)
    ]


def _role(config: Kind) -> str:
    roles = {"activation": config.is_activation, "norm": config.scales_channels, "pool": config.is_pool}
    return next((role for role, is_its in roles.items() if is_its), "")


def _sign(item: Item, known: dict[Hashable, int]) -> None:
    for child in item.children.values():
        _sign(child, known)
    if item.children:
        key = (item.kind, tuple(child.signature for child in item.children.values()))
        item.signature = known.setdefault(key, len(known))


def aligned(base: Sequence[Item], head: Sequence[Item]) -> Iterator[Pair]:
    """Pairs of what is the same in both, and what only one has, in an order that suits both."""
    partner = _by_name(base, head)
    for key in (attrgetter("signature"), attrgetter("form")):
        for mine, theirs in _gaps(base, head, partner):
            pairs = common([key(base[place]) for place in mine], [key(head[place]) for place in theirs])
            partner |= {mine[first]: theirs[second] for first, second in pairs}
    yield from _merged(base, head, partner)


def aligned_leaves(base: Sequence[Item], head: Sequence[Item]) -> Iterator[Pair]:
    """The same for layers whose names need not be the same: what is alike, then what is of one kind in one place.

    Branches may run in another order, so what is alike may stand anywhere, if nothing else does.
    """
    named = _by_name(base, head)
    partner = _trusted(base, head, named)
    alike = attrgetter("signature", "shape")
    for key in (alike, _by_cost, attrgetter("kind", "shape"), attrgetter("kind"), _by_role):
        for mine, theirs in _gaps(base, head, partner):
            pairs = common([key(base[place]) for place in mine], [key(head[place]) for place in theirs])
            partner |= {mine[first]: theirs[second] for first, second in pairs}
        if key is alike:
            partner |= _anywhere(base, head, partner, key)
        if key is _by_cost:
            taken = set(partner.values())
            partner |= {mine: theirs for mine, theirs in named.items() if mine not in partner and theirs not in taken}
    partner |= _anywhere(base, head, partner, _by_form)
    yield from _merged(base, head, partner)


def _trusted(base: Sequence[Item], head: Sequence[Item], named: dict[int, int]) -> dict[int, int]:
    """Pairs by name: all of them where most say that they are right, else those that do.

    Two files of one network may count their layers otherwise, and `conv2` of one be another than that of the other.
    """
    right = {
        mine: theirs
        for mine, theirs in named.items()
        if base[mine].cost == head[theirs].cost
        and (base[mine].cost is not None or base[mine].kind == head[theirs].kind)
        and base[mine].shape == head[theirs].shape
    }
    return named if 2 * len(right) > len(named) else right


def _by_form(item: Item) -> Hashable:
    """What it makes of which kind, if it multiplies by weights; itself otherwise, since such layers say little."""
    return item if item.cost is None else (item.kind, item.shape)


def _by_role(item: Item) -> Hashable:
    """What it is for and the positions that leave it: one activation for another; itself where it has no such role."""
    return (item.role, positions(item.shape)) if item.role else item


def _by_cost(item: Item) -> Hashable:
    """What it costs, which tells a `linear` that is a `conv` of one tap; itself where that says nothing."""
    return item.cost if item.cost is not None else item


def _anywhere(
    base: Sequence[Item], head: Sequence[Item], partner: dict[int, int], key: Callable[[Item], Hashable]
) -> dict[int, int]:
    """Pairs of what is alike and not matched yet, in the order in which it stands in both."""
    taken = set(partner.values())
    free: dict[Hashable, list[int]] = {}
    for place in reversed(range(len(head))):
        if place not in taken:
            free.setdefault(key(head[place]), []).append(place)
    left = (place for place in range(len(base)) if place not in partner)
    return {place: alike.pop() for place in left if (alike := free.get(key(base[place])))}


def _by_name(base: Sequence[Item], head: Sequence[Item]) -> dict[int, int]:
    """Places of items whose names are the same, and given rather than counted in one of the two."""
    places = {item.name: place for place, item in enumerate(head)}
    return {
        place: places[item.name]
        for place, item in enumerate(base)
        if item.name in places and (item.is_named or head[places[item.name]].is_named)
    }


def _gaps(base: Sequence[Item], head: Sequence[Item], partner: dict[int, int]) -> list[tuple[list[int], list[int]]]:
    """The places between the pairs, as far as these are in the same order in both."""
    taken = set(partner.values())
    anchors = [*_rising(sorted(partner.items())), (len(base), len(head))]
    gaps, first, second = [], 0, 0
    for mine, theirs in anchors:
        left = [place for place in range(first, mine) if place not in partner]
        right = [place for place in range(second, theirs) if place not in taken]
        if left and right:
            gaps.append((left, right))
        first, second = mine + 1, theirs + 1
    return gaps


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """A longest part of the pairs in which the second rises as the first does."""
    import bisect

    ends: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for place, (_, theirs) in enumerate(pairs):
        length = bisect.bisect_left(ends, theirs)
        before.append(at[length - 1] if length else -1)
        ends[length : length + 1] = [theirs]
        at[length : length + 1] = [place]
    kept, place = [], at[-1] if at else -1
    while place >= 0:
        kept.append(pairs[place])
        place = before[place]
    return kept[::-1]


def common(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[tuple[int, int]]:
    """A longest common subsequence, as pairs of places; equal beginnings and ends are paired first."""
    start, least = 0, min(len(left), len(right))
    while start < least and left[start] == right[start]:
        start += 1
    end = 0
    while end < least - start and left[-1 - end] == right[-1 - end]:
        end += 1
    middle = _longest(left[start : len(left) - end], right[start : len(right) - end])
    return [
        *((place, place) for place in range(start)),
        *((start + first, start + second) for first, second in middle),
        *((len(left) - place, len(right) - place) for place in range(end, 0, -1)),
    ]


def _longest(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[tuple[int, int]]:
    cells = len(left) * len(right)
    pairs = _few_edits(left, right) if cells > _MOST_CELLS else None
    if pairs is not None:
        return pairs
    if cells > _MOST_CELLS or not steps.afford(cells // _CELLS_A_STEP):
        return _by_occurrence(left, right)
    lengths = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for first in range(len(left) - 1, -1, -1):
        below, row = lengths[first + 1], lengths[first]
        for second in range(len(right) - 1, -1, -1):
            same = left[first] == right[second]
            row[second] = below[second + 1] + 1 if same else max(below[second], row[second + 1])
    both, first, second = [], 0, 0
    while first < len(left) and second < len(right):
        if left[first] == right[second]:
            both.append((first, second))
            first, second = first + 1, second + 1
        elif lengths[first + 1][second] >= lengths[first][second + 1]:
            first += 1
        else:
            second += 1
    return both


def _few_edits(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[tuple[int, int]] | None:
    """A longest common subsequence, None where it takes more than `_MOST_EDITS` edits, or more steps than are left.

    Myers, "An O(ND) difference algorithm and its variations", 1986: `reach[k]` is how far into `left` one gets on
    diagonal k (place in left less place in right) with so many edits.
    """
    reach = {1: 0}
    history: list[dict[int, int]] = []
    for edits in range(_MOST_EDITS + 1):
        if not steps.afford(edits):
            return None
        history.append({diagonal: reach[diagonal] for diagonal in range(-edits - 1, edits + 2) if diagonal in reach})
        for diagonal in range(-edits, edits + 1, 2):
            down = diagonal == -edits or (diagonal != edits and reach[diagonal - 1] < reach[diagonal + 1])
            first = reach[diagonal + 1] if down else reach[diagonal - 1] + 1
            while first < len(left) and first - diagonal < len(right) and left[first] == right[first - diagonal]:
                first += 1
            reach[diagonal] = first
            if first >= len(left) and first - diagonal >= len(right):
                return _traced_back(history, len(left), len(right))
    return None


def _traced_back(history: list[dict[int, int]], first: int, second: int) -> list[tuple[int, int]]:
    """The pairs on the way that `_few_edits` found, from its end to its beginning and turned round."""
    pairs = []
    for edits in range(len(history) - 1, -1, -1):
        reach, diagonal = history[edits], first - second
        down = diagonal == -edits or (diagonal != edits and reach[diagonal - 1] < reach[diagonal + 1])
        before = diagonal + 1 if down else diagonal - 1
        came, from_ = (reach[before], reach[before] - before) if edits else (0, 0)
        while first > came and second > from_:
            first, second = first - 1, second - 1
            pairs.append((first, second))
        first, second = came, from_
    return pairs[::-1]


def _by_occurrence(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[tuple[int, int]]:
    """The n-th of its like with the n-th of its like, as far as these rise: nearly a longest common subsequence."""
    places = {like: place for place, like in enumerate(_numbered(right))}
    return _rising([(place, places[like]) for place, like in enumerate(_numbered(left)) if like in places])


def _numbered(items: Sequence[Hashable]) -> Iterator[tuple[Hashable, int]]:
    counts: Counter[Hashable] = Counter()
    for item in items:
        counts[item] += 1
        yield item, counts[item]


def _merged(base: Sequence[Item], head: Sequence[Item], partner: dict[int, int]) -> Iterator[Pair]:
    """In the order of `head`; what only `base` has stands behind what it stood behind there."""
    owner = {theirs: mine for mine, theirs in partner.items()}
    yield from _alone(base, 0, partner)
    for theirs, item in enumerate(head):
        mine = owner.get(theirs)
        yield None if mine is None else base[mine], item
        if mine is not None:
            yield from _alone(base, mine + 1, partner)


def _alone(base: Sequence[Item], start: int, partner: dict[int, int]) -> Iterator[Pair]:
    """What only `base` has, from a place on up to what both have."""
    return ((base[place], None) for place in takewhile(lambda place: place not in partner, range(start, len(base))))
