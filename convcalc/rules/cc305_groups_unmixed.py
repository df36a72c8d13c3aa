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

from convcalc.layers import Kind
from convcalc.rules._graph import before, groups_of, is_grouped, keeps_channels
from convcalc.rules._subject import Problem, Subject

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Problem]:
    """Grouped convolutions right behind ones of the same groups."""
    for index, node in subject.layers:
        if not is_grouped(subject, index):
            continue
        groups, first = groups_of(subject, index), before(subject, index, _passes)
        if groups_of(subject, first) != groups or not is_grouped(subject, first):
            continue
        channels = node.shape[0] // groups
        yield subject.problem(
            index,
            f"{node.name}: {groups} groups as in {subject.network.nodes[first].name} before it: each {channels} of its "
            f"{node.shape[0]} channels see 1/{groups} of what entered there, and never another group",
            f"put channel_shuffle: {groups} or a 1x1 convolution between",
            field="groups",
        )


def _passes(kind: Kind) -> bool:
    return keeps_channels(kind) or kind.is_activation or (kind.is_pool and kind.is_windowed)
