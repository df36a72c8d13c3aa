"""Two convolutions in a row that are one.

With nothing nonlinear between, two convolutions compute what a single one of a larger window does. Where that one costs
no more, the pair is only a slower way to write it, with more weights and no more it can express.

Flagged is a convolution that alone uses another one, or a linear layer that alone uses another, past nothing but batch
normalisation, scale, dropout and identity, if the one with taps k1 + (k2 - 1)·stride1 on each axis takes no more MACs
than the two together and has no more weights, biases apart: in_channels·out_channels·taps, and that for every output
position, in as many groups as both can be split into. Weights that a third layer uses too are not saved, and count as
none of the pair's. Where the taps of both lie further apart than by 1, on account of a dilation or of a stride before
which there is one tap, those between are not counted: the one is dilated.

Not flagged, since the one would cost more: linear bottlenecks, low-rank pairs, 1xk before kx1, depthwise before
pointwise. Layer, group and instance normalisation measure their input, and so are not linear.

False positives: over-parameterisation for training alone (ExpandNets), to be folded after. Where the second one pads,
positions at the border differ after folding.

Source: Sandler et al., MobileNetV2 (2018), on linear bottlenecks; Guo, Alvarez and Salzmann, ExpandNets (NeurIPS 2020).

Flagged:
    input: [64, 16, 16]
    layers:
      - conv: {out_channels: 64, kernel_size: 1}
      - conv: {out_channels: 64, kernel_size: 1} # <- CC302

Allowed:
    input: [64, 16, 16]
    layers:
      - conv: {out_channels: 16, kernel_size: 1}
      - conv: {out_channels: 64, kernel_size: 1}
      - relu
      - conv: {out_channels: 64, kernel_size: [1, 3]}
      - conv: {out_channels: 64, kernel_size: [3, 1]}
      - relu
      - conv: {out_channels: 64, kernel_size: 3, groups: 64}
      - conv: {out_channels: 64, kernel_size: 1}
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from convcalc.arithmetic.number import product
from convcalc.layers import Kind
from convcalc.rules._graph import before, is_fixed_convolution, only_next, users
from convcalc.rules._subject import Problem, Subject

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Problem]:
    """Pairs that cost as much as the one convolution they are."""
    if not subject.complete:
        return  # another use of the first, or what is between, may be missing
    nodes = subject.network.nodes
    for second, node in subject.layers:
        kind = node.config
        if not (is_fixed_convolution(kind) or kind.is_linear):
            continue
        first = before(subject, second, _passes)
        if nodes[first].kind != node.kind or only_next(subject, first, _passes) != second:
            continue
        features = -1 if kind.is_linear else 0
        taps, groups = _folded(nodes[first].config, node.config)
        channels = subject.shapes(first)[0][features]
        left = node.shape[features]
        weights = channels * left // groups * product(taps)
        macs = weights * (product(node.shape) // left)
        pair_macs = subject.row(first).macs + subject.row(second).macs
        pair_weights = _own_weights(subject, first) + _own_weights(subject, second)
        if macs > pair_macs or weights > pair_weights:
            continue
        of = "x".join(map(str, taps)) + " " if taps else ""
        yield subject.problem(
            second,
            f"{node.name}: with nothing nonlinear after {nodes[first].name}, both are one {of}{node.kind} of "
            f"{channels} to {left} channels: {macs:,} MACs and {weights:,} weights in place of "
            f"{pair_macs:,} and {pair_weights:,}",
            "put an activation between, or write the one",
        )


def _passes(kind: Kind) -> bool:
    return kind.scales_channels or kind.is_inert


def _own_weights(subject: Subject, index: int) -> int:
    """The weights of a layer that no other one uses, biases apart."""
    node = subject.network.nodes[index]
    owner = index if node.shared is None else node.shared
    if node.is_input or len(users(subject)[owner]) > 1:
        return 0
    return product(node.config.weights(*subject.shapes(index))["weight"])


def _folded(first: Any, second: Any) -> tuple[tuple[int, ...], int]:
    """Taps on each axis and groups of the one convolution that two are."""
    if not hasattr(first, "kernel_size"):
        return (), 1
    axes = zip(first.kernel_size, first.dilation, first.stride, second.kernel_size, second.dilation, strict=True)
    return tuple(_taps(*axis) for axis in axes), math.gcd(first.groups, second.groups)


def _taps(k1: int, d1: int, s1: int, k2: int, d2: int) -> int:
    """Taps of the one window: all that lie between the first and the last, as far apart as the two allow."""
    apart = math.gcd(d1 if k1 > 1 else 0, s1 * d2 if k2 > 1 else 0) or 1
    return (d1 * (k1 - 1) + s1 * d2 * (k2 - 1)) // apart + 1
