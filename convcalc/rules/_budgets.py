"""Figures that are held against a limit: of a whole network, and of one layer or block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from convcalc.analysis.analyze import alive_bytes
from convcalc.analysis.terms import Terms
from convcalc.analysis.traffic import output_bytes
from convcalc.language.site import Site
from convcalc.layers import UNSIZED
from convcalc.rules._subject import Problem, Subject

MOST_NAMES = 3
"""Layers that are named as the largest."""
AS_WRITTEN = Terms()


class BudgetLimit(msgspec.Struct, frozen=True):
    """A limit of some figure, in force for some rows of the report, with what is marked where it is not kept.

    `site` and `index` are the layer or block that it is a limit of, and its last node; None for the network.
    """

    name: str
    value: int
    rows: slice
    mark: tuple[int, int]
    behind: str = ""
    site: Site | None = None
    index: int | None = None

    def problem(self, message: str, advice: str, severity: str = "") -> Problem:
        """What is wrong where the limit stands, at the layer or block that it is of."""
        layer = self.site.name if self.site is not None else ""
        text = f"{layer}: {message}" if layer else f"{message}{self.behind}"
        return Problem(self.index, *self.mark, text, advice, severity=severity, layer=layer)


def limits(subject: Subject, names: tuple[str, ...]) -> Iterator[BudgetLimit]:
    """Those of some figures: in the spec, in the configuration, on a layer or block."""
    if not subject.complete:  # the figures are not those of the whole network
        return
    network, places = subject.network, subject.places
    for name in names:
        if name in network.budget:
            yield BudgetLimit(name, network.budget[name], slice(None), places.top("budget", name))
        if name in subject.settings.budgets:
            behind = f" of {subject.settings.configuration}"
            yield BudgetLimit(name, subject.settings.budgets[name], slice(None), places.top("layers"), behind)
    for site, first, last in places.budgeted:
        for name, limit in (site.layer.budget or {}).items():
            if name in names and first < last:
                layer = site.in_users_text()[0].layer
                key = limit.key if layer is site.layer else layer.key  # where the budget stands in the user's text
                rows = slice(first - network.input_count, last - network.input_count)
                yield BudgetLimit(name, limit.value, rows, (key.start, key.end), site=site, index=last - 1)


def over_budget(subject: Subject, names: tuple[str, ...]) -> Iterator[Problem]:
    """Where one of these figures exceeds its limit.

    What is only known to be at least so much, and no more than the limit, is said too: nobody knows whether it is met.
    """
    for limit in limits(subject, names):
        name, rows = limit.name, limit.rows
        amounts = _amounts(subject, name)[rows]
        value = max(amounts, default=0) if name == "peak_activation_bytes" else sum(amounts)
        unknown = uncosted(subject, name, rows)
        if value > limit.value:
            yield limit.problem(_over(name, value, limit.value, unknown), _largest(subject, name, rows))
        elif unknown:
            yield limit.problem(_unknown(name, value, limit.value, unknown), unknown_costs(unknown), "info")


EXACT = ("activation_bytes", "peak_activation_bytes")
"""Amounts that follow from shapes, which are known of most layers whose cost is not."""


def uncosted(subject: Subject, name: str, rows: slice = slice(None)) -> tuple[str, ...]:
    """The layers of which it is not known what they add to an amount."""
    lacking = (row for row in subject.report.layers[rows] if not row.costed)
    return tuple(row.name for row in lacking if name not in EXACT or row.output_shape == UNSIZED)


def least(amount: str, unknown: tuple[str, ...]) -> str:
    """At least 4,096 (2 layers not costed), where the cost of some layers is not known."""
    count = len(unknown)
    return f"at least {amount} ({count} layer{'s' if count > 1 else ''} not costed)" if unknown else amount


def unknown_costs(names: tuple[str, ...]) -> str:
    """What keeps an amount from being known."""
    more = len(names) - MOST_NAMES
    listed = ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"it is not known what {listed} cost{'s' if len(names) == 1 else ''}"


def written_amount(name: str, amount: int) -> str:
    """An amount as people write it: all digits."""
    return f"{amount:,}{' bytes' if name.endswith('_bytes') else ''}"


def percentage(part: int, total: int) -> str:
    """A share as text; nothing where it would be of nothing."""
    return f" ({100 * part / total:.1f} %)" if total else ""


def _unknown(name: str, value: int, limit: int, unknown: tuple[str, ...]) -> str:
    amount = least(f"{written_amount(name, value)}{'' if name.endswith('_bytes') else f' {name}'}", unknown)
    return f"{amount}: whether the budget of {written_amount(name, limit)} for {name} is met is not known"


def _over(name: str, value: int, limit: int, unknown: tuple[str, ...]) -> str:
    beyond = f"{'at least ' if unknown else ''}{value - limit:,}{percentage(value - limit, limit)}"
    return f"{least(f'{value:,} {name}', unknown)} are {beyond} over the budget of {limit:,}"


@lru_cache(maxsize=8)
def _amounts(subject: Subject, name: str) -> list[int]:
    """How much of it each layer has."""
    if name == "peak_activation_bytes":
        return alive_bytes(subject.network, AS_WRITTEN)
    if name == "activation_bytes":
        return [output_bytes(node, AS_WRITTEN) for node in subject.network.layers]
    if name == "weight_bytes":
        return [row.weight_bytes for row in subject.report.layers]
    return [getattr(row, name) for row in subject.report.layers]


def _largest(subject: Subject, name: str, rows: slice) -> str:
    """The layers that have the most, in words."""
    report = subject.report
    layers = list(zip(report.layers, _amounts(subject, name), strict=True))[rows]
    most = sorted(((row.name, amount) for row, amount in layers), key=lambda pair: -pair[1])[:MOST_NAMES]
    if name != "peak_activation_bytes":
        return f"largest: {_listed(name, most)}" if most[0][1] and len(layers) > 1 else ""
    where = f"the peak is at {most[0][0]}"
    if len(layers) < len(report.layers) or report.peak is None:
        return where
    sizes = {node.name: output_bytes(node, AS_WRITTEN) for node in subject.network.nodes}
    tensors = sorted(((tensor, sizes[tensor]) for tensor in report.peak.tensors), key=lambda pair: -pair[1])
    return f"{where}; alive: {_listed(name, tensors[:MOST_NAMES])}"


def _listed(name: str, amounts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{layer} {written_amount(name, amount)}" for layer, amount in amounts if amount)
