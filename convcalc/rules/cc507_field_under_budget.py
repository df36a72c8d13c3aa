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

from convcalc.rules._budgets import smallest_size
from convcalc.rules._subject import Problem, Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Problem]:
    """Fields smaller than they must be."""
    if not subject.complete:
        return
    settings, name = subject.settings, "min_receptive_field"
    size = smallest_size(subject.report.receptive_field)
    written, configured = subject.network.budget.get(name), settings.budgets.get(name)
    advice = "larger kernels, dilation or more downsampling widen it"
    if size is not None and written is not None and size < written:
        yield subject.problem_at_spec(_under(size, written), advice, ("budget", name))
    if size is not None and configured is not None and size < configured:
        message = f"{_under(size, configured)} of {settings.configuration}"
        yield subject.problem_at_spec(message, advice, ("layers",))
    for site, first, last in subject.places.budgeted:
        limit = (site.layer.budget or {}).get(name)
        size = smallest_size(subject.row(last - 1).receptive_field) if last > first else None
        if limit is not None and size is not None and size < limit.value:
            layer = site.in_users_text()[0].layer
            key = limit.key if layer is site.layer else layer.key
            message = f"{site.name}: {_under(size, limit.value)}"
            yield Problem(last - 1, key.start, key.end, message, advice, layer=site.name)


def _under(size: int, limit: int) -> str:
    short = limit - size
    return f"the receptive field of {size} is {short} ({100 * short / limit:.1f} %) short of the budget of {limit}"
