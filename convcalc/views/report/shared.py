"""What a view of report gets."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from convcalc.analysis.report import Report
from convcalc.analysis.sides import Sides
from convcalc.linting.records import Finding
from convcalc.views.formats.json import Record
from convcalc.views.pictures.visible import seen


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


MOST_NODES = 1_000
"""Nodes of a graph that is laid out: more take long, and nobody finds a way through them."""


def check_size(network: Record, open_parts: Collection[int]) -> None:
    """Refuse to lay out a network, given as its record, of which too much is seen while these parts are open.

    Raises:
        TooLargeToDraw: it is.
    """
    if not open_parts:  # no level has more than a few dozen parts
        return
    count = len(seen(network, open_parts).nodes)
    if count > MOST_NODES:
        raise TooLargeToDraw(
            f"--open: a graph of at most {MOST_NODES:,} nodes can be looked at, and this one has {count:,}: "
            "open fewer blocks"
        )
