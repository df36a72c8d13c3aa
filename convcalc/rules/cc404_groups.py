"""A grouped convolution, which moves more for each MAC (ShuffleNet V2, guideline G2).

Groups divide the MACs and leave the maps as they are: with the MACs they save spent on width, more is read and written
for the same work.

Flagged is a convolution of more than one group that is not depthwise. Off by default: it is a metric and no mistake.

False positives: ResNeXt and its like, which buy accuracy with it.

Source: Ma, Zhang, Zheng and Sun, ShuffleNet V2: practical guidelines (2018), G2: "excessive group convolution increases
memory access cost".

Flagged:
    input: [64, 28, 28]
    layers:
      - conv: {out_channels: 64, kernel_size: 1, groups: 4} # <- CC404

Allowed:
    input: [64, 28, 28]
    layers:
      - conv: {out_channels: 64, kernel_size: 3, groups: 64}
      - conv: {out_channels: 64, kernel_size: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.arithmetic.number import product
from convcalc.rules._graph import groups_of, is_grouped
from convcalc.rules._subject import Problem, Subject

SEVERITY = "off"


def check(subject: Subject) -> Iterator[Problem]:
    """Convolutions in groups."""
    for index, node in subject.layers:
        if not is_grouped(subject, index):
            continue
        groups, entering, row = groups_of(subject, index), subject.shapes(index)[0], subject.row(index)
        maps = product(entering) + product(node.shape)
        moved = 1000 * (maps + row.params) / row.macs
        dense = 1000 * (maps + groups * row.params) / (groups * row.macs)
        yield subject.problem(
            index,
            f"{node.name}: {groups} groups move {moved:.1f} elements for 1,000 MACs, one group {dense:.1f}",
            "fewer groups on fewer channels take as many MACs and move less",
            field="groups",
        )
