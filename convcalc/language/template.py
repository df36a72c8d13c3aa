"""From the tree to templates: what each written layer says, checked as far as it can be without shapes.

A template is made once for a layer that is written once, however often it is repeated. Everything that is wrong
with the text is found here: unknown fields and kinds, wrong types, unknown names, bad expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from convcalc import steps
from convcalc.fields import FieldType, Flag, Whole
from convcalc.language import tree
from convcalc.language.bits import BITS, CompiledBits, read_bits
from convcalc.language.elsewhere import field_advice, field_named, kind_named
from convcalc.language.forms import Forms
from convcalc.language.labels import Label, is_computed
from convcalc.language.limits import Limit, entries, limits
from convcalc.language.source import Source
from convcalc.language.suggestions import close, did_you_mean, kind_meant, listed
from convcalc.language.tree import Node, Scalar, brief, described, entries_of, items_of
from convcalc.language.values import CompiledValue, ValueReader
from convcalc.language.written import COMMON, MERGES, RESERVED, Written, ignored_in, numbered
from convcalc.layers import Kind, field_types, required
from convcalc.layers import load as load_kind

IN_LAYER = ("in_channels", "input_channels", "rank")
"""Names every expression in a layer may use: the channels that enter it, those that enter the block it stands in, and
its number of spatial axes."""


STEPS_OF_LAYER = 20
_STEPS_OF_FIELD = 3
NAMES_IN_STEP = 10
"""That are put into a set or a table of their own."""


class Reference(msgspec.Struct, eq=False):
    """The name of a tensor or layer, with its place; `label` is there where the name is worked out."""

    name: str
    node: Scalar
    label: Label | None = None


class CompiledLayer(msgspec.Struct, eq=False):
    """One written layer. It has a `kind` or a `block`, or neither where no such thing could be found."""

    source: Source
    key: Scalar
    kind_name: str
    line: int
    name_node: Node  # where the name is given, or else the key
    name: str = ""
    label: Label | None = None  # where the name is worked out
    kind: type[Kind] | None = None
    block: Block | None = None
    fields: dict[str, CompiledValue] = {}
    sources: list[Reference] | None = None
    repeat: CompiledValue | None = None
    when: CompiledValue | None = None
    share: Reference | None = None
    arrays: list[tuple[Scalar, Reference]] = []  # by name, and the arrays of other layers that they are
    branches: list[list[CompiledLayer]] | None = None
    bits: CompiledBits = {}  # by role
    budget: dict[str, Limit] | None = None
    ignored: tuple[Scalar, ...] = ()  # rules that are not applied to it
    body: Node | None = None  # what is written behind the key, if `keep_bodies`
    broken: bool = False  # in a way that has been reported and leaves nothing to build
    constants: tuple[tuple[tuple[str, Any], ...], str] | None = None  # see Configurator

    def types(self) -> Mapping[str, FieldType | None]:
        """The fields it may have; a block's parameters have no type of their own."""
        if self.kind is not None:
            return field_types(self.kind)
        return self.block.types if self.block is not None else {}

    def required(self) -> Sequence[str]:
        """The fields it must have."""
        if self.kind is not None:
            return required(self.kind)
        return [name for name, value in self.block.parameters.items() if value is None] if self.block else []


class Block(msgspec.Struct, eq=False):
    """A composite layer written in the spec language. A parameter's value is None where it must be given.

    `inputs` are the names of what enters, none where one tensor does, which is called `input`. `variables` are the
    spec's own that its layers may use; a shipped block has none. `used` are the parameters and variables that its
    layers and defaults do use.
    """

    name: str
    source: Source
    about: str = ""
    inputs: list[str] = []
    parameters: dict[str, CompiledValue | None] = {}
    types: dict[str, FieldType | None] = {}  # of the parameters, which have none
    keys: dict[str, Scalar] = {}  # of the parameters
    used: set[tuple[bool, str]] = set()  # of each whether it is a parameter, which hides a variable
    layers: list[CompiledLayer] = []
    variables: frozenset[str] = frozenset()

    def uses(self, names: Iterable[str]) -> None:
        """Note what a default or a layer rests on, which sees the parameters there are by then."""
        self.used.update((name in self.parameters, name) for name in names)


REPEAT = Whole("how often the layer stands here in a row")
WHEN = Flag("the layer is left out where this is false")


