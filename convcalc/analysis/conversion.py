"""What a conversion made of a network, added up: norms folded, words that differ, what costs nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from math import prod
from typing import Protocol

import msgspec

from convcalc.analysis.converted import Converted, Reason
from convcalc.analysis.likeness import is_alike, is_placed_alike, numbers
from convcalc.network import Network

Kinds = dict[str, int]
"""How many layers there are of a kind."""


class Norms(msgspec.Struct, frozen=True):
    """Norms that one network alone has: what they cost there, and the `bias` that the other has in their place."""

    kinds: Kinds
    params: int
    buffers: int
    bias: int


class Number(msgspec.Struct, frozen=True):
    """A number that so many layers of a kind have otherwise."""

    kind: str
    field: str
    base: float
    head: float
    layers: int


class Padded(msgspec.Struct, frozen=True):
    """Layers whose first window begins elsewhere: positions of padding before it, on each axis."""

    base: tuple[int, ...]
    head: tuple[int, ...]
    layers: tuple[str, ...]


class Words(msgspec.Struct, frozen=True):
    """So many layers that are of another kind and do the same."""

    base: str
    head: str
    layers: int


class Conversion(msgspec.Struct, frozen=True):
    """What differs between two files of one network, where that is no difference of what it costs.

    `weighing` are the layers that multiply by weights, of the base and of the head, and `matching` those of the base
    that have a partner with as many weights and MACs. Of `folded`, `grouped` and `free` the first is what the base
    alone has, the second what the head alone has: norms, blocks that stand layer by layer in the other, layers that
    cost nothing. `fused` are the activations that the file has as part of the layer before them, in the base alone
    and in the head alone, and `words` layers that another kind stands for. `numbers` and `padded` are said otherwise
    and cost the same.

    `is_same`: nothing differs but words.
    """

    is_same: bool
    weighing: tuple[Kinds, Kinds]
    matching: Kinds
    folded: tuple[Norms, Norms]
    grouped: tuple[Kinds, Kinds]
    free: tuple[Kinds, Kinds]
    fused: tuple[int, int]
    words: tuple[Words, ...]
    numbers: tuple[Number, ...]
    padded: tuple[Padded, ...]


class Judged(Protocol):
    """A layer of both networks or of one, and what became of it."""

    @property
    def mark(self) -> str:
        """What became of it, ``same`` where nothing did."""

    @property
    def conversion(self) -> Reason:
        """Why a conversion changes it."""


def summed(converted: Converted, changes: Sequence[Judged]) -> Conversion:
    """What the conversion changed, added up."""
    pairs = list(converted.matching())
    networks = converted.networks
    weighing = _weighing(converted, 0), _weighing(converted, 1)
    numbers, words = _numbers(converted), _words(converted)
    is_same = all(change.mark in ("same", "converted") for change in changes) and not numbers
    return Conversion(
        is_same=is_same and sum(weighing[0].values()) == len(pairs) == sum(weighing[1].values()),
        weighing=weighing,
        matching=_by_kind(networks[0], [mine for mine, _ in pairs]),
        folded=(_norms(converted, 0), _norms(converted, 1)),
        grouped=_grouped(converted, pairs),
        free=(_by_kind(networks[0], converted.free[0]), _by_kind(networks[1], converted.free[1])),
        fused=_fused(converted),
        words=words,
        numbers=numbers,
        padded=_padded(converted),
    )


def _by_kind(network: Network, indices: Collection[int]) -> Kinds:
    return dict(Counter(network.nodes[index].kind for index in sorted(indices)))


def _weighing(converted: Converted, side: int) -> Kinds:
    network = converted.networks[side]
    indices = range(network.input_count, len(network.nodes))
    return _by_kind(network, [index for index in indices if converted.key(side, index) is not None])


def _norms(converted: Converted, side: int) -> Norms:
    report, other = converted.reports[side], converted.networks[1 - side]
    folded = converted.folded[side]
    rows = [report.rows(index, index + 1)[0] for index in folded]
    bias = 0
    for before in converted.normed[side]:
        partner = other.nodes[converted.partners[side][before]]
        if "bias" not in report.network.arrays_of(report.network.nodes[before]):
            bias += prod(other.arrays_of(partner)["bias"])
    kinds = _by_kind(report.network, folded)
    return Norms(kinds, sum(row.params for row in rows), sum(row.buffers for row in rows), bias)


def _words(converted: Converted) -> tuple[Words, ...]:
    counts = Counter[tuple[str, str]]()
    for mine, theirs in converted.partners[0].items():
        kinds = converted.networks[0].nodes[mine].kind, converted.networks[1].nodes[theirs].kind
        if kinds[0] != kinds[1] and converted.reason(mine, theirs):
            counts[kinds] += 1
    return tuple(Words(*kinds, count) for kinds, count in counts.items())


def _numbers(converted: Converted) -> tuple[Number, ...]:
    counts = Counter[tuple[str, str, float, float]]()
    for mine, theirs in converted.partners[0].items():
        nodes = converted.networks[0].nodes[mine], converted.networks[1].nodes[theirs]
        for field, pair in numbers(nodes[0].config, nodes[1].config).items():
            counts[nodes[0].kind, field, *pair] += 1
    return tuple(Number(*number, count) for number, count in counts.items())


def _padded(converted: Converted) -> tuple[Padded, ...]:
    names: dict[tuple[tuple[int, ...], tuple[int, ...]], list[str]] = {}
    for mine, theirs in converted.partners[0].items():
        places = converted.places(mine, theirs)
        if is_alike(*places) and not is_placed_alike(*places):
            befores = places[0].befores, places[1].befores
            names.setdefault(befores, []).append(places[1].node.name)
    return tuple(Padded(*befores, tuple(layers)) for befores, layers in names.items())


def _fused(converted: Converted) -> tuple[int, int]:
    """How many activations are part of the layer before them in one file, and a layer of their own in the other."""
    if any(network.imported is None for network in converted.networks):  # a spec has all of them apart
        return 0, 0
    inside, pairs = [_inside(network) for network in converted.networks], converted.partners[0].items()
    states = [(mine in inside[0], theirs in inside[1]) for mine, theirs in pairs]
    return states.count((True, False)), states.count((False, True))


def _inside(network: Network) -> set[int]:
    """The activations that the file has as part of the layer before them."""
    layers = network.imported.layers
    if [layer.kind for layer in layers] != [node.kind for node in network.layers]:
        return set()
    first = network.input_count
    operators = dict(enumerate((layer.operators for layer in layers), start=first))
    return {
        index
        for index, node in enumerate(network.layers, start=first)
        if node.config.is_activation and operators[index] and operators[index] == operators.get(node.inputs[0])
    }


def _grouped(converted: Converted, pairs: Sequence[tuple[int, int]]) -> tuple[Kinds, Kinds]:
    """Blocks of layers with weights and nothing else, whose layers stand in no such block in the other network."""
    groups = [
        [
            range(group.first, group.last)
            for group in network.groups
            if group.times is None
            and group.last - group.first > 1
            and all(converted.key(side, index) is not None for index in range(group.first, group.last))
        ]
        for side, network in enumerate(converted.networks)
    ]
    kinds = [{range(group.first, group.last): group.kind for group in network.groups} for network in converted.networks]
    partners = dict(pairs), {theirs: mine for mine, theirs in pairs}
    counts: tuple[Kinds, Kinds] = {}, {}
    for side in (0, 1):
        inside = {index for group in groups[1 - side] for index in group}
        for group in groups[side]:
            others = {partners[side].get(index) for index in group}
            if None not in others and not others & inside:
                kind = kinds[side][group]
                counts[side][kind] = counts[side].get(kind, 0) + 1
    return counts
