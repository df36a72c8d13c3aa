"""What a probe says of a receptive field: the records, and the words for what disagrees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from convcalc.analysis.analyze import measured
from convcalc.analysis.report import ReceptiveField
from convcalc.arithmetic.field import Field, Span
from convcalc.network import Node


class AxisCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One spatial axis of the input, as a node sees it.

    `agrees` is None where the axis was not probed; `reason` then says why. Where it is False it names the first
    position that disagrees, where it is True what was left out, if anything. `size`, `stride` and `start` are what was
    seen, None where no local path is left or the ends of the axis hide them. `is_global`: tags came by paths that see
    everything; None if that was not seen. `intervals` are what the output positions of a period were seen to see,
    where they are not all of one size and stride.
    """

    axis: int
    agrees: bool | None
    reason: str = ""
    size: int | None = None
    stride: Any = None
    start: int | None = None
    is_global: bool | None = None
    intervals: tuple[Span, ...] = ()


class FieldCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The receptive field of one node, claimed and probed.

    `agrees` is False if anything disagrees, None if nothing does and something was not probed; `reason` says what.
    `probed` is None where an axis has no measures.
    """

    name: str
    kind: str
    line: int
    claimed: ReceptiveField
    probed: ReceptiveField | None
    agrees: bool | None
    reason: str = ""
    axes: tuple[AxisCheck, ...] = ()


def together(node: Node, field: Field, axes: Sequence[AxisCheck]) -> FieldCheck:
    """The axes of a node as one check."""
    axes = axes[: len(field.axes)]
    is_global = _any(check.is_global for check in axes)
    problems = [check.reason for check in axes if check.agrees is False]
    if is_global is True and not field.is_global:
        problems.append("some positions are reached from everywhere, not claimed to be global")
    if is_global is False and field.is_global:
        problems.append("claimed to be global, but no position is reached from everywhere")
    left_out = [check.reason for check in axes if check.agrees is None]
    if is_global is None and not left_out:
        left_out.append("whether it is global was not seen")
    reasons = problems or left_out or [check.reason for check in axes if check.reason]
    return FieldCheck(
        name=node.name,
        kind=node.kind,
        line=node.line,
        claimed=measured(field, node.shape),
        probed=_probed(field, axes, is_global),
        agrees=False if problems else None if left_out else True,
        reason=reasons[0] if reasons else "",
        axes=tuple(axes),
    )


def _any(flags: Iterable[bool | None]) -> bool | None:
    found = set(flags)
    return True if True in found else None if None in found else False


def _probed(field: Field, axes: Sequence[AxisCheck], is_global: bool | None) -> ReceptiveField | None:
    measured = [local is None or check.size is not None for local, check in zip(field.axes, axes, strict=True)]
    if is_global is None or not all(measured):
        return None
    if axes and all(check.size is None for check in axes):
        return ReceptiveField(None, None, None, is_global)
    sizes, strides, starts = (tuple(getattr(each, name) for each in axes) for name in ("size", "stride", "start"))
    return ReceptiveField(sizes, strides, starts, is_global)


def differs(position: int, seen: Span, claimed: Span) -> str:
    """That an output position sees something else than is claimed."""
    return f"output position {position} sees {shown(seen)}, claimed {shown(claimed)}"


def shown(span: Span) -> str:
    """The interval in words."""
    if span is None:
        return "nothing"
    return f"input {span[0]}" if span[0] == span[1] else f"inputs {span[0]} to {span[1]}"
