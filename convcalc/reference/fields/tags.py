"""Tags on single input positions, followed through a network: which output positions they reach.

A tag is a NaN. Two runs go side by side. The first is the network as it is; in the second a tag is dropped
wherever a layer has spread it to all of its positions, so that only local paths are left. They are one
array until something is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from convcalc.arithmetic.spans import Span
from convcalc.reference.fields.stretch import Laid, Length, Place, Probing, run
from convcalc.tensors.engine import Array

NOWHERE = 2**62
_CHUNK_ELEMENTS = 2**22
"""Elements of the largest array of a run: as many tags are followed at a time as stay below."""


class Seen:
    """What was seen of one node.

    Its positions fall into `classes`: those that are whole periods apart see the same, moved on. `low` and `high` are
    the first and last input position that a class was seen to see, for each set of tags. `globally` is whether a tag
    came to some position only by a path that is not local.
    """

    def __init__(self, sets: int, classes: int) -> None:
        self.low = np.full((sets, classes), NOWHERE)
        self.high = np.full((sets, classes), -NOWHERE)
        self.globally = False
        self.problem = ""

    @property
    def classes(self) -> int:
        return self.low.shape[1]

    def span(self, number: int, position: int, period: int) -> Span:
        """The interval that output `position` sees, by the tags of one set."""
        periods, place = divmod(position, self.classes)
        low, high = int(self.low[number, place]), int(self.high[number, place])
        return None if low == NOWHERE else (low + periods * period, high + periods * period)


class Tags:
    """The positions that are tagged, counted from the start of the real axis, each in a set (-1: in none)."""

    def __init__(self, sets: Sequence[range | Sequence[int]], more: Sequence[int] = ()) -> None:
        self.sets = len(sets)
        self.positions = np.array([place for positions in sets for place in positions] + list(more), np.int64)
        members = [number for number, positions in enumerate(sets) for _ in positions]
        self.members = np.array(members + [-1] * len(more), np.int64)


class Arrived:
    """What reached the positions of a node by any path: how many of the `claimed` tags, and the first and last."""

    def __init__(self, claimed: Array, count: int) -> None:
        self.claimed = claimed
        self.reached = np.zeros(len(claimed), bool)
        self.hits = np.zeros(count, np.int64)
        self.low, self.high = np.full(count, NOWHERE), np.full(count, -NOWHERE)

    def add(self, rows: range, positions: Array, tagged: Array) -> None:
        """Tags at input `positions` with the output positions that each was seen at."""
        self.reached[rows.start : rows.stop] = tagged.any(1)
        self.hits += tagged[self.claimed[rows.start : rows.stop]].sum(0)
        row, place = np.nonzero(tagged)
        np.minimum.at(self.low, place, positions[row])
        np.maximum.at(self.high, place, positions[row])


class Follow:
    """One run of a network along one axis, of that length.

    `period` input positions add `growth` positions of a node. At the real size a period is the whole axis.
    """

    def __init__(self, probing: Probing, laid: Sequence[Laid], length: Length) -> None:
        self.probing, self.laid, self.length = probing, laid, length
        self.longer = length.whole - min(probing.sizes)
        self.spreads: Callable[[int], bool] | None = None
        """At the real size: whether the node looks at all positions at once, as there a window may see them too."""
        self.arrived: dict[int, Arrived] = {}
        """At the real size: the nodes of which is kept what reaches them by any path."""
        self.summed: Callable[[int, int], bool] = lambda index, number: False
        """At the real size: whether the node looks at all positions of that input alone, and at none as its own."""

    def run(self, tags: Tags, progress: Callable[[], Any] = lambda: None) -> list[Seen | None]:
        """What is seen of every node, None where it could not be run."""
        largest = max((layer.elements for layer in self.laid if not layer.problem), default=1)
        chunk = max(1, _CHUNK_ELEMENTS // max(largest, 1))
        self.seen: list[Seen | None] = [None] * len(self.laid)
        for start in range(0, len(tags.positions), chunk):
            self._chunk(tags, range(start, min(start + chunk, len(tags.positions))), progress)
        return self.seen

    def _chunk(self, tags: Tags, rows: range, progress: Callable[[], Any]) -> None:
        nodes = self.probing.network.nodes
        last_use = {source: index for index, node in enumerate(nodes) for source in node.inputs}
        kept: dict[int, tuple[Array, Array]] = {}
        count = len(rows) + 1  # the last row is not tagged
        for index, (node, laid) in enumerate(zip(nodes, self.laid, strict=True)):
            if not rows.start:
                progress()
            if laid.problem:
                continue
            if node.is_input:
                tagged = self._tagged_input(index, tags, rows)
                both = tagged, tagged
            elif all(source in kept for source in node.inputs):
                try:
                    both = self._layer(index, [kept[source] for source in node.inputs], count)
                except Exception as error:  # whatever a reference raises is why it is not probed
                    self._note(index, tags, 1).problem = f"{node.name}: {error or type(error).__name__}"
                    continue
            else:
                continue
            if np.isnan(both[0].reshape(count, -1)[-1]).any():
                self._note(index, tags, 1).problem = f"{node.name} gives NaN even where nothing is tagged"
                continue
            if index in last_use:
                kept[index] = both
            kept = {source: arrays for source, arrays in kept.items() if last_use[source] > index}
            self._see(index, both, tags, rows)

    def _tagged_input(self, index: int, tags: Tags, rows: range) -> Array:
        node, axis = self.probing.network.nodes[index], self.probing.axis
        array = self.probing.blank(node, self.longer, len(rows) + 1)
        if self.probing.size(node):
            along = np.moveaxis(array, axis + 2, 1)
            for row, place in enumerate(tags.positions[rows.start : rows.stop] + self.length.margin):
                if place < along.shape[1]:
                    along[row, place] = np.nan
        return array

    def _layer(self, index: int, inputs: list[tuple[Array, Array]], rows: int) -> tuple[Array, Array]:
        node = self.probing.network.nodes[index]
        overall, local = (
            self.probing.entering(node, self.laid, arrays, rows)[0] for arrays in zip(*inputs, strict=True)
        )
        output = self._run(index, overall, rows)
        apart = output if all(a is b for a, b in inputs) else self._run(index, local, rows)
        places = [self.laid[source].place for source in node.inputs]
        if any(place.axis is not None for place in places):  # one position alone is no element's own place on an axis
            local = [_untagged(x, rows) if place.apart else x for x, place in zip(local, places, strict=True)]
        local = [_untagged(x, rows) if self.summed(index, number) else x for number, x in enumerate(local)]
        return output, self._local(index, local, apart, rows)

    def _run(self, index: int, inputs: list[Array], rows: int) -> Array:
        config, engine = self.laid[index].config, self.probing.engine
        output = run(engine, config, inputs)
        if np.isnan(output.reshape(rows, -1)[-1]).any():  # a layer may look across the batch
            rows_alone = [run(engine, config, [x[row : row + 1] for x in inputs]) for row in range(len(inputs[0]))]
            output = np.concatenate(rows_alone)
        return output

    def _local(self, index: int, inputs: list[Array], output: Array, rows: int) -> Array:
        """The output with the tags dropped that are at all of its positions; what a layer sees of itself stays.

        Where one is dropped stands what is there without a tag, of which layers behind it make numbers.
        """
        place = self.laid[index].place
        spread = reached(output, place, rows).all(1) if self.spreads is None else np.full(rows, self.spreads(index))
        if not spread.any():
            return output
        apart = output.reshape(rows, -1, *output.shape[1:]).copy()
        own = self.laid[index].config.own_path()
        of_itself = (
            False if own is None else np.isnan(run(self.probing.engine, own, inputs).reshape(apart.shape)[spread])
        )
        apart[spread] = np.where(of_itself, np.nan, apart[-1])
        return apart.reshape(output.shape)

    def _see(self, index: int, both: tuple[Array, Array], tags: Tags, rows: range) -> None:
        laid, count = self.laid[index], len(rows) + 1
        overall = reached(both[0], laid.place, count)[:-1]
        local = overall if both[0] is both[1] else reached(both[1], laid.place, count)[:-1]
        if index in self.arrived:
            self.arrived[index].add(rows, tags.positions[rows.start : rows.stop], overall)
        seen = self._note(index, tags, laid.growth or 1)
        seen.globally |= local is not overall and bool((overall != local).any())
        period = self.length.period
        shift = laid.growth * self.length.margin // period
        row, position = np.nonzero(local)
        row += rows.start
        periods, place = np.divmod(position - shift, seen.classes)
        inputs, members = tags.positions[row] - periods * period, tags.members[row]
        counted = members >= 0
        np.minimum.at(seen.low, (members[counted], place[counted]), inputs[counted])
        np.maximum.at(seen.high, (members[counted], place[counted]), inputs[counted])

    def _note(self, index: int, tags: Tags, classes: int) -> Seen:
        seen = self.seen[index]
        if seen is None:
            seen = self.seen[index] = Seen(tags.sets, classes)
        return seen


def _untagged(x: Array, rows: int) -> Array:
    """An array that has in every row what the last has, which is not tagged."""
    apart = x.reshape(rows, -1, *x.shape[1:])
    return np.broadcast_to(apart[-1:], apart.shape).reshape(x.shape)


def reached(output: Array, place: Place, rows: int) -> Array:
    """For every tag and position whether it is there: [rows, positions]."""
    tagged: Array = np.isnan(output)
    if place.apart:
        return tagged.reshape(rows, len(output) // rows, -1).any(2)
    if place.axis is None:
        return tagged.reshape(rows, -1).any(1)[:, None]
    along = np.moveaxis(tagged, place.axis + 1, 1)
    return along.reshape(*along.shape[:2], -1).any(2)
