"""A layer that waits for memory and not for arithmetic.

Hardware does so many operations in the time it takes to read a byte. A layer with fewer operations for each byte it
must move is as slow as its memory, however few its MACs; depthwise convolutions are of that sort.

Flagged, with a target whose figures are known (nvidia-fp16, nvidia-tf32, nvidia-int8: A100), is a layer with MACs
whose operations over bytes (input, output and weights once each, batch 1) are below the target's peak over its
bandwidth, if the larger of its two times is at least 5 % of that of all such layers.

Options:
    target: the hardware meant; without one the rule says nothing.

False positives: larger batches, which read weights once for all; layers that are fused, as depthwise with pointwise.

Source: Williams, Waterman and Patterson, Roofline (2009); Ma et al., ShuffleNet V2 (2018), on memory access cost.

Flagged:
    # convcalc.toml: target = "nvidia-fp16"
    input: [64, 56, 56]
    layers:
      - conv: {out_channels: 64, kernel_size: 3, padding: 1, groups: 64} # <- CC402

Allowed:
    # convcalc.toml: target = "nvidia-fp16"
    input: [512, 56, 56]
    layers:
      - conv: {out_channels: 512, kernel_size: 3, padding: 1}

Allowed:
    input: [64, 56, 56]
    layers:
      - conv: {out_channels: 64, kernel_size: 3, padding: 1, groups: 64}
      - conv: {out_channels: 8, kernel_size: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.analysis.report import Row
from convcalc.rules._graph import moved
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._targets import Target, target_of

SEVERITY = "info"

_LEAST_PERCENT = 5
"""Of the time of all layers with MACs."""


def check(subject: Subject) -> Iterator[Problem]:
    """Layers below the ridge that take a share of the time."""
    target = target_of(subject)
    if target is None or not target.peak or not subject.complete:
        return
    rows = {index: row for index, _ in subject.layers if (row := subject.row(index)).macs}
    times = {index: _time(row, target) for index, row in rows.items()}
    total = sum(times.values())
    for index, row in rows.items():
        operations, moved_bytes = 2 * row.macs, moved(row) * target.element_bytes
        if operations * target.bandwidth >= target.peak * moved_bytes or 100 * times[index] < _LEAST_PERCENT * total:
            continue
        subject.at = index
        yield subject.problem(
            index,
            f"{row.name}: {operations / moved_bytes:.1f} operations a byte, and {subject.settings.target} needs "
            f"{target.peak / target.bandwidth:.0f} to be busy: {100 * times[index] / total:.0f} % of the net's time, "
            f"moving {moved_bytes:,} bytes",
            "fuse it with its neighbour, use a larger batch, or more channels on a smaller map",
        )


def _time(row: Row, target: Target) -> float:
    return max(2 * row.macs / target.peak, moved(row) * target.element_bytes / target.bandwidth)
