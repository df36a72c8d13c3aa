"""More parameters, or buffers, than the budget allows.

Parameters are learned, buffers are kept beside them (the running statistics of batch normalisation); shared weights
count once.

A limit stands under `budget`: of the spec, where it counts for the whole network, of a layer, or of a block that is
called, where it counts for all its layers and all its repetitions together. In the configuration `budgets` holds
limits for the files that a pattern matches. A budget is about the network as it is deployed: fused, in its formats and
on its device, as the command line, `deploy` in the spec or the configuration says, and else layer by layer in float32.
Where layers are fused, the limit of a layer or block counts the kernels that its layers run in.

`as: thop` beside `params` holds them by what that tool counts of the network as it is written.

Amounts may end in K, M, G, T or KiB, MiB, GiB. A spec with mistakes has no totals, and is not held against its budget.

False positives: none; it is your own limit. `convcalc lint --suggest-budget 10%` prints one with room to grow.

Source: your team; the form is that of size-limit and of Lighthouse's budgets.

Flagged:
    input: [3, 32, 32]
    budget: {params: 400} # <- CC501
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}

Allowed:
    input: [3, 32, 32]
    budget: {params: 448}
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
    return over_budget(subject, ("params", "buffers"))
