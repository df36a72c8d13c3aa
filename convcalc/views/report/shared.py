"""What a view of report gets."""

from __future__ import annotations

import msgspec

from convcalc.analysis.report import Report
from convcalc.analysis.sides import Sides


class Depicted(msgspec.Struct, frozen=True):
    """A network to be shown, with the name under which it was asked for."""

    path: str
    report: Report


class SideBySide(msgspec.Struct, frozen=True):
    """Networks that are compared with the first; `networks` are that and those that could be had, in their order."""

    sides: Sides
    networks: tuple[Depicted, ...]
