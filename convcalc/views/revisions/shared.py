"""What a view of files against a revision gets, and what there is to show of them, whatever the format."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convcalc.analysis.compare import Comparison
from convcalc.analysis.lines import By
from convcalc.analysis.report import Report
from convcalc.analysis.revisions import Revised
from convcalc.views import words
from convcalc.views.compare import shared as comparisons

MARKS = {"changed": "~", "added": "+", "deleted": "-", "failed": "!", "unchanged": ""}
FAILED = "with errors"


class Revisions(msgspec.Struct, frozen=True):
    """What became of files since a revision, and whether a line is a layer, a block or a kind."""

    files: Sequence[Revised]
    revision: str
    by: By = "layer"


def headline(revisions: Revisions) -> str:
    """2 changed, 1 added, 3 unchanged since origin/main."""
    counts = {status: sum(file.status == status for file in revisions.files) for status in MARKS}
    parts = [f"{count} {FAILED if status == 'failed' else status}" for status, count in counts.items() if count]
    return f"{', '.join(parts)} since {revisions.revision}"


def comparison(file: Revised) -> Comparison | None:
    """The two sides of a file that was there and is."""
    return file.sides.candidates[0].comparison if file.sides is not None else None


def name(file: Revised) -> str:
    """The path, and what it was before where it was moved."""
    return comparisons.between(file.was, file.path) if file.was else file.path


def note(file: Revised) -> str:
    """What a row says beside its numbers."""
    if file.status == "failed":
        problem = next(iter(file.problems), None)
        where = f"{problem.path}:{problem.line}:{problem.column}: " if problem is not None and problem.line else ""
        more = len(file.problems) - 1
        return f"{where}{file.reason}{f' (and {more} more)' if more > 0 else ''}"
    if file.was:
        compared = comparison(file)
        return "moved" if compared is not None and compared.changes else "moved, otherwise unchanged"
    return {"added": "new", "deleted": "deleted"}.get(file.status, "")


def costs(file: Revised, cost: str) -> tuple[str, str, str]:
    """A total as it is, or was where the file is deleted; its change, and that in percent."""
    compared = comparison(file)
    if compared is None:
        return (_total(file.report, cost), "", "") if file.report is not None else ("", "", "")
    delta = getattr(compared.totals, cost)
    return (
        _total(compared.head, cost),
        comparisons.exactly(delta.delta) if delta.delta else "",
        comparisons.percent(delta),
    )


def _total(report: Report, cost: str) -> str:
    return words.at_least(words.exact(getattr(report.totals, cost)), len(report.uncosted))


def field(file: Revised) -> str:
    """The receptive field, before and after where it changed."""
    compared = comparison(file)
    if compared is None:
        return words.field(file.report.receptive_field) if file.report is not None else ""
    return comparisons.between(*(words.field(report.receptive_field) for report in (compared.base, compared.head)))


def cells(file: Revised) -> list[str]:
    """A row: mark, path, params and MACs with their changes, field, note."""
    return [MARKS[file.status], name(file), *costs(file, "params"), *costs(file, "macs"), field(file), note(file)]


HEADERS = ("", "spec", "params", "change", "%", "MACs", "change", "%", "field", "")


def convention(files: Sequence[Revised]) -> str:
    """What is counted; nothing where no file could be read."""
    reports = [file.report or (compared.head if (compared := comparison(file)) is not None else None) for file in files]
    return next((words.convention(report.convention) for report in reports if report is not None), "")
