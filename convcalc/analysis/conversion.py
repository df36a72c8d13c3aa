"""What a conversion made of a network: layers that are said otherwise in two files of one network, and cost the same.

A converter folds norms into the layers before them, turns axes, gives a layer several readers or puts the padding into
a layer of its own. It is told by what the layers are: one with a bias and no norm against one with a norm behind it.
What is not explained by that is a change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import isclose, prod
from typing import Any, Literal, Protocol

import msgspec

from convcalc.analysis.report import COSTS, Report
from convcalc.layers import Kind, Shape
from convcalc.network import Network, Node

Reason = Literal["", "norm folded", "bias of the norm", "said otherwise", "moves values", "field"]
"""Why a layer differs though the network is the same.

``field``: it costs what it did, and only says otherwise what it sees, behind a pool over all positions.
"""

_BY_WINDOW = {"kernel_size", "stride", "dilation", "padding", "ceil_mode", "bias"}
"""Fields of which windows and arrays tell more than their words."""
_BY_SHAPE = {"keepdim", "size", "scale_factor", "bias"}
"""Fields that say in other words what the shapes say."""


class Norms(msgspec.Struct, frozen=True):
    """Norms that one network alone has: what they cost there, and the `bias` that the other has instead."""

    kinds: dict[str, int]
    params: int
    buffers: int
    bias: int


class Conversion(msgspec.Struct, frozen=True):
    """What differs between two files of one network, where that is no difference of the network.

    `weighing` are the layers of each that multiply by weights, by kind, and `matching` those of the base that have a
    partner with the same weights and MACs. `folded`, `grouped` and `moving` are what the base alone has, and what the
    head alone has: norms, blocks that stand layer by layer in the other, layers that cost nothing. `otherwise` counts
    what is said in other words, by its kind before and after.

    `is_same`: nothing else differs.
    """

    is_same: bool
    weighing: tuple[dict[str, int], dict[str, int]]
    matching: dict[str, int]
    folded: tuple[Norms, Norms]
    grouped: tuple[dict[str, int], dict[str, int]]
    moving: tuple[dict[str, int], dict[str, int]]
    otherwise: tuple[tuple[str, str, int], ...]


class _Changed(Protocol):
    """A layer of either network or of both, as `convcalc.analysis.compare.Change` has it."""

    @property
    def mark(self) -> str: ...
    @property
    def conversion(self) -> Reason: ...
    @property
    def base(self) -> Any: ...
    @property
    def head(self) -> Any: ...


def weighed(report: Report) -> list[Hashable]:
    """What tells the layers that multiply by weights: these without the bias, and the MACs. None for all others."""
    network = report.network
    rows = zip(network.layers, report.layers, strict=True)
    return [(_weights(network, node), row.macs) if row.macs and _weights(network, node) else None for node, row in rows]


def _weights(network: Network, node: Node) -> int:
    arrays = node.config.weights(*network.shapes_into(node))
    return sum(prod(shape) for name, shape in arrays.items() if not name.startswith("bias"))


class Converted:
    """Which layers of two networks differ by conversion alone, once they are matched."""

    def __init__(self, base: Report, head: Report, partner: Mapping[int, int]) -> None:
        self.reports = base, head
        self.partners = dict(partner), {theirs: mine for mine, theirs in partner.items()}
        self.keys = weighed(base), weighed(head)
        self.folded: tuple[dict[int, int], dict[int, int]] = {}, {}
        self.moving: tuple[set[int], set[int]] = set(), set()
        for side in (0, 1):
            self._pass_over(side)

    def reason(self, mine: int | None, theirs: int | None) -> Reason:
        """Why a layer that is not the same is none that differs; empty where it does."""
        if mine is not None and theirs is not None:
            return self._of_pair(mine, theirs)
        side, index = (0, mine) if mine is not None else (1, theirs)
        if index in self.folded[side]:
            return "norm folded"
        return "moves values" if index in self.moving[side] else ""

    def origin(self, side: int, index: int) -> int:
        """The layer whose values a layer gives, those passed over that only the conversion put there or left out."""
        nodes = self.reports[side].network.nodes
        while index in self.folded[side] or (index in self.moving[side] and len(nodes[index].inputs) == 1):
            index = nodes[index].inputs[0]
        return index

    def matches(self, mine: int, theirs: int) -> bool:
        """Whether two layers multiply by weights as many, as often, in the same way."""
        key = self._key(0, mine)
        return key is not None and key == self._key(1, theirs) and self._is_alike(mine, theirs)

    def sees_alike(self, mine: int, theirs: int) -> bool:
        """Whether two layers differ in what they see alone, and that since one says of a pool that it is global."""
        rows = [self.reports[0].rows(mine, mine + 1)[0], self.reports[1].rows(theirs, theirs + 1)[0]]
        costs = [[getattr(row, cost) for cost in COSTS] for row in rows]
        is_global = rows[0].receptive_field.is_global != rows[1].receptive_field.is_global
        return is_global and costs[0] == costs[1] and rows[0].output_shape == rows[1].output_shape

    def _key(self, side: int, index: int) -> Hashable:
        place = index - self.reports[side].network.input_count
        return self.keys[side][place] if place >= 0 else None

    def _pass_over(self, side: int) -> None:
        """What one side alone has, where that is only the conversion's."""
        report, other = self.reports[side], self.reports[1 - side].network
        readers = Counter(source for node in report.network.layers for source in node.inputs)
        first = report.network.input_count
        for index, (node, row) in enumerate(zip(report.network.layers, report.layers, strict=True), start=first):
            if index in self.partners[side]:
                continue
            if row.costed and not (row.params or row.buffers or row.macs or row.elementwise_ops):
                self.moving[side].add(index)
                continue
            if not (node.config.scales_channels and len(node.inputs) == 1 and readers[node.inputs[0]] == 1):
                continue
            before = self.origin(side, node.inputs[0])
            partner = self.partners[side].get(before)
            if partner is None or node.shape[:1] != report.network.nodes[before].shape[:1]:
                continue
            pair = (before, partner) if side == 0 else (partner, before)
            if self.matches(*pair) and "bias" in other.arrays_of(other.nodes[partner]):
                self.folded[side][index] = before

    def _of_pair(self, mine: int, theirs: int) -> Reason:
        if not self._is_alike(mine, theirs):
            return ""
        rows = [self.reports[0].rows(mine, mine + 1)[0], self.reports[1].rows(theirs, theirs + 1)[0]]
        if rows[0].macs != rows[1].macs or rows[0].buffers != rows[1].buffers:
            return ""
        if rows[0].params != rows[1].params:
            is_normed = [index in self.folded[side].values() for side, index in ((0, mine), (1, theirs))]
            return "bias of the norm" if self.matches(mine, theirs) and any(is_normed) else ""
        return "said otherwise" if rows[0].elementwise_ops == rows[1].elementwise_ops else ""

    def _is_alike(self, mine: int, theirs: int) -> bool:
        nodes = [report.network.nodes[index] for report, index in zip(self.reports, (mine, theirs), strict=True)]
        inputs = [
            report.network.shapes_into(node)[:1] or (node.shape,)
            for report, node in zip(self.reports, nodes, strict=True)
        ]
        return _is_alike(nodes[0], nodes[1], inputs[0][0], inputs[1][0])


