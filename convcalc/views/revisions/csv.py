"""Files against a revision as CSV, raw integers: a line each."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from convcalc.analysis.report import Report
from convcalc.comparing.revisions import Revised
from convcalc.views.revisions import records

COSTS = ("params", "macs", "peak_activation_bytes")


def text(files: Sequence[Revised]) -> str:
    """The table, with its header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = [f"{cost}_{what}" for cost in COSTS for what in ("base", "head")]
    writer.writerow(["spec", "status", "moved_from", *columns, "layers_changed", "reason"])
    for file in files:
        compared = records.comparison(file)
        base, head = (compared.base, compared.head) if compared is not None else _alone(file)
        totals = [
            getattr(report.totals, cost) if report is not None else "" for cost in COSTS for report in (base, head)
        ]
        changed = len(compared.changes) if compared is not None else ""
        reason = records.note(file) if file.status == "failed" else ""
        writer.writerow([file.path, file.status, file.was, *totals, changed, reason])
    return out.getvalue()


def _alone(file: Revised) -> tuple[Report | None, Report | None]:
    return (file.report, None) if file.status == "deleted" else (None, file.report)
