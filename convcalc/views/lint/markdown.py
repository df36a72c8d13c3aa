"""Findings as Markdown, for a comment on a pull request or the summary of a step.

The first line is a hidden marker by which a bot finds its own comment. Errors come first; what does not fit is counted.
"""

from __future__ import annotations

from convcalc.linting.records import Finding, Run
from convcalc.views.comments import Section, fitted
from convcalc.views.formats.markdown import escaped
from convcalc.views.lint import shared
from convcalc.views.output import Output
from convcalc.visible import short

MARKER = "<!-- convcalc:lint -->"
_LONGEST_CELL = 500
"""Characters of a message."""


def write(run: Run, out: Output) -> None:
    """A marker, a headline, and a row for each finding."""
    start = [MARKER, f"### convcalc lint: {shared.headline(run)}", ""]
    end = [f"{', '.join(shared.notes(run))}.  "] if shared.notes(run) else []
    end += [f"**{_cell(crash.sentence)}**  " for crash in run.crashed[:20]]
    rows = [_finding_row(finding) for finding in shared.by_level(run.findings)]
    section = Section(["| | place | rule | finding |", "|:--|:--|:--|:--|"], rows, what="finding")
    out.utf8(fitted(start, [section], end))


def _finding_row(finding: Finding) -> str:
    where = _cell(finding.path) + (f":{finding.line}" if finding.line else "")
    advice = f"<br>_{_cell(finding.help)}_" if finding.help else ""
    return f"| {finding.severity} | {where} | {_cell(shared.rule(finding))} | {_cell(finding.message)}{advice} |"


def _cell(value: str) -> str:
    return escaped(short(value, _LONGEST_CELL))
