"""Grouped convolutions in a row whose groups never meet.

With the same groups one behind the other, the channels of a group are computed from that group alone all the way
through: the layers are as many separate nets side by side as there are groups.

Flagged is a convolution of g groups, 1 < g < in_channels, that another of the same g enters past normalisation,
activation, pooling and dropout alone: with no shuffle, and no convolution of one group, between.

Not flagged: depthwise convolutions (CC304); groups of another number, which overlap.

False positives: branches that are meant to stay apart, as on two devices.

Source: Zhang et al., ShuffleNet (2018): stacked group convolutions "block information flow between channel groups".

Flagged:
    input: [32, 16, 16]
    layers:
      - conv: {out_channels: 32, kernel_size: 3, groups: 4}
      - batch_norm
      - relu
      - conv: {out_channels: 32, kernel_size: 3, groups: 4} # <- CC305

Allowed:
    input: [32, 16, 16]
    layers:
      - conv: {out_channels: 32, kernel_size: 3, groups: 4}
      - channel_shuffle: 4
      - conv: {out_channels: 32, kernel_size: 3, groups: 4}
      - conv: {out_channels: 32, kernel_size: 1}
      - conv: {out_channels: 32, kernel_size: 3, groups: 4}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._graph import ACTIVATIONS, POOLS, QUIET, before
from convcalc.rules._subject import Problem, Subject

SEVERITY = "warning"

PASSED = QUIET | ACTIVATIONS | POOLS | {"scale"}


def check(subject: Subject) -> Iterator[Problem]:
    """Grouped convolutions right behind ones of the same groups."""
    for index, node in subject.layers:
        groups = _groups(subject, index)
        if groups == 1:
            continue
        first = before(subject, index, PASSED)
        if _groups(subject, first) != groups:
            continue
        channels = node.shape[0] // groups
        yield subject.problem(
            index,
            f"{node.name}: {groups} groups as in {subject.network.nodes[first].name} before it: each {channels} of its "
            f"{node.shape[0]} channels see 1/{groups} of what entered there, and never another group",
            f"put channel_shuffle: {groups} or a 1x1 convolution between",
            field="groups",
        )


def _groups(subject: Subject, index: int) -> int:
    """The groups of a grouped convolution; 1 for any other layer, depthwise ones among them."""
    node = subject.network.nodes[index]
    groups: int = getattr(node.config, "groups", 1)
    is_grouped = node.kind in {"conv", "deform_conv"} and 1 < groups < subject.shapes(index)[0][0]
    return groups if is_grouped else 1
