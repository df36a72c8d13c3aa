"""What a view of the battery gets, and what there is to show of it, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from convcalc.battery.findings import Column
from convcalc.battery.run import LABELS, Battery, KindResult
from convcalc.reference.rounding import STATED
from convcalc.views import words
from convcalc.views.marks import Marks

HEADERS: dict[Column, str] = {**LABELS, "elementwise_ops": "ops", "receptive_field": "field"}


class BatteryRun(msgspec.Struct, frozen=True):
    """What came of the battery, and how long it took."""

    battery: Battery
    seconds: float | None = None


def header(battery: Battery, column: Column) -> str:
    """What a column is called."""
    return battery.runtime if column == "values" else HEADERS[column]


def key(battery: Battery) -> list[str]:
    """What the marks mean."""
    first = "0: nothing claimed and nothing found; behind an identity's mark: how many were tried"
    return [first, f"{battery.runtime}: {STATED}"] if battery.runtime else [first]


def cell(result: KindResult, column: Column, mark: Marks) -> str:
    """A mark; with how many cases disagree, or how many identities were tried; 0 where nothing is claimed."""
    tally = result.columns[column]
    if tally.disagreements:
        return f"{mark.of(False)} {words.exact(tally.disagreements)}"
    if not tally.checked:
        return "0" if column in ("params", "macs", "elementwise_ops") else mark.of(None)
    return f"{mark.of(True)} {len(result.identities)}" if column == "identities" else mark.of(True)


def verdict(battery: Battery, seconds: float | None = None) -> str:
    """The last line: what was tried, and whether all is as claimed."""
    took = "" if seconds is None else f", {seconds:.1f} s"
    cases = sum(result.cases for result in battery.results)
    tried = f"{', '.join(_counts(battery))}, {words.exact(cases)} cases, seed {battery.seed}{took}"
    wrong = [result.name for result in battery.results if not result.agrees]
    if not wrong:
        gradients = ", every gradient compared is as differences have it" if battery.gradients else ""
        values = f", every value compared equals {battery.runtime}'s" if battery.runtime else ""
        return f"{tried}: every number measured is as claimed, every identity holds{gradients}{values}"
    return f"{tried}: {len(wrong)} disagree{'s' if len(wrong) == 1 else ''}: {', '.join(wrong)}"


def _counts(battery: Battery) -> Iterator[str]:
    groups = [result.group for result in battery.results]
    for group in dict.fromkeys(groups):
        count = groups.count(group)
        yield f"{count} {group}{'s' if count > 1 else ''}"
