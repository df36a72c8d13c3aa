"""Weights that layers of different places share: assigned once all modules are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from convcalc.exports.errors import CannotWrite, Unwritten
from convcalc.exports.pytorch.scopes import ModuleScope

if TYPE_CHECKING:
    from convcalc.exports.pytorch.classes import Classes
    from convcalc.network import Node


def ties(classes: Classes, root: ModuleScope, paths: Mapping[int, str]) -> list[str]:
    """The lines that tie what no reuse of a module says.

    Raises:
        CannotWrite: an array is part of another or laid out otherwise.
    """
    network, reused = classes.network, _reused(classes, root)
    written: list[str] = []
    lacking: list[Unwritten] = []
    for index, node in enumerate(network.nodes):
        if index in reused or node.is_input:
            continue
        if node.shared is not None and classes.code[index].held:
            written += _shared(classes, index, node.shared, paths)
        for array in node.borrowed:
            if network.arrays_of(network.nodes[array.owner])[array.array] != network.arrays_of(node)[array.name]:
                owner = network.nodes[array.owner].name
                reason = f"its {array.name} is a view of {owner}.{array.array}, which a module cannot hold"
                lacking.append(Unwritten(node.name, node.kind, node.line, reason))
                continue
            here, there = _array(classes, index, array.name, paths), _array(classes, array.owner, array.array, paths)
            written.append(f"self.{here} = self.{there}")
    if lacking:
        raise CannotWrite(f"{len(lacking)} layers have no form in PyTorch", tuple(lacking))
    return written


def _shared(classes: Classes, index: int, owner: int, paths: Mapping[int, str]) -> Iterator[str]:
    if classes.code[index].held == classes.code[owner].held and set(classes.code[index].held) == {""}:
        yield f"self.{paths[index]} = self.{paths[owner]}"
        return
    node: Node = classes.network.nodes[index]
    owned = classes.network.arrays_of(classes.network.nodes[owner])
    for name in classes.network.arrays_of(node):
        if name in owned:
            yield f"self.{_array(classes, index, name, paths)} = self.{_array(classes, owner, name, paths)}"


def _array(classes: Classes, index: int, name: str, paths: Mapping[int, str]) -> str:
    return f"{paths[index]}{classes.code[index].arrays.get(name, f'.{name}')}"


def _reused(classes: Classes, root: ModuleScope) -> set[int]:
    """The layers whose module is another's."""
    nodes: set[int] = set()
    for scope in root.scopes():
        if scope.times is not None:
            continue
        made, use = classes.of[id(scope)]
        places = {inside.leaving if isinstance(inside, ModuleScope) else (inside,): inside for inside in scope.inside}
        for item in made.items[use]:
            inside = places.get(item.results) if item.reused else None
            if isinstance(inside, ModuleScope):
                nodes |= set(range(inside.first, inside.last))
            elif inside is not None:
                nodes.add(inside)
    return nodes
