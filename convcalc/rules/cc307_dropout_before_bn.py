"""Dropout with a batch normalisation behind it.

In training dropout scales what it keeps by 1/(1 - p), and so the variance of every element; at inference it does
nothing. A batch normalisation behind it has learned the variance of training and divides by the wrong one.

Flagged is dropout of p above 0 if any layer behind it is a batch_norm that keeps statistics.

False positives: nets with wide layers, where the shift is small (Wide-ResNet gains by it, as the paper says).

Source: Li, Chen, Hu and Yang, Understanding the disharmony between dropout and batch normalization by variance shift
(CVPR 2019).

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, bias: false}
      - dropout: 0.5 # <- CC307
      - batch_norm

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, bias: false}
      - batch_norm
      - global_avg_pool
      - dropout: 0.5
      - linear: 10
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.network import Node
from convcalc.rules._graph import some_behind
from convcalc.rules._subject import Problem, Subject

SEVERITY = "info"


def check(subject: Subject) -> Iterator[Problem]:
    """Dropouts before statistics."""
    nodes = subject.network.nodes
    if not any(node.config.dropped for node in nodes):
        return
    normalised = some_behind(subject, lambda index: _keeps_statistics(nodes[index]))
    for index, node in subject.layers:
        dropped = node.config.dropped
        if 0 < dropped < 1 and normalised[index]:
            scale = 1 / (1 - dropped)
            yield subject.problem(
                index,
                f"{node.name}: in training it scales what it keeps by {scale:.3g}, and the batch_norm behind it keeps "
                "the statistics of that for inference, where nothing is scaled",
                "move it behind the last batch_norm",
            )


def _keeps_statistics(node: Node) -> bool:
    kind = node.config
    return kind.is_normalisation and kind.scales_channels and bool(getattr(node.config, "track_running_stats", False))
