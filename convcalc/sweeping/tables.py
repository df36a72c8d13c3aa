"""Nodes over all values of the few axes that they rest on, and over regions of points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convcalc.arithmetic.graph import LEAF, SUM, OperationGraph
from convcalc.sweeping.evaluation import Arithmetic, Array

MOST_ELEMENTS = 2**16
"""Of a table that is kept."""
MOST_DIMENSIONS = 32
"""Of an array of NumPy, later ones of which have more; over more axes there are no tables and no boxes."""


class ScheduleStep(NamedTuple):
    """One operation of a schedule: its node, those it is worked out of, and those that are then done with."""

    node: int
    operands: tuple[int, ...]
    done: tuple[int, ...]


class Schedule(NamedTuple):
    """What to work out, in order: `tables` are taken as they are, `steps` worked out."""

    tables: tuple[int, ...]
    steps: tuple[ScheduleStep, ...]
    outputs: frozenset[int]


class Box:
    """All combinations of some values of every axis, given by their places.

    The number of a point counts the values of all axes, of which there are `lengths`, the last moving fastest.
    """

    def __init__(self, places: Sequence[Array], lengths: Sequence[int]) -> None:
        self.places = list(places)
        self.lengths = lengths
        self.shape = tuple(map(len, places))
        self._slices = [_as_slice(at) for at in places]

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def first(self) -> list[int]:
        """The place of one of its points on every axis."""
        return [int(at[0]) for at in self.places]

    def numbers(self, which: Array | None) -> Array:
        flat = np.arange(self.size) if which is None else which
        if self._is_in_a_row:
            return flat + _number(self.first, self.lengths)
        return _number(np.unravel_index(flat, self.shape), self.lengths, self.places)

    @property
    def _is_in_a_row(self) -> bool:
        """Whether the numbers of its points follow each other."""
        partial = [axis for axis, extent in enumerate(self.shape) if extent < self.lengths[axis]]
        last = partial[-1] if partial else 0
        return prod(self.shape[:last]) == 1 and all(isinstance(at, slice) for at in self._slices[last : last + 1])

    def over(self, table: Array, axes: int) -> Array:
        for axis, at in enumerate(self._slices):
            if axes >> axis & 1:
                table = table[(slice(None),) * axis + (at,)]
        return table

    def leaf(self, values: Array, axis: int) -> Array:
        shape = [1] * len(self.shape)
        shape[axis] = -1
        return values[self.places[axis]].reshape(shape)

    def with_places(self, axis: int, places: Array) -> Box:
        return Box([*self.places[:axis], places, *self.places[axis + 1 :]], self.lengths)

    def points(self) -> Points:
        """The same points one by one, the last axis moving fastest."""
        grids = np.meshgrid(*self.places, indexing="ij", copy=False) if self.places else []
        return Points([grid.reshape(-1) for grid in grids], self.numbers(None))


def _number(at: Sequence[Any], lengths: Sequence[int], places: Sequence[Array] | None = None) -> Any:
    number: Any = 0
    for axis, (place, length) in enumerate(zip(at, lengths, strict=True)):
        number = number * length + (place if places is None else places[axis][place])
    return number


def _as_slice(places: Array) -> Any:
    """Places in a row as a slice, which copies nothing."""
    if len(places) and places[-1] - places[0] + 1 == len(places) and (np.diff(places) == 1).all():
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


class Points:
    """Points one by one, given by the place of each on every axis, and by number."""

    def __init__(self, places: Sequence[Array], numbers: Array) -> None:
        self.places = list(places)
        self.size = len(numbers)
        self._numbers = numbers
        self._flat: dict[tuple[int, tuple[int, ...]], Array] = {}

    def over(self, table: Array, axes: int) -> Array:
        key = axes, table.shape
        if key not in self._flat:
            flat: Any = 0
            for axis, extent in enumerate(table.shape):
                if axes >> axis & 1:
                    flat = flat * extent + self.places[axis]
            self._flat[key] = flat
        return table.reshape(-1).take(self._flat[key])

    def leaf(self, values: Array, axis: int) -> Array:
        return values.take(self.places[axis])

    def chosen(self, which: Array) -> Points:
        """Some of the points."""
        return Points([at[which] for at in self.places], self._numbers[which])

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size,)

    @property
    def first(self) -> list[int]:
        """The place of one of them on every axis."""
        return [int(at[0]) for at in self.places]

    def numbers(self, which: Array | None) -> Array:
        return self._numbers if which is None else self._numbers[which]


class Tables:
    """The tables of a graph over `leaves`, the values of each axis; `lengths` are how many each axis has."""

    def __init__(self, graph: OperationGraph, leaves: Mapping[tuple[int, ...], Array], lengths: Sequence[int]) -> None:
        self.graph = graph
        self.leaves = leaves
        self.lengths = lengths
        self.arithmetic = Arithmetic(graph)
        self._tables: dict[int, Array] = {}
        self._extents: dict[int, int] = {}

    def extent(self, axes: int) -> int:
        """How many combinations there are of the values of axes."""
        known = self._extents.get(axes)
        if known is None:
            known = prod(length for axis, length in enumerate(self.lengths) if axes >> axis & 1)
            self._extents[axes] = known
        return known

    def is_small(self, node: int) -> bool:
        """Whether a node is worked out once for all values of its axes."""
        return len(self.lengths) <= MOST_DIMENSIONS and self.extent(self.graph.axes[node]) <= MOST_ELEMENTS

    def schedule(self, outputs: Iterable[int]) -> Schedule:
        """How to work out nodes over a region: what is small is a table."""
        return _scheduled(self.graph, frozenset(outputs), self.is_small)

    def over(self, region: Box | Points, schedule: Schedule) -> dict[int, Array]:
        """The outputs of a schedule at the points of a region; a number where one does not vary."""
        self._ensure(schedule.tables)
        return self._run(schedule, region)

    def changed(self, lengths: Sequence[int]) -> None:
        """That the leaves have other values, so many of each axis."""
        self.lengths = lengths
        self._tables.clear()
        self._extents.clear()

    def _ensure(self, nodes: Iterable[int]) -> None:
        missing = frozenset(node for node in nodes if node not in self._tables)
        if missing:
            region = Box([np.arange(length) for length in self.lengths], self.lengths)
            schedule = _scheduled(self.graph, missing, lambda node: node in self._tables)
            self._tables.update(self._run(schedule, region))

    def _run(self, schedule: Schedule, region: Box | Points) -> dict[int, Array]:
        graph, values = self.graph, dict[int, Array]()
        outputs = {node: self._fetched(node, region) for node in schedule.tables if node in schedule.outputs}
        for node, operands, done in schedule.steps:
            operation = graph.operations[node]
            if operation.kind == LEAF:
                values[node] = region.leaf(self.leaves[operation.nodes], operation.nodes[0])
            elif operation.kind == SUM and not operation.nodes:
                values[node] = operation.constant
            else:
                for operand in operands:
                    if operand not in values:
                        values[operand] = self._fetched(operand, region)
                values[node] = self.arithmetic.apply(node, [values[operand] for operand in operands])
            if node in schedule.outputs:
                outputs[node] = values[node]
            for operand in done:
                del values[operand]
        return outputs

    def _fetched(self, node: int, region: Box | Points) -> Array:
        table = self._tables[node]
        return region.over(table, self.graph.axes[node]) if isinstance(table, np.ndarray) else table


def _scheduled(graph: OperationGraph, outputs: frozenset[int], is_table: Any) -> Schedule:
    tables, worked = set[int](), set[int]()
    waiting = list(outputs)
    while waiting:
        node = waiting.pop()
        if node in worked or node in tables:
            continue
        if is_table(node):
            tables.add(node)
            continue
        worked.add(node)
        operation = graph.operations[node]
        if operation.kind != LEAF:
            waiting += operation.nodes
    steps = []
    met: set[int] = set()
    for node in sorted(worked, reverse=True):  # a node is behind those it rests on
        operation = graph.operations[node]
        operands = () if operation.kind == LEAF else operation.nodes
        last = [operand for operand in dict.fromkeys(operands) if operand not in met]
        met.update(last)
        own = [node] if node not in met and node in outputs else []
        met.add(node)
        steps.append(ScheduleStep(node, operands, (*last, *own)))
    return Schedule(tuple(sorted(tables)), tuple(reversed(steps)), outputs)
