"""Sheets as JSON: stable names, raw integers."""

from __future__ import annotations

from convcalc.language.source import Diagnostic
from convcalc.views.counts.shared import Sheet
from convcalc.views.formats.json import HEAD
from convcalc.views.output import Output


def write(sheet: Sheet, out: Output) -> None:
    """The record of the sheet."""
    out.record({**HEAD, **sheet.record})


def write_failure(path: str, errors: list[Diagnostic], out: Output) -> None:
    """A network that could not be read."""
    out.record({**HEAD, "model": "", "spec": path, "tools": (), "errors": errors})
