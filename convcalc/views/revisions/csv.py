"""Files against a revision as CSV, raw integers: a line each."""

from __future__ import annotations

from convcalc.analysis.report import Report
from convcalc.analysis.revisions import Revised
from convcalc.views.formats import csv
from convcalc.views.output import Output
from convcalc.views.revisions import shared
from convcalc.views.revisions.shared import Revisions

COSTS = ("params", "macs", "peak_activation_bytes")


def write(revisions: Revisions, out: Output) -> None:
    """The table, with its header."""
    columns = [f"{cost}_{what}" for cost in COSTS for what in ("base", "head")]
    header = ["spec", "status", "moved_from", *columns, "layers_changed", "reason"]
    out.text(csv.text([header, *map(_cells, revisions.files)]))


def _cells(file: Revised) -> list[object]:
    compared = shared.comparison(file)
    base, head = (compared.base, compared.head) if compared is not None else _alone(file)
    totals = [getattr(report.totals, cost) if report is not None else "" for cost in COSTS for report in (base, head)]
    changed = len(compared.changes) if compared is not None else ""
    reason = shared.note(file) if file.status == "failed" else ""
    return [file.path, file.status, file.was, *totals, changed, reason]


def _alone(file: Revised) -> tuple[Report | None, Report | None]:
    return (file.report, None) if file.status == "deleted" else (None, file.report)
