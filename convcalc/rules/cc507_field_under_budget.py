"""A receptive field smaller than the budget asks for.

`min_receptive_field` under `budget` is how many input positions an output must at least see on every axis, by local
paths: of the spec, that of its report; of a layer or block, that behind its last layer. Where no local path is left,
because everything is seen, any size is met.

False positives: none; it is your own limit. What a trained network uses is less than what it can see (Luo 2016).

Source: Araujo et al., Computing receptive fields of convolutional neural networks (2019).

Flagged:
    input: [3, 32, 32]
    budget: {min_receptive_field: 7} # <- CC507
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}

Allowed:
    input: [3, 32, 32]
    budget: {min_receptive_field: 5}
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._budgets import limits
from convcalc.rules._subject import Problem, Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Problem]:
    """Fields smaller than they must be."""
    for limit in limits(subject, ("min_receptive_field",)):
        report = subject.report
        field = report.receptive_field if limit.nodes is None else report.rows(*limit.nodes)[-1].receptive_field
        sizes = [size for size in (field.size if field is not None else None) or () if size is not None]
        if sizes and min(sizes) < limit.value:
            short = limit.value - min(sizes)
            yield limit.problem(
                f"the receptive field of {min(sizes)} is {short} ({100 * short / limit.value:.1f} %) short of the "
                f"budget of {limit.value}",
                "larger kernels, dilation or more downsampling widen it",
            )
