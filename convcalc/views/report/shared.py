"""What a view of report gets."""

from __future__ import annotations

import msgspec

from convcalc.analysis.report import Report


class Depicted(msgspec.Struct, frozen=True):
    """A network to be shown, with the name under which it was asked for, and the command that shows it again."""

    path: str
    report: Report
    command: str = ""
