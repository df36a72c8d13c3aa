"""What stands in what: the layers, blocks and repeats of a network as a tree, each with what enters and leaves it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from convcalc.network import Group, Network


class ModuleScope(msgspec.Struct):
    """A block, a repeat or the network: nodes from `first` up to `last`, and in order what stands in it.

    `times` is None where it is no repeat. Nodes stand for themselves in `inside`.
    """

    name: str
    kind: str
    about: str
    first: int
    last: int
    times: int | None
    inside: list[Any] = []
    entering: tuple[int, ...] = ()
    leaving: tuple[int, ...] = ()

    def scopes(self) -> Iterator[ModuleScope]:
        """Those within, from the inside out, and itself."""
        for item in self.inside:
            if isinstance(item, ModuleScope):
                yield from item.scopes()
        yield self

    def relative(self, name: str) -> str:
        """A name as it is known within."""
        return name.removeprefix(f"{self.name}.") if self.name else name


def tree(network: Network) -> ModuleScope:
    """The network as a scope, with repeats only where what is repeated can stand in a list."""
    count = len(network.nodes)
    root = ModuleScope("", network.name, "", network.input_count, count, None, [])
    order = sorted(enumerate(network.groups), key=lambda item: (item[1].first, -item[1].last, -item[0]))
    path = [root]
    place = network.input_count
    for _, group in order:
        if group.first == group.last:
            continue
        while group.first >= path[-1].last:
            place = _filled(path.pop(), place)
        path[-1].inside.extend(range(place, group.first))
        place = group.first
        scope = _scope(group)
        path[-1].inside.append(scope)
        path.append(scope)
    while path:
        place = _filled(path.pop(), place)
    _measured(network, root)
    _dissolved(root)
    return root


def _scope(group: Group) -> ModuleScope:
    return ModuleScope(group.name, group.kind, group.about, group.first, group.last, group.times, [])


def _filled(scope: ModuleScope, place: int) -> int:
    """A scope that ends, with the nodes behind the last that is known; the first node behind it."""
    scope.inside.extend(range(place, scope.last))
    return scope.last


def _measured(network: Network, root: ModuleScope) -> None:
    """What enters and leaves each scope."""
    last_use = {source: index for index, node in enumerate(network.nodes) for source in node.inputs}
    last_use |= dict.fromkeys(network.outputs, len(network.nodes))
    for scope in root.scopes():
        nodes = range(scope.first, scope.last)
        sources = (source for index in nodes for source in network.nodes[index].inputs)
        scope.entering = tuple(dict.fromkeys(source for source in sources if source < scope.first))
        scope.leaving = tuple(index for index in nodes if last_use.get(index, -1) >= scope.last)
    root.entering = tuple(range(network.input_count))
    root.leaving = network.outputs


def _dissolved(scope: ModuleScope) -> None:
    """Put what stands in repeats of anything but blocks or layers in their place."""
    inside: list[Any] = []
    for item in scope.inside:
        if isinstance(item, ModuleScope):
            _dissolved(item)
            if item.times is not None and not (_lists_blocks(item) or _lists_layers(item)):
                inside.extend(item.inside)
                continue
        inside.append(item)
    scope.inside = inside


def _lists_layers(repeat: ModuleScope) -> bool:
    return all(isinstance(item, int) for item in repeat.inside) and len(repeat.inside) == repeat.times


def _lists_blocks(repeat: ModuleScope) -> bool:
    return all(isinstance(item, ModuleScope) and item.times is None for item in repeat.inside)
