"""A whole spec: its top-level fields, its variables and inputs, and the network they make."""

from __future__ import annotations

from collections import abc
from collections.abc import Iterator
from pathlib import Path

import msgspec

from convcalc import steps
from convcalc.fields import FieldError
from convcalc.language import figures, library
from convcalc.language.advice import Trials, blamed
from convcalc.language.build import DEEPEST_BLOCKS, Builder, OverLimit
from convcalc.language.elsewhere import BATCHES, field_advice
from convcalc.language.forms import under_own_names
from convcalc.language.limits import limits
from convcalc.language.misreadings import order_of_axes
from convcalc.language.places import Places, span
from convcalc.language.settings import SHAPE, Settings
from convcalc.language.source import Diagnostic, Source, SpecError
from convcalc.language.suggestions import did_you_mean, listed
from convcalc.language.template import Block, Compiler, Layer, Scope
from convcalc.language.tree import Mapping, Node, Scalar, Sequence, brief, described, parse
from convcalc.language.unused import uncalled_blocks, unused_parameters, unused_variables
from convcalc.layers import Shape
from convcalc.layers import load as load_kind
from convcalc.network import Network, Origin

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


def loads(
    source: Source,
    *,
    inputs: Shapes | None = None,
    variables: Texts | None = None,
    warn: abc.Callable[[list[Diagnostic]], None] | None = None,
) -> Network:
    """The network that a spec describes.

    `inputs` replaces input shapes by name (`input` where there is one). `variables` replaces values, each written as
    in a spec; those that the source was named with go before. `warn` is called with what can be read and may not be
    what is meant, if there is any.

    Raises:
        SpecError: with everything that is wrong, and the layers that could be worked out all the same.
    """
    document = _document(source, inputs, variables)
    network = document.read()
    problems = document.found()
    if warn is not None and (warnings := document.warnings(network, complete=not problems)):
        warn(warnings)
    if problems or network is None:
        raise SpecError(problems, network, lambda: document.advised(network))
    return network


def examine(source: Source, *, inputs: Shapes | None = None, variables: Texts | None = None) -> Examined:
    """As `loads`, with what is wrong handed out beside the layers that could be worked out, and where they stand."""
    document = _document(source, inputs, variables, examined=True)
    network = document.read()
    builder = document.builder
    places = Places(source, document.tree, builder.sites or [], builder.budgeted, builder.decisions)
    problems = document.advised(network)
    return Examined(network, problems, document.warnings(network, complete=not problems), places)


def attempt(
    source: Source,
    *,
    inputs: Shapes | None = None,
    variables: Texts | None = None,
    assumed: Shapes | None = None,
) -> Attempt:
    """As `loads`, for who only tries: nothing is raised, and nobody looks for advice.

    `assumed` are shapes by full names of layers: whatever such a layer gives, those behind it get this shape.
    """
    document = _document(source, inputs, variables)
    builder = document.builder
    builder.assumed = assumed or {}
    network = document.read()
    problems = [problem.message for problem in document.found()]
    return Attempt(None if problems else network, problems, builder.problems.failures, builder.measured)


class Attempt(msgspec.Struct, frozen=True):
    """What came of a spec that was tried: its network, or else what is wrong.

    `failures` are messages by the full name of the layer that fails, `shapes` what the layers with an assumed shape
    give themselves.
    """

    network: Network | None
    problems: list[str]
    failures: dict[str, str]
    shapes: dict[str, Shape]


class Examined(msgspec.Struct, frozen=True):
    """What could be read of a spec: the network, None where not even its inputs are known, what is wrong, places.

    `warnings` are of what can be read and may not be what is meant.
    """

    network: Network | None
    problems: list[Diagnostic]
    warnings: list[Diagnostic]
    places: Places


SHARE = 3 / 4
"""Of the steps that are left, what reading a spec may take: the network is yet to be looked at."""
SHARE_OF_ADVICE = 1 / 2
MOST_LAYERS_TO_BLAME = 2000
"""A larger network is not built again to find the variables that broke it."""
NODES_IN_STEP = 4
"""That are looked through for the order of an input's axes."""
MOST_LAYERS_TO_ADVISE_ON = 20_000
"""Layers that are built, at all sizes that are tried together, to find input sizes that fit."""


def _document(source: Source, inputs: Shapes | None, variables: Texts | None, *, examined: bool = False) -> _Document:
    """A document with what is said of it from outside: what is named with the source goes before the rest."""
    own = source.named
    inputs = {**(inputs or {}), **(own.inputs if own is not None else {})}
    variables = {**(variables or {}), **(own.variables if own is not None else {})}
    return _Document(source, inputs, variables, examined=examined)


