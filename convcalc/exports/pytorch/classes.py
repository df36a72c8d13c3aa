"""Blocks of one form as one class: what they hold, item by item, and which numbers are its arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from convcalc.exports.errors import CannotWrite, Unwritten
from convcalc.exports.pytorch.identifiers import attribute, class_name
from convcalc.exports.pytorch.items import ModuleItem
from convcalc.exports.pytorch.layer import LayerCode, TorchSite, Unsayable, code_of
from convcalc.exports.pytorch.parameters import Constructor, parameters
from convcalc.exports.pytorch.scopes import ModuleScope
from convcalc.exports.pytorch.syntax import REQUIRED, Argument, EnteringTensor, LiteralValue, Own, PythonCall
from convcalc.network import Network


class ModuleClass(msgspec.Struct):
    """A class: the items of the first use, what differs in others, and the scopes that are uses of it."""

    name: str
    kind: str
    about: str
    uses: list[ModuleScope]
    items: list[list[ModuleItem]]
    parameters: Constructor = Constructor((), (), ())


class Classes:
    """The classes of a network, those that others hold first; `code` is how each layer is written."""

    def __init__(self, network: Network, root: ModuleScope) -> None:
        self.network = network
        self.code = _codes(network)
        for scope in root.scopes():
            self._settle(scope)
        self.names: set[str] = set()
        self.ordered: list[ModuleClass] = []
        self.of: dict[int, tuple[ModuleClass, int]] = {}  # by the identity of a scope, which use it is
        self.attributes: dict[int, str] = {}  # of nodes, in the scope that they stand in
        for scopes in _by_height(root):
            self._add(scopes)

    def _settle(self, scope: ModuleScope) -> None:
        """Put layers that are repeated in place of their repeat, where they are no modules one behind the other."""
        inside: list[Any] = []
        for item in scope.inside:
            layers = isinstance(item, ModuleScope) and item.times is not None and isinstance(item.inside[0], int)
            inside += item.inside if layers and not self._is_sequence(item) else [item]
        scope.inside = inside

    def _is_sequence(self, repeat: ModuleScope) -> bool:
        nodes = repeat.inside
        linked = all(self.network.nodes[node].inputs == (before,) for before, node in pairwise(nodes))
        modules = all(self.code[node].is_module and isinstance(self.code[node].held[""], PythonCall) for node in nodes)
        return modules and linked and repeat.leaving == (nodes[-1],)

    def _add(self, scopes: Sequence[ModuleScope]) -> None:
        """The classes of scopes that hold none of each other."""
        forms: dict[Any, ModuleClass] = {}
        for scope in scopes:
            items = self._items(scope)
            key = (scope.kind, self._form(scope, items))
            if key not in forms:
                forms[key] = ModuleClass("", scope.kind, scope.about, [], [])
            made = forms[key]
            self.of[id(scope)] = made, len(made.uses)
            made.uses.append(scope)
            made.items.append(items)
        for made in sorted(forms.values(), key=lambda made: len(made.items[0])):
            made.parameters = parameters(made.items)
            made.name = self._named(made)
            self.names.add(made.name)
            self.ordered.append(made)

    def _named(self, made: ModuleClass) -> str:
        """The block's name; of one that holds more than a shorter form of it, with the first that it has more."""
        plain = class_name(made.kind, ())
        shorter = next((other for other in self.ordered if other.name == plain), None)
        if shorter is not None:
            there = {item.attribute for item in shorter.items[0]}
            more = [item.attribute for item in made.items[0] if item.held and item.attribute not in there]
            if more and "[" not in more[0]:
                return class_name(f"{made.kind} with {more[0]}", self.names)
        return class_name(made.kind, self.names)

    def _form(self, scope: ModuleScope, items: Sequence[ModuleItem]) -> Any:
        places: dict[int, Any] = {node: ("enters", place) for place, node in enumerate(scope.entering)}
        for number, item in enumerate(items):
            places |= {node: (number, place) for place, node in enumerate(item.results)}
        return (
            len(scope.entering),
            tuple(item.form(places) for item in items),
            tuple(places[node] for node in scope.leaving),
        )

    def _items(self, scope: ModuleScope) -> list[ModuleItem]:
        taken: set[str] = set()
        items: list[ModuleItem] = []
        blocks: list[tuple[ModuleScope, ModuleItem]] = []
        for inside in scope.inside:
            name = inside.name if isinstance(inside, ModuleScope) else self.network.nodes[inside].name
            named = attribute(scope.relative(name), taken)
            taken.add(named)
            self.attributes[id(inside) if isinstance(inside, ModuleScope) else inside] = named
            if not isinstance(inside, ModuleScope):
                items.append(self._layer(scope, inside, named))
                taken |= {f"{named}_{part}" for part in items[-1].held if part}
            elif inside.times is None:
                items.append(self._block(inside, named, self.made(inside)))
                self._reuse(inside, items[-1], blocks)
            else:
                items += self._list(inside, named)
        return items

    def _layer(self, scope: ModuleScope, index: int, named: str) -> ModuleItem:
        node, code = self.network.nodes[index], self.code[index]
        item = ModuleItem(named, code.forward, node.inputs, (index,), code.held, buffers=code.buffers)
        owner = node.shared
        if owner is not None and owner in scope.inside and self.code[owner].held == code.held:
            item.reused = self.attributes[owner]
        return item

    def _block(self, scope: ModuleScope, named: str, made: PythonCall | None) -> ModuleItem:
        forward = PythonCall(Own(), tuple(Argument(EnteringTensor(place)) for place in range(len(scope.entering))))
        return ModuleItem(named, forward, scope.entering, scope.leaving, {} if made is None else {"": made})

    def _list(self, repeat: ModuleScope, named: str) -> list[ModuleItem]:
        """Blocks one behind the other as one module, others as a list whose modules are called one by one."""
        blocks = repeat.inside
        listed = tuple(map(self.made, blocks))
        if isinstance(blocks[0], int) or _is_chain(repeat):
            forward = PythonCall(Own(), (Argument(EnteringTensor(0)),))
            return [ModuleItem(named, forward, repeat.entering, repeat.leaving, listed=listed, is_chain=True)]
        calls = [self._block(block, f"{named}[{place}]", None) for place, block in enumerate(blocks)]
        return [ModuleItem(named, "", (), (), listed=listed), *calls]

    def made(self, scope: ModuleScope | int) -> PythonCall:
        """What makes the module of a block, or of a layer that is one."""
        if isinstance(scope, int):
            held = self.code[scope].held[""]
            assert isinstance(held, PythonCall)  # noqa: S101  # as `_is_sequence` has seen
            return held
        used, number = self.of[id(scope)]
        arguments = []
        for argument in used.parameters.arguments:
            keyword = argument.name if argument.default is not REQUIRED else ""
            label = "in_channels" if argument.name == "channels" else argument.name
            value = LiteralValue(argument.values[number], label, argument.default)
            arguments.append(Argument(value, keyword))
        return PythonCall(used.name, tuple(arguments))

    def _reuse(self, scope: ModuleScope, item: ModuleItem, blocks: list[tuple[ModuleScope, ModuleItem]]) -> None:
        """A block all of whose layers share with those of an earlier one of its form is that one again."""
        shares = any(self.network.nodes[index].shared is not None for index in range(scope.first, scope.last))
        same = next((earlier for block, earlier in blocks if shares and self._shares_all(scope, block)), None)
        if same is not None and same.held == item.held:
            item.reused = same.attribute
        else:
            blocks.append((scope, item))

    def _shares_all(self, scope: ModuleScope, earlier: ModuleScope) -> bool:
        if self.of[id(scope)][0] is not self.of[id(earlier)][0]:
            return False
        holding = [index for index in range(scope.first, scope.last) if self.code[index].held]
        pairs = [(self.network.nodes[index].shared, index - scope.first + earlier.first) for index in holding]
        return bool(pairs) and all(shared in (there, self.network.nodes[there].shared) and shared is not None
                                   for shared, there in pairs)  # fmt: skip


