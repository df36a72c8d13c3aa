"""What a probe says of a receptive field: the records, and the words for what disagrees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from convcalc.analysis.analyze import measured
from convcalc.analysis.report import ReceptiveField
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.spans import Span
from convcalc.network import Node

UNAFFORDABLE = "it takes more steps than this run has left"
"""Why something that can be probed was not."""


class AxisCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One spatial axis of the input, as a node sees it.

    `agrees` is None where the axis was not probed; `reason` then says why. Where it is False it names the first
    position that disagrees, where it is True what was left out, if anything. `size`, `stride` and `start` are what was
    seen, None where no local path is left or the ends of the axis hide them. `is_global`: every position of the axis
    arrived by paths that are not local; None if that was not looked at. `intervals` are what the output positions of a
    period were seen to see, where they are not all of one size and stride.
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
    """What the probes of single axes add up to: if any disagrees, so does the node; if any was left out, it is open."""
    axes = axes[: len(field.axes)]
    is_global = _is_global(field, axes)
    problems = [check.reason for check in axes if check.agrees is False]
    left_out = [check.reason for check in axes if check.agrees is None]
    claimed = measured(field, node.shape)
    reasons = problems or left_out or [check.reason for check in axes if check.reason]
    return FieldCheck(
        name=node.name,
        kind=node.kind,
        line=node.line,
        claimed=claimed,
        probed=_probed(field, claimed, axes, is_global),
        agrees=False if problems else None if left_out else True,
        reason=reasons[0] if reasons else "",
        axes=tuple(axes),
    )


def with_arriving(check: AxisCheck, arriving: AxisCheck) -> AxisCheck:
    """The check of a node on an axis, and that of what arrives there by operations over all positions."""
    flags = check.agrees, arriving.agrees
    agrees = False if False in flags else None if None in flags else True
    first = arriving if arriving.agrees is not True and check.agrees is not False else check
    return replace(check, agrees=agrees, is_global=arriving.is_global, reason=first.reason)


def mixed(field: Field, axis: int) -> bool:
    """Whether the positions of an input axis share an axis of the tensor with something else."""
    holding = [carried for carried in field.carries if axis in carried]
    return len(holding) > 1 or any(carried != (axis,) for carried in holding)


def _is_global(field: Field, axes: Sequence[AxisCheck]) -> bool | None:
    """Whether every position of the input arrives by operations over all of them; an axis of one has no others."""
    sizes = field.sizes or (0,) * len(axes)
    flags = {
        check.is_global or (size == 1 and check.is_global is not None) for check, size in zip(axes, sizes, strict=False)
    }
    return None if None in flags else flags == {True} and any(check.is_global for check in axes)


def _probed(
    field: Field, claimed: ReceptiveField, axes: Sequence[AxisCheck], is_global: bool | None
) -> ReceptiveField | None:
    """What was seen, as `measured` says what is claimed."""
    if is_global is None:
        return None
    measures = []
    for index, (local, check) in enumerate(zip(field.axes, axes, strict=True)):
        if local is not None and check.size is None:
            return None
        if is_global or field.overall[index] is None:
            measures.append((check.size, check.stride, check.start))
        elif check.agrees and claimed.size and claimed.start:  # these positions, and no others
            stride = None if claimed.stride is None else claimed.stride[index]
            measures.append((claimed.size[index], stride, claimed.start[index]))
        else:
            return None
    if axes and all(size is None for size, _, _ in measures):
        return ReceptiveField(None, None, None, is_global)
    size, strides, start = zip(*measures, strict=True) if measures else ((), (), ())
    return ReceptiveField(size, None if claimed.stride is None else strides, start, is_global)


def differs(position: int, seen: Span, claimed: Span) -> str:
    """That an output position sees something else than is claimed."""
    return f"output position {position} sees {shown(seen)}, claimed {shown(claimed)}"


def shown(span: Span) -> str:
    """The interval in words."""
    if span is None:
        return "nothing"
    return f"input {span[0]}" if span[0] == span[1] else f"inputs {span[0]} to {span[1]}"
