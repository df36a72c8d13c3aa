"""From the tree to templates: what each written layer says, checked as far as it can be without shapes.

A template is made once for a layer that is written once, however often it is repeated. Everything that is wrong
with the text is found here: unknown fields and kinds, wrong types, unknown names, bad expressions.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from convcalc.arithmetic.window import PADDING_WORDS
from convcalc.fields import AMBIGUOUS, FieldError, FieldType, Flag, Whole
from convcalc.layers import Kind, field_types, required
from convcalc.spec import tree
from convcalc.spec.expressions import FUNCTIONS, Expression, ExpressionError, Unknown, is_name, place
from convcalc.spec.source import Diagnostic, Source
from convcalc.spec.tree import Node, Scalar, described

IN_LAYER = ("in_channels", "input_channels", "rank")
"""Names every expression in a layer may use: the channels that enter it, those that enter the block it stands in, and
its number of spatial axes."""


ELSEWHERE = {
    "bn": "batch_norm",
    "cat": "concat",
    "concatenate": "concat",
    "deconv": "conv_transpose",
    "dense": "linear",
    "fc": "linear",
    "gap": "global_avg_pool",
    "gemm": "linear",
    "gn": "group_norm",
    "interpolate": "upsample",
    "ln": "layer_norm",
    "lrn": "local_response_norm",
    "mha": "attention",
    "multiheadattention": "attention",
    "resize": "upsample",
    "se": "squeeze_excite",
    "swish": "silu",
}
"""What other tools call our kinds, where it is not close enough to be found."""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """A suggestion, or nothing."""
    known = list(known)
    elsewhere = ELSEWHERE.get(str(word).replace("_", "").lower())
    close = [elsewhere] if elsewhere in known else _close(word, known)
    return f"did you mean `{close[0]}`?" if close else ""


def _close(word: object, known: Iterable[str]) -> list[str]:
    """The nearest known word, if one is near; PyTorch's class names are near our kinds (MaxPool2d, max_pool)."""
    import difflib

    squashed = {name.replace("_", "").lower(): name for name in known}
    meant = re.sub(r"(?<=[a-z])[123]d$", "", str(word)[:100].replace("_", "").lower())
    return [squashed[name] for name in difflib.get_close_matches(meant, list(squashed), n=1, cutoff=0.6)]


def numbered(kind: str, number: int) -> str:
    """The name of a layer that has been given none."""
    return f"{kind}{'_' if kind[-1:].isdigit() else ''}{number}"  # relu6_1, not relu61


class Value:
    """A field as written: a constant, an expression, or a list of such."""

    __slots__ = ("constant", "node", "written")

    def __init__(self, node: Node, written: Any, *, constant: bool = False) -> None:
        self.node = node
        self.written = written  # the constant, the Expression, a list of Values, or None if it could not be read
        self.constant = constant

    def evaluate(self, names: dict[str, Any]) -> Any:
        """What it says, given the values of names.

        Raises:
            ExpressionError: it has no value.
        """
        if self.written is None and not self.constant:
            raise Unknown("reported where it stands")
        if isinstance(self.written, Expression):
            return self.written.evaluate(names)
        if isinstance(self.written, list):
            return tuple(value.evaluate(names) for value in self.written)
        return self.written


class Reference:
    """The name of a tensor or layer, with its place."""

    __slots__ = ("name", "node")

    def __init__(self, name: str, node: Scalar) -> None:
        self.name = name
        self.node = node


