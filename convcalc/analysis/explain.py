"""Where the numbers come from: the formulas of a layer in symbols and in numbers, and how a block adds up.

No formula stands here. A layer's own methods are run on numbers that remember how they were made, so what is
explained is what is computed. Batch 1.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from convcalc import steps
from convcalc.analysis.analyze import Measures, as_written, costs, measured, receptive_fields
from convcalc.analysis.lines import grouped
from convcalc.analysis.report import ReceptiveField, Report, sums
from convcalc.analysis.symbols import REACH, Symbol, TracedLayer
from convcalc.arithmetic.axes import Reach
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import NoFormula, Term, traced
from convcalc.layers import UNSIZED, Kind, Shape, page
from convcalc.network import Borrowed, Group, Network, Node
from convcalc.presenting import Printed

COSTS = ("params", "buffers", "macs", "elementwise_ops")
_NO_LOCAL_PATH = "every position sees the whole input; no local path is left"
ARRIVING = (
    "the field holds the positions of the input that arrive where an operation looks at all positions; formulas, where "
    "there are any, are of the local path beside it"
)
_GLOBAL_BESIDE = "beside these local paths one sees the whole input"
IRREGULAR = (
    "the interval that a position sees differs from one position to the next, as behind an upsampling: it is worked "
    "out position by position, and has no formula"
)
UNCOSTED = "its cost is not known, and a total that includes it is a lower bound: the sum of the others"
_GIVEN = "given are the largest size, the mean stride (the largest, where several meet) and the start of the first"


class Formula(msgspec.Struct, frozen=True):
    """One number and where it comes from, as the tree of its `term`.

    `quantity` says of what, `symbol` what the number is called in other formulas (empty: in none). `axes` are those of
    the tensor, or for a receptive field of the network's input, that it holds for; none for a count.
    """

    quantity: str
    symbol: str
    term: Term
    axes: tuple[int, ...] = ()

    @property
    def value(self) -> int:
        return self.term.value

    @property
    def is_trivial(self) -> bool:
        """Whether the number is no more than the symbol by which it is called."""
        return bool(self.symbol) and self.term.symbol == self.symbol


class LayerExplanation(Printed, msgspec.Struct, frozen=True, kw_only=True):
    """A layer's numbers and where they come from.

    `choices` are the fields that enter no formula as a number but may decide which formula it is. `legend` has the
    symbols that have a value, `formulas` those that follow from them, each after what it uses. `receptive_field` is
    the layer's own, whether or not it has a formula; `notes` say what formulas cannot.
    """

    name: str
    kind: str
    summary: str
    description: str
    source: str
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    choices: dict[str, Any]
    legend: tuple[Symbol, ...]
    formulas: tuple[Formula, ...]
    receptive_field: ReceptiveField
    notes: tuple[str, ...]


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A layer or block inside of another, and what it adds; `uncosted` of its layers add what is not known."""

    name: str
    kind: str
    output_shape: Shape
    params: int
    buffers: int
    macs: int
    elementwise_ops: int
    uncosted: int = 0


class BlockExplanation(Printed, msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A block or a repeat: the parts it is made of, and their sums. `times` is None for what is not repeated.

    Where it is not known what some layers cost, `uncosted_layers` names them, and the sums are `at_least` so much.
    """

    name: str
    kind: str
    description: str
    source: str
    times: int | None
    parts: tuple[Part, ...]
    params: int
    buffers: int
    macs: int
    elementwise_ops: int
    at_least: bool = False
    uncosted_layers: tuple[str, ...] = ()
    receptive_field: ReceptiveField | None


class LayerMacs(msgspec.Struct, frozen=True):
    """A layer in one line: its MACs, None where they are not known."""

    name: str
    kind: str
    summary: str
    macs: Formula | None


class NetworkExplanation(Printed, msgspec.Struct, frozen=True):
    """The MACs of every layer of a network."""

    name: str
    layers: tuple[LayerMacs, ...]


Explanation = LayerExplanation | BlockExplanation | NetworkExplanation


class NoSuchLayer(LookupError):
    """No layer and no block has that name; `known` are the names there are."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no layer or block `{name}`")
        self.name = name
        self.known = known


