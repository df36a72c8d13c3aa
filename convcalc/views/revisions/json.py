"""Files against a revision as JSON: an array, each as one comparison is, with what became of it."""

from __future__ import annotations

from convcalc.analysis.lines import By
from convcalc.analysis.revisions import Revised
from convcalc.views.analyze import json as reports
from convcalc.views.compare.json import heads
from convcalc.views.formats.json import HEAD, Record, filled
from convcalc.views.output import Output
from convcalc.views.revisions.shared import Revisions


def write(revisions: Revisions, out: Output) -> None:
    """A record a file: base is null where it is new, head where it is deleted, both where it failed."""
    for file in revisions.files:
        what = {"spec": file.path, "revision": revisions.revision, "status": file.status}
        more = filled(moved_from=file.was, reason=file.reason, errors=file.problems)
        out.record({**HEAD, **what, **_compared(file, revisions.by), **more})


def _compared(file: Revised, by: By) -> Record:
    if file.sides is not None:
        (head,) = heads(file.sides, by)
        return {
            "base": reports.document(file.sides.base, file.sides.path),
            "head": head["head"],
            **filled(diff=head["diff"]),
        }
    alone = reports.document(file.report, file.path) if file.report is not None else None
    return {"base": alone, "head": None} if file.status == "deleted" else {"base": None, "head": alone}