def _is_alike(base: Node, head: Node, entering: Shape, entering_head: Shape) -> bool:
    """Whether two layers do the same to what enters, a bias and the words aside."""
    if _long(base.shape) != _long(head.shape):
        return False
    before, after = base.config, head.config
    if base.kind == head.kind:
        if before.is_windowed:
            windows = _windows(before, entering), _windows(after, entering_head)
            if entering != entering_head:  # padded before it
                windows = tuple([window[:-1] for window in of] for of in windows)
            return windows[0] == windows[1] and _says_the_same(before, after, _BY_WINDOW)
        return _says_the_same(before, after, _BY_SHAPE)
    if before.is_pool and after.is_pool:
        is_one = all(prod(node.shape[1:]) == 1 for node in (base, head))
        return is_one and _pooled(base.kind) == _pooled(head.kind) and prod(entering) == prod(entering_head)
    sides = ((before, entering), (after, entering_head))
    return all(config.is_linear or _is_dense(config, shape) for config, shape in sides)


def _is_dense(config: Kind, entering: Shape) -> bool:
    """Whether a convolution has one tap, or sees all there is at once: it is a linear layer then."""
    if not config.is_convolution or not config.is_windowed or getattr(config, "groups", 1) != 1:
        return False
    windows = list(zip(config.windows(entering), entering[1:], strict=True))  # type: ignore[attr-defined]
    return all(window.kernel == 1 and window.stride == 1 and not window.before for window, _ in windows) or all(
        window.kernel == size and window.outputs(size) == 1 and not window.before for window, size in windows
    )


