"""Findings as JSON: stable names, places from 1 in characters, null where there is none."""

from __future__ import annotations

import msgspec

from convcalc.linting.records import Finding, Linted, Run
from convcalc.version import __version__
from convcalc.views.formats.json import encoded
from convcalc.views.lint import common

VERSION = 1


class Fix(msgspec.Struct, frozen=True):
    """What `--fix` would do."""

    title: str
    edits: list[common.Change]


class Found(msgspec.Struct, frozen=True):
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
    fix: Fix | None


class Failure(msgspec.Struct, frozen=True):
    """A rule that could not be run to its end, which is a fault of convcalc."""

    code: str
    name: str
    path: str
    layer: str | None
    message: str


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of a run."""

    version: int = VERSION
    convcalc_version: str = __version__
    findings: list[Found]
    summary: common.Summary
    internal_errors: list[Failure]


def text(run: Run) -> str:
    """The run as one object."""
    document = Document(
        findings=[_found(file, finding) for file in run.files for finding in file.findings],
        summary=common.summary(run),
        internal_errors=[
            Failure(crash.code, crash.name, crash.path, crash.layer or None, crash.sentence) for crash in run.crashed
        ],
    )
    return encoded(document).decode() + "\n"


def _found(file: Linted, finding: Finding) -> Found:
    fix = None
    if finding.fix is not None and file.source is not None:
        fix = Fix(finding.fix.title, [common.change(file.source, edit) for edit in finding.fix.edits])
    return Found(
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
