"""The network of a record at once: that of its flat text, which nobody writes or reads on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convcalc import steps
from convcalc.imports.errors import OverLimit
from convcalc.imports.record import Imported, Layer
from convcalc.language.written import COMMUTATIVE
from convcalc.network import Borrowed, Deployment, Network, Node, TextOrigin, input_node
from convcalc.readable.coding import code_of, is_said, named_calls
from convcalc.readable.named_scopes import NamedScope
from convcalc.readable.names import model_name, parts
from convcalc.readable.parts import Module, Part, SingleLayer
from convcalc.readable.regions import LayerGraph, sequence
from convcalc.readable.slots import Slot
from convcalc.steps import OutOfSteps

LAYER, INPUT = 20, 4
"""Steps that a layer takes, and each of its inputs."""


def network(imported: Imported, origin: TextOrigin, *, is_resized: bool) -> Network:
    """The network that a record says. `is_resized`: its input sizes were asked for.

    Raises:
        CannotImport: there are not steps enough.
    """
    try:
        inputs = sum(len(layer.inputs) for layer in imported.layers)
        steps.spend(LAYER * (len(imported.inputs) + len(imported.layers)) + INPUT * inputs)
    except OutOfSteps:
        raise OverLimit from None
    graph = LayerGraph(imported)
    names = names_of(graph)
    input_names = graph.input_names if len(graph.input_names) > 1 else ["input"]
    entering = [input_node(*named, 0) for named in zip(input_names, graph.input_shapes, strict=True)]
    nodes: list[Node] = entering[:]
    for index, layer in enumerate(graph.layers):
        nodes.append(_node(graph, index, layer, names[index], nodes))
    return Network(
        name=model_name(imported),
        source="",
        nodes=tuple(nodes),
        input_count=len(entering),
        outputs=tuple(_place(graph, output) for output in graph.outputs),
        groups=(),
        variables={},
        expect={},
        budget={},
        overridden=is_resized,
        warnings=tuple(cautions(imported)),
        deployment=Deployment(precision=graph.held.everywhere),
        code=flat_code(imported, names),
        assumptions=imported.assumptions,
        origin=origin,
        imported=imported,
    )


def cautions(imported: Imported) -> Iterator[str]:
    """What the figures must not be read without."""
    yield from imported.warnings
    if imported.missing:
        yield imported.missing
    elif imported.uncosted:
        yield f"Opaque layers, whose cost is not known: {len(imported.uncosted)}. Every total is a lower bound."


def flat_code(imported: Imported, names: dict[int, str]) -> dict[str, str]:
    """What the code calls, by kind and name alone."""
    if not is_said(imported):
        return {}
    return code_of(named_calls(imported, [names[index] for index in range(len(imported.layers))]))


def names_of(graph: LayerGraph) -> dict[int, str]:
    """What each layer is called, by its number."""
    items = sequence(graph)
    module = Module((), [*items], graph.root, 0, len(graph.layers) - 1)
    scope = NamedScope(graph, [module], _slots(graph, items), is_block=False)
    for output in graph.outputs if graph.outputs != [module.exit] else ():
        scope.referred(output)
    scope.name()
    return {unit: slot.name for slot in scope.every for unit in slot.units[0] if isinstance(unit, int)}


def _slots(graph: LayerGraph, items: Sequence[Part]) -> list[Slot]:
    slots = []
    for item in items:
        assert isinstance(item, SingleLayer)  # noqa: S101  # for the type checker: nothing is grouped here
        layer = graph.layers[item.index]
        branches = None if item.branches is None else [_slots(graph, branch) for branch in item.branches]
        slots.append(Slot(layer.kind, [[item.index]], parts(layer.name), None, branches))
    return slots


def _node(graph: LayerGraph, index: int, layer: Layer, name: str, nodes: Sequence[Node]) -> Node:
    sources = graph.inputs[index]
    entry = graph.entries.get(index)
    if entry is not None and layer.kind in COMMUTATIVE:  # branches stand in the order in which they run
        others = iter(sorted(source for source in sources if source != entry))
        sources = tuple(entry if source == entry else next(others) for source in sources)
    inputs = tuple(_place(graph, source) for source in sources)
    shapes = tuple(nodes[place].shape for place in inputs)
    shared = None if layer.share is None else _owner(graph, layer.share, nodes)
    borrowed = tuple(
        Borrowed(array, _owner(graph, owner, nodes), of_owner) for array, (owner, of_owner) in layer.arrays.items()
    )
    own = graph.held.own.get(index)
    return Node(name, layer.kind, layer.config(shapes), inputs, layer.shape, 0, shared, borrowed, own)


def _owner(graph: LayerGraph, name: str, nodes: Sequence[Node]) -> int:
    """The node that has the arrays of a layer."""
    place = _place(graph, graph.numbers[name])
    shared = nodes[place].shared
    return place if shared is None else shared


def _place(graph: LayerGraph, tensor: int) -> int:
    """The node of a tensor, which is counted from the first layer."""
    return tensor + len(graph.input_names) if tensor >= 0 else -1 - tensor
