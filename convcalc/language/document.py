"""A whole spec: its top-level fields, its variables and inputs, and the network they make."""

from __future__ import annotations

from collections import abc
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from msgspec.structs import replace

from convcalc import steps
from convcalc.language import library
from convcalc.language.advice import Trials, blamed
from convcalc.language.build import NetworkBuilder, StepsSpent
from convcalc.language.elsewhere import field_advice
from convcalc.language.forms import under_own_names
from convcalc.language.inputs import Inputs
from convcalc.language.limits import limits, values_of
from convcalc.language.misreadings import order_of_axes
from convcalc.language.overrides import parted
from convcalc.language.parsing import parse
from convcalc.language.places import TextPlaces
from convcalc.language.settings import Settings
from convcalc.language.source import GIVEN_TEXT, Diagnostic, Source, SpecError
from convcalc.language.suggestions import did_you_mean
from convcalc.language.template import Block, CompiledLayer, Compiler, InReach
from convcalc.language.tree import Mapping, Node, Scalar, Sequence, brief, described, entries_of, items_of
from convcalc.language.unused import uncalled_blocks, unused_parameters, unused_variables
from convcalc.layers import Shape
from convcalc.network import Deployment, Network, TextOrigin

FIELDS = {
    "name": "what the network is called (default: the file's name)",
    "source": "where its figures come from",
    "input": "shape of the one input: channels first, no batch axis",
    "inputs": "shapes of several inputs, by name",
    "variables": "values that expressions may use, overridden by --set",
    "blocks": "composite layers of this spec: inputs, parameters (with defaults, or `required`), layers",
    "layers": "the layers, in the order they run",
    "outputs": "names of the layers that leave the network (default: the last)",
    "deploy": "how the network runs: fused, dtype, batch, device",
    "code": "what PyTorch code calls for layers of a kind or of some names, for what other tools count",
    "published": "numbers that its paper prints, by the paper's own word for each",
    "expect": "figures the network must have",
    "budget": "figures the network must not exceed, as it is deployed",
}
Shapes = abc.Mapping[str, Shape]
Texts = abc.Mapping[str, object]


def loads(
    spec: str | abc.Mapping[str, object] | Source,
    *,
    inputs: Shapes | None = None,
    variables: Texts | None = None,
    warn: abc.Callable[[list[Diagnostic]], None] | None = None,
) -> Network:
    """The network that a spec describes: its text, or a mapping that says the same, as a reader of YAML gives it.

    >>> convcalc.loads({"input": [3, 8, 8], "layers": [{"conv": {"out_channels": 4, "kernel_size": 3}}]})
    <Network mapping: 3x8x8 -> 4x6x6, 1 layer, params 112, MACs 3,888>

    In a mapping a text is one without quotes, so it may be an expression. What is wrong with it is told by the way
    there, as ``layers[0].conv.kernel_size``. Tuples and arrays are lists; a float is the decimal that it is written as.

    `inputs` replaces input shapes by name (`input` where there is one). `variables` replaces values, each written as
    in a spec; those that the source was named with go before. `warn` is called with what can be read and may not be
    what is meant, if there is any.

    Raises:
        SpecError: with everything that is wrong, and the layers that could be worked out all the same.
        TypeError: it is neither a text nor a mapping.
    """
    source = spec if isinstance(spec, Source) else _source_of(spec)
    reading = examine(source, inputs=inputs, variables=variables, with_places=False)
    if warn is not None and reading.warnings:
        warn(reading.warnings)
    if reading.problems or reading.network is None:
        raise SpecError(reading.problems, reading.network, lambda: reading.diagnostics)
    return reading.network if source.places is None else _nowhere(reading.network)


def _source_of(spec: str | abc.Mapping[str, object]) -> Source:
    from convcalc.language.given import source_of  # what reads files takes no time for it

    return source_of(spec)


def _nowhere(network: Network) -> Network:
    """The network of a spec that stands in no text: its layers are on no line."""
    nodes = tuple(replace(node, line=0) for node in network.nodes)
    return replace(network, nodes=nodes, groups=tuple(replace(group, line=0) for group in network.groups))


