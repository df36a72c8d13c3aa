"""The zoo as JSON: stable names, raw integers."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.zoo import ZooNetwork
from convcalc.views.formats.json import HEAD
from convcalc.views.output import Output


def write(networks: Sequence[ZooNetwork], out: Output) -> None:
    """All networks in one object."""
    out.record({**HEAD, "networks": networks})
