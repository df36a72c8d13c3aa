"""What there is to show of files against a revision, whatever the format."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.compare import Comparison
from convcalc.analysis.report import Report
from convcalc.comparing.revisions import Revised
from convcalc.views import words
from convcalc.views.comparison import records

MARKS = {"changed": "~", "added": "+", "deleted": "-", "failed": "!", "unchanged": ""}
FAILED = "with errors"


def headline(files: Sequence[Revised], revision: str) -> str:
    """2 changed, 1 added, 3 unchanged since origin/main."""
    counts = {status: sum(file.status == status for file in files) for status in MARKS}
    parts = [f"{count} {FAILED if status == 'failed' else status}" for status, count in counts.items() if count]
    return f"{', '.join(parts)} since {revision}"


def comparison(file: Revised) -> Comparison | None:
    """The two sides of a file that was there and is."""
    return file.sides.entries[0].comparison if file.sides is not None else None


def name(file: Revised) -> str:
    """The path, and what it was before where it was moved."""
    return records.between(file.was, file.path) if file.was else file.path


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
    return _total(compared.head, cost), records.exactly(delta.delta) if delta.delta else "", records.percent(delta)


def _total(report: Report, cost: str) -> str:
    return words.at_least(words.exact(getattr(report.totals, cost)), len(report.uncosted))


def field(file: Revised) -> str:
    """The receptive field, before and after where it changed."""
    compared = comparison(file)
    if compared is None:
        return words.field(file.report.receptive_field) if file.report is not None else ""
    return records.between(*(words.field(report.receptive_field) for report in (compared.base, compared.head)))


def cells(file: Revised) -> list[str]:
    """A row: mark, path, params and MACs with their changes, field, note."""
    return [MARKS[file.status], name(file), *costs(file, "params"), *costs(file, "macs"), field(file), note(file)]


HEADERS = ("", "spec", "params", "change", "%", "MACs", "change", "%", "field", "")


def convention(files: Sequence[Revised]) -> str:
    """What is counted; nothing where no file could be read."""
    reports = [file.report or (compared.head if (compared := comparison(file)) is not None else None) for file in files]
    return next((words.convention(report) for report in reports if report is not None), "")
