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

from convcalc.analysis.report import Report
from convcalc.rules._budgets import EXACT, least, percentage, unknown_costs, written_amount
from convcalc.rules._subject import Problem, Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Problem]:
    """Amounts that have grown by more than they may."""
    base = subject.settings.base
    if base is None or not subject.complete:
        return
    before, now = (msgspec.structs.asdict(totals) for totals in (base.totals, subject.report.totals))
    shapes = [[node.shape for node in network.inputs] for network in (base.network, subject.network)]
    other = "" if shapes[0] == shapes[1] else "; the inputs differ"
    unknown_before, unknown_now = base.uncosted, subject.report.uncosted
    for name, growth in subject.settings.growth.items():
        grown = now[name] - before[name]
        counted = f"{before[name]:,}", f"{now[name]:,}"
        if name not in EXACT:
            counted = least(counted[0], unknown_before), least(counted[1], unknown_now)
        is_more = grown > (growth.value * before[name] if growth.relative else growth.value)
        if name not in EXACT and _unknown(base) != _unknown(subject.report) and (unknown_before or not is_more):
            yield subject.problem_at_spec(
                f"{name} went from {counted[0]} to {counted[1]}: whether that is more than {growth.text} is not "
                f"known{other}",
                unknown_costs(tuple(dict.fromkeys((*unknown_before, *unknown_now)))),
                ("layers",),
                severity="info",
            )
        elif is_more:
            yield subject.problem_at_spec(
                f"{name} grew by {written_amount(name, grown)}{percentage(grown, before[name])}, from {counted[0]} to "
                f"{counted[1]}, where {growth.text} is the most{other}",
                f"`convcalc compare` shows the layers, against {subject.settings.base_name}",
                ("layers",),
            )


def _unknown(report: Report) -> list[object]:
    """What is not known of a network; where two have it in common, it does not come between them."""
    return [(row.name, row.input_shapes, row.output_shape) for row in report.layers if not row.costed]
