"""A sweep as it is to be worked out: which points there are, and what becomes of any run of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from convcalc import steps
from convcalc.analysis.terms import HowRun, terms_of
from convcalc.arithmetic.graph import OperationGraph
from convcalc.language import Source, SpecError
from convcalc.language.suggestions import did_you_mean
from convcalc.layers import Shape
from convcalc.sweeping.axes import Axis, Space
from convcalc.sweeping.draws import Draws, places_of
from convcalc.sweeping.evaluation import Array
from convcalc.sweeping.factoring import Factoring
from convcalc.sweeping.leaves import Leaves
from convcalc.sweeping.point_blocks import PointBlock, Refusal
from convcalc.sweeping.queries import Asked, asked, matching
from convcalc.sweeping.subject import SweptNetwork
from convcalc.sweeping.tables import MOST_DIMENSIONS, Box, Points, Schedule, Tables
from convcalc.sweeping.totals import ASKABLE, BOUNDS, shown_totals
from convcalc.sweeping.tracing import Questions, Tracer
from convcalc.sweeping.tree import AtNode, Explorer, Outcome, Over, nodes_of, on_nodes
from convcalc.sweeping.values import exact

if TYPE_CHECKING:
    from convcalc.opening import How

_BOX = 2**17
"""Points of a grid that are worked out together."""
_POINTS = 2**15
"""Points that are worked out together one by one."""
_TRIED = 16
"""Points that are visited at most to see whether what is asked has a value."""


class Plan:
    """The points of a sweep by number: those of the product of the axes, or so many that are drawn from it.

    `keys` are expressions to be made small, the first `objectives` of them those of a Pareto front. With `field` the
    receptive field is among the totals.
    """

    def __init__(
        self,
        source: str | Source,
        axes: Sequence[Axis],
        *,
        where: str = "",
        pareto: Sequence[str] = (),
        sort: Sequence[str] = (),
        sample: int | None = None,
        seed: int = 0,
        field: bool = False,
        inputs: Mapping[str, Shape] | None = None,
        variables: Mapping[str, object] | None = None,
        run: HowRun | None = None,
        how: How | None = None,
    ) -> None:
        self._arguments = (source, tuple(axes)), {
            "where": where, "pareto": pareto, "sort": sort, "sample": sample, "seed": seed, "field": field,
            "inputs": inputs, "variables": variables, "run": run, "how": how,
        }  # fmt: skip
        self.space = Space(tuple(axes))
        self.subject = SweptNetwork(source, inputs or {}, variables or {}, how or {})
        self.terms = terms_of(self.subject.base, **(run or {}))
        names = [axis.name for axis in axes]
        self.subject.check(names)
        known = [*ASKABLE, *names]
        condition = asked("--where", where, known) if where else None
        keys = [asked(option, key, known) for option, of in (("--pareto", pareto), ("--sort", sort)) for key in of]
        self._check(axes)
        self.objectives = len(pareto)
        graph = OperationGraph()
        leaves = {
            axis.name: Leaves(graph, number, axis.values, pinned=self.subject.is_pinned(axis.name))
            for number, axis in enumerate(axes)
        }
        self.tracer = Tracer(self.subject, graph, leaves, Questions(condition, keys, field=field), self.terms)
        self.lengths = [len(axis.values) for axis in axes]
        arrays = {place: array for on in leaves.values() for place, array in on.arrays.items()}
        self.tables = Tables(graph, arrays, self.lengths)
        self.explorer = Explorer(self.tracer, self.tables)
        is_drawn = sample is not None and sample < self.space.size
        self.draws = Draws(self.lengths, seed) if is_drawn else None
        self.points = min(sample, self.space.size) if sample is not None else self.space.size
        self._schedules: dict[tuple[int, bool], tuple[Schedule, tuple[Any, ...]]] = {}
        extents = self._extents_in_box()
        self._arranging = {
            True: Factoring(self.tables.graph, self.tables.is_small, lambda axes: _product(extents, axes)),
            False: Factoring(self.tables.graph, self.tables.is_small, lambda axes: 1),
        }
        queries = [*([condition] if condition is not None else []), *keys]
        self._check_bounds(queries)
        self._check_layers(queries)
        self._try_some()

    def _check(self, axes: Sequence[Axis]) -> None:
        """That nothing that is swept is called as a total is, and that there are the variants that are named."""
        for axis in axes:
            if axis.name in ASKABLE:
                message = f"{axis.name} is what a total is called, and cannot be swept by that name"
                place = Source("--over", axis.name)
                raise SpecError([place.diagnostic("CC011", 0, len(axis.name), message, "call it otherwise")])
            if self.subject.is_variant(axis.name):
                self.subject.check_variants(map(str, axis.values))

    def _check_bounds(self, queries: Sequence[Asked]) -> None:
        """That there is a device where a time on one is asked for."""
        for query in queries if self.terms.device is None else ():
            for name in query.expression.names:
                if name.id in BOUNDS:
                    message = f"`{name.id}` is the least time that a device takes, and none is named"
                    advice = "give --device NAME; `convcalc devices` lists them"
                    raise SpecError([query.diagnostic(message, name, advice, "CC013")])

    def _check_layers(self, queries: Sequence[Asked]) -> None:
        """That there are the layers that are named, in the network as it is or at some point."""
        own = [node.name for node in self.subject.base.layers]
        for query in queries:
            for glob, written in query.layers():
                if not any(_is_among(glob, names) for names in chain([own], map(self._layers_at, self._some()))):
                    advice = did_you_mean(glob, own) or "`convcalc analyze` lists the names; * stands for any"
                    raise SpecError([query.diagnostic_of(written, f"no layer or block is named `{glob}`", advice)])

    def _layers_at(self, number: int) -> list[str]:
        try:
            return [node.name for node in self.subject.network(self.point(number)).layers]
        except (SpecError, steps.OutOfSteps):
            return []

    def _some(self) -> Iterable[int]:
        """Some points, by number, from the first to the last."""
        return dict.fromkeys(turn * (self.points - 1) // _TRIED for turn in range(_TRIED + 1))

    def _try_some(self) -> None:
        """Visit points until one is no refused one.

        Raises:
            SpecError: there is none, and what is asked has no value at one of them.
        """
        fault = None
        for number in self._some():
            outcome = self._outcome(number)
            if not outcome.code:
                return
            fault = fault or outcome.fault
        if fault is not None:
            raise SpecError([fault])

    def _outcome(self, number: int) -> Outcome:
        """What one point comes to."""
        ((_, outcome),) = self.explorer.parts(next(self._regions(number, 1)))
        return outcome

    def __reduce__(self) -> Any:
        positional, named = self._arguments
        return _planned, (positional, named)

    @property
    def chunk(self) -> int:
        """A number of points that is worked out well together."""
        return _POINTS if self._is_pointwise else max(self._inner * self._run, 1)

    @property
    def _is_pointwise(self) -> bool:
        """Whether points are worked out one by one: those of a grid are in boxes."""
        return self.draws is not None or len(self.lengths) > MOST_DIMENSIONS

    def _extents_in_box(self) -> list[int]:
        """How many values of each axis there are in a box: all of the last ones, some of one, one of the first."""
        extents, self._inner, self._run = [1] * len(self.lengths), 1, 1
        for axis in reversed(range(len(self.lengths))):
            if self._inner * self.lengths[axis] > _BOX:
                self._run = extents[axis] = max(_BOX // self._inner, 1)
                break
            extents[axis] = self.lengths[axis]
            self._inner *= self.lengths[axis]
        return extents

    def block(self, first: int, count: int) -> PointBlock:
        """Work out so many points, from one on."""
        pieces: list[tuple[Array, tuple[Array, ...]]] = []
        refusals: dict[tuple[str, str], Refusal] = {}
        count = min(count, self.points - first)
        for region in self._regions(first, count):
            for part, outcome in self.explorer.parts(region):
                if outcome.code:
                    key, number = (outcome.code, outcome.message), int(part.numbers(None).min())
                    known = refusals.get(key, Refusal(*key, number, 0))
                    refusals[key] = Refusal(*key, min(known.first, number), known.count + part.size)
                else:
                    pieces.append(self._kept(part, outcome))
        numbers, keys = _joined(pieces, len(self.tracer.questions.keys))
        return PointBlock(count, numbers, keys, tuple(refusals.values()))

    def _regions(self, first: int, count: int) -> Iterator[Box | Points]:
        if self._is_pointwise:
            for start in range(first, first + count, _POINTS):
                numbers = np.arange(start, min(start + _POINTS, first + count))
                yield Points(self._places_of(numbers), numbers)
            return
        for ranges in boxes(first, first + count, self.lengths):
            yield from self._small_boxes(ranges)

    def _small_boxes(self, ranges: list[range]) -> Iterator[Box]:
        """A box in boxes that are worked out together."""
        if prod(map(len, ranges)) <= 2 * _BOX:
            yield Box([np.arange(places.start, places.stop) for places in ranges], self.lengths)
            return
        axis = next(axis for axis, places in enumerate(ranges) if len(places) > 1)
        run = max(_BOX // prod(self.lengths[axis + 1 :]), 1)
        for at in range(0, len(ranges[axis]), run):
            yield from self._small_boxes([*ranges[:axis], ranges[axis][at : at + run], *ranges[axis + 1 :]])

    def _kept(self, part: Box | Points, outcome: Outcome) -> tuple[Array, tuple[Array, ...]]:
        """The points of a part that satisfy the condition, with their keys."""
        schedule, (satisfies, keys) = self._scheduled(outcome, is_box=isinstance(part, Box))
        if satisfies is False:
            return np.zeros(0, np.int64), tuple(np.zeros(0, np.int64) for _ in keys)
        values = self.tables.over(part, schedule)
        which: Any = None
        if isinstance(satisfies, AtNode):
            which = np.flatnonzero(np.broadcast_to(values[satisfies.node], part.shape))
            if len(which) == part.size:
                which = None
        return part.numbers(which), tuple([_column(key, values, part.shape, which) for key in keys])

    def _scheduled(self, outcome: Outcome, *, is_box: bool) -> tuple[Schedule, tuple[Any, Any]]:
        """What to work out for the condition and the keys of an outcome, arranged for a box or for single points."""
        key = id(outcome), is_box
        if key not in self._schedules:
            values = on_nodes(self._arranging[is_box].arranged, (outcome.satisfies, outcome.keys))
            nodes = list(nodes_of([values[0], *values[1]]))
            self._schedules[key] = self.tables.schedule(nodes), values
        return self._schedules[key]

    def _places_of(self, numbers: Array) -> list[Array]:
        """The place of points on every axis, by number."""
        return self.draws.places_of(numbers) if self.draws is not None else places_of(numbers, self.lengths)

    def rows(self, numbers: Sequence[int]) -> dict[str, list[Any]]:
        """All that is known of some points, by number: swept values by name, then totals."""
        at = np.asarray(numbers, dtype=np.int64)
        places = self._places_of(at)
        axes = zip(self.space.axes, places, strict=True)
        columns: dict[str, list[Any]] = {axis.name: [axis.values[int(place)] for place in on] for axis, on in axes}
        names = shown_totals(self.terms, self.tracer.questions.named)
        totals: dict[str, list[Any]] = {name: [None] * len(at) for name in names}
        for part, outcome in self.explorer.parts(Points(places, np.arange(len(at)))):
            nodes = list(nodes_of([outcome.totals.get(name) for name in names]))
            values = self.tables.over(part, self.tables.schedule(nodes))
            for name in totals:
                for row, value in zip(
                    part.numbers(None), _values(outcome.totals.get(name), values, part.size), strict=True
                ):
                    totals[name][int(row)] = value
        return columns | totals

    def reason(self, number: int) -> str:
        """Why a point is refused, as the network of that point alone says it; nothing where it is not."""
        point = self.point(number)
        try:
            self.subject.network(point)
        except SpecError as error:
            return error.problems[0].message
        except steps.OutOfSteps as error:
            return str(error)
        return self._outcome(number).message

    def point(self, number: int) -> dict[str, Any]:
        """What is swept at a point, by number."""
        at = np.asarray([number], dtype=np.int64)
        places = self._places_of(at)
        axes = zip(self.space.axes, places, strict=True)
        return {axis.name: axis.values[int(place[0])] for axis, place in axes}

    @property
    def unmoved(self) -> tuple[str, ...]:
        """What is swept and changes no total, of all that has been met."""
        graph, moving = self.tables.graph, 0
        standing = [outcome for outcome in self.explorer.outcomes if not outcome.code]
        for outcome in standing:
            for node in nodes_of(outcome.totals.values()):
                moving |= graph.axes[node]
        if len({repr(outcome.totals) for outcome in standing}) > 1 or len(standing) < len(self.explorer.outcomes):
            moving |= self.explorer.tree.axes(graph)
        if not standing:
            return ()
        return tuple(
            axis.name
            for number, axis in enumerate(self.space.axes)
            if len(axis.values) > 1 and not moving >> number & 1
        )


def _planned(positional: tuple[Any, ...], named: dict[str, Any]) -> Plan:
    return Plan(*positional, **named)


def boxes(first: int, last: int, lengths: Sequence[int]) -> Iterator[list[range]]:
    """The points from one number to another, the latter not included, as boxes: the places on every axis."""
    if first >= last:
        return
    if not lengths:
        yield []
        return
    inner = prod(lengths[1:])
    start, end = first // inner, (last - 1) // inner
    if start == end:
        for ranges in boxes(first - start * inner, last - start * inner, lengths[1:]):
            yield [range(start, start + 1), *ranges]
        return
    whole_from = start if first == start * inner else start + 1
    whole_to = end + 1 if last == (end + 1) * inner else end
    if whole_from > start:
        yield from boxes(first, whole_from * inner, lengths)
    if whole_from < whole_to:
        yield [range(whole_from, whole_to), *map(range, lengths[1:])]
    if whole_to <= end:
        yield from boxes(whole_to * inner, last, lengths)


def _is_among(glob: str, names: Sequence[str]) -> bool:
    return next(matching(glob, names), None) is not None


def _product(extents: Sequence[int], axes: int) -> int:
    return prod(extent for axis, extent in enumerate(extents) if axes >> axis & 1)


def _column(value: Any, values: Mapping[int, Array], shape: tuple[int, ...], which: Array | None) -> Array:
    """A key at the points that are kept."""
    if isinstance(value, Over):
        top, bottom = (_column(part, values, shape, which) for part in (value.top, value.bottom))
        return top.astype(float) / bottom.astype(float)
    array = values[value.node] if isinstance(value, AtNode) else value
    if isinstance(array, Fraction):
        array = float(array)
    if isinstance(array, int) and not -(2**63) <= array < 2**63:
        array = np.array(array, dtype=object)
    spread = np.broadcast_to(array, shape).reshape(-1)
    return spread if which is None else spread[which]


def _values(value: Any, values: Mapping[int, Array], size: int) -> list[Any]:
    """A total at every point of a part, as plain numbers."""
    if isinstance(value, tuple):
        return list(zip(*(_values(item, values, size) for item in value), strict=True)) if value else [()] * size
    if isinstance(value, Over):
        tops, bottoms = _values(value.top, values, size), _values(value.bottom, values, size)
        return [exact(Fraction(top, bottom)) for top, bottom in zip(tops, bottoms, strict=True)]
    array = values[value.node] if isinstance(value, AtNode) else value
    if isinstance(array, np.ndarray):
        return np.broadcast_to(array, (size,)).tolist()  # type: ignore[no-any-return]  # of an array of numbers
    return [array] * size


def _joined(pieces: list[tuple[Array, tuple[Array, ...]]], keys: int) -> tuple[Array, tuple[Array, ...]]:
    """The points of all pieces by number."""
    pieces = [piece for piece in pieces if len(piece[0])]
    if not pieces:
        return np.zeros(0, np.int64), tuple(np.zeros(0, np.int64) for _ in range(keys))
    if len(pieces) == 1:
        return pieces[0]
    numbers = np.concatenate([numbers for numbers, _ in pieces])
    columns = [np.concatenate(columns) for columns in zip(*(of for _, of in pieces), strict=True)]
    order = np.argsort(numbers, kind="stable")
    return numbers[order], tuple(column[order] for column in columns)
