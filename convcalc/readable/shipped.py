"""Blocks that ship with convcalc, where what an import found is one: `bottleneck` says more than its layers do."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from convcalc.language import library
from convcalc.language.document import loads
from convcalc.language.expressions import Expression
from convcalc.language.source import Source, SpecError
from convcalc.language.template import Block as Definition
from convcalc.language.template import Layer
from convcalc.language.values import Value
from convcalc.language.writing import quoted, value_text
from convcalc.network import Network, Node
from convcalc.readable.layout import default
from convcalc.readable.parts import Module
from convcalc.readable.regions import COMMUTATIVE, LayerGraph
from convcalc.readable.slots import BlockText

_MOST_TRIED = 2000
"""Calls that are built to be held against what is there."""

Arguments = dict[str, Any]


class ShippedBlocks:
    """Finds shipped blocks in a network; `network` is what is to be said, layer by layer."""

    def __init__(self, graph: LayerGraph, network: Network) -> None:
        self.graph = graph
        self.layers = network.layers
        self.leaves = {
            name: _leaves(definition) for name in library.block_names() if (definition := library.block(name))
        }
        self.built: dict[tuple[str, tuple[int, ...], str], tuple[Node, ...]] = {}

    def block(self, occurrences: Sequence[Module]) -> BlockText | None:
        """The shipped block that all occurrences of a structure are, their arguments noted; None if there is none."""
        kinds = [self.layers[index].kind for index in occurrences[0].indices()]
        for name, leaves in self.leaves.items():
            if leaves is not None and 1 < len(kinds) <= len(leaves) and {*kinds} <= {leaf.kind_name for leaf in leaves}:
                calls = [self._arguments(name, leaves, occurrence) for occurrence in occurrences]
                if None not in calls:
                    return self._called(name, occurrences, [arguments for arguments in calls if arguments is not None])
        return None

    def _called(self, name: str, occurrences: Sequence[Module], calls: list[Arguments]) -> BlockText:
        """The block as it is called, with as few arguments as will do."""
        definition = library.block(name)
        assert definition is not None  # noqa: S101  # for the type checker: `leaves` has its name
        for parameter, value in definition.parameters.items():
            fewer = [{key: text for key, text in arguments.items() if key != parameter} for arguments in calls]
            if value is not None and all(map(self._fits, [name] * len(fewer), occurrences, fewer)):
                calls = fewer
        texts: dict[str, str | None] = {}
        for parameter, value in definition.parameters.items():
            if any(parameter in arguments for arguments in calls):
                texts[parameter] = value_text(value.written) if value is not None and value.constant else None
        for occurrence, arguments in zip(occurrences, calls, strict=True):
            occurrence.arguments = arguments
        return BlockText(name, texts, [])

    def _arguments(self, name: str, leaves: list[Layer], occurrence: Module) -> Arguments | None:
        """The arguments with which a block is what stands there, None if there are none."""
        definition = library.block(name)
        assert definition is not None  # noqa: S101  # as above
        indices = list(occurrence.indices())
        for matched in _matches(leaves, [self.layers[index].kind for index in indices]):
            left_out = [leaf for leaf in leaves if leaf not in matched]
            arguments = self._solved(definition, zip(matched, indices, strict=True), left_out)
            if arguments is not None and self._fits(name, occurrence, arguments):
                return arguments
        return None

    def _solved(
        self, definition: Definition, matched: Iterable[tuple[Layer, int]], left_out: Iterable[Layer]
    ) -> Arguments | None:
        """The parameters that the fields of layers are or are made of; None where they say different things."""
        arguments: Arguments = {}
        for leaf, index in matched:
            types = leaf.types()
            for field, written in leaf.fields.items():
                of, kind = types[field], leaf.kind
                assert of is not None  # noqa: S101  # for the type checker: only parameters of blocks have no type
                assert kind is not None  # noqa: S101  # as above
                fields = self.graph.layers[index].fields
                value = of.written(fields[field]) if field in fields else default(kind, field)
                name, solved = self._parameter(written, value, index)
                if name in definition.parameters and arguments.setdefault(name, solved) != solved:
                    return None
        for leaf in left_out:
            tree = leaf.when.written.tree if leaf.when and isinstance(leaf.when.written, Expression) else None
            match tree:
                case ast.Compare(ast.Name(name), [ast.NotEq()], [ast.Constant(value)]):
                    arguments.setdefault(name, value)
        for name, standard in definition.parameters.items():
            other = _name(standard)
            if name in arguments and other in definition.parameters:
                arguments.setdefault(other, arguments[name])
        if any(value is None and name not in arguments for name, value in definition.parameters.items()):
            return None
        return arguments

    def _parameter(self, written: Value, value: Any, index: int) -> tuple[str, Any]:
        """The parameter that an expression is, or that it multiplies the channels with, and what it must be."""
        tree = written.written.tree if isinstance(written.written, Expression) else None
        match tree:
            case ast.BinOp(ast.Name(name), ast.Mult(), ast.Name("in_channels")) if isinstance(value, int):
                return name, value // self.graph.shape(self.graph.inputs[index][0])[0]
        return _name(written), value

    def _fits(self, name: str, occurrence: Module, arguments: Arguments) -> bool:
        """Whether a call is what stands there, layer by layer."""
        shape = self.graph.shape(occurrence.entry)
        texts = ", ".join(f"{key}: {quoted(value_text(value))}" for key, value in arguments.items())
        nodes = self._nodes(name, shape, texts)
        if len(nodes) != occurrence.exit - occurrence.first + 1:
            return False
        for place, node in enumerate(nodes, start=occurrence.first):
            own, entering = self.layers[place], self.graph.inputs[place]
            here = [0 if tensor == occurrence.entry else tensor - occurrence.first + 1 for tensor in entering]
            there = list(node.inputs)
            if own.kind in COMMUTATIVE:
                here, there = sorted(here), sorted(there)
            if (own.kind, own.config, own.shape, here) != (node.kind, node.config, node.shape, there):
                return False
        return True

    def _nodes(self, name: str, shape: tuple[int, ...], arguments: str) -> tuple[Node, ...]:
        key = name, shape, arguments
        if key not in self.built and len(self.built) < _MOST_TRIED:
            text = f"input: {value_text(shape)}\nlayers:\n  - {name}: {{{arguments}}}\n"
            try:
                self.built[key] = loads(Source(name, text)).layers
            except SpecError:
                self.built[key] = ()
        return self.built.get(key, ())


def _name(value: Value | None) -> str:
    """The name that a value is nothing but, empty if it is something else."""
    return (value.written.name or "") if value is not None and isinstance(value.written, Expression) else ""


def _leaves(definition: Definition) -> list[Layer] | None:
    """The layers of a block in the order they run; None where it is made of other blocks or repeats."""
    leaves: list[Layer] = []

    def walk(layers: Sequence[Layer]) -> bool:
        for layer in layers:
            if layer.kind is None or layer.repeat is not None or not all(map(walk, layer.branches or [])):
                return False
            leaves.append(layer)
        return True

    return leaves if walk(definition.layers) else None


def _matches(leaves: Sequence[Layer], kinds: Sequence[str]) -> Iterator[list[Layer]]:
    """The ways in which layers of these kinds are those of a block, some of which may be left out."""
    if not leaves:
        if not kinds:
            yield []
        return
    first, *rest = leaves
    if kinds and first.kind_name == kinds[0]:
        for more in _matches(rest, kinds[1:]):
            yield [first, *more]
    if first.when is not None:
        yield from _matches(rest, kinds)
