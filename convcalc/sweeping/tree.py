"""What has been built so far: for every structure met the questions that lead to it, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from convcalc.arithmetic.graph import OperationGraph
from convcalc.language.source import Diagnostic
from convcalc.sweeping.evaluation import Array
from convcalc.sweeping.tables import Box, Points, Schedule, Tables

if TYPE_CHECKING:
    from convcalc.sweeping.tracing import Tracer


class AtNode(msgspec.Struct, frozen=True):
    """The whole number of a node."""

    node: int


class Over(msgspec.Struct, frozen=True):
    """A number with decimals: one whole number over another, each a node's or plain."""

    top: AtNode | int
    bottom: AtNode | int


def nodes_of(values: Iterable[Any]) -> Iterator[int]:
    """The nodes that values are made of."""
    for value in values:
        if isinstance(value, AtNode):
            yield value.node
        elif isinstance(value, Over):
            yield from nodes_of((value.top, value.bottom))
        elif isinstance(value, tuple):
            yield from nodes_of(value)


def on_nodes(function: Callable[[int], int], value: Any) -> Any:
    """A value with other nodes in place of its own."""
    if isinstance(value, AtNode):
        return AtNode(function(value.node))
    if isinstance(value, Over):
        return Over(on_nodes(function, value.top), on_nodes(function, value.bottom))
    return tuple([on_nodes(function, item) for item in value]) if isinstance(value, tuple) else value


class Outcome(msgspec.Struct, eq=False):
    """What a visit came to, for all points that give its answers.

    `satisfies` is the condition. A value is a plain one, or an `AtNode`, `Over`, or a tuple of such. Of points that are
    refused: the `code` and `message` of the one that was visited; `fault` is what is wrong with what was asked of it.
    """

    satisfies: AtNode | bool = True
    keys: tuple[Any, ...] = ()
    totals: dict[str, Any] = {}
    code: str = ""
    message: str = ""
    fault: Diagnostic | None = None


class Question(msgspec.Struct, eq=False):
    """A node, and what follows for each value that it has been seen to have."""

    node: int
    schedule: Schedule
    answers: dict[int, Question | Outcome]


class Tree:
    """Questions and outcomes, found by the answers that points give."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.root: Question | Outcome | None = None

    def add(self, point: Points, answers: Sequence[tuple[int, int]], outcome: Outcome) -> None:
        """Add what a visit of a point came to, where its way through the tree ends.

        It need not have been asked the same questions in the same order.
        """
        met: set[int] = set()
        parent, value, at = None, 0, self.root
        while isinstance(at, Question):
            met.add(at.node)
            parent, value = at, int(np.asarray(self._values(point, at)).reshape(-1)[0])
            at = at.answers.get(value)
        rest = self._path([(node, answer) for node, answer in answers if node not in met], outcome)
        if parent is None:
            self.root = rest
        else:
            parent.answers[value] = rest

    def axes(self, graph: OperationGraph) -> int:
        """A bit for each axis on which a question rests."""
        axes, waiting = 0, [self.root]
        while waiting:
            at = waiting.pop()
            if isinstance(at, Question):
                axes |= graph.axes[at.node]
                waiting += at.answers.values()
        return axes

    def _path(self, answers: Sequence[tuple[int, int]], outcome: Outcome) -> Question | Outcome:
        at: Question | Outcome = outcome
        for node, value in reversed(answers):
            at = Question(node, self.tables.schedule((node,)), {value: at})
        return at

    def parts(self, region: Box | Points) -> Iterator[tuple[Box | Points, Outcome | None]]:
        """The region in parts, each with its outcome: None where none of its points has been visited."""
        waiting: list[tuple[Box | Points, Question | Outcome | None]] = [(region, self.root)]
        while waiting:
            part, at = waiting.pop()
            if isinstance(at, Question):
                waiting += self._answered(part, at)
            else:
                yield part, at

    def _answered(self, region: Box | Points, question: Question) -> Iterator[tuple[Box | Points, Any]]:
        values = self._values(region, question)
        if not isinstance(values, np.ndarray) or values.size == 1:
            yield region, question.answers.get(int(values.reshape(-1)[0] if isinstance(values, np.ndarray) else values))
            return
        first = int(values.reshape(-1)[0])
        if (values == first).all():
            yield region, question.answers.get(first)
            return
        if isinstance(region, Box):
            yield from self._boxes(region, values, question)
            return
        for value in np.unique(values):
            yield region.chosen(values == value), question.answers.get(int(value))

    def _boxes(self, box: Box, values: Array, question: Question) -> Iterator[tuple[Box | Points, Any]]:
        """A box in boxes along an axis on which the answers differ, or point by point where those would be small."""
        along = [axis for axis, extent in enumerate(values.shape) if extent > 1]
        axis = min(along, key=lambda axis: box.shape[axis])
        if len(along) == 1:
            flat = values.reshape(-1)
            for value in np.unique(flat):
                yield box.with_places(axis, box.places[axis][flat == value]), question.answers.get(int(value))
        elif box.size // box.shape[axis] < _LEAST_BOX:
            yield box.points(), question
        else:
            for place in range(box.shape[axis]):
                yield box.with_places(axis, box.places[axis][place : place + 1]), question

    def _values(self, region: Box | Points, question: Question) -> Array:
        return self.tables.over(region, question.schedule)[question.node]


_LEAST_BOX = 4096
"""Points of a box below which it is quicker to go point by point."""


class Explorer:
    """Finds the outcome of points, and visits one where there is none yet."""

    def __init__(self, tracer: Tracer, tables: Tables) -> None:
        self.tracer = tracer
        self.tables = tables
        self.tree = Tree(tables)
        self.outcomes: list[Outcome] = []

    def parts(self, region: Box | Points) -> Iterator[tuple[Box | Points, Outcome]]:
        """The region in parts that have one outcome each."""
        waiting = [region]
        while waiting:
            for part, outcome in self.tree.parts(waiting.pop()):
                if outcome is not None:
                    yield part, outcome
                elif part.size:
                    self._visit(part)
                    waiting.append(part)

    def _visit(self, part: Box | Points) -> None:
        places = part.first
        answers, outcome = self.tracer.visit(places)
        point = Points([np.array([place]) for place in places], np.zeros(1, np.int64))
        self.tree.add(point, answers, outcome)
        self.outcomes.append(outcome)
