"""Figures that are held against a limit: of a whole network, and of one layer or block."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from convcalc.analysis.analyze import alive_bytes
from convcalc.analysis.report import ELEMENT_BYTES, ReceptiveField, Row
from convcalc.arithmetic.number import product
from convcalc.rules._subject import Problem, Subject

MOST_NAMES = 3
"""Layers that are named as the largest."""
FLOAT = ELEMENT_BYTES["float32"]


def over_budget(subject: Subject, names: tuple[str, ...]) -> Iterator[Problem]:
    """Where one of these figures exceeds its limit: in the spec, in the configuration, on a layer or block.

    What is only known to be at least so much, and no more than the limit, is said too: nobody knows whether it is met.
    """
    if subject.complete:  # else the figures are not those of the whole network
        yield from _of_network(subject, names)
        yield from _of_layers(subject, names)


def _of_network(subject: Subject, names: tuple[str, ...]) -> Iterator[Problem]:
    report = subject.report
    totals = msgspec.structs.asdict(report.totals)
    for name in names:
        written, configured = subject.network.budget.get(name), subject.settings.budgets.get(name)
        for limit, behind, keys in (
            (written, "", ("budget", name)),
            (configured, f" of {subject.settings.configuration}", ("layers",)),
        ):
            if limit is not None:
                for message, advice, severity in _held(subject, name, totals[name], limit, 0, len(report.layers)):
                    yield subject.problem_at_spec(f"{message}{behind}", advice, keys, severity)


def _of_layers(subject: Subject, names: tuple[str, ...]) -> Iterator[Problem]:
    for site, first, last in subject.places.budgeted:
        for name, limit in (site.layer.budget or {}).items():
            if name not in names or first == last:
                continue
            rows = first - subject.network.input_count, last - subject.network.input_count
            layer = site.in_users_text()[0].layer
            key = limit.key if layer is site.layer else layer.key  # where the budget stands in the user's text
            for message, advice, severity in _held(subject, name, _amount(subject, name, *rows), limit.value, *rows):
                text = f"{site.name}: {message}"
                yield Problem(last - 1, key.start, key.end, text, advice, severity=severity, layer=site.name)


def _held(subject: Subject, name: str, value: int, limit: int, first: int, last: int) -> Iterator[tuple[str, str, str]]:
    """What is to be said of an amount of some rows and its limit, if anything: message, advice and severity."""
    unknown = uncosted(subject, name, first, last)
    if value > limit:
        yield _over(name, value, limit, unknown), _largest(subject, name, first, last), ""
    elif unknown:
        yield _unknown(name, value, limit, unknown), unknown_costs(unknown), "info"


EXACT = ("activation_bytes", "peak_activation_bytes")
"""Amounts that follow from shapes, which are known of every layer."""


def uncosted(subject: Subject, name: str, first: int, last: int) -> tuple[str, ...]:
    """The layers of which it is not known what they add to an amount."""
    if name in EXACT:
        return ()
    return tuple(row.name for row in subject.report.layers[first:last] if not row.costed)


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


def _amount(subject: Subject, name: str, first: int, last: int) -> int:
    if name == "peak_activation_bytes":
        return max(alive_bytes(subject.network, FLOAT)[first:last])
    return sum(_of_row(name, row) for row in subject.report.layers[first:last])


def _of_row(name: str, row: Row) -> int:
    if name == "weight_bytes":
        return row.params * FLOAT
    if name in {"activation_bytes", "peak_activation_bytes"}:
        return product(row.output_shape) * FLOAT
    value: int = getattr(row, name)
    return value


def _largest(subject: Subject, name: str, first: int, last: int) -> str:
    """The layers that have the most, in words."""
    rows = subject.report.layers
    if name == "peak_activation_bytes":
        alive = alive_bytes(subject.network, FLOAT)
        when = max(range(first, last), key=lambda index: alive[index], default=first)
        where = f"the peak is at {rows[when].name}" if when < len(rows) else ""
        if last - first < len(rows) or subject.report.peak is None:
            return where
        sizes = {node.name: product(node.shape) * FLOAT for node in subject.network.nodes}
        tensors = sorted(subject.report.peak.tensors, key=lambda tensor: -sizes[tensor])[:MOST_NAMES]
        return f"{where}; alive: {', '.join(f'{tensor} {written_amount(name, sizes[tensor])}' for tensor in tensors)}"
    most = sorted(rows[first:last], key=lambda row: -_of_row(name, row))[:MOST_NAMES]
    named = [f"{row.name} {written_amount(name, _of_row(name, row))}" for row in most if _of_row(name, row)]
    return f"largest: {', '.join(named)}" if named and last - first > 1 else ""


def smallest_size(field: ReceptiveField | None) -> int | None:
    """The field on the axis where it is smallest; None where no local path is left, or it is not known."""
    sizes = [size for size in (field.size if field is not None else None) or () if size is not None]
    return min(sizes) if sizes else None
