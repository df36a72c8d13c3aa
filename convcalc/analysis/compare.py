"""Two networks side by side: what each layer and the whole cost before and after, and why it changed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import permutations
from typing import Any, Literal

import msgspec

from convcalc import steps
from convcalc.analysis.align import Item, aligned, aligned_leaves, leaves, tree
from convcalc.analysis.analyze import analyze
from convcalc.analysis.conversion import Conversion, summed
from convcalc.analysis.converted import Converted, Reason, weighed
from convcalc.analysis.lines import Line, layer_line, total
from convcalc.analysis.report import COSTS, TRAFFIC, Convention, Report
from convcalc.language.written import COMMUTATIVE
from convcalc.network import Network
from convcalc.presenting import Presented

Mark = Literal["same", "converted", "affected", "edited", "added", "removed"]
LAYER_STEPS = 15
"""Steps that a layer of either network takes, beside what its alignment does."""

_MOST_TURNED = 4
"""Inputs of a merge up to which a model file may have them in any other order than a spec."""


class Incomparable(ValueError):
    """Two reports that do not count alike, or not on inputs of one size; the message says where they differ."""


class UnlikeTerms(Incomparable):
    """Two reports of which one is fused, for another batch or on another device."""


class Delta(msgspec.Struct, frozen=True):
    """A count before and after. `percent` is of the base, None where that is 0 and the head is not."""

    base: int
    head: int
    delta: int
    percent: float | None


class TotalDeltas(msgspec.Struct, frozen=True, omit_defaults=True):
    """The totals of two reports; see `convcalc.analysis.report.Totals`. `bound_ps` where both have a device."""

    params: Delta
    buffers: Delta
    macs: Delta
    elementwise_ops: Delta
    flops: Delta
    weight_bytes: Delta
    activation_bytes: Delta
    peak_activation_bytes: Delta
    buffer_bytes: Delta
    bit_operations: Delta
    bound_ps: Delta | None = None


class Change(msgspec.Struct, frozen=True):
    """One layer in both networks, None where one does not have it.

    `mark`: ``edited`` says otherwise than before, ``affected`` changed only because something before it did, and
    ``converted`` is in two files of one network what a conversion makes of it, and `conversion` why. Where a block
    stands in place of a layer, its line is their sum, and `base_parts` and `head_parts` are its layers.
    """

    mark: Mark
    base: Line | None
    head: Line | None
    base_parts: tuple[Line, ...] = ()
    head_parts: tuple[Line, ...] = ()
    conversion: Reason = ""

    @property
    def name(self) -> str:
        """What the layer is called, in the head where it is there."""
        line = self.head or self.base
        return line.name if line is not None else ""

    def delta(self, cost: str) -> Delta:
        """What the layer costs before and after; nothing where it is not there."""
        return delta(getattr(self.base, cost, 0), getattr(self.head, cost, 0))


class Comparison(Presented, msgspec.Struct, frozen=True):
    """Two reports, their totals side by side, and every layer of both.

    `conversion` is what differs that is no difference of the network, where a model file is compared; else None.
    """

    base: Report
    head: Report
    totals: TotalDeltas
    layers: tuple[Change, ...]
    conversion: Conversion | None = None

    @property
    def changes(self) -> tuple[Change, ...]:
        """The layers that are not the same in both."""
        return tuple(change for change in self.layers if change.mark != "same")

    @property
    def differences(self) -> tuple[Change, ...]:
        """The same without those that only a conversion says otherwise."""
        return tuple(change for change in self.changes if change.mark != "converted")

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

    Layers are matched by name, then by place and kind (see `convcalc.analysis.align`); those of a model file against
    those of a spec or of another file whatever they are called (see `convcalc.analysis.conversion`).

    Raises:
        Incomparable: input sizes or conventions differ, unless that is allowed.
    """
    before = base if isinstance(base, Report) else analyze(base)
    after = head if isinstance(head, Report) else analyze(head)
    _refuse(before, after, inputs=not allow_input_change, conventions=not allow_convention_change)
    are_specs = [report.network.imported is None for report in (before, after)]
    return matched(before, after, by_leaves=not all(are_specs))


def matched(base: Report, head: Report, *, by_leaves: bool = False) -> Comparison:
    """The comparison of two reports that may be compared. `by_leaves`: whatever their layers are called and are in."""
    names, both = TotalDeltas.__struct_fields__, (base.totals, head.totals)
    pairs = {name: [getattr(totals, name) for totals in both] for name in names}
    totals = {name: delta(*pair) for name, pair in pairs.items() if None not in pair}
    matching = _Matching(base, head, by_leaves=by_leaves)
    changes = tuple(matching.changes())
    converted = matching.converted
    conversion = summed(converted, changes) if converted is not None else None
    return Comparison(base, head, TotalDeltas(**totals), changes, conversion)


def _refuse(base: Report, head: Report, *, inputs: bool, conventions: bool) -> None:
    pairs = zip(*(_terms(report.convention) for report in (base, head)), strict=True)
    differences = ", ".join(f"{mine} against {theirs}" for mine, theirs in pairs if mine != theirs)
    if conventions and differences:
        raise UnlikeTerms(f"the two do not count alike: {differences}")
    shapes = [[list(node.shape) for node in report.network.inputs] for report in (base, head)]
    if inputs and shapes[0] != shapes[1]:
        first, second = (", ".join(map(str, of_report)) for of_report in shapes)
        raise Incomparable(f"the inputs differ: {first} against {second}")


