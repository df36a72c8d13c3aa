"""A network that cannot be as fast as the budget asks, on the device it is meant for.

`bound_ms` is a limit in milliseconds. Held against it is the sum of the layers' bounds: no layer is done before its
operations are at the peak of the device, nor before its bytes have come over. A network that is over its budget misses
it for certain; one that is not may still be slower, for a bound is no latency.

A budget without a device is flagged, as is one whose device does not multiply in a format that the network has.

Limits stand where `convcalc rules CC501` says.

Options:
    device: what it runs on, as `deploy` in a spec says too.
    dtype, fused, batch: how it runs.

False positives: none; it is your own limit. `convcalc lint --suggest-budget 10%` prints one with room to grow.

Source: Williams, Waterman and Patterson, Roofline (2009).

Flagged:
    input: [3, 512, 512]
    deploy: {device: a100, dtype: float16}
    budget: {bound_ms: 0.001} # <- CC510
    layers:
      - conv: {out_channels: 512, kernel_size: 7, padding: 3}

Flagged:
    input: [3, 32, 32]
    budget: {bound_ms: 10} # <- CC510
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}

Allowed:
    input: [3, 32, 32]
    deploy: {device: a100, dtype: float16}
    budget: {bound_ms: 10}
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._budgets import over_bound
from convcalc.rules._subject import Problem, Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Problem]:
    """Bounds over their budget."""
    return over_bound(subject)
