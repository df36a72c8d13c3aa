"""The layers of a spec as they are written, under the names by which they are known: where a full name leads.

A full name (`layer1.0.conv2`) is an address: a written layer in the spec, a repetition, a written layer in the block
that it calls. What rewrites a spec needs the way there, not only its end.
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.language import library
from convcalc.language.source import Source
from convcalc.language.template import MERGES, numbered
from convcalc.language.tree import Mapping, Node, Scalar, Sequence, parse


class Written:
    """One written layer of a spec that has no mistakes.

    `body` is None where no field is written. `named` says whether the spec gives the name, `inner` holds the layers
    in its branches where they have a scope of their own, as they do in a repeated merge.
    """

    __slots__ = ("body", "branches", "inner", "item", "key", "name", "named", "repeated")

    def __init__(self, item: Node, counts: dict[str, int]) -> None:
        self.item = item
        self.key, body = _key_and_body(item)
        self.body = None if isinstance(body, Scalar) and body.value is None and body.plain else body
        fields = body if isinstance(body, Mapping) else Mapping([], 0, 0)
        number = counts[self.kind] = counts.get(self.kind, 0) + 1
        name = fields.find("name")
        self.named = isinstance(name, Scalar)
        self.name = str(name.value) if isinstance(name, Scalar) else numbered(self.kind, number)
        self.repeated = fields.find("repeat") is not None
        branches = fields.find("branches") if self.kind in MERGES else None
        self.branches: list[list[Written]] = []
        if isinstance(branches, Sequence):
            counted: dict[str, int] = {} if self.repeated else counts
            self.branches = [_sequence(branch, counted) for branch in branches.items]
        self.inner = Scope([layer for branch in self.branches for layer in branch]) if self.repeated else None

    @property
    def kind(self) -> str:
        """The kind or block."""
        return str(self.key.value)

    @property
    def has_own_body(self) -> bool:
        """Whether its fields stand behind it, and not elsewhere with an alias to them."""
        return self.body is not None and self.body.start >= self.key.end


def _key_and_body(item: Node) -> tuple[Scalar, Node | None]:
    if isinstance(item, Scalar):
        return item, None
    assert isinstance(item, Mapping)  # noqa: S101  # for the type checker: the spec has no mistakes
    return item.entries[0]


def _sequence(node: Node | None, counts: dict[str, int]) -> list[Written]:
    return [Written(item, counts) for item in node.items] if isinstance(node, Sequence) else []


class Scope:
    """Written layers that have names of their own: those of a spec, a block, or the branches of a repeated merge."""

    def __init__(self, layers: list[Written]) -> None:
        self.layers = list(_flat(layers))
        self.by_name = {layer.name: layer for layer in self.layers}

    def everything(self) -> Iterator[Written]:
        """Its layers, and those of the scopes within."""
        for layer in self.layers:
            yield layer
            if layer.inner is not None:
                yield from layer.inner.everything()

    def scopes(self) -> Iterator[Scope]:
        """It, and those within."""
        yield self
        for layer in self.layers:
            if layer.inner is not None:
                yield from layer.inner.scopes()


def _flat(layers: list[Written]) -> Iterator[Written]:
    for layer in layers:
        yield layer
        if layer.inner is None:
            for branch in layer.branches:
                yield from _flat(branch)


class Definition:
    """A block as it is written: its own text, the node of its definition there, and its layers."""

    def __init__(self, name: str, source: Source, node: Mapping) -> None:
        self.name = name
        self.source = source
        self.node = node
        self.scope = Scope(_sequence(node.find("layers"), {}))

    @property
    def parameters(self) -> dict[str, Node]:
        """The parameters with their defaults; the word `required` where there is none."""
        found = self.node.find("parameters")
        return {str(key.value): value for key, value in found.entries} if isinstance(found, Mapping) else {}

    def required(self) -> list[str]:
        """The parameters that must be given."""
        found = self.parameters.items()
        return [name for name, value in found if isinstance(value, Scalar) and value.value == "required"]


Path = tuple[Written, ...]
"""The way to a layer: the calls of the blocks around it, outermost first, and the layer itself."""


class Outline:
    """A spec without mistakes, as it is written."""

    def __init__(self, source: Source) -> None:
        self.source = source
        root = parse(source).root
        assert isinstance(root, Mapping)  # noqa: S101  # as above
        self.root = root
        self.scope = Scope(_sequence(root.find("layers"), {}))
        self.own = definitions(source, root.find("blocks"))
        self._shipped: dict[str, Definition | None] = {}

    def block(self, name: str) -> Definition | None:
        """A block of the spec, or else a shipped one."""
        if name in self.own:
            return self.own[name]
        if name not in self._shipped:
            source = library.block_source(name)
            root = parse(source).root if source is not None else None
            found = Definition(name, source, root) if source is not None and isinstance(root, Mapping) else None
            self._shipped[name] = found
        return self._shipped[name]

    def path(self, name: str, computed: dict[str, str]) -> Path:
        """The way to the layer of a full name; `computed` is what is written where full names were worked out."""
        parts, scope = name.split("."), self.scope
        found: list[Written] = []
        place = 0
        while True:
            written = computed.get(".".join(parts[: place + 1]))
            layer = scope.by_name[parts[place] if written is None else written]
            found.append(layer)
            place += 2 if layer.repeated and written is None else 1
            if place >= len(parts):
                return tuple(found)
            block = self.block(layer.kind)
            inner = block.scope if block is not None else layer.inner
            assert inner is not None  # noqa: S101  # for the type checker: what has layers within is one of the two
            scope = inner


def definitions(source: Source, node: Node | None) -> dict[str, Definition]:
    """The blocks that a mapping defines."""
    entries = node.entries if isinstance(node, Mapping) else []
    return {
        str(key.value): Definition(str(key.value), source, value)
        for key, value in entries
        if isinstance(value, Mapping)
    }
