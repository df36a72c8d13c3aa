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

from convcalc.rules._graph import ACTIVATIONS, CONVOLUTIONS, POOLS, QUIET, before
from convcalc.rules._subject import Problem, Subject

SEVERITY = "off"

LEAST_BRANCHES = 4
PASSED = QUIET | ACTIVATIONS | {"scale", "upsample"}


def check(subject: Subject) -> Iterator[Problem]:
    """Merges of many branches."""
    nodes = subject.network.nodes
    for index, node in subject.layers:
        if node.kind not in {"add", "concat"} or len(node.inputs) < LEAST_BRANCHES:
            continue
        ends = {
            source if nodes[source].kind not in PASSED else before(subject, source, PASSED) for source in node.inputs
        }
        working = [end for end in ends if nodes[end].kind in CONVOLUTIONS | POOLS]
        if len(working) >= LEAST_BRANCHES:
            macs = sum(subject.row(end).macs for end in working)
            yield subject.problem(
                index,
                f"{node.name}: {len(working)} branches meet, each with a convolution or pooling of its own, of "
                f"{macs // len(working):,} MACs on average",
                "fewer and wider branches keep the hardware busier",
            )
