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
paths that end less than half a step apart, where one of them looks back on purpose: by a causal window, or by padding
or a cut on one side, as a convolution padded on both sides and a slice of its end do together (on maps, along some axes
but not along all); inputs that are repeated along the axis or see everything.

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
    input: [8, 400]
    layers:
      - add:
          branches:
            - []
            - - conv: {out_channels: 8, kernel_size: 3, dilation: 4, padding: 8}
              - slice: {axis: 1, end: -8}

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

LEAST = 0.5 - 1e-9
"""Steps that count as half of one."""


def mistakes(subject: Subject) -> list[str]:
    """The merges, by name, of which a finding is more than an info."""
    nodes = subject.network.nodes
    apart = {index: max(_apart(subject, index), default=None) for index in _merges(subject)}
    return [nodes[index].name for index, worst in apart.items() if worst is not None and worst.is_mistake]


class _Apart(NamedTuple):
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
    for index in _merges(subject):
        node, worst = subject.network.nodes[index], max(_apart(subject, index), default=None)
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


def _merges(subject: Subject) -> Iterator[int]:
    """Where paths must meet at one place; a product may be a gate, which stands for a whole neighbourhood."""
    for index, node in subject.layers:
        if node.config.merges not in {"", "product"} and len(set(node.inputs)) > 1:
            yield index


def _apart(subject: Subject, index: int) -> list[_Apart]:
    """Every input that is half a step or more from the first; on an axis of several it may only look back."""
    node = subject.network.nodes[index]
    axes = [list(_apart_along(subject, index, axis)) for axis in range(1, len(node.shape))]
    looks_back = [bool(along) and all(end_together for _, end_together in along) for along in axes]
    excused = len(axes) == 1 or not all(looks_back)
    return [
        apart
        for along, axis_looks_back in zip(axes, looks_back, strict=True)
        for apart, _ in along
        if not (axis_looks_back and excused)
    ]


def _apart_along(subject: Subject, index: int, axis: int) -> Iterator[tuple[_Apart, bool]]:
    """The inputs that are apart on one axis, and whether they end together where they are meant to look back."""
    node = subject.network.nodes[index]
    met = list(meeting(subject.network, node, axis, shortest(subject)).items())
    for place, path in met[1:]:
        first, start = met[0]
        if (start.axis, start.limit) != (path.axis, path.limit):
            continue
        step, middle = min(start.stride, path.stride), _middle(start, path, node.shape[axis])
        if not step:  # one position, spread over the whole axis, is centred nowhere
            continue
        positions = abs(start.place(middle) - path.place(middle))
        if positions / step >= LEAST:
            left = abs(start.place(middle) - path.place(middle) + _spread(start) - _spread(path))
            ends = abs(start.end(middle) - path.end(middle)) / step < LEAST
            apart = _Apart(left / step >= LEAST, positions / step, positions, first, place)
            yield apart, ends and (start.looks_back or path.looks_back)


def _middle(path: Path, other: Path, size: int) -> float:
    """The position at which two paths are compared; where strides are equal they are as far apart at every one."""
    return 0.0 if path.stride == other.stride else (size - 1) / 2


def _spread(path: Path) -> float:
    """How far upsampling has moved the centre to the beginning, if it spreads each position to both sides."""
    return (path.coarsest - path.stride) / 2
