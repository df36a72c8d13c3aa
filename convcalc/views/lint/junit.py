"""Findings as a JUnit report: a suite for each file, a failed case for each finding, a passed one for a clean file."""

from __future__ import annotations

from convcalc.linting.records import Finding, Linted, Run
from convcalc.views.formats.xml import escaped, quoted
from convcalc.views.lint import shared
from convcalc.views.output import Output


def write(run: Run, out: Output) -> None:
    """One report of all files."""
    failed = sum(_fails(finding) for finding in run.findings)
    tests = sum(max(1, len(file.findings)) for file in run.files) + len(run.crashed)
    lines = ['<?xml version="1.0" encoding="utf-8"?>']
    lines.append(f'<testsuites name="convcalc lint" tests="{tests}" failures="{failed}" errors="{len(run.crashed)}">')
    for file in run.files:
        lines += _suite(file)
    if run.crashed:
        count = len(run.crashed)
        lines.append(f'  <testsuite name="convcalc" tests="{count}" failures="0" errors="{count}">')
        for crash in run.crashed:
            lines.append(f"    <testcase name={quoted(crash.code)} classname={quoted(crash.path)}>")
            lines += [f"      <error message={quoted(crash.sentence)}/>", "    </testcase>"]
        lines.append("  </testsuite>")
    out.utf8("\n".join([*lines, "</testsuites>", ""]))


def _fails(finding: Finding) -> bool:
    return finding.severity != "info"


def _suite(file: Linted) -> list[str]:
    failed = sum(map(_fails, file.findings))
    tests = max(1, len(file.findings))
    lines = [f'  <testsuite name={quoted(file.path)} tests="{tests}" failures="{failed}" errors="0">']
    for finding in file.findings:
        lines += _case(finding)
    if not file.findings:
        lines.append(f'    <testcase name="lint" classname={quoted(file.path)} file={quoted(file.path)}/>')
    return [*lines, "  </testsuite>"]


def _case(finding: Finding) -> list[str]:
    where = f" in line {finding.line}" if finding.line else ""
    layer = f": {finding.layer}" if finding.layer else ""
    line = f' line="{finding.line}"' if finding.line else ""
    name, path = quoted(shared.rule(finding) + where + layer), quoted(finding.path)
    lines = [f"    <testcase name={name} classname={path} file={path}{line}>"]
    advice = [f"help: {finding.help}"] if finding.help else []
    text = escaped(f"{shared.place(finding)}: {finding.message}", *advice)
    if _fails(finding):
        lines.append(f'      <failure type="{finding.severity}" message={quoted(finding.message)}>{text}</failure>')
    else:
        lines.append(f"      <system-out>{text}</system-out>")
    return [*lines, "    </testcase>"]
