"""Blocks that ship with convcalc, where what an import found is one: `bottleneck` says more than its layers do."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from convcalc.language import library
from convcalc.language.document import loads
from convcalc.language.expressions import Expression
from convcalc.language.source import Source, SpecError
from convcalc.language.template import Block as Definition
from convcalc.language.template import CompiledLayer
from convcalc.language.values import CompiledValue
from convcalc.language.writing import quoted, value_text
from convcalc.network import Network, Node
from convcalc.readable.layout import value_of
from convcalc.readable.occurrences import is_there
from convcalc.readable.parts import Module
from convcalc.readable.regions import LayerGraph
from convcalc.readable.slots import BlockText

_MOST_TRIED = 2000
"""Calls that are built to be held against what is there."""

Arguments = dict[str, Any]


class ShippedBlocks:
    """Finds shipped blocks in a network; `network` is what is to be said, layer by layer."""

    def __init__(self, graph: LayerGraph, network: Network) -> None:
        self.graph = graph
        self.layers = network.layers
        self.leaves: dict[Definition, list[CompiledLayer]] = {}  # of the blocks that are made of nothing else
        for definition in map(library.block, library.block_names()):
            leaves = [*_flat(definition.layers)] if definition is not None else []
            if definition is not None and all(leaf.kind is not None and leaf.repeat is None for leaf in leaves):
                self.leaves[definition] = leaves
        self.built: dict[tuple[str, tuple[int, ...], str], tuple[Node, ...]] = {}

    def block(self, occurrences: Sequence[Module]) -> BlockText | None:
        """The shipped block that all occurrences of a structure are, their arguments noted; None if there is none."""
        kinds = [self.layers[index].kind for index in occurrences[0].indices()]
        for definition, leaves in self.leaves.items():
            if 1 < len(kinds) <= len(leaves) and {*kinds} <= {leaf.kind_name for leaf in leaves}:
                solved = (self._arguments(definition, occurrence) for occurrence in occurrences)
                calls = [arguments for arguments in solved if arguments is not None]
                if len(calls) == len(occurrences):
                    return self._called(definition, occurrences, calls)
        return None

    def _called(self, definition: Definition, occurrences: Sequence[Module], calls: list[Arguments]) -> BlockText:
        """The block as it is called, with as few arguments as will do."""
        for parameter, value in definition.parameters.items():
            fewer = [{key: text for key, text in arguments.items() if key != parameter} for arguments in calls]
            if value is not None and all(map(partial(self._fits, definition.name), occurrences, fewer)):
                calls = fewer
        texts = {
            parameter: value_text(value.written) if value is not None and value.constant else None
            for parameter, value in definition.parameters.items()
            if any(parameter in arguments for arguments in calls)
        }
        for occurrence, arguments in zip(occurrences, calls, strict=True):
            occurrence.arguments = arguments
        return BlockText(definition.name, texts, [])

    def _arguments(self, definition: Definition, occurrence: Module) -> Arguments | None:
        """The arguments with which a block is what stands there, None if there are none."""
        indices, leaves = list(occurrence.indices()), self.leaves[definition]
        for matched in _matches(leaves, [self.layers[index].kind for index in indices]):
            left_out = [leaf for leaf in leaves if leaf not in matched]
            arguments = self._solved(definition, zip(matched, indices, strict=True), left_out)
            if arguments is not None and self._fits(definition.name, occurrence, arguments):
                return arguments
        return None

    def _solved(
        self, definition: Definition, matched: Iterable[tuple[CompiledLayer, int]], left_out: Iterable[CompiledLayer]
    ) -> Arguments | None:
        """The parameters that the fields of layers are or are made of; None where they say different things."""
        arguments: Arguments = {}
        for leaf, index in matched:
            for field, written in leaf.fields.items():
                name, solved = self._parameter(written, value_of(self.graph.layers[index], field), index)
                if name in definition.parameters and arguments.setdefault(name, solved) != solved:
                    return None
        for leaf in left_out:
            match _tree(leaf.when):
                case ast.Compare(ast.Name(name), [ast.NotEq()], [ast.Constant(value)]):
                    arguments.setdefault(name, value)
        for name, standard in definition.parameters.items():
            match _tree(standard):
                case ast.Name(other) if name in arguments and other in definition.parameters:
                    arguments.setdefault(other, arguments[name])
        if any(value is None and name not in arguments for name, value in definition.parameters.items()):
            return None
        return arguments

    def _parameter(self, written: CompiledValue, value: Any, index: int) -> tuple[str, Any]:
        """The parameter that an expression is, or that it multiplies the channels with, and what it must be."""
        match _tree(written):
            case ast.BinOp(ast.Name(name), ast.Mult(), ast.Name("in_channels")) if isinstance(value, int):
                return name, value // self.graph.shape(self.graph.inputs[index][0])[0]
            case ast.Name(name):
                return name, value
        return "", value

    def _fits(self, name: str, occurrence: Module, arguments: Arguments) -> bool:
        """Whether a call is what stands there, layer by layer."""
        shape = self.graph.shape(occurrence.entry)
        texts = ", ".join(f"{key}: {quoted(value_text(value))}" for key, value in arguments.items())
        return is_there(self.graph, self.layers, occurrence, self._nodes(name, shape, texts))

    def _nodes(self, name: str, shape: tuple[int, ...], arguments: str) -> tuple[Node, ...]:
        key = name, shape, arguments
        if key not in self.built and len(self.built) < _MOST_TRIED:
            text = f"input: {value_text(shape)}\nlayers:\n  - {name}: {{{arguments}}}\n"
            try:
                self.built[key] = loads(Source(name, text)).layers
            except SpecError:
                self.built[key] = ()
        return self.built.get(key, ())


def _tree(value: CompiledValue | None) -> ast.AST | None:
    """What a value is written as, if it is an expression."""
    return value.written.tree if value is not None and isinstance(value.written, Expression) else None


def _flat(layers: Sequence[CompiledLayer]) -> Iterator[CompiledLayer]:
    """The layers of a block in the order they run."""
    for layer in layers:
        for branch in layer.branches or []:
            yield from _flat(branch)
        yield layer


def _matches(leaves: Sequence[CompiledLayer], kinds: Sequence[str]) -> Iterator[list[CompiledLayer]]:
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
