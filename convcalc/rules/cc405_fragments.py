"""A block cut into many small branches (ShuffleNet V2, guideline G3).

Many small operations side by side keep a parallel machine waiting between them, although their MACs are few: in the
paper four branches run at about a third of the speed of one with as many MACs.

Flagged is a sum or concatenation of four or more inputs that each end in a convolution or pooling of their own, past
normalisation and activation. Off by default: it is a metric and no mistake.

False positives: the blocks of Inception, and spatial pyramids.

Source: Ma, Zhang, Zheng and Sun, ShuffleNet V2: practical guidelines (2018), G3 and table 3 ("4-fragment-parallel").

Flagged:
    input: [16, 28, 28]
    layers:
      - concat: # <- CC405
          branches:
            - [conv: {out_channels: 8, kernel_size: 1}]
            - [conv: {out_channels: 8, kernel_size: 1}]
            - [conv: {out_channels: 8, kernel_size: 1}, relu]
            - [max_pool: {kernel_size: 3, stride: 1, padding: 1}]

Allowed:
    input: [16, 28, 28]
    layers:
      - concat:
          branches:
            - [conv: {out_channels: 8, kernel_size: 1}]
            - [conv: {out_channels: 8, kernel_size: 3, padding: 1}]
            - []
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.layers import Kind
from convcalc.rules._graph import before, keeps_channels
from convcalc.rules._subject import Problem, Subject

SEVERITY = "off"

_LEAST_BRANCHES = 4


def check(subject: Subject) -> Iterator[Problem]:
    """Merges of many branches."""
    nodes = subject.network.nodes
    for index, node in subject.layers:
        if node.config.merges not in {"sum", "end to end"} or len(node.inputs) < _LEAST_BRANCHES:
            continue
        ends = {before(subject, source, _passes) if _passes(nodes[source].config) else source for source in node.inputs}
        working = [end for end in ends if _has_window(nodes[end].config)]
        if len(working) >= _LEAST_BRANCHES:
            macs = sum(subject.row(end).macs for end in working)
            yield subject.problem(
                index,
                f"{node.name}: {len(working)} branches meet, each with a convolution or pooling of its own, of "
                f"{macs // len(working):,} MACs on average",
                "fewer and wider branches keep the hardware busier",
            )


def _passes(kind: Kind) -> bool:
    return keeps_channels(kind) or kind.is_activation or kind.resamples


def _has_window(kind: Kind) -> bool:
    return kind.is_windowed or kind.is_transposed
