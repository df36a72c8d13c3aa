"""Two networks side by side: what each layer and the whole cost before and after, and why it changed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Literal

import msgspec

from convcalc import steps
from convcalc.analysis.align import Item, aligned, tree
from convcalc.analysis.analyze import analyze
from convcalc.analysis.lines import Line, layer_line, total_line
from convcalc.analysis.report import Report
from convcalc.network import Network, Node

Mark = Literal["same", "affected", "edited", "added", "removed"]
LAYER_STEPS = 15
"""Steps that a layer of either network takes, beside what its alignment does."""
COSTS = ("params", "buffers", "macs", "elementwise_ops", "flops")


class Incomparable(ValueError):
    """Two reports that do not count alike, or not on inputs of one size; the message says where they differ."""


class Delta(msgspec.Struct, frozen=True):
    """A count before and after. `percent` is of the base, None where that is 0 and the head is not."""

    base: int
    head: int
    delta: int
    percent: float | None


class TotalDeltas(msgspec.Struct, frozen=True):
    """The totals of two reports; see `convcalc.analysis.report.Totals`."""

    params: Delta
    buffers: Delta
    macs: Delta
    elementwise_ops: Delta
    flops: Delta
    weight_bytes: Delta
    activation_bytes: Delta
    peak_activation_bytes: Delta


class Change(msgspec.Struct, frozen=True):
    """One layer in both networks, None where one does not have it.

    `mark`: ``edited`` says otherwise than before, ``affected`` changed only because something before it did. Where a
    block stands in place of a layer, its line is their sum, and `base_parts` and `head_parts` are its layers.
    """

    mark: Mark
    base: Line | None
    head: Line | None
    base_parts: tuple[Line, ...] = ()
    head_parts: tuple[Line, ...] = ()

    @property
    def name(self) -> str:
        """What the layer is called, in the head where it is there."""
        line = self.head or self.base
        return line.name if line is not None else ""

    def delta(self, cost: str) -> Delta:
        """What the layer costs before and after; nothing where it is not there."""
        return delta(getattr(self.base, cost, 0), getattr(self.head, cost, 0))


class Comparison(msgspec.Struct, frozen=True):
    """Two reports, their totals side by side, and every layer of both."""

    base: Report
    head: Report
    totals: TotalDeltas
    layers: tuple[Change, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """The layers that are not the same in both."""
        return tuple(change for change in self.layers if change.mark != "same")

    @property
    def outputs(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What leaves each of the two, by name."""
        before, after = (
            tuple(report.network.nodes[index].name for index in report.network.outputs)
            for report in (self.base, self.head)
        )
        return before, after


def delta(base: int, head: int) -> Delta:
    """The change from one count to another."""
    percent = 100 * (head - base) / base if base else 0.0 if head == base else None
    return Delta(base, head, head - base, percent)


def compare(
    base: Report | Network,
    head: Report | Network,
    *,
    allow_input_change: bool = False,
    allow_convention_change: bool = False,
) -> Comparison:
    """What changes from `base` to `head`, layer by layer and in all. A network is analysed as `analyze` does.

    Layers are matched by name, then by place and kind (see `convcalc.analysis.align`).

    Raises:
        Incomparable: input sizes or conventions differ, unless that is allowed.
    """
    before = base if isinstance(base, Report) else analyze(base)
    after = head if isinstance(head, Report) else analyze(head)
    _refuse(before, after, inputs=not allow_input_change, conventions=not allow_convention_change)
    names = TotalDeltas.__struct_fields__
    totals = {name: delta(getattr(before.totals, name), getattr(after.totals, name)) for name in names}
    return Comparison(before, after, TotalDeltas(**totals), tuple(_Matching(before, after).changes()))


def _refuse(base: Report, head: Report, *, inputs: bool, conventions: bool) -> None:
    if conventions and base.convention != head.convention:
        names = [name for name in base.convention.__struct_fields__
                 if getattr(base.convention, name) != getattr(head.convention, name)]  # fmt: skip
        differences = ", ".join(f"{name} {getattr(base.convention, name)} against {getattr(head.convention, name)}"
                          for name in names)  # fmt: skip
        raise Incomparable(f"the two reports do not count alike: {differences}")
    shapes = [[list(node.shape) for node in report.network.inputs] for report in (base, head)]
    if inputs and shapes[0] != shapes[1]:
        first, second = (", ".join(map(str, of_report)) for of_report in shapes)
        raise Incomparable(f"the inputs differ: {first} against {second}")


