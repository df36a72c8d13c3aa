"""What a view of analyze gets."""

from __future__ import annotations

import msgspec

from convcalc.analysis.latency import Latency
from convcalc.analysis.lines import Line
from convcalc.analysis.report import Report
from convcalc.language.source import Diagnostic
from convcalc.views import words


class Analyzed(msgspec.Struct, frozen=True):
    """The report of a spec, as far as it could be worked out in spite of `errors`, and the lines to show of it.

    `is_folded`: the lines are blocks or kinds, or not all of them. `latency` is what a table of times says of it.
    """

    path: str
    report: Report
    lines: list[Line]
    errors: list[Diagnostic]
    is_folded: bool
    latency: Latency | None = None

    @property
    def notes(self) -> list[str]:
        """What a reader should know beside the numbers."""
        return words.notes(self.report) + words.measured(self.report, self.latency)
