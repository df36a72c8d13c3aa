"""Findings as Markdown, for a comment on a pull request or the summary of a step.

The first line is a hidden marker by which a bot finds its own comment. Errors come first; GitHub takes 65,536
characters, so what does not fit is counted.
"""

from __future__ import annotations

from convcalc.linting.records import Finding, Run
from convcalc.views.formats.markdown import escaped
from convcalc.views.lint import shared
from convcalc.views.output import Output
from convcalc.visible import short

MARKER = "<!-- convcalc:lint -->"
LONGEST = 64_500
"""Bytes of a comment; what is counted in characters is then below 65,000 in any case."""
_LONGEST_CELL = 500
"""Characters of a message."""


def write(run: Run, out: Output) -> None:
    """A marker, a headline, and a row for each finding."""
    start = [MARKER, f"### convcalc lint: {shared.headline(run)}", ""]
    end = [f"{', '.join(shared.notes(run))}.  "] if shared.notes(run) else []
    end += [f"**{_cell(crash.sentence)}**  " for crash in run.crashed[:20]]
    rows = [_finding_row(finding) for finding in shared.by_level(run.findings)]
    if not rows:
        out.utf8("\n".join([*start, *end, ""]))
        return
    header = ["| | place | rule | finding |", "|:--|:--|:--|:--|"]
    room = LONGEST - len("\n".join([*start, *header, *end]).encode()) - 200
    kept = []
    for row in rows:
        room -= len(row.encode()) + 1
        if room < 0:
            break
        kept.append(row)
    left_out = len(rows) - len(kept)
    more = ["", f"{shared.counted(left_out, 'more finding')} left out: a comment may not be longer.  "]
    out.utf8("\n".join([*start, *header, *kept, *(more if left_out else []), "", *end, ""]))


def _finding_row(finding: Finding) -> str:
    where = _cell(finding.path) + (f":{finding.line}" if finding.line else "")
    advice = f"<br>_{_cell(finding.help)}_" if finding.help else ""
    return f"| {finding.severity} | {where} | {_cell(shared.rule(finding))} | {_cell(finding.message)}{advice} |"


def _cell(value: str) -> str:
    return escaped(short(value, _LONGEST_CELL))
