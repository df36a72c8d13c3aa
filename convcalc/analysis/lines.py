"""The lines of a report's table: layers, blocks or kinds, with repeats folded into one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from convcalc.analysis.report import ReceptiveField, Report, Row
from convcalc.layers import Shape
from convcalc.network import Group

By = Literal["layer", "block", "kind"]


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: a layer, or several of them added up.

    `summary` says the fields that matter of a layer, in a few characters. `times` is how often a folded block is
    repeated (None: it is not). Shape and field are those of the last layer, None where a line adds up layers from all
    over the network. `uncosted` is how many of its layers cost what is not known: its costs are those of the others.
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
    receptive_field: ReceptiveField | None
    uncosted: int = 0

    @property
    def is_known(self) -> bool:
        """Whether there is any cost to speak of: not where it is known of none of its layers."""
        return self.uncosted < self.layers


def lines(report: Report, *, by: By = "layer", expand: bool = False, top: int | None = None) -> list[Line]:
    """The report in as few lines as asked for.

    By layer, a repeated layer or block is one line unless `expand`; by block, so is every other block; by kind, layers
    of one kind are one line each. `top` keeps the lines with the most MACs, in falling order.
    """
    if by == "kind":
        in_order = list(_by_kind(report))
    else:
        groups = [] if expand else _outermost(report, repeats_only=by == "layer")
        in_order = list(_by_group(report, groups))
    return in_order if top is None else sorted(in_order, key=lambda line: -line.macs)[:top]


def _outermost(report: Report, *, repeats_only: bool) -> list[Group]:
    """The groups to fold, in order, those within others left out."""
    groups = report.network.groups
    chosen = [group for group in groups if (group.times or 0) > 1 or not repeats_only]
    chosen.sort(key=lambda group: (group.first, -group.last))
    folded: list[Group] = []
    for group in chosen:
        if group.last > group.first and (not folded or group.first >= folded[-1].last):
            folded.append(group)
    return folded


def _by_group(report: Report, groups: list[Group]) -> Iterator[Line]:
    index, start = 0, report.network.input_count
    for group in groups:
        for place in range(index, group.first - start):
            yield layer_line(report, place)
        rows = report.layers[group.first - start : group.last - start]
        last = rows[-1]
        yield _sum(group.name, group.kind, rows, group.times, last.output_shape, last.receptive_field)
        index = group.last - start
    for place in range(index, len(report.layers)):
        yield layer_line(report, place)


def layer_line(report: Report, place: int) -> Line:
    """The line of one layer, the inputs not counted."""
    network = report.network
    row, node = report.layers[place], network.nodes[network.input_count + place]
    return _sum(row.name, row.kind, [row], None, row.output_shape, row.receptive_field, node.config.summary())


def total_line(report: Report, name: str, kind: str, places: Sequence[int]) -> Line:
    """The line of several layers added up, shape and field those of the last."""
    rows = [report.layers[place] for place in places]
    return _sum(name, kind, rows, None, rows[-1].output_shape, rows[-1].receptive_field)


def _by_kind(report: Report) -> Iterator[Line]:
    kinds: dict[str, list[Row]] = {}
    for row in report.layers:
        kinds.setdefault(row.kind, []).append(row)
    for kind, rows in sorted(kinds.items(), key=lambda item: -sum(row.macs for row in item[1])):
        yield _sum(kind, kind, rows, None, None, None)


def _sum(
    name: str,
    kind: str,
    rows: Sequence[Row],
    times: int | None,
    shape: Shape | None,
    field: ReceptiveField | None,
    summary: str = "",
) -> Line:
    return Line(
        name=name,
        kind=kind,
        summary=summary,
        layers=len(rows),
        times=times,
        output_shape=shape,
        params=sum(row.params for row in rows),
        buffers=sum(row.buffers for row in rows),
        macs=sum(row.macs for row in rows),
        elementwise_ops=sum(row.elementwise_ops for row in rows),
        flops=sum(row.flops for row in rows),
        receptive_field=field,
        uncosted=sum(not row.costed for row in rows),
    )
