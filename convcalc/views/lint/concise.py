"""Findings, one line each: ``path:line:col: warning[CC206]: message``."""

from __future__ import annotations

from convcalc.linting.records import Finding, Run
from convcalc.views.lint import common
from convcalc.visible import visible


def text(run: Run) -> str:
    """One line a finding, and nothing else."""
    return "".join(f"{line(finding)}\n" for finding in run.findings)


def line(finding: Finding) -> str:
    """A finding as ``file:line:column: severity[code]: message``."""
    return f"{common.place(finding)}: {finding.severity}[{finding.code}]: {visible(finding.message)}"
