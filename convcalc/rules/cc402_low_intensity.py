"""A layer that waits for memory and not for arithmetic.

Hardware does so many operations in the time it takes to read a byte. A layer with fewer operations for each byte it
must move is as slow as its memory, however few its MACs; depthwise convolutions are of that sort.

Flagged, with a device whose peak and bandwidth are known, is a layer with MACs whose operations over bytes (input,
output and weights once each, as deployed) are below the device's peak in its format over its bandwidth, if the larger
of its two times is at least 5 % of that of all such layers. Of layers that are fused, the kernel counts.

Options:
    device: what it runs on, as `deploy` in a spec says too; without one the rule says nothing.
    dtype, fused, batch: how it runs.

False positives: maps that stay in a cache between layers; layers that are fused beyond what `--fused` does, as
depthwise with pointwise.

Source: Williams, Waterman and Patterson, Roofline (2009); Ma et al., ShuffleNet V2 (2018), on memory access cost.

Flagged:
    # convcalc.toml: device = "a100"
    # convcalc.toml: dtype = "float16"
    input: [64, 56, 56]
    layers:
      - conv: {out_channels: 64, kernel_size: 3, padding: 1, groups: 64} # <- CC402

Allowed:
    # convcalc.toml: device = "a100"
    # convcalc.toml: dtype = "float16"
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

from convcalc.rules._subject import Problem, Subject

SEVERITY = "info"

_LEAST_PERCENT = 5
"""Of the time of all layers with MACs."""


def check(subject: Subject) -> Iterator[Problem]:
    """Layers below the ridge that take a share of the time."""
    deployed = subject.deployed
    device = deployed.device
    if device is None or not device.peak or not device.bandwidth or not subject.complete:
        return
    measured = {}
    for place, (row, node) in enumerate(zip(deployed.report.layers, deployed.network.layers, strict=True)):
        if not row.macs:
            continue
        try:
            format_name = deployed.factors(node, device)
        except ValueError:  # it does not run there
            continue
        moved = row.input_bytes + row.weight_bytes + row.output_bytes
        time = max(2 * row.macs / device.peak[format_name], moved / device.bandwidth)
        measured[place] = row, format_name, moved, time
    total = sum(time for *_, time in measured.values())
    for place, (row, format_name, moved, time) in measured.items():
        peak = device.peak[format_name]
        if 2 * row.macs * device.bandwidth >= peak * moved or 100 * time < _LEAST_PERCENT * total:
            continue
        index = subject.at = deployed.index(place)
        yield subject.problem(
            index,
            f"{row.name}: {2 * row.macs / moved:.1f} operations a byte, and {device.name} needs "
            f"{peak / device.bandwidth:.0f} in {format_name} to be busy: {100 * time / total:.0f} % of the net's time, "
            f"moving {moved:,} bytes",
            "fuse it with its neighbour, use a larger batch, or more channels on a smaller map",
        )
