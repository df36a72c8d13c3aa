"""Growth over what the network was before.

`--base` names a revision of git, where each spec is looked up as it was, or one spec file; `--max-regression macs=5%`
says by how much an amount may grow, as a share of what it was or as an amount (`params=10K`), several times over. A
spec that is not there at the revision is new, and has nothing to be compared with. Where it has mistakes there, that
is said as an info; a file with mistakes is refused.

False positives: growth that is meant; raise the limit in the change that needs it.

Source: infracost and size-limit, which gate a change by what it adds.

Base:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}

Flagged:
    # --max-regression macs=5%
    input: [3, 32, 32]
    layers: # <- CC505
      - conv: {out_channels: 24, kernel_size: 3, padding: 1}

Allowed:
    # --max-regression macs=50%
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 24, kernel_size: 3, padding: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from convcalc.rules._budgets import percentage, written_amount
from convcalc.rules._subject import Problem, Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Problem]:
    """Amounts that have grown by more than they may."""
    yield from subject.spec_findings("CC505")
    base = subject.settings.base
    if base is None or not subject.complete:
        return
    before, now = (msgspec.structs.asdict(totals) for totals in (base.totals, subject.report.totals))
    shapes = [[node.shape for node in network.inputs] for network in (base.network, subject.network)]
    other = "" if shapes[0] == shapes[1] else "; the inputs differ"
    for name, growth in subject.settings.growth.items():
        grown = now[name] - before[name]
        if grown > (growth.value * before[name] if growth.relative else growth.value):
            yield subject.problem_at_spec(
                f"{name} grew by {written_amount(name, grown)}{percentage(grown, before[name])}, from "
                f"{before[name]:,} to {now[name]:,}, where {growth.text} is the most{other}",
                f"`convcalc compare` shows the layers, against {subject.settings.base_name}",
                ("layers",),
            )
