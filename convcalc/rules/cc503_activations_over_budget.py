"""More memory for activations than the budget allows.

`peak_activation_bytes` are the most that live at one time, a tensor freed after its last use, layers in the order
written; nothing runs in place but in a fused network (see CC508, `sram`). `activation_bytes` are
those of all layers' outputs.

Limits stand where `convcalc rules CC501` says.

False positives: none; it is your own limit. `convcalc lint --suggest-budget 10%` prints one with room to grow.

Source: your team; the form is that of size-limit and of Lighthouse's budgets.

Flagged:
    input: [3, 32, 32]
    budget: {peak_activation_bytes: 64 KiB} # <- CC503
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}

Allowed:
    input: [3, 32, 32]
    budget: {peak_activation_bytes: 76 KiB}
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._budgets import over_budget
from convcalc.rules._subject import Problem, Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Problem]:
    """Figures over their budget."""
    return over_budget(subject, ("peak_activation_bytes", "activation_bytes"))
