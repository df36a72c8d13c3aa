"""What lint found in some files: a line a finding."""

from __future__ import annotations

from typing import Any

from convcalc.frames import Form, dataframe, typed
from convcalc.linting.records import Run
from convcalc.views.notebook import shared
from convcalc.views.notebook.markup import page, table

_COLUMNS = {
    "path": Form.TEXT,
    "line": Form.WHOLE,
    "column": Form.WHOLE,
    "end_column": Form.WHOLE,
    **dict.fromkeys(("code", "name", "severity", "message", "help", "layer"), Form.TEXT),
    "more": Form.WHOLE,
}


def line(run: Run) -> str:
    """How many findings of which severity."""
    findings = run.findings
    severities = [finding.severity for finding in findings]
    counts = [f"{severities.count(severity)} {severity}" for severity in dict.fromkeys(severities)]
    listed = f" ({', '.join(counts)})" if counts else ""
    crashed = [f"{shared.counted(len(run.crashed), 'rule')} not run to the end"] if run.crashed else []
    parts = [f"{shared.counted(len(findings), 'finding')}{listed}", *crashed]
    return f"of {shared.counted(len(run.files), 'file')}: {', '.join(parts)}"


def html(run: Run) -> str:
    """Each finding with its place and what to do."""
    rows = [
        (
            f"{finding.path}:{finding.line}:{finding.column}" if finding.line else finding.path,
            *(f"{finding.severity} {finding.code}", finding.layer, finding.message, finding.help),
        )
        for finding in run.findings
    ]
    crashes = [crash.sentence for crash in run.crashed]
    header = ("place", "finding", "layer", "message", "help")
    return page(table("", header, "lllll", rows) if rows else "", totals=[f"lint {line(run)}"], notes=crashes)


def document(run: Run) -> bytes:
    """As `convcalc lint` prints it."""
    return shared.document("lint", run)


def frame(run: Run) -> Any:
    """A row a finding."""
    return dataframe(typed(_COLUMNS, ([getattr(finding, name) for name in _COLUMNS] for finding in run.findings)))
