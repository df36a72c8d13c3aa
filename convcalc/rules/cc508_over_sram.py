"""More memory for activations than the device has, by the budget.

`sram` is the most bytes of activations that live at one time, as the network is deployed: in its formats, and where it
is fused, with activations in place. It is the least that a runtime needs; its own buffers, and gaps between tensors,
come on top.

Limits stand where `convcalc rules CC501` says.

False positives: none; it is your own limit. `convcalc lint --suggest-budget 10%` prints one with room to grow.

Source: Lin et al., MCUNet (2020), where the peak decides what runs on a microcontroller.

Flagged:
    input: [3, 32, 32]
    deploy: {fused: true, dtype: int8}
    budget: {sram: 16 KiB} # <- CC508
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
      - batch_norm
      - relu

Allowed:
    input: [3, 32, 32]
    deploy: {fused: true, dtype: int8}
    budget: {sram: 19 KiB}
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
      - batch_norm
      - relu
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._budgets import over_budget
from convcalc.rules._subject import Problem, Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Problem]:
    """Memory over its budget."""
    return over_budget(subject, ("sram",))
