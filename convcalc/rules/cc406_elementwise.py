"""How much of what is moved is for element-wise layers (ShuffleNet V2, guideline G4).

Activations, sums, products and scales have next to no operations, and yet read and write whole maps: their share of the
time is far above their share of the operations.

Flagged, once, is a net with such layers, at the one that moves the most; the share is of all elements that layers read
and write, weights among them. Off by default: it is a metric and no mistake.

False positives: every net; runtimes fuse most of them.

Source: Ma, Zhang, Zheng and Sun, ShuffleNet V2: practical guidelines (2018), G4: "element-wise operations are
non-negligible".

Flagged:
    input: [16, 28, 28]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
      - relu # <- CC406

Allowed:
    input: [16, 28, 28]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
      - max_pool: 2
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.layers import Kind
from convcalc.rules._graph import moved
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import counted

SEVERITY = "off"


def check(subject: Subject) -> Iterator[Problem]:
    """The net's element-wise layers, together."""
    if not subject.complete:
        return  # a share of what is not all there says nothing
    elements = {index: moved(subject.row(index)) for index, _ in subject.layers}
    elementwise = {index: elements[index] for index, node in subject.layers if _is_elementwise(node.config)}
    if not elementwise:
        return
    largest = max(elementwise, key=lambda index: elementwise[index])
    part, every = sum(elementwise.values()), sum(elements.values())
    yield subject.problem(
        largest,
        f"{subject.network.nodes[largest].name}: {counted(len(elementwise), 'element-wise layer')} of the net, in all "
        f"{part:,} of {every:,} elements moved ({100 * part / every:.0f} %), this one {elementwise[largest]:,}",
        "fuse them with the layer before, or leave some out",
    )


def _is_elementwise(kind: Kind) -> bool:
    return kind.is_elementwise or kind.is_activation
