"""Findings as JSON: stable names, places from 1 in characters, null where there is none."""

from __future__ import annotations

from convcalc.linting.records import Crash, Finding, Linted, Run
from convcalc.version import __version__
from convcalc.views.formats.json import Record
from convcalc.views.lint import shared
from convcalc.views.output import Output

_VERSION = 1
_FIELDS = ("path", "line", "column", "end_column", "code", "name", "severity", "message", "help", "layer", "more")
_ABSENT = {"line", "column", "end_column", "layer"}
"""Fields that are null where a finding is of a whole file, or of no layer."""


def write(run: Run, out: Output) -> None:
    """The run as one object: its findings, how many there are, and rules that could not be run to their end.

    `more` is how many further layers of the same written one a finding holds for, `fix` what `--fix` would do.
    """
    out.record(
        {
            "version": _VERSION,
            "convcalc_version": __version__,
            "findings": [_finding(file, finding) for file in run.files for finding in file.findings],
            "summary": shared.summary(run),
            "internal_errors": [_crash(crash) for crash in run.crashed],
        }
    )


def _crash(crash: Crash) -> Record:
    fields = {name: getattr(crash, name) for name in ("code", "name", "path")}
    return {**fields, "layer": crash.layer or None, "message": crash.sentence}


def _finding(file: Linted, finding: Finding) -> Record:
    fields = {name: getattr(finding, name) for name in _FIELDS}
    fix = None
    if finding.fix is not None and file.source is not None:
        edits = [shared.change(file.source, edit) for edit in finding.fix.edits]
        fix = {"title": finding.fix.title, "edits": edits}
    return {**fields, **{name: fields[name] or None for name in _ABSENT}, "fix": fix}