class _Matching:
    """The layers of two reports, in pairs."""

    def __init__(self, base: Report, head: Report) -> None:
        self.reports = base, head
        steps.spend(LAYER_STEPS * (len(base.layers) + len(head.layers)))
        known: dict[Hashable, int] = {}
        first, second = tree(base.network, known), tree(head.network, known)
        # Where two alignments are as good, that which is found must not depend on which network comes first.
        swapped = _order(head) < _order(base)
        pairs = list(_pairs(second, first) if swapped else _pairs(first, second))
        self.pairs = [(mine, theirs) for theirs, mine in pairs] if swapped else pairs
        self.partner: dict[int, set[int]] = {}
        self.matched_heads: set[int] = set()
        for before, after in self.pairs:
            if before is not None and after is not None:
                self.matched_heads.update(after.nodes)
                for index in before.nodes:
                    self.partner[index] = set(after.nodes)

    def changes(self) -> Iterator[Change]:
        """Every layer of both, with what became of it."""
        for mine, theirs in self.pairs:
            base, base_parts = self._line(0, mine)
            head, head_parts = self._line(1, theirs)
            yield Change(self._mark(mine, theirs, base, head), base, head, base_parts, head_parts)

    def _line(self, side: int, item: Item | None) -> tuple[Line | None, tuple[Line, ...]]:
        if item is None:
            return None, ()
        report = self.reports[side]
        start = report.network.input_count
        if not item.children:
            return layer_line(report, item.nodes[0] - start), ()
        places = [index - start for index in item.nodes]
        total = total_line(report, item.path, item.kind, places)
        return total, tuple(layer_line(report, place) for place in places)

    def _mark(self, mine: Item | None, theirs: Item | None, base: Line | None, head: Line | None) -> Mark:
        if mine is None:
            return "added"
        if theirs is None:
            return "removed"
        if _is_renamed(mine, theirs) or mine.signature != theirs.signature or self._is_rewired(mine, theirs):
            return "edited"
        same = all(getattr(base, field) == getattr(head, field) for field in (*COSTS, "output_shape"))
        return (
            "same"
            if same and base is not None and head is not None and (base.receptive_field == head.receptive_field)
            else "affected"
        )

    def _is_rewired(self, base: Item, head: Item) -> bool:
        """Whether it reads another layer, or another's weights, though that which it read is still there."""
        if base.children or head.children:
            return False
        mine, theirs = self._node(0, base), self._node(1, head)
        if (mine.shared is None) != (theirs.shared is None) or len(mine.inputs) != len(theirs.inputs):
            return True
        if [(array.name, array.array) for array in mine.borrowed] != [
            (array.name, array.array) for array in theirs.borrowed
        ]:
            return True
        read = list(zip(mine.inputs, theirs.inputs, strict=True))
        read += [(before.owner, after.owner) for before, after in zip(mine.borrowed, theirs.borrowed, strict=True)]
        if mine.shared is not None and theirs.shared is not None:
            read.append((mine.shared, theirs.shared))
        return any(not self._may_be_one(before, after) for before, after in read)

    def _may_be_one(self, before: int, after: int) -> bool:
        counts = [report.network.input_count for report in self.reports]
        if before < counts[0] and after < counts[1]:
            return before == after
        if before < counts[0] or after < counts[1]:
            rest = after if before < counts[0] else before
            known = self.matched_heads if before < counts[0] else self.partner
            return rest not in known
        return after in self.partner.get(before, {after}) or after not in self.matched_heads

    def _node(self, side: int, item: Item) -> Node:
        return self.reports[side].network.nodes[item.nodes[0]]


def _order(report: Report) -> tuple[Any, ...]:
    """Something by which two networks that differ are put in an order."""
    totals = report.totals
    layers = report.network.layers
    return (
        (totals.macs, totals.params, totals.elementwise_ops, len(layers)),
        [node.name for node in layers],
        _Lazily(lambda: [repr((node.kind, node.config, node.inputs, node.shared, node.borrowed)) for node in layers]),
    )


class _Lazily:
    """A value that is worked out when all before it was equal."""

    def __init__(self, make: Any) -> None:
        self.make = make

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Lazily) and self.make() == other.make()

    def __lt__(self, other: _Lazily) -> bool:
        return bool(self.make() < other.make())

    __hash__ = None  # type: ignore[assignment]  # it is for putting in order alone


def _pairs(base: list[Item], head: list[Item]) -> Iterator[tuple[Item | None, Item | None]]:
    """Layers in pairs: those of one block with those of the other, a block with the layer that it stands for."""
    for mine, theirs in aligned(base, head):
        if mine is not None and theirs is not None:
            if mine.children and theirs.children:
                for child in theirs.children.values():
                    child.is_moved = _is_renamed(mine, theirs)
                yield from _pairs(list(mine.children.values()), list(theirs.children.values()))
            else:
                yield mine, theirs
        elif mine is not None:
            yield from ((leaf, None) for leaf in _leaves(mine))
        elif theirs is not None:
            yield from ((None, leaf) for leaf in _leaves(theirs))


def _is_renamed(mine: Item, theirs: Item) -> bool:
    """Whether a name that was given, its own or one around it, is another; counted names shift by themselves."""
    renamed = mine.name != theirs.name and (mine.is_named or theirs.is_named)
    return renamed or mine.is_moved or theirs.is_moved


def _leaves(item: Item) -> Iterator[Item]:
    if not item.children:
        yield item
    for child in item.children.values():
        yield from _leaves(child)
