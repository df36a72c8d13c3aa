"""A net most of whose params are in fully connected layers.

The first linear layer after a flatten has a weight for every position of the map and every feature: it grows with the
resolution, overfits first, and ties the net to one input size. Pooling the positions away leaves the channels.

Flagged is the largest linear layer of a net with convolutions, if linear layers over a single axis hold more than half
of all params (info) or more than 90 % (warning). Linear layers over tokens are not counted.

False positives: tiny nets for microcontrollers, and the nets of before 2014, which are built so (LeNet-5 95 %, AlexNet
96 %, VGG16 89 %).

Source: Lin, Chen and Yan, Network in network (2014), global average pooling.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
      - relu
      - flatten
      - linear: 128 # <- CC306
      - relu
      - linear: 10

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
      - relu
      - conv: {out_channels: 32, kernel_size: 3}
      - relu
      - global_avg_pool
      - linear: 10
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.arithmetic.number import product
from convcalc.rules._graph import before, positions
from convcalc.rules._subject import Problem, Subject

SEVERITY = "info"

_WARNED_PERCENT = 90
_SAID_PERCENT = 50


def check(subject: Subject) -> Iterator[Problem]:
    """The largest linear layer, where these outweigh the rest."""
    if not subject.complete or subject.report.uncosted:
        return  # what the others hold is not known
    if not any(node.config.is_convolution for node in subject.network.layers):
        return
    linear = {
        index: subject.row(index).params
        for index, node in subject.layers
        if node.config.is_linear and len(node.shape) == 1
    }
    total, held = subject.report.totals.params, sum(linear.values())
    if 100 * held <= _SAID_PERCENT * total:
        return
    largest = max(linear, key=lambda index: linear[index])
    yield subject.problem(
        largest,
        f"{subject.network.nodes[largest].name}: linear layers hold {held:,} of {total:,} params "
        f"({100 * held / total:.1f} %), this one {linear[largest]:,}",
        _advice(subject, largest),
        severity="warning" if 100 * held > _WARNED_PERCENT * total else "",
    )


def _advice(subject: Subject, index: int) -> str:
    nodes = subject.network.nodes
    source = before(subject, index, lambda kind: kind.is_inert)
    entering = subject.shapes(source)
    if len(entering) != 1 or positions(entering[0]) == 1 or nodes[source].shape != (product(entering[0]),):
        return "narrow it, or pool the positions away before it"
    weights = entering[0][0] * nodes[index].shape[0]
    return f"global_avg_pool in place of {nodes[source].name} leaves it {weights:,} weights"
