"""A network as a function from arrays of what is swept to arrays of its totals, for a search that calls it often."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np

from convcalc.analysis.terms import Terms, terms_of
from convcalc.arithmetic.graph import OperationGraph
from convcalc.arithmetic.precision import Precision
from convcalc.devices import Device
from convcalc.language import Source, SpecError
from convcalc.language.suggestions import did_you_mean, listed
from convcalc.layers import Shape
from convcalc.sweeping.evaluation import LARGEST, Array
from convcalc.sweeping.exact import ExactNumbers, exact_numbers
from convcalc.sweeping.factoring import Factoring
from convcalc.sweeping.leaves import Numbers
from convcalc.sweeping.subject import SweptNetwork
from convcalc.sweeping.tables import MOST_ELEMENTS, Points, Schedule, Tables
from convcalc.sweeping.totals import BOUND_PS, FIELD, MEMORIES, OUTPUT, TOTALS
from convcalc.sweeping.tracing import Questions, Tracer
from convcalc.sweeping.tree import AtNode, Explorer, Outcome, nodes_of, on_nodes

if TYPE_CHECKING:
    from typing import Unpack

    from convcalc.opening import How

REFUSED = "refused"
NOTHING = -1
"""The total of a point that a check refuses."""
_TOGETHER = 2**15
"""Points that are worked out at a time."""


def compiled(
    source: str | os.PathLike[str] | Source,
    over: Sequence[str] | str,
    totals: Sequence[str] | str = (),
    *,
    inputs: Mapping[str, Shape] | None = None,
    variables: Mapping[str, object] | None = None,
    batch: int | None = None,
    dtype: str | Precision | None = None,
    fused: bool | None = None,
    device: str | Device | None = None,
    **how: Unpack[How],
) -> Compiled:
    """A network as a function of arrays: of variables, ``input`` (one size for all positions) or ``LAYER.FIELD``.

    >>> cost = convcalc.compiled("zoo:mobilenet_v2", over=["width", "input"], totals=["macs", "params"])
    >>> cost(width=[0.75, 1], input=[256, 208])["macs"].tolist()
    [272678912, 270371840]

    `totals` are those wanted, ``receptive_field`` among them only if it is named; all others where none is. ``sram``
    and ``flash`` are what activations and what weights and buffers take, ``bound_ps`` the picoseconds that a device
    takes at least.

    Raises:
        SpecError: the network has mistakes, or there is nothing of such a name.
    """
    over, totals = ([names] if isinstance(names, str) else names for names in (over, totals))
    path = source if isinstance(source, Source) else os.fspath(source)
    subject = SweptNetwork(path, inputs or {}, variables or {}, how)
    terms = terms_of(subject.base, batch=batch, dtype=dtype, fused=fused, device=device)
    known = [name for name in (*TOTALS, *MEMORIES) if name != OUTPUT] + ([BOUND_PS] if terms.device is not None else [])
    for name in totals:
        if name not in (*known, FIELD):
            advice = did_you_mean(name, [*known, FIELD]) or f"there are {listed([*known, FIELD])}"
            raise SpecError([Source("totals", name).diagnostic("CC013", 0, len(name), f"no total `{name}`", advice)])
    subject.check(over)
    return Compiled(subject, over, totals or known, terms)


class Compiled:
    """A network as a function, made by `convcalc.compiled`.

    Called with an array for each name that it is over (they broadcast), it gives an array for each total, exact: int64,
    or Python's integers where those are too small. `refused` is true where there is no such network: totals are -1
    there. What has been built for a structure is kept for the next call.
    """

    def __init__(self, subject: SweptNetwork, over: Sequence[str], totals: Sequence[str], terms: Terms) -> None:
        self.over = tuple(over)
        self.totals = tuple(totals)
        self._subject, self._terms = subject, terms
        self._built: _Built | None = None

    def __call__(self, **swept: Any) -> dict[str, Array]:
        """The totals at points.

        Raises:
            TypeError: an array is missing, or of a name that it is not over.
            ValueError: arrays that do not broadcast, or hold what is no number.
        """
        if set(swept) != set(self.over):
            raise TypeError(f"expected an array for each of {', '.join(self.over)}, found {', '.join(swept) or 'none'}")
        columns = {name: exact_numbers(swept[name]) for name in self.over}
        shape = np.broadcast_shapes(*(column.numerators.shape for column in columns.values()))
        if self._built is None or not self._built.holds(columns):
            self._built = self._build(columns)
        totals = self._built.totals(self.totals, columns, shape)
        return {name: values.reshape(shape) for name, values in totals.items()}

    def _build(self, columns: Mapping[str, ExactNumbers]) -> _Built:
        """Build anew, with room for more than is asked for now and has been before."""
        graph, leaves = OperationGraph(), dict[str, Numbers]()
        for axis, (name, column) in enumerate(columns.items()):
            low, high, denominator = 0, 0, column.denominator
            if column.numerators.size:
                low, high = int(column.numerators.min()), int(column.numerators.max())
            if self._built is not None:
                known = self._built.leaves[name]
                denominator = lcm(denominator, known.denominator)
                before = denominator // known.denominator
                low, high = low * (denominator // column.denominator), high * (denominator // column.denominator)
                low, high = min(low, known.low * before), max(high, known.high * before)
                low, high = low - abs(low) // 2, high + abs(high)
            leaves[name] = Numbers(graph, axis, low, high, denominator)
        questions = Questions(None, (), field=FIELD in self.totals)
        return _Built(Tracer(self._subject, graph, leaves, questions, self._terms), leaves)


class _Built:
    """What has been built of a network, for numbers within bounds."""

    def __init__(self, tracer: Tracer, leaves: Mapping[str, Numbers]) -> None:
        self.leaves = leaves
        self.arrays: dict[tuple[int, ...], Array] = {}
        self.tables = Tables(tracer.graph, self.arrays, [1] * len(leaves))
        self.explorer = Explorer(tracer, self.tables)
        self._schedules: dict[int, tuple[Schedule, dict[str, Any]]] = {}

    def holds(self, columns: Mapping[str, ExactNumbers]) -> bool:
        """Whether numbers are within the bounds, and whole over the denominators."""
        for name, column in columns.items():
            leaf = self.leaves[name]
            if leaf.denominator % column.denominator:
                return False
            times = leaf.denominator // column.denominator
            numbers = column.numerators
            if numbers.size and not leaf.low <= int(numbers.min()) * times <= int(numbers.max()) * times <= leaf.high:
                return False
        return True

    def totals(
        self, names: Sequence[str], columns: Mapping[str, ExactNumbers], shape: tuple[int, ...]
    ) -> dict[str, Array]:
        """The totals at points, which are laid out flat."""
        count = int(np.prod(shape, dtype=np.int64))
        places = [self._placed(name, column, shape) for name, column in columns.items()]
        self.tables.changed([len(self.arrays[axis, 0]) for axis in range(len(places))])
        self._schedules.clear()
        result = {name: np.full(count, NOTHING, np.int64) for name in names}
        result[REFUSED] = np.ones(count, bool)
        for start in range(0, count, _TOGETHER):
            numbers = np.arange(start, min(start + _TOGETHER, count))
            region = Points([at[numbers[0] : numbers[-1] + 1] for at in places], numbers)
            for part, outcome in self.explorer.parts(region):
                if not outcome.code:
                    self._add(result, names, part.numbers(None), self._values(outcome, part, names))
        return result

    def _placed(self, name: str, column: ExactNumbers, shape: tuple[int, ...]) -> Array:
        """Where each number is among those that the axis now has: all of a range, or each once, or as they come."""
        leaf = self.leaves[name]
        times = leaf.denominator // column.denominator
        numbers = np.broadcast_to(column.numerators, shape).reshape(-1)
        if max(abs(leaf.low), abs(leaf.high)) > LARGEST:
            numbers = numbers.astype(object)
        numbers = numbers * times
        low, high = (int(numbers.min()), int(numbers.max())) if numbers.size else (0, 0)
        if high - low < min(MOST_ELEMENTS, 4 * max(numbers.size, 64)) and times == 1:
            known, places = np.arange(low, high + 1), (numbers - low).astype(np.int64)
        else:
            known, places = np.unique(numbers, return_inverse=True)
            places = places.reshape(-1)
        leaf.take(known)
        self.arrays.update(leaf.arrays)
        return places

    def _values(self, outcome: Outcome, part: Any, names: Sequence[str]) -> dict[str, Any]:
        """The totals of one part, an array or a number each."""
        if id(outcome) not in self._schedules:
            arranged = Factoring(self.tables.graph, self.tables.is_small, lambda axes: 1).arranged
            values = {name: on_nodes(arranged, outcome.totals[name]) for name in names}
            self._schedules[id(outcome)] = self.tables.schedule(nodes_of(values.values())), values
        schedule, values = self._schedules[id(outcome)]
        arrays = self.tables.over(part, schedule)
        return {name: arrays[value.node] if isinstance(value, AtNode) else value for name, value in values.items()}

    def _add(self, result: dict[str, Array], names: Sequence[str], numbers: Array, values: Mapping[str, Any]) -> None:
        result[REFUSED][numbers] = False
        for name in names:
            value = NOTHING if values[name] is None else values[name]
            if isinstance(value, np.ndarray) and value.dtype.hasobject and not result[name].dtype.hasobject:
                result[name] = result[name].astype(object)
            result[name][numbers] = value
