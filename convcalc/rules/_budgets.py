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
    """Where one of these figures exceeds its limit: in the spec, in the configuration, on a layer or block."""
    if not subject.complete:
        return  # the figures are not those of the whole network
    report, places = subject.report, subject.places
    totals = msgspec.structs.asdict(report.totals)
    for name in names:
        written, configured = subject.network.budget.get(name), subject.settings.budgets.get(name)
        said = _largest(subject, name, 0, len(report.layers))
        if written is not None and totals[name] > written:
            yield subject.problem_at_spec(_over(name, totals[name], written), said, ("budget", name))
        if configured is not None and totals[name] > configured:
            message = f"{_over(name, totals[name], configured)} of {subject.settings.configuration}"
            yield subject.problem_at_spec(message, said, ("layers",))
    for site, first, last in places.budgeted:
        for name, limit in (site.layer.budget or {}).items():
            if name not in names or first == last:
                continue
            rows = first - subject.network.input_count, last - subject.network.input_count
            found = _amount(subject, name, *rows)
            if found > limit.value:
                message = f"{site.name}: {_over(name, found, limit.value)}"
                layer = site.in_users_text()[0].layer
                own = layer is site.layer  # the budget stands in the user's text
                key = limit.key if own else layer.key
                yield Problem(last - 1, key.start, key.end, message, _largest(subject, name, *rows), layer=site.name)


def written_amount(name: str, amount: int) -> str:
    """An amount as people write it: all digits."""
    return f"{amount:,}{' bytes' if name.endswith('_bytes') else ''}"


def percentage(part: int, whole: int) -> str:
    """A share as text; nothing where it would be of nothing."""
    return f" ({100 * part / whole:.1f} %)" if whole else ""


def _over(name: str, found: int, limit: int) -> str:
    beyond = found - limit
    return f"{found:,} {name} are {beyond:,}{percentage(beyond, limit)} over the budget of {limit:,}"


def _amount(subject: Subject, name: str, first: int, last: int) -> int:
    if name == "peak_activation_bytes":
        return max(alive_bytes(subject.network, FLOAT)[first:last])
    return sum(_of_row(name, row) for row in subject.report.layers[first:last])


def _of_row(name: str, row: Row) -> int:
    if name == "weight_bytes":
        return row.params * FLOAT
    if name in {"activation_bytes", "peak_activation_bytes"}:
        return product(row.output_shape) * FLOAT
    found: int = getattr(row, name)
    return found


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
    found = [f"{row.name} {written_amount(name, _of_row(name, row))}" for row in most if _of_row(name, row)]
    return f"largest: {', '.join(found)}" if found and last - first > 1 else ""


def smallest_size(field: ReceptiveField | None) -> int | None:
    """The field on the axis where it is smallest; None where no local path is left, or it is not known."""
    sizes = [size for size in (field.size if field is not None else None) or () if size is not None]
    return min(sizes) if sizes else None
