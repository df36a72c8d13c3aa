"""Paths that meet although they look at different places.

At a sum or concatenation a position of one tensor meets the same position of another. If the fields of the two are
centred on different places of the input, features of neighbouring things are added: edges blur and masks are off.

Flagged is a sum or concatenation where, on some axis, the centres of the shortest paths to two of its inputs differ by
half its own stride or more. A window moves the centre by (K - 1)/2 - before positions of what enters; upsampling and
transposed windows by the mean over their phases; where strides differ the middle of the axis is compared.

Not flagged: a ResNet-D shortcut, a quarter of a step off; causal windows, which count as centred on their last tap;
inputs that are repeated along the axis or see everything.

False positives: none known.

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
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._paths import Path, meeting, shortest
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import counted

SEVERITY = "warning"

MERGES = frozenset({"add", "concat"})
ROUNDING = 1e-9


def check(subject: Subject) -> Iterator[Problem]:
    """Merges of paths that are centred apart."""
    for index, node in subject.layers:
        if node.kind not in MERGES or len(set(node.inputs)) == 1:
            continue
        worst = max(_apart(subject, index), default=None)
        if worst is None:
            continue
        steps, apart, first, other = worst
        names = [subject.network.nodes[node.inputs[place]].name for place in (first, other)]
        far, here = counted(apart, "position"), counted(steps, "position")
        yield subject.problem(
            index,
            f"{node.name}: {names[1]} is centred {far} of the input away from {names[0]} along an axis, or {here} of "
            "this map",
            "pad even kernels on the other side, or crop and pad one of them by as much",
        )


def _apart(subject: Subject, index: int) -> Iterator[tuple[float, float, int, int]]:
    """Of every input that is half a step or more from the first: steps and positions of the input, and which two."""
    nodes, paths = subject.network.nodes, shortest(subject)
    node = nodes[index]
    entering = [paths[source] for source in node.inputs]
    shapes = [nodes[source].shape for source in node.inputs]
    for axis in range(1, len(node.shape)):
        met = [(place, path) for place, path in enumerate(meeting(node, axis, entering, shapes)) if path is not None]
        for place, path in met[1:]:
            first, other = met[0]
            found = _distance(other, path, node.shape[axis])
            if found is not None and found[0] >= 0.5 - ROUNDING:
                yield (*found, first, place)


def _distance(one: Path, other: Path, size: int) -> tuple[float, float] | None:
    """How far the middles are apart, in steps of the finer of the two and in positions of the input."""
    if (one.axis, one.limit) != (other.axis, other.limit):
        return None
    middle = 0.0 if one.stride == other.stride else (size - 1) / 2
    apart = abs(one.place(middle) - other.place(middle))
    return apart / min(one.stride, other.stride), apart
