"""The values of what is swept as numbers of a graph: whole ones over a common denominator, item by item of lists.

Values of one form, such as all lists of three numbers, are told apart by their numbers alone. Of any others each stands
for itself: a text, true or false, null.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import lcm
from typing import Any

import msgspec
import numpy as np

from convcalc.arithmetic.graph import OperationGraph
from convcalc.arithmetic.varying import Visit, ratio
from convcalc.sweeping.evaluation import LARGEST, Array
from convcalc.sweeping.progressions import Progression

Form = tuple[Any, ...]


class LeafPart(msgspec.Struct, frozen=True):
    """A number that values of one form have: its place among the leaves of the axis, and what it is over."""

    place: int
    denominator: int


class Numbers:
    """The leaf of an axis of numbers within bounds, all over one denominator. Which they are can change."""

    def __init__(self, graph: OperationGraph, axis: int, low: int, high: int, denominator: int) -> None:
        self.axis = axis
        self.low, self.high, self.denominator = low, high, denominator
        self.arrays: dict[tuple[int, ...], Array] = {}
        self._node = graph.leaf(axis, 0, low, high)

    def take(self, numerators: Array) -> None:
        """Let the values be these, over the denominator."""
        self.arrays[self.axis, 0] = numerators

    def at(self, visit: Visit, place: int) -> Any:
        """One of the values, varying."""
        return ratio(visit.number(self._node, int(self.arrays[self.axis, 0][place])), self.denominator)


class Leaves:
    """The leaves of one axis. LeafPart 0 says which form a value has, unless all have the same.

    `arrays` has for each part what it is at every value; where a value is of another form, any.
    """

    def __init__(self, graph: OperationGraph, axis: int, values: Sequence[Any], *, pinned: bool = False) -> None:
        self.graph = graph
        self.axis = axis
        self.values = values
        self.arrays: dict[tuple[int, ...], Array] = {}
        self._parts: list[list[LeafPart]] = []
        self._nodes: list[int] = []
        if isinstance(values, Progression) and not pinned:
            self._parts.append([LeafPart(self._leaf(values.numerators), values.denominator)])
            return
        forms: dict[Form, list[int]] = {}
        for place, value in enumerate(values):
            forms.setdefault(_form(place, value, pinned=pinned), []).append(place)
        if len(forms) > 1:
            of_values = [0] * len(values)
            for number, places in enumerate(forms.values()):
                for place in places:
                    of_values[place] = number
            self._leaf(of_values)
        for places in forms.values():
            self._parts.append(self._parts_of(places))

    def _parts_of(self, places: Sequence[int]) -> list[LeafPart]:
        columns = list(zip(*(list(_numbers(self.values[place])) for place in places), strict=True))
        parts = []
        for column in columns:
            denominator = lcm(*(number.denominator for number in column))
            numerators = [number.numerator * (denominator // number.denominator) for number in column]
            everywhere = [numerators[0]] * len(self.values)
            for place, numerator in zip(places, numerators, strict=True):
                everywhere[place] = numerator
            parts.append(LeafPart(self._leaf(everywhere), denominator))
        return parts

    def _leaf(self, numbers: Sequence[int]) -> int:
        place = len(self._nodes)
        ends = numbers if not isinstance(numbers, range) else (numbers[0], numbers[-1])
        low, high = min(ends), max(ends)
        kind: Any = np.int64 if low >= -LARGEST and high <= LARGEST else object
        self.arrays[self.axis, place] = np.fromiter(numbers, kind, len(numbers))
        self._nodes.append(self.graph.leaf(self.axis, place, low, high))
        return place

    def at(self, visit: Visit, place: int) -> Any:
        """One of the values, its numbers varying."""
        form = 0
        if len(self._parts) > 1:
            form = visit.ask(self._nodes[0], int(self.arrays[self.axis, 0][place]))
        parts = iter(self._parts[form])
        return _made(self.values[place], lambda: self._number(visit, next(parts), place))

    def _number(self, visit: Visit, part: LeafPart, place: int) -> Any:
        numerator = int(self.arrays[self.axis, part.place][place])
        return ratio(visit.number(self._nodes[part.place], numerator), part.denominator)


def _is_number(value: Any) -> bool:
    return hasattr(value, "denominator") and not isinstance(value, bool)


def _form(place: int, value: Any, *, pinned: bool) -> Form:
    if pinned:
        return "alone", place
    if _is_number(value):
        return ("number",)
    if isinstance(value, tuple):
        return "list", *(_form(place, item, pinned=False) for item in value)
    return "itself", repr(value)


def _numbers(value: Any) -> Any:
    if _is_number(value):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _numbers(item)


def _made(value: Any, number: Callable[[], Any]) -> Any:
    if _is_number(value):
        return number()
    return tuple([_made(item, number) for item in value]) if isinstance(value, tuple) else value