def _is_chain(repeat: ModuleScope) -> bool:
    """Whether each block takes what the one before it gives, and nothing else does."""
    blocks = repeat.inside
    single = all(len(block.entering) == len(block.leaving) == 1 for block in blocks)
    linked = all(block.entering == before.leaving for before, block in pairwise(blocks))
    return single and linked and repeat.leaving == blocks[-1].leaving


def _by_height(root: ModuleScope) -> list[list[ModuleScope]]:
    """Blocks, those that hold none first; a repeat is none."""
    heights: list[list[ModuleScope]] = []

    def height(scope: ModuleScope) -> int:
        least = max((height(inside) for inside in scope.inside if isinstance(inside, ModuleScope)), default=0)
        if scope.times is not None:
            return least
        while len(heights) <= least:
            heights.append([])
        heights[least].append(scope)
        return least + 1

    height(root)
    return heights


def _codes(network: Network) -> Mapping[int, LayerCode]:
    """How each layer is written; all that cannot be are named at once."""
    codes, lacking = {}, []
    for index, node in enumerate(network.layers, start=network.input_count):
        site = TorchSite(node.config, network.shapes_into(node), node.shape)
        try:
            codes[index] = code_of(node.kind, site)
        except Unsayable as error:
            lacking.append(Unwritten(node.name, node.kind, node.line, str(error)))
    if lacking:
        raise CannotWrite(f"{len(lacking)} layers have no form in PyTorch", tuple(lacking))
    return codes
