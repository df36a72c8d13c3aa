"""Paths that meet although they look at different places.

At a sum or concatenation a position of one tensor meets the same position of another. If the fields of the two are
centred on different places of the input, features of neighbouring things are added: edges blur and masks are off.

Flagged is a sum, a concatenation, or the largest or least of maps where, on some axis, the centres of the shortest
paths to two of its inputs differ by half its own stride or more. A window moves the centre by (K - 1)/2 - before
positions of what enters; upsampling and transposed windows by the mean over their phases; where strides differ the
middle of the axis is compared. It is an info where upsampling alone explains it: from the largest stride J of the path
to the stride j here it spreads each position to both sides, which moves the centre by (J - j)/2 to the beginning, and
less than half a step is left without that. So it is in every feature pyramid whose encoder halves with odd windows.

Not flagged: a ResNet-D shortcut, a quarter of a step off; causal windows, which count as centred on their last tap;
inputs that are repeated along the axis or see everything.

False positives: decoders that learn to make up for the half step, as those over a ResNet do.

Source: Araujo, Norris and Sim, Computing receptive fields of convolutional neural networks (Distill, 2019), alignment.

Flagged:
    input: [8, 32, 32]
    layers:
      - add: # <- CC212
          branches:
            - []
            - [conv: {out_channels: 8, kernel_size: 2, padding: same}]

Allowed:
    input: [8, 32, 32]
    layers:
      - add:
          branches:
            - [avg_pool: 2, conv: {out_channels: 8, kernel_size: 1}]
            - [conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1}]
      - add:
          branches:
            - []
            - [max_pool: 2, conv_transpose: {out_channels: 8, kernel_size: 2, stride: 2}]

Flagged:
    input: [8, 32, 32]
    layers:
      - add: # <- CC212
          branches:
            - []
            - [conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1}, upsample: {scale_factor: 2}]

Allowed:
    input: [8, 33, 33]
    layers:
      - add:
          branches:
            - []
            - - conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1}
              - upsample: {size: 33, mode: bilinear, align_corners: true}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from convcalc.rules._paths import Path, meeting, shortest
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import counted

SEVERITY = "warning"

MERGES = frozenset({"add", "max", "min", "concat"})
LEAST = 0.5 - 1e-9
"""Steps that count as half of one."""


class Apart(NamedTuple):
    """How far the inputs at two places of a merge are apart, in steps of its map and in positions of the net's input.

    What counts most comes last in order.
    """

    is_mistake: bool
    steps: float
    positions: float
    first: int
    other: int


def check(subject: Subject) -> Iterator[Problem]:
    """Merges of paths that are centred apart."""
    for index, node in subject.layers:
        if node.kind not in MERGES or len(set(node.inputs)) == 1:
            continue
        worst = max(_apart(subject, index), default=None)
        if worst is None:
            continue
        names = [subject.network.nodes[node.inputs[place]].name for place in (worst.first, worst.other)]
        far, here = counted(worst.positions, "position"), counted(worst.steps, "position")
        yield subject.problem(
            index,
            f"{node.name}: {names[1]} is centred {far} of the input away from {names[0]} along an axis, or {here} of "
            "this map",
            "pad even kernels on the other side, or crop and pad one of them by as much"
            if worst.is_mistake
            else "halve with windows of 2 or 4, or upsample with align_corners between sizes that are odd",
            severity="" if worst.is_mistake else "info",
        )


def _apart(subject: Subject, index: int) -> Iterator[Apart]:
    """Every input that is half a step or more from the first."""
    nodes, paths = subject.network.nodes, shortest(subject)
    node = nodes[index]
    entering = [paths[source] for source in node.inputs]
    shapes = [nodes[source].shape for source in node.inputs]
    for axis in range(1, len(node.shape)):
        met = [(place, path) for place, path in enumerate(meeting(node, axis, entering, shapes)) if path is not None]
        for place, path in met[1:]:
            first, one = met[0]
            if (one.axis, one.limit) != (path.axis, path.limit):
                continue
            step = min(one.stride, path.stride)
            positions = abs(_distance(one, path, node.shape[axis]))
            if positions / step >= LEAST:
                left = abs(_distance(one, path, node.shape[axis]) + _spread(one) - _spread(path))
                yield Apart(left / step >= LEAST, positions / step, positions, first, place)


def _distance(one: Path, other: Path, size: int) -> float:
    """How far the middle of one lies behind that of the other, in positions of the input."""
    middle = 0.0 if one.stride == other.stride else (size - 1) / 2
    return one.place(middle) - other.place(middle)


def _spread(path: Path) -> float:
    """How far upsampling has moved the centre to the beginning, if it spreads each position to both sides."""
    return (path.coarsest - path.stride) / 2
