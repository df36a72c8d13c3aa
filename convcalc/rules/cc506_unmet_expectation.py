"""A figure that is not what the spec expects of itself.

`expect` holds what the network must have: totals, the shape of the output, the receptive field. They say that the
spec is still the network it says it is, and are checked by `convcalc verify` too. The receptive field is that of the
report, one number where all axes agree. With `--input` or `--set` the network is another one, and nothing is checked.

False positives: none; where the change is meant, the expectation is brought up to date.

Source: golden figures, as the specs of this project carry them.

Flagged:
    input: [3, 32, 32]
    expect:
      output: [16, 32, 32]
      params: 432 # <- CC506
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}

Allowed:
    input: [3, 32, 32]
    expect: {params: 448, output: [16, 32, 32], receptive_field: 3}
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.analysis.report import meets
from convcalc.language.quantities import AMOUNTS
from convcalc.rules._budgets import least, uncosted, unknown_costs
from convcalc.rules._subject import Problem, Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Problem]:
    """Expected figures and what is there instead."""
    network = subject.network
    if not subject.complete or network.overridden or not network.expect:
        return
    figures = subject.report.figures
    for name, expected in network.expect.items():
        value = figures[name]
        wanted, there = _figure(expected), _figure(value)
        unknown = uncosted(subject.report, name) if name in AMOUNTS else ()
        if unknown and isinstance(value, int) and isinstance(expected, int) and value <= expected:
            message = f"expected {name} {wanted}, found {least(there, unknown)}: no more can be said"
            yield subject.problem_at_spec(message, unknown_costs(unknown), ("expect", name), severity="info")
        elif not meets(value, expected):
            message = f"expected {name} {wanted}, found {least(there, unknown)}"
            yield subject.problem_at_spec(message, "", ("expect", name))


def _figure(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return f"{value:,}" if isinstance(value, int) else "none"
