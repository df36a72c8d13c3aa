"""The layers of a spec as they are written, under the names by which they are known: where a full name leads.

A full name (`layer1.0.conv2`) is an address: a written layer in the spec, a repetition, a written layer in the block
that it calls. What rewrites a spec needs the way there, not only its end. A spec with mistakes has an outline too, of
the layers that can be told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from convcalc.language import library
from convcalc.language.parsing import parse
from convcalc.language.source import Source
from convcalc.language.tree import Mapping, Node, Scalar, Sequence, entries_of
from convcalc.language.written import Written, numbered


class Placed(Written):
    """A written layer in its scope: its name there, and its number among those of its kind.

    `sequence` is the list that it stands in, at `position`. `inner` holds the layers in its branches where they have a
    scope of their own, as they do in a repeated merge.
    """

    __slots__ = ("has_name", "inner", "name", "number", "position", "scope", "sequence")

    def settle(self, scope: Scope, sequence: Sequence, position: int, number: int) -> None:
        """Note where it stands."""
        self.scope = scope
        self.sequence = sequence
        self.position = position
        self.number = number
        name = self.field("name")
        self.has_name = isinstance(name, Scalar)
        self.name = str(name.value) if isinstance(name, Scalar) else numbered(self.kind, number)
        self.inner = Scope(self.branches) if self.is_repeated else None


class Scope:
    """Written layers that have names of their own: those of a spec, a block, or the branches of a repeated merge."""

    def __init__(self, sequences: Iterable[Node | None]) -> None:
        self.layers: list[Placed] = []
        self._counts: dict[str, int] = {}
        for sequence in sequences:
            self._read(sequence)
        self.by_name = {layer.name: layer for layer in self.layers}

    def _read(self, sequence: Node | None) -> None:
        if not isinstance(sequence, Sequence):
            return
        for position, item in enumerate(sequence.items):
            layer = Placed.of(item)
            if layer is None:
                continue
            number = self._counts[layer.kind] = self._counts.get(layer.kind, 0) + 1
            self.layers.append(layer)
            layer.settle(self, sequence, position, number)
            if layer.inner is None:
                for branch in layer.branches:
                    self._read(branch)

    def everything(self) -> Iterator[Placed]:
        """Its layers, and those of the scopes within."""
        for layer in self.layers:
            yield layer
            if layer.inner is not None:
                yield from layer.inner.everything()

    def scopes(self) -> Iterator[Scope]:
        """The scope itself, and those within."""
        yield self
        for layer in self.layers:
            if layer.inner is not None:
                yield from layer.inner.scopes()


class Definition:
    """A block as it is written: its own text, the node of its definition there, and its layers."""

    def __init__(self, name: str, source: Source, node: Mapping) -> None:
        self.name = name
        self.source = source
        self.node = node
        self.scope = Scope([node.find("layers")])

    @property
    def parameters(self) -> dict[str, Node]:
        """The parameters with their defaults; the word `required` where there is none."""
        return {str(key.value): value for key, value in entries_of(self.node.find("parameters"))}

    def required(self) -> list[str]:
        """The parameters that must be given."""
        defaults = self.parameters.items()
        return [name for name, value in defaults if isinstance(value, Scalar) and value.value == "required"]


Path = tuple[Placed, ...]
"""The way to a layer: the calls of the blocks around it, outermost first, and the layer itself."""


class Outline:
    """A spec as it is written; `root` is the tree of its text, where that has been read already."""

    def __init__(self, source: Source, root: Node | None = None) -> None:
        self.source = source
        root = parse(source).root if root is None else root
        self.root = root if isinstance(root, Mapping) else Mapping([], 0, 0)
        self.scope = Scope([self.root.find("layers")])
        self.own = definitions(source, self.root.find("blocks"))
        self._shipped: dict[str, Definition | None] = {}

    @property
    def scopes(self) -> list[Scope]:
        """The scope of the spec's own layers, and those of the blocks that it defines."""
        return [self.scope, *(block.scope for block in self.own.values())]

    def block(self, name: str) -> Definition | None:
        """A block of the spec, or else a shipped one."""
        if name in self.own:
            return self.own[name]
        if name not in self._shipped:
            source = library.block_source(name)
            root = parse(source).root if source is not None else None
            block = Definition(name, source, root) if source is not None and isinstance(root, Mapping) else None
            self._shipped[name] = block
        return self._shipped[name]

    def path(self, name: str, computed: dict[str, str]) -> Path:
        """The way to the layer of a full name; `computed` is what is written where full names were worked out."""
        parts, scope = name.split("."), self.scope
        path: list[Placed] = []
        place = 0
        while True:
            written = computed.get(".".join(parts[: place + 1]))
            layer = scope.by_name[parts[place] if written is None else written]
            path.append(layer)
            place += 2 if layer.is_repeated and written is None else 1
            if place >= len(parts):
                return tuple(path)
            block = self.block(layer.kind)
            inner = block.scope if block is not None else layer.inner
            assert inner is not None  # noqa: S101  # for the type checker: what has layers within is one of the two
            scope = inner


def definitions(source: Source, node: Node | None) -> dict[str, Definition]:
    """The blocks that a mapping defines."""
    return {
        str(key.value): Definition(str(key.value), source, value)
        for key, value in entries_of(node)
        if isinstance(value, Mapping)
    }
