"""A whole spec: its top-level fields, its variables and inputs, and the network they make."""

from __future__ import annotations

from collections import abc
from collections.abc import Iterator
from pathlib import Path

import msgspec

from convcalc.fields import FieldError
from convcalc.layers import Shape
from convcalc.layers import load as load_kind
from convcalc.network import Network
from convcalc.spec import figures, library
from convcalc.spec.advice import advised, blamed
from convcalc.spec.build import DEEPEST_BLOCKS, Builder, TooManyLayers
from convcalc.spec.limits import limits
from convcalc.spec.places import Places
from convcalc.spec.settings import SHAPE, Settings
from convcalc.spec.source import Diagnostic, Source, SpecError
from convcalc.spec.suggestions import did_you_mean
from convcalc.spec.template import Block, Compiler, Layer, Scope
from convcalc.spec.tree import Mapping, Node, Scalar, Sequence, described, parse

FIELDS = {
    "name": "what the network is called (default: the file's name)",
    "source": "where its figures come from",
    "input": "shape of the one input: channels first, no batch axis",
    "inputs": "shapes of several inputs, by name",
    "variables": "values that expressions may use, overridden by --set",
    "blocks": "composite layers of this spec: inputs, parameters (with defaults, or `required`), layers",
    "layers": "the layers, in the order they run",
    "outputs": "names of the layers that leave the network (default: the last)",
    "expect": "figures the network must have",
    "budget": "figures the network must not exceed",
}
Shapes = abc.Mapping[str, Shape]
Texts = abc.Mapping[str, object]


def loads(source: Source, *, inputs: Shapes | None = None, variables: Texts | None = None) -> Network:
    """The network that a spec describes.

    `inputs` replaces input shapes by name (`input` where there is one). `variables` replaces values, each written as
    in a spec.

    Raises:
        SpecError: with everything that is wrong, and the layers that could be worked out all the same.
    """
    document = _Document(source, inputs or {}, variables or {})
    network = document.read()
    found = document.advised(network)
    if found or network is None:
        raise SpecError(found, network)
    return network


def examine(source: Source, *, inputs: Shapes | None = None, variables: Texts | None = None) -> Examined:
    """As `loads`, with what is wrong handed out beside the layers that could be worked out, and where they stand."""
    document = _Document(source, inputs or {}, variables or {}, examined=True)
    network = document.read()
    builder = document.builder
    places = Places(source, document.tree, builder.sites or [], builder.budgeted, builder.decisions)
    return Examined(network, document.advised(network), places)


class Examined(msgspec.Struct, frozen=True):
    """What could be read of a spec: the network, None where not even its inputs are known, what is wrong, places."""

    network: Network | None
    problems: list[Diagnostic]
    places: Places


MOST_LAYERS_TO_ADVISE_ON = 2000
"""A larger network is not built again to find input sizes that fit."""