class _Document:
    """`examined`: somebody wants to know where everything stands, so that nothing is let go of."""

    def __init__(self, source: Source, inputs: Shapes, variables: Texts, *, examined: bool = False) -> None:
        self.source = source
        self.origin = Origin(source, inputs, variables)
        self.given_inputs = {} if source.converted else inputs  # which it was made for
        self.is_overridden = bool(inputs or variables)
        self.given_variables = variables
        self.blocks: dict[str, Block] = {}
        self.block_keys: dict[str, Scalar] = {}
        self.called: set[str] = set()
        self.input_places: list[tuple[Source, int, int]] = []
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
        self.is_over_limit = False  # what is behind a place has not been read

    def found(self) -> list[Diagnostic]:
        """Everything that is wrong."""
        return [*self.settings.problems, *self.problems, *self.compiler.problems, *self.builder.problems.found]

    def advised(self, network: Network | None) -> list[Diagnostic]:
        """Everything that is wrong, from top to bottom, with the given values that do it, or input sizes that fit."""
        found = self.found()
        small = self.builder.tried <= MOST_LAYERS_TO_BLAME
        broken: list[Diagnostic] = []
        if self.is_over_limit:
            return self._placed(found)
        if found and small and self.given_variables:
            broken, found = blamed(found, self.given_variables, self._problems_with)
        if found and network is not None and network.input_count == 1 and not self.source.converted:
            entering = network.nodes[0]

            def problems_at(shape: Shape) -> list[Diagnostic]:
                other = _Document(self.source, {entering.name: shape}, self.given_variables)
                return other.tried()

            most = MOST_LAYERS_TO_ADVISE_ON // max(self.builder.tried, 1)
            trials = Trials(entering.name, entering.shape, found, problems_at, most)
            with steps.part(SHARE_OF_ADVICE):
                found = [trials.advised(problem) for problem in found]
        return self._placed([*broken, *found])

    def _placed(self, problems: list[Diagnostic]) -> list[Diagnostic]:
        """From top to bottom, what is wrong with given values where these are written."""
        if self.source.named is not None:
            problems = [self.source.named.placed(problem) for problem in problems]
        return sorted(problems, key=lambda problem: (problem.line, problem.column))

    def warnings(self, network: Network | None, *, complete: bool) -> list[Diagnostic]:
        """What can be read and may not be what is meant, from top to bottom; of a model that exists, nothing.

        Where the spec has mistakes, what is unused may be used in what could not be read.
        """
        if self.source.converted:
            return []
        warnings = list(self.builder.problems.warnings)
        for index, (source, start, end) in enumerate(self.input_places if network is not None else []):
            if not steps.afford(len(self.builder.nodes) // NODES_IN_STEP):
                break
            misread = order_of_axes(self.builder.nodes, index)
            if misread is not None:
                warnings.append(source.diagnostic(misread.code, start, end, misread.message, misread.advice, "warning"))
        if complete:
            warnings += unused_parameters(self.source, self.blocks)
            warnings += unused_variables(self.source, self.settings, self.blocks.values(), self.given_variables)
            warnings += uncalled_blocks(self.source, self.block_keys, self.called)
        return sorted(warnings, key=lambda warning: (warning.line, warning.column))

    def _problems_with(self, variables: Texts) -> list[Diagnostic]:
        return _Document(self.source, self.given_inputs, variables).tried()

    def tried(self) -> list[Diagnostic]:
        """Everything that is wrong.

        Raises:
            OutOfSteps: that cannot be known, as not all could be read.
        """
        self.read()
        if self.is_over_limit:
            raise steps.OutOfSteps
        return self.found()

    def _block(self, name: str) -> Block | None:
        self.called.add(name)
        return self.blocks.get(name) or library.block(name)

    def _known(self) -> list[str]:
        return [*self.blocks, *library.names()]

    def read(self) -> Network | None:
        """The network, None where not even its inputs are known."""
        with steps.part(SHARE):
            try:
                return self._read()
            except steps.OutOfSteps as error:
                self._refuse_more(error)
                return None

    def _refuse_more(self, error: steps.OutOfSteps) -> None:
        """Report that reading ends where it is."""
        self.is_over_limit = True
        place = self.compiler.place
        self.problems.append(self.source.diagnostic("CC008", place, place + 1, str(error)))

    def _read(self) -> Network | None:
        parsed = parse(self.source)
        tree, self.complete = parsed.root, parsed.complete
        self.is_over_limit = parsed.is_over_limit
        self.problems += parsed.problems
        if not isinstance(tree, Mapping):
            self._refuse(tree)
            return None
        if self.compiler.keep_bodies:
            self.tree = tree
        for key, value in tree.entries:
            if key.value not in FIELDS:
                word, written = str(key.value), brief(value, self.source.text)
                advice = field_advice("spec", word, written, FIELDS, ()) or did_you_mean(word, FIELDS)
                self.compiler.problem(
                    "CC010", key, f"a spec has no field `{word}`", advice or f"it has {', '.join(FIELDS)}"
                )
        tree = under_own_names(tree, list(FIELDS))
        self.settings.variables(tree.find("variables"), self.given_variables)
        self.is_over_limit |= self.settings.is_over_limit
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
            origin=self.origin,
        )

    def _refuse(self, tree: Node | None) -> None:
        found = "an empty file" if tree is None else described(tree)
        start = 0 if tree is None else tree.start
        if not self.problems:
            message = f"expected a spec, a mapping with `input` and `layers`; found {found}"
            self.problems.append(self.source.diagnostic("CC012", start, start + 1, message))

    def _stem(self) -> str:
        return Path(self.source.path.rpartition(":")[2]).stem.strip("<>")  # before a colon is a revision

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
            message = f"inputs: expected shapes by name, found {described(several)}"
            self.compiler.problem(
                "CC011", several, message, "`input: [...]` is of one, `inputs: {image: [...]}` of more"
            )
        elif self.complete:
            self.compiler.problem("CC012", tree, "a spec needs `input`", "input: [3, 224, 224]")
        given = {name: self._given_shape(name, shape, written) for name, shape in self.given_inputs.items()}
        self.input_places = [self._input_place(name, node) for name, node in written.items()]
        shapes = {name: given[name] if name in given else self._shape(node, name) for name, node in written.items()}
        return shapes, {name: self.source.line(node.start) for name, node in written.items()}

    def _input_place(self, name: str, node: Node) -> tuple[Source, int, int]:
        """Where the shape of an input is said: the text, the first character and the one behind the last."""
        if name in self.given_inputs:
            given = _given_source(name, self.given_inputs[name])
            return given, len(name) + 1, len(given.text)
        return (self.source, *span(node))

    def _given_shape(self, name: str, shape: Shape, written: dict[str, Node]) -> Shape | None:
        given = _given_source(name, shape)
        if name not in written:
            advice = did_you_mean(name, written) or f"it has {listed(written)}"
            if name == "input" and written:  # which is what sizes without a name are of
                sizes = "x".join(map(str, shape))
                options = [f"--input {own}={sizes}" for own in written]
                advice = f"its inputs have names: {listed(options)}"
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
        first = node.items[0] if isinstance(node, Sequence) and node.items else None
        if isinstance(first, Scalar) and (first.value in BATCHES and first.value not in self.values):
            written = ", ".join(brief(size, self.source.text) for size in node.items[1:])  # type: ignore[union-attr]
            message = f"{name}: expected the channels first, found {described(first)}"
            self.compiler.problem("CC011", first, message, f"there is no batch axis: [{written}]")
            return None
        value = self.settings.typed(node, SHAPE, name)
        return value if isinstance(value, tuple) else None

    def _items(self, tree: Mapping) -> list[Node]:
        layers = tree.find("layers")
        if isinstance(layers, Sequence):
            return layers.items
        if layers is not None:
            self.compiler.sequence(layers, Scope(()))  # which says what is wrong
        elif self.complete:
            self.compiler.problem("CC012", tree, "a spec needs `layers`", "layers: [conv: {...}, relu, ...]")
        return []

    def _blocks(self, node: Node | None) -> None:
        entries: list[tuple[Scalar, Node]] = []
        if isinstance(node, Mapping):
            entries = node.entries
        elif node is not None:
            message = f"blocks: expected a mapping, found {described(node)}"
            self.compiler.problem("CC011", node, message, "blocks: {NAME: {parameters: {...}, layers: [...]}}")
        variables = frozenset(self.values)
        for key, definition in entries:
            name = str(key.value)
            if load_kind(name) is not None:
                self.compiler.problem("CC011", key, f"blocks: `{name}` is the name of a layer kind")
                continue
            self.compiler.place = key.start
            if not name.isprintable():
                problem = f"blocks: expected a name without control characters, found {name!r}"
                self.compiler.problem("CC011", key, problem)
            self.blocks[name], self.block_keys[name] = Block(name, self.source), key
            library.define(self.blocks[name], definition, self.compiler, variables)
        for key, definition in entries:
            if str(key.value) in self.blocks:
                self.compiler.place = key.start
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
        except OverLimit:
            self.is_over_limit = True
        except steps.OutOfSteps as error:
            self._refuse_more(error)
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
            if full is None and (names.is_unknown("") or self.is_over_limit):
                continue  # it may be one whose name could not be worked out, or that has not been read
            if full is None:
                advice = did_you_mean(name, names.tensors)
                self.compiler.problem("CC013", item, f"outputs: there is no layer `{name}`", advice)
            else:
                found.append(names.tensors[full])
        return tuple(index for index in found if index is not None)


def _given_source(name: str, shape: Shape) -> Source:
    """The text of a shape that is given from outside, as the command line takes it."""
    return Source("--input", f"{name}={'x'.join(map(str, shape))}")


def _blocks_in(layers: list[Layer]) -> list[Block]:
    found = [layer.block for layer in layers if layer.block is not None]
    for layer in layers:
        for branch in layer.branches or []:
            found += _blocks_in(branch)
    return found
