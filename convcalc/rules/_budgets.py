"""Figures that are held against a limit: of a whole network, and of one layer or block.

A budget is about the network as it is deployed (`subject.deployed`): in kernels where it is fused, in its formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from convcalc.analysis.analyze import alive_bytes
from convcalc.analysis.report import Report
from convcalc.analysis.traffic import buffer_bytes, output_bytes
from convcalc.language.limits import AS, COUNTED, Limit
from convcalc.language.quantities import DURATION, MEMORIES
from convcalc.language.site import Site
from convcalc.language.tree import span
from convcalc.layers import UNSIZED
from convcalc.rules._deployed import PICOSECONDS, Deployed, Unbounded
from convcalc.rules._subject import Problem, Subject

MOST_NAMES = 3
"""Layers that are named as the largest."""
MANY = 1000
PEAKS = ("peak_activation_bytes", "sram")
"""Amounts that are the largest at any time, and not a sum over the layers."""


class BudgetLimit(msgspec.Struct, frozen=True):
    """A limit of some figure, with what is marked where it is not kept.

    `nodes` are those it is in force for, the latter not included, None for the network. `site` and `index` are the
    layer or block that it is a limit of, and its last node; None for the network. `counted_as` is the tool by whose
    count it is held, as it is named at `tool_mark`; empty for ours.
    """

    name: str
    value: Any
    nodes: tuple[int, int] | None
    mark: tuple[int, int]
    behind: str = ""
    site: Site | None = None
    index: int | None = None
    counted_as: str = ""
    tool_mark: tuple[int, int] | None = None

    def problem(self, message: str, advice: str, severity: str = "") -> Problem:
        """What is wrong where the limit stands, at the layer or block that it is of."""
        layer = self.site.name if self.site is not None else ""
        text = f"{layer}: {message}" if layer else f"{message}{self.behind}"
        return Problem(self.index, *self.mark, text, advice, severity=severity, layer=layer)

    def rows(self, deployed: Deployed) -> Sequence[int]:
        """The rows of the report that it is in force for."""
        if self.nodes is None:
            return range(len(deployed.network.layers))
        return deployed.rows(*self.nodes)


def limits(subject: Subject, names: tuple[str, ...]) -> Iterator[BudgetLimit]:
    """Those of some figures: in the spec, in the configuration, on a layer or block."""
    if not subject.complete:  # the figures are not those of the whole network
        return
    network, places = subject.network, subject.places
    for name in names:
        if name in network.budget:
            tool = network.budget.get(AS, "") if name in COUNTED else ""
            marks = places.top("budget", name), places.top_value("budget", AS)
            yield BudgetLimit(name, network.budget[name], None, marks[0], counted_as=tool, tool_mark=marks[1])
        if name in subject.settings.budgets:
            own, mark = subject.settings.budgets[name], places.top("layers")
            behind = f" of {subject.settings.configuration}"
            yield BudgetLimit(name, own.value, None, mark, behind, counted_as=own.counted_as)
    for site, first, last in places.budgeted:
        for name, limit in (site.layer.budget or {}).items():
            if name in names and first < last:
                yield _of_site(site, name, limit, (first, last))


def _of_site(site: Site, name: str, limit: Limit, nodes: tuple[int, int]) -> BudgetLimit:
    """A limit of a layer or block, marked where it stands in the user's text, or else at the call that has it."""
    layer = site.in_users_text()[0].layer
    is_users, tool = layer is site.layer, limit.counted_as
    return BudgetLimit(
        name,
        limit.value,
        nodes,
        span(limit.key if is_users else layer.key),
        site=site,
        index=nodes[1] - 1,
        counted_as="" if tool is None else str(tool.value),
        tool_mark=None if tool is None or not is_users else span(tool),
    )


def over_budget(subject: Subject, names: tuple[str, ...]) -> Iterator[Problem]:
    """Where one of these figures exceeds its limit.

    What is only known to be at least so much, and no more than the limit, is said too: nobody knows whether it is met.
    """
    for limit in limits(subject, names):
        if limit.counted_as:
            from convcalc.rules._counted import over_count

            yield from over_count(subject, limit)
            continue
        name, rows = limit.name, limit.rows(subject.deployed)
        amounts = [_amounts(subject, name)[row] for row in rows]
        value = max(amounts, default=0) if name in PEAKS else sum(amounts)
        unknown = uncosted(subject.deployed.report, name, rows)
        if value > limit.value:
            message = _over(name, value, limit.value, unknown, _how(subject.deployed, name))
            yield limit.problem(message, _largest(subject, name, rows))
        elif unknown:
            yield limit.problem(_unknown(name, value, limit.value, unknown), unknown_costs(unknown), "info")