class InReach:
    """What can be named where a layer stands: values for expressions, tensors and layers for references.

    `inputs` are the names of what enters; of several, none of which is called `input`, at the top of a spec, it is not
    known whose channels `input_channels` are. Where a name `is_computed`, others than `tensors` may be there.
    """

    def __init__(self, values: Iterable[str], inputs: Iterable[str] = (), absent: str = "") -> None:
        self.values = set(values)
        self.in_layer = {*self.values, *IN_LAYER} - {absent}
        self.inputs = frozenset(inputs)
        self.tensors = {*RESERVED, *self.inputs}
        self.is_computed = False
        self.absent = absent
        self.lines: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.missing: dict[str, list[int]] = {}  # names that nothing above has, with the problems that say so

    def repeated(self) -> InReach:
        """A scope of its own for the branches of a repeated layer, from which what is outside can be seen."""
        steps.spend((len(self.values) + len(self.tensors)) // NAMES_IN_STEP)
        inner = InReach({*self.values, "index"}, self.inputs, self.absent)
        inner.tensors |= self.tensors
        inner.is_computed = self.is_computed
        return inner


def is_legal_name(text: str) -> bool:
    """Whether a layer may be called so."""
    return bool(text) and "." not in text and text not in RESERVED and text.isprintable()


LEGAL_NAME = "a text without dots and control characters, other than `input` and `previous`"


class Compiler(ValueReader):
    """Compiles layers of one source; `find_block` looks a block up by name."""

    def __init__(
        self,
        source: Source,
        find_block: Callable[[str], Block | None],
        known: Callable[[], list[str]],
    ) -> None:
        super().__init__(source)
        self.find_block = find_block
        self.known = known
        self.keep_bodies = False

    def sequence(self, node: Node, scope: InReach, what: str = "layers") -> list[CompiledLayer]:
        """A list of layers, in order; those that cannot be read are left out and reported."""
        if not isinstance(node, tree.Sequence):
            message = f"{what}: expected a list of layers, found {described(node)}"
            self.problem("CC011", node, message, self._forms().of_sequence(node))
            return []
        return [layer for item in node.items if (layer := self.layer(item, scope)) is not None]

    def stream(self, items: list[Node], scope: InReach) -> Iterator[CompiledLayer]:
        """As `sequence`, a layer at a time, dropping each item: a large spec is never in memory twice."""
        waiting = items[::-1]  # a copy: an alias may stand for the same list elsewhere
        del items
        while waiting:
            if (layer := self.layer(waiting.pop(), scope)) is not None:
                yield layer

    def layer(self, node: Node, scope: InReach) -> CompiledLayer | None:
        """One layer, None if it cannot be told which."""
        written = Written.of(node)
        if written is None or not written.is_sound:
            self._refuse(node)
            return None
        key, body = written.key, written.body
        self.place = key.start
        steps.spend(STEPS_OF_LAYER)
        layer, before = self._unread(key), len(self.problems)
        if self.keep_bodies:
            layer.body = body
        self._definition(layer)
        number = scope.counts[layer.kind_name] = scope.counts.get(layer.kind_name, 0) + 1
        names = scope.in_layer
        if isinstance(body, tree.Mapping):
            steps.spend(_STEPS_OF_FIELD * len(body.entries) + len(names) // NAMES_IN_STEP)
            inside = names | {"index"} if written.is_repeated else names
            for name, value in body.entries:
                if name.value == "branches" and layer.kind_name in MERGES:
                    self._branches(layer, value, scope.repeated() if written.is_repeated else scope)
                elif name.value in COMMON:
                    self._common(layer, str(name.value), value, scope, names if name.value == "repeat" else inside)
                else:
                    self._field(layer, name, value, inside)
        elif body is not None:
            self._bare(layer, body, scope)
        if len(self.problems) == before or isinstance(body, tree.Mapping):
            self._complete(layer, body)
        self._name(layer, body, number, scope)
        # Built with what is left of its fields it would have another shape than is meant, and set off errors behind it.
        layer.broken = len(self.problems) > before
        return layer

    def _unread(self, key: Scalar) -> CompiledLayer:
        return CompiledLayer(self.source, key, str(key.value), self.source.line(key.start), name_node=key)

    def _refuse(self, node: Node) -> None:
        """Report what stands in a list of layers and is none."""
        what, advice = described(node), ""
        if isinstance(node, tree.Mapping):
            what, advice = f"a mapping of {len(node.entries)} keys", self._forms().of_entries(node.entries)
        elif isinstance(node, tree.Sequence):
            advice = self._forms().of_list(node.items)
        self.problem("CC011", node, f"expected a layer (a kind, or one kind with its fields), found {what}", advice)

    def _definition(self, layer: CompiledLayer) -> None:
        self._look_up(layer, layer.kind_name)
        if layer.block is None and layer.kind is None:
            known = self.known()
            advice = self._forms().of_text(layer.kind_name) or kind_meant(layer.kind_name, known)
            self.problem("CC013", layer.key, f"there is no layer kind or block `{layer.kind_name}`", advice)
            meant = kind_named(layer.kind_name, known)
            if meant:  # so that its fields are read all the same, and it has the name that others know it by
                layer.kind_name = meant
                self._look_up(layer, meant)

    def _look_up(self, layer: CompiledLayer, name: str) -> None:
        layer.block = self.find_block(name)
        layer.kind = load_kind(name) if layer.block is None else None

    def _forms(self) -> Forms:
        def fields_of(name: str) -> tuple[list[str], Sequence[str]]:
            layer = self._unread(tree.scalar(name, 0, 0))
            self._look_up(layer, name)
            return list(layer.types()), layer.required()

        return Forms(self.source.text, self.known(), fields_of)

    def _branches(self, layer: CompiledLayer, node: Node, scope: InReach) -> None:
        if isinstance(node, tree.Sequence) and node.items:
            layer.branches = [self.sequence(branch, scope, "branch") for branch in node.items]
        else:
            message = f"branches: expected a list of lists of layers, found {described(node)}"
            self.problem("CC011", node, message, "branches: [[], [relu, ...]], where [] is the identity")

    def _field(self, layer: CompiledLayer, key: Scalar, node: Node, names: set[str]) -> None:
        name = str(key.value)
        types = layer.types()
        if name in types:
            layer.fields[name] = self.value(node, names, types[name], name)
        elif name.count(")") > name.count("(") or name.count("]") > name.count("["):
            return  # the rest of an expression that a comma has cut in two, which has been said
        elif layer.kind is not None or layer.block is not None:
            what = "field" if layer.block is None else "parameter"
            known = [*types, *(("branches",) if layer.kind_name in MERGES else ()), *COMMON]
            own = layer.block is not None and not layer.block.source.shipped
            written = brief(node, self.source.text)
            elsewhere = "" if own else field_advice(layer.kind_name, name, written, known, self.known())
            advice = elsewhere or did_you_mean(name, known) or f"it has {listed(known)}"
            self.problem("CC010", key, f"{layer.kind_name} has no {what} `{name}`", advice)

    def _common(self, layer: CompiledLayer, name: str, node: Node, scope: InReach, names: set[str]) -> None:
        if name == "repeat":
            layer.repeat = self.value(node, names, REPEAT, name)
        elif name == "when":
            layer.when = self.value(node, names, WHEN, name)
        elif name == "share" and isinstance(node, tree.Mapping):
            self._arrays(layer, node, scope, names)
        elif name == "share":
            references = self._references(node, scope, name, names)
            layer.share = references[0] if references else None
        elif name == "from":
            layer.sources = self._references(node, scope, name, names)
        elif name == BITS:
            layer.bits = read_bits(self, node, names)
        elif name == "budget":
            layer.budget = limits(self, node)
        elif name == "lint":
            layer.ignored = ignored_in(node)
            self._check_ignored(node)

    def _arrays(self, layer: CompiledLayer, node: tree.Mapping, scope: InReach, names: set[str]) -> None:
        """Arrays of the layer that are those of layers above."""
        if layer.block is not None or not node.entries:
            arrays = "" if layer.block is not None else " or arrays, as in {weight: conv1.weight}"
            expected = f"expected the name of an earlier {layer.kind_name}{arrays}"
            self.problem("CC011", node, f"share: {expected}, found {described(node)}")
            return
        for key, value in node.entries:
            for reference in self._references(value, scope, "share", names) or []:
                if "." in reference.name:
                    layer.arrays.append((key, reference))
                else:
                    expected = f"expected an array of a layer above, as in {reference.name}.weight"
                    self.problem("CC011", value, f"share: {key.value}: {expected}, found {described(value)}")

    def _check_ignored(self, node: Node) -> None:
        """That rules are named under `lint`; whether there are such is for who runs them."""
        for _, value in entries(self, node, "lint", ("ignore",)):
            for item in items_of(value):
                if not isinstance(item, Scalar) or not isinstance(item.value, str):
                    expected = "expected a rule's code or name, or a list of them"
                    self.problem("CC011", item, f"ignore: {expected}, found {described(item)}")

    def _references(self, node: Node, scope: InReach, what: str, names: set[str]) -> list[Reference] | None:
        items = items_of(node) if what == "from" else [node]
        steps.spend(_STEPS_OF_FIELD * len(items))
        if not items:
            self.problem("CC011", node, "from: expected a name or a list of names, found []")
        references = []
        no_layers = {*RESERVED, *scope.inputs} if what == "share" else set()
        for item in items:
            if not isinstance(item, Scalar) or not isinstance(item.value, str) or _first(item.value) in no_layers:
                is_distance = isinstance(item, Scalar) and isinstance(item.value, int)
                advice = "write its name; `previous` is the layer before" if is_distance else ""
                message = f"{what}: expected the name of a layer above, found {described(item)}"
                self.problem("CC011", item, message, advice)
                return None
            if is_computed(item.value):
                references.append(Reference(item.value, item, self.label(item, names.difference(IN_LAYER), what)))
                continue
            first = _first(item.value)
            if first not in scope.tensors and not scope.is_computed:
                advice = did_you_mean(first, scope.tensors) or "a name stands for a layer above, in the same block"
                self.problem("CC013", item, f"{what}: no layer `{first}` is defined above", advice)
                scope.missing.setdefault(first, []).append(len(self.problems) - 1)
                return None
            references.append(Reference(item.value, item))
        return references or None

    def _bare(self, layer: CompiledLayer, body: Node, scope: InReach) -> None:
        """`linear: 1000`: the value of the one required field, or of the only one."""
        types = layer.types()
        required = layer.required()
        fields = required if len(required) == 1 else list(types)
        merges = (layer.kind.inputs[0] if layer.kind else len(layer.block.inputs) if layer.block else 1) > 1
        is_list = isinstance(body, tree.Sequence)
        names_tensors = merges and (is_list or (isinstance(body, Scalar) and body.value in scope.tensors))
        field = fields[0] if len(fields) == 1 and not names_tensors else ""
        type_ = types.get(field)
        if field and not (is_list and type_ is not None and type_.item is None):
            layer.fields[field] = self.value(body, scope.in_layer, type_, field)
        elif layer.kind is not None or layer.block is not None:
            needs = f"; it needs {_quoted(required)}" if required and not field else ""
            place, expected = (field, type_.expected) if type_ else (layer.kind_name, "a mapping of fields")
            advice = self._forms().of_bare(layer.kind_name, body, merges=merges)
            self.problem("CC011", body, f"{place}: expected {expected}, found {described(body)}{needs}", advice)

    def _complete(self, layer: CompiledLayer, body: Node | None) -> None:
        if layer.share is not None:
            return  # fields that are not written are those of the layer whose weights are used
        steps.spend(len(layer.types()) // NAMES_IN_STEP)
        missing = [name for name in layer.required() if name not in layer.fields]
        if not missing:
            return
        written = [str(key.value) for key, _ in entries_of(body)]
        strange = [word for word in written if word not in layer.types()]
        misspelt = {meant for word in strange for meant in [field_named(word, missing), *close(word, missing)]}
        missing = [name for name in missing if name not in misspelt]
        if missing:  # still
            advice = f"`convcalc kinds {layer.kind_name}` shows its fields"
            self.problem("CC012", layer.key, f"{layer.kind_name} needs {_quoted(missing)}", advice)

    def _name(self, layer: CompiledLayer, body: Node | None, number: int, scope: InReach) -> None:
        node = body.find("name") if isinstance(body, tree.Mapping) else None
        layer.name = numbered(layer.kind_name, number)
        if node is not None:
            text = node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""
            layer.name_node = node
            if is_computed(text) and isinstance(node, Scalar):
                layer.name = text
                layer.label = self.label(node, {*scope.values, *(["index"] if layer.repeat else [])}, "name")
                scope.is_computed = True
            elif is_legal_name(text):
                layer.name = text
            else:
                self.problem("CC011", node, f"name: expected {LEGAL_NAME}")
        if layer.name in scope.tensors:
            line = scope.lines.get(layer.name)
            where = self.source.where(line) if line else "as an input"
            unnamed = "" if node else f"; this {layer.kind_name} is number {number} and needs a name of its own"
            self.problem("CC002", node or layer.key, f"the name `{layer.name}` is given twice, first {where}{unnamed}")
        for index in scope.missing.pop(layer.name, ()):
            advice = (
                f"it is defined below, {self.source.where(layer.line)}: move that up, or the layer that reads it down"
            )
            self.problems[index] = replace(self.problems[index], help=advice)
        scope.lines.setdefault(layer.name, layer.line)
        scope.tensors.add(layer.name)


def _first(name: str) -> str:
    return name.partition(".")[0]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
