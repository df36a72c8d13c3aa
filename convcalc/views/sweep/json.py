"""Sweeps as JSON: stable names, exact numbers, a line for each point that is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcalc.language.source import Diagnostic
from convcalc.sweeping import values
from convcalc.sweeping.axes import Axis, Space
from convcalc.views.formats.json import HEAD, Record, filled, streamed
from convcalc.views.output import Output
from convcalc.views.sweep import shared
from convcalc.views.sweep.shared import Swept


def write(swept: Swept, out: Output) -> None:
    """One object; there may be a million rows, so they are written as they are made."""
    out.data(streamed(document(swept), "rows", _rows(swept)))


def write_failure(path: str, errors: list[Diagnostic], out: Output) -> None:
    """A network, or what is asked of it, that cannot be read."""
    out.record({**HEAD, "network": "", "spec": path, "errors": errors})


def document(swept: Swept) -> Record:
    """All but the rows. Decimals are numbers where a float has all their digits, else texts."""
    sweep = swept.sweep
    space = Space(sweep.axes)
    refusals = [
        {"code": refusal.code, "message": refusal.message, "count": refusal.count,
         "first": _point(space.point(refusal.first))}
        for refusal in sweep.refusals
    ]  # fmt: skip
    refused = [{"point": _point(point), "reason": reason} for point, reason in sweep.refused_points]
    return {
        **HEAD,
        "network": sweep.network,
        "spec": swept.path,
        "convention": sweep.convention,
        "axes": list(map(_axis, sweep.axes)),
        "where": sweep.where,
        "pareto": sweep.pareto,
        "sort": sweep.sort,
        "points": sweep.points,
        "done": sweep.done,
        "partial": sweep.is_partial,
        "satisfying": sweep.satisfying,
        "refused": sweep.refused,
        "refusals": refusals,
        **filled(refused_points=refused),
        "unmoved": sweep.unmoved,
        "seconds": sweep.seconds,
    }


def _axis(axis: Axis) -> Record:
    first, last = (plain(axis.values[place]) for place in (0, -1))
    return {"name": axis.name, "count": len(axis.values), "first": first, "last": last}


def _point(point: dict[str, Any]) -> Record:
    return {name: plain(value) for name, value in point.items()}


def plain(value: Any) -> Any:
    """A number of JSON that means the same to whoever reads floats; a text where there is none."""
    if isinstance(value, tuple | list):
        return list(map(plain, value))
    if value is None or isinstance(value, int | str | float) or not hasattr(value, "denominator"):
        return value
    from decimal import Decimal

    number = float(value) if abs(value) < 10**300 else 0.0
    return number if Decimal(repr(number)).as_integer_ratio() == value.as_integer_ratio() else values.text(value)


def _rows(swept: Swept) -> Iterator[Record]:
    sweep = swept.sweep
    names, count = list(sweep.columns), len(swept.swept)
    equals = shared.alike(sweep)
    for number, row in enumerate(shared.rows(sweep, lambda name, value: plain(value))):
        record = {"point": dict(zip(names[:count], row, strict=False))}
        record["totals"] = dict(zip(names[count:], row[count:], strict=True))
        yield {**record, "alike": equals[number]} if equals else record