def over_bound(subject: Subject) -> Iterator[Problem]:
    """Where the least time on the device exceeds its limit, or there is no such time."""
    deployed, mistaken = subject.deployed, subject.device_problem
    for limit in limits(subject, (DURATION,)):
        if mistaken is not None:
            yield limit.problem(f"{DURATION}: {mistaken.message}", mistaken.help)
            continue
        rows = limit.rows(deployed)
        try:
            bounds = dict(zip(rows, deployed.bounds_ps(rows), strict=True))
        except Unbounded as error:
            yield limit.problem(f"{DURATION}: {error}", error.advice)
            continue
        value, most = sum(bounds.values()), limit.value * PICOSECONDS
        budget = f"the budget of {float(limit.value):g} ms"
        unknown = uncosted(deployed.report, DURATION, rows)
        if value > most:
            known = f", {len(unknown)} not costed" if unknown else ""
            on = f"{deployed.device.name if deployed.device is not None else ''} ({deployed.memory()}{known})"
            over = f"{milliseconds(value - most)} ms{percentage(value - most, most)}"
            message = f"at least {milliseconds(value)} ms on {on} are {over} over {budget}"
            yield limit.problem(message, _longest(deployed, bounds))
        elif unknown:
            message = f"at least {milliseconds(value)} ms: whether {budget} is met is not known"
            yield limit.problem(message, unknown_costs(unknown), "info")


def milliseconds(picoseconds: Any) -> str:
    """A time as people write it, in four digits or more."""
    time = float(picoseconds) / PICOSECONDS
    return f"{time:.4g}" if time < MANY else f"{time:,.0f}"


EXACT = ("activation_bytes", *PEAKS)
"""Amounts that follow from shapes, which are known of most layers whose cost is not."""


def uncosted(report: Report, name: str, rows: Sequence[int] | None = None) -> tuple[str, ...]:
    """The layers of which it is not known what they add to an amount."""
    chosen = report.layers if rows is None else [report.layers[row] for row in rows]
    lacking = (row for row in chosen if not row.costed)
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
    return f"{amount:,}{' bytes' if is_bytes(name) else ''}"


def is_bytes(name: str) -> bool:
    """Whether an amount is one of bytes."""
    return name.endswith("_bytes") or name in MEMORIES


def percentage(part: Any, total: Any) -> str:
    """A share as text; nothing where it would be of nothing."""
    return f" ({float(100 * part / total):.1f} %)" if total else ""


def _how(deployed: Deployed, name: str) -> str:
    """What must be known of an amount of what is deployed; nothing where it is as every report has it."""
    how = deployed.memory() if name in MEMORIES else deployed.how
    device = f" on {deployed.device.name}" if name in MEMORIES and deployed.device is not None else ""
    return f" ({how}{device})" if how else ""


_MEANT = {"sram": "bytes of activations at the peak", "flash": "bytes of weights and buffers"}


def _unknown(name: str, value: int, limit: int, unknown: tuple[str, ...]) -> str:
    amount = least(f"{written_amount(name, value)}{'' if is_bytes(name) else f' {name}'}", unknown)
    return f"{amount}: whether the budget of {written_amount(name, limit)} for {name} is met is not known"


def _over(name: str, value: int, limit: int, unknown: tuple[str, ...], how: str) -> str:
    beyond = f"{'at least ' if unknown else ''}{value - limit:,}{percentage(value - limit, limit)}"
    amount = least(f"{value:,} {_MEANT.get(name, name)}", unknown)
    what = f"{name}: " if name in MEMORIES else ""
    return f"{what}{amount}{how} are {beyond} over the budget of {limit:,}"


@lru_cache(maxsize=8)
def _amounts(subject: Subject, name: str) -> list[int]:
    """How much of it each row has."""
    deployed = subject.deployed
    network, terms, rows = deployed.network, deployed.terms, deployed.report.layers
    if name in PEAKS:
        return alive_bytes(network, terms)
    if name == "activation_bytes":
        return [row.output_bytes for row in rows]
    if name not in ("buffer_bytes", "flash"):
        return [getattr(row, name) for row in rows]
    buffers = [buffer_bytes(network, node, terms) for node in network.layers]
    if name == "buffer_bytes":
        return buffers
    return [row.weight_bytes + own for row, own in zip(rows, buffers, strict=True)]


def _largest(subject: Subject, name: str, rows: Sequence[int]) -> str:
    """The layers that have the most, in words."""
    deployed, amounts = subject.deployed, _amounts(subject, name)
    report = deployed.report
    most = sorted(((report.layers[row].name, amounts[row]) for row in rows), key=lambda pair: -pair[1])[:MOST_NAMES]
    if name not in PEAKS:
        return f"largest: {most_of(name, most)}" if most[0][1] and len(rows) > 1 else ""
    where = f"the peak is at {most[0][0]}"
    if len(rows) < len(report.layers) or report.peak is None:
        return where
    sizes = {node.name: output_bytes(node, deployed.terms) for node in deployed.network.nodes}
    tensors = sorted(((tensor, sizes[tensor]) for tensor in report.peak.tensors), key=lambda pair: -pair[1])
    return f"{where}; alive: {most_of(name, tensors[:MOST_NAMES])}"


def _longest(deployed: Deployed, bounds: Mapping[int, int]) -> str:
    """The rows that take the most time, in words."""
    most = sorted(bounds, key=lambda row: -bounds[row])[:MOST_NAMES]
    named = (f"{deployed.report.layers[row].name} {milliseconds(bounds[row])} ms" for row in most if bounds[row])
    return f"longest: {', '.join(named)}" if len(bounds) > 1 else ""


def most_of(name: str, amounts: Iterable[tuple[str, int]]) -> str:
    """Layers with the amounts that they have, in words, but for those that have none."""
    return ", ".join(f"{layer} {written_amount(name, amount)}" for layer, amount in amounts if amount)