class Layer:
    """One written layer. It has a `kind` or a `block`, or neither where no such thing could be found."""

    __slots__ = (
        *("block", "branches", "broken", "constants", "fields", "key", "kind", "kind_name", "line", "name"),
        *("repeat", "share", "source", "sources", "when"),
    )

    def __init__(self, source: Source, key: Scalar) -> None:
        self.source = source
        self.key = key
        self.kind_name = str(key.value)
        self.name = ""
        self.line = source.line(key.start)
        self.kind: type[Kind] | None = None
        self.block: Block | None = None
        self.fields: dict[str, Value] = {}
        self.sources: list[Reference] | None = None
        self.repeat: Value | None = None
        self.when: Value | None = None
        self.share: Reference | None = None
        self.branches: list[list[Layer]] | None = None
        self.broken = False  # in a way that has been reported and leaves nothing to build
        self.constants: tuple[tuple[tuple[str, Any], ...], str] | None = None  # see Configurator

    def types(self) -> Mapping[str, FieldType | None]:
        """The fields it may have; a block's parameters have no type of their own."""
        if self.kind is not None:
            return field_types(self.kind)
        return dict.fromkeys(self.block.parameters) if self.block is not None else {}

    def required(self) -> Sequence[str]:
        """The fields it must have."""
        if self.kind is not None:
            return required(self.kind)
        return [name for name, value in self.block.parameters.items() if value is None] if self.block else []


class Block:
    """A composite layer written in the spec language. A parameter's value is None where it must be given.

    `variables` are the spec's own that its layers may use; a shipped block has none.
    """

    __slots__ = ("about", "layers", "name", "parameters", "source", "variables")

    def __init__(self, name: str, source: Source) -> None:
        self.name = name
        self.source = source
        self.about = ""
        self.parameters: dict[str, Value | None] = {}
        self.layers: list[Layer] = []
        self.variables: frozenset[str] = frozenset()


COMMON = ("name", "from", "repeat", "when", "share")
MERGES = ("add", "mul", "concat")
RESERVED = ("input", "previous")
REPEAT = Whole("how often the layer stands here in a row")
WHEN = Flag("the layer is left out where this is false")


class Scope:
    """What can be named where a layer stands: values for expressions, tensors and layers for references."""

    def __init__(self, values: Iterable[str], tensors: Iterable[str] = ()) -> None:
        self.values = set(values)
        self.tensors = {*RESERVED, *tensors}
        self.lines: dict[str, int] = {}
        self.counts: dict[str, int] = {}

    def repeated(self) -> Scope:
        """A scope of its own for the branches of a repeated layer, from which what is outside can be seen."""
        return Scope({*self.values, "index"}, self.tensors)


