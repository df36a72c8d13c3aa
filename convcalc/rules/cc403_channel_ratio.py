"""A 1x1 convolution with far more channels on one side than the other (ShuffleNet V2, guideline G1).

For as many MACs, a 1x1 convolution moves the fewest elements when as many channels enter as leave: with c1 and c2
channels on a map of p positions it moves p(c1 + c2) + c1·c2, for B = p·c1·c2 MACs at least 2·sqrt(p·B) + B/p.

Flagged is a 1x1 convolution of one group with at least 4 times as many channels on one side as on the other. Off by
default: it is a metric and no mistake, and bottlenecks have two each (ResNet-50: 29).

False positives: bottlenecks, which are unequal on purpose.

Source: Ma, Zhang, Zheng and Sun, ShuffleNet V2: practical guidelines (2018), G1: "equal channel width minimizes memory
access cost".

Flagged:
    input: [64, 28, 28]
    layers:
      - conv: {out_channels: 256, kernel_size: 1} # <- CC403

Allowed:
    input: [64, 28, 28]
    layers:
      - conv: {out_channels: 128, kernel_size: 1}
      - conv: {out_channels: 512, kernel_size: 3}
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from convcalc.rules._graph import is_fixed_convolution, positions
from convcalc.rules._subject import Problem, Subject

SEVERITY = "off"

_LEAST_RATIO = 4


def check(subject: Subject) -> Iterator[Problem]:
    """Pointwise convolutions of unequal width."""
    for index, node in subject.layers:
        is_point = is_fixed_convolution(node.config) and set(getattr(node.config, "kernel_size", ())) == {1}
        if not is_point or getattr(node.config, "groups", 1) != 1:
            continue
        entering, leaving = subject.shapes(index)[0][0], node.shape[0]
        if max(entering, leaving) < _LEAST_RATIO * min(entering, leaving):
            continue
        ratio = access_over_bound(positions(node.shape), entering, leaving)
        balanced = math.isqrt(entering * leaving)
        yield subject.problem(
            index,
            f"{node.name}: {entering} to {leaving} channels move {ratio:.2f} times the elements that as many MACs need "
            "at least",
            f"{balanced} to {balanced} channels take as many MACs and move the fewest",
            field="out_channels",
        )


def access_over_bound(places: int, entering: int, leaving: int) -> float:
    """Elements that a 1x1 convolution moves, over the least for as many MACs."""
    macs = places * entering * leaving
    return (places * (entering + leaving) + entering * leaving) / (2 * math.sqrt(places * macs) + macs / places)
