"""Findings as workflow commands of GitHub Actions, which it shows at the lines of a pull request.

GitHub shows ten of each kind a step, so errors come first, and a notice says how many more there are. The log shows the
messages alone, so each begins with its place.
"""

from __future__ import annotations

from convcalc.linting.records import Finding, Run
from convcalc.views.formats.github import command
from convcalc.views.lint import concise, shared
from convcalc.views.output import Output

IS_READ_BY_LINE = True
"""Whether other formats of this kind may follow on the same output."""
KINDS = {"error": "error", "warning": "warning", "info": "notice"}
MOST = 10
"""Annotations of a kind that GitHub shows of a step."""


def write(run: Run, out: Output) -> None:
    """One command a finding."""
    findings = shared.by_level(run.findings)
    kinds = [KINDS.get(finding.severity, "notice") for finding in findings]
    commands = [_annotation(finding) for finding in findings]
    hidden = {kind: max(0, kinds.count(kind) - MOST) for kind in dict.fromkeys(kinds)}
    if hidden.get("notice"):
        hidden["notice"] += 1  # whose place the notice takes that says so
    listed = ", ".join(shared.counted(number, kind) for kind, number in hidden.items() if number)
    if listed:
        more = f"{listed} more than GitHub shows; the log of this step has them all"
        first = next((place for place, kind in enumerate(kinds) if kind == "notice"), len(kinds))
        commands.insert(first, command("notice", {"title": "convcalc lint"}, more))
    crashed = [command("error", {"title": "convcalc lint"}, crash.sentence) for crash in run.crashed]
    out.utf8("".join(f"{line}\n" for line in (*crashed, *commands)))


def _annotation(finding: Finding) -> str:
    properties = {"title": f"convcalc {shared.rule(finding)}", "file": shared.from_root(finding.path)}
    if finding.line:
        line, column, end_column = map(str, (finding.line, finding.column, finding.end_column))
        properties |= {"line": line, "endLine": line, "col": column, "endColumn": end_column}
    advice = [f"help: {finding.help}"] if finding.help else []
    return command(KINDS.get(finding.severity, "notice"), properties, concise.line(finding), *advice)