class Compiler:
    """Compiles layers of one source; `find_block` looks a block up by name."""

    def __init__(
        self,
        source: Source,
        find_kind: Callable[[str], type[Kind] | None],
        find_block: Callable[[str], Block | None],
        known: Callable[[], list[str]],
    ) -> None:
        self.source = source
        self.find_kind = find_kind
        self.find_block = find_block
        self.known = known
        self.problems: list[Diagnostic] = []
        self._said: set[Diagnostic] = set()

    def of(self, source: Source) -> Compiler:
        """One that looks up the same kinds and blocks, for another text."""
        return Compiler(source, self.find_kind, self.find_block, self.known)

    def problem(self, code: str, node: Node, message: str, advice: str = "") -> None:
        """Report something about a node, unless it could not even be read as YAML, which has been reported."""
        if isinstance(node, Scalar) and isinstance(node.value, tree.Unreadable):
            return
        end = node.end if isinstance(node, Scalar) else node.start + 1
        self._add(self.source.diagnostic(code, node.start, end, message, advice))

    def _add(self, problem: Diagnostic) -> None:
        if problem not in self._said:  # what stands behind an anchor is read at every alias
            self._said.add(problem)
            self.problems.append(problem)

    def sequence(self, node: Node, scope: Scope, what: str = "layers") -> list[Layer]:
        """A list of layers, in order; those that cannot be read are left out and reported."""
        if not isinstance(node, tree.Sequence):
            self.problem("CC011", node, f"{what}: expected a list of layers, found {described(node)}")
            return []
        return [layer for item in node.items if (layer := self.layer(item, scope)) is not None]

    def stream(self, items: list[Node], scope: Scope) -> Iterator[Layer]:
        """As `sequence`, a layer at a time, letting go of each item: a large spec is never held twice."""
        waiting = items[::-1]  # a copy: an alias may stand for the same list elsewhere
        del items
        while waiting:
            layer = self.layer(waiting.pop(), scope)
            if layer is not None:
                yield layer

    def layer(self, node: Node, scope: Scope) -> Layer | None:
        """One layer, None if it cannot be told which."""
        key, body = self._key_and_body(node)
        if key is None:
            return None
        layer, before = Layer(self.source, key), len(self.problems)
        number = scope.counts[layer.kind_name] = scope.counts.get(layer.kind_name, 0) + 1
        self._definition(layer)
        names = scope.values.union(IN_LAYER)
        if isinstance(body, tree.Mapping):
            repeated = body.find("repeat") is not None
            inside = names | {"index"} if repeated else names
            for name, value in body.entries:
                if name.value == "branches" and layer.kind_name in MERGES:
                    self._branches(layer, value, scope.repeated() if repeated else scope)
                elif name.value in COMMON:
                    self._common(layer, str(name.value), value, scope, names if name.value == "repeat" else inside)
                else:
                    self._field(layer, name, value, inside)
        elif body is not None:
            self._bare(layer, body, names)
        if len(self.problems) == before or isinstance(body, tree.Mapping):
            self._complete(layer, body)
        self._name(layer, body, number, scope)
        # Built with what is left of its fields it would have another shape than is meant, and set off errors behind it.
        layer.broken = layer.broken or len(self.problems) > before
        return layer

    def _key_and_body(self, node: Node) -> tuple[Scalar | None, Node | None]:
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node, None
        if isinstance(node, tree.Mapping) and len(node.entries) == 1:
            key, body = node.entries[0]
            if isinstance(key.value, str):
                empty = isinstance(body, Scalar) and body.value is None and body.plain
                return key, None if empty else body
        found = f"a mapping of {len(node.entries)} keys" if isinstance(node, tree.Mapping) else described(node)
        advice = ""
        if isinstance(node, tree.Mapping) and len(node.entries) > 1:
            advice = "indent the fields below the kind, or write them in braces: - conv: {out_channels: 8, ...}"
        self.problem("CC011", node, f"expected a layer (a kind, or one kind with its fields), found {found}", advice)
        return None, None

    def _definition(self, layer: Layer) -> None:
        layer.block = self.find_block(layer.kind_name)
        if layer.block is None:
            layer.kind = self.find_kind(layer.kind_name)
        if layer.block is None and layer.kind is None:
            advice = did_you_mean(layer.kind_name, self.known()) or "`convcalc kinds` lists what there is"
            self.problem("CC013", layer.key, f"there is no layer kind or block `{layer.kind_name}`", advice)

    def _branches(self, layer: Layer, node: Node, scope: Scope) -> None:
        if isinstance(node, tree.Sequence) and node.items:
            layer.branches = [self.sequence(branch, scope, "branch") for branch in node.items]
        else:
            self.problem("CC011", node, f"branches: expected a list of lists of layers, found {described(node)}")

    def _field(self, layer: Layer, key: Scalar, node: Node, names: set[str]) -> None:
        name = str(key.value)
        types = layer.types()
        if name in types:
            layer.fields[name] = self.value(node, names, types[name], name)
        elif name.count(")") > name.count("(") or name.count("]") > name.count("["):
            return  # the rest of an expression that a comma has cut in two, which has been said
        elif layer.kind is not None or layer.block is not None:
            what = "field" if layer.block is None else "parameter"
            known = [*types, *(("branches",) if layer.kind_name in MERGES else ()), *COMMON]
            advice = did_you_mean(name, known) or f"it has {', '.join(known)}"
            self.problem("CC010", key, f"{layer.kind_name} has no {what} `{name}`", advice)

    def _common(self, layer: Layer, name: str, node: Node, scope: Scope, names: set[str]) -> None:
        if name == "repeat":
            layer.repeat = self.value(node, names, REPEAT, name)
        elif name == "when":
            layer.when = self.value(node, names, WHEN, name)
        elif name == "share":
            references = self._references(node, scope, name)
            layer.share = references[0] if references else None
        elif name == "from":
            layer.sources = self._references(node, scope, name)

    def _references(self, node: Node, scope: Scope, what: str) -> list[Reference] | None:
        items = node.items if isinstance(node, tree.Sequence) and what == "from" else [node]
        if not items:
            self.problem("CC011", node, "from: expected a name or a list of names, found []")
        found = []
        for item in items:
            if (
                not isinstance(item, Scalar)
                or not isinstance(item.value, str)
                or (what == "share" and item.value in RESERVED)
            ):
                self.problem("CC011", item, f"{what}: expected the name of a layer above, found {described(item)}")
                return None
            first = item.value.partition(".")[0]
            if first not in scope.tensors:
                close = did_you_mean(first, scope.tensors)
                advice = close or "a name stands for a layer above, in the same block"
                self.problem("CC013", item, f"{what}: no layer `{first}` is defined above", advice)
                return None
            found.append(Reference(item.value, item))
        return found or None

    def _bare(self, layer: Layer, body: Node, names: set[str]) -> None:
        """`linear: 1000`: the value of the one required field, or of the only one."""
        types = layer.types()
        required = layer.required()
        fields = required if len(required) == 1 else list(types)
        if len(fields) == 1:
            layer.fields[fields[0]] = self.value(body, names, types[fields[0]], fields[0])
        elif layer.kind is not None or layer.block is not None:
            needs = f"; it needs {_quoted(required)}" if required else ""
            found = described(body)
            self.problem("CC011", body, f"{layer.kind_name}: expected a mapping of fields, found {found}{needs}")

    def _complete(self, layer: Layer, body: Node | None) -> None:
        if layer.share is not None:
            return  # fields that are not written are those of the layer whose weights are used
        missing = [name for name in layer.required() if name not in layer.fields]
        written = [str(key.value) for key, _ in body.entries] if isinstance(body, tree.Mapping) else []
        misspelt = {close for word in written if word not in layer.types() for close in _close(word, missing)}
        missing = [name for name in missing if name not in misspelt]
        if missing:
            advice = f"`convcalc kinds {layer.kind_name}` shows its fields"
            self.problem("CC012", layer.key, f"{layer.kind_name} needs {_quoted(missing)}", advice)

    def _name(self, layer: Layer, body: Node | None, number: int, scope: Scope) -> None:
        node = body.find("name") if isinstance(body, tree.Mapping) else None
        layer.name = numbered(layer.kind_name, number)
        if node is not None:
            text = node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""
            if not text or "." in text or text in RESERVED or not text.isprintable():
                self.problem(
                    "CC011",
                    node,
                    "name: expected a text without dots and control characters, other than `input` and `previous`",
                )
            else:
                layer.name = text
        if layer.name in scope.tensors:
            line = scope.lines.get(layer.name)
            where = f"in line {line}" if line else "as an input"
            unnamed = "" if node else f"; this {layer.kind_name} is number {number} and needs a name of its own"
            self.problem("CC002", node or layer.key, f"the name `{layer.name}` is given twice, first {where}{unnamed}")
        scope.lines.setdefault(layer.name, layer.line)
        scope.tensors.add(layer.name)

    def value(self, node: Node, names: set[str], type_: FieldType | None, field: str) -> Value:
        """A field's value; an untyped one (a block's argument) may also be a word or quoted text."""
        if isinstance(node, tree.Sequence):
            return self._list(node, names, type_, field)
        if isinstance(node, tree.Mapping):
            expected = type_.expected if type_ is not None else "a value"
            self.problem("CC011", node, f"{field}: expected {expected}, found a mapping")
            return Value(node, None)
        if isinstance(node.value, tree.Unreadable):
            return Value(node, None)
        if isinstance(node.value, str) and (type_ is None or node.value not in type_.words):
            return self._expression(node, names, type_, field)
        if type_ is not None:
            try:
                type_.accept(node.value, 1)
            except FieldError as error:
                self.problem("CC011", node, f"{field}: {error}")
                return Value(node, None)
        return Value(node, node.value, constant=True)

    def _list(self, node: tree.Sequence, names: set[str], type_: FieldType | None, field: str) -> Value:
        if type_ is not None and type_.item is None:
            self.problem("CC011", node, f"{field}: expected {type_.expected}, found a list")
            return Value(node, None)
        items = [self.value(item, names, type_ and type_.item, field) for item in node.items]
        if all(item.constant for item in items):
            return Value(node, tuple(item.written for item in items), constant=True)
        return Value(node, items)

    def _expression(self, node: Scalar, names: set[str], type_: FieldType | None, field: str) -> Value:
        text = str(node.value)
        if text in names and not is_name(text):  # the name was refused where it was given
            return Value(node, None)
        if type_ is None and text.isidentifier() and (text not in names or not node.plain):
            close = did_you_mean(text, names) if node.plain and text not in PADDING_WORDS else ""
            if close:
                self.problem("CC013", node, f"{field}: `{text}` has no value here", close)
            return Value(node, text, constant=True)
        try:
            expression = Expression(text)
        except ExpressionError as error:
            if type_ is None and not node.plain:
                return Value(node, text, constant=True)
            self._expression_problem(node, type_, field, error)
            return Value(node, None)
        for name in expression.names:
            if name.id not in names:
                self._unknown_name(node, name, names, type_, field)
                return Value(node, None)
        return Value(node, expression)

    def _expression_problem(self, node: Scalar, type_: FieldType | None, field: str, error: ExpressionError) -> None:
        text = str(node.value)
        if text.count("(") > text.count(")") or text.count("[") > text.count("]"):
            message = f"{field}: a comma inside braces ends a value, and cuts {text!r} off"
            self._blame(node, None, "CC011", message, "put the whole expression in quotes")
            return
        expected = f"expected {type_.expected}; " if type_ is not None else ""
        self._blame(node, error.node, "CC011", f"{field}: {expected}{error}")

    def _blame(self, node: Scalar, part: ast.AST | None, code: str, message: str, advice: str = "") -> None:
        """Report something about a part of an expression."""
        start, end = node.start, node.end
        written = self.source.text[start:end]
        if "\n" not in written:
            first, last = place(str(node.value), part)
            start, end = start + (not node.plain) + first, min(end, start + (not node.plain) + last)
        self._add(self.source.diagnostic(code, start, end, message, advice))

    def _unknown_name(self, node: Scalar, part: ast.Name, names: set[str], type_: FieldType | None, field: str) -> None:
        name, whole = part.id, part.id == node.value
        expected = f"expected {type_.expected}; " if type_ is not None else ""
        if whole and name.lower() in AMBIGUOUS and isinstance(type_, Flag):
            advice = f"YAML 1.2 reads {name} as a text; write {AMBIGUOUS[name.lower()]}"
            self._blame(node, part, "CC003", f"{field}: {expected}found the text '{name}'", advice)
            return
        advice = did_you_mean(name, [*names, *(type_.words if type_ is not None else ())])
        if not advice and name in FUNCTIONS:
            advice = f"{name} is a function: {FUNCTIONS[name][1]}"
        if not advice and name == "index":
            advice = "index is the number of a repetition: it has a value where `repeat` stands, or within"
        found = f"found `{name}`, which has no value here" if whole else f"`{name}` has no value here"
        code = "CC011" if whole and type_ is not None and not advice else "CC013"
        self._blame(node, part, code, f"{field}: {expected}{found}", advice)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
