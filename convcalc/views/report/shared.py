"""What a view of report gets."""

from __future__ import annotations

import msgspec

from convcalc.analysis.report import Report
from convcalc.analysis.sides import Sides
from convcalc.linting.records import Finding


class Depicted(msgspec.Struct, frozen=True):
    """A network to be shown, with the name under which it was asked for.

    `open` are the places of the parts of its outline that are open, `color_by` is what its graph is coloured by.
    `command` is what shows it again, `findings` are what lint finds, where somebody looks at them.
    """

    path: str
    report: Report
    open: tuple[int, ...] = ()
    color_by: str = "macs"
    command: str = ""
    findings: tuple[Finding, ...] = ()


class SideBySide(msgspec.Struct, frozen=True):
    """Networks that are compared with the first; `networks` are that and those that could be had, in their order."""

    sides: Sides
    networks: tuple[Depicted, ...]


class TooLargeToDraw(Exception):
    """What is to draw the picture takes no more; the message says the limit, and what to do."""
