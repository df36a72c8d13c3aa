"""More bytes of weights, or of buffers, than the budget allows.

`weight_bytes` are those of the parameters in the format of each, 4 bytes in float32, `buffer_bytes` those of the
buffers. `flash` is both together (CC509).

Limits stand where `convcalc rules CC501` says.

False positives: none; it is your own limit. `convcalc lint --suggest-budget 10%` prints one with room to grow.

Source: your team; the form is that of size-limit and of Lighthouse's budgets.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1, budget: {weight_bytes: 1 KiB}} # <- CC504

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1, budget: {weight_bytes: 2 KiB}}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._budgets import over_budget
from convcalc.rules._subject import Problem, Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Problem]:
    """Figures over their budget."""
    return over_budget(subject, ("weight_bytes", "buffer_bytes"))
