"""The least time that a layer takes on a device: the roofline of Williams, Waterman and Patterson (2009)."""

from __future__ import annotations

from convcalc.analysis.report import Bound
from convcalc.analysis.terms import Terms
from convcalc.analysis.traffic import Traffic
from convcalc.network import Network, Node


def bound(
    network: Network, node: Node, terms: Terms, macs: int, elementwise_ops: int, traffic: Traffic
) -> Bound | None:
    """The bound of a layer, None where there is no device; the counts are for the whole batch."""
    if terms.device is None:
        return None
    raise NotImplementedError
