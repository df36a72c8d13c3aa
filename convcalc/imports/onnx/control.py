"""Control flow: the branch of an If that is taken, the bodies of loops as often as they run.

A body that runs a number of times that is known is walked as often; what it reads of the graph around it is shared, so
that its weights count once. Of a branch that data decides, the dearer one is counted, and that is said; what decides is
counted too, whichever is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from convcalc import steps
from convcalc.imports.drafts import UNKNOWN, Draft
from convcalc.imports.errors import Inexpressible, plain
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.inlining import MOST_CALLS, ordered, without_unread
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.reading import BOOL, Graph, Subgraph
from convcalc.imports.onnx.values import Value, constant_value
from convcalc.imports.tidy.walk import needed
from convcalc.layers import kind_of
from convcalc.layers._configured import configured

if TYPE_CHECKING:
    from convcalc.imports.onnx.walk import Walk

MOST_NODES = 20_000
"""Nodes of a body, as often as it runs, that are written out."""

Inputs = Sequence[Value | None]


Walked = Callable[["Walk", GraphNode, Inputs, int], list[Value]]
"""From a node that holds graphs, and what enters it, to what leaves."""


class Body:
    """A graph within a node, which reads what is around it."""

    def __init__(self, walk: Walk, node: GraphNode, attribute: str, depth: int) -> None:
        subgraph = node.attributes.get(attribute)
        if not isinstance(subgraph, Subgraph):
            raise Inexpressible(f"{attribute} is no graph")
        if depth >= MOST_CALLS:
            raise Inexpressible(f"graphs within graphs, {MOST_CALLS} deep")
        self.walk, self.node, self.depth = walk, node, depth
        self.graph: Graph = subgraph.read()
        self.inputs = [info.name for info in self.graph.inputs]
        self.outputs = [output.name for output in self.graph.outputs]
        nodes = ordered(walk.called(self.graph.nodes), set(self.graph.initialisers), self.outputs)
        self.nodes = without_unread(nodes, self.outputs)
        self.tensors = {name: walk.lodge(tensor, node) for name, tensor in self.graph.initialisers.items()}
        self.runs = 0

    def run(self, inputs: Sequence[Value | None]) -> list[Value]:
        """What leaves where this enters."""
        walk = self.walk
        if len(inputs) < len([name for name in self.inputs if name not in self.tensors]):
            raise Inexpressible(f"{len(inputs)} tensors for a body that takes {len(self.inputs)}")
        self.runs += 1
        if self.runs * max(len(self.nodes), 1) > MOST_NODES:
            raise Inexpressible(f"its body of {len(self.nodes)} nodes runs more often than is written out")
        with walk.scope((self.node.title, self.runs)):
            walk.values.update(self.tensors)
            walk.values.update((name, value or Value(())) for name, value in zip(self.inputs, inputs, strict=False))
            for inner in self.nodes:
                walk.step(inner, self.depth + 1)
            return [walk.value(name) or Value(()) for name in self.outputs]


def branch(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    """If: the branch that is taken, where that is known; else the dearer one."""
    condition = inputs[0] if inputs else None
    numbers = condition.constant.numbers if condition is not None and condition.constant is not None else None
    if numbers:
        return Body(walk, node, "then_branch" if numbers[0] else "else_branch", depth).run(())
    results = [_tried(walk, node, name, depth) for name in ("then_branch", "else_branch")]
    best = max(range(2), key=lambda place: (*results[place].cost, _as_declared(walk, node, results[place]), -place))
    taken, other = results[best], results[1 - best]
    walk.notes += taken.notes
    walk.warnings += taken.warnings
    walk.assumed += taken.assumed
    walk.decisions += [*(condition.sources if condition is not None else ()), *taken.decisions]
    names = ("then_branch", "else_branch")
    costs = [f"{result.cost[0]:,} MACs, {result.cost[1]:,} params" for result in (taken, other)]
    if taken.cost > other.cost or taken.shapes != other.shapes:
        which = f"which branch If at {node.title} takes is decided by data"
        chosen = "the dearer one" if taken.cost > other.cost else "one of two that cost the same"
        text = f"{which}: counted is {chosen}, {names[best]} ({costs[0]}); the other takes {costs[1]}"
        deciding = walk.deciding(node.inputs[0]) if node.inputs else []
        walk.warnings.append(text + "".join(f"; --set {plain(name)}=VALUE decides it" for name in deciding[:1]))
    return taken.outputs


class _Tried:
    """One branch of two: what leaves, what it costs, and what was said on the way."""

    def __init__(self, walk: Walk, outputs: list[Value], drafts: list[Draft]) -> None:
        self.outputs = outputs
        leaving = [draft for value in outputs for draft in value.sources]
        own = set(drafts)
        self.notes, self.warnings, self.assumed = walk.notes, walk.warnings, walk.assumed
        self.decisions = walk.decisions
        leaving += self.decisions
        self.cost = _cost([draft for draft in needed(walk.builder.drafts, leaving) if draft in own])

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        return [value.shape for value in self.outputs]


def _tried(walk: Walk, node: GraphNode, name: str, depth: int) -> _Tried:
    kept = walk.notes, walk.warnings, walk.assumed, walk.decisions
    walk.notes, walk.warnings, walk.assumed, walk.decisions = [], [], [], []
    try:
        first = len(walk.builder.drafts)
        outputs = Body(walk, node, name, depth).run(())
        return _Tried(walk, outputs, walk.builder.drafts[first:])
    finally:
        walk.notes, walk.warnings, walk.assumed, walk.decisions = kept


def deciding_alone(drafts: list[Draft], decisions: Sequence[Draft], leaving: Sequence[Draft]) -> list[Draft]:
    """What decides which branches are taken, and is there for that alone: nothing that leaves is worked out of it."""
    read = {*leaving, *(source for draft in needed(drafts, [*leaving, *decisions]) for source in draft.inputs)}
    return [draft for draft in dict.fromkeys(decisions) if draft not in read]


def _as_declared(walk: Walk, node: GraphNode, result: _Tried) -> bool:
    """Whether a branch gives tensors of the shapes that the file declares."""
    pairs = zip(node.outputs, result.outputs, strict=False)
    declared = [(walk.declared.value(name, walk.batch.count), value) for name, value in pairs]
    return all(stated is None or stated.shape == value.shape for stated, value in declared)


def _cost(drafts: Sequence[Draft]) -> tuple[int, int, int]:
    """MACs, params, and layers of unknown cost."""
    macs = params = unknown = 0
    arrays: dict[object, int] = {}
    steps.spend(20 * len(drafts))
    for draft in drafts:
        if draft.kind == UNKNOWN:
            unknown += 1
            continue
        shapes = tuple(source.shape for source in draft.inputs)
        if not shapes:
            continue
        fields = {name: tuple(value) if isinstance(value, list) else value for name, value in draft.fields.items()}
        config, _ = configured(kind_of(draft.kind), fields, shapes)
        macs += config.macs(*shapes)
        arrays[draft.weights or draft] = config.params(*shapes)
    params = sum(arrays.values())
    return macs, params, unknown


def loop(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    """Loop: its body as often as it runs, which must be known."""
    trips, condition = [*inputs, None, None][:2]
    body = Body(walk, node, "body", depth)
    most = None
    if trips is not None:
        most = _number(trips, _undecided(walk, node, "how often its body runs depends on data", 0))
    stays = condition is None or bool(
        _number(condition, _undecided(walk, node, "whether its body runs depends on data", 1))
    )
    carried, scanned = list(inputs[2:]), list[list[Value]]()
    count = 0
    while stays and (most is None or count < most):
        entering: list[Value | None] = [constant_value(constants.whole([count], ())), _true(), *carried]
        results = body.run(entering)
        stays = bool(_number(results[0], "whether its body runs once more depends on data"))
        carried = list(results[1 : 1 + len(carried)])
        scanned.append(results[1 + len(carried) :])
        count += 1
    leaving = [value if value is not None else Value(()) for value in carried]
    return leaving + _stacked(walk, node, scanned, [0] * len(node.outputs), len(leaving))


def _undecided(walk: Walk, node: GraphNode, reason: str, place: int) -> str:
    """The reason, and the option that gives the number which data decides."""
    deciding = walk.deciding(node.inputs[place])
    return reason + "".join(f"; --set {plain(name)}=VALUE decides it" for name in deciding[:1])


def _number(value: Value, why_not: str) -> int:
    numbers = value.constant.numbers if value.constant is not None else None
    if not numbers:
        raise Inexpressible(why_not)
    return int(numbers[0])


def _true() -> Value:
    return constant_value(constants.filled((), True, BOOL))


def scan(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    """Scan: its body for each place of an axis of what it scans."""
    count = node.attributes.integer("num_scan_inputs")
    if walk.model.opset < 9:
        raise Inexpressible("the Scan of opset 8, which runs over a batch as well")
    if not 0 < count <= len(inputs):
        raise Inexpressible(f"{count} scanned inputs of {len(inputs)}")
    body, given = Body(walk, node, "body", depth), len(inputs) - count
    carried = list(inputs[:given])
    backwards = node.attributes.integers("scan_input_directions") or [0] * count
    axes = node.attributes.integers("scan_input_axes") or [0] * count
    scanned = [value for value in inputs[given:] if value is not None and value.known]
    if len(scanned) < count:
        raise Inexpressible("nothing is known of the size of what it scans")
    lengths = {walk.batch.full(value)[axis] for value, axis in zip(scanned, axes, strict=True)}
    if len(lengths) != 1:
        raise Inexpressible(f"axes of {' and '.join(map(str, sorted(lengths)))} that it scans together")
    (length,) = lengths
    slices: list[list[Value]] = []
    for place in range(length):
        places = [length - 1 - place if back else place for back in backwards]
        parts: list[Value | None] = [
            walk.does(node, "Gather", [value, constant_value(constants.whole([at], ()))], axis=axis)
            for value, at, axis in zip(scanned, places, axes, strict=True)
        ]
        results = body.run([*carried, *parts])
        carried = list(results[:given])
        slices.append(results[given:])
    leaving = [value if value is not None else Value(()) for value in carried]
    ways = node.attributes.integers("scan_output_directions") or [0] * len(node.outputs)
    axes = node.attributes.integers("scan_output_axes") or [0] * len(node.outputs)
    return leaving + _stacked(walk, node, slices, axes, given, ways)


def _stacked(
    walk: Walk,
    node: GraphNode,
    slices: Sequence[Sequence[Value]],
    axes: Sequence[int],
    given: int,
    ways: Sequence[int] = (),
) -> list[Value]:
    """What a body gives each time, laid one behind the other along a new axis."""
    wanted = max(len(node.outputs) - given, 0)
    if wanted and not slices:
        raise Inexpressible("its body never runs, so that nothing is laid together")
    stacks = []
    for place in range(wanted):
        if any(place >= len(results) for results in slices):
            raise Inexpressible(f"its body gives no output {given + place + 1}")
        parts = [results[place] for results in slices]
        stacks.append(stacked(walk, node, parts[::-1] if place < len(ways) and ways[place] else parts, axes[place]))
    return stacks


def stacked(walk: Walk, node: GraphNode, parts: Sequence[Value], axis: int) -> Value:
    """Tensors laid one behind the other along a new axis."""
    if not all(part.known for part in parts):
        raise Inexpressible("nothing is known of the size of what is laid together")
    if axis < 0:
        axis += len(parts[0].shape) + 1
    lifted = [walk.does(node, "Unsqueeze", [part], axes=[axis]) for part in parts]
    return lifted[0] if len(lifted) == 1 else walk.does(node, "Concat", lifted, axis=axis)


def _in_full(of: Walked) -> Walked:
    """A way to walk a node, after which nothing within has decided anything if it fails, and the node is unknown."""

    def walked(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
        before = [*walk.decisions]
        try:
            return of(walk, node, inputs, depth)
        except Exception:
            walk.decisions = before
            raise

    return walked


BODIES: dict[str, Walked] = {"If": _in_full(branch), "Loop": _in_full(loop), "Scan": _in_full(scan)}
"""Operators of ONNX's own domain that hold graphs."""
