"""Findings as JSON: stable names, places from 1 in characters, null where there is none."""

from __future__ import annotations

import msgspec

from convcalc.linting.records import Finding, Linted, Run
from convcalc.version import __version__
from convcalc.views.lint import shared
from convcalc.views.output import Output

_VERSION = 1


class _FindingFix(msgspec.Struct, frozen=True):
    """What `--fix` would do."""

    title: str
    edits: list[shared.TextChange]


class _FindingRecord(msgspec.Struct, frozen=True):
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
    fix: _FindingFix | None


class _CrashRecord(msgspec.Struct, frozen=True):
    """A rule that could not be run to its end, which is a fault of convcalc."""

    code: str
    name: str
    path: str
    layer: str | None
    message: str


class _RunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of a run."""

    version: int = _VERSION
    convcalc_version: str = __version__
    findings: list[_FindingRecord]
    summary: shared.Summary
    internal_errors: list[_CrashRecord]


def write(run: Run, out: Output) -> None:
    """The run as one object."""
    document = _RunDocument(
        findings=[_record(file, finding) for file in run.files for finding in file.findings],
        summary=shared.summary(run),
        internal_errors=[
            _CrashRecord(crash.code, crash.name, crash.path, crash.layer or None, crash.sentence)
            for crash in run.crashed
        ],
    )
    out.record(document)


def _record(file: Linted, finding: Finding) -> _FindingRecord:
    fix = None
    if finding.fix is not None and file.source is not None:
        fix = _FindingFix(finding.fix.title, [shared.change(file.source, edit) for edit in finding.fix.edits])
    return _FindingRecord(
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
