"""Linting in tests: texts, files and the command line, each on its own and unconfigured unless said otherwise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
from command_line import application
from typer.testing import CliRunner

from convcalc.language import Source
from convcalc.linting.options import Options
from convcalc.linting.records import Finding, Linted
from convcalc.linting.run import Linter

UNCONFIGURED = str(Path(__file__).parent / "data" / "unconfigured.toml")
TRACEBACK = re.compile(r"Traceback|Exception|File \"")


def lint_text(text: str, **options: Any) -> Linted:
    """What is found in a text that is no file."""
    linter = Linter(Options(**{"config": UNCONFIGURED} | options))
    return linter.file("net.yaml", Source("net.yaml", text))


def brief(linted: Linted) -> list[str]:
    """Place and code of each finding."""
    return [f"{finding.line}:{finding.column} {finding.code}" for finding in linted.findings]


def marked(text: str, finding: Finding) -> str:
    """The characters that a finding marks."""
    return text.splitlines()[finding.line - 1][finding.column - 1 : finding.end_column - 1]


class Result(msgspec.Struct):
    code: int
    out: str
    err: str


def command(*arguments: str, given: str = "") -> Result:
    """`convcalc lint`, outside of any CI, with findings in one line each."""
    formats = (
        [] if any(word in arguments for word in ("--format", "--suggest-budget", "--diff")) else ["--format", "concise"]
    )
    environment = {"GITHUB_ACTIONS": None, "COLUMNS": "200"}
    result = CliRunner().invoke(application(), ["lint", *arguments, *formats], input=given, env=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert not TRACEBACK.search(result.output)
    return Result(result.exit_code, result.stdout, result.stderr)
