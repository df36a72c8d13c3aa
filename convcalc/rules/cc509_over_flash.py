"""More memory for weights than the device has, by the budget.

`flash` is the bytes of weights, biases and buffers, as the network is deployed: in their formats, norms folded where it
is fused. Each filter begins on a byte. The code that runs the network comes on top.

Limits stand where `convcalc rules CC501` says.

False positives: none; it is your own limit. `convcalc lint --suggest-budget 10%` prints one with room to grow.

Source: Banbury et al., MicroNets (2021), where a model must fit a flash.

Flagged:
    input: [3, 32, 32]
    budget: {flash: 1 KiB} # <- CC509
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}

Allowed:
    input: [3, 32, 32]
    deploy: {dtype: int8}
    budget: {flash: 1 KiB}
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._budgets import over_budget
from convcalc.rules._subject import Problem, Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Problem]:
    """Memory over its budget."""
    return over_budget(subject, ("flash",))
