"""Receptive fields probed: which input positions reach an output position, seen on tensors and held against the claim.

A NaN at one input position is passed on by everything that reads it. What is run are the kinds' own `reference`
functions; of the claims only their periods are used, to choose how long an axis must be.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from convcalc.analysis.analyze import measured, receptive_fields
from convcalc.analysis.report import ReceptiveField
from convcalc.arithmetic.field import Span
from convcalc.network import Network


class AxisCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One spatial axis of the input, as a node sees it.

    `agrees` is None where the axis was not probed; `reason` then says why, and the first position that disagrees where
    it is False. `intervals` are what the output positions of one period were seen to see.
    """

    axis: int
    agrees: bool | None
    reason: str = ""
    intervals: tuple[Span, ...] = ()


class FieldCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The receptive field of one node, claimed and probed.

    `agrees` is False if anything disagrees, None if nothing does and something was not probed.
    """

    name: str
    kind: str
    line: int
    claimed: ReceptiveField
    probed: ReceptiveField | None
    agrees: bool | None
    reason: str = ""
    axes: tuple[AxisCheck, ...] = ()


Progress = Callable[[int, int], None]
"""Told how many of how many steps are done."""


def probe(network: Network, *, thin: bool = True, progress: Progress | None = None) -> list[FieldCheck]:
    """The fields of all nodes, inputs among them, held against what tensors show.

    `thin` runs every layer with one channel and one axis; without it all channels and axes are there, which is for
    small networks.
    """
    fields, _ = receptive_fields(network)
    return [
        FieldCheck(
            name=node.name,
            kind=node.kind,
            line=node.line,
            claimed=measured(field, node.shape),
            probed=None,
            agrees=None,
            reason="not probed",
        )
        for node, field in zip(network.nodes, fields, strict=True)
    ]
