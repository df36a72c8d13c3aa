"""Sheets as CSV, raw integers: one header for all that have the same."""

from __future__ import annotations

from convcalc.views.counts.shared import Sheet
from convcalc.views.formats import csv
from convcalc.views.output import Output


def write(sheet: Sheet, out: Output) -> None:
    """The rows, with the header for the first."""
    out.text(csv.text(sheet.rows if out.shown else [sheet.header, *sheet.rows]))
    out.shown += 1
