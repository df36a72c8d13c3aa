"""The lines of a report's table: layers, blocks or kinds, with repeats folded into one line."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Literal, TypeVar

import msgspec

from convcalc.analysis.report import COSTS, TRAFFIC, Bound, ReceptiveField, Report, sums
from convcalc.layers import Shape
from convcalc.network import Group

By = Literal["layer", "block", "kind"]

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: a layer, or several of them added up.

    `summary` says the fields that matter of a layer, in a few characters. `times` is how often a folded block is
    repeated (None: it is not). Shape and field are those of the last layer, None where a line adds up layers from all
    over the network. Bytes that enter are those that each of its layers reads; `weights` and `activations` are the
    formats of its layers, with commas where they differ; a `bound` is the sum of theirs, and `by` says what binds for
    most of that time. `uncosted` is how many of its layers cost what is not known: its costs are those of the others.
    `tool_count` is what another tool counts there, None where none is asked for, without the `tool_unknown` layers.
    """

    name: str
    kind: str
    summary: str
    layers: int
    times: int | None
    output_shape: Shape | None
    params: int
    buffers: int
    macs: int
    elementwise_ops: int
    flops: int
    input_bytes: int
    weight_bytes: int
    output_bytes: int
    bit_operations: int
    weights: str
    activations: str
    receptive_field: ReceptiveField | None
    bound: Bound | None = None
    uncosted: int = 0
    tool_count: int | None = None
    tool_unknown: int = 0

    @property
    def is_known(self) -> bool:
        """Whether there is any cost to speak of: not where it is known of none of its layers."""
        return self.uncosted < self.layers

    @property
    def bytes_moved(self) -> int:
        """Bytes that it reads and writes."""
        return self.input_bytes + self.weight_bytes + self.output_bytes

    @property
    def ops_per_byte(self) -> float | None:
        """Operations, two a MAC, to a byte that it reads or writes: its operational intensity; None where none is."""
        return self.flops / self.bytes_moved if self.bytes_moved else None


def lines(report: Report, *, by: By = "layer", expand: bool = False, top: int | None = None) -> list[Line]:
    """The report in as few lines as asked for.

    By layer, a repeated layer or block is one line unless `expand`; by block, so is every other block; by kind, layers
    of one kind are one line each. `top` keeps the lines with the most MACs, in falling order.
    """
    in_order = [layer_line(report, index) for index in range(report.network.input_count, len(report.network.nodes))]
    if by == "kind":
        kinds = grouped(in_order, lambda line: line.kind)
        in_order = sorted((total(kind, kind, alike) for kind, alike in kinds.items()), key=lambda line: -line.macs)
    elif not expand:
        for group in reversed(_outermost(report, repeats_only=by == "layer")):
            inside = slice(group.first - report.network.input_count, group.last - report.network.input_count)
            folded = in_order[inside]
            in_order[inside] = [total(group.name, group.kind, folded, folded[-1], group.times)]
    return in_order if top is None else sorted(in_order, key=lambda line: -line.macs)[:top]


def _outermost(report: Report, *, repeats_only: bool) -> list[Group]:
    """The groups to fold, in order, those within others left out."""
    chosen = [group for group in report.network.groups if (group.times or 0) > 1 or not repeats_only]
    folded: list[Group] = []
    for group in sorted(chosen, key=lambda group: (group.first, -group.last)):
        if group.last > group.first and (not folded or group.first >= folded[-1].last):
            folded.append(group)
    return folded


def layer_line(report: Report, index: int) -> Line:
    """The line of one node that is a layer."""
    place = index - report.network.input_count
    row, tool = report.layers[place], None if report.counted is None else report.counted.layers[place]
    return Line(
        name=row.name,
        kind=row.kind,
        summary=report.network.nodes[index].config.summary(),
        layers=1,
        times=None,
        output_shape=row.output_shape,
        **sums([row], (*COSTS, *TRAFFIC)),
        weights=row.weights,
        activations=row.activations,
        receptive_field=row.receptive_field,
        bound=row.bound,
        uncosted=int(not row.costed),
        tool_count=None if tool is None else tool.count or 0,
        tool_unknown=int(tool is not None and tool.count is None),
    )


def total(name: str, kind: str, lines: Sequence[Line], last: Line | None = None, times: int | None = None) -> Line:
    """Lines added up, with the shape and the field of the last where they have one in common."""
    shape, field = (last.output_shape, last.receptive_field) if last is not None else (None, None)
    return Line(
        name=name,
        kind=kind,
        summary="",
        times=times,
        output_shape=shape,
        receptive_field=field,
        weights=_formats(line.weights for line in lines),
        activations=_formats(line.activations for line in lines),
        bound=_bound([line.bound for line in lines if line.bound is not None]),
        tool_count=None if lines[0].tool_count is None else sum(line.tool_count or 0 for line in lines),
        **sums(lines, (*COSTS, *TRAFFIC, "layers", "uncosted", "tool_unknown")),
    )


def _formats(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(part for name in names for part in name.split(", ")))


def _bound(bounds: Sequence[Bound]) -> Bound | None:
    """The bounds of layers that run one after the other."""
    if not bounds:
        return None
    kinds = dict.fromkeys(bound.by for bound in bounds)
    times = {by: sum(bound.ps for bound in bounds if bound.by == by) for by in kinds}
    numbers = sums(bounds, ("ps", "compute_ps", "memory_ps", "padded_macs"))
    return Bound(by=max(times, key=lambda by: times[by]), **numbers)


def grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """What has the same key, in the order in which keys come first."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
