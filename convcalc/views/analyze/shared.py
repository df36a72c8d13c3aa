"""What a view of analyze gets."""

from __future__ import annotations

import msgspec

from convcalc.analysis.latency import Latency
from convcalc.analysis.lines import Line
from convcalc.analysis.report import Report
from convcalc.language.source import Diagnostic
from convcalc.views import words
from convcalc.views.figures import Columns


class Analyzed(msgspec.Struct, frozen=True):
    """The report of a spec, as far as it could be worked out in spite of `errors`, and the lines to show of it.

    `is_folded`: the lines are blocks or kinds, or not all of them. `latency` is what a table of times says of it,
    `columns` are those that a table shows.
    """

    path: str
    report: Report
    lines: list[Line]
    errors: list[Diagnostic]
    is_folded: bool
    latency: Latency | None = None
    columns: Columns = Columns()

    @property
    def notes(self) -> list[str]:
        """What a reader should know beside the numbers."""
        return [
            *self.of_tool,
            *self.columns.notes(self.report),
            *words.notes(self.report),
            *words.measured(self.report, self.latency),
        ]

    @property
    def of_tool(self) -> list[str]:
        """What the other tool prints, and what must be known of that."""
        counted = self.report.counted
        if counted is None:
            return []
        from convcalc.views import tool_counts

        return tool_counts.beside(self.report.written, counted)