def examine(
    source: Source,
    *,
    inputs: Shapes | None = None,
    variables: Texts | None = None,
    assumed: Shapes | None = None,
    with_places: bool = True,
) -> Reading:
    """As `loads`, with what is wrong handed out beside the layers that could be worked out, and where they stand.

    `assumed` are shapes by full names of layers: whatever such a layer gives, those behind it get this shape. Without
    places less is kept.
    """
    named = source.named  # with settings of its own, which go before the rest
    inputs = {**(inputs or {}), **(named.inputs if named is not None else {})}
    variables = {**(variables or {}), **(named.variables if named is not None else {})}
    return Reading(source, inputs, variables, assumed or {}, with_places=with_places)


GIVEN = "--set"
"""Where a given value is written."""
SHARE = 3 / 4
"""Of the steps that are left, what reading a spec may take: the network is yet to be looked at."""
_SHARE_OF_ADVICE = 1 / 2
_MOST_LAYERS_TO_BLAME = 2000
"""A larger network is not built again to find the variables that broke it."""
_NODES_IN_STEP = 4
"""That are looked through for the order of an input's axes."""
_MOST_LAYERS_TO_ADVISE_ON = 20_000
"""Layers that are built, at all sizes that are tried together, to find input sizes that fit."""


class Reading:
    """A spec that has been read as far as it can be.

    `network` is None where not even its inputs are known, `problems` what is wrong as it was met. What takes trying,
    as `diagnostics` does, is worked out when it is asked for. `shapes` are what the layers with an assumed shape give
    themselves, `failures` messages by the full name of the layer that fails. `with_places`: where everything stands is
    kept, so that the whole tree is.
    """

    def __init__(
        self,
        source: Source,
        inputs: Shapes,
        variables: Texts,
        assumed: Shapes = MappingProxyType({}),
        *,
        with_places: bool = False,
    ) -> None:
        self.source = source
        self.origin = TextOrigin(lambda: source, inputs, variables, source.named, source.as_named)
        self.given_inputs = {} if source.converted else inputs  # which it was made for
        self.is_overridden = bool(inputs or variables)
        self.given_variables = {  # as above, where they are not fields of its layers
            name: value for name, value in variables.items() if not source.converted or parted(name)
        }
        self.blocks: dict[str, Block] = {}
        self.block_keys: dict[str, Scalar] = {}
        self.code_keys: dict[str, Scalar] = {}
        self.called: set[str] = set()
        self.compiler = Compiler(source, self._block, self._known)
        self.builder = NetworkBuilder()
        self.builder.assumed = assumed
        self.tree: Mapping | None = None
        if with_places:
            self.compiler.keep_bodies = True
            self.builder.sites = []
        self.settings = Settings(self.compiler)
        self.values = self.settings.values
        self.inputs: Inputs | None = None
        self.is_over_limit = False  # what is behind a place has not been read
        self._problems: list[Diagnostic] = []
        self.network = self._read_in_steps()

    @property
    def problems(self) -> list[Diagnostic]:
        """Everything that is wrong, in the order in which it is looked for."""
        own = [*self.settings.problems, *self._problems, *(self.inputs.problems if self.inputs is not None else [])]
        return [*own, *self.compiler.problems, *self.builder.problems.found]

    @property
    def failures(self) -> dict[str, str]:
        return self.builder.problems.failures

    @property
    def shapes(self) -> dict[str, Shape]:
        return self.builder.measured

    @cached_property
    def places(self) -> TextPlaces:
        builder = self.builder
        return TextPlaces(self.source, self.tree, builder.sites or [], builder.budgeted, builder.decisions)

    @cached_property
    def diagnostics(self) -> list[Diagnostic]:
        """Everything that is wrong, from top to bottom, with the given values that do it, or input sizes that fit."""
        problems, network = self.problems, self.network
        small = self.builder.tried <= _MOST_LAYERS_TO_BLAME
        broken: list[Diagnostic] = []
        if self.is_over_limit:
            return self._placed(problems)
        if problems and small and self.given_variables:
            broken, problems = blamed(problems, self.given_variables, self._problems_with)
        if problems and network is not None and network.input_count == 1 and not self.source.converted:
            entering = network.nodes[0]

            def problems_at(shape: Shape) -> list[Diagnostic]:
                return Reading(self.source, {entering.name: shape}, self.given_variables).known_problems()

            most = _MOST_LAYERS_TO_ADVISE_ON // max(self.builder.tried, 1)
            trials = Trials(entering.name, entering.shape, problems, problems_at, most)
            with steps.part(_SHARE_OF_ADVICE):
                problems = [trials.advised(problem) for problem in problems]
        return self._placed([*broken, *problems])

    def _placed(self, problems: list[Diagnostic]) -> list[Diagnostic]:
        """From top to bottom, what is wrong with given values where these are written."""
        if self.source.named is not None:
            problems = [self.source.named.placed(problem) for problem in problems]
        return sorted(problems, key=lambda problem: (problem.line, problem.column))

    @cached_property
    def warnings(self) -> list[Diagnostic]:
        """What can be read and may not be what is meant, from top to bottom; of a model that exists, nothing.

        Where the spec has mistakes, what is unused may be used in what could not be read.
        """
        if self.source.converted:
            return []
        warnings = list(self.builder.problems.warnings)
        places = self.inputs.places if self.inputs is not None and self.network is not None else []
        for index, (source, start, end) in enumerate(places):
            if not steps.afford(len(self.builder.nodes) // _NODES_IN_STEP):
                break
            misread = order_of_axes(self.builder.nodes, index)
            if misread is not None:
                warnings.append(source.diagnostic(misread.code, start, end, misread.message, misread.advice, "warning"))
        if not self.problems:
            warnings += unused_parameters(self.source, self.blocks)
            warnings += unused_variables(self.source, self.settings, self.blocks.values(), self.given_variables)
            warnings += uncalled_blocks(self.source, self.block_keys, self.called)
            warnings += self._unused_code()
        return sorted(warnings, key=lambda warning: (warning.line, warning.column))

    def _problems_with(self, variables: Texts) -> list[Diagnostic]:
        return Reading(self.source, self.given_inputs, variables).known_problems()

    def known_problems(self) -> list[Diagnostic]:
        """Everything that is wrong.

        Raises:
            OutOfSteps: that cannot be known, as not all could be read.
        """
        if self.is_over_limit:
            raise steps.OutOfSteps
        return self.problems

    def _block(self, name: str) -> Block | None:
        self.called.add(name)
        return self.blocks.get(name) or library.block(name)

    def _known(self) -> list[str]:
        return [*self.blocks, *library.names()]

    def _read_in_steps(self) -> Network | None:
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
        self._problems.append(self.source.diagnostic("CC008", place, place + 1, str(error)))

    def _read(self) -> Network | None:
        parsed = parse(self.source)
        tree = parsed.root
        self.is_over_limit = parsed.is_over_limit
        self._problems += parsed.problems
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
        inputs = self.inputs = Inputs(self.settings, tree, self.given_inputs, complete=parsed.complete)
        self._blocks(tree.find("blocks"))
        name, source = (self.settings.text(tree, field) for field in ("name", "source"))
        expect = self.settings.expected(tree.find("expect"))
        budget = limits(self.compiler, tree.find("budget"))
        deployment = self._deployment(tree.find("deploy"))
        code = self._code(tree.find("code"))
        published = self._published(tree.find("published"))
        outputs, items = tree.find("outputs"), self._items(tree, complete=parsed.complete)
        del tree, parsed  # so that the memory of each layer is free once it is read
        absent = "input_channels" if len(inputs.shapes) > 1 and "input" not in inputs.shapes else ""
        layers = self.compiler.stream(items, InReach(self.values, inputs.shapes, absent))
        items = []
        shapes = {name: shape for name, shape in inputs.shapes.items() if shape is not None}
        if not shapes or len(shapes) < len(inputs.shapes):
            list(layers)  # for what is wrong with them
            return None
        return Network(
            name=name or Path(self.source.path.rpartition(":")[2]).stem.strip("<>"),  # before a colon is a revision
            source=source,
            outputs=self._outputs(self._build(shapes, inputs.lines, layers), outputs),
            nodes=tuple(self.builder.nodes),
            input_count=len(shapes),
            groups=tuple(self.builder.groups),
            variables=self.values,
            expect=expect,
            budget=values_of(budget),
            overridden=self.is_overridden,
            computed=self.builder.names.computed,
            deployment=deployment,
            code=code,
            published=published,
            origin=self.origin,
        )

    def _deployment(self, node: Node | None) -> Deployment:
        if node is None:
            return Deployment()
        from convcalc.language.deploying import deployment

        return deployment(self.compiler, node)

    def _code(self, node: Node | None) -> dict[str, str]:
        if node is None:
            return {}
        from convcalc.language.coding import code

        written = code(self.compiler, node)
        self.code_keys = {name: key for name, (key, _) in written.items()}
        return {name: call for name, (_, call) in written.items()}

    def _unused_code(self) -> Iterator[Diagnostic]:
        """Of the network as it is written: with other values than its own, layers may not be there."""
        if not self.code_keys or self.network is None or self.is_overridden:
            return
        from convcalc.language.coding import unused_entries

        yield from unused_entries(self.source, self.network, self.code_keys)

    def _published(self, node: Node | None) -> dict[str, str]:
        if node is None:
            return {}
        from convcalc.language.publishing import published

        return published(self.compiler, node)

    def _refuse(self, tree: Node | None) -> None:
        what = "an empty file" if tree is None else described(tree)
        start = 0 if tree is None else tree.start
        if not self._problems:
            message = f"expected a spec, a mapping with `input` and `layers`; found {what}"
            is_name = self.source.path == GIVEN_TEXT and isinstance(tree, Scalar)
            advice = "convcalc.load reads a file, or a network of the zoo, by its name" if is_name else ""
            self._problems.append(self.source.diagnostic("CC012", start, start + 1, message, advice))

    def _items(self, tree: Mapping, *, complete: bool) -> list[Node]:
        layers = tree.find("layers")
        if isinstance(layers, Sequence):
            return layers.items
        if layers is not None:
            self.compiler.sequence(layers, InReach(()))  # which says what is wrong
        elif complete:
            self.compiler.problem("CC012", tree, "a spec needs `layers`", "layers: [conv: {...}, relu, ...]")
        return []

    def _blocks(self, node: Node | None) -> None:
        if node is not None and not isinstance(node, Mapping):
            message = f"blocks: expected a mapping, found {described(node)}"
            self.compiler.problem("CC011", node, message, "blocks: {NAME: {parameters: {...}, layers: [...]}}")
        self.block_keys = library.read_blocks(entries_of(node), self.blocks, self.compiler, frozenset(self.values))

    def _build(self, inputs: dict[str, Shape], lines: dict[str, int], layers: Iterator[CompiledLayer]) -> int | None:
        self.builder.variables = self.values
        self.builder.configurator.overrides = overrides = self.settings.overrides
        try:
            output = self.builder.network(inputs, lines, layers)
            for name, (message, advice) in overrides.unused(self.builder.names.tensors).items():
                given = Source(GIVEN, f"{name}={self.given_variables[name]}")
                self._problems.append(given.diagnostic("CC013", 0, len(name), message, advice))
            return output
        except StepsSpent:
            self.is_over_limit = True
        except steps.OutOfSteps as error:
            self._refuse_more(error)
        return None

    def _outputs(self, last: int | None, node: Node | None) -> tuple[int, ...]:
        if node is None:
            return () if last is None else (last,)
        outputs = []
        items = items_of(node)
        if not items:
            self.compiler.problem("CC011", node, "outputs: expected names of layers, found an empty list")
        names = self.builder.names
        for item in items:
            name = item.value if isinstance(item, Scalar) else None
            full = names.full_name(name) if isinstance(name, str) else None
            if full is None and ("" in names.unknown or self.is_over_limit):
                continue  # it may be one whose name could not be worked out, or that has not been read
            if full is None:
                advice = did_you_mean(name, names.tensors)
                self.compiler.problem("CC013", item, f"outputs: there is no layer `{name}`", advice)
            else:
                outputs.append(names.tensors[full])
        return tuple(index for index in outputs if index is not None)
