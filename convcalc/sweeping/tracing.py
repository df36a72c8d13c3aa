"""One visit of a point: the network is built there, and its totals become nodes that hold for all points like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from convcalc import steps
from convcalc.analysis.analyze import measured, receptive_fields
from convcalc.analysis.report import field_of
from convcalc.analysis.terms import Terms, merged
from convcalc.arithmetic.graph import OperationGraph
from convcalc.arithmetic.varying import Varying, VaryingTruth, Visit, largest, marked, plain, total
from convcalc.fields import Channels
from convcalc.language import Source, SpecError
from convcalc.layers import Input, field_types
from convcalc.network import Network, Node
from convcalc.sweeping.leaves import Leaves, Numbers
from convcalc.sweeping.queries import Asked, AskedWrongly, condition, key, matching
from convcalc.sweeping.subject import SweptNetwork
from convcalc.sweeping.totals import COUNTED, FIELD, LayerCosts, layer_costs, totals_of
from convcalc.sweeping.tree import AtNode, Outcome, Over


class Questions:
    """What is asked of each point. `names` are all that expressions may use."""

    def __init__(self, where: Asked | None, keys: Sequence[Asked], *, field: bool = False) -> None:
        self.where = where
        self.keys = tuple(keys)
        expressions = [*([where] if where is not None else []), *keys]
        self.named = {name for query in expressions for name in _names(query)} | ({FIELD} if field else set())
        self.field = FIELD in self.named


def _names(query: Asked) -> set[str]:
    return {name.id for name in query.expression.names}


class Tracer:
    """Visits points of a subject; what they come to is in terms of `graph`."""

    def __init__(
        self,
        subject: SweptNetwork,
        graph: OperationGraph,
        leaves: Mapping[str, Leaves | Numbers],
        questions: Questions,
        terms: Terms = Terms(),  # noqa: B008  # frozen
    ) -> None:
        self.subject = subject
        self.graph = graph
        self.leaves = leaves
        self.questions = questions
        self.terms = terms

    def visit(self, places: Sequence[int]) -> tuple[list[tuple[int, int]], Outcome]:
        """The questions that a point was asked, with its answers, and what it came to."""
        visit = Visit(self.graph)
        swept = zip(self.leaves.items(), places, strict=True)
        values = {name: leaves.at(visit, place) for (name, leaves), place in swept}
        try:
            with steps.run():
                network = self.subject.network(values)
                network = merged(network, self.terms.precision) if self.terms.fused else network
                outcome = self._outcome(network, values)
        except AskedWrongly as error:
            outcome = Outcome(
                code=error.fault.code, message=f"{error.fault.path}: {error.fault.message}", fault=error.fault
            )
        except SpecError as error:
            problem = error.problems[0]
            outcome = Outcome(code=problem.code, message=problem.message)
        except steps.OutOfSteps as error:
            outcome = Outcome(code="CC008", message=str(error))
        return visit.answers, outcome

    def _outcome(self, network: Network, values: Mapping[str, Any]) -> Outcome:
        rows = layer_costs(network, self.terms)
        totals = self._totals(network, rows)
        if self.questions.field:
            totals[FIELD] = _field(network)
        totals = {name: _marked(value) for name, value in totals.items()}
        known = {**values, **totals}

        def of_layers(cost: str, glob: str) -> Any:
            index = COUNTED.index(cost)
            times = self.terms.batch if cost == "macs" else 1
            own = [
                row if node.shared is None else (0, 0, *row[2:4])
                for node, row in zip(network.layers, rows, strict=True)
            ]
            chosen = matching(glob, [node.name for node in network.layers])
            return marked(total(own[place][index] for place in chosen) * times)

        questions = self.questions
        satisfies: Any = True
        if questions.where is not None:
            satisfies = condition(questions.where, questions.where.value(known, of_layers))
        keys = [key(query, query.value(known, of_layers)) for query in questions.keys]
        return Outcome(
            satisfies=AtNode(satisfies.node) if isinstance(satisfies, VaryingTruth) else satisfies,
            keys=tuple(map(as_nodes, keys)),
            totals={name: as_nodes(value) for name, value in totals.items()},
        )

    def _totals(self, network: Network, rows: Sequence[LayerCosts]) -> dict[str, Any]:
        """The totals, or that the device cannot run what is asked."""
        try:
            return totals_of(network, rows, self.terms)
        except ValueError as error:
            device = self.terms.device.name if self.terms.device is not None else ""
            raise AskedWrongly(Source("--device", device).diagnostic("CC011", 0, len(device), str(error))) from None


def _field(network: Network) -> Any:
    """The size of the network's field on the axis where it is largest; None where it is not known."""
    network = replace(network, nodes=tuple([_settled(node) for node in network.nodes]))
    fields, _ = receptive_fields(network)
    seen = [measured(field, node.shape) for field, node in zip(fields, network.nodes, strict=True)]
    field = field_of(network, seen[network.input_count :])
    if field is None or field.size is None or None in field.size:
        return None
    return largest(field.size)


def _settled(node: Node) -> Node:
    """The node with plain numbers for positions, and for what moves over them: tables are made of these."""
    node = replace(node, shape=(*node.shape[:1], *plain(node.shape[1:])))
    if isinstance(node.config, Input):
        return replace(node, config=Input(sizes=node.shape))
    types = field_types(type(node.config)).items()
    fields = {name: getattr(node.config, name) for name, of in types if not isinstance(of, Channels)}
    varying = {name: value for name, value in fields.items() if plain(value) is not value}
    if not varying:
        return node
    return replace(node, config=replace(node.config, **{name: plain(value) for name, value in varying.items()}))


def _marked(value: Any) -> Any:
    return tuple(map(marked, value)) if isinstance(value, tuple) else marked(value)


def as_nodes(value: Any) -> Any:
    """A value as what it is at all points that are like the one visited: a `Node`, a pair of them, or a plain one."""
    if isinstance(value, tuple):
        return tuple(map(as_nodes, value))
    if isinstance(value, Varying):
        return AtNode(value.node)
    if hasattr(value, "denominator") and not isinstance(value, int):
        return Over(as_nodes(value.numerator), as_nodes(value.denominator))
    return value
