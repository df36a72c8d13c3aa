"""Findings, one line each: ``path:line:col: warning[CC206]: message``."""

from __future__ import annotations

from convcalc.linting.records import Finding, Run
from convcalc.views.lint import shared
from convcalc.views.output import Output
from convcalc.visible import visible

IS_READ_BY_LINE = True
"""Whether other formats of this kind may follow on the same output."""


def write(run: Run, out: Output) -> None:
    """One line a finding, and nothing else."""
    out.text("".join(f"{line(finding)}\n" for finding in run.findings))


def line(finding: Finding) -> str:
    """A finding as ``file:line:column: severity[code]: message``."""
    return f"{shared.place(finding)}: {finding.severity}[{finding.code}]: {visible(finding.message)}"
