"""A convolution whose shortest path sees more than the whole input.

A weaker sign than an unproductive layer (CC208): the layer reaches beyond the input on every path, though what enters
it may not yet have seen all.

Flagged is a convolution of more than one tap whose shortest path has, on every axis, a field larger than the input.

Not flagged: nets with an output for every position; paths through gates or global pooling are left out. Off by default.

False positives: late layers of most nets at their own resolution.

Source: Richter et al., Should you go deeper? (ICMLA 2021, arXiv:2106.12307).

Flagged:
    input: [3, 8, 8]
    layers:
      - conv: {out_channels: 8, kernel_size: 7, padding: 3}
      - conv: {out_channels: 8, kernel_size: 3, padding: 1} # <- CC209
      - global_avg_pool

Allowed:
    input: [3, 9, 9]
    layers:
      - conv: {out_channels: 8, kernel_size: 7, padding: 3}
      - conv: {out_channels: 8, kernel_size: 3, padding: 1}
      - global_avg_pool
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._border import convolutions
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import per_axis, shown

SEVERITY = "off"


def check(subject: Subject) -> Iterator[Problem]:
    """Convolutions that look beyond the input whichever way."""
    for layer, _, leaving in convolutions(subject):
        if all(path.size > path.limit for path in leaving):
            sizes = tuple(int(path.size) for path in leaving)
            limits = tuple(path.limit for path in leaving)
            yield subject.problem(
                layer.index,
                f"{layer.node.name}: its shortest path sees {shown(sizes)} positions of an input of {shown(limits)}",
                f"an input of {per_axis(sizes)} or more is not outgrown here",
            )