def explain(network: Network, layer: str | None = None) -> Explanation:
    """Where the numbers of a layer or of a block come from; without a name, every layer in one line.

    Raises:
        NoSuchLayer: nothing in the network has that name.
    """
    if layer is None:
        return _overview(network)
    for place, node in enumerate(network.layers, start=network.input_count):
        if node.name == layer:
            return Explainer(network).layer(place)
    for place, group in enumerate(network.groups):
        if group.name == layer:
            return _block(as_written(network), place, group)
    raise NoSuchLayer(layer, _names(network))


def _names(network: Network) -> list[str]:
    """Of all layers and blocks in document order, blocks before what is in them."""
    nodes = enumerate(network.layers, start=network.input_count)
    places = [(group.first, -group.last, group.name) for group in network.groups]
    return [name for _, _, name in sorted([*places, *((place, -place, node.name) for place, node in nodes)])]


LINE_STEPS, FIELD_STEPS, FORMULA_STEPS = 10, 200, 1_000
"""Steps that a layer takes of which the same was said before, those of its receptive field, and those of another."""


def _overview(network: Network) -> NetworkExplanation:
    known: dict[Any, Formula | None] = {}
    lines = []
    for node in network.layers:
        config, shapes = node.config, network.shapes_into(node)
        key = config, shapes
        steps.spend(LINE_STEPS if key in known else FORMULA_STEPS)
        if key not in known:
            formulas = Work(config, shapes).costs()
            known[key] = next((formula for formula in formulas if formula.quantity == "macs"), None)
        lines.append(LayerMacs(node.name, node.kind, config.summary(), known[key]))
    return NetworkExplanation(network.name, tuple(lines))


class Explainer:
    """Explains layers of one network, each as `explain` does; what they have in common is worked out once for all.

    Explanations of layers of the same configuration and shapes share their `Formula` and `Symbol` records, but for
    those of the receptive field. `seen` are the receptive fields of the layers in numbers, where these are known.
    """

    def __init__(self, network: Network, seen: Sequence[ReceptiveField] = ()) -> None:
        self.network = network
        self.fields = receptive_fields(network)[0]
        self._seen = seen
        self._measures: Measures = {}
        self._works: dict[Any, tuple[Work, tuple[Formula, ...]]] = {}
        self._pages: dict[type[Kind], tuple[str, str]] = {}

    def layer(self, place: int) -> LayerExplanation:
        """That of the layer which is the network's node of this index."""
        network, node = self.network, self.network.nodes[place]
        config, seen = node.config, self._measured(place)
        work, formulas = self._work(node)
        work.forget_fields()
        local, notes = work.field(tuple(self.fields[source] for source in node.inputs), seen)
        formulas = (*formulas, *local)
        description, source = self._described(type(config))
        return LayerExplanation(
            name=node.name,
            kind=node.kind,
            summary=config.summary(),
            description=description,
            source=source,
            inputs=tuple(network.nodes[entering].name for entering in node.inputs),
            input_shapes=network.shapes_into(node),
            output_shape=node.shape,
            choices=work.layer.choices,
            legend=tuple(used(work.layer.legend, formulas)),
            formulas=formulas,
            receptive_field=seen,
            notes=(*_notes(network, node), *notes, *([_GIVEN] if IRREGULAR in notes else [])),
        )

    def _measured(self, place: int) -> ReceptiveField:
        if self._seen:
            return self._seen[place - self.network.input_count]
        return measured(self.fields[place], self.network.nodes[place].shape, self._measures)

    def _work(self, node: Node) -> tuple[Work, tuple[Formula, ...]]:
        """What formulas are made with, and those that do not speak of the receptive field."""
        shapes, is_shared = self.network.shapes_into(node), node.shared is not None
        key = node.config, shapes, is_shared, node.borrowed_names
        steps.spend(FIELD_STEPS if key in self._works else FORMULA_STEPS)
        if key not in self._works:
            work = Work(node.config, shapes)
            formulas = (*work.output, *work.costs(shared=is_shared, borrowed=node.borrowed_names))
            self._works[key] = work, formulas
        return self._works[key]

    def _described(self, kind: type[Kind]) -> tuple[str, str]:
        if kind not in self._pages:
            self._pages[kind] = described(page(kind))
        return self._pages[kind]


