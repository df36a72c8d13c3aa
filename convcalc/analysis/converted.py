"""Which layers of two files of one network differ by conversion alone.

A converter folds norms into the layers before them, turns axes, puts padding into a layer of its own or takes it from
there. It is told by what the layers are: one with a bias and no norm against one with a norm behind it. What is not
explained by that is a change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from math import prod
from typing import Literal, NamedTuple

from convcalc.analysis.likeness import Standing, is_alike, is_placed_alike, numbers, positions
from convcalc.analysis.report import COSTS, Report, Row
from convcalc.network import Network, Node

Reason = Literal["", "norm folded", "bias of the norm", "said otherwise", "numbers", "no cost", "field"]
"""Why a layer differs though the network is the same.

``numbers``: in an `eps` or a slope alone. ``field``: it costs what it did, and only sees another part of the input,
since a pool before it says that it is global, or a layer before it is padded otherwise.
"""


def weighed(report: Report) -> list[Hashable]:
    """What tells the layers that multiply by weights: how many, without the bias, and the MACs. None for all others."""
    network = report.network
    rows = zip(network.layers, report.layers, strict=True)
    return [(weights, row.macs) if row.macs and (weights := _weights(network, node)) else None for node, row in rows]


def _weights(network: Network, node: Node) -> int:
    arrays = node.config.weights(*network.shapes_into(node))
    return sum(prod(shape) for name, shape in arrays.items() if not name.startswith("bias"))


class _Before(NamedTuple):
    """The layer before those that are passed over, and the positions that these pad before each axis."""

    origin: int
    padded: dict[int, int]


class Converted:
    """Which layers of two networks differ by conversion alone, once they are matched.

    `folded` are norms that one side alone has, each with the layer into which it goes, those are `normed`, and `free`
    is what it alone has that costs nothing.
    """

    def __init__(self, base: Report, head: Report, partner: Mapping[int, int]) -> None:
        self.reports = base, head
        self.networks = base.network, head.network
        self.partners = dict(partner), {theirs: mine for mine, theirs in partner.items()}
        self._keys = weighed(base), weighed(head)
        self.folded: tuple[dict[int, int], dict[int, int]] = {}, {}
        self.free: tuple[set[int], set[int]] = set(), set()
        self.normed: tuple[set[int], set[int]] = set(), set()
        self._before: tuple[dict[int, _Before], dict[int, _Before]] = {}, {}
        for side in (0, 1):
            self._pass_over(side)

    def reason(self, mine: int | None, theirs: int | None) -> Reason:
        """Why a layer that is not the same does not differ for all that; empty where it does."""
        if mine is not None and theirs is not None:
            return self._of_pair(mine, theirs)
        side, index = (0, mine) if mine is not None else (1, theirs)
        return "norm folded" if index in self.folded[side] else "no cost" if index in self.free[side] else ""

    def sees_alike(self, mine: int, theirs: int) -> bool:
        """Whether a layer that says what it said costs what it did, and only sees another part of the input."""
        first, second = self._row(0, mine), self._row(1, theirs)
        if positions(first.output_shape) != positions(second.output_shape):
            return False
        fields = first.receptive_field, second.receptive_field
        is_moved = fields[0].is_global != fields[1].is_global or fields[0].size == fields[1].size
        return is_moved and all(getattr(first, cost) == getattr(second, cost) for cost in COSTS)

    def origin(self, side: int, index: int) -> int:
        """The layer whose values a layer gives, those passed over that only the conversion put there or left out."""
        return self._before[side][index].origin if index in self._before[side] else index

    def key(self, side: int, index: int) -> Hashable:
        """What tells a layer that multiplies by weights; None for all others."""
        place = index - self.networks[side].input_count
        return self._keys[side][place] if place >= 0 else None

    def matches(self, mine: int, theirs: int) -> bool:
        """Whether two layers multiply by as many weights, as often, in the same way."""
        key = self.key(0, mine)
        return key is not None and key == self.key(1, theirs) and is_alike(*self.places(mine, theirs))

    def matching(self) -> Iterator[tuple[int, int]]:
        """The pairs that multiply by the same weights."""
        return ((mine, theirs) for mine, theirs in self.partners[0].items() if self.matches(mine, theirs))

    def places(self, mine: int, theirs: int) -> tuple[Standing, Standing]:
        """Two layers where they stand."""
        return self._place(0, mine), self._place(1, theirs)

    def _row(self, side: int, index: int) -> Row:
        return self.reports[side].rows(index, index + 1)[0]

    def _place(self, side: int, index: int) -> Standing:
        network = self.networks[side]
        node = network.nodes[index]
        if not node.inputs:
            return Standing(node, node.shape, {})
        source = node.inputs[0]
        before = self._before[side].get(source)
        return Standing(node, network.nodes[source].shape, before.padded if before is not None else {})

    def _pass_over(self, side: int) -> None:
        """What one side alone has, where that is only the conversion's."""
        network, other = self.networks[side], self.networks[1 - side]
        readers = Counter(source for node in network.layers for source in node.inputs)
        for index, node in enumerate(network.layers, start=network.input_count):
            if index in self.partners[side]:
                continue
            row = self._row(side, index)
            if row.costed and not any(getattr(row, cost) for cost in COSTS):
                self.free[side].add(index)
                if len(node.inputs) == 1:
                    self._before[side][index] = self._behind(side, node)
            elif _is_fixed_norm(node) and len(node.inputs) == 1 and readers[node.inputs[0]] == 1:
                before = self.origin(side, node.inputs[0])
                partner = self.partners[side].get(before)
                if partner is None or not self.matches(*((before, partner) if side == 0 else (partner, before))):
                    continue
                if "bias" in other.arrays_of(other.nodes[partner]):
                    self.folded[side][index] = before
                    self.normed[side].add(before)
                    self._before[side][index] = _Before(before, {})

    def _behind(self, side: int, node: Node) -> _Before:
        """What is before a layer that costs nothing, and the padding from there on."""
        (source,) = node.inputs
        before = self._before[side].get(source, _Before(source, {}))
        cut = node.config.cut(self.networks[side].nodes[source].shape)
        padded = {axis: before.padded.get(axis, 0) - start for axis, (start, _) in cut.items()}
        return _Before(before.origin, before.padded | padded)

    def _of_pair(self, mine: int, theirs: int) -> Reason:
        places = self.places(mine, theirs)
        if not (is_alike(*places) and is_placed_alike(*places)):
            return ""
        base, head = self._row(0, mine), self._row(1, theirs)
        if base.macs != head.macs:
            return ""
        if base.params != head.params:
            is_normed = mine in self.normed[0] or theirs in self.normed[1]
            return "bias of the norm" if is_normed and self.matches(mine, theirs) else ""
        if base.elementwise_ops != head.elementwise_ops:
            return ""
        return "numbers" if numbers(places[0].node.config, places[1].node.config) else "said otherwise"


def _is_fixed_norm(node: Node) -> bool:
    """Whether it multiplies channels by numbers that are known once training is over."""
    return node.config.scales_channels and getattr(node.config, "track_running_stats", True)