def _terms(convention: Convention) -> list[str]:
    """What must not differ between two reports; in other formats a network is still the same one, rounded."""
    kernels = "fused" if convention.fused else "not fused"
    return [f"batch {convention.batch}", kernels, f"on {convention.device or 'no device'}"]


class _Matching:
    """The layers of two reports, in pairs."""

    def __init__(self, base: Report, head: Report, *, by_leaves: bool) -> None:
        self.reports = base, head
        self.by_leaves = by_leaves
        steps.spend(LAYER_STEPS * (len(base.layers) + len(head.layers)))
        known: dict[Hashable, int] = {}
        first, second = (
            leaves(report.network, known, weighed(report)) if self.by_leaves else tree(report.network, known)
            for report in (base, head)
        )
        pairs_of = aligned_leaves if self.by_leaves else _pairs
        # Where two alignments are as good, that which is chosen must not depend on which network comes first.
        orders = zip(_orders(head), _orders(base), strict=True)
        swapped = next((mine < theirs for mine, theirs in orders if mine != theirs), False)
        pairs = pairs_of(second, first) if swapped else pairs_of(first, second)
        self.pairs = [(mine, theirs) for theirs, mine in pairs] if swapped else list(pairs)
        both = [(mine, theirs) for mine, theirs in self.pairs if mine is not None and theirs is not None]
        self.partner = {index: set(theirs.nodes) for mine, theirs in both for index in mine.nodes}
        self.matched_heads = set[int]().union(*self.partner.values())
        leaf = {mine.nodes[0]: theirs.nodes[0] for mine, theirs in both}
        self.converted = Converted(base, head, leaf) if by_leaves else None

    def changes(self) -> Iterator[Change]:
        """Every layer of both, with what became of it."""
        for mine, theirs in self.pairs:
            base, base_parts = self._line(0, mine)
            head, head_parts = self._line(1, theirs)
            mark = self._mark(mine, theirs, base, head)
            reason = self._conversion(mine, theirs, mark)
            yield Change("converted" if reason else mark, base, head, base_parts, head_parts, reason)

    def _conversion(self, mine: Item | None, theirs: Item | None, mark: Mark) -> Reason:
        """Why a layer differs though it is the same in both; empty where it does not, or is not."""
        if self.converted is None or mark == "same":
            return ""
        if mine is None or theirs is None:
            return self.converted.reason(*(None if item is None else item.nodes[0] for item in (mine, theirs)))
        if mark == "affected":
            return "field" if self.converted.sees_alike(mine.nodes[0], theirs.nodes[0]) else ""
        return "" if self._is_rewired(mine, theirs) else self.converted.reason(mine.nodes[0], theirs.nodes[0])

    def _line(self, side: int, item: Item | None) -> tuple[Line | None, tuple[Line, ...]]:
        if item is None:
            return None, ()
        lines = tuple(layer_line(self.reports[side], index) for index in item.nodes)
        return (total(item.path, item.kind, lines, lines[-1]), lines) if item.children else (lines[0], ())

    def _mark(self, mine: Item | None, theirs: Item | None, base: Line | None, head: Line | None) -> Mark:
        if mine is None:
            return "added"
        if theirs is None:
            return "removed"
        is_renamed = not self.by_leaves and _is_renamed(mine, theirs)
        if is_renamed or mine.signature != theirs.signature or self._is_rewired(mine, theirs):
            return "edited"
        alike = (*COSTS, *TRAFFIC, "output_shape", "receptive_field")
        return "same" if all(getattr(base, field) == getattr(head, field) for field in alike) else "affected"

    def _is_rewired(self, base: Item, head: Item) -> bool:
        """Whether it reads another layer, or another's weights, though that which it read is still there."""
        if base.children or head.children:
            return False
        nodes = [report.network.nodes[item.nodes[0]] for report, item in zip(self.reports, (base, head), strict=True)]
        forms = [
            (len(node.inputs), node.shared is None, [(array.name, array.array) for array in node.borrowed])
            for node in nodes
        ]
        if forms[0] != forms[1]:
            return True
        read = [
            (*node.inputs, *(array.owner for array in node.borrowed), *(() if node.shared is None else (node.shared,)))
            for node in nodes
        ]
        turns = self.by_leaves and nodes[0].kind in COMMUTATIVE and len(read[0]) <= _MOST_TURNED
        orders = permutations(read[1]) if turns else [read[1]]
        return not any(all(map(self._may_be_one, read[0], order)) for order in orders)

    def _may_be_one(self, before: int, after: int) -> bool:
        if self.converted is not None:
            before, after = self.converted.origin(0, before), self.converted.origin(1, after)
        base, head = (report.network for report in self.reports)
        are_inputs = before < base.input_count, after < head.input_count
        if all(are_inputs):
            return before == after
        if any(are_inputs):
            return after not in self.matched_heads if are_inputs[0] else before not in self.partner
        return after in self.partner.get(before, {after}) or after not in self.matched_heads


def _orders(report: Report) -> Iterator[Any]:
    """What puts two networks that differ in an order; the next where all before is equal."""
    totals, layers = report.totals, report.network.layers
    yield totals.macs, totals.params, totals.elementwise_ops, len(layers)
    yield [node.name for node in layers]
    yield [repr((node.kind, node.config, node.inputs, node.shared, node.borrowed)) for node in layers]


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
