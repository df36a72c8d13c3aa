"""More multiply-adds, element-wise operations, FLOPs or bit operations than the budget allows.

One MAC is one multiply and its add, batch 1, taps on padding counted; FLOPs are 2 * MACs + element-wise operations.
`bit_operations` are the MACs times the bits of both factors.

Limits stand where `convcalc rules CC501` says. `as: thop` beside them holds `macs` and `flops` by what that tool counts
of the network as it is written; with what nobody has seen it count, it is at least so much.

False positives: none; it is your own limit. `convcalc lint --suggest-budget 10%` prints one with room to grow.

Source: your team; the form is that of size-limit and of Lighthouse's budgets.

Flagged:
    input: [3, 32, 32]
    budget:
      macs: 0.4M # <- CC502
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}

Flagged:
    input: [3, 32, 32]
    budget: {macs: 450K, as: thop} # <- CC502
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
      - batch_norm

Allowed:
    input: [3, 32, 32]
    budget: {macs: 442368}
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1, budget: {macs: 1M}}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._budgets import over_budget
from convcalc.rules._subject import Problem, Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Problem]:
    """Figures over their budget."""
    return over_budget(subject, ("macs", "elementwise_ops", "flops", "bit_operations"))