class _Document:
    """`examined`: somebody wants to know where everything stands, so that nothing is let go of."""

    def __init__(self, source: Source, inputs: Shapes, variables: Texts, *, examined: bool = False) -> None:
        self.source = source
        self.given_inputs = {} if source.converted else inputs  # which it was made for
        self.is_overridden = bool(inputs or variables)
        self.given_variables = variables
        self.blocks: dict[str, Block] = {}
        self.compiler = Compiler(source, load_kind, self._block, self._known)
        self.builder = Builder()
        self.tree: Mapping | None = None
        if examined:
            self.compiler.keep_bodies = True
            self.builder.sites = []
        self.settings = Settings(self.compiler)
        self.values = self.settings.values
        self.problems: list[Diagnostic] = []
        self.complete = True

    def found(self) -> list[Diagnostic]:
        """Everything that is wrong."""
        return [*self.settings.problems, *self.problems, *self.compiler.problems, *self.builder.problems.found]

    def advised(self, network: Network | None) -> list[Diagnostic]:
        """Everything that is wrong, from top to bottom, with the given values that do it, or input sizes that fit."""
        found = self.found()
        small = self.builder.steps <= MOST_LAYERS_TO_ADVISE_ON
        broken: list[Diagnostic] = []
        if found and small and self.given_variables:
            broken, found = blamed(found, self.given_variables, self._problems_with)
        if found and small and network is not None and network.input_count == 1:
            entering = network.nodes[0]

            def problems_at(shape: Shape) -> list[Diagnostic]:
                other = _Document(self.source, {entering.name: shape}, self.given_variables)
                other.read()
                return other.found()

            found = [advised(problem, entering.shape, problems_at) for problem in found]
        return sorted([*broken, *found], key=lambda problem: (problem.line, problem.column))

    def _problems_with(self, variables: Texts) -> list[Diagnostic]:
        other = _Document(self.source, self.given_inputs, variables)
        other.read()
        return other.found()

    def _block(self, name: str) -> Block | None:
        return self.blocks.get(name) or library.block(name)

    def _known(self) -> list[str]:
        return [*self.blocks, *library.names()]

    def read(self) -> Network | None:
        """The network, None where not even its inputs are known."""
        parsed = parse(self.source)
        tree, self.complete = parsed.root, parsed.complete
        self.problems += parsed.problems
        if not isinstance(tree, Mapping):
            self._refuse(tree)
            return None
        if self.compiler.keep_bodies:
            self.tree = tree
        for key, _ in tree.entries:
            if key.value not in FIELDS:
                advice = did_you_mean(key.value, FIELDS) or f"it has {', '.join(FIELDS)}"
                self.compiler.problem("CC010", key, f"a spec has no field `{key.value}`", advice)
        self.settings.variables(tree.find("variables"), self.given_variables)
        shapes, lines = self._inputs(tree)
        self._blocks(tree.find("blocks"))
        name, source = (self.settings.text(tree, field) for field in ("name", "source"))
        expect = figures.expect(self.settings, tree.find("expect"))
        budget = limits(self.compiler, tree.find("budget"))
        outputs, items = tree.find("outputs"), self._items(tree)
        del tree, parsed  # so that layers are let go of as they are read
        absent = "input_channels" if len(shapes) > 1 and "input" not in shapes else ""
        layers = self.compiler.stream(items, Scope(self.values, shapes, absent))
        items = []
        known = {name: shape for name, shape in shapes.items() if shape is not None}
        if not known or len(known) < len(shapes):
            list(layers)  # for what is wrong with them
            return None
        return Network(
            name=name or self._stem(),
            source=source,
            outputs=self._outputs(self._build(known, lines, layers), outputs),
            nodes=tuple(self.builder.nodes),
            input_count=len(shapes),
            groups=tuple(self.builder.groups),
            variables=self.values,
            expect=expect,
            budget={name: limit.value for name, limit in budget.items()},
            overridden=self.is_overridden,
            computed=self.builder.names.computed,
        )

    def _refuse(self, tree: Node | None) -> None:
        found = "an empty file" if tree is None else described(tree)
        start = 0 if tree is None else tree.start
        if not self.problems:
            message = f"expected a spec, a mapping with `input` and `layers`; found {found}"
            self.problems.append(self.source.diagnostic("CC012", start, start + 1, message))

    def _stem(self) -> str:
        return Path(self.source.path).stem.strip("<>")

    def _inputs(self, tree: Mapping) -> tuple[dict[str, Shape | None], dict[str, int]]:
        one, several = tree.find("input"), tree.find("inputs")
        written: dict[str, Node] = {}
        if one is not None and several is not None:
            self.compiler.problem("CC011", several, "expected `input` or `inputs`, found both")
        if one is not None:
            written["input"] = one
        elif isinstance(several, Mapping) and several.entries:
            written = {str(key.value): value for key, value in several.entries}
            for key, _ in several.entries:
                if not library.is_input_name(str(key.value)):
                    self.compiler.problem("CC011", key, f"inputs: `{key.value}` cannot be the name of an input")
        elif several is not None:
            self.compiler.problem("CC011", several, f"inputs: expected shapes by name, found {described(several)}")
        elif self.complete:
            self.compiler.problem("CC012", tree, "a spec needs `input`", "input: [3, 224, 224]")
        given = {name: self._given_shape(name, shape, written) for name, shape in self.given_inputs.items()}
        shapes = {name: given[name] if name in given else self._shape(node, name) for name, node in written.items()}
        return shapes, {name: self.source.line(node.start) for name, node in written.items()}

    def _given_shape(self, name: str, shape: Shape, written: dict[str, Node]) -> Shape | None:
        given = Source("--input", f"{name}={'x'.join(map(str, shape))}")
        if name not in written:
            advice = did_you_mean(name, written) or f"it has {', '.join(written)}"
            self.problems.append(given.diagnostic("CC013", 0, len(name), f"the spec has no input `{name}`", advice))
            return None
        own = self._shape(written[name], name)
        if own is not None and len(own) != len(shape):
            own_text = "x".join(map(str, own))
            message = f"{name}: expected {len(own)} sizes, as the spec's {own_text} has, found {len(shape)}"
            advice = "channels come first, and there is no batch axis"
            self.problems.append(given.diagnostic("CC011", 0, len(given.text), message, advice))
            return None
        try:
            return SHAPE.accept(tuple(shape), 1)
        except FieldError as error:
            self.problems.append(given.diagnostic("CC011", 0, len(given.text), f"{name}: {error}"))
            return None

    def _shape(self, node: Node, name: str) -> Shape | None:
        value = self.settings.typed(node, SHAPE, name)
        return value if isinstance(value, tuple) else None

    def _items(self, tree: Mapping) -> list[Node]:
        layers = tree.find("layers")
        if isinstance(layers, Sequence):
            return layers.items
        if layers is None and self.complete:
            self.compiler.problem("CC012", tree, "a spec needs `layers`", "layers: [conv: {...}, relu, ...]")
        elif layers is not None:
            self.compiler.problem("CC011", layers, f"layers: expected a list of layers, found {described(layers)}")
        return []

    def _blocks(self, node: Node | None) -> None:
        entries: list[tuple[Scalar, Node]] = []
        if isinstance(node, Mapping):
            entries = node.entries
        elif node is not None:
            self.compiler.problem("CC011", node, f"blocks: expected a mapping, found {described(node)}")
        for key, definition in entries:
            name = str(key.value)
            if load_kind(name) is not None:
                self.compiler.problem("CC011", key, f"blocks: `{name}` is the name of a layer kind")
                continue
            self.blocks[name] = Block(name, self.source)
            library.define(self.blocks[name], definition, self.compiler, list(self.values))
        for key, definition in entries:
            if str(key.value) in self.blocks:
                library.fill(self.blocks[str(key.value)], definition, self.compiler)
        self._refuse_cycles({str(key.value): key for key, _ in entries})

    def _refuse_cycles(self, keys: dict[str, Scalar]) -> None:
        """A block that contains itself, however far down, is emptied, so that building it ends."""
        done: set[str] = set()

        def visit(block: Block, path: tuple[str, ...]) -> None:
            if block.name in path:
                chain = " -> ".join([*path[path.index(block.name) :], block.name])
                self.compiler.problem("CC013", keys[block.name], f"block {block.name} contains itself: {chain}")
                block.layers = []
            elif len(path) > DEEPEST_BLOCKS:
                limit = f"block {block.name} stands in blocks more than {DEEPEST_BLOCKS} deep"
                self.compiler.problem("CC008", keys[block.name], limit)
                block.layers = []
            elif block.name not in done and block.name in keys:
                for inner in _blocks_in(block.layers):
                    visit(inner, (*path, block.name))
                done.add(block.name)

        for block in list(self.blocks.values()):
            visit(block, ())

    def _build(self, inputs: dict[str, Shape], lines: dict[str, int], layers: Iterator[Layer]) -> int | None:
        self.builder.variables = self.values
        try:
            return self.builder.network(inputs, lines, layers)
        except TooManyLayers:
            list(layers)  # for what else is wrong with them
            return None

    def _outputs(self, last: int | None, node: Node | None) -> tuple[int, ...]:
        if node is None:
            return () if last is None else (last,)
        found = []
        items = node.items if isinstance(node, Sequence) else [node]
        if not items:
            self.compiler.problem("CC011", node, "outputs: expected names of layers, found an empty list")
        names = self.builder.names
        for item in items:
            name = item.value if isinstance(item, Scalar) else None
            full = names.full_name(name) if isinstance(name, str) else None
            if full is None and names.is_unknown(""):
                continue  # it may be one whose name could not be worked out
            if full is None:
                advice = did_you_mean(name, names.tensors)
                self.compiler.problem("CC013", item, f"outputs: there is no layer `{name}`", advice)
            else:
                found.append(names.tensors[full])
        return tuple(index for index in found if index is not None)


def _blocks_in(layers: list[Layer]) -> list[Block]:
    found = [layer.block for layer in layers if layer.block is not None]
    for layer in layers:
        for branch in layer.branches or []:
            found += _blocks_in(branch)
    return found
