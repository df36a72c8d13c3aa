"""Findings as JSON: stable names, places from 1 in characters, null where there is none."""

from __future__ import annotations

import msgspec

from convcalc.linting.records import Finding, Linted, Run
from convcalc.version import __version__
from convcalc.views.lint import shared
from convcalc.views.output import Output

VERSION = 1


class FindingFix(msgspec.Struct, frozen=True):
    """What `--fix` would do."""

    title: str
    edits: list[shared.TextChange]


class FindingRecord(msgspec.Struct, frozen=True):
    """One finding; `more` is how many further layers of the same written one it holds for."""

    path: str
    line: int | None
    column: int | None
    end_column: int | None
    code: str
    name: str
    severity: str
    message: str
    help: str
    layer: str | None
    more: int
    fix: FindingFix | None


class Crash(msgspec.Struct, frozen=True):
    """A rule that could not be run to its end, which is a fault of convcalc."""

    code: str
    name: str
    path: str
    layer: str | None
    message: str


class RunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of a run."""

    version: int = VERSION
    convcalc_version: str = __version__
    findings: list[FindingRecord]
    summary: shared.Summary
    internal_errors: list[Crash]


def write(run: Run, out: Output) -> None:
    """The run as one object."""
    document = RunDocument(
        findings=[_record(file, finding) for file in run.files for finding in file.findings],
        summary=shared.summary(run),
        internal_errors=[
            Crash(crash.code, crash.name, crash.path, crash.layer or None, crash.sentence) for crash in run.crashed
        ],
    )
    out.record(document)


def _record(file: Linted, finding: Finding) -> FindingRecord:
    fix = None
    if finding.fix is not None and file.source is not None:
        fix = FindingFix(finding.fix.title, [shared.change(file.source, edit) for edit in finding.fix.edits])
    return FindingRecord(
        path=finding.path,
        line=finding.line or None,
        column=finding.column or None,
        end_column=finding.end_column or None,
        code=finding.code,
        name=finding.name,
        severity=finding.severity,
        message=finding.message,
        help=finding.help,
        layer=finding.layer or None,
        more=finding.more,
        fix=fix,
    )
