"""What a view of report gets."""

from __future__ import annotations

import msgspec

from convcalc.analysis.report import Report
from convcalc.linting.records import Finding


class Depicted(msgspec.Struct, frozen=True):
    """A network to be shown, with the name under which it was asked for, and what lint finds in it."""

    path: str
    report: Report
    findings: tuple[Finding, ...] = ()