def _notes(network: Network, node: Node) -> Iterator[str]:
    """What is to be said of a layer's costs."""
    if node.shared is not None:
        yield f"the weights are those of {network.nodes[node.shared].name}, and counted there"
    else:
        yield from (_borrowing(network, array) for array in node.borrowed)
    if not node.config.costed:
        yield UNCOSTED


def _borrowing(network: Network, array: Borrowed) -> str:
    return f"{array.name} reads the elements of {network.nodes[array.owner].name}.{array.array}, counted there"


def used(legend: dict[str, Symbol], formulas: Iterable[Formula]) -> Iterator[Symbol]:
    """The symbols that stand in one of the formulas."""
    symbols = {symbol for formula in formulas for symbol in formula.term.symbols()}
    return (symbol for symbol in legend.values() if symbol.symbol in symbols)


def described(text: str) -> tuple[str, str]:
    """What a page of the manual says first, and where it has it from."""
    source = re.search(r"\bSource: (.+?)(?=\n\s*\n|\Z)", text, re.DOTALL)
    first = re.split(r"\s*\bSource: |\n", text, maxsplit=1)[0]
    return first.strip(), " ".join(source[1].split()) if source else ""


class Work:
    """The formulas of one layer.

    They are made three times over: to learn which parts have names of their own, then for the output's size in
    these names, then for all else, in which the output's size has a name too.
    """

    def __init__(self, config: Kind, shapes: tuple[Shape, ...]) -> None:
        self.layer = layer = TracedLayer(config, shapes)
        layer.config.shape(*layer.inputs)
        costs(layer.config, layer.inputs)
        self.output = (*self._suggested(), *self._output())
        self._before_fields: tuple[dict[str, Symbol], set[str]] | None = None

    def forget_fields(self) -> None:
        """Free the symbols of the fields that entered before, so that those of another layer go by the same."""
        if self._before_fields is None:
            self._before_fields = dict(self.layer.legend), set(self.layer.names)
        legend, names = self._before_fields
        self.layer.legend, self.layer.names = dict(legend), set(names)

    def _suggested(self) -> Iterator[Formula]:
        suggested = self.layer.vocabulary.suggested.items()
        by_symbol = grouped([pair for pair in suggested if pair[0].is_formula], lambda pair: pair[1])
        free = {symbol: self.layer.free(symbol) for symbol in by_symbol}
        for symbol, pairs in by_symbol.items():
            for place, (term, _) in enumerate(pairs):
                name = free[symbol] if len(pairs) == 1 else f"{free[symbol]}_{place}"
                yield self._defined("padding", name, term, ())

    def _output(self) -> Iterator[Formula]:
        output = self.layer.config.shape(*self.layer.inputs)
        if output == UNSIZED:
            return
        channels, *sizes = [traced(size).term for size in output]
        name = "C_out" if channels.symbol == "C_out" else self.layer.free("C_out")
        yield self._defined("output channels", name, channels, (0,))
        for name, size, axes in _by_axis(self.layer.free("o"), sizes):
            yield self._defined("output size", name, size, tuple(axis + 1 for axis in axes))

    def _defined(self, quantity: str, symbol: str, term: Term, axes: tuple[int, ...]) -> Formula:
        """The formula of a number that later formulas name; what is no more than a symbol stays that symbol."""
        self.layer.names.add(symbol)
        if term.is_formula:
            self.layer.vocabulary.known[term] = Term(term.value, symbol)
        return Formula(quantity, symbol, term, axes)

    def costs(self, *, shared: bool = False, borrowed: Collection[str] = ()) -> Iterator[Formula]:
        """Of params, buffers (if there are any), MACs and element-wise operations.

        All weights are another layer's where they are `shared`, or else those `borrowed`. None of these formulas where
        they are not known.
        """
        if not self.layer.config.costed:
            return
        numbers = costs(self.layer.config, self.layer.inputs, borrowed)
        for quantity, number in zip(COSTS, numbers, strict=True):
            none = shared and quantity in {"params", "buffers"}
            term = traced(0 if none else number).term
            if quantity != "buffers" or term != Term(0):
                yield Formula(quantity, "", term)

    def field(self, entering: tuple[Field, ...], measured: ReceptiveField) -> tuple[list[Formula], tuple[str, ...]]:
        """Of the receptive field, where it is one interval at one stride; and what is to be said of it in words."""
        if measured.size is None:
            return [], (_NO_LOCAL_PATH,) if measured.is_global else ()
        notes = (_GLOBAL_BESIDE,) if measured.is_global else ()
        try:
            seen = self.layer.config.receptive_field(self.layer.entering(entering), self.layer.inputs)
        except NoFormula:
            return [], (IRREGULAR, *notes)
        if not measured.is_global and any(cover is not None and cover.span for cover in seen.overall):
            notes = (ARRIVING,)
        irregular = any(axis is not None and not isinstance(axis, Reach) for axis in seen.axes)
        return list(self._reach(seen)), (IRREGULAR, *notes) if irregular else notes

    def _reach(self, seen: Field) -> Iterator[Formula]:
        for part, (symbol, word) in REACH.items():
            terms = [traced(getattr(axis, part)).term if isinstance(axis, Reach) else None for axis in seen.axes]
            for name, term, axes in _by_axis(self.layer.free(symbol), terms):
                yield Formula(f"field {word}", name, term, axes)


