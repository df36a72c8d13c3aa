"""Files against a revision as JSON: an array, each as one comparison is, with what became of it."""

from __future__ import annotations

from convcalc.analysis.lines import By
from convcalc.analysis.revisions import Revised, Status
from convcalc.language.source import Diagnostic
from convcalc.views.analyze import json as reports
from convcalc.views.analyze.json import ReportDocument
from convcalc.views.compare.json import Diff, heads
from convcalc.views.formats.json import Document
from convcalc.views.output import Output
from convcalc.views.revisions.shared import Revisions


class _RevisionDocument(Document, frozen=True, kw_only=True, omit_defaults=True):
    """One file: base is null where it is new, head where it is deleted, both where it failed."""

    spec: str
    revision: str
    status: Status
    base: ReportDocument | None
    head: ReportDocument | None
    diff: Diff | None = None
    moved_from: str = ""
    reason: str = ""
    errors: list[Diagnostic] | None = None


def write(revisions: Revisions, out: Output) -> None:
    """A record a file."""
    for file in revisions.files:
        out.record(_document(file, revisions.revision, revisions.by))


def _document(file: Revised, revision: str, by: By) -> _RevisionDocument:
    base = head = diff = None
    if file.sides is not None:
        base = reports.document(file.sides.base, file.sides.path)
        (compared,) = heads(file.sides, by)
        head, diff = compared.head, compared.diff
    elif file.report is not None:
        alone = reports.document(file.report, file.path)
        base, head = (alone, None) if file.status == "deleted" else (None, alone)
    return _RevisionDocument(
        spec=file.path,
        revision=revision,
        status=file.status,
        base=base,
        head=head,
        diff=diff,
        moved_from=file.was,
        reason=file.reason,
        errors=list(file.problems) or None,
    )
