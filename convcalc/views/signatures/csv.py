"""Signatures as CSV: a line each, how many layers have it, and room for a time in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping

from convcalc.analysis.latency import COLUMNS
from convcalc.views.formats import csv
from convcalc.views.output import Output


def write(counts: Mapping[str, int], out: Output) -> None:
    """The table, with its header."""
    out.text(csv.text([COLUMNS, *((name, count, "") for name, count in counts.items())]))