def _by_axis(symbol: str, terms: Iterable[Term | None]) -> Iterator[tuple[str, Term, tuple[int, ...]]]:
    """Each formula once, with the axes it holds for; under one symbol where it is the same on all."""
    axes_of: dict[Term, list[int]] = {}
    for axis, term in enumerate(terms):
        if term is not None:
            axes_of.setdefault(term, []).append(axis)
    for term, axes in axes_of.items():
        yield symbol if len(axes_of) == 1 else f"{symbol}_{axes[0]}", term, tuple(axes)


def _block(report: Report, place: int, group: Group) -> BlockExplanation:
    rows = report.rows(group.first, group.last)
    description, source = _block_description(report.network, place, group)
    return BlockExplanation(
        name=group.name,
        kind=group.kind,
        description=description,
        source=source,
        times=group.times,
        parts=tuple(_parts(report, place, group)),
        **sums(rows, COSTS),
        at_least=not all(row.costed for row in rows),
        uncosted_layers=tuple(row.name for row in rows if not row.costed),
        receptive_field=rows[-1].receptive_field if rows else None,
    )


def _block_description(network: Network, place: int, group: Group) -> tuple[str, str]:
    """From the block's definition; for a repeat, from that of what is repeated."""
    if group.about or group.first == group.last:
        return described(group.about)
    inside = f"{group.name}.0"
    repeated = next((inner for inner in network.groups[:place] if inner.name == inside), None)
    if repeated is not None:
        return described(repeated.about)
    node = next((node for node in network.nodes[group.first : group.last] if node.name == inside), None)
    return described(page(type(node.config))) if node is not None and node.kind == group.kind else ("", "")


def _parts(report: Report, place: int, group: Group) -> Iterator[Part]:
    """The layers and blocks directly inside, in order."""
    network = report.network
    inside = {inner.first: inner for inner in _directly_inside(network.groups[:place], group)}
    at = group.first
    while at < group.last:
        node = network.nodes[at]
        part = inside.get(at, Group(node.name, node.kind, at, at + 1, None, node.line))
        rows, shape = report.rows(at, part.last), network.nodes[part.last - 1].shape
        uncosted = sum(not row.costed for row in rows)
        yield Part(name=part.name, kind=part.kind, output_shape=shape, **sums(rows, COSTS), uncosted=uncosted)
        at = part.last


def _directly_inside(groups: Sequence[Group], outer: Group) -> list[Group]:
    """Those of the groups that are in no other but `outer`; inner ones come before what holds them."""
    inside: list[Group] = []
    for group in reversed(groups):
        if outer.first <= group.first < group.last <= outer.last and not any(
            other.first <= group.first and group.last <= other.last for other in inside
        ):
            inside.append(group)
    return inside
