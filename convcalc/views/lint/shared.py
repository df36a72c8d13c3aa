"""What there is to show of findings, whatever the format: how many there are, and where."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache

import msgspec

from convcalc.language.source import Edit, Source
from convcalc.linting.records import Finding, Run
from convcalc.visible import visible

LEVELS = ("error", "warning", "info")
"""From what matters most to what matters least."""


class Summary(msgspec.Struct, frozen=True):
    """How much was found, and in how many files."""

    files: int
    files_with_findings: int
    findings: int
    errors: int
    warnings: int
    infos: int
    suppressed: int
    fixable: int


def summary(run: Run) -> Summary:
    """The counts of a run."""
    findings = run.findings
    levels = [finding.severity for finding in findings]
    return Summary(
        files=len(run.files),
        files_with_findings=sum(bool(file.findings) for file in run.files),
        findings=len(findings),
        errors=levels.count("error"),
        warnings=levels.count("warning"),
        infos=levels.count("info"),
        suppressed=sum(file.suppressed for file in run.files),
        fixable=sum(finding.fix is not None for finding in findings),
    )


def counted(number: int, what: str) -> str:
    """1 finding, 2 findings."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def headline(run: Run) -> str:
    """3 findings (1 error, 2 warnings) in 2 of 5 files."""
    counts = summary(run)
    if not counts.findings:
        return f"no findings in {counted(counts.files, 'file')}"
    parts = [(counts.errors, "error"), (counts.warnings, "warning")]
    levels = [counted(number, what) for number, what in parts if number]
    levels += [f"{counts.infos:,} info"] if counts.infos else []
    some = f"{counts.files_with_findings:,} of " if counts.files_with_findings < counts.files else ""
    return f"{counted(counts.findings, 'finding')} ({', '.join(levels)}) in {some}{counted(counts.files, 'file')}"


def notes(run: Run) -> list[str]:
    """What can be done about it, and what was left out."""
    counts = summary(run)
    remarks = [f"{counts.fixable:,} can be fixed with --fix"] if counts.fixable else []
    return [*remarks, *([f"{counts.suppressed:,} suppressed"] if counts.suppressed else [])]


def place(finding: Finding) -> str:
    """path:line:col; the path alone where the whole file is meant."""
    where = f":{finding.line}:{finding.column}" if finding.line else ""
    return f"{visible(finding.path)}{where}"


def rule(finding: Finding) -> str:
    """CC206 dead-taps."""
    return f"{finding.code} {finding.name}".rstrip()


def by_level(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first; within a level as they came."""
    return sorted(findings, key=lambda finding: LEVELS.index(finding.severity) if finding.severity in LEVELS else 3)


@cache
def _root() -> str:
    """The folder of the repository around the working directory, or that itself."""
    start = folder = os.path.realpath(os.curdir)
    while not os.path.exists(os.path.join(folder, ".git")):
        folder, before = os.path.dirname(folder), folder
        if folder == before:
            return start
    return folder


def from_root(path: str) -> str:
    """A path as the repository knows it, with /, symbolic links resolved; as it is where it is outside."""
    if not os.path.exists(path):
        return path.replace(os.sep, "/")
    relative = os.path.relpath(os.path.realpath(path), _root())
    inside = not relative.startswith(os.pardir + os.sep) and relative != os.pardir
    return (relative if inside else path).replace(os.sep, "/")


class TextChange(msgspec.Struct, frozen=True):
    """An edit by line and column, both from 1, in characters; the end is not included."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


def change(source: Source, edit: Edit) -> TextChange:
    """Where in a text an edit is."""
    return TextChange(*_position(source, edit.start), *_position(source, edit.end), edit.text)


def _position(source: Source, index: int) -> tuple[int, int]:
    line = source.line(index)
    return line, index - source.line_at(line)[1] + 1