def _windows(config: Any, entering: Shape) -> list[tuple[int, ...]]:
    """Kernel, stride, dilation and padding before on each axis of more than one position: the rest is in the shapes."""
    return [
        (window.kernel, window.stride if window.outputs(size) > 1 else 1, window.dilation * (window.kernel > 1),
         window.before)
        for window, size in zip(config.windows(entering), entering[1:], strict=True)
        if (window.kernel, window.before, window.after, size) != (1, 0, 0, 1)
    ]  # fmt: skip


def _says_the_same(before: Kind, after: Kind, aside: Iterable[str]) -> bool:
    """Whether all fields but some are the same, numbers as far as a float32 tells them apart."""
    first, second = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    pairs = [(value, second.get(name)) for name, value in first.items() if name not in aside]
    return all(
        isclose(value, other, rel_tol=1e-6)
        if isinstance(value, float) and isinstance(other, int | float)
        else value == other
        for value, other in pairs
    )


def _pooled(kind: str) -> str:
    return kind.removeprefix("global_").removeprefix("adaptive_")


def _long(shape: Shape) -> Shape:
    """The axes of more than one position."""
    return tuple(size for size in shape if size != 1)


def summed(converted: Converted, pairs: Iterable[tuple[int, int]], changes: Sequence[_Changed]) -> Conversion:
    """What the conversion changed, added up."""
    networks = [report.network for report in converted.reports]
    both = [(mine, theirs) for mine, theirs in pairs if converted.matches(mine, theirs)]
    heavy = [
        Counter(node.kind for node, key in zip(network.layers, keys, strict=True) if key is not None)
        for network, keys in zip(networks, converted.keys, strict=True)
    ]
    said = [change for change in changes if change.mark == "converted"]
    otherwise = Counter(
        (change.base.kind, change.head.kind)
        for change in said
        if change.conversion in ("said otherwise", "bias of the norm")
        and (change.base.kind != change.head.kind or change.conversion == "said otherwise")
    )
    moving = [
        Counter(getattr(change, side).kind for change in said if change.conversion == "moves values" and getattr(change, side))
        for side in ("base", "head")
    ]
    return Conversion(
        is_same=all(change.mark in ("same", "converted") for change in changes)
        and all(of == Counter(node.kind for node in alike) for of, alike in zip(heavy, _of(networks, both), strict=True)),
        weighing=(dict(heavy[0]), dict(heavy[1])),
        matching=dict(Counter(networks[0].nodes[mine].kind for mine, _ in both)),
        folded=(_norms(said, "base", "head"), _norms(said, "head", "base")),
        grouped=_grouped(converted, both),
        moving=(dict(moving[0]), dict(moving[1])),
        otherwise=tuple((*kinds, count) for kinds, count in otherwise.items()),
    )


def _of(networks: Sequence[Network], pairs: Sequence[tuple[int, int]]) -> list[list[Node]]:
    return [[network.nodes[pair[side]] for pair in pairs] for side, network in enumerate(networks)]


def _norms(changes: Sequence[_Changed], side: str, other: str) -> Norms:
    lines = [
        line for change in changes if change.conversion == "norm folded" and (line := getattr(change, side)) is not None
    ]
    gained = [
        getattr(change, other).params - getattr(change, side).params
        for change in changes
        if change.conversion == "bias of the norm"
    ]
    return Norms(
        dict(Counter(line.kind for line in lines)),
        sum(line.params for line in lines),
        sum(line.buffers for line in lines),
        sum(more for more in gained if more > 0),
    )


def _grouped(converted: Converted, pairs: Sequence[tuple[int, int]]) -> tuple[dict[str, int], dict[str, int]]:
    """Blocks of layers with weights and nothing else, whose layers stand in no such block in the other network."""
    groups = []
    for side, report in enumerate(converted.reports):
        network = report.network
        groups.append([
            group for group in network.groups
            if group.times is None and group.last - group.first > 1
            and all(converted._key(side, index) is not None for index in range(group.first, group.last))
        ])  # fmt: skip
    inside = [{index for group in of for index in range(group.first, group.last)} for of in groups]
    partners = dict(pairs), {theirs: mine for mine, theirs in pairs}
    base, head = (
        Counter(
            group.kind
            for group in groups[side]
            if all(partners[side].get(index, -1) >= 0 and partners[side][index] not in inside[1 - side]
                   for index in range(group.first, group.last))
        )
        for side in (0, 1)
    )  # fmt: skip
    return dict(base), dict(head)
